//! The question of an HTTP probe, and reading the answer as strictly as the proxy would:
//! an answer it would refuse is no proof of health.

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::judge::{Answer, Opening, opening, refused};
use crate::balance::{Cause, Facts, quoted};
use crate::http::{
    BodyReader, HeadScan, Limits, Piece, Refusal, ResponseHead, parse_response, response_framing,
};
use crate::model::HttpCheck;

/// What a probe reads at a time: a usual head in one go.
const READ: usize = 4096;

/// Limit: bytes of a 400's body that are looked at for its reason.
const REASON: usize = 16 * 1024;

/// Limit: interim answers before the final one, as the proxy takes.
const INTERIM: usize = 8;

/// Asks over `stream` and judges the answer, all before `until`. What the words need goes
/// into `facts`.
pub(super) async fn ask(
    check: &HttpCheck,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    until: Instant,
    facts: &mut Facts,
) -> Result<(), Cause> {
    let mut wire = Wire {
        stream,
        input: Vec::new(),
        until,
    };
    let written = wire.write(question(check, &facts.host).as_bytes()).await;
    let mut interim = 0;
    let head = loop {
        let head = wire.head(written.is_ok(), facts).await?;
        // 101 is the last of its connection: it was not asked for, and is not expected.
        if !matches!(head.status, 100 | 102..=199) || interim == INTERIM {
            break head;
        }
        interim += 1;
    };
    facts.status = Some(head.status);
    if !check.expect.passes(head.status) {
        return Err(wire.judge(check, &head, facts).await);
    }
    if check.body.is_empty() {
        return Ok(());
    }
    let body = wire.body(check, &head, facts)?;
    match body.must_hold(check, facts).await {
        // The text is not there because it is elsewhere.
        Err(Cause::BodyMismatch | Cause::BodyEmpty) if redirects(&head) => {
            Err(wire.judge(check, &head, facts).await)
        }
        held => held,
    }
}

fn redirects(head: &ResponseHead) -> bool {
    matches!(head.status, 301 | 302 | 303 | 307 | 308) && head.fields.named("location").is_some()
}

fn question(check: &HttpCheck, host: &str) -> String {
    let (method, path) = (check.method.as_str(), &check.path);
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: steelyard-probe/1\r\nConnection: close\r\n"
    );
    if !check.headers.iter().any(|(name, _)| name.is("accept")) {
        text.push_str("Accept: */*\r\n");
    }
    for (name, value) in &check.headers {
        text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
    }
    text.push_str("\r\n");
    text
}

// Why there is no more to read.
#[derive(Clone, Copy)]
enum Lost {
    Ended,
    Broken,
    Late,
}

// The connection, what was read of it and not yet used, and until when it may be waited for.
struct Wire<S> {
    stream: S,
    input: Vec<u8>,
    until: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        match timeout_at(self.until, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Lost::Broken),
            Err(_) => Err(Lost::Late),
        }
    }

    async fn more(&mut self) -> Result<(), Lost> {
        self.input.reserve(READ);
        match timeout_at(self.until, self.stream.read_buf(&mut self.input)).await {
            Ok(Ok(0)) => Err(Lost::Ended),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Lost::Broken),
            Err(_) => Err(Lost::Late),
        }
    }

    // Reads one head. A node may answer and close before it has read all of the question;
    // then the answer counts.
    async fn head(&mut self, written: bool, facts: &mut Facts) -> Result<ResponseHead, Cause> {
        let mut scan = HeadScan::default();
        let mut lost = None;
        loop {
            match opening(&self.input, lost.is_some()) {
                Opening::Known(cause) => {
                    facts.said = quoted(first_line(&self.input));
                    return Err(cause);
                }
                Opening::Http => {
                    let found = scan.scan(&self.input, &Limits::NODE);
                    if let Some((start, end)) = found.map_err(|r| bad_http(r, facts))? {
                        let mut head = ResponseHead::default();
                        parse_response(&self.input[start..end], &Limits::NODE, &mut head)
                            .map_err(|refusal| bad_http(refusal, facts))?;
                        self.input.drain(..end);
                        return Ok(head);
                    }
                }
                Opening::Other => {}
            }
            if let Some(lost) = lost {
                return Err(no_head(lost, written, self.input.is_empty()));
            }
            lost = self.more().await.err();
        }
    }

    fn body<'w>(
        &'w mut self,
        check: &HttpCheck,
        head: &ResponseHead,
        facts: &mut Facts,
    ) -> Result<Body<'w, S>, Cause> {
        let framing = response_framing(head, check.method.as_str().as_bytes());
        let framing = framing.map_err(|refusal| bad_http(refusal, facts))?;
        Ok(Body {
            wire: self,
            reader: BodyReader::new(framing),
            bytes: Vec::new(),
        })
    }

    // What is wrong with an answer whose status is not expected.
    async fn judge(&mut self, check: &HttpCheck, head: &ResponseHead, facts: &mut Facts) -> Cause {
        let location = head.fields.named("location");
        let location = location.map(String::from_utf8_lossy);
        facts.said = quoted(location.as_deref().unwrap_or_default().as_bytes());
        let mut begun = Vec::new();
        if head.status == 400
            && let Ok(mut body) = self.body(check, head, facts)
        {
            // A body that breaks off is still a 400.
            while body.bytes.len() < REASON && matches!(body.more(facts).await, Ok(true)) {}
            begun = body.bytes;
        }
        let answer = Answer {
            status: head.status,
            location: location.as_deref(),
            path: &check.path,
            body: &begun,
        };
        answer.cause()
    }
}

