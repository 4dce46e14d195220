//! Reading a node's answer up to its final head. Interim ones go on to the client.

use super::failure::Failure;
use super::forward::{Forwarding, Sides};
use super::headers::write_interim;
use super::links::Link;
use super::upgrade::{check_agreed, is_asked};
use crate::http::{HeadScan, Limits, Refusal, Version, begins_like_an_answer, parse_response};

/// Most interim answers to one request (rule 37).
const MAX_INTERIM: u32 = 8;
/// Interim answers are left out while more than this waits for a client that takes nothing:
/// what is only a hint must not pile up.
const HINTS: usize = 64 * 1024;

/// How far the answer's heads have been read.
#[derive(Default)]
pub(super) struct HeadRead {
    scan: HeadScan,
    interim: u32,
    is_final: bool,
}

impl HeadRead {
    /// Whether any head of it has been read.
    pub(super) fn has_begun(&self) -> bool {
        self.is_final || self.interim > 0
    }

    /// Takes what has arrived; interim answers among it are put into the client's output.
    /// True once the final head is read.
    pub(super) fn go_on(
        &mut self,
        this: &Forwarding<'_, '_>,
        sides: &mut Sides<'_>,
        link: &mut Link,
    ) -> Result<bool, Failure> {
        let response = &mut *sides.response;
        while !self.is_final {
            begins_like_an_answer(link.conn.input()).map_err(Failure::BadResponse)?;
            let scanned = self.scan.scan(link.conn.input(), &Limits::NODE);
            let Some((_, end)) = scanned.map_err(Failure::BadResponse)? else {
                return Ok(false);
            };
            let parsed = parse_response(&link.conn.input()[..end], &Limits::NODE, response);
            link.conn.consume(end);
            parsed.map_err(Failure::BadResponse)?;
            let request = &this.exchange.request;
            let switches = response.status == 101 && is_asked(request, this.route);
            if switches {
                check_agreed(request.head, response).map_err(Failure::NotUpgraded)?;
            }
            self.is_final = response.status >= 200 || switches;
            self.interim += u32::from(!self.is_final);
            if (response.status == 101 && !switches) || self.interim > MAX_INTERIM {
                let text = "an interim answer nobody asked for";
                return Err(Failure::BadResponse(Refusal::bad(37, text)));
            }
            self.scan = HeadScan::default();
            // `100 Continue` is ours to say (rule 38), and HTTP/1.0 knows none of them.
            let version = request.head.version;
            if !self.is_final && response.status != 100 && version == Version::Http11 {
                let plan = this.route.headers(request.scheme());
                let client = &mut *sides.client;
                let out = client.conn.output();
                let before = out.len();
                if before <= HINTS {
                    write_interim(out, response, plan);
                    client.interim_out += (out.len() - before) as u64;
                }
            }
        }
        Ok(true)
    }
}
