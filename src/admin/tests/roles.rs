//! Every URL by everybody: who is let through is written here a second time, by hand.

use super::{Answer, Instance, exchange};
use crate::admin::routes::{ROUTES, Who};
use crate::model::{Language, Role, Scope};
use crate::people::{By, Visitor};

/// The least that may: `-` anyone, `m` monitors, `v` viewer, `o` operator, `a` admin, `b` the box.
const LEAST: &[(&str, char)] = &[
    ("GET /healthz", '-'),
    ("GET /readyz", '-'),
    ("GET /static/{print}/{file}", '-'),
    ("GET /favicon.ico", '-'),
    ("GET /metrics", 'm'),
    ("GET /check_status", 'm'),
    ("GET /sign-in", '-'),
    ("POST /sign-in", '-'),
    ("GET /setup", '-'),
    ("POST /setup", '-'),
    ("GET /setup/nodes", 'a'),
    ("POST /setup/nodes", 'a'),
    ("GET /setup/listen", 'a'),
    ("POST /setup/listen", 'a'),
    ("GET /setup/done", 'a'),
    ("POST /preferences", '-'),
    ("GET /", 'v'),
    ("GET /nodes", 'v'),
    ("GET /live/nodes", 'v'),
    ("POST /nodes/{pool}", 'o'),
    ("POST /add-node/{pool}", 'a'),
    ("GET /nodes/{pool}/{node}", 'v'),
    ("POST /nodes/{pool}/{node}", 'a'),
    ("POST /nodes/{pool}/{node}/switch", 'o'),
    ("POST /nodes/{pool}/{node}/test", 'o'),
    ("GET /live/nodes/{pool}/{node}", 'v'),
    ("POST /nodes/{pool}/{node}/weight", 'o'),
    ("POST /nodes/{pool}/{node}/state", 'o'),
    ("GET /overview/live", 'v'),
    ("GET /find", 'v'),
    ("GET /people", 'v'),
    ("POST /people/password", 'v'),
    ("POST /people/sign-ins/{id}/end", 'v'),
    ("POST /people/second-factor", 'v'),
    ("GET /people/second-factor", 'v'),
    ("POST /people/second-factor/on", 'v'),
    ("POST /people/second-factor/off", 'v'),
    ("GET /people/users/{id}/second-factor", 'a'),
    ("POST /people/users/{id}/second-factor", 'a'),
    ("POST /people/users", 'a'),
    ("POST /people/users/{id}/role", 'a'),
    ("GET /people/users/{id}/remove", 'a'),
    ("POST /people/users/{id}/remove", 'a'),
    ("POST /people/tokens", 'a'),
    ("POST /people/tokens/{id}/end", 'a'),
    ("GET /audit", 'a'),
    ("GET /logs", 'v'),
    ("GET /logs/live", 'v'),
    ("GET /logs/download", 'v'),
    ("GET /logs/events", 'v'),
    ("GET /logs/record/{id}", 'v'),
    ("GET /pools", 'v'),
    ("POST /pools", 'a'),
    ("GET /pools/{pool}", 'v'),
    ("POST /pools/{pool}", 'a'),
    ("GET /pools/{pool}/remove", 'a'),
    ("POST /pools/{pool}/remove", 'a'),
    ("GET /sites", 'v'),
    ("POST /sites", 'a'),
    ("GET /sites/{site}", 'v'),
    ("POST /sites/{site}", 'a'),
    ("GET /sites/{site}/remove", 'a'),
    ("POST /sites/{site}/remove", 'a'),
    ("GET /sites/{site}/route", 'v'),
    ("POST /sites/{site}/route", 'a'),
    ("GET /sites/{site}/route/remove", 'a'),
    ("POST /sites/{site}/route/remove", 'a'),
    ("GET /diagnostics", 'o'),
    ("GET /diagnostics/bundle", 'o'),
    ("GET /files", 'v'),
    ("POST /files", 'a'),
    ("GET /files/test", 'a'),
    ("GET /sessions", 'v'),
    ("GET /sessions/live", 'v'),
    ("POST /sessions/on", 'a'),
    ("POST /sessions/test", 'o'),
    ("POST /sessions/password", 'a'),
    ("POST /sessions/move", 'a'),
    ("GET /sessions/settings", 'v'),
    ("POST /sessions/settings", 'a'),
    ("GET /sessions/sign-out/{database}", 'a'),
    ("POST /sessions/sign-out/{database}", 'a'),
    ("GET /listeners", 'v'),
    ("POST /listeners", 'a'),
    ("GET /listeners/{listener}", 'v'),
    ("POST /listeners/{listener}", 'a'),
    ("GET /listeners/{listener}/remove", 'a'),
    ("POST /listeners/{listener}/remove", 'a'),
    ("GET /certificates", 'v'),
    ("POST /certificates/https", 'a'),
    ("POST /certificates/upload", 'a'),
    ("POST /certificates/self-signed", 'a'),
    ("POST /certificates/files", 'a'),
    ("POST /certificates/authority", 'a'),
    ("POST /certificates/{certificate}/check", 'a'),
    ("POST /certificates/{certificate}/renew", 'a'),
    ("GET /certificates/{certificate}/remove", 'a'),
    ("POST /certificates/{certificate}/remove", 'a'),
    ("GET /settings", 'v'),
    ("POST /settings/webhooks", 'a'),
    ("GET /settings/webhooks/{webhook}", 'v'),
    ("POST /settings/webhooks/{webhook}", 'a'),
    ("GET /settings/webhooks/{webhook}/remove", 'a'),
    ("POST /settings/webhooks/{webhook}/remove", 'a'),
    ("POST /settings/{section}", 'a'),
    ("GET /backup", 'a'),
    ("POST /backup", 'a'),
    ("GET /backup/nightly/{name}", 'a'),
    ("POST /backup/nightly/{name}", 'a'),
    ("POST /backup/upload", 'a'),
    ("GET /backup/restore/{id}", 'a'),
    ("POST /backup/restore/{id}", 'a'),
    ("POST /backup/restore/{id}/passphrase", 'a'),
    ("GET /document", 'v'),
    ("POST /document", 'a'),
    ("GET /try", 'v'),
    ("GET /history", 'v'),
    ("GET /history/compare", 'v'),
    ("POST /history/undo", 'o'),
    ("GET /history/{number}", 'v'),
    ("GET /history/{number}/rollback", 'a'),
    ("POST /history/{number}/rollback", 'a'),
    ("GET /api/v1/revisions", 'v'),
    ("GET /api/v1/revisions/{number}", 'v'),
    ("GET /api/v1/revisions/{number}/diff", 'v'),
    ("POST /api/v1/revisions/{number}/rollback", 'a'),
    ("POST /api/v1/revisions/{number}/undo", 'o'),
    ("GET /api/v1/config", 'v'),
    ("PUT /api/v1/config", 'a'),
    ("POST /api/v1/config/check", 'v'),
    ("GET /api/v1/status", 'v'),
    ("GET /api/v1/diagnostics", 'o'),
    ("GET /api/v1/explain", 'v'),
    ("POST /api/v1/explain", 'v'),
    ("GET /api/v1/logs", 'v'),
    ("GET /api/v1/logs/histogram", 'v'),
    ("GET /api/v1/logs/live", 'v'),
    ("GET /api/v1/logs/{id}", 'v'),
    ("GET /api/v1/charts", 'v'),
    ("GET /api/v1/events", 'v'),
    ("PATCH /api/v1/pools/{pool}/nodes/{node}", 'o'),
    ("GET /api/v1/openapi.json", 'v'),
    ("GET /api/v1/listeners", 'v'),
    ("GET /api/v1/listeners/{listener}", 'v'),
    ("PUT /api/v1/listeners/{listener}", 'a'),
    ("PATCH /api/v1/listeners/{listener}", 'a'),
    ("DELETE /api/v1/listeners/{listener}", 'a'),
    ("POST /api/v1/tls/{certificate}/check", 'a'),
    ("POST /api/v1/tls/{certificate}/renew", 'a'),
    ("GET /api/v1/tls", 'v'),
    ("PUT /api/v1/tls/{certificate}", 'a'),
    ("DELETE /api/v1/tls/{certificate}", 'a'),
    ("GET /api/v1/certificates", 'v'),
    ("GET /api/v1/certificates/{certificate}", 'v'),
    ("PUT /api/v1/certificates/{certificate}", 'a'),
    ("PATCH /api/v1/certificates/{certificate}", 'a'),
    ("DELETE /api/v1/certificates/{certificate}", 'a'),
    ("GET /api/v1/pools", 'v'),
    ("GET /api/v1/pools/{pool}", 'v'),
    ("PUT /api/v1/pools/{pool}", 'a'),
    ("PATCH /api/v1/pools/{pool}", 'a'),
    ("DELETE /api/v1/pools/{pool}", 'a'),
    ("GET /api/v1/pools/{pool}/nodes", 'v'),
    ("GET /api/v1/pools/{pool}/nodes/{node}", 'v'),
    ("PUT /api/v1/pools/{pool}/nodes/{node}", 'a'),
    ("DELETE /api/v1/pools/{pool}/nodes/{node}", 'a'),
    ("GET /api/v1/sites", 'v'),
    ("GET /api/v1/sites/{site}", 'v'),
    ("PUT /api/v1/sites/{site}", 'a'),
    ("PATCH /api/v1/sites/{site}", 'a'),
    ("DELETE /api/v1/sites/{site}", 'a'),
    ("GET /api/v1/sites/{site}/routes", 'v'),
    ("GET /api/v1/sites/{site}/routes/{route}", 'v'),
    ("PUT /api/v1/sites/{site}/routes/{route}", 'a'),
    ("PATCH /api/v1/sites/{site}/routes/{route}", 'a'),
    ("DELETE /api/v1/sites/{site}/routes/{route}", 'a'),
    ("GET /api/v1/acme", 'v'),
    ("GET /api/v1/acme/{acme}", 'v'),
    ("PUT /api/v1/acme/{acme}", 'a'),
    ("PATCH /api/v1/acme/{acme}", 'a'),
    ("DELETE /api/v1/acme/{acme}", 'a'),
    ("GET /api/v1/webhooks", 'v'),
    ("GET /api/v1/webhooks/{webhook}", 'v'),
    ("PUT /api/v1/webhooks/{webhook}", 'a'),
    ("PATCH /api/v1/webhooks/{webhook}", 'a'),
    ("DELETE /api/v1/webhooks/{webhook}", 'a'),
    ("GET /api/v1/config/settings", 'v'),
    ("PUT /api/v1/config/settings", 'a'),
    ("PATCH /api/v1/config/settings", 'a'),
    ("DELETE /api/v1/config/settings", 'a'),
    ("GET /api/v1/config/admin", 'v'),
    ("PUT /api/v1/config/admin", 'a'),
    ("PATCH /api/v1/config/admin", 'a'),
    ("DELETE /api/v1/config/admin", 'a'),
    ("GET /api/v1/config/sessions", 'v'),
    ("PUT /api/v1/config/sessions", 'a'),
    ("PATCH /api/v1/config/sessions", 'a'),
    ("DELETE /api/v1/config/sessions", 'a'),
    ("GET /api/v1/config/logs", 'v'),
    ("PUT /api/v1/config/logs", 'a'),
    ("PATCH /api/v1/config/logs", 'a'),
    ("DELETE /api/v1/config/logs", 'a'),
    ("GET /api/v1/users", 'v'),
    ("POST /api/v1/users", 'a'),
    ("GET /api/v1/users/{id}", 'v'),
    ("PATCH /api/v1/users/{id}", 'a'),
    ("DELETE /api/v1/users/{id}", 'a'),
    ("PUT /api/v1/users/{id}/password", 'a'),
    ("PUT /api/v1/users/{id}/second-factor", 'a'),
    ("GET /api/v1/sign-ins", 'v'),
    ("DELETE /api/v1/sign-ins/{id}", 'v'),
    ("GET /api/v1/tokens", 'a'),
    ("POST /api/v1/tokens", 'a'),
    ("DELETE /api/v1/tokens/{id}", 'a'),
    ("POST /api/v1/backup", 'a'),
    ("GET /api/v1/backups", 'a'),
    ("GET /api/v1/backups/{name}", 'a'),
    ("GET /api/v1/config/backup", 'v'),
    ("PUT /api/v1/config/backup", 'a'),
    ("PATCH /api/v1/config/backup", 'a'),
    ("DELETE /api/v1/config/backup", 'a'),
    ("POST /api/v1/restore", 'a'),
    ("GET /api/v1/audit", 'a'),
    ("POST /api/v1/pools/{pool}/nodes/{node}/trial", 'o'),
    ("POST /api/v1/trial", 'a'),
    ("POST /api/v1/sessions/move", 'a'),
    ("GET /api/v1/sessions/move", 'v'),
    ("POST /api/v1/sessions/passwords", 'a'),
    ("POST /api/v1/sessions/sign-out", 'a'),
    ("POST /api/v1/setup-url", 'b'),
    ("POST /api/v1/reset-password", 'b'),
    // Last: it ends what the others need.
    ("POST /sign-out", 'v'),
];

