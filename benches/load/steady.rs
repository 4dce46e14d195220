//! Requests at a steady rate.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::Timespec;

use super::Load;

/// Requests that are due at a steady rate, whether or not those before were answered: how long one
/// takes is counted from when it was due, so that a subject that stops is not asked less.
pub(super) struct Schedule {
    start: Instant,
    gap: Duration,
    // Requests that have become due, and those of them that no connection is free for.
    begun: u32,
    all: u32,
    late: VecDeque<Instant>,
    pub(super) resting: Vec<usize>,
    pub(super) took: Vec<Duration>,
}

impl Load {
    /// Asks `rate` times a second, `requests` times in all, over `connections` kept ones, and tells
    /// how long each took.
    pub(crate) fn drive(
        &mut self,
        port: u16,
        connections: usize,
        rate: f64,
        requests: u32,
    ) -> io::Result<Vec<Duration>> {
        self.target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut resting = Vec::new();
        for _ in 0..if self.exchange.reconnects {
            0
        } else {
            connections
        } {
            resting.push(self.open()?);
        }
        self.schedule = Some(Schedule {
            start: Instant::now(),
            gap: Duration::from_secs_f64(1.0 / rate),
            begun: 0,
            all: requests,
            late: VecDeque::new(),
            resting,
            took: Vec::new(),
        });
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        loop {
            self.begin()?;
            // Not to be woken too late for the next one, it never sleeps: the core is its own.
            self.turn(Some(&now))?;
            let schedule = self.schedule.as_ref().expect("set above");
            if schedule.took.len() == requests as usize {
                break;
            }
        }
        let schedule = self.schedule.take().expect("set above");
        for index in schedule.resting {
            self.parties[index] = None;
            self.free.push(index);
        }
        Ok(schedule.took)
    }

    // Sends what is due and has a connection.
    fn begin(&mut self) -> io::Result<()> {
        loop {
            let Some(schedule) = &mut self.schedule else {
                return Ok(());
            };
            while schedule.begun < schedule.all {
                let due = schedule.start + schedule.gap * schedule.begun;
                if due > Instant::now() {
                    break;
                }
                schedule.late.push_back(due);
                schedule.begun += 1;
            }
            let Some(due) = schedule.late.front().copied() else {
                return Ok(());
            };
            let index = match (self.exchange.reconnects, schedule.resting.pop()) {
                (_, Some(index)) => index,
                (true, None) => self.open()?,
                (false, None) => return Ok(()),
            };
            if let Some(schedule) = &mut self.schedule {
                schedule.late.pop_front();
            }
            let mut party = self.parties[index].take().expect("it rests");
            (party.due, party.sending) = (Some(due), true);
            self.write(&mut party, index)?;
            self.parties[index] = Some(party);
        }
    }
}
