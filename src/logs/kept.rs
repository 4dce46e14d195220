//! A record for later: what is known of a request that goes on when all it was read from is gone.

use super::{Record, Try};

/// A record without what it was borrowed from.
#[derive(Debug)]
pub struct KeptRecord {
    /// All of it that is no text.
    plain: Record<'static>,
    listener: String,
    site: Option<String>,
    route: Option<String>,
    user: Vec<u8>,
    method: Vec<u8>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    protocol: String,
    tls: Option<String>,
    reason: Option<String>,
    request_id: Vec<u8>,
    user_agent: Option<Vec<u8>>,
    referer: Option<Vec<u8>>,
    pool: Option<String>,
    node: Option<String>,
    tries: Vec<KeptTry>,
}

#[derive(Debug)]
struct KeptTry {
    plain: Try<'static>,
    node: String,
    address: String,
    reason: Option<String>,
}

impl KeptRecord {
    /// Keeps `record`.
    pub fn of(record: &Record<'_>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let bytes = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Self {
            plain: Record {
                time: record.time,
                listener: "",
                listener_port: record.listener_port,
                site: None,
                route: None,
                client_ip: record.client_ip,
                client_port: record.client_port,
                user: b"",
                method: b"",
                host: b"",
                path: b"",
                query: None,
                protocol: "",
                tls: None,
                status: record.status,
                bytes_in: record.bytes_in,
                bytes_out: record.bytes_out,
                bytes_out_body: record.bytes_out_body,
                reason: None,
                revision: record.revision,
                request_id: b"",
                user_agent: None,
                referer: None,
                pool: None,
                node: None,
                tries: &[],
                queue: record.queue,
                total: record.total,
                // Its texts are its own.
                snapshot: 0,
            },
            listener: record.listener.to_owned(),
            site: text(record.site),
            route: text(record.route),
            user: record.user.to_vec(),
            method: record.method.to_vec(),
            host: record.host.to_vec(),
            path: record.path.to_vec(),
            query: bytes(record.query),
            protocol: record.protocol.to_owned(),
            tls: text(record.tls),
            reason: text(record.reason),
            request_id: record.request_id.to_vec(),
            user_agent: bytes(record.user_agent),
            referer: bytes(record.referer),
            pool: text(record.pool),
            node: text(record.node),
            tries: record.tries.iter().map(KeptTry::of).collect(),
        }
    }

    /// Hands it to `take` as it was.
    pub fn with<T>(&self, take: impl FnOnce(Record<'_>) -> T) -> T {
        let tries: Vec<Try<'_>> = self.tries.iter().map(KeptTry::as_tried).collect();
        take(Record {
            listener: &self.listener,
            site: self.site.as_deref(),
            route: self.route.as_deref(),
            user: &self.user,
            method: &self.method,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            protocol: &self.protocol,
            tls: self.tls.as_deref(),
            reason: self.reason.as_deref(),
            request_id: &self.request_id,
            user_agent: self.user_agent.as_deref(),
            referer: self.referer.as_deref(),
            pool: self.pool.as_deref(),
            node: self.node.as_deref(),
            tries: &tries,
            ..self.plain
        })
    }
}

impl KeptTry {
    fn of(tried: &Try<'_>) -> Self {
        Self {
            plain: Try {
                node: "",
                address: "",
                status: tried.status,
                reason: None,
                connect: tried.connect,
                first_byte: tried.first_byte,
            },
            node: tried.node.to_owned(),
            address: tried.address.to_owned(),
            reason: tried.reason.map(str::to_owned),
        }
    }

    fn as_tried(&self) -> Try<'_> {
        Try {
            node: &self.node,
            address: &self.address,
            reason: self.reason.as_deref(),
            ..self.plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeptRecord, Record};

    #[test]
    fn what_was_kept_is_what_there_was() {
        let record = Record::example();
        let kept = KeptRecord::of(&record);
        let before = format!("{record:?}");
        kept.with(|after| assert_eq!(format!("{after:?}"), before));
        assert!(before.contains("node_refused"));
    }
}
