//! The machine's clock: certificates, sessions and cookies end by it.

use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use super::finding::{Area, Finding, Said};
use super::visits::Visits;
use super::{apart, uptime};
use crate::control::Handle;
use crate::model::{Language, words};

/// A clock before this was never set: 2026-01-01, when this program was young.
const YOUNG: u64 = 1_767_225_600;
/// Further than this from another machine's clock, sign-ins by code and new certificates fail.
const APART: i64 = 30;
/// A clock that somebody sets by more has jumped.
const JUMP: i64 = 5;
/// Limit: files of the data directory whose times are looked at.
const FILES: usize = 1000;

/// Who may keep a clock right, and the file by which it says that it does or runs.
const KEEPERS: &[(&str, &str)] = &[
    ("systemd-timesyncd", "/run/systemd/timesync/synchronized"),
    ("chrony", "/run/chrony/chronyd.pid"),
    ("ntpd", "/run/ntpd.pid"),
    ("openntpd", "/run/openntpd.pid"),
];

/// What was seen of it.
#[derive(Debug, Default, Clone)]
struct Seen {
    /// Seconds since 1970.
    now: u64,
    /// By how much it was set since the start.
    jumped: i64,
    /// A file of ours from the future, and by how many seconds.
    ahead: Option<(String, u64)>,
    /// A node's clock that differs most, and by how many seconds it is ahead of ours.
    other: Option<(String, i64)>,
    keeper: Option<&'static str>,
}

impl Handle {
    pub(super) async fn clock(&self, language: Language, visits: &Visits) -> Vec<Finding> {
        let now = SystemTime::now();
        let dir = self.control.dir.clone();
        let looked = apart(move || (ahead(&dir, now), keeper())).await;
        let (ahead, keeper) = looked.unwrap_or_default();
        let diagnoses = &self.control.diagnoses;
        let by_clock = difference(now, diagnoses.began);
        let by_uptime = uptime().saturating_sub(diagnoses.uptime).as_secs();
        let seen = Seen {
            now: now
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            jumped: by_clock.saturating_sub_unsigned(by_uptime),
            ahead,
            other: other(visits),
            keeper,
        };
        let name = Area::Clock.text(language);
        vec![judge(&seen, language).of(Area::Clock, name)]
    }
}

/// Seconds from `earlier` to `later`, negative where it is the other way round.
fn difference(later: SystemTime, earlier: SystemTime) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match later.duration_since(earlier) {
        Ok(time) => seconds(time),
        Err(error) => -seconds(error.duration()),
    }
}

fn judge(seen: &Seen, language: Language) -> Said {
    let set_it = || {
        words!(
            language,
            "set it, and have a time service keep it: systemd-timesyncd or chrony",
            "请校准时钟，并启用时间同步服务：systemd-timesyncd 或 chrony"
        )
    };
    if seen.now < YOUNG {
        let text = words!(language, "it was never set", "时钟从未校准");
        return Said::bad(text, set_it());
    }
    if let Some((file, seconds)) = &seen.ahead {
        let text = words!(
            language,
            "it went back: {file} was written {seconds} s in the future",
            "时钟倒退：{file} 的写入时间在未来 {seconds} 秒"
        );
        return Said::warn(text, set_it());
    }
    if let Some((node, seconds)) = &seen.other
        && seconds.abs() > APART
    {
        let text = words!(
            language,
            "the clock of {node} differs by {seconds} s: one of the two is wrong",
            "与 {node} 的时钟相差 {seconds} 秒：其中之一有误"
        );
        return Said::warn(text, set_it());
    }
    let jumped = seen.jumped;
    if jumped.abs() > JUMP {
        let text = words!(
            language,
            "it was set by {jumped} s since the start",
            "启动以来时钟被调整了 {jumped} 秒"
        );
        return Said::warn(text, set_it());
    }
    Said::ok(match (seen.keeper, &seen.other) {
        (Some(keeper), _) => words!(
            language,
            "set, kept by {keeper}",
            "已校准，由 {keeper} 同步"
        ),
        (None, Some((node, _))) => words!(
            language,
            "set, agrees with {node}; no time service was seen in /run",
            "已校准，与 {node} 一致；/run 中未发现时间同步服务"
        ),
        (None, None) => words!(
            language,
            "set, no time service was seen in /run",
            "已校准；/run 中未发现时间同步服务"
        ),
    })
}

/// The file of `dir` that is furthest in the future.
fn ahead(dir: &Path, now: SystemTime) -> Option<(String, u64)> {
    let entries = fs::read_dir(dir).ok()?;
    let ahead = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let time = entry.metadata().ok()?.modified().ok()?;
        let seconds = u64::try_from(difference(time, now)).ok()?;
        let far = seconds > APART.unsigned_abs();
        far.then(|| (entry.file_name().to_string_lossy().into_owned(), seconds))
    };
    let found = entries.take(FILES).filter_map(ahead);
    found.max_by_key(|(_, seconds)| *seconds)
}

fn keeper() -> Option<&'static str> {
    let mut known = KEEPERS.iter();
    let found = known.find(|(_, file)| Path::new(file).exists());
    found.map(|(name, _)| *name)
}

/// The node whose `Date` is furthest from our clock at its answer.
fn other(visits: &Visits) -> Option<(String, i64)> {
    let of = |visit: &super::visits::Visit| {
        let head = &visit.tried.heard.head;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let (_, date) = lines.find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
        let date = httpdate::parse_http_date(date.trim()).ok()?;
        Some((visit.node.clone(), difference(date, visit.tried.result.at)))
    };
    let found = visits.visitors.iter().filter_map(of);
    found.max_by_key(|(_, seconds)| seconds.abs())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::Verdict;
    use super::{APART, JUMP, Seen, YOUNG, ahead, judge};
    use crate::model::Language::English;

    #[test]
    fn a_clock_is_judged_by_all_that_can_be_seen() {
        let well = Seen {
            now: YOUNG,
            other: Some(("shop/web-1".into(), APART)),
            jumped: -JUMP,
            ..Seen::default()
        };
        assert_eq!(judge(&well, English).state, Verdict::Ok);
        let state = |seen: Seen| judge(&seen, English).state;
        assert_eq!(
            state(Seen {
                now: YOUNG - 1,
                ..well.clone()
            }),
            Verdict::Bad
        );
        let far = Some(("shop/web-1".into(), -APART - 1));
        assert_eq!(
            state(Seen {
                other: far,
                ..well.clone()
            }),
            Verdict::Warn
        );
        assert_eq!(
            state(Seen {
                jumped: JUMP + 1,
                ..well.clone()
            }),
            Verdict::Warn
        );
        let ahead = Some(("config.db".into(), 3600));
        let said = judge(&Seen { ahead, ..well }, English);
        assert!(
            said.text
                .contains("config.db was written 3600 s in the future")
        );
    }

    #[test]
    fn a_file_from_the_future_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let file = std::fs::File::create(dir.path().join("config.db")).unwrap();
        assert_eq!(ahead(dir.path(), now), None);
        file.set_modified(now + Duration::from_secs(7200)).unwrap();
        let (name, seconds) = ahead(dir.path(), now).unwrap();
        assert_eq!(name, "config.db");
        assert!((7199..=7200).contains(&seconds), "{seconds}");
    }
}
