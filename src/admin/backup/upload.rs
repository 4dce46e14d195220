//! A file that a browser sends with a form.

use std::pin::Pin;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, Payload};
use futures_core::Stream;

use crate::admin::error_page::Wrong;
use crate::admin::form::swallow;
use crate::store::backup::MAX_FILE;

/// Limit: what a form has around its file, in bytes.
const AROUND: usize = 64 * 1024;

/// The file in the field `name`; empty where none was chosen.
///
/// # Errors
/// It is longer than any backup, or this is no such form. Nothing was done then.
pub(super) async fn file(request: &HttpRequest, body: Payload, name: &str) -> Result<Bytes, Wrong> {
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > MAX_FILE + AROUND) {
        swallow(body).await;
        return Err(Wrong::TooLarge(MAX_FILE));
    }
    let mut form = Multipart::new(request.headers(), body);
    while let Some(field) = next(&mut form).await {
        let mut field = field.map_err(|_| Wrong::BadForm)?;
        let is_it = field.name() == Some(name);
        let most = if is_it { MAX_FILE } else { AROUND };
        let bytes = field.bytes(most).await;
        let bytes = bytes.map_err(|_| Wrong::TooLarge(most))?;
        let bytes = bytes.map_err(|_| Wrong::BadForm)?;
        if is_it {
            return Ok(bytes);
        }
    }
    Ok(Bytes::new())
}

async fn next(form: &mut Multipart) -> Option<Result<Field, MultipartError>> {
    std::future::poll_fn(|context| Pin::new(&mut *form).poll_next(context)).await
}
