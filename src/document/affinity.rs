//! `affinity` of a pool.

use std::time::Duration;

use super::reader::Reader;
use super::tree::{Tree, Value};
use super::value::{Fault, flag, parsed, parsed_or_empty, time, word};
use super::writer::Writer;
use crate::model::{Affinity, Code, CookieDomain, CookieName, CookiePath, SameSite, Secure};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Affinity {
    let d = Affinity::default();
    let affinity = Affinity {
        cookie: r.get("cookie", d.cookie, parsed(CookieName::parse)),
        max_age: r.get("max_age", d.max_age, whole_seconds),
        path: r.get("path", d.path, parsed(CookiePath::parse)),
        domain: r.get("domain", d.domain, parsed_or_empty(CookieDomain::parse)),
        secure: r.get("secure", d.secure, secure),
        http_only: r.get("http_only", d.http_only, flag),
        same_site: r.get(
            "same_site",
            d.same_site,
            word(&SameSite::ALL, SameSite::as_str, &[]),
        ),
    };
    tell_conflicts(r, &affinity);
    affinity
}

/// What every browser would refuse, silently.
fn tell_conflicts(r: &mut Reader<'_, '_>, affinity: &Affinity) {
    let involved = ["cookie", "path", "domain", "secure", "same_site"];
    if involved.iter().any(|key| r.failed(key)) {
        return;
    }
    let mut conflict = |key: &str, message: &str| {
        r.note_key(key, Fault::new(Code::Conflict, message));
    };
    if affinity.same_site == SameSite::None && affinity.secure == Secure::Never {
        conflict(
            "same_site",
            "\"none\" cannot be used with secure = false: browsers refuse such a cookie",
        );
    }
    let host_only = affinity.cookie.begins_with("__Host-");
    let narrow = affinity.domain.is_none() && affinity.path.as_str() == "/";
    if host_only && !narrow {
        let message =
            "begins with __Host-: browsers take it without domain and with path = \"/\" only";
        conflict("cookie", message);
    } else if (host_only || affinity.cookie.begins_with("__Secure-"))
        && affinity.secure == Secure::Never
    {
        let message = "begins as cookies that browsers do not take with secure = false";
        conflict("cookie", message);
    }
}

fn whole_seconds(tree: &Tree) -> Result<Duration, Fault> {
    // 0 is as long as the browser keeps it.
    let time = time(Duration::ZERO..=Affinity::MAX_AGE)(tree)?;
    match time.subsec_nanos() {
        0 => Ok(time),
        _ => Err(Fault::value(format!(
            "must be whole seconds, in which Max-Age of a cookie counts (is {tree})"
        ))),
    }
}

fn secure(tree: &Tree) -> Result<Secure, Fault> {
    match &tree.value {
        Value::Flag(true) => Ok(Secure::Always),
        Value::Flag(false) => Ok(Secure::Never),
        Value::Text(text) if text == "auto" => Ok(Secure::Auto),
        _ => Err(Fault::wrong_type("\"auto\", true or false", tree)),
    }
}

pub(super) fn write(w: &mut Writer, affinity: &Affinity) {
    let d = Affinity::default();
    w.field("cookie", affinity.cookie.as_str(), d.cookie.as_str());
    w.time("max_age", affinity.max_age, d.max_age);
    w.field("path", affinity.path.as_str(), d.path.as_str());
    let domain = affinity.domain.as_ref();
    w.field("domain", domain.map_or("", CookieDomain::as_str), "");
    match affinity.secure {
        Secure::Auto => w.field("secure", "auto", "auto"),
        Secure::Always => w.always("secure", true),
        Secure::Never => w.always("secure", false),
    }
    w.field("http_only", affinity.http_only, d.http_only);
    w.field(
        "same_site",
        affinity.same_site.as_str(),
        d.same_site.as_str(),
    );
}
