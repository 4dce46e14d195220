//! What goes wrong with a Redis, in words for a person.

use std::error::Error;
use std::io;
use std::sync::Arc;

use deadpool_redis::PoolError;
use deadpool_redis::redis::{ErrorKind, RedisError};
use rustls::CertificateError as Certificate;

use super::PATIENCE;

/// Why there is no connection.
pub(crate) fn why(error: &PoolError) -> String {
    match error {
        PoolError::Timeout(deadpool_redis::TimeoutType::Wait) => {
            "all its connections are taken".to_owned()
        }
        PoolError::Timeout(_) => no_answer(),
        PoolError::Backend(error) => words(error),
        other => other.to_string(),
    }
}

fn no_answer() -> String {
    format!("nothing came within {} s", PATIENCE.as_secs())
}

/// What went wrong, in words for a person.
pub(crate) fn words(error: &RedisError) -> String {
    if error.is_timeout() {
        return no_answer();
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return "it refuses our user and password (store_password)".to_owned();
    }
    if error.is_connection_refusal() {
        return "the connection was refused".to_owned();
    }
    if let Some(why) = tls(error) {
        return why;
    }
    if error.is_connection_dropped() {
        return "the connection broke".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (None, Some(detail)) => detail.to_owned(),
        (_, None) => error.to_string(),
    }
}

/// What was wrong with the handshake, if it was that.
fn tls(error: &RedisError) -> Option<String> {
    let inner: &Arc<dyn Error + Send + Sync> = error.source()?.downcast_ref()?;
    let error: &io::Error = inner.downcast_ref()?;
    let why: &rustls::Error = error.get_ref()?.downcast_ref()?;
    let words = match why {
        // The second: an authority of the same name as a trusted one.
        rustls::Error::InvalidCertificate(
            Certificate::UnknownIssuer | Certificate::BadSignature,
        ) => "its certificate is signed by nobody this machine trusts".to_owned(),
        rustls::Error::InvalidCertificate(
            Certificate::Expired | Certificate::ExpiredContext { .. },
        ) => "its certificate has expired".to_owned(),
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "its certificate is not for this name".to_owned(),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
        other => format!("TLS: {other}"),
    };
    Some(words)
}
