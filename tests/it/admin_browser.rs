//! What browsers are told, and what they are not believed: header fields, other sites, names
//! that are not ours, forms that are too long, text that looks like a page.

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::panel::{PASSWORD, Panel, form};

#[test]
fn every_answer_forbids_inline_script_and_style_frames_and_guessing() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let css = panel.get("/people").text();
    let css = css
        .split('"')
        .find(|part| part.ends_with("panel.css"))
        .unwrap()
        .to_owned();
    for path in [
        "/",
        "/people",
        "/audit",
        "/sign-in",
        "/setup",
        "/nothing",
        "/metrics",
        "/healthz",
        "/api/v1/status",
        "/api/v1/nothing",
        &css,
    ] {
        let answer = panel.get(path);
        let policy = answer.field("Content-Security-Policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(
                policy.split("; ").any(|found| found == part),
                "{path}: {policy}"
            );
        }
        assert!(!policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ] {
            assert_eq!(answer.field(name), Some(value), "{path}");
        }
        let kept = answer.field("Cache-Control").unwrap();
        assert_eq!(
            kept,
            if path == css {
                "public, max-age=31536000, immutable"
            } else {
                "no-store"
            }
        );
        assert_eq!(
            answer.field("Strict-Transport-Security"),
            None,
            "not over plain HTTP"
        );
    }
}

#[test]
fn no_page_holds_a_script_a_style_or_a_handler_of_its_own() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let pages = [
        "/people",
        "/audit",
        "/nothing",
        "/people/users/1/remove",
        "/people/users/99/remove",
        "/setup",
    ];
    for path in pages {
        let page = panel.get(path).text().to_ascii_lowercase();
        assert!(page.starts_with("<!doctype html>"), "{path}: {page}");
        for part in [
            "<script>",
            "<style",
            " style=",
            " onclick",
            " onload",
            "javascript:",
            "http-equiv",
        ] {
            assert!(!page.contains(part), "{part} in {path}");
        }
        assert_eq!(scripts_not_ours(&page), 0, "{path}");
    }
}

/// How many script elements of a page are other than files of ours without a word within.
fn scripts_not_ours(page: &str) -> usize {
    let scripts = page.split("<script").skip(1);
    let is_ours = |script: &&str| {
        let rest = script.strip_prefix(" src=\"/static/");
        let rest = rest.and_then(|rest| rest.split_once('"'));
        rest.is_some_and(|(_, rest)| {
            rest.starts_with(" defer></script>") || rest.starts_with("></script>")
        })
    };
    scripts.filter(|script| !is_ours(script)).count()
}

#[test]
fn the_cookie_on_plain_loopback_is_strict_and_out_of_reach_of_scripts() {
    let lb = Appliance::start();
    Panel::set_up(&lb);
    let answer = Panel::of(&lb).sign_in("admin", PASSWORD);
    let cookie = answer.field("Set-Cookie").unwrap();
    for part in ["Path=/", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.split("; ").any(|found| found == part), "{cookie}");
    }
    // A browser refuses it without TLS.
    assert!(
        !cookie.starts_with("__Host-") && !cookie.contains("Secure"),
        "{cookie}"
    );
}

#[test]
fn another_site_changes_nothing() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let own = format!("http://127.0.0.1:{}", lb.admin_port());
    let other_port = format!("http://127.0.0.1:{}", lb.port());
    let add = |name: &str| {
        form(
            "/people/users",
            &[("name", name), ("password", PASSWORD), ("role", "viewer")],
        )
    };
    let refused = [
        vec![],
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
        vec![("Sec-Fetch-Site", "cross-site"), ("Origin", &*own)],
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "null")],
        vec![("Origin", &*other_port)],
    ];
    for fields in &refused {
        let mut request = add("eve");
        for (name, value) in fields {
            request = request.field(name, value);
        }
        let answer = panel.send(request);
        assert_eq!(answer.status, 403, "{fields:?}");
        assert!(
            answer.text().contains("from another site"),
            "{}",
            answer.text()
        );
    }
    for (i, fields) in [
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "none"),
        ("Origin", &*own),
    ]
    .iter()
    .enumerate()
    {
        let request = add(&format!("friend{i}")).field(fields.0, fields.1);
        assert_eq!(panel.send(request).status, 303, "{fields:?}");
    }
    let page = panel.get("/people").text();
    assert!(!page.contains("<b>eve</b>") && page.contains("<b>friend2</b>"));
    let audit = panel.get("/audit").text();
    assert_eq!(
        audit.matches("Asked from another site for").count(),
        refused.len()
    );
}

