//! One message: what happened, as flat JSON. The same bytes go to every webhook.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::balance::{CheckResult, Health};
use crate::model::{AdminState, Language, WebhookEvent};

/// Limit: characters of a change in words that are sent; a document may be a megabyte.
const WORDS: usize = 1000;

/// What happened.
#[derive(Debug)]
pub enum News<'a> {
    /// A check turned a node Down, or Up after that.
    Node {
        /// Its pool's name.
        pool: &'a str,
        /// Its name.
        node: &'a str,
        /// Where it listens.
        address: &'a str,
        /// What the check concluded.
        health: Health,
        /// What the operator wants of it: one that is drained is expected to go down.
        admin_state: AdminState,
        /// What the check found.
        check: &'a CheckResult,
    },
    /// A pool begins to ask nodes that are not well, or ends to.
    FailOpen {
        /// Its name.
        pool: &'a str,
        /// Whether it begins.
        begins: bool,
    },
    /// A certificate nears its end, or has ended.
    Ending {
        /// Its name.
        name: &'a str,
        /// Whole days that are left; none when it has ended.
        days: Option<i64>,
        /// When it ends, in seconds since 1970.
        not_after: i64,
    },
    /// A certificate cannot be read, or another in its place cannot be used.
    NotRenewed {
        /// Its name.
        name: &'a str,
        /// Why, in English.
        why: &'a str,
    },
    /// A revision came in force.
    Change {
        /// Who made it.
        author: &'a str,
        /// What it is, in words.
        words: &'a str,
        /// How many fields are different.
        changes: usize,
    },
}

impl News<'_> {
    fn event(&self) -> WebhookEvent {
        match self {
            Self::Node {
                health: Health::Down,
                ..
            } => WebhookEvent::NodeDown,
            Self::Node { .. } => WebhookEvent::NodeUp,
            Self::FailOpen { .. } => WebhookEvent::FailOpen,
            Self::Ending { .. } | Self::NotRenewed { .. } => WebhookEvent::Certificate,
            Self::Change { .. } => WebhookEvent::Change,
        }
    }

    /// It in a sentence, in English and Chinese; empty where each receiver words it.
    pub fn words(&self) -> [String; 2] {
        match self {
            Self::Ending {
                name, days: None, ..
            } => [
                format!("certificate {name} has expired: browsers warn of it"),
                format!("证书 {name} 已到期：浏览器会警告"),
            ],
            Self::Ending {
                name,
                days: Some(0),
                ..
            } => [
                format!("certificate {name} ends within a day"),
                format!("证书 {name} 将在一天内到期"),
            ],
            Self::Ending {
                name,
                days: Some(days),
                ..
            } => [
                format!("certificate {name} ends, days left: {days}"),
                format!("证书 {name} 将在 {days} 天后到期"),
            ],
            Self::NotRenewed { name, why } => [
                format!("certificate {name}: {why}"),
                format!("证书 {name}：{why}"),
            ],
            _ => [String::new(), String::new()],
        }
    }
}

/// Whose news it is.
#[derive(Debug, Clone)]
pub struct Origin {
    /// This machine's name.
    pub host: String,
    /// The revision in force.
    pub revision: u64,
    /// Now.
    pub at: SystemTime,
}

/// One message, ready to be sent.
#[derive(Debug)]
pub struct Message {
    /// What it is of.
    pub event: WebhookEvent,
    /// Its number, the same however often it is sent: 32 hexadecimal digits.
    pub id: String,
    /// The JSON.
    pub body: Vec<u8>,
}

impl Message {
    /// The message of `news`.
    pub fn new(news: &News<'_>, origin: &Origin) -> Self {
        let event = news.event();
        let id = format!("{:032x}", rand::random::<u128>());
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| {
            fields.insert(key.to_owned(), value);
        };
        put("event", event.as_str().into());
        put("id", id.as_str().into());
        put("time", time(origin.at).into());
        put("host", origin.host.as_str().into());
        put("revision", origin.revision.into());
        write(news, &mut put);
        if let News::Ending { .. } | News::NotRenewed { .. } = news {
            let [text, text_zh] = news.words();
            put("text", text.into());
            put("text_zh", text_zh.into());
        }
        Self {
            event,
            id,
            body: Value::Object(fields).to_string().into_bytes(),
        }
    }
}

