//! A finding: what was looked at, what is with it and what to do.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::control::status::utc;
use crate::model::{Language, words};

/// How a thing is. What is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It serves, and somebody should look.
    Warn,
    /// Something does not work.
    Bad,
}

impl Verdict {
    /// Its word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// Its word for people.
    pub fn text(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::English, _) => self.as_str(),
            (Language::Chinese, Self::Ok) => "正常",
            (Language::Chinese, Self::Warn) => "注意",
            (Language::Chinese, Self::Bad) => "故障",
        }
    }
}

// One line per area, in the order they are shown.
macro_rules! areas {
    ($($(#[$doc:meta])+ $area:ident = $name:literal $english:literal $chinese:literal)+) => {
        /// What a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Area {
            $($(#[$doc])+ $area,)+
        }

        impl Area {
            /// Every area.
            pub const ALL: &'static [Self] = &[$(Self::$area,)+];

            /// Its word for scripts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$area => $name,)+
                }
            }

            /// Its heading.
            pub fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$area, Language::English) => $english,
                    (Self::$area, Language::Chinese) => $chinese,)+
                }
            }
        }
    };
}

areas! {
    /// The program, its configuration, its service manager.
    Instance = "instance" "Instance" "实例"
    /// Where it listens.
    Ports = "ports" "Ports" "端口"
    /// Names of nodes and webhooks.
    Names = "names" "DNS" "域名解析"
    /// The machine's clock.
    Clock = "clock" "Clock" "时钟"
    /// The disks it writes to.
    Disk = "disk" "Disk" "磁盘"
    /// What the system lets it have.
    Limits = "limits" "Limits" "系统限制"
    /// The nodes.
    Nodes = "nodes" "Nodes" "节点"
    /// The session store, and a Redis behind it.
    Sessions = "sessions" "Session store" "会话存储"
    /// Certificates.
    Certificates = "certificates" "Certificates" "证书"
    /// Folders of static files.
    Files = "files" "Static files" "静态文件"
    /// What Django needs behind us.
    Django = "django" "Django" "Django"
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Which of them: a listener, a node, a folder …
    pub name: String,
    /// How it is.
    pub state: Verdict,
    /// What was seen.
    pub text: String,
    /// What to do; empty is nothing.
    pub advice: String,
}

/// What a judge says of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) state: Verdict,
    pub(super) text: String,
    pub(super) advice: String,
}

impl Said {
    pub(super) fn ok(text: impl Into<String>) -> Self {
        Self {
            state: Verdict::Ok,
            text: text.into(),
            advice: String::new(),
        }
    }

    pub(super) fn warn(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: Verdict::Warn,
            text: text.into(),
            advice: advice.into(),
        }
    }

    pub(super) fn bad(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: Verdict::Bad,
            text: text.into(),
            advice: advice.into(),
        }
    }

    /// A thing that cannot be seen from here, as in a locked-down service: no fault of it.
    pub(super) fn unseen(language: Language) -> Self {
        Self::ok(words!(language, "not visible here", "此处不可见"))
    }

    pub(super) fn of(self, area: Area, name: impl Into<String>) -> Finding {
        let Self {
            state,
            text,
            advice,
        } = self;
        Finding {
            area,
            name: name.into(),
            state,
            text,
            advice,
        }
    }
}

/// All that was found.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// The language of its words.
    pub language: Language,
    /// When.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Whether the instance runs.
    pub running: bool,
    /// By area, in the order of [`Area::ALL`].
    pub findings: Vec<Finding>,
    /// What the program last said at WARN and ERROR, the oldest first.
    pub log: Vec<String>,
}

impl Diagnosis {
    pub(super) fn new(language: Language, running: bool) -> Self {
        Self {
            language,
            at: SystemTime::now(),
            took: Duration::ZERO,
            running,
            findings: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The worst of it.
    pub fn state(&self) -> Verdict {
        let states = self.findings.iter().map(|finding| finding.state);
        states.max().unwrap_or(Verdict::Ok)
    }

    /// How many findings are like this.
    pub fn count(&self, state: Verdict) -> usize {
        let same = self.findings.iter().filter(|found| found.state == state);
        same.count()
    }

    /// It as the API tells it.
    pub fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|found| {
            json!({
                "area": found.area.as_str(),
                "name": found.name,
                "state": found.state.as_str(),
                "text": found.text,
                "advice": (!found.advice.is_empty()).then_some(&found.advice),
            })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "at": utc(self.at),
            "running": self.running,
            "state": self.state().as_str(),
            "summary": self.summary(),
            "findings": findings.collect::<Vec<_>>(),
            "log": self.log,
            "text": self.to_text(),
        })
    }

    /// How it is in a line.
    pub fn summary(&self) -> String {
        let [bad, warn, ok] = [Verdict::Bad, Verdict::Warn, Verdict::Ok].map(|s| self.count(s));
        words!(
            self.language,
            "bad: {bad}, to be looked at: {warn}, ok: {ok}",
            "故障 {bad} 项，注意 {warn} 项，正常 {ok} 项"
        )
    }

    /// It as plain text, to be pasted into an issue.
    pub fn to_text(&self) -> String {
        let (version, at) = (env!("CARGO_PKG_VERSION"), utc(self.at).unwrap_or_default());
        let mut text = format!("Steelyard {version}, {at}\n");
        for area in Area::ALL {
            let mut of_area = self.findings.iter().filter(|f| f.area == *area).peekable();
            if of_area.peek().is_some() {
                text.push_str(&format!("\n{}\n", area.text(self.language)));
            }
            for found in of_area {
                let state = found.state.text(self.language);
                text.push_str(&format!("  {state:<4}  {}: {}\n", found.name, found.text));
                for line in found.advice.lines() {
                    text.push_str(&format!("          {line}\n"));
                }
            }
        }
        if !self.log.is_empty() {
            let heading = words!(
                self.language,
                "Last warnings and errors",
                "最近的警告和错误"
            );
            text.push_str(&format!("\n{heading}\n"));
            for line in &self.log {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text.push_str(&format!("\n{}\n", self.summary()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Area, Diagnosis, Said, Verdict};
    use crate::model::Language;

    #[test]
    fn a_diagnosis_is_as_its_worst_finding_and_can_be_read() {
        let mut found = Diagnosis::new(Language::English, true);
        assert_eq!(found.state(), Verdict::Ok);
        let disk = Said::bad("no room", "make room\nor grow it").of(Area::Disk, "/data");
        found.findings = vec![Said::ok("set").of(Area::Clock, "clock"), disk];
        found.log = vec!["ERROR no room".into()];
        assert_eq!(found.state(), Verdict::Bad);
        let text = found.to_text();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "",
                "Clock",
                "  ok    clock: set",
                "",
                "Disk",
                "  bad   /data: no room",
                "          make room",
                "          or grow it",
                "",
                "Last warnings and errors",
                "  ERROR no room",
                "",
                "bad: 1, to be looked at: 0, ok: 1",
            ]
        );
        let told = found.to_json();
        assert_eq!(
            (&told["state"], &told["findings"][0]["advice"]),
            (&"bad".into(), &().into())
        );
    }
}
