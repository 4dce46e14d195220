//! The affinity cookie in heads: found in the request's, written into the answer's.

use super::RequestView;
use crate::balance::{Affinity, Bound, unix_now};
use crate::model::{CookieDomain, SameSite, Secure};
use crate::snapshot::Pool;

/// Limit: cookies of the name that are looked at. One is ours; the rest are left from another
/// path or domain, or made to cost us time.
const MAX_COOKIES: usize = 32;

/// What the request's cookies bind it to. The first that is valid counts.
pub(super) fn bound(request: &RequestView<'_>, pool: &Pool) -> Option<Bound> {
    let affinity = pool.balancer.affinity()?;
    let now = unix_now();
    let name = affinity.config.cookie.as_str().as_bytes();
    let fields = request.fields.iter();
    let of_cookies = fields.filter(|field| field.name.eq_ignore_ascii_case(b"cookie"));
    of_cookies
        .flat_map(|field| values(field.value, name))
        .take(MAX_COOKIES)
        .find_map(|value| affinity.open(value, now))
}

/// The values of the cookies called `name`, in this case of letters.
fn values<'v>(field: &'v [u8], name: &'v [u8]) -> impl Iterator<Item = &'v [u8]> {
    field.split(|b| *b == b';').filter_map(move |pair| {
        let (found, value) = pair.split_at(memchr::memchr(b'=', pair)?);
        (found.trim_ascii() == name).then(|| value[1..].trim_ascii())
    })
}

/// Appends the field that gives the client the cookie `value`.
pub(super) fn write_cookie(
    out: &mut Vec<u8>,
    affinity: &Affinity,
    request: &RequestView<'_>,
    value: &[u8],
) {
    out.extend_from_slice(b"Set-Cookie: ");
    write_value(out, affinity, request, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends the value of that field.
pub(super) fn write_value(
    out: &mut Vec<u8>,
    affinity: &Affinity,
    request: &RequestView<'_>,
    value: &[u8],
) {
    let config = &affinity.config;
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    put(&[config.cookie.as_str().as_bytes(), b"=", value]);
    put(&[b"; Path=", config.path.as_str().as_bytes()]);
    if let Some(domain) = config.domain.as_ref().map(CookieDomain::as_str) {
        put(&[b"; Domain=", domain.as_bytes()]);
    }
    let max_age = config.max_age.as_secs();
    if max_age > 0 {
        put(&[b"; Max-Age=", max_age.to_string().as_bytes()]);
    }
    let secure = match config.secure {
        Secure::Auto => request.scheme == "https",
        Secure::Always => true,
        Secure::Never => false,
    };
    if secure {
        put(&[b"; Secure"]);
    }
    if config.http_only {
        put(&[b"; HttpOnly"]);
    }
    // Browsers refuse the whole cookie where it is None and not Secure.
    if secure || config.same_site != SameSite::None {
        put(&[b"; SameSite=", config.same_site.attribute().as_bytes()]);
    }
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn cookies_of_a_name_are_found_in_order_and_in_its_letters() {
        let found = |field: &'static str| -> Vec<&str> {
            let values = values(field.as_bytes(), b"steelyard");
            values.map(|v| std::str::from_utf8(v).unwrap()).collect()
        };
        assert_eq!(found("steelyard=1"), ["1"]);
        assert_eq!(found("a=b;steelyard = x=y ; steelyard=2;"), ["x=y", "2"]);
        assert_eq!(
            found("Steelyard=1; xsteelyard=2; steelyards=3; steelyard; =4"),
            [""; 0]
        );
        assert_eq!(found("steelyard="), [""]);
        assert_eq!(found(""), [""; 0]);
    }
}
