//! How often passwords may be tried: nobody is locked out, and nobody tries fast.
//!
//! Per account two counts, one for addresses from which it was signed in to before and one for
//! all others: whoever guesses from elsewhere does not keep its owner waiting. Per address one
//! more, over all accounts. A code besides the password is six digits, which a minute's count does
//! not protect for long: wrong ones are counted for a day. Pure: the clock is the caller's.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::Instant;

/// What is looked back on.
const MINUTE: Duration = Duration::from_secs(60);

/// Limit: wrong passwords a minute from known addresses, and as many from others: ten an
/// account in all.
const PER_COUNT: usize = 5;

/// Wrong codes in a row that cost no wait beyond that of the password.
const FREE_CODES: u32 = 5;

/// The longest wait after one more, and how long wrong codes are remembered: some thirty a day,
/// of which one in 333,333 is right by chance.
const LONGEST_CODE: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Wrong passwords in a row that cost no wait: a person's.
const FREE: u32 = 3;

/// The longest wait after one more.
const LONGEST: Duration = Duration::from_secs(30);

/// Limit: wrong passwords from one address at a go.
const BUCKET: u32 = 20;

/// How long until it may try one more.
const REFILL: Duration = Duration::from_secs(3);

/// Limit: accounts, addresses and known addresses remembered. What goes beyond shares one count.
const MOST: usize = 4096;

/// Limit: refusals and wrong passwords written into the audit log in a minute. More are in the program's own log alone.
const NOTES: usize = 60;

/// What was tried of late.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    accounts: HashMap<(String, bool), Tries>,
    codes: HashMap<(String, bool), Codes>,
    addresses: HashMap<IpAddr, Bucket>,
    known: HashSet<(String, IpAddr)>,
}

#[derive(Debug, Default)]
struct Tries {
    /// Of the last minute, the oldest first.
    recent: VecDeque<Instant>,
    in_a_row: u32,
}

/// Wrong codes, or such as are looked at just now.
#[derive(Debug, Clone, Copy)]
struct Codes {
    in_a_row: u32,
    last: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    spent: u32,
    since: Instant,
}

