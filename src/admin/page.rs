//! What every page has: its frame, the language and theme of who looks, and how it is sent.

use std::borrow::Borrow;
use std::io::Write as _;

use actix_web::http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, LOCATION, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::changes;
use super::identity::{self, cookie};
use super::rail;
use super::request;
use super::routes::{self, Who};
use super::statics;
use super::texts::Texts;
use crate::control::Handle;
use crate::model::{Language, Role};
use crate::people::User;

/// The cookies of who is not signed in, and of the theme.
pub(super) const LANGUAGE: &str = "steelyard-language";
pub(super) const THEME: &str = "steelyard-theme";

/// Shorter pages are sent as they are, in bytes: they fit into the first packets anyway.
const WORTH_IT: usize = 1400;

/// The colours of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the system says.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    fn of(request: &HttpRequest) -> Self {
        match cookie(request.headers(), THEME) {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Its word, in the cookie and in the page.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What the button switches to.
    fn next(self) -> Self {
        match self {
            Self::System => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::System,
        }
    }
}

/// What was just done, told once.
#[derive(Debug, Clone)]
pub(super) struct Toast {
    /// In words.
    pub(super) words: String,
    /// The revision that can be taken back.
    pub(super) undo: Option<u64>,
}

impl Toast {
    /// One that cannot be taken back.
    pub(super) fn of(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            undo: None,
        }
    }
}

/// The frame of a page.
#[derive(Debug, Clone)]
pub(super) struct Shell {
    /// Its words.
    pub(super) t: Texts,
    /// Its colours.
    pub(super) theme: Theme,
    /// Who looks at it.
    pub(super) user: Option<User>,
    /// The entry of the rail that it belongs to.
    pub(super) current: &'static str,
    /// Where to come back to after switching language or theme.
    pub(super) here: String,
    /// The revision in force.
    pub(super) revision: u64,
    /// How many nodes are down.
    pub(super) down: usize,
    /// What was just done.
    pub(super) toast: Option<Toast>,
}

impl Shell {
    /// That of a page which belongs to the entry `current` of the rail.
    pub(super) fn of(request: &HttpRequest, current: &'static str) -> Self {
        let user = identity::person(request).map(|sign_in| sign_in.user);
        let t = Texts(language(request, user.as_ref()));
        let handle = request.app_data::<Data<Handle>>();
        Self {
            t,
            theme: Theme::of(request),
            current,
            here: here(request).to_owned(),
            revision: handle.map_or(0, |handle| handle.revision()),
            down: handle.map_or(0, |handle| handle.nodes_down()),
            toast: handle.and_then(|handle| changed(request, handle, t, user.as_ref())),
            user,
        }
    }

    /// The language as a tag.
    pub(super) fn lang(&self) -> &'static str {
        self.t.0.as_str()
    }

    /// The other language: its tag and its own word for itself.
    pub(super) fn other(&self) -> (&'static str, &'static str) {
        match self.t.0 {
            Language::English => (Language::Chinese.as_str(), self.t.language_chinese()),
            Language::Chinese => (Language::English.as_str(), self.t.language_english()),
        }
    }

    /// What the theme's button switches to.
    pub(super) fn next_theme(&self) -> &'static str {
        self.theme.next().as_str()
    }

    /// The entries of the rail that the user may see.
    pub(super) fn rail(&self) -> impl Iterator<Item = &'static rail::Entry> + '_ {
        let role = self.user.as_ref().map(|user| user.role);
        rail::RAIL.iter().filter(move |entry| {
            let route = routes::find(&Method::GET, entry.path);
            route.is_some_and(|route| match route.who {
                Who::Role(needed) => role >= Some(needed),
                _ => false,
            })
        })
    }

    /// The URL of a file of ours.
    pub(super) fn file(&self, name: &str) -> String {
        statics::url(name)
    }

    /// A role in words.
    pub(super) fn role(&self, role: impl Borrow<Role>) -> &'static str {
        match *role.borrow() {
            Role::Viewer => self.t.role_viewer(),
            Role::Operator => self.t.role_operator(),
            Role::Admin => self.t.role_admin(),
        }
    }

    /// How long ago a time was, in words.
    pub(super) fn ago(&self, time: impl Borrow<i64>) -> String {
        let seconds = jiff::Timestamp::now().as_second() - *time.borrow();
        let seconds = seconds.max(0);
        match seconds {
            0..60 => self.t.now().to_owned(),
            60..3_600 => self.t.minutes_ago(seconds / 60),
            3_600..86_400 => self.t.hours_ago(seconds / 3_600),
            _ => self.t.days_ago(seconds / 86_400),
        }
    }

    /// A time as this machine's clock shows it.
    pub(super) fn local(&self, time: impl Borrow<i64>) -> String {
        shown(
            *time.borrow(),
            &jiff::tz::TimeZone::system(),
            "%Y-%m-%d %H:%M:%S",
        )
    }

    /// The same in UTC, for programs and titles.
    pub(super) fn utc(&self, time: impl Borrow<i64>) -> String {
        shown(
            *time.borrow(),
            &jiff::tz::TimeZone::UTC,
            "%Y-%m-%dT%H:%M:%SZ",
        )
    }
}

