//! Wrong passwords, held back by address.
//!
//! Nobody is shut out: an application that has the right password may stand behind the same
//! address as one that has not. Each attempt of such an address waits its turn instead.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many wrong passwords cost nothing: somebody is still typing a setting.
const FREE: u32 = 5;

/// After that an address has ten attempts a second.
const TURN: Duration = Duration::from_millis(100);

/// Longest wait for a turn; who would wait longer is refused unheard.
const LONGEST: Duration = Duration::from_secs(5);

/// After so long without a wrong password all is forgotten.
const FORGET: Duration = Duration::from_secs(60);

/// Limit: addresses remembered. Beyond it those that were quiet longest go.
const MOST: usize = 10_000;

/// When a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// At once.
    Now,
    /// Then.
    At(Instant),
    /// Too many of this address wait.
    Refused,
}

/// What is remembered of wrong passwords.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, Wrong>>);

#[derive(Debug)]
struct Wrong {
    count: u32,
    last: Instant,
    next: Instant,
}

impl Throttle {
    /// When a password from `address` may be looked at. Takes the turn.
    pub fn turn(&self, address: IpAddr, now: Instant) -> Turn {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wrong) = all.get_mut(&whose(address)) else {
            return Turn::Now;
        };
        if wrong.count < FREE || now.duration_since(wrong.last) >= FORGET {
            return Turn::Now;
        }
        let at = wrong.next.max(now);
        if at.duration_since(now) > LONGEST {
            return Turn::Refused;
        }
        wrong.next = at + TURN;
        if at == now { Turn::Now } else { Turn::At(at) }
    }

    /// Notes that a password from `address` was wrong.
    pub fn wrong(&self, address: IpAddr, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = whose(address);
        if all.len() >= MOST && !all.contains_key(&whose) {
            all.retain(|_, wrong| now.duration_since(wrong.last) < FORGET);
            let oldest = all.iter().min_by_key(|(_, wrong)| wrong.last);
            if all.len() >= MOST
                && let Some(oldest) = oldest.map(|(address, _)| *address)
            {
                all.remove(&oldest);
            }
        }
        let wrong = all.entry(whose).or_insert(Wrong {
            count: 0,
            last: now,
            next: now + TURN,
        });
        if now.duration_since(wrong.last) >= FORGET {
            wrong.count = 0;
        }
        wrong.count = wrong.count.saturating_add(1);
        wrong.last = now;
    }
}

/// Of IPv6 the network that one client is given whole.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => {
            let network = ip.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{FORGET, FREE, LONGEST, MOST, TURN, Throttle, Turn};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn guessed(throttle: &Throttle, address: IpAddr, now: Instant) {
        for _ in 0..FREE {
            assert_eq!(throttle.turn(address, now), Turn::Now);
            throttle.wrong(address, now);
        }
    }

    #[test]
    fn some_mistakes_cost_nothing_and_then_each_waits_its_turn() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let one = ip("10.0.0.1");
        guessed(&throttle, one, now);
        assert_eq!(throttle.turn(one, now), Turn::At(now + TURN));
        assert_eq!(throttle.turn(one, now), Turn::At(now + 2 * TURN));
        // The same behind IPv6's way of writing it, and nobody else.
        assert_ne!(throttle.turn(ip("::ffff:10.0.0.1"), now), Turn::Now);
        assert_eq!(throttle.turn(ip("10.0.0.2"), now), Turn::Now);
        assert_eq!(throttle.turn(one, now + FORGET), Turn::Now);
    }

    #[test]
    fn where_too_many_wait_one_more_is_refused() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let one = ip("10.0.0.1");
        guessed(&throttle, one, now);
        let waiting = (0..).take_while(|_| throttle.turn(one, now) != Turn::Refused);
        let most = LONGEST.as_millis() / TURN.as_millis();
        assert_eq!(waiting.count(), usize::try_from(most).unwrap());
        // Those who waited are gone a little later.
        assert_ne!(
            throttle.turn(one, now + Duration::from_secs(1)),
            Turn::Refused
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_guesser_and_no_crowd_fills_the_memory() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        guessed(&throttle, ip("2001:db8::1"), now);
        assert_ne!(throttle.turn(ip("2001:db8::ffff:2"), now), Turn::Now);
        assert_eq!(throttle.turn(ip("2001:db8:0:1::1"), now), Turn::Now);
        for i in 0..u32::try_from(MOST).unwrap() + 10 {
            throttle.wrong(std::net::Ipv4Addr::from_bits(i).into(), now);
        }
        assert!(throttle.0.lock().unwrap().len() <= MOST);
    }
}
