//! The program, where its configuration comes from, who started it, and what it last complained of.

use std::time::SystemTime;

use super::finding::{Area, Finding, Said};
use crate::control::status::utc;
use crate::control::{Handle, Started};
use crate::files::user_name;
use crate::model::{Language, words};

impl Handle {
    pub(super) fn instance(&self, language: Language, last_words: &[String]) -> Vec<Finding> {
        let control = &self.control;
        let mut found = vec![
            ("Steelyard".to_owned(), self.life(language)),
            (
                words!(language, "configuration", "配置"),
                configuration(&self.started(), self.revision(), language),
            ),
        ];
        for missing in control.now.load().snapshot.secrets.missing() {
            found.push((
                words!(language, "secret", "密钥"),
                secret(&missing, language),
            ));
        }
        if let Some(why) = control.not_kept() {
            let name = words!(language, "last-known-good", "最近可用配置");
            found.push((name, not_kept(&why, language)));
        }
        if control.running {
            let systemd = &control.parts.systemd;
            let manager = manager((systemd.is_there(), systemd.keeps_sockets()), language);
            found.push((words!(language, "service manager", "服务管理器"), manager));
            let log = log(last_words, language);
            found.push((words!(language, "own log", "程序日志"), log));
        }
        let found = found.into_iter();
        found
            .map(|(name, said)| said.of(Area::Instance, name))
            .collect()
    }

    fn life(&self, language: Language) -> Said {
        let version = env!("CARGO_PKG_VERSION");
        let user = user_name(rustix::process::geteuid().as_raw());
        if !self.control.running {
            return Said::warn(
                words!(
                    language,
                    "version {version}, not running; looked at as user {user}",
                    "版本 {version}，未运行；以用户 {user} 查看"
                ),
                words!(
                    language,
                    "start it by systemctl start steelyard, or steelyard serve",
                    "用 systemctl start steelyard 或 steelyard serve 启动"
                ),
            );
        }
        let since = utc(self.control.diagnoses.began).unwrap_or_default();
        let pid = std::process::id();
        Said::ok(words!(
            language,
            "version {version}, running since {since} as user {user}, pid {pid}",
            "版本 {version}，自 {since} 起以用户 {user} 运行，pid {pid}"
        ))
    }
}

fn configuration(started: &Started, revision: u64, language: Language) -> Said {
    match started {
        Started::Serving => Said::ok(words!(
            language,
            "revision {revision}, from the database",
            "版本 {revision}，来自数据库"
        )),
        Started::Setup => Said::warn(
            words!(language, "nothing is configured yet", "尚未配置"),
            words!(
                language,
                "open the link that steelyard setup-url prints, or apply a document",
                "打开 steelyard setup-url 输出的链接，或用 apply 应用配置"
            ),
        ),
        Started::LastKnownGood { why } => Said::bad(
            words!(
                language,
                "revision {revision}, from the last-known-good file; changes are refused: {why}",
                "版本 {revision}，来自最近可用的配置文件；拒绝更改：{why}"
            ),
            String::new(),
        ),
        Started::Nothing { why } => Said::bad(
            words!(
                language,
                "nothing is served and changes are refused: {why}",
                "不提供服务，拒绝更改：{why}"
            ),
            String::new(),
        ),
    }
}

fn secret(missing: &str, language: Language) -> Said {
    let advice = words!(
        language,
        "give it again, or let its file be read",
        "请重新提供，或使其文件可读"
    );
    Said::bad(missing, advice)
}

fn not_kept(why: &str, language: Language) -> Said {
    let text = words!(
        language,
        "it could not be written: {why}",
        "无法写入：{why}"
    );
    let advice = words!(
        language,
        "it is needed if the database is lost: look at the disk",
        "数据库丢失时需要它：请检查磁盘"
    );
    Said::bad(text, advice)
}

fn manager((is_there, keeps_sockets): (bool, bool), language: Language) -> Said {
    Said::ok(match (is_there, keeps_sockets) {
        (true, true) => words!(
            language,
            "systemd, and it keeps the listening sockets over a restart",
            "systemd，重启时由它保留监听套接字"
        ),
        (true, false) => words!(
            language,
            "systemd; it keeps no sockets, a restart refuses clients for a moment",
            "systemd，未保留监听套接字，重启时会短暂拒绝连接"
        ),
        (false, _) => words!(
            language,
            "none that speaks to it: nobody starts it again when it ends",
            "没有与之通信的服务管理器：结束后不会自动重启"
        ),
    })
}

/// What it last said at WARN and ERROR.
fn log(last_words: &[String], language: Language) -> Said {
    let errors: Vec<&String> = last_words
        .iter()
        .filter(|l| l.contains(" ERROR "))
        .collect();
    let (all, wrong) = (last_words.len(), errors.len());
    match errors.last() {
        None if all == 0 => Said::ok(words!(
            language,
            "no warning and no error since the start",
            "启动以来没有警告和错误"
        )),
        None => Said::ok(words!(
            language,
            "warnings: {all}, errors: none",
            "警告 {all} 条，没有错误"
        )),
        Some(last) => Said::warn(
            words!(
                language,
                "errors among its last words: {wrong}; the last: {last}",
                "最近的日志中有错误 {wrong} 条，最后一条：{last}"
            ),
            words!(
                language,
                "all of its log: journalctl -u steelyard",
                "完整日志：journalctl -u steelyard"
            ),
        ),
    }
}

/// How long ago, for a person.
pub(super) fn ago(at: SystemTime, now: SystemTime) -> u64 {
    now.duration_since(at).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::{configuration, log};
    use crate::control::Started;
    use crate::model::Language::English;

    #[test]
    fn where_the_configuration_comes_from_is_told_with_why() {
        let why = || "the database is locked".to_owned();
        for (started, state, part) in [
            (Started::Serving, Verdict::Ok, "revision 7"),
            (Started::Setup, Verdict::Warn, "nothing is configured"),
            (
                Started::LastKnownGood { why: why() },
                Verdict::Bad,
                "is locked",
            ),
            (Started::Nothing { why: why() }, Verdict::Bad, "is locked"),
        ] {
            let said = configuration(&started, 7, English);
            assert_eq!(said.state, state, "{started:?}");
            assert!(said.text.contains(part), "{said:?}");
        }
    }

    #[test]
    fn an_error_among_the_last_words_is_to_be_looked_at() {
        let lines = ["Z  WARN a".to_owned(), "Z ERROR b".to_owned()];
        assert_eq!(log(&[], English).state, Verdict::Ok);
        assert_eq!(log(&lines[..1], English).state, Verdict::Ok);
        let said = log(&lines, English);
        assert_eq!(said.state, Verdict::Warn);
        assert!(said.text.contains("Z ERROR b"), "{said:?}");
    }
}
