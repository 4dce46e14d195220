//! The field names that the engine or the proxy treats specially.

/// A field name known to the engine; told once, when the head is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded`
    Forwarded,
    /// `Host`
    Host,
    /// `HTTP2-Settings`
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy-Authenticate`, `Proxy-Authorization`
    ProxyAuth,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `Referer`
    Referer,
    /// `TE`
    Te,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `User-Agent`
    UserAgent,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// `X-Real-IP`
    XRealIp,
    /// `X-Request-ID`
    XRequestId,
    /// Any other.
    Other,
}

impl Known {
    /// The name's meaning, in any case of letters.
    pub fn of(name: &[u8]) -> Self {
        // By length first: most names are told apart without comparing a letter.
        let candidates: &[(&str, Self)] = match name.len() {
            2 => &[("te", Self::Te)],
            4 => &[("host", Self::Host), ("date", Self::Date)],
            6 => &[("expect", Self::Expect)],
            7 => &[
                ("referer", Self::Referer),
                ("upgrade", Self::Upgrade),
                ("trailer", Self::Trailer),
            ],
            9 => &[("forwarded", Self::Forwarded), ("x-real-ip", Self::XRealIp)],
            10 => &[
                ("connection", Self::Connection),
                ("user-agent", Self::UserAgent),
                ("keep-alive", Self::KeepAlive),
            ],
            12 => &[("x-request-id", Self::XRequestId)],
            14 => &[
                ("content-length", Self::ContentLength),
                ("http2-settings", Self::Http2Settings),
            ],
            15 => &[("x-forwarded-for", Self::XForwardedFor)],
            16 => &[
                ("proxy-connection", Self::ProxyConnection),
                ("x-forwarded-host", Self::XForwardedHost),
                ("x-forwarded-port", Self::XForwardedPort),
            ],
            17 => &[
                ("transfer-encoding", Self::TransferEncoding),
                ("x-forwarded-proto", Self::XForwardedProto),
            ],
            18 => &[("proxy-authenticate", Self::ProxyAuth)],
            19 => &[("proxy-authorization", Self::ProxyAuth)],
            _ => &[],
        };
        candidates
            .iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(_, meaning)| *meaning)
    }

    /// One bit, another for each.
    pub(super) fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether the field speaks of one connection only and never goes further
    /// (RFC 9110 section 7.6.1).
    pub fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Connection
                | Self::KeepAlive
                | Self::ProxyAuth
                | Self::ProxyConnection
                | Self::Te
                | Self::Trailer
                | Self::TransferEncoding
                | Self::Upgrade
                | Self::Http2Settings
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn a_name_is_known_in_any_case_of_letters() {
        assert_eq!(Known::of(b"HoSt"), Known::Host);
        assert_eq!(Known::of(b"X-FORWARDED-PROTO"), Known::XForwardedProto);
        assert_eq!(Known::of(b"Proxy-Authorization"), Known::ProxyAuth);
        assert_eq!(Known::of(b"Hosts"), Known::Other);
        assert_eq!(Known::of(b""), Known::Other);
    }
}
