//! Reading a node's answer up to its final head, past interim ones.

use super::failure::Failure;
use super::links::Link;
use crate::http::{HeadScan, Limits, Refusal, ResponseHead, begins_like_an_answer, parse_response};

/// Most interim answers to one request (rule 37).
const MAX_INTERIM: u32 = 8;

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

    /// Takes what has arrived, past interim answers. True once the final head is read.
    pub(super) fn go_on(
        &mut self,
        link: &mut Link,
        response: &mut ResponseHead,
    ) -> Result<bool, Failure> {
        while !self.is_final {
            begins_like_an_answer(link.conn.input()).map_err(Failure::BadResponse)?;
            let scanned = self.scan.scan(link.conn.input(), &Limits::NODE);
            let Some((_, end)) = scanned.map_err(Failure::BadResponse)? else {
                return Ok(false);
            };
            let parsed = parse_response(&link.conn.input()[..end], &Limits::NODE, response);
            link.conn.consume(end);
            parsed.map_err(Failure::BadResponse)?;
            self.is_final = response.status >= 200;
            self.interim += u32::from(!self.is_final);
            if response.status == 101 || self.interim > MAX_INTERIM {
                let text = "an interim answer nobody asked for";
                return Err(Failure::BadResponse(Refusal::bad(37, text)));
            }
            self.scan = HeadScan::default();
        }
        Ok(true)
    }
}