impl Throttle {
    /// Counts one try of the account `name` from `address`.
    ///
    /// # Errors
    /// How long to wait instead. Nothing was counted then.
    pub(super) fn try_once(
        &mut self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        let address = network(address);
        self.forget(now);
        let account = self.account(name, address);
        let wait = self
            .accounts
            .get(&account)
            .map_or(Duration::ZERO, |t| t.wait(now));
        let key = match self.addresses.len() < MOST || self.addresses.contains_key(&address) {
            true => address,
            false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let fresh = Bucket {
            spent: 0,
            since: now,
        };
        let mut bucket = self.addresses.get(&key).copied().unwrap_or(fresh);
        let wait = wait.max(bucket.wait(now));
        if wait > Duration::ZERO {
            return Err(wait);
        }
        bucket.spent += 1;
        self.addresses.insert(key, bucket);
        let tries = self.accounts.entry(account).or_default();
        tries.recent.push_back(now);
        tries.in_a_row += 1;
        Ok(())
    }

    /// The try was right: it is taken back, and the address is known from now on.
    pub(super) fn was_right(&mut self, name: &str, address: IpAddr) {
        let address = network(address);
        let account = self.account(name, address);
        self.accounts.remove(&account);
        if let Some(bucket) = self.addresses.get_mut(&address) {
            bucket.spent = bucket.spent.saturating_sub(1);
        }
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert((name.to_lowercase(), address));
    }

    /// Counts one try of a code of the account `name`, whose password was right.
    ///
    /// # Errors
    /// How long to wait instead. Nothing was counted then.
    pub(super) fn try_code(
        &mut self,
        name: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<(), Duration> {
        self.codes
            .retain(|_, codes| now.duration_since(codes.last) < DAY);
        let known = (name.to_lowercase(), network(address));
        let account = (known.0.clone(), self.known.contains(&known));
        let account = match self.codes.len() < MOST || self.codes.contains_key(&account) {
            true => account,
            false => (String::new(), false),
        };
        let fresh = Codes {
            in_a_row: 0,
            last: now,
        };
        let codes = self.codes.entry(account).or_insert(fresh);
        let wait = match codes.in_a_row.checked_sub(FREE_CODES) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(2 << over.min(20)).min(LONGEST_CODE),
        };
        let wait = (codes.last + wait).saturating_duration_since(now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        codes.in_a_row += 1;
        codes.last = now;
        Ok(())
    }

    /// The code was right.
    pub(super) fn code_was_right(&mut self, name: &str, address: IpAddr) {
        let known = (name.to_lowercase(), network(address));
        let account = (known.0.clone(), self.known.contains(&known));
        self.codes.remove(&account);
    }

    fn account(&self, name: &str, address: IpAddr) -> (String, bool) {
        let name = name.to_lowercase();
        let known = self.known.contains(&(name.clone(), address));
        let account = (name, known);
        match self.accounts.len() < MOST || self.accounts.contains_key(&account) {
            true => account,
            false => (String::new(), false),
        }
    }

    /// Drops what has no say any more.
    fn forget(&mut self, now: Instant) {
        self.accounts.retain(|_, tries| {
            tries.recent.retain(|at| now.duration_since(*at) < MINUTE);
            !tries.recent.is_empty()
        });
        self.addresses.retain(|_, bucket| bucket.refill(now));
    }
}

impl Tries {
    fn wait(&self, now: Instant) -> Duration {
        let until = |at: Option<&Instant>, wait: Duration| {
            at.map_or(Duration::ZERO, |at| {
                (*at + wait).saturating_duration_since(now)
            })
        };
        let full = match self.recent.len() >= PER_COUNT {
            true => until(self.recent.front(), MINUTE),
            false => Duration::ZERO,
        };
        let next = match self.in_a_row.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(over) => {
                let wait = Duration::from_secs(1 << over.min(10)).min(LONGEST);
                until(self.recent.back(), wait)
            }
        };
        full.max(next)
    }
}

impl Bucket {
    /// Gives back what the time has; whether anything is still spent.
    fn refill(&mut self, now: Instant) -> bool {
        while self.spent > 0 && now.duration_since(self.since) >= REFILL {
            self.spent -= 1;
            self.since += REFILL;
        }
        self.spent > 0
    }

    fn wait(&self, now: Instant) -> Duration {
        match self.spent >= BUCKET {
            true => (self.since + REFILL).saturating_duration_since(now),
            false => Duration::ZERO,
        }
    }
}

/// One customer's addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let prefix = v6.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
    }
}

/// How many refusals were written of late.
#[derive(Debug, Default)]
pub(super) struct Notes(VecDeque<Instant>);

