//! Why the proxy answered by itself: the reason codes of the outside contract.

use crate::http::Refusal;

/// Why an answer is our own and no node's or file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request breaks a rule of HTTP.
    BadRequest(Refusal),
    /// The request body is over the route's limit.
    BodyTooLarge,
    /// The client was too slow with its request.
    ClientTimeout,
    /// The client went away.
    ClientGone,
    /// No site answers for the host.
    NoSite,
    /// The host is another than the connection was made for (rule 57).
    Misdirected,
    /// Plain HTTP where only TLS is spoken.
    PlainHttp,
    /// The site has no such path.
    NoRoute,
    /// No file is at the path.
    NoFile,
    /// What is asked for is not for this client.
    Forbidden,
    /// The site does not take the method.
    MethodNotAllowed,
    /// More connections than may be.
    TooManyConnections,
    /// The pool has no enabled node.
    NoNode,
    /// Every node has as many requests as it may, and as many wait as may.
    QueueFull,
    /// No node had room in time.
    QueueTimeout,
    /// The node refused the connection, or its name is unknown.
    NodeRefused,
    /// The node did not accept, or end the handshake, in time.
    NodeConnectTimeout,
    /// There is no TLS to the node, or it is not who it should be.
    NodeTls,
    /// The node did not answer in time.
    NodeTimeout,
    /// The node broke off.
    NodeReset,
    /// The node's answer was not HTTP.
    NodeBadResponse,
    /// The node's 101 did not agree to the WebSocket that was asked for.
    NotUpgraded,
    /// Neither side of a WebSocket said anything for too long.
    TunnelIdle,
    /// We failed.
    Internal,
}

impl Reason {
    /// The status the client is answered.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest(refusal) => refusal.status,
            Self::BodyTooLarge => 413,
            Self::ClientTimeout => 408,
            Self::ClientGone => 499,
            Self::NoSite | Self::NoRoute | Self::NoFile => 404,
            Self::Misdirected => 421,
            Self::PlainHttp => 400,
            Self::Forbidden => 403,
            Self::MethodNotAllowed => 405,
            Self::TooManyConnections | Self::NoNode | Self::QueueFull | Self::QueueTimeout => 503,
            Self::NodeRefused
            | Self::NodeTls
            | Self::NodeReset
            | Self::NodeBadResponse
            | Self::NotUpgraded => 502,
            Self::TunnelIdle => 101,
            Self::NodeConnectTimeout | Self::NodeTimeout => 504,
            Self::Internal => 500,
        }
    }

    /// The code in log, metric and `X-Steelyard-Reason`.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadRequest(refusal) => match refusal.status {
                405 => "method_not_allowed",
                414 => "target_too_long",
                431 => "head_too_large",
                _ => "bad_request",
            },
            Self::BodyTooLarge => "body_too_large",
            Self::ClientTimeout => "client_timeout",
            Self::ClientGone => "client_gone",
            Self::NoSite => "no_site",
            Self::Misdirected => "misdirected",
            Self::PlainHttp => "bad_request",
            Self::NoRoute => "no_route",
            Self::NoFile => "no_file",
            Self::Forbidden => "forbidden",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooManyConnections => "too_many_connections",
            Self::NoNode => "no_node",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::NodeRefused => "node_refused",
            Self::NodeConnectTimeout => "node_connect_timeout",
            Self::NodeTls => "node_tls",
            Self::NodeTimeout => "node_timeout",
            Self::NodeReset => "node_reset",
            Self::NodeBadResponse => "node_bad_response",
            Self::NotUpgraded => "not_upgraded",
            Self::TunnelIdle => "tunnel_idle",
            Self::Internal => "internal",
        }
    }

    /// A sentence for the person in front of the browser. Names no node: that is in the log.
    pub fn words(self) -> String {
        let words = match self {
            Self::BadRequest(refusal) => return format!("The request was refused: {refusal}."),
            Self::BodyTooLarge => "The request is larger than this site takes.",
            Self::ClientTimeout => "The request took too long to arrive.",
            Self::ClientGone => "The client went away.",
            Self::NoSite => "No site answers for this name.",
            Self::Misdirected => {
                "This connection was made for another name. Ask for this one by a connection of its own."
            }
            Self::PlainHttp => "This port speaks HTTPS only, and was asked in plain HTTP.",
            Self::NoRoute | Self::NoFile => "This site has nothing at this path.",
            Self::Forbidden => "This is not for you to see.",
            Self::MethodNotAllowed => "This site does not take this method.",
            Self::TooManyConnections => "Too many connections are open. Try again soon.",
            Self::NoNode => "No server can take the request now. Try again soon.",
            Self::QueueFull | Self::QueueTimeout => "The servers are busy. Try again soon.",
            Self::NodeRefused | Self::NodeTls | Self::NodeReset => {
                "The server could not be reached."
            }
            Self::NodeConnectTimeout | Self::NodeTimeout => "The server took too long to answer.",
            Self::NodeBadResponse | Self::NotUpgraded => {
                "The server's answer could not be understood."
            }
            Self::TunnelIdle => "Nothing was said for too long.",
            Self::Internal => "Something went wrong on our side.",
        };
        words.to_owned()
    }
}
