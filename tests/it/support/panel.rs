//! The panel as a browser uses it: forms, a cookie, and nothing else.

use super::appliance::Appliance;
use super::client::{Client, Request, Response};
use super::document::one_pool;
use super::node::Node;
use super::tls::Trust;

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "hangs level at noon";

/// Somebody before the panel, signed in or not.
pub(crate) struct Panel {
    host: String,
    scheme: &'static str,
    client: Client,
    pub(crate) cookie: Option<String>,
}

impl Panel {
    /// A browser that has not been here yet.
    pub(crate) fn of(lb: &Appliance) -> Self {
        Self {
            host: format!("127.0.0.1:{}", lb.admin_port()),
            scheme: "http",
            client: Client::of(lb.admin_port()),
            cookie: None,
        }
    }

    /// One that comes by TLS.
    pub(crate) fn trusting(lb: &Appliance, trust: Trust) -> Self {
        Self {
            scheme: "https",
            client: Client::trusting(lb.admin_port(), trust),
            ..Self::of(lb)
        }
    }

    /// The first admin, `admin`, made by the link as an operator makes it.
    #[track_caller]
    pub(crate) fn set_up(lb: &Appliance) -> Self {
        let mut panel = Self::of(lb);
        let token = link_token(lb);
        let answer = panel.post("/setup", &setup_fields(&token));
        assert_eq!(answer.status, 303, "{}", answer.text());
        assert!(panel.cookie.is_some());
        panel
    }

    /// Signs in; the answer tells how it went.
    pub(crate) fn sign_in(&mut self, name: &str, password: &str) -> Response {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }

    /// Somebody else, whom this admin adds, signed in.
    #[track_caller]
    pub(crate) fn with(&mut self, lb: &Appliance, name: &str, role: &str) -> Self {
        let fields = [("name", name), ("password", PASSWORD), ("role", role)];
        let added = self.post("/people/users", &fields);
        assert_eq!(added.status, 303, "{}", added.text());
        let mut panel = Self::of(lb);
        assert_eq!(panel.sign_in(name, PASSWORD).status, 303);
        panel
    }

    /// GET, as a browser asks for a page.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send(Request::get(path))
    }

    /// The same, where there may be nobody to answer yet.
    pub(crate) fn try_get(&mut self, path: &str) -> Option<Response> {
        let request = Request::get(path).field("Host", &self.host);
        self.client.send(&request.field("Connection", "close")).ok()
    }

    /// POST of a form on a page of the panel.
    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let origin = format!("{}://{}", self.scheme, self.host);
        self.send(form(path, fields).field("Origin", &origin))
    }

    /// Reads on in Chinese.
    #[track_caller]
    pub(crate) fn chinese(&mut self) {
        let fields = [("language", "zh-CN"), ("next", "/")];
        assert_eq!(self.post("/preferences", &fields).status, 303);
    }

    /// The form on `page` that is sent to `action`, sent with these fields as they are here.
    #[track_caller]
    pub(crate) fn fill(&mut self, page: &str, action: &str, typed: &[(&str, &str)]) -> Response {
        let shown = self.get(page);
        assert_eq!(shown.status, 200, "{page}: {}", shown.text());
        let fields = retyped(form_fields(&shown.text(), action), typed);
        self.send_form(action, &fields)
    }

    /// POST of fields that were read from a page.
    #[track_caller]
    pub(crate) fn send_form(&mut self, action: &str, fields: &[(String, String)]) -> Response {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        self.post(action, &fields)
    }

    /// Any request, with the cookie there is.
    #[track_caller]
    pub(crate) fn send(&mut self, request: Request) -> Response {
        let request = request
            .field("Host", &self.host)
            .field("Accept", "text/html,*/*;q=0.8")
            .field("Connection", "close");
        let request = match &self.cookie {
            Some(cookie) => request.field("Cookie", cookie),
            None => request,
        };
        let answer = self.client.ask(&request);
        for cookie in answer.all("Set-Cookie") {
            let pair = cookie.split(';').next().unwrap();
            if !pair.contains("-language=") && !pair.contains("-theme=") {
                self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
            }
        }
        answer
    }
}

/// A form as a POST, with no word on where it comes from.
pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    let body: Vec<String> = fields.iter().map(pair).collect();
    Request::post(path, body.join("&")).field("Content-Type", "application/x-www-form-urlencoded")
}

/// The token of the link that `steelyard setup-url` prints.
#[track_caller]
pub(crate) fn link_token(lb: &Appliance) -> String {
    let url = lb.runs(&["setup-url"]);
    let (_, token) = url.trim().split_once("/setup?token=").expect("a link");
    token.to_owned()
}

/// The first page of the setup, filled in.
pub(crate) fn setup_fields(token: &str) -> [(&'static str, &str); 5] {
    [
        ("token", token),
        ("name", "admin"),
        ("password", PASSWORD),
        ("again", PASSWORD),
        ("language", "en"),
    ]
}

/// One node that answers, behind a pool named `django`, and an admin before the panel.
pub(crate) fn before_forms() -> (Appliance, Node, Panel) {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let panel = Panel::set_up(&lb);
    (lb, node, panel)
}

/// A form was taken, and the browser is led to this page.
#[track_caller]
pub(crate) fn assert_saved(answer: &Response, to: &str) {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.field("Location").unwrap();
    assert!(location.starts_with(to), "{location}");
    assert!(location.contains("changed="), "{location}");
}

/// What a browser would send of the form on `page` that goes to `action`.
#[track_caller]
pub(crate) fn form_fields(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page.find(&format!("action=\"{action}\""));
    let form = &page[start.unwrap_or_else(|| panic!("no form to {action} in {page}"))..];
    let form = form.split("</form>").next().unwrap();
    let mut fields = Vec::new();
    let mut select: Option<(String, Option<String>)> = None;
    for tag in form.split('<').skip(1) {
        let attribute = |name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(unescaped(rest.split('"').next()?))
        };
        let is = |word: &str| tag.split('>').next().unwrap().ends_with(word);
        let name = attribute("name");
        match (tag.split([' ', '>']).next().unwrap(), name) {
            ("input", Some(name)) => {
                let kind = attribute("type").unwrap_or_default();
                if !matches!(&*kind, "checkbox" | "radio") || tag.contains(" checked") {
                    fields.push((name, attribute("value").unwrap_or_default()));
                }
            }
            ("textarea", Some(name)) => {
                let text = tag.split_once(">\n").unwrap().1;
                fields.push((name, unescaped(text)));
            }
            ("select", Some(name)) => select = Some((name, None)),
            ("option", _) => {
                if let Some((_, value)) = &mut select
                    && (value.is_none() || is(" selected"))
                {
                    *value = attribute("value");
                }
            }
            ("/select", _) => {
                let (name, value) = select.take().unwrap();
                fields.extend(value.map(|value| (name, value)));
            }
            _ => {}
        }
    }
    fields
}

/// The same with other values; a field without one here is taken out.
pub(crate) fn retyped(
    mut fields: Vec<(String, String)>,
    typed: &[(&str, &str)],
) -> Vec<(String, String)> {
    fields.retain(|(name, _)| !typed.iter().any(|(typed, _)| typed == name));
    let typed = typed.iter().filter(|(_, value)| *value != "\0off");
    fields.extend(typed.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    fields
}

fn unescaped(text: &str) -> String {
    let escapes = [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
    ];
    let replace = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    escapes.into_iter().fold(text.to_owned(), replace)
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
