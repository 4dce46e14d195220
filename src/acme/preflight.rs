//! What would fail, before an authority is asked: pure, from what was seen.

use std::net::IpAddr;

use super::trouble::{Failed, Trouble};
use crate::model::AcmeChallenge;
use crate::model::Language::{Chinese, English};

/// What was seen of a certificate that is to be had.
#[derive(Debug)]
pub struct Seen {
    /// How its hosts are to be shown to be ours.
    pub challenge: AcmeChallenge,
    /// Whether a listener of ours is open at the port that the authority looks at.
    pub is_open: bool,
    /// What was seen of each host.
    pub hosts: Vec<SeenHost>,
    /// By how many seconds the authority's clock is ahead of ours, as far as it says; or why it
    /// does not answer.
    pub authority: Result<Option<i64>, Trouble>,
}

/// What was seen of a host.
#[derive(Debug)]
pub struct SeenHost {
    /// The host.
    pub host: String,
    /// Its addresses, and who answers there. None where the name has none.
    pub addresses: Vec<(IpAddr, Answers)>,
}

/// Who answers at an address, at the port that the authority looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// We do.
    Ours,
    /// Somebody else.
    Other,
    /// Nobody, for this reason.
    Nobody(String),
}

/// One thing that would fail, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In English.
    pub english: String,
    /// In Chinese.
    pub chinese: String,
}

fn finding(english: String, chinese: String) -> Finding {
    Finding { english, chinese }
}

/// The port that an authority looks at.
pub fn port_of(challenge: AcmeChallenge) -> u16 {
    match challenge {
        AcmeChallenge::Http01 => 80,
        AcmeChallenge::TlsAlpn01 => 443,
    }
}

/// What would fail, in the order in which to mend it. Nothing where all is well.
pub fn findings(seen: &Seen) -> Vec<Finding> {
    let mut all = Vec::new();
    match &seen.authority {
        Err(trouble) => all.push(finding(trouble.words(English), trouble.words(Chinese))),
        Ok(Some(ahead)) if ahead.abs() > Failed::SKEW => all.push(clock(*ahead)),
        Ok(_) => {}
    }
    let is_seen = |host: &SeenHost| host.addresses.iter().any(|(_, who)| *who == Answers::Ours);
    let port = port_of(seen.challenge);
    // Who is seen has it led here from another port.
    if !seen.is_open && !seen.hosts.iter().all(is_seen) {
        let tls = match seen.challenge {
            AcmeChallenge::Http01 => ("without", "不带 TLS "),
            AcmeChallenge::TlsAlpn01 => ("with", "带 TLS "),
        };
        all.push(finding(
            format!(
                "no listener {} TLS is open here at port {port}, where the authority looks for {}",
                tls.0,
                seen.challenge.as_str()
            ),
            format!(
                "本机没有{}的监听器打开 {port} 端口，而颁发机构用 {} 时会访问它",
                tls.1,
                seen.challenge.as_str()
            ),
        ));
    }
    for host in &seen.hosts {
        all.extend(name(&host.host));
        match host.addresses.is_empty() {
            true => all.push(no_address(&host.host)),
            false => all.extend(
                host.addresses
                    .iter()
                    .filter_map(|(ip, who)| answered(&host.host, (*ip, port), who)),
            ),
        }
    }
    all
}

fn clock(ahead: i64) -> Finding {
    let minutes = ahead.unsigned_abs() / 60;
    let (english, chinese) = match ahead > 0 {
        true => ("behind", "慢"),
        false => ("ahead of", "快"),
    };
    finding(
        format!(
            "this machine's clock is {minutes} min {english} the authority's: set it, or what it issues is not good yet or any more"
        ),
        format!(
            "本机时钟比颁发机构{chinese} {minutes} 分钟：请校准，否则签发的证书可能尚未生效或已过期"
        ),
    )
}

/// Names that most authorities issue nothing for.
fn name(host: &str) -> Option<Finding> {
    if host.parse::<IpAddr>().is_ok() {
        return Some(finding(
            format!("{host}: is an address: most authorities issue for names alone"),
            format!("{host}：这是地址，多数颁发机构只为域名签发"),
        ));
    }
    (!host.contains('.')).then(|| {
        finding(
            format!("{host}: is a name of one part, which a private authority alone issues for"),
            format!("{host}：只有一段的名称，仅私有颁发机构可签发"),
        )
    })
}

