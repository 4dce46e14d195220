//! The nodes, as the checks see them; on a stopped instance as they answer now.

use std::time::SystemTime;

use super::finding::{Area, Finding, Said};
use super::instance::ago;
use super::visits::Visits;
use crate::balance::Health;
use crate::control::{Handle, NodeView, TrialFault, Tried};
use crate::model::{AdminState, Language, words};

impl Handle {
    pub(super) fn nodes(&self, language: Language, visits: &Visits) -> Vec<Finding> {
        if !self.control.running {
            let asked = visits.checks.iter();
            let asked =
                asked.map(|(name, tried)| tried_once(tried, language).of(Area::Nodes, name));
            return asked.collect();
        }
        let mut found = Vec::new();
        for pool in self.nodes_view(language).pools {
            if pool.fail_open {
                let name = &pool.name;
                let name = words!(language, "pool {name}", "节点池 {name}");
                found.push(fail_open(language).of(Area::Nodes, name));
            }
            for node in &pool.nodes {
                let name = format!("{}/{}", pool.name, node.name);
                found.push(judge(node, language).of(Area::Nodes, name));
            }
        }
        found
    }
}

fn fail_open(language: Language) -> Said {
    Said::bad(
        words!(
            language,
            "no enabled node is well: all of them are asked",
            "没有健康的启用节点：正在尝试所有节点"
        ),
        String::new(),
    )
}

fn judge(node: &NodeView, language: Language) -> Said {
    let address = &node.address;
    match node.admin_state {
        AdminState::Disabled => {
            return Said::ok(words!(language, "{address}: disabled", "{address}：已停用"));
        }
        AdminState::Draining => {
            return Said::ok(words!(language, "{address}: draining", "{address}：排空中"));
        }
        AdminState::Enabled => {}
    }
    if let (Some(lookup), Health::Unknown | Health::Up) = (&node.lookup, node.health) {
        return Said::bad(lookup, String::new());
    }
    let seconds = node
        .check
        .as_ref()
        .map(|check| ago(check.at, SystemTime::now()));
    let text = node.check.as_ref().map(|check| check.text(language));
    match (node.health, text, seconds) {
        (Health::Down, Some(text), Some(seconds)) => Said::bad(
            words!(
                language,
                "{address} is down: {text}; asked {seconds} s ago",
                "{address} 宕机：{text}；{seconds} 秒前检查"
            ),
            String::new(),
        ),
        (Health::Down, ..) => Said::bad(
            words!(language, "{address} is down", "{address} 宕机"),
            String::new(),
        ),
        _ if node.ejected_until.is_some() => Said::warn(
            words!(
                language,
                "{address} rests after requests that failed",
                "{address} 因请求失败暂停使用"
            ),
            words!(
                language,
                "look at the logs of this node for what failed",
                "请在日志中查看该节点失败的请求"
            ),
        ),
        (Health::Up, _, Some(seconds)) => Said::ok(words!(
            language,
            "{address} is up; asked {seconds} s ago",
            "{address} 在线；{seconds} 秒前检查"
        )),
        _ if node.is_checked => Said::ok(words!(
            language,
            "{address}: not judged yet",
            "{address}：尚无检查结论"
        )),
        _ => Said::ok(words!(
            language,
            "{address}: not checked, its pool has no health_check",
            "{address}：未检查，节点池没有 health_check"
        )),
    }
}

fn tried_once(tried: &Result<Tried, TrialFault>, language: Language) -> Said {
    match tried {
        Ok(tried) => {
            let (address, text) = (&tried.address, tried.result.text(language));
            let text = format!("{address}: {text}");
            match tried.result.passed() {
                true => Said::ok(text),
                false => Said::bad(text, String::new()),
            }
        }
        Err(fault) => Said::warn(fault.to_string(), String::new()),
    }
}
