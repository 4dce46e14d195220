//! Removing a part of the configuration: the page that asks first, who stands in the way, and the
//! change.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use serde_json::Value as Json;

use super::{Desk, Frame, Source, View, may, part, saved};
use crate::admin::error_page::Wrong;
use crate::admin::page::{self, Shell};
use crate::document::{Part, PartEdit, PartOp};

type Answer = Result<HttpResponse, Wrong>;

/// Somebody who uses a thing: where, and the page to change it.
pub(in crate::admin) struct User {
    pub(in crate::admin) words: String,
    pub(in crate::admin) href: String,
}

/// What a page is about that cannot be undone by another click.
#[derive(Template)]
#[template(path = "forms/remove.html")]
pub(in crate::admin) struct AskRemove {
    pub(in crate::admin) shell: Shell,
    /// What is removed, in the reader's words.
    pub(in crate::admin) what: String,
    /// What becomes of it.
    pub(in crate::admin) words: &'static str,
    /// Who stands in the way.
    pub(in crate::admin) users: Vec<User>,
    pub(in crate::admin) form: View,
    /// More that the form sends.
    pub(in crate::admin) fields: Vec<(&'static str, String)>,
    pub(in crate::admin) back: String,
}

/// A form that only asks to go on.
pub(in crate::admin) fn asking(shell: &Shell, action: String) -> View {
    let frame = Frame {
        t: shell.t,
        groups: &[],
        names: &[],
        revision: shell.revision,
        may: may(shell),
    };
    frame.view(action, Source::Document(&Json::Null))
}

/// Removes a part, or tells on the page that asked why not.
pub(in crate::admin) async fn removed(
    desk: &Desk,
    gone: Part,
    mut page: AskRemove,
    back: &str,
) -> Answer {
    // One that is gone already has no page any more.
    part(&desk.handle, &gone)?;
    if !page.users.is_empty() {
        return Ok(page::send(&desk.request, StatusCode::CONFLICT, &page));
    }
    let edits = vec![PartEdit::new(gone, PartOp::Remove)];
    match desk.change(&page.shell, edits).await? {
        Ok(applied) => Ok(saved(back, &applied)),
        Err(refused) => {
            refused.tell_new(&page.shell, &mut page.form, 0);
            Ok(page::send(&desk.request, refused.status, &page))
        }
    }
}
