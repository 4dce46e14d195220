//! What every form of the configuration does when it is sent: the change by Control, its line in
//! the audit log, and what is told where it was refused. Nothing is ever half done.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value as Json, json};

use super::field::Source;
use super::said::Said;
use super::view::{Frame, View};
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::page::{self, Shell};
use crate::admin::{api, request};
use crate::control::{Applied, ChangeError, EditParts, Handle};
use crate::document::{self, Part, PartEdit, PlacedProblem};
use crate::model::Role;
use crate::people::People;

/// Limit: the longest form of a part of the configuration, in bytes.
const MOST: usize = 1024 * 1024;

/// A form that was sent.
pub(in crate::admin) struct Desk {
    pub(in crate::admin) request: HttpRequest,
    pub(in crate::admin) handle: Data<Handle>,
    people: Data<People>,
    pub(in crate::admin) form: Form,
}

/// Why a change was not made.
#[derive(Debug)]
pub(in crate::admin) struct Refused {
    pub(in crate::admin) status: StatusCode,
    pub(in crate::admin) problems: Vec<PlacedProblem>,
    /// What stands in the way of any change.
    pub(in crate::admin) trouble: Option<Said>,
}

impl Refused {
    /// Whether it was made from another revision than the one in force.
    pub(in crate::admin) fn is_stale(&self) -> bool {
        self.status == StatusCode::CONFLICT
    }

    /// Tells it on a form, of which the edit `edit` is.
    fn tell_edit(&self, shell: &Shell, view: &mut View, edit: usize) {
        view.tell(shell.t, &self.problems, edit);
        view.alarms.extend(self.trouble.clone());
    }

    /// Tells it on a form for something new or to be removed, of which the edit `edit` is.
    pub(in crate::admin) fn tell_new(&self, shell: &Shell, view: &mut View, edit: usize) {
        self.tell_edit(shell, view, edit);
        if self.is_stale() {
            let words = shell.t.form_stale_new(shell.revision);
            view.alarms.push(Said::with(words, String::new()));
        }
    }
}

impl Desk {
    /// Reads what was sent.
    pub(in crate::admin) async fn open(
        request: HttpRequest,
        handle: Data<Handle>,
        people: Data<People>,
        body: Payload,
    ) -> Result<Self, Wrong> {
        Self::open_longer((request, handle, people), body, MOST).await
    }

    /// The same, where it may be longer.
    pub(in crate::admin) async fn open_longer(
        (request, handle, people): (HttpRequest, Data<Handle>, Data<People>),
        body: Payload,
        most: usize,
    ) -> Result<Self, Wrong> {
        let form = Form::read_lines(body, most).await?;
        Ok(Self {
            request,
            handle,
            people,
            form,
        })
    }

    /// The revision that the form was made from: never that of another time.
    pub(in crate::admin) fn revision(&self) -> u64 {
        self.form.get("revision").parse().unwrap_or(u64::MAX)
    }

    /// Makes the change.
    ///
    /// # Errors
    /// Why nothing was done; a part that is gone has no page any more.
    pub(in crate::admin) async fn change(
        &self,
        shell: &Shell,
        edits: Vec<PartEdit>,
    ) -> Result<Result<Applied, Refused>, Wrong> {
        let edit = EditParts {
            edits,
            if_revision: Some(self.revision()),
            dry_run: false,
            author: request::author(&self.request),
        };
        let done = self.handle.edit_parts(edit).await;
        self.told(shell, done).await
    }

    /// What came of a change, in words where it was refused.
    pub(in crate::admin) async fn told(
        &self,
        shell: &Shell,
        done: Result<Applied, ChangeError>,
    ) -> Result<Result<Applied, Refused>, Wrong> {
        let t = shell.t;
        let (status, problems, trouble) = match done {
            Ok(applied) => {
                api::note(&self.request, &self.people, &applied).await;
                return Ok(Ok(applied));
            }
            Err(ChangeError::NotFound(_)) => return Err(Wrong::NotFound),
            Err(ChangeError::Invalid(problems)) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                problems.iter().cloned().collect(),
                None,
            ),
            Err(ChangeError::Stale { .. }) => (StatusCode::CONFLICT, Vec::new(), None),
            Err(error) => {
                tracing::error!("a change was refused: {error}");
                let said = Said::with(t.form_cannot_save(), error.to_string());
                (StatusCode::SERVICE_UNAVAILABLE, Vec::new(), Some(said))
            }
        };
        Ok(Err(Refused {
            status,
            problems,
            trouble,
        }))
    }

    /// The form of the part `now` again, as it was typed, with what was wrong; none where it was
    /// sent from an old page and is in force already.
    pub(in crate::admin) fn again(
        &self,
        shell: &Shell,
        (frame, url): (&Frame<'_>, String),
        now: &Json,
        refused: &Refused,
    ) -> Option<View> {
        let mut view = frame.view(url, Source::Typed(&self.form));
        refused.tell_edit(shell, &mut view, 0);
        if refused.is_stale() {
            view.alarms.push(self.stale(frame, now)?);
        }
        Some(view)
    }

    /// What is told of a form that was sent from an old page; none where it is in force already.
    fn stale(&self, frame: &Frame<'_>, now: &Json) -> Option<Said> {
        if frame.is_in_force(&self.form, now) {
            return None;
        }
        let mut said = Said::with(frame.t.form_stale(frame.revision), String::new());
        said.lines = frame.meanwhile(&self.form, now);
        if said.lines.is_empty() {
            said.lines.push(frame.t.form_stale_elsewhere().to_owned());
        }
        Some(said)
    }
}

/// Back to a page after a change, which it then tells.
pub(in crate::admin) fn saved(page: &str, applied: &Applied) -> HttpResponse {
    let mark = match page.contains('?') {
        true => '&',
        false => '?',
    };
    match applied.changed {
        true => page::go(&format!("{page}{mark}changed={}", applied.revision)),
        false => page::go(page),
    }
}

/// Whether who looks may change the configuration.
pub(in crate::admin) fn may(shell: &Shell) -> bool {
    let role = shell.user.as_ref().map(|user| user.role);
    role == Some(Role::Admin)
}

/// What a part says as exported, and with every default.
pub(in crate::admin) fn part(handle: &Handle, part: &Part) -> Result<(Json, Json), Wrong> {
    let config = handle.config();
    let (brief, full) = (document::to_json(&config), document::to_full_json(&config));
    let of = |document: &Json| match part.of(document) {
        Some(Json::Null) => Some(json!({})),
        found => found.cloned(),
    };
    of(&brief).zip(of(&full)).ok_or(Wrong::NotFound)
}