/// Where a page is, without what was just done on it.
fn here(request: &HttpRequest) -> &str {
    let target = request.uri().path_and_query().map_or("/", |t| t.as_str());
    let is_told = ["changed", "done"]
        .iter()
        .any(|name| request::query(request, name).is_some());
    let target = if is_told { request.path() } else { target };
    own_path(target).unwrap_or("/")
}

/// The toast of the revision that `?changed=` names, while it is the one in force.
fn changed(request: &HttpRequest, handle: &Handle, t: Texts, user: Option<&User>) -> Option<Toast> {
    let revision: u64 = request::query(request, "changed")?.parse().ok()?;
    if revision != handle.revision() {
        return None;
    }
    let Some(changes) = handle.made(revision) else {
        return Some(Toast::of(t.saved_as(revision)));
    };
    let needed = match changes.nodes_alone {
        true => Role::Operator,
        false => Role::Admin,
    };
    Some(Toast {
        words: changes::sentence(t, &changes),
        undo: Some(revision).filter(|_| user.is_some_and(|user| user.role >= needed)),
    })
}

fn shown(time: i64, zone: &jiff::tz::TimeZone, format: &str) -> String {
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    time.to_zoned(zone.clone()).strftime(format).to_string()
}

/// The language of who looks: their own, the cookie's, the configuration's, the browser's.
fn language(request: &HttpRequest, user: Option<&User>) -> Language {
    let of = |tag: &str| Language::ALL.into_iter().find(|l| l.as_str() == tag);
    let own = user.and_then(|user| user.language);
    let chosen = || cookie(request.headers(), LANGUAGE).and_then(of);
    let configured = || {
        let handle = request.app_data::<Data<Handle>>();
        handle.and_then(|handle| handle.admin().language)
    };
    let accepted = || {
        let accept = request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        preferred(accept)
    };
    own.or_else(chosen)
        .or_else(configured)
        .or_else(accepted)
        .unwrap_or_default()
}

/// The first of our languages by the weights of an Accept-Language.
fn preferred(accept: &str) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for part in accept.split(',') {
        let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=");
        let weight: f32 = weight.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        let tag = tag.trim().to_ascii_lowercase();
        let language = match tag.split('-').next() {
            Some("zh") => Language::Chinese,
            Some("en") => Language::English,
            _ => continue,
        };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A path of ours to go on to; none for anything that could lead elsewhere.
pub(super) fn own_path(target: &str) -> Option<&str> {
    let is_plain = target
        .bytes()
        .all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    (is_plain && target.starts_with('/') && !target.starts_with("//")).then_some(target)
}

/// A text as a value in a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Sends a page.
pub(super) fn send(
    request: &HttpRequest,
    status: StatusCode,
    page: &impl Template,
) -> HttpResponse {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!("a page cannot be written: {error}");
            return super::error_page::Wrong::Internal.plain();
        }
    };
    let mut answer = HttpResponse::build(status);
    answer.content_type("text/html; charset=utf-8");
    answer.insert_header((VARY, "Accept-Encoding, Accept-Language, Cookie"));
    match text.len() >= WORTH_IT && takes_gzip(request) {
        true => {
            answer.insert_header((CONTENT_ENCODING, "gzip"));
            answer.body(gzip(text.as_bytes(), Compression::fast()))
        }
        false => answer.body(text),
    }
}

/// Sends a page that all is well with.
pub(super) fn ok(request: &HttpRequest, page: &impl Template) -> HttpResponse {
    send(request, StatusCode::OK, page)
}

/// Goes on to a path of ours.
pub(super) fn go(path: &str) -> HttpResponse {
    let path = own_path(path).unwrap_or("/");
    HttpResponse::SeeOther()
        .insert_header((LOCATION, path))
        .finish()
}

/// Whether the browser takes gzip.
pub(super) fn takes_gzip(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT_ENCODING);
    let accept = accept
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    let mut codings = accept
        .split(',')
        .map(|coding| coding.trim().split_once(';').unwrap_or((coding.trim(), "")));
    codings.any(|(coding, weight)| {
        coding.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// `bytes` in gzip.
pub(super) fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes every write")
}

#[cfg(test)]
mod tests {
    use super::{escaped, own_path, preferred};
    use crate::model::Language::{Chinese, English};

    #[test]
    fn the_browser_s_first_of_our_languages_counts() {
        for (accept, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Chinese)),
            ("zh-TW", Some(Chinese)),
            ("de-DE,en;q=0.5,zh;q=0.4", Some(English)),
            ("en;q=0.1, zh;q=0.2", Some(Chinese)),
            ("zh;q=0, en", Some(English)),
            ("fr, *;q=0.5", None),
            ("", None),
        ] {
            assert_eq!(preferred(accept), language, "{accept}");
        }
    }

    #[test]
    fn only_own_paths_are_gone_to() {
        for own in ["/", "/people?done=role", "/a//b", "/people#x"] {
            assert_eq!(own_path(own), Some(own));
        }
        for other in [
            "",
            "people",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x",
            "/\t/evil.example",
            "/é",
        ] {
            assert_eq!(own_path(other), None, "{other:?}");
        }
        assert_eq!(escaped("/a?b=c&d"), "/a%3Fb%3Dc%26d");
    }
}