const PASSWORD: &str = "hangs level at noon";

/// Somebody, and the line that says so.
struct Somebody {
    role: Option<Role>,
    is_program: bool,
    field: String,
}

impl Instance {
    async fn everybody(&self) -> Vec<Somebody> {
        let by = By::new("test", "here");
        let visitor = Visitor {
            address: "127.0.0.1".parse().unwrap(),
            agent: "",
        };
        let token = self.people.setup_token(false, &by).await.unwrap().unwrap();
        let admin = ("admin-user", PASSWORD);
        let first = self
            .people
            .set_up(&token, admin, Language::English, &visitor);
        let mut all = vec![("admin-user", Role::Admin, first.await.unwrap().token)];
        for (name, role) in [
            ("viewer-user", Role::Viewer),
            ("operator-user", Role::Operator),
        ] {
            self.people
                .add_user((name, PASSWORD), role, &by)
                .await
                .unwrap();
            let signed_in = self.people.sign_in(name, PASSWORD, &visitor).await;
            all.push((name, role, signed_in.unwrap().token));
        }
        let person = |(_, role, token): (&str, Role, String)| Somebody {
            role: Some(role),
            is_program: false,
            field: format!("Cookie: steelyard-panel={token}"),
        };
        let mut everybody: Vec<Somebody> = all.into_iter().map(person).collect();
        for scope in Scope::ALL {
            let token = self.people.make_token(scope.as_str(), scope, &by).await;
            everybody.push(Somebody {
                role: match scope {
                    Scope::Metrics => None,
                    Scope::Api(role) => Some(role),
                },
                is_program: true,
                field: format!("Authorization: Bearer {}", token.unwrap().shown),
            });
        }
        everybody.push(Somebody {
            role: None,
            is_program: false,
            field: "Cookie: steelyard-panel=nonsense".to_owned(),
        });
        everybody
    }