// A body being read.
struct Body<'w, S> {
    wire: &'w mut Wire<S>,
    reader: BodyReader,
    bytes: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Body<'_, S> {
    // Reads a piece more; false at its end.
    async fn more(&mut self, facts: &mut Facts) -> Result<bool, Cause> {
        loop {
            let piece = self.reader.next(&self.wire.input);
            match piece.map_err(|refusal| bad_http(refusal, facts))? {
                Piece::Data(range) => {
                    self.bytes
                        .extend_from_slice(&self.wire.input[range.clone()]);
                    self.wire.input.drain(..range.end);
                    return Ok(true);
                }
                Piece::End(_) => return Ok(false),
                Piece::More => self.wire.input.clear(),
            }
            match self.wire.more().await {
                Ok(()) => {}
                Err(Lost::Ended) if self.reader.connection_ended() => return Ok(false),
                Err(Lost::Ended | Lost::Broken) => return Err(Cause::BodyCut),
                Err(Lost::Late) => return Err(Cause::AnswerSlow),
            }
        }
    }

    // Passes as soon as the body holds what it should.
    async fn must_hold(mut self, check: &HttpCheck, facts: &mut Facts) -> Result<(), Cause> {
        let wanted = check.body.as_bytes();
        let mut from = 0;
        loop {
            let end = self.bytes.len().min(HttpCheck::BODY_LIMIT);
            if memmem::find(&self.bytes[from..end], wanted).is_some() {
                return Ok(());
            }
            // It may stand across two pieces.
            from = end.saturating_sub(wanted.len().saturating_sub(1));
            if end == HttpCheck::BODY_LIMIT || !self.more(facts).await? {
                if end == 0 {
                    return Err(Cause::BodyEmpty);
                }
                facts.said = quoted(&self.bytes);
                return Err(Cause::BodyMismatch);
            }
        }
    }
}

fn no_head(lost: Lost, written: bool, empty: bool) -> Cause {
    match (lost, empty) {
        (Lost::Late, true) => Cause::AnswerTimeout,
        (Lost::Late, false) => Cause::AnswerSlow,
        (Lost::Ended | Lost::Broken, false) => Cause::HeadCut,
        (Lost::Ended, true) if written => Cause::Closed,
        (Lost::Ended | Lost::Broken, true) => Cause::Reset,
    }
}

fn bad_http(refusal: Refusal, facts: &mut Facts) -> Cause {
    facts.said = refusal.text.to_owned();
    facts.rule = refusal.rule;
    refused(refusal)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'\r', b'\n', bytes);
    match end {
        // A line that is empty says nothing.
        Some(0) | None => bytes,
        Some(end) => &bytes[..end],
    }
}
