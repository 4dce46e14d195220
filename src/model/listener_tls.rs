//! How a listener speaks TLS.

use super::Name;

/// How a listener speaks TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListenerTls {
    /// The certificates it may show; empty is all. The first is shown to who names no host that
    /// any is for; of all, the first by name.
    pub certificates: Vec<Name>,
    /// The oldest version it takes.
    pub min_version: TlsVersion,
}

/// A version of TLS. Older ones are never spoken (RFC 8996).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    V12,
    /// TLS 1.3.
    V13,
}

impl TlsVersion {
    /// Both, the older first.
    pub const ALL: [Self; 2] = [Self::V12, Self::V13];

    /// The word in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}