fn no_address(host: &str) -> Finding {
    finding(
        format!("{host}: the name has no address: add it in the DNS, or wait until it is known"),
        format!("{host}：查不到该域名的地址：请在 DNS 中添加，或等待生效"),
    )
}

fn answered(host: &str, (ip, port): (IpAddr, u16), who: &Answers) -> Option<Finding> {
    match who {
        Answers::Ours => None,
        Answers::Other => Some(finding(
            format!(
                "{host}: somebody else answers at port {port} of {ip}, where the name leads: have it lead here, or pass what is asked for below /.well-known/acme-challenge/ on"
            ),
            format!(
                "{host}：域名指向的 {ip} 的 {port} 端口由别处应答：请把域名指向本机，或转发 /.well-known/acme-challenge/ 下的请求"
            ),
        )),
        Answers::Nobody(why) => Some(finding(
            format!(
                "{host}: nobody answers at port {port} of {ip}, where the name leads ({why}); where that is a router of yours, it may lead from outside all the same"
            ),
            format!(
                "{host}：域名指向的 {ip} 的 {port} 端口没有应答（{why}）；若那是您的路由器，从外部访问也许仍可到达"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, Seen, SeenHost, findings};
    use crate::acme::Trouble;
    use crate::model::AcmeChallenge;

    fn host(host: &str, addresses: &[(&str, Answers)]) -> SeenHost {
        let one = |(ip, who): &(&str, Answers)| (ip.parse().unwrap(), who.clone());
        SeenHost {
            host: host.to_owned(),
            addresses: addresses.iter().map(one).collect(),
        }
    }

    fn seen(is_open: bool, hosts: Vec<SeenHost>) -> Seen {
        Seen {
            challenge: AcmeChallenge::Http01,
            is_open,
            hosts,
            authority: Ok(Some(2)),
        }
    }

    fn told(seen: &Seen) -> Vec<String> {
        let all = findings(seen);
        assert!(
            all.iter()
                .all(|one| one.english.is_ascii() && !one.chinese.is_ascii())
        );
        all.into_iter().map(|one| one.english).collect()
    }

    #[test]
    fn where_all_is_well_there_is_nothing_to_say() {
        let ours = [("10.0.0.1", Answers::Ours), ("2001:db8::1", Answers::Ours)];
        let all = vec![host("shop.example.com", &ours)];
        assert_eq!(told(&seen(true, all)), [""; 0]);
        // Another port may lead here.
        let all = vec![host("shop.example.com", &ours)];
        assert_eq!(told(&seen(false, all)), [""; 0]);
    }

    #[test]
    fn each_thing_that_would_fail_is_told() {
        let nobody = Answers::Nobody("no answer".to_owned());
        let mut seen = seen(
            false,
            vec![
                host("gone.example.com", &[]),
                host(
                    "a.example.com",
                    &[("10.0.0.1", Answers::Ours), ("10.0.0.2", Answers::Other)],
                ),
                host("intranet", &[("10.0.0.3", nobody)]),
                host("10.0.0.4", &[("10.0.0.4", Answers::Ours)]),
            ],
        );
        seen.authority = Ok(Some(-7200));
        let all = told(&seen);
        let expected = [
            "this machine's clock is 120 min ahead of the authority's",
            "no listener without TLS is open here at port 80",
            "gone.example.com: the name has no address",
            "a.example.com: somebody else answers at port 80 of 10.0.0.2",
            "intranet: is a name of one part",
            "intranet: nobody answers at port 80 of 10.0.0.3, where the name leads (no answer)",
            "10.0.0.4: is an address",
        ];
        assert_eq!(all.len(), expected.len(), "{all:#?}");
        for (words, begins) in all.iter().zip(expected) {
            assert!(words.starts_with(begins), "{words}");
        }
        seen.authority = Err(Trouble::BrokenOff);
        assert_eq!(told(&seen)[0], "the authority broke its answer off");
    }
}
