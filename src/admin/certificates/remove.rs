//! Removing a certificate from the configuration, and one that is kept and not named for ever.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};

use super::{Answer, HERE};
use crate::admin::api::tls::forget;
use crate::admin::error_page::Wrong;
use crate::admin::forms::{AskRemove, Desk, User, asking, part, removed};
use crate::admin::page::{self, Shell, escaped};
use crate::admin::request;
use crate::control::{ChangeError, Handle};
use crate::document::Part;
use crate::model::{AdminTls, CertificateSource, Config};
use crate::people::People;

/// Who names a certificate, so that it cannot go.
fn users(shell: &Shell, config: &Config, certificate: &str) -> Vec<User> {
    let names = |tls: &Option<crate::model::ListenerTls>| {
        let listed = tls.iter().flat_map(|tls| &tls.certificates);
        listed.into_iter().any(|name| name.as_str() == certificate)
    };
    let listeners = config.listeners.iter().filter(|one| names(&one.tls));
    let mut users: Vec<User> = listeners
        .map(|one| User {
            words: one.name.to_string(),
            href: format!("/listeners/{}", escaped(one.name.as_str())),
        })
        .collect();
    if matches!(&config.admin.tls, AdminTls::Certificate(name) if name.as_str() == certificate) {
        users.push(User {
            words: shell.t.settings_admin().to_owned(),
            href: "/settings".to_owned(),
        });
    }
    if names(&config.sessions.tls) {
        users.push(User {
            words: shell.t.sessions().to_owned(),
            href: "/sessions/settings".to_owned(),
        });
    }
    users
}

fn ask_page(shell: Shell, config: &Config, name: &str, is_kept: bool) -> AskRemove {
    let t = shell.t;
    let mut named = config.certificates.iter();
    let is_files = named
        .any(|one| one.name.as_str() == name && matches!(one.source, CertificateSource::Files(_)));
    let query = if is_kept { "?kept=1" } else { "" };
    AskRemove {
        what: t.cert_remove_title(name),
        words: match (is_kept, is_files) {
            (true, _) => t.cert_forget(),
            (false, true) => t.cert_remove_files(),
            (false, false) => t.cert_remove(),
        },
        users: match is_kept {
            true => Vec::new(),
            false => users(&shell, config, name),
        },
        form: asking(&shell, format!("{HERE}/{}/remove{query}", escaped(name))),
        fields: Vec::new(),
        back: HERE.to_owned(),
        shell,
    }
}

/// Whether one is kept that the configuration does not name.
fn is_idle(handle: &Handle, name: &str) -> bool {
    let all = handle.certificates();
    all.iter().any(|one| one.name == name && !one.is_named)
}

/// `GET /certificates/{certificate}/remove`; with `?kept=1` of one that is kept and not named.
pub(in crate::admin) async fn ask_remove(
    request: HttpRequest,
    path: Path<String>,
    handle: Data<Handle>,
) -> Answer {
    let name = path.into_inner();
    let is_kept = request::query(&request, "kept").is_some();
    match is_kept {
        true if !is_idle(&handle, &name) => return Err(Wrong::NotFound),
        true => {}
        false => drop(part(&handle, &Part::Certificate(name.clone()))?),
    }
    let shell = Shell::of(&request, HERE);
    let page = ask_page(shell, &handle.config(), &name, is_kept);
    Ok(page::ok(&request, &page))
}

/// `POST /certificates/{certificate}/remove`.
pub(in crate::admin) async fn remove(
    request: HttpRequest,
    path: Path<String>,
    (handle, people): (Data<Handle>, Data<People>),
    body: Payload,
) -> Answer {
    let is_kept = request::query(&request, "kept").is_some();
    let desk = Desk::open(request, handle, people.clone(), body).await?;
    let shell = Shell::of(&desk.request, HERE);
    let name = path.into_inner();
    let mut page = ask_page(shell, &desk.handle.config(), &name, is_kept);
    if !is_kept {
        return removed(&desk, Part::Certificate(name), page, HERE).await;
    }
    match forget(&desk.request, (&desk.handle, &people), name).await {
        Ok(()) => Ok(page::go(HERE)),
        Err(ChangeError::NotFound(_)) => Err(Wrong::NotFound),
        Err(error) => {
            let words = page.shell.t.form_cannot_save();
            let said = crate::admin::forms::Said::with(words, error.to_string());
            page.form.alarms.push(said);
            Ok(page::send(&desk.request, StatusCode::CONFLICT, &page))
        }
    }
}