fn write(news: &News<'_>, put: &mut impl FnMut(&str, Value)) {
    match news {
        News::Node {
            pool,
            node,
            address,
            health,
            admin_state,
            check,
        } => {
            put("pool", json!(pool));
            put("node", json!(node));
            put("address", json!(address));
            put("health", health.as_str().into());
            put("admin_state", admin_state.as_str().into());
            put("code", check.code().into());
            put("cause", json!(check.cause.map(|cause| cause.as_str())));
            put("status", json!(check.status()));
            put("text", check.text(Language::English).into());
            put("text_zh", check.text(Language::Chinese).into());
        }
        News::Ending {
            name,
            days,
            not_after,
        } => {
            let ends = jiff::Timestamp::from_second(*not_after).unwrap_or_default();
            put("certificate", json!(name));
            put("days_left", json!(days.unwrap_or(0)));
            put("not_after", ends.to_string().into());
            put("why", Value::Null);
        }
        News::NotRenewed { name, why } => {
            put("certificate", json!(name));
            put("days_left", Value::Null);
            put("not_after", Value::Null);
            put("why", json!(why));
        }
        News::FailOpen { pool, begins } => {
            let (text, text_zh) = match begins {
                true => (
                    "no enabled node is well: every enabled node is asked",
                    "没有健康的已启用节点：正在向所有已启用的节点转发",
                ),
                false => ("an enabled node is well again", "又有健康的已启用节点了"),
            };
            put("pool", json!(pool));
            put("fail_open", json!(begins));
            put("text", text.into());
            put("text_zh", text_zh.into());
        }
        News::Change {
            author,
            words,
            changes,
        } => {
            put("author", json!(author));
            put("changes", json!(changes));
            put("text", shortened(words).into());
        }
    }
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

/// UTC to the millisecond; none of a clock gone wrong.
fn time(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::{Value, json};

    use super::{Message, News, Origin, WORDS};
    use crate::balance::{Cause, CheckResult, Health};
    use crate::model::{AdminState, WebhookEvent};

    fn sent(news: &News<'_>) -> (WebhookEvent, Value) {
        let origin = Origin {
            host: "lb-1".to_owned(),
            revision: 7,
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_234),
        };
        let message = Message::new(news, &origin);
        let mut body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["id"], message.id.as_str());
        assert_eq!(message.id.len(), 32);
        body["id"] = json!("");
        (message.event, body)
    }

    #[test]
    fn a_message_is_flat_and_says_who_what_and_why() {
        let mut check = CheckResult::of(Some(Cause::Refused));
        check.facts.address = "10.0.0.1:8000".into();
        let (event, body) = sent(&News::Node {
            pool: "django",
            node: "web-1",
            address: "10.0.0.1:8000",
            health: Health::Down,
            admin_state: AdminState::Enabled,
            check: &check,
        });
        assert_eq!(event, WebhookEvent::NodeDown);
        assert_eq!(
            body.to_string(),
            r#"{"event":"node_down","id":"","time":"1970-01-01T00:00:01.234Z","host":"lb-1","revision":7,"pool":"django","node":"web-1","address":"10.0.0.1:8000","health":"down","admin_state":"enabled","code":"L4CON","cause":"refused","status":null,"text":"connection refused: nothing listens on 10.0.0.1:8000","text_zh":"连接被拒绝：10.0.0.1:8000 上没有程序在监听"}"#
        );
        for begins in [true, false] {
            let (event, body) = sent(&News::FailOpen {
                pool: "django",
                begins,
            });
            assert_eq!(event, WebhookEvent::FailOpen);
            assert_eq!(body["fail_open"], begins);
        }
    }

    #[test]
    fn a_long_change_is_cut() {
        let words = "é".repeat(WORDS + 1);
        let (event, body) = sent(&News::Change {
            author: "uid 0",
            words: &words,
            changes: 4000,
        });
        assert_eq!(event, WebhookEvent::Change);
        assert_eq!(body["changes"], 4000);
        assert_eq!(body["text"].as_str().unwrap().chars().count(), WORDS + 1);
    }
}
