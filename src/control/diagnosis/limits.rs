//! What the system lets this process have, and how much of it is used.

use super::finding::{Area, Finding, Said};
use super::process::Process;
use crate::control::Handle;
use crate::model::{Language, size, words};

/// Fewer clients than this at once are soon there: a browser takes six connections.
const FEW_CLIENTS: usize = 1000;
/// Shorter queues refuse clients in a rush; the kernel's own number is 4096.
const SHORT_BACKLOG: u64 = 1024;

impl Handle {
    pub(super) async fn limits(&self, language: Language) -> Vec<Finding> {
        let process = Process::look().await;
        let plane = self.control.parts.data_plane.as_ref();
        let clients = plane.map(|plane| plane.clients());
        let workers = plane.map(|plane| plane.beats().len());
        let mut found = vec![(
            words!(language, "descriptors", "文件描述符"),
            descriptors(process.descriptors, clients, language),
        )];
        if let Some(workers) = workers {
            found.push((words!(language, "threads", "线程"), {
                let threads = process.threads.map_or_else(String::new, |n| n.to_string());
                Said::ok(words!(
                    language,
                    "workers: {workers}, threads in all: {threads}",
                    "工作线程 {workers} 个，线程共 {threads} 个"
                ))
            }));
            let memory = match process.memory {
                Some(bytes) => Said::ok(size(bytes)),
                None => Said::unseen(language),
            };
            found.push((words!(language, "memory", "内存"), memory));
        }
        let backlog = backlog(process.backlog, language);
        found.push(("net.core.somaxconn".to_owned(), backlog));
        let found = found.into_iter();
        found
            .map(|(name, said)| said.of(Area::Limits, name))
            .collect()
    }
}

/// `clients` are those now and those at most; none where nothing serves.
fn descriptors(
    (open, most): (Option<u64>, Option<u64>),
    clients: Option<(usize, usize)>,
    language: Language,
) -> Said {
    let Some(most) = most else {
        return Said::ok(words!(language, "no limit", "无限制"));
    };
    let Some((now, room)) = clients else {
        return Said::ok(words!(
            language,
            "{most} for this command; the service has a limit of its own",
            "本命令的上限 {most}；服务有自己的上限"
        ));
    };
    let open = open.map_or_else(|| "?".to_owned(), |open| open.to_string());
    let text = words!(
        language,
        "{open} of {most} open, which is room for {room} clients; now there are {now}",
        "已打开 {open}，上限 {most}，可容纳 {room} 个客户端连接；当前 {now} 个"
    );
    let advice = words!(
        language,
        "raise LimitNOFILE of the service, or ulimit -n",
        "请提高服务的 LimitNOFILE，或 ulimit -n"
    );
    if now >= room {
        Said::bad(text, advice)
    } else if room < FEW_CLIENTS || now > room / 10 * 8 {
        Said::warn(text, advice)
    } else {
        Said::ok(text)
    }
}

fn backlog(most: Option<u64>, language: Language) -> Said {
    match most {
        None => Said::unseen(language),
        Some(most) if most < SHORT_BACKLOG => Said::warn(
            words!(
                language,
                "{most}: so many connections wait at most until they are accepted",
                "{most}：等待接受的连接数上限"
            ),
            "sysctl -w net.core.somaxconn=4096",
        ),
        Some(most) => Said::ok(most.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::{FEW_CLIENTS, SHORT_BACKLOG, backlog, descriptors};
    use crate::model::Language::English;

    #[test]
    fn descriptors_are_told_as_clients() {
        let state = |now, room| {
            let some = (Some(100), Some(65_536));
            descriptors(some, Some((now, room)), English).state
        };
        assert_eq!(state(0, FEW_CLIENTS), Verdict::Ok);
        assert_eq!(state(0, FEW_CLIENTS - 1), Verdict::Warn);
        assert_eq!(state(FEW_CLIENTS / 10 * 9, FEW_CLIENTS), Verdict::Warn);
        assert_eq!(state(FEW_CLIENTS, FEW_CLIENTS), Verdict::Bad);
        assert_eq!(descriptors((None, None), None, English).state, Verdict::Ok);
    }

    #[test]
    fn what_the_service_may_not_see_is_no_fault() {
        assert_eq!(backlog(None, English).state, Verdict::Ok);
        assert_eq!(backlog(Some(SHORT_BACKLOG), English).state, Verdict::Ok);
        assert_eq!(
            backlog(Some(SHORT_BACKLOG - 1), English).state,
            Verdict::Warn
        );
    }
}
