//! The files of the panel, in the program itself. Their URL holds what tells their content from
//! every other, so that browsers keep them for good and never show an old one.

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, LOCATION, VARY};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use sha2::{Digest, Sha256};

use super::error_page::Wrong;
use super::page::{gzip, takes_gzip};

struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    /// The beginning of its digest.
    print: String,
    gzip: Bytes,
}

/// Name, type and content of each.
const FILES: &[(&str, &str, &[u8])] = &[
    (
        "panel.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/panel.css"),
    ),
    (
        "panel.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/panel.js"),
    ),
    (
        "htmx.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/htmx.js"),
    ),
    (
        "hx-sse.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/hx-sse.js"),
    ),
    (
        "palette.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/palette.js"),
    ),
    (
        "icons.svg",
        "image/svg+xml",
        include_bytes!("../../static/icons.svg"),
    ),
    (
        "sessions.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/sessions.css"),
    ),
    (
        "mark.svg",
        "image/svg+xml",
        include_bytes!("../../static/mark.svg"),
    ),
    (
        "charts.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/charts.js"),
    ),
    (
        "document.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/document.js"),
    ),
    (
        "forms.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/forms.css"),
    ),
    (
        "history.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/history.css"),
    ),
    (
        "logs.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/logs.css"),
    ),
    (
        "logs.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/logs.js"),
    ),
    (
        "node.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/node.css"),
    ),
    (
        "nodes.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/nodes.css"),
    ),
    (
        "nodes.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/nodes.js"),
    ),
    (
        "overview.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/overview.css"),
    ),
    (
        "setup.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/setup.css"),
    ),
    (
        "uplot.css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/uplot.css"),
    ),
    (
        "uplot.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/uplot.js"),
    ),
];

static READY: LazyLock<Vec<File>> = LazyLock::new(|| FILES.iter().map(ready).collect());

fn ready(&(name, kind, bytes): &(&'static str, &'static str, &'static [u8])) -> File {
    let digest = Sha256::digest(bytes);
    File {
        name,
        kind,
        bytes,
        print: digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        gzip: gzip(bytes, Compression::best()).into(),
    }
}

/// The URL of a file.
pub(super) fn url(name: &str) -> String {
    let file = READY.iter().find(|file| file.name == name);
    file.map_or_else(String::new, |file| format!("/static/{}/{name}", file.print))
}

/// `GET /static/{print}/{file}`.
pub(super) async fn file(
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Wrong> {
    let (print, name) = path.into_inner();
    let found = READY
        .iter()
        .find(|file| file.name == name && file.print == print);
    let file = found.ok_or(Wrong::NotFound)?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(file.kind)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "Accept-Encoding"));
    Ok(match takes_gzip(&request) {
        true => answer
            .insert_header((CONTENT_ENCODING, "gzip"))
            .body(file.gzip.clone()),
        false => answer.body(file.bytes),
    })
}

/// `GET /favicon.ico`, for browsers that ask without being told where it is.
pub(super) async fn favicon() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, url("mark.svg")))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::{READY, url};

    #[test]
    fn a_url_says_which_content_it_is_of() {
        let css = url("panel.css");
        assert!(
            css.starts_with("/static/") && css.ends_with("/panel.css"),
            "{css}"
        );
        assert_eq!(css.split('/').nth(2).map(str::len), Some(16));
        assert_eq!(url("nothing.css"), "");
        let common = ["panel.css", "panel.js", "htmx.js", "hx-sse.js", "icons.svg"];
        let compressed: usize = READY
            .iter()
            .filter(|file| common.contains(&file.name))
            .map(|file| file.gzip.len())
            .sum();
        assert!(
            compressed < 40 * 1024,
            "{compressed} bytes of the first load"
        );
    }
}
