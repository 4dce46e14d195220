//! Whether nodes are told who a connection is for, ahead of all else on it.

/// Whether nodes are told who a connection is for, by the PROXY protocol of HAProxy's
/// `doc/proxy-protocol.txt`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// They are not.
    #[default]
    Off,
    /// By a line of text, as Gunicorn's `--proxy-protocol` reads it.
    V1,
    /// In binary.
    V2,
}

impl ProxyProtocol {
    /// Every one, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::Off, Self::V1, Self::V2];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}
