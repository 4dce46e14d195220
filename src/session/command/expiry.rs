//! Times: when a key ends, as clients say and ask it.

use super::refusal::NOT_INTEGER;
use super::{Call, Done, Refusal};
use crate::session::resp::integer;

/// How a client says a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    seconds: bool,
    pub(super) absolute: bool,
}

impl Time {
    pub(super) const IN_SECONDS: Self = Self::of(true, false);
    pub(super) const IN_MILLISECONDS: Self = Self::of(false, false);
    const AT_SECONDS: Self = Self::of(true, true);
    const AT_MILLISECONDS: Self = Self::of(false, true);

    const fn of(seconds: bool, absolute: bool) -> Self {
        Self { seconds, absolute }
    }

    /// The option of `SET` that says it.
    pub(super) fn named(word: &[u8]) -> Option<Self> {
        let names: [(&str, Self); 4] = [
            ("EX", Self::IN_SECONDS),
            ("PX", Self::IN_MILLISECONDS),
            ("EXAT", Self::AT_SECONDS),
            ("PXAT", Self::AT_MILLISECONDS),
        ];
        let mut found = names
            .iter()
            .filter(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        found.next().map(|(_, time)| *time)
    }
}

/// A time after which a client wants a key to end, drawn a little shorter or longer where the operator asked for it:
/// many that began together do not end together.
fn jittered(call: &Call<'_, '_, '_>, lifetime: i64) -> i64 {
    let percent = i64::from(call.settings.ttl_jitter);
    let most = lifetime / 100 * percent + lifetime % 100 * percent / 100;
    if most <= 0 {
        return lifetime;
    }
    let drawn = rand::random_range(-most..=most);
    lifetime.saturating_add(drawn).max(1)
}

fn signed(now: u64) -> i64 {
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// When a value ends that is put with a time; one that has passed is no error.
pub(super) fn at(
    call: &Call<'_, '_, '_>,
    time: Time,
    number: &[u8],
    name: &str,
) -> Result<u64, Refusal> {
    let number = integer(number).ok_or(NOT_INTEGER)?;
    let refused = || Refusal::expire_time(name);
    let unit = if time.seconds { 1000 } else { 1 };
    let milliseconds = number.checked_mul(unit).ok_or_else(refused)?;
    let at = if time.absolute {
        milliseconds
    } else {
        let lifetime = if milliseconds > 0 {
            jittered(call, milliseconds)
        } else {
            milliseconds
        };
        lifetime
            .checked_add(signed(call.keys.now()))
            .ok_or_else(refused)?
    };
    if number <= 0 {
        return Err(refused());
    }
    u64::try_from(at).map_err(|_negative| refused())
}

pub(super) fn expire(call: &mut Call<'_, '_, '_>) -> Done {
    set_end(call, Time::IN_SECONDS, "expire")
}

pub(super) fn expire_milliseconds(call: &mut Call<'_, '_, '_>) -> Done {
    set_end(call, Time::IN_MILLISECONDS, "pexpire")
}

pub(super) fn expire_at(call: &mut Call<'_, '_, '_>) -> Done {
    set_end(call, Time::AT_SECONDS, "expireat")
}

pub(super) fn expire_at_milliseconds(call: &mut Call<'_, '_, '_>) -> Done {
    set_end(call, Time::AT_MILLISECONDS, "pexpireat")
}

/// On which condition `EXPIRE` is carried out.
#[derive(Default)]
struct Conditions {
    only_without: bool,
    only_with: bool,
    only_later: bool,
    only_earlier: bool,
}

fn conditions(call: &Call<'_, '_, '_>) -> Result<Conditions, Refusal> {
    let mut conditions = Conditions::default();
    for word in call.args.from(3) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let condition = if is("NX") {
            &mut conditions.only_without
        } else if is("XX") {
            &mut conditions.only_with
        } else if is("GT") {
            &mut conditions.only_later
        } else if is("LT") {
            &mut conditions.only_earlier
        } else {
            let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
            return Err(Refusal::with([b"ERR Unsupported option ", shown].concat()));
        };
        *condition = true;
    }
    let other = conditions.only_with || conditions.only_later || conditions.only_earlier;
    if conditions.only_without && other {
        return Err(Refusal::of(
            "ERR NX and XX, GT or LT options at the same time are not compatible",
        ));
    }
    if conditions.only_later && conditions.only_earlier {
        return Err(Refusal::of(
            "ERR GT and LT options at the same time are not compatible",
        ));
    }
    Ok(conditions)
}

fn set_end(call: &mut Call<'_, '_, '_>, time: Time, name: &str) -> Done {
    let conditions = conditions(call)?;
    let number = integer(call.args.get(2)).ok_or(NOT_INTEGER)?;
    let unit = if time.seconds { 1000 } else { 1 };
    let refused = || Refusal::expire_time(name);
    let mut at = number.checked_mul(unit).ok_or_else(refused)?;
    let now = signed(call.keys.now());
    if !time.absolute {
        at = jittered(call, at);
        at = at.checked_add(now).ok_or_else(refused)?;
    }
    let key = call.args.get(1);
    let Some(entry) = call.keys.find(key) else {
        call.out.integer(0);
        return Ok(());
    };
    let old = entry.expires_at().map(signed);
    let wanted =
        if conditions.only_without && old.is_some() || conditions.only_with && old.is_none() {
            false
        } else if conditions.only_later {
            old.is_some_and(|old| at > old)
        } else {
            !(conditions.only_earlier && old.is_some_and(|old| at >= old))
        };
    if wanted {
        match u64::try_from(at) {
            Ok(end) if at > now => {
                call.keys.expire(key, Some(end));
            }
            _ => {
                call.keys.remove(key);
            }
        }
    }
    call.out.integer(i64::from(wanted));
    Ok(())
}

pub(super) fn persist(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    let ends = call
        .keys
        .find(key)
        .is_some_and(|entry| entry.expires_at().is_some());
    if ends {
        call.keys.expire(key, None);
    }
    call.out.integer(i64::from(ends));
    Ok(())
}

pub(super) fn left(call: &mut Call<'_, '_, '_>) -> Done {
    told(call, |at, now| (at - now + 500) / 1000)
}

pub(super) fn left_milliseconds(call: &mut Call<'_, '_, '_>) -> Done {
    told(call, |at, now| at - now)
}

pub(super) fn end(call: &mut Call<'_, '_, '_>) -> Done {
    told(call, |at, _now| (at + 500) / 1000)
}

pub(super) fn end_milliseconds(call: &mut Call<'_, '_, '_>) -> Done {
    told(call, |at, _now| at)
}

/// -2: no such key; -1: it does not end.
fn told(call: &mut Call<'_, '_, '_>, tell: fn(i64, i64) -> i64) -> Done {
    let now = signed(call.keys.now());
    let number = match call
        .keys
        .read(call.args.get(1))
        .map(|entry| entry.expires_at())
    {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => tell(signed(at).min(i64::MAX - 500), now),
    };
    call.out.integer(number);
    Ok(())
}

pub(super) fn milliseconds_left(at: Option<u64>, now: u64) -> i64 {
    at.map_or(-1, |at| signed(at) - signed(now))
}
