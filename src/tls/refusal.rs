//! Why there is no TLS to a node, in words.

use std::io;

use rustls::{CertificateError, Error};

/// Why there is no TLS to a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTls {
    /// Its certificate leads to nobody who is trusted.
    #[error("its certificate is signed by nobody who is trusted")]
    NotTrusted,
    /// Its certificate has expired.
    #[error("its certificate has expired")]
    Expired,
    /// Its certificate is not valid yet, or this machine's clock is wrong.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// Its certificate is for other names: these.
    #[error("its certificate is for {0}, not for the name it was asked for")]
    WrongName(String),
    /// Its certificate cannot be used for another reason.
    #[error("its certificate is not accepted: {0}")]
    BadCertificate(String),
    /// What it said is no TLS.
    #[error("does not speak TLS")]
    NotTls,
    /// It refused the handshake, or has no version or cipher in common with us.
    #[error("refused the TLS handshake: {0}")]
    Refused(String),
    /// It ended or broke the connection off within the handshake.
    #[error("broke off the TLS handshake")]
    Ended,
    /// We have nothing to judge it by, and so did not even ask.
    #[error("TLS cannot be spoken: {0}")]
    Unready(String),
}

impl NoTls {
    /// Of a handshake that failed so.
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(Error::InvalidCertificate(why)) => Self::of_certificate(why),
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(Error::AlertReceived(alert)) => Self::Refused(format!("{alert:?}")),
            Some(error) => Self::Refused(error.to_string()),
            None => Self::Ended,
        }
    }

    fn of_certificate(why: &CertificateError) -> Self {
        match why {
            // The second: an authority of the same name as a trusted one.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::NotTrusted,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
                Self::WrongName(
                    presented
                        .iter()
                        .map(|name| bare(name))
                        .collect::<Vec<_>>()
                        .join(", "),
                )
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName("no name at all".to_owned())
            }
            other => Self::BadCertificate(other.to_string()),
        }
    }
}

/// `DnsName("a.example")` as rustls lists it, without what is around the name.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest);
    inner.trim_end_matches(')').trim_matches('"')
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

    use super::NoTls;

    #[test]
    fn what_a_handshake_died_of_is_told_apart() {
        let of = |error| NoTls::of(&io::Error::new(io::ErrorKind::InvalidData, error));
        let certificate = |why| of(Error::InvalidCertificate(why));
        assert_eq!(
            certificate(CertificateError::UnknownIssuer),
            NoTls::NotTrusted
        );
        assert_eq!(
            certificate(CertificateError::BadSignature),
            NoTls::NotTrusted
        );
        assert_eq!(certificate(CertificateError::Expired), NoTls::Expired);
        assert_eq!(
            certificate(CertificateError::NotValidYet),
            NoTls::NotYetValid
        );
        assert_eq!(
            certificate(CertificateError::NotValidForNameContext {
                expected: "b.example".try_into().unwrap(),
                presented: vec![
                    "DnsName(\"a.example\")".into(),
                    "IpAddress(10.0.0.1)".into()
                ],
            }),
            NoTls::WrongName("a.example, 10.0.0.1".into())
        );
        assert_eq!(
            of(Error::InvalidMessage(InvalidMessage::InvalidContentType)),
            NoTls::NotTls
        );
        let refused = of(Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert_eq!(refused, NoTls::Refused("HandshakeFailure".into()));
        assert_eq!(
            NoTls::of(&io::ErrorKind::UnexpectedEof.into()),
            NoTls::Ended
        );
        assert_eq!(
            NoTls::of(&io::ErrorKind::ConnectionReset.into()),
            NoTls::Ended
        );
    }
}