impl Notes {
    /// Whether one more is written: whoever may not come in must not fill the disk.
    pub(super) fn may_write(&mut self, now: Instant) -> bool {
        self.0.retain(|at| now.duration_since(*at) < MINUTE);
        let may = self.0.len() < NOTES;
        if may {
            self.0.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Notes, Throttle};

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    /// Tries every `step` for a minute and counts what was let through.
    fn tries(throttle: &mut Throttle, from: impl Fn(u32) -> IpAddr) -> u32 {
        let start = Instant::now();
        let mut through = 0;
        for i in 0..600 {
            let now = start + Duration::from_millis(100) * i;
            through += u32::from(throttle.try_once("alice", from(i), now).is_ok());
        }
        through
    }

    #[test]
    fn an_account_is_tried_ten_times_a_minute_at_most_from_however_many_addresses() {
        let mut throttle = Throttle::default();
        throttle.was_right("Alice", address(1));
        let through = tries(&mut throttle, |i| address(u8::try_from(i % 200).unwrap()));
        assert!((5..=10).contains(&through), "{through}");
        let one = tries(&mut Throttle::default(), |_| address(9));
        assert!((4..=5).contains(&one), "{one}");
    }

    #[test]
    fn whoever_guesses_from_elsewhere_does_not_keep_the_owner_waiting() {
        let mut throttle = Throttle::default();
        throttle.was_right("alice", address(1));
        tries(&mut throttle, |_| address(2));
        let now = Instant::now() + Duration::from_secs(20);
        assert!(throttle.try_once("alice", address(2), now).is_err());
        assert_eq!(throttle.try_once("ALICE", address(1), now), Ok(()));
    }

    #[test]
    fn the_wait_doubles_and_ends_by_itself_and_with_the_right_password() {
        let mut throttle = Throttle::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..5 {
            while let Err(wait) = throttle.try_once("bob", address(3), now) {
                waits.push(wait.as_secs());
                now += wait;
            }
        }
        assert_eq!(waits, [1, 2]);
        let wait = throttle.try_once("bob", address(3), now).unwrap_err();
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
        now += wait;
        assert_eq!(throttle.try_once("bob", address(3), now), Ok(()));
        throttle.was_right("bob", address(3));
        for _ in 0..3 {
            assert_eq!(throttle.try_once("bob", address(3), now), Ok(()));
        }
    }

    #[test]
    fn an_address_has_so_many_tries_over_all_accounts() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let mut through = 0;
        for i in 0..100 {
            let name = format!("user{i}");
            through += u32::from(throttle.try_once(&name, address(4), now).is_ok());
        }
        assert_eq!(through, 20);
        let later = now + Duration::from_secs(3);
        assert_eq!(throttle.try_once("next", address(4), later), Ok(()));
        assert!(throttle.try_once("more", address(4), later).is_err());
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, 5, last]);
        let through = (0..100).filter(|i| throttle.try_once(&format!("v{i}"), v6(*i), now).is_ok());
        assert_eq!(through.count(), 20, "one customer's addresses count as one");
    }

    #[test]
    fn codes_are_guessed_some_thirty_times_a_day_and_the_owner_is_not_kept_waiting() {
        let mut throttle = Throttle::default();
        throttle.was_right("alice", address(1));
        let start = Instant::now();
        let mut through = 0;
        for minute in 0..24 * 60 {
            let now = start + Duration::from_secs(60) * minute;
            let from = address(2 + u8::try_from(minute % 100).unwrap());
            through += u32::from(throttle.try_code("Alice", from, now).is_ok());
        }
        assert!((25..=40).contains(&through), "{through}");
        let now = start + Duration::from_secs(24 * 60 * 60);
        assert!(throttle.try_code("alice", address(3), now).is_err());
        assert_eq!(throttle.try_code("alice", address(1), now), Ok(()));
        throttle.code_was_right("alice", address(3));
        assert_eq!(throttle.try_code("alice", address(3), now), Ok(()));
        // A right password is no right code.
        for _ in 0..4 {
            assert_eq!(throttle.try_code("bob", address(4), now), Ok(()));
        }
        assert_eq!(throttle.try_code("bob", address(4), now), Ok(()));
        throttle.was_right("bob", address(5));
        assert!(throttle.try_code("bob", address(4), now).is_err());
        let later = now + Duration::from_secs(60 * 60);
        assert_eq!(throttle.try_code("bob", address(4), later), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for i in 0..10_000_u32 {
            let [a, b, c, d] = i.to_be_bytes();
            let _ = throttle.try_once(&i.to_string(), IpAddr::from([a | 1, b, c, d]), now);
            let _ = throttle.try_code(&i.to_string(), IpAddr::from([a | 1, b, c, d]), now);
        }
        assert!(throttle.accounts.len() <= super::MOST + 1);
        assert!(throttle.addresses.len() <= super::MOST + 1);
        assert!(throttle.codes.len() <= super::MOST + 1);
    }

    #[test]
    fn refusals_do_not_fill_the_audit_log() {
        let mut notes = Notes::default();
        let now = Instant::now();
        let written = (0..1000).filter(|_| notes.may_write(now)).count();
        assert_eq!(written, 60);
        assert!(notes.may_write(now + Duration::from_secs(60)));
    }
}