    async fn ask_as(&self, line: &str, fields: &[&str]) -> Answer {
        let address = self.handle.admin_address().unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        exchange(stream, line, fields, b"").await
    }
}

fn may(who: &Somebody, line: &str, least: char) -> bool {
    // A token is no way into a page.
    let is_page = !line.contains(" /api/");
    let role = match who.is_program && is_page {
        true => None,
        false => who.role,
    };
    match least {
        // This machine always may read what monitors do.
        '-' | 'm' => true,
        'v' => role >= Some(Role::Viewer),
        'o' => role >= Some(Role::Operator),
        'a' => role >= Some(Role::Admin),
        _ => false,
    }
}

#[tokio::test]
async fn every_url_is_answered_to_the_roles_that_may_and_to_nobody_else() {
    let here: Vec<String> = ROUTES
        .iter()
        .map(|r| format!("{} {}", r.method, r.path))
        .collect();
    let mut listed: Vec<&str> = LEAST.iter().map(|(line, _)| *line).collect();
    listed.sort_unstable();
    let mut sorted = here.clone();
    sorted.sort();
    assert_eq!(sorted, listed, "a new URL needs a line here");

    let instance = Instance::start().await;
    for who in instance.everybody().await {
        for (line, least) in LEAST {
            let asked = line
                .replace("{id}", "0")
                .replace("{number}", "0")
                .replace("{pool}", "p")
                .replace("{node}", "n")
                .replace(['{', '}'], "");
            let same_site = "Sec-Fetch-Site: same-origin";
            let answer = instance.ask_as(&asked, &[same_site, &who.field]).await;
            let refused = match answer.status {
                401 => !line.ends_with("/sign-in"),
                403 => true,
                404 => *least == 'b',
                _ => false,
            };
            let field = &who.field[..20];
            let status = answer.status;
            assert_eq!(
                !refused,
                may(&who, line, *least),
                "{asked} by {field}: {status}"
            );
            // That nothing is configured yet, or kept here, is no mistake.
            let is_fine = status < 500
                || line.ends_with("/readyz")
                || answer.body.contains("there is no log store here");
            assert!(is_fine, "{asked}: {}", answer.body);
        }
    }
}

#[test]
fn what_changes_something_is_no_get_and_is_never_for_anyone() {
    let open = ["/sign-in", "/setup", "/preferences"];
    for route in ROUTES {
        let is_get = route.method == "GET";
        let is_open = route.who == Who::Anyone;
        assert!(
            is_get || !is_open || open.contains(&route.path),
            "{}",
            route.path
        );
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_told_so_and_its_shower_is_nobody_else() {
    let instance = Instance::start().await;
    let everybody = instance.everybody().await;
    let admin = &everybody[0].field;
    let false_token = "Authorization: Bearer steelyard_nonsense";
    let both = instance
        .ask_as("GET /api/v1/status", &[false_token, admin])
        .await;
    assert_eq!(both.status, 401);
    assert!(
        both.head.contains("www-authenticate: bearer"),
        "{}",
        both.head
    );
    let rows = instance.people.audit(None, 1).await.unwrap();
    assert_eq!(rows[0].entry.action, "bad_token");
    assert!(!format!("{rows:?}").contains("nonsense"));
}
