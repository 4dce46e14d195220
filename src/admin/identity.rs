//! Who asks: by the cookie of somebody signed in, or by a token.

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use actix_web::{HttpRequest, http::header::HeaderValue};

use super::routes::Kind;
use crate::model::{Role, Scope};
use crate::people::{By, People, SignIn, Token, Whose};
use crate::store::StoreError;

/// The cookie's name where only TLS carries it: no other port or subdomain can set it.
const SECURE: &str = "__Host-steelyard";

/// Its name on plain loopback, where browsers refuse the other.
const PLAIN: &str = "steelyard-panel";

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Identity {
    /// Nobody known.
    Nobody,
    /// Nobody known, who claimed to be somebody by a token.
    Unknown,
    /// Somebody signed in.
    Person(Box<SignIn>),
    /// A program.
    Program(Box<Token>),
}

impl Identity {
    /// Finds out. A token counts only where programs ask, a cookie not where one is shown.
    pub(super) async fn of(
        request: &ServiceRequest,
        people: &People,
        kind: Kind,
    ) -> Result<Self, StoreError> {
        if kind != Kind::Page
            && let Some(shown) = bearer(request.headers())
        {
            let token = people.token(shown).await?;
            return Ok(token.map_or(Self::Unknown, |token| Self::Program(Box::new(token))));
        }
        let name = cookie_name(request.app_config().secure());
        let Some(token) = cookie(request.headers(), name) else {
            return Ok(Self::Nobody);
        };
        let found = people.signed_in(token).await?;
        Ok(found.map_or(Self::Nobody, |found| Self::Person(Box::new(found))))
    }

    /// What they may do.
    pub(super) fn role(&self) -> Option<Role> {
        match self {
            Self::Nobody | Self::Unknown => None,
            Self::Person(sign_in) => Some(sign_in.user.role),
            Self::Program(token) => match token.scope {
                Scope::Metrics => None,
                Scope::Api(role) => Some(role),
            },
        }
    }

    /// Whether they still are who they were, for what goes on being sent. A database that cannot
    /// be read ends nothing.
    pub(super) async fn lasts(&self, people: &People) -> bool {
        match self {
            // On `control.sock` the file's permission says who.
            Self::Nobody => true,
            Self::Unknown => false,
            Self::Person(me) => {
                let all = people.sign_ins(Whose::Everybodys).await;
                let is_me = |it: &SignIn| it.id == me.id && it.user.role == me.user.role;
                all.map_or(true, |all| all.iter().any(is_me))
            }
            Self::Program(me) => {
                let all = people.tokens().await;
                all.map_or(true, |all| all.iter().any(|it| it.id == me.id))
            }
        }
    }

    /// Whose sign-ins they may see and end.
    pub(super) fn sees(&self) -> Whose {
        match (self.role(), self) {
            (Some(Role::Admin), _) => Whose::Everybodys,
            (_, Self::Person(sign_in)) => Whose::Users(sign_in.user.id),
            _ => Whose::Nobodys,
        }
    }

    /// What stands in the audit log and beside a revision.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Nobody | Self::Unknown => String::new(),
            Self::Person(sign_in) => sign_in.user.name.clone(),
            Self::Program(token) => format!("token {}", token.name),
        }
    }
}

/// Who asks, as the gate found out; nobody where there is no gate.
pub(super) fn of(request: &HttpRequest) -> Identity {
    let known = request.extensions().get::<Identity>().cloned();
    known.unwrap_or(Identity::Nobody)
}

/// Who is signed in.
pub(super) fn person(request: &HttpRequest) -> Option<SignIn> {
    match of(request) {
        Identity::Person(sign_in) => Some(*sign_in),
        _ => None,
    }
}

/// Who asks and from where, for the audit log.
pub(super) fn by(request: &HttpRequest) -> By {
    let address = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let address = address.map_or_else(|| "control.sock".to_owned(), |ip| ip.to_string());
    By::new(of(request).name(), address)
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie_name(tls: bool) -> &'static str {
    if tls { SECURE } else { PLAIN }
}

/// The value of a cookie; of two, the first.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers
        .get_all(COOKIE)
        .filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// The field that signs in: the token, or nothing for signing out.
pub(super) fn set_cookie(token: &str, tls: bool) -> HeaderValue {
    let name = cookie_name(tls);
    let secure = if tls { "; Secure" } else { "" };
    let end = if token.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};

    use super::{bearer, cookie, set_cookie};

    #[test]
    fn the_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts_and_other_sites() {
        let tls = set_cookie("abc", true);
        let tls = tls.to_str().unwrap();
        assert_eq!(
            tls,
            "__Host-steelyard=abc; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        let plain = set_cookie("abc", false);
        let plain = plain.to_str().unwrap();
        assert!(
            !plain.contains("__Host") && !plain.contains("Secure"),
            "{plain}"
        );
        assert!(plain.contains("HttpOnly; SameSite=Strict"), "{plain}");
        assert!(
            set_cookie("", true)
                .to_str()
                .unwrap()
                .ends_with("Max-Age=0")
        );
    }

    #[test]
    fn a_cookie_is_found_among_others_and_a_token_by_its_scheme() {
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_static("a=1; steelyard-panel=x; b=2"),
        );
        headers.append(COOKIE, HeaderValue::from_static("c=3"));
        assert_eq!(cookie(&headers, "steelyard-panel"), Some("x"));
        assert_eq!(cookie(&headers, "c"), Some("3"));
        assert_eq!(cookie(&headers, "panel"), None);
        assert_eq!(bearer(&headers), None);
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer  t "));
        assert_eq!(bearer(&headers), Some("t"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic dDp0"));
        assert_eq!(bearer(&headers), None);
    }
}
