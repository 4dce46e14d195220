//! Forms as browsers send them: read whole, within a limit, before anything is done.

use std::time::Duration;

use actix_web::web::{self, BytesMut, Payload};

use super::error_page::Wrong;

/// Limit: the longest form without fields of several lines, in bytes.
pub(super) const MOST: usize = 64 * 1024;

/// Limit: of a longer one this much is read and thrown away, so that the browser gets to read
/// why, and this long.
const SWALLOWED: usize = 32 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// The fields of a form.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads one.
    ///
    /// # Errors
    /// Why not: nothing was done then.
    pub(super) async fn read(body: Payload) -> Result<Self, Wrong> {
        Self::read_with_lines(body, &[]).await
    }

    /// Reads one whose fields named in `texts` may have several lines.
    ///
    /// # Errors
    /// Why not: nothing was done then.
    pub(super) async fn read_with_lines(body: Payload, texts: &[&str]) -> Result<Self, Wrong> {
        let pairs = pairs(body, MOST).await?;
        // No field has any use for what ends a line or a text.
        let is_plain = |text: &str| !text.contains(['\0', '\r', '\n']);
        let is_text = |name: &str, value: &str| texts.contains(&name) && !value.contains('\0');
        let is_fit = |(name, value): &(String, String)| {
            is_plain(name) && (is_plain(value) || is_text(name, value))
        };
        match pairs.iter().all(is_fit) {
            true => Ok(Self(pairs)),
            false => Err(Wrong::BadForm),
        }
    }

    /// Reads one with fields of several lines, each ended by one `\n`, and of up to `most` bytes
    /// on the way.
    ///
    /// # Errors
    /// Why not: nothing was done then.
    pub(super) async fn read_lines(body: Payload, most: usize) -> Result<Self, Wrong> {
        let mut pairs = pairs(body, most).await?;
        for (name, value) in &mut pairs {
            if name.contains(['\0', '\r', '\n']) || value.contains('\0') {
                return Err(Wrong::BadForm);
            }
            *value = value.replace("\r\n", "\n").replace('\r', "\n");
        }
        Ok(Self(pairs))
    }

    /// The value of a field; nothing where it is not there, the first of two.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// Every value of a field, in their order.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let found = self.0.iter().filter(move |(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

async fn pairs(mut body: Payload, most: usize) -> Result<Vec<(String, String)>, Wrong> {
    let mut bytes = BytesMut::new();
    while let Some(part) = next(&mut body).await {
        let part = part.map_err(|_| Wrong::BadForm)?;
        if bytes.len() + part.len() > most {
            swallow(body).await;
            return Err(Wrong::TooLarge(most));
        }
        bytes.extend_from_slice(&part);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Wrong::BadForm)?;
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
    Ok(pairs.map_err(|_| Wrong::BadForm)?.into_inner())
}

async fn next(body: &mut Payload) -> Option<Result<web::Bytes, actix_web::error::PayloadError>> {
    let mut body = std::pin::pin!(body);
    std::future::poll_fn(|context| futures_core::Stream::poll_next(body.as_mut(), context)).await
}

/// Reads the rest and throws it away, so that a browser gets to read why.
pub(super) async fn swallow(mut body: Payload) {
    let rest = async {
        let mut swallowed = 0;
        while let Some(Ok(part)) = next(&mut body).await {
            swallowed += part.len();
            if swallowed > SWALLOWED {
                return;
            }
        }
    };
    // However long it takes, it is refused.
    let _ = tokio::time::timeout(PATIENCE, rest).await;
}
