//! Forms of the configuration that are refused: stale, sent twice, too long, hostile, by who may
//! not, of what is in use, on a full disk. A clear answer each, and nothing half done.

use crate::support::appliance::Appliance;
use crate::support::client::Response;
use crate::support::disk::SmallDisk;
use crate::support::document::one_pool;
use crate::support::node::Node;
use crate::support::panel::{Panel, assert_saved, before_forms, form_fields, retyped};

#[test]
fn a_stale_form_is_told_what_changed_meanwhile_and_a_form_sent_twice_changes_once() {
    let (lb, _node, mut panel) = before_forms();
    let page = panel.get("/pools/django").text();
    let form = form_fields(&page, "/pools/django");
    let first = retyped(form.clone(), &[("policy", "least_conn")]);
    assert_saved(&panel.send_form("/pools/django", &first), "/pools/django");
    let again = panel.send_form("/pools/django", &first);
    assert_eq!(
        again.field("Location"),
        Some("/pools/django"),
        "{}",
        again.text()
    );
    let before = lb.export();
    let late = retyped(form, &[("queue.size", "9")]);
    let refused = panel.send_form("/pools/django", &late);
    assert_eq!(refused.status, 409);
    let text = refused.text();
    assert!(text.contains("Nothing of yours was saved"), "{text}");
    assert!(text.contains("round_robin → least_conn"), "{text}");
    assert_eq!(lb.export(), before);
    // What was typed still stands there, for the revision in force.
    let kept = form_fields(&text, "/pools/django");
    assert!(kept.contains(&("queue.size".to_owned(), "9".to_owned())));
    assert_saved(&panel.send_form("/pools/django", &kept), "/pools/django");
    assert!(lb.export().contains("size = 9"));
    let none = panel.post("/pools/django", &[("policy", "hash")]);
    assert_eq!(none.status, 409, "of no revision at all");
}

#[test]
fn ten_megabytes_and_hostile_text_are_refused_and_shown_as_text() {
    let (lb, _node, mut panel) = before_forms();
    let before = lb.export();
    let long = "x".repeat(10 * 1024 * 1024);
    let refused = panel.fill("/pools/django", "/pools/django", &[("host", &long)]);
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("1024 KiB"), "{}", refused.text());
    let refused = panel.fill("/document", "/document", &[("text", &long), ("do", "save")]);
    assert_eq!(refused.status, 413);
    let hostile = "</textarea><script>alert(1)</script>\"'&";
    for (page, form, field) in [
        ("/pools", "/pools", "name"),
        ("/pools/django", "/pools/django", "host"),
        ("/files", "/files", "files.root"),
        ("/certificates", "/certificates/files", "files.chain"),
    ] {
        let refused = panel.fill(page, form, &[(field, hostile)]);
        assert_eq!(refused.status, 422, "{form}");
        assert!(!refused.text().contains("<script>alert"), "{form}");
        let kept = form_fields(&refused.text(), form);
        assert!(
            kept.iter().any(|(n, v)| n == field && v == hostile),
            "{kept:?}"
        );
    }
    let tried = panel
        .get("/try?url=http://x/%3Cscript%3Ealert(1)%3C/script%3E")
        .text();
    assert!(!tried.contains("<script>alert"), "{tried}");
    assert_eq!(lb.export(), before);
}

#[test]
fn viewers_and_operators_look_and_change_nothing() {
    let (lb, _node, mut admin) = before_forms();
    let before = lb.export();
    for role in ["viewer", "operator"] {
        let mut panel = admin.with(&lb, role, role);
        for page in [
            "/pools",
            "/pools/django",
            "/sites",
            "/files",
            "/listeners",
            "/listeners/http",
            "/settings",
            "/document",
            "/try",
        ] {
            let shown = panel.get(page);
            assert_eq!(shown.status, 200, "{page}");
            assert!(!shown.text().contains("btn go\">Save"), "{page}");
        }
        let page = panel.get("/pools/django").text();
        assert!(page.contains("<fieldset class=\"all\" disabled>"), "{page}");
        let form = form_fields(&page, "/pools/django");
        assert_eq!(panel.send_form("/pools/django", &form).status, 403);
        assert_eq!(panel.get("/files/test?folder=/etc").status, 403);
        assert_eq!(panel.post("/document", &[("do", "save")]).status, 403);
    }
    assert_eq!(lb.export(), before);
}

