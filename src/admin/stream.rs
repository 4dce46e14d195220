//! What a page shows of now: its pieces, sent anew every second where they are other than before,
//! as long as somebody looks who may.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::mpsc::Sender;

use super::identity;
use super::live::Live;
use crate::people::{People, SignIn, Whose};

/// How often a page is told what is new.
const EVERY: Duration = Duration::from_secs(1);

/// After so many times is looked whether who reads may still: signed out, removed, unseen for long.
const ASK_AGAIN: u32 = 10;

/// The pieces of a page.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    sent: HashMap<String, String>,
    text: String,
}

impl Pieces {
    /// Puts `html` in the place of the element with this id, unless that is there already. `html`
    /// is that element, whole.
    pub(super) fn put(&mut self, id: &str, html: String) {
        if self.sent.get(id) == Some(&html) {
            return;
        }
        // A String takes every write.
        let _ = write!(
            self.text,
            "<hx-partial hx-target='[id=\"{id}\"]' hx-swap=\"outerMorph\">{html}</hx-partial>"
        );
        self.sent.insert(id.to_owned(), html);
    }

    /// Takes what is to be sent, as a server-sent event. Also where nothing is: the page knows by
    /// it that we are there, and we by sending it that somebody reads.
    fn event(&mut self) -> Bytes {
        if self.text.is_empty() {
            return Bytes::from_static(b"event: same\ndata:\n\n");
        }
        let lines = self.text.lines().map(|line| format!("data: {line}\n"));
        let event: String = lines.chain(["\n".to_owned()]).collect();
        self.text.clear();
        event.into()
    }
}

/// Answers with what `render` puts, now and every second.
pub(super) fn every_second(
    request: &HttpRequest,
    render: impl FnMut(&mut Pieces) + 'static,
) -> HttpResponse {
    let (body, send) = Live::new();
    let people = request.app_data::<Data<People>>().cloned();
    if let (Some(people), Some(reader)) = (people, identity::person(request)) {
        actix_web::rt::spawn(tell(render, send, people, reader));
    }
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .body(body)
}

async fn tell(
    mut render: impl FnMut(&mut Pieces),
    send: Sender<Bytes>,
    people: Data<People>,
    reader: SignIn,
) {
    let mut pieces = Pieces::default();
    for turn in 1_u32.. {
        render(&mut pieces);
        if send.send(pieces.event()).await.is_err() {
            return;
        }
        if turn.is_multiple_of(ASK_AGAIN) && !is_signed_in(&people, &reader).await {
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether the reader is still signed in, in the same role. A database that cannot be read signs
/// nobody out.
pub(super) async fn is_signed_in(people: &People, reader: &SignIn) -> bool {
    let Ok(all) = people.sign_ins(Whose::Everybodys).await else {
        return true;
    };
    let mut all = all.iter();
    all.any(|found| found.id == reader.id && found.user.role == reader.user.role)
}

#[cfg(test)]
mod tests {
    use super::Pieces;

    #[test]
    fn a_piece_is_sent_when_it_is_other_than_before() {
        let mut pieces = Pieces::default();
        let mut event = |put: &[(&str, &str)]| {
            for (id, html) in put {
                pieces.put(id, (*html).to_owned());
            }
            String::from_utf8(pieces.event().to_vec()).unwrap()
        };
        assert_eq!(
            event(&[("a", "<p id=\"a\">1\n2</p>")]),
            "data: <hx-partial hx-target='[id=\"a\"]' hx-swap=\"outerMorph\"><p id=\"a\">1\ndata: 2</p></hx-partial>\n\n"
        );
        let same = "event: same\ndata:\n\n";
        assert_eq!(event(&[("a", "<p id=\"a\">1\n2</p>")]), same);
        assert!(
            event(&[("a", "<p id=\"a\">2</p>"), ("b", "<p id=\"b\"></p>")]).contains("[id=\"b\"]")
        );
        assert_eq!(event(&[]), same);
    }
}
