//! What is known of one request when it is over.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// One request, when it is over.
///
/// Bytes are as the client sent them, hostile or not; the formats make them
/// harmless. What `json` calls a field is its name here.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// When the answer was complete, as nginx's `$time_local`.
    pub time: SystemTime,
    /// The name of the listener.
    pub listener: &'a str,
    /// The port it listens on, for `vcombined`.
    pub listener_port: u16,
    /// The name of the site, if one was found.
    pub site: Option<&'a str>,
    /// The path of the route, if one was found.
    pub route: Option<&'a str>,
    /// The client, after trusted proxies were believed.
    pub client_ip: IpAddr,
    /// Its port; 0 where a trusted proxy did not say.
    pub client_port: u16,
    /// The user name of a Basic `Authorization`, for `combined`; empty is none.
    pub user: &'a [u8],
    /// Empty when no request line could be read.
    pub method: &'a [u8],
    /// The host asked for, without port; empty when unknown.
    pub host: &'a [u8],
    /// The path as it was sent, still percent-encoded.
    pub path: &'a [u8],
    /// What followed the `?`, if there was one.
    pub query: Option<&'a [u8]>,
    /// Such as `HTTP/1.1`; empty when no request line could be read.
    pub protocol: &'a str,
    /// The TLS version, such as `TLSv1.3`; none on a plain connection.
    pub tls: Option<&'a str>,
    /// The status the client got, or the one it was no longer there to get.
    pub status: u16,
    /// Bytes read from the client, head included.
    pub bytes_in: u64,
    /// Bytes written to the client, head included.
    pub bytes_out: u64,
    /// Those of them after the head, nginx's `$body_bytes_sent`.
    pub bytes_out_body: u64,
    /// The reason code of an answer of our own.
    pub reason: Option<&'a str>,
    /// The revision that served it.
    pub revision: u64,
    /// The `X-Request-ID` taken or made.
    pub request_id: &'a [u8],
    /// The field of that name, if sent.
    pub user_agent: Option<&'a [u8]>,
    /// The field of that name, if sent.
    pub referer: Option<&'a [u8]>,
    /// The pool that was asked; no format says it, a search does.
    pub pool: Option<&'a str>,
    /// The name of the node whose answer the client got.
    pub node: Option<&'a str>,
    /// Every node asked, in order.
    pub tries: &'a [Try<'a>],
    /// Time spent waiting for a free node.
    pub queue: Duration,
    /// From the first byte of the request to the last of the answer.
    pub total: Duration,
    /// The number of the snapshot that the names are part of, of listener, site, route, pool and nodes, and
    /// these' addresses, each a whole text there. No other has that number, before or after. 0: they are not.
    pub snapshot: u64,
}

/// One node asked.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// Its name.
    pub node: &'a str,
    /// Where it was reached.
    pub address: &'a str,
    /// What it answered, if it did.
    pub status: Option<u16>,
    /// Why the answer was not passed on, a reason code.
    pub reason: Option<&'a str>,
    /// Time to connect, or spent on it in vain; none on a kept connection.
    pub connect: Option<Duration>,
    /// Time from the end of our request to its first byte, if one came.
    pub first_byte: Option<Duration>,
}

#[cfg(test)]
impl Record<'_> {
    /// A plain request with every field filled.
    pub(super) fn example() -> Self {
        const TRIES: &[Try<'static>] = &[
            Try {
                node: "web-1",
                address: "10.0.0.1:8000",
                status: None,
                reason: Some("node_refused"),
                connect: None,
                first_byte: None,
            },
            Try {
                node: "web-2",
                address: "10.0.0.2:8000",
                status: Some(200),
                reason: None,
                connect: Some(Duration::from_micros(150)),
                first_byte: Some(Duration::from_millis(21)),
            },
        ];
        Self {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(971_211_336_007),
            listener: "http",
            listener_port: 80,
            site: Some("shop"),
            route: Some("/"),
            client_ip: IpAddr::from([192, 0, 2, 7]),
            client_port: 50_000,
            user: b"frank",
            method: b"GET",
            host: b"shop.example.com",
            path: b"/cart/",
            query: Some(b"page=2"),
            protocol: "HTTP/1.1",
            tls: None,
            status: 200,
            bytes_in: 312,
            bytes_out: 2_600,
            bytes_out_body: 2_326,
            reason: None,
            revision: 41,
            request_id: b"0123456789abcdef",
            user_agent: Some(b"Mozilla/4.08 [en] (Win98; I ;Nav)"),
            referer: Some(b"http://www.example.com/start.html"),
            pool: Some("django"),
            node: Some("web-2"),
            tries: TRIES,
            queue: Duration::ZERO,
            total: Duration::from_micros(22_480),
            snapshot: 0,
        }
    }
}