#[test]
fn a_name_that_somebody_points_at_this_machine_is_not_ours() {
    let lb = Appliance::start();
    let ask = |path: &str, host: &str| {
        Client::of(lb.admin_port()).ask(&Request::get(path).field("Host", host))
    };
    for host in [
        "evil.example",
        "evil.example:9443",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
    ] {
        for path in ["/metrics", "/check_status", "/api/v1/status"] {
            assert_eq!(ask(path, host).status, 421, "{path} of {host}");
        }
        assert_eq!(ask("/healthz", host).status, 200, "probes come by any name");
    }
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "[::1]:9443",
        "panel.localhost",
    ] {
        assert_eq!(ask("/metrics", host).status, 200, "{host}");
    }
}

#[test]
fn a_form_of_ten_megabytes_is_answered_and_changes_nothing() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let long = "x".repeat(10 * 1024 * 1024);
    let fields = [("name", &*long), ("password", PASSWORD), ("role", "viewer")];
    let answer = panel.post("/people/users", &fields);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("64 KiB"), "{}", answer.text());
    let name = "y".repeat(65);
    let fields = [("name", &*name), ("password", PASSWORD), ("role", "viewer")];
    let answer = panel.post("/people/users", &fields);
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("1 to 64 letters"),
        "{}",
        answer.text()
    );
    assert!(
        answer.text().contains(&format!("value=\"{name}\"")),
        "what was typed stays"
    );
    for name in ["a\r\nSet-Cookie: x=y", "a\0b", "a\nb"] {
        let fields = [("name", name), ("password", PASSWORD), ("role", "viewer")];
        assert_eq!(panel.post("/people/users", &fields).status, 400, "{name:?}");
    }
    assert!(panel.get("/people").text().contains("1 can sign in"));
}

#[test]
fn what_strangers_write_is_shown_as_text() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let bad = "\"><script>alert(1)</script>";
    let typed = Panel::of(&lb).sign_in(bad, "x").text();
    assert_eq!(scripts_not_ours(&typed), 0, "{typed}");
    let mut other = Panel::of(&lb);
    let request = form("/sign-in", &[("name", "admin"), ("password", PASSWORD)])
        .field("Sec-Fetch-Site", "same-origin")
        .field("User-Agent", "<img src=x onerror=alert(1)>");
    assert_eq!(other.send(request).status, 303);
    for path in ["/people", "/audit"] {
        let page = panel.get(path).text();
        assert!(
            scripts_not_ours(&page) == 0 && !page.contains("<img"),
            "{page}"
        );
    }
    assert!(
        panel.get("/audit").text().contains("alert(1)"),
        "it is told, as text"
    );
    assert!(!lb.log().lines().any(|line| line.starts_with("<script")));
}

#[test]
fn the_page_is_in_the_language_and_the_colours_of_who_looks() {
    let lb = Appliance::start();
    let mut panel = Panel::of(&lb);
    let chinese = Request::get("/setup").field("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8");
    let page = panel.send(chinese).text();
    assert!(
        page.contains("<html lang=\"zh-CN\"") && page.contains("一次性链接"),
        "{page}"
    );
    let mut panel = Panel::set_up(&lb);
    let switched = panel.post(
        "/preferences",
        &[("language", "zh-CN"), ("next", "/people")],
    );
    assert_eq!(switched.field("Location"), Some("/people"));
    assert!(
        panel.get("/people").text().contains("<h1>用户</h1>"),
        "the user's own from now on"
    );
    let dark = panel.post(
        "/preferences",
        &[("theme", "dark"), ("next", "//evil.example")],
    );
    assert_eq!(dark.field("Location"), Some("/"));
    let cookie = dark.field("Set-Cookie").unwrap();
    assert!(
        cookie.starts_with("steelyard-theme=dark; ") && cookie.contains("HttpOnly"),
        "{cookie}"
    );
    let nothing = panel.post(
        "/preferences",
        &[("theme", "\"><script>"), ("language", "xx")],
    );
    assert_eq!(nothing.field("Set-Cookie"), None);
    lb.apply("version = 1\n[admin]\nlanguage = \"zh-CN\"\n");
    assert!(Panel::of(&lb).get("/sign-in").text().contains("登录"));
}
