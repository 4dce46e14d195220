//! Looking at one certificate by itself, before it is named or where nothing shows it.

use super::certificate::{Certificate, Engine};
use super::certificates::Part;
use crate::model::{self, KeptCertificates};

/// Whether `certificate`, which is `kept`, would be shown at `now`.
///
/// # Errors
/// What is wrong with which part, for the operator.
pub fn look(
    engine: &Engine,
    certificate: &model::Certificate,
    kept: &KeptCertificates,
    now: i64,
) -> Result<(), (Part, String)> {
    let read = Certificate::read(engine, certificate, kept);
    let read = read.map_err(|fault| (fault.part, fault.words))?;
    if let Some(why) = read.not_good_at(now) {
        return Err((Part::Chain, format!("the certificate {why}")));
    }
    match read.not_made_for().next() {
        None => Ok(()),
        Some(host) => Err((
            Part::Chain,
            format!(
                "the certificate is not made for {host} (it is for: {})",
                read.made_for()
            ),
        )),
    }
}

/// Reads `certificate`, which is `kept`, whether it is good now or not.
///
/// # Errors
/// What is wrong, for the operator.
pub fn read_kept(
    engine: &Engine,
    certificate: &model::Certificate,
    kept: &KeptCertificates,
) -> Result<Certificate, String> {
    Certificate::read(engine, certificate, kept).map_err(|fault| fault.words)
}
