//! The `Content-Type` of a file, by its name.

use std::borrow::Cow;

/// Where the table of `mime_guess` is older than the browsers, or names what
/// nobody serves by that ending.
const CORRECTED: [(&str, &str); 9] = [
    ("cjs", "text/javascript"), // RFC 9239
    ("mjs", "text/javascript"),
    ("map", "application/json"), // source maps
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("ts", "video/mp2t"),
    ("m4a", "audio/mp4"),
    ("otf", "font/otf"), // RFC 8081
    ("woff", "font/woff"),
    ("php", "application/octet-stream"), // never run here, never shown as if it were
];

/// The type of the file `name`. Text is said to be UTF-8.
pub(super) fn of(name: &str) -> Cow<'static, str> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let corrected = CORRECTED
        .iter()
        .find(|(wrong, _)| wrong.eq_ignore_ascii_case(ending));
    let kind = match corrected {
        Some((_, kind)) => kind,
        None => mime_guess::from_ext(ending)
            .first_raw()
            .unwrap_or("application/octet-stream"),
    };
    if kind.starts_with("text/") || matches!(kind, "application/json" | "image/svg+xml") {
        Cow::Owned(format!("{kind}; charset=utf-8"))
    } else {
        Cow::Borrowed(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_a_site_serves_has_the_type_that_browsers_want() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("base.css", "text/css; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.min.MJS", "text/javascript; charset=utf-8"),
            ("app.js.map", "application/json; charset=utf-8"),
            ("data.json", "application/json; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("feed.xml", "text/xml; charset=utf-8"),
            ("site.webmanifest", "application/manifest+json"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.woff", "font/woff"),
            ("a.ttf", "font/ttf"),
            ("a.otf", "font/otf"),
            ("favicon.ico", "image/x-icon"),
            ("a.PNG", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.mp4", "video/mp4"),
            ("a.pdf", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("a.zip", "application/zip"),
            ("setup.php", "application/octet-stream"),
            ("a.nothing-known", "application/octet-stream"),
            ("README", "application/octet-stream"),
            ("html", "application/octet-stream"),
            ("a.", "application/octet-stream"),
        ] {
            assert_eq!(of(name), kind, "{name}");
        }
    }
}
