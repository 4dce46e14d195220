//! Whether names are found, and how fast: those of nodes and of webhooks.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::finding::{Area, Finding, Said};
use crate::balance::{Cause, Facts, Unresolved};
use crate::control::Handle;
use crate::health::look_up;
use crate::model::{AdminState, Language, NodeAddress, Way, words};

/// Limit: names looked up at once.
const NAMES: usize = 64;
/// Longer holds up who waits for it.
const SLOW: Duration = Duration::from_millis(500);

impl Handle {
    pub(super) async fn names(&self, language: Language) -> Vec<Finding> {
        let config = self.config();
        let mut wanted: Vec<NodeAddress> = Vec::new();
        let nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
        let nodes = nodes.filter(|node| node.state != AdminState::Disabled);
        let nodes = nodes.map(|node| node.address.clone());
        let hooks = config.webhooks.iter().filter_map(|hook| {
            let (host, port) = (&hook.url.host, hook.url.port);
            NodeAddress::parse(&format!("{host}:{port}")).ok()
        });
        for address in nodes.chain(hooks) {
            let is_new = !wanted.iter().any(|known| host(known) == host(&address));
            if host(&address).is_some() && is_new {
                wanted.push(address);
            }
        }
        if wanted.is_empty() {
            let none = Said::ok(words!(
                language,
                "no node and no webhook has a name to be looked up",
                "没有需要解析的节点或 webhook 名称"
            ));
            return vec![none.of(Area::Names, Area::Names.text(language))];
        }
        let mut asking = JoinSet::new();
        for address in wanted.into_iter().take(NAMES) {
            asking.spawn(async move {
                let began = Instant::now();
                let found = look_up(&address).await;
                let found = found.map(|all| all.iter().map(|one| one.ip().to_string()).collect());
                (host(&address).unwrap_or_default(), found, began.elapsed())
            });
        }
        let mut found = Vec::new();
        while let Some(done) = asking.join_next().await {
            if let Ok((name, answer, took)) = done {
                found.push(judge(&name, answer, took, language).of(Area::Names, name));
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }
}

fn host(address: &NodeAddress) -> Option<String> {
    match address.way() {
        Way::Name { host, .. } => Some(host.to_owned()),
        Way::Ip(_) | Way::Unix(_) => None,
    }
}

fn judge(
    name: &str,
    found: Result<Vec<String>, Unresolved>,
    took: Duration,
    language: Language,
) -> Said {
    let ms = took.as_millis();
    match found {
        Ok(addresses) => {
            let all = addresses.join(", ");
            let text = words!(language, "{all}, found in {ms} ms", "{all}，用时 {ms} 毫秒");
            match took > SLOW {
                false => Said::ok(text),
                true => Said::warn(
                    text,
                    words!(
                        language,
                        "name servers are slow: look at /etc/resolv.conf",
                        "域名服务器响应慢：请检查 /etc/resolv.conf"
                    ),
                ),
            }
        }
        Err(why) => {
            let cause = match why {
                Unresolved::Silent => Cause::NameServerSilent,
                Unresolved::NotFound => Cause::NameNotFound,
            };
            let facts = Facts {
                name: name.to_owned(),
                ..Facts::default()
            };
            Said::bad(cause.text(&facts, language), String::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Verdict;
    use super::judge;
    use crate::balance::Unresolved;
    use crate::model::Language::English;

    #[test]
    fn a_name_is_found_fast_slowly_or_not() {
        let state = |found, ms| judge("web-1", found, Duration::from_millis(ms), English).state;
        assert_eq!(state(Ok(vec!["10.0.0.1".into()]), 3), Verdict::Ok);
        assert_eq!(state(Ok(vec!["10.0.0.1".into()]), 900), Verdict::Warn);
        assert_eq!(state(Err(Unresolved::NotFound), 3), Verdict::Bad);
        let said = judge("web-1", Err(Unresolved::Silent), Duration::ZERO, English);
        assert!(
            said.text.contains("no name server has answered for web-1"),
            "{said:?}"
        );
    }
}