#[test]
fn what_is_in_use_is_not_removed_and_what_is_not_is() {
    let (lb, _node, mut panel) = before_forms();
    let site = [("name", "shop"), ("hosts", ""), ("pool", "django")];
    assert_saved(&panel.fill("/sites", "/sites", &site), "/sites/shop");
    let spare = [
        ("name", "spare"),
        ("nodes", "127.0.0.1:9\nunix:/run/x.sock"),
    ];
    assert_saved(&panel.fill("/pools", "/pools", &spare), "/pools/spare");
    let asked = panel.get("/pools/django/remove").text();
    assert!(
        asked.contains("It is in use") && asked.contains("shop /"),
        "{asked}"
    );
    let revision = form_fields(
        &panel.get("/pools/spare/remove").text(),
        "/pools/spare/remove",
    );
    let refused = panel.send_form("/pools/django/remove", &revision);
    assert_eq!(refused.status, 409);
    assert!(lb.export().contains("\"django\""));
    let gone = panel.send_form("/pools/spare/remove", &revision);
    assert_saved(&gone, "/pools?changed=");
    assert!(!lb.export().contains("spare"));
    assert_eq!(
        panel.send_form("/pools/spare/remove", &revision).status,
        404
    );
    assert_eq!(panel.get("/pools/spare").status, 404);
    assert_eq!(lb.get("/").status, 200);
}

#[test]
fn a_full_disk_is_told_in_the_form_and_requests_are_served_on() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::prepared();
    let Some(disk) = SmallDisk::mount(lb.data()) else {
        return;
    };
    lb.expect_errors();
    lb.restart();
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let mut panel = Panel::set_up(&lb);
    let before = lb.export();
    let form = form_fields(&panel.get("/pools/django").text(), "/pools/django");
    disk.fill();
    let hosts: String = (0..2000).map(|n| format!("h{n}.test\n")).collect();
    let typed = [("name", "shop"), ("hosts", &*hosts), ("pool", "django")];
    let refused = panel.fill("/sites", "/sites", &typed);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(
        refused.text().contains("nothing was changed"),
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("h1999.test"),
        "what was typed stands there"
    );
    assert_eq!(lb.get("/").status, 200);
    assert_eq!(lb.export(), before);
    disk.free();
    let again = retyped(form, &[("policy", "least_conn")]);
    assert_saved(&panel.send_form("/pools/django", &again), "/pools/django");
}

/// The form of the document with this text, sent to be checked or saved.
fn send(panel: &mut Panel, form: &[(String, String)], (text, what): (&str, &str)) -> Response {
    let fields = retyped(form.to_vec(), &[("text", text), ("do", what)]);
    panel.send_form("/document", &fields)
}

#[test]
fn the_document_is_edited_as_text_with_every_problem_in_its_place() {
    let (lb, _node, mut panel) = before_forms();
    let page = panel.get("/document").text();
    assert!(page.contains("Comments are not kept"), "{page}");
    let form = form_fields(&page, "/document");
    let text = form
        .iter()
        .find(|(name, _)| name == "text")
        .unwrap()
        .1
        .clone();
    let before = lb.export();
    assert!(before.ends_with(&text), "{text}");
    let send = |panel: &mut Panel, text: &str, what: &str| send(panel, &form, (text, what));
    let wrong = text
        .replace("weight = 1", "")
        .replace("version = 1", "version = 1\npolls = 3");
    let refused = send(&mut panel, &wrong, "save");
    assert_eq!(refused.status, 422);
    let told = refused.text();
    assert!(
        told.contains("Line 2, column 1") && told.contains("did you mean"),
        "{told}"
    );
    let kept = form_fields(&told, "/document");
    assert!(
        kept.iter()
            .any(|(name, value)| name == "text" && value.contains("polls = 3"))
    );
    let new = format!(
        "# of mine\n{}",
        text.replace("name = \"django\"", "name = \"django\"\nmax_fails = 7")
    );
    let checked = send(&mut panel, &new, "check");
    assert_eq!(checked.status, 200);
    assert!(
        checked
            .text()
            .contains("pools.django.max_fails: 3 -&#62; 7"),
        "{}",
        checked.text()
    );
    assert_eq!(lb.export(), before, "looking changes nothing");
    assert_saved(
        &send(&mut panel, &new.replace('\n', "\r\n"), "save"),
        "/document?changed=",
    );
    let after = lb.export();
    assert!(
        after.contains("max_fails = 7") && !after.contains("of mine"),
        "{after}"
    );
    // The same again is in force already; another from that page is stale.
    assert_eq!(
        send(&mut panel, &new, "save").field("Location"),
        Some("/document")
    );
    let stale = send(&mut panel, &text, "save");
    assert_eq!(stale.status, 409);
    assert!(
        stale.text().contains("pools.django.max_fails: 7 -&#62; 3"),
        "{}",
        stale.text()
    );
    assert_eq!(lb.export(), after);
    panel.chinese();
    let refused = send(&mut panel, &wrong, "check").text();
    assert!(
        refused.contains("第 2 行第 1 列") && refused.contains("未知的键"),
        "{refused}"
    );
}
