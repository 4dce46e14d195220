//! Where it listens: sites, panel, session store; who holds a port that is not ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::apart;
use super::finding::{Area, Finding, Said};
use crate::control::{CONTROL_SOCKET, Handle};
use crate::listener::{Busy, try_address};
use crate::model::{Language, words};

/// A port as it was found.
#[derive(Debug)]
enum Port {
    /// We listen there.
    Open,
    /// We do not, and could.
    Free,
    /// We do not, and cannot.
    Taken(Busy),
    /// Who looks may not try it, and the service may have the right.
    Untried,
}

/// Long enough for who listens on this machine.
const ANSWER: Duration = Duration::from_millis(300);

impl Handle {
    pub(super) async fn ports(&self, language: Language) -> Vec<Finding> {
        let running = self.control.running;
        let mut wanted: Vec<(String, SocketAddr, bool)> = Vec::new();
        let config = self.config();
        for listener in self.outline().listeners {
            let name = listener.name;
            let name = words!(language, "listener {name}", "监听 {name}");
            wanted.push((name, listener.address, listener.open));
        }
        let admin = self.admin_address();
        let panel = words!(language, "panel", "管理面板");
        wanted.push((panel.clone(), self.admin_address_wanted(), admin.is_some()));
        if let Some(address) = self.control.session_address() {
            let open = self.control.session_facts().is_some_and(|facts| facts.open);
            let name = words!(language, "session store", "会话存储");
            wanted.push((name, address, open));
        }
        let mut found = Vec::new();
        if config.listeners.is_empty() {
            let none = Said::warn(
                words!(language, "there is none", "没有监听"),
                words!(language, "add one on the page Sites", "请在“站点”页面添加"),
            );
            found.push(none.of(Area::Ports, words!(language, "listeners", "监听")));
        }
        for (name, address, open) in wanted {
            let port = match open {
                true => Port::Open,
                false => {
                    let look = apart(move || look(address, running)).await;
                    look.unwrap_or(Port::Untried)
                }
            };
            let mut said = judge(&port, (address, running), language);
            if name == panel && open {
                let is_secure = self.admin_url().starts_with("https");
                said = reach(address, (is_secure, config.admin.allow.len()), language);
            }
            found.push(said.of(Area::Ports, name));
        }
        let path = self.control.dir.join(CONTROL_SOCKET);
        if running && !path.exists() {
            let gone = Said::bad(
                words!(
                    language,
                    "it is gone: commands find nobody",
                    "文件不存在：命令无法连接"
                ),
                words!(language, "start steelyard again", "请重新启动 steelyard"),
            );
            found.push(gone.of(Area::Ports, path.display().to_string()));
        }
        found
    }
}

/// What is with a port that is not open. Waits.
fn look(address: SocketAddr, running: bool) -> Port {
    match try_address(address) {
        Ok(()) => Port::Free,
        // The command may lack what the service's unit grants; who has the port answers.
        Err(Busy::NotPermitted) if !running => {
            let ip = match address.ip() {
                ip if !ip.is_unspecified() => ip,
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            let near = SocketAddr::new(ip, address.port());
            match TcpStream::connect_timeout(&near, ANSWER) {
                Ok(_) => Port::Taken(Busy::InUse(None)),
                Err(_) => Port::Untried,
            }
        }
        Err(busy) => Port::Taken(busy),
    }
}

fn judge(port: &Port, (address, running): (SocketAddr, bool), language: Language) -> Said {
    match port {
        Port::Open => Said::ok(words!(language, "open on {address}", "已在 {address} 监听")),
        Port::Free if running => Said::bad(
            words!(
                language,
                "not open on {address}, which is free",
                "未在 {address} 监听，而该端口空闲"
            ),
            words!(
                language,
                "it is tried every 5 s: look again",
                "每 5 秒重试一次：请稍后再看"
            ),
        ),
        Port::Free => Said::ok(words!(language, "{address} is free", "{address} 空闲")),
        Port::Untried => Said::ok(words!(
            language,
            "nobody answers on {address}; who runs this command may not open it, the service may",
            "{address} 无人应答；运行本命令的用户无权打开，服务可以"
        )),
        Port::Taken(busy) => Said::bad(
            words!(language, "not open on {address}", "未在 {address} 监听"),
            busy.text(address.port(), language),
        ),
    }
}

/// From where the panel is reached.
fn reach(address: SocketAddr, (is_secure, nets): (bool, usize), language: Language) -> Said {
    if address.ip().to_canonical().is_loopback() {
        return Said::ok(words!(
            language,
            "open on {address}, for this machine alone",
            "已在 {address} 监听，仅限本机"
        ));
    }
    if !is_secure {
        return Said::warn(
            words!(
                language,
                "open on {address} beyond this machine, without TLS",
                "已在 {address} 对外监听，未使用 TLS"
            ),
            "admin.tls = \"self-signed\"",
        );
    }
    Said::ok(match nets {
        0 => words!(
            language,
            "open on {address} by TLS, for whoever can connect (admin.allow is empty)",
            "已在 {address} 通过 TLS 监听，任何能连接的人都可访问（admin.allow 为空）"
        ),
        _ => words!(
            language,
            "open on {address} by TLS, for networks in admin.allow: {nets}",
            "已在 {address} 通过 TLS 监听，admin.allow 允许的网段数：{nets}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::{Port, judge, reach};
    use crate::listener::Busy;
    use crate::model::Language::English;

    #[test]
    fn a_port_of_somebody_else_says_whose() {
        let at = "0.0.0.0:80".parse().unwrap();
        let nginx = Port::Taken(Busy::InUse(Some("nginx (pid 7)".into())));
        let said = judge(&nginx, (at, true), English);
        assert_eq!(said.state, Verdict::Bad);
        assert!(said.advice.contains("nginx (pid 7)"), "{said:?}");
        assert_eq!(judge(&Port::Open, (at, true), English).state, Verdict::Ok);
        assert_eq!(judge(&Port::Free, (at, true), English).state, Verdict::Bad);
        assert_eq!(judge(&Port::Free, (at, false), English).state, Verdict::Ok);
    }

    #[test]
    fn the_panel_beyond_this_machine_is_told() {
        let (here, far) = ("127.0.0.1:1".parse().unwrap(), "[::]:1".parse().unwrap());
        assert!(
            reach(here, (false, 0), English)
                .text
                .contains("this machine alone")
        );
        assert!(
            reach(far, (true, 0), English)
                .text
                .contains("whoever can connect")
        );
        assert_eq!(reach(far, (false, 0), English).state, Verdict::Warn);
    }
}
