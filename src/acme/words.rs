//! Every trouble as a sentence that says what to do, in both languages.

use std::time::Duration;

use super::problem::Kind;
use super::trouble::{Failed, Trouble};
use crate::model::Language::{self, Chinese, English};
use crate::tls::NoTls;

/// What each type of problem means, and what to do: English and Chinese.
#[rustfmt::skip]
const KINDS: [(&str, &str, &str); 24] = [
    ("accountDoesNotExist", "the authority does not know our account any more; a new one is made with the next try", "颁发机构已不认识本账户；下次尝试会新建"),
    ("alreadyRevoked", "the certificate is revoked already", "证书已被吊销"),
    ("badCSR", "the authority does not accept what we ask for: look at the names of the certificate", "颁发机构不接受该申请：请检查证书的域名"),
    ("badNonce", "the authority keeps refusing our requests as out of date; this passes by itself", "颁发机构反复认为请求已过期；通常会自行恢复"),
    ("badPublicKey", "the authority does not accept keys of our kind (ECDSA P-256)", "颁发机构不接受 ECDSA P-256 密钥"),
    ("badRevocationReason", "the authority does not accept the reason of a revocation", "颁发机构不接受该吊销原因"),
    ("badSignatureAlgorithm", "the authority does not accept signatures of our kind (ES256)", "颁发机构不接受 ES256 签名"),
    ("caa", "the CAA records in the DNS of the name forbid this authority to issue: add it there, or take another", "该域名的 CAA 记录不允许此颁发机构签发：请在 DNS 中添加，或换一家"),
    ("compound", "several names failed", "多个域名未通过"),
    ("connection", "the authority could not reach this name: it must lead to a listener here that the internet can reach, at port 80 for http-01, 443 for tls-alpn-01", "颁发机构连不上该域名：它必须从互联网指向本机的监听器（http-01 用 80 端口，tls-alpn-01 用 443 端口）"),
    ("dns", "the authority found no address of this name: look at its records in the DNS", "颁发机构查不到该域名的地址：请检查 DNS 记录"),
    ("externalAccountRequired", "the authority wants an account of its own bound to ours: set eab with what it handed out", "颁发机构要求绑定外部账户：请填写它发给您的 eab"),
    ("incorrectResponse", "somebody else answered the authority at this name: it leads elsewhere than here", "颁发机构从该域名得到了别处的应答：域名没有指向本机"),
    ("invalidContact", "the authority does not accept the address in email", "颁发机构不接受 email 中的邮箱"),
    ("malformed", "the authority does not understand what we say", "颁发机构看不懂我们的请求"),
    ("orderNotReady", "the authority is not done with an order that it said was ready; this passes by itself", "颁发机构尚未处理完订单；通常会自行恢复"),
    ("rateLimited", "the authority has had too many requests of this name or account and asks to wait", "该域名或账户的请求过多，颁发机构要求等待"),
    ("rejectedIdentifier", "the authority issues no certificate for this name", "颁发机构不为该域名签发证书"),
    ("serverInternal", "the authority has trouble of its own; this passes by itself", "颁发机构自身故障；通常会自行恢复"),
    ("tls", "the authority got no handshake by tls-alpn-01: whoever stands before us must pass TLS on as it is", "tls-alpn-01 握手失败：前面的设备必须原样转发 TLS"),
    ("unauthorized", "the authority was not shown what proves this name: it leads elsewhere than here, or the account may not", "颁发机构未看到该域名的证明：域名没有指向本机，或账户无权申请"),
    ("unsupportedContact", "the authority does not write to addresses such as that in email", "颁发机构不支持 email 中的这类联系方式"),
    ("unsupportedIdentifier", "the authority issues no certificate for names of this kind", "颁发机构不为这类名称签发证书"),
    ("userActionRequired", "the authority wants somebody to do something on its site first, such as agreeing to new terms", "颁发机构要求先到其网站操作，例如同意新条款"),
];

impl Trouble {
    /// As a sentence, without a dot at its end.
    pub fn words(&self, language: Language) -> String {
        match (self, language) {
            (Self::NoAddress { host }, English) => format!(
                "the name {host} has no address: look at the authority's URL, or at the name servers of this machine"
            ),
            (Self::NoAddress { host }, Chinese) => {
                format!("查不到 {host} 的地址：请检查颁发机构的网址，或本机的域名服务器")
            }
            (Self::NotConnected { to, why }, English) => format!(
                "cannot connect to the authority at {to}: {why}; a firewall may forbid it"
            ),
            (Self::NotConnected { to, why }, Chinese) => {
                format!("连不上颁发机构 {to}：{why}；可能被防火墙拦截")
            }
            (Self::Silent { waited }, English) => {
                format!("the authority did not answer within {}", seconds(*waited))
            }
            (Self::Silent { waited }, Chinese) => {
                format!("颁发机构在 {} 内没有应答", seconds(*waited))
            }
            (Self::TooLong, English) => "the authority's answer is longer than any of ACME: look at its URL".to_owned(),
            (Self::TooLong, Chinese) => "颁发机构的应答过长，不像 ACME：请检查其网址".to_owned(),
            (Self::BrokenOff, English) => "the authority broke its answer off".to_owned(),
            (Self::BrokenOff, Chinese) => "颁发机构的应答中途断开".to_owned(),
            (Self::NotHttp, English) => "the authority's answer is not HTTP: look at its URL".to_owned(),
            (Self::NotHttp, Chinese) => "颁发机构的应答不是 HTTP：请检查其网址".to_owned(),
            (Self::NoTls(why), _) => no_tls(why, language),
            (Self::NotHttps { url }, English) => format!("the authority sends us to {url}, which is not HTTPS"),
            (Self::NotHttps { url }, Chinese) => format!("颁发机构给出的 {url} 不是 HTTPS 网址"),
            (Self::Status(status), English) => format!("the authority answered {status} without saying why: look at its URL"),
            (Self::Status(status), Chinese) => format!("颁发机构返回 {status} 而未说明原因：请检查其网址"),
            (Self::NotAcme { what }, English) => format!("the authority's answer is not what ACME says ({what}): look at its URL"),
            (Self::NotAcme { what }, Chinese) => format!("颁发机构的应答不符合 ACME（{what}）：请检查其网址"),
            (Self::Refused { kind, said, host }, _) => refused(kind, said, host.as_deref(), language),
            (Self::NoChallenge { host, challenge }, English) => format!(
                "{host}: the authority does not offer {}: take the other challenge",
                challenge.as_str()
            ),
            (Self::NoChallenge { host, challenge }, Chinese) => {
                format!("{host}：颁发机构不提供 {}：请换另一种验证方式", challenge.as_str())
            }
            (Self::Unfinished { waited }, English) => {
                format!("the authority was not done with the order within {}", seconds(*waited))
            }
            (Self::Unfinished { waited }, Chinese) => {
                format!("颁发机构在 {} 内没有处理完订单", seconds(*waited))
            }
            (Self::Unusable { why }, English) => format!("the certificate that the authority issued is not taken: {why}"),
            (Self::Unusable { why }, Chinese) => format!("颁发机构签发的证书不可用：{why}"),
            (Self::NoAccountKey { why }, English) => format!("eab.hmac, the key of the account, is missing: {why}"),
            (Self::NoAccountKey { why }, Chinese) => format!("缺少外部账户密钥 eab.hmac：{why}"),
            (Self::BadAccountKey, English) => "eab.hmac, the key of the account, is not base64url: copy it as the authority shows it".to_owned(),
            (Self::BadAccountKey, Chinese) => "外部账户密钥 eab.hmac 不是 base64url：请照颁发机构所示原样复制".to_owned(),
            (Self::Ours { why }, English) => format!("it cannot be done here: {why}"),
            (Self::Ours { why }, Chinese) => format!("本机无法完成：{why}"),
        }
    }
}

impl Failed {
    /// The trouble, and that a clock is wrong where one is.
    pub fn words(&self, language: Language) -> String {
        let mut words = self.trouble.words(language);
        if let Some(seconds) = self.clock_off {
            let by = duration(seconds.unsigned_abs());
            words.push_str(&match (language, seconds > 0) {
                (English, true) => {
                    format!("; this machine's clock is {by} behind the authority's: set it")
                }
                (English, false) => {
                    format!("; this machine's clock is {by} ahead of the authority's: set it")
                }
                (Chinese, true) => format!("；本机时钟比颁发机构慢 {by}：请校准"),
                (Chinese, false) => format!("；本机时钟比颁发机构快 {by}：请校准"),
            });
        }
        words
    }
}

fn no_tls(why: &NoTls, language: Language) -> String {
    let words = match (why, language) {
        (NoTls::NotTrusted, English) => "its certificate is signed by nobody who is trusted here: a private authority's own is named in ca".to_owned(),
        (NoTls::NotTrusted, Chinese) => "其证书不受本机信任：私有颁发机构的根证书请填在 ca".to_owned(),
        (NoTls::Expired, English) => "its certificate has expired, or this machine's clock is wrong".to_owned(),
        (NoTls::Expired, Chinese) => "其证书已过期，或本机时钟有误".to_owned(),
        (NoTls::NotYetValid, English) => "its certificate is not valid yet, or this machine's clock is wrong".to_owned(),
        (NoTls::NotYetValid, Chinese) => "其证书尚未生效，或本机时钟有误".to_owned(),
        (NoTls::WrongName(names), English) => format!("its certificate is for {names}: somebody else answers there"),
        (NoTls::WrongName(names), Chinese) => format!("其证书属于 {names}：应答的是别人"),
        (NoTls::NotTls, English) => "it does not speak TLS there: look at its URL".to_owned(),
        (NoTls::NotTls, Chinese) => "那里不是 TLS：请检查其网址".to_owned(),
        (NoTls::Ended, English) => "it broke off the TLS handshake".to_owned(),
        (NoTls::Ended, Chinese) => "它中断了 TLS 握手".to_owned(),
        (NoTls::BadCertificate(why), English) => format!("its certificate is not accepted: {why}"),
        (NoTls::BadCertificate(why), Chinese) => format!("其证书不被接受：{why}"),
        (NoTls::Refused(why), English) => format!("it refused the TLS handshake: {why}"),
        (NoTls::Refused(why), Chinese) => format!("它拒绝了 TLS 握手：{why}"),
        (NoTls::Unready(why), English) => format!("TLS cannot be spoken: {why}"),
        (NoTls::Unready(why), Chinese) => format!("无法使用 TLS：{why}"),
    };
    match language {
        English => format!("the authority is not believed: {words}"),
        Chinese => format!("无法确认颁发机构：{words}"),
    }
}

fn refused(kind: &Kind, said: &str, host: Option<&str>, language: Language) -> String {
    let known = match kind {
        Kind::Known(name) => KINDS.iter().find(|(known, ..)| known == name),
        Kind::Other(_) => None,
    };
    let meaning = match (known, kind, language) {
        (Some((_, english, _)), _, English) => (*english).to_owned(),
        (Some((_, _, chinese)), _, Chinese) => (*chinese).to_owned(),
        (None, Kind::Other(name), English) => format!("the authority refuses ({name})"),
        (None, Kind::Other(name), Chinese) => format!("颁发机构拒绝（{name}）"),
        (None, Kind::Known(name), _) => (*name).to_owned(),
    };
    let (colon, open, close) = match language {
        English => (": ", " (it says: ", ")"),
        Chinese => ("：", "（其原话：", "）"),
    };
    let host = host
        .map(|host| format!("{host}{colon}"))
        .unwrap_or_default();
    match said {
        "" => format!("{host}{meaning}"),
        said => format!("{host}{meaning}{open}{said}{close}"),
    }
}

fn seconds(waited: Duration) -> String {
    format!("{} s", waited.as_secs())
}

/// About how long: `3 min`, `5 h`, `12 d`.
fn duration(seconds: u64) -> String {
    match seconds {
        0..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::problem::KNOWN;
    use super::{Failed, KINDS, Kind, Trouble};
    use crate::model::AcmeChallenge;
    use crate::model::Language::{Chinese, English};
    use crate::tls::NoTls;

    fn text(what: &str) -> String {
        what.to_owned()
    }

    fn every_trouble() -> Vec<Trouble> {
        let waited = Duration::from_secs(30);
        let mut all = vec![
            Trouble::NoAddress { host: text("ca") },
            Trouble::NotConnected {
                to: text("ca"),
                why: text("refused"),
            },
            Trouble::Silent { waited },
            Trouble::TooLong,
            Trouble::BrokenOff,
            Trouble::NotHttp,
            Trouble::NotHttps {
                url: text("http://ca/"),
            },
            Trouble::Status(500),
            Trouble::NotAcme {
                what: text("of an order"),
            },
            Trouble::NoChallenge {
                host: text("a"),
                challenge: AcmeChallenge::Http01,
            },
            Trouble::Unfinished { waited },
            Trouble::Unusable {
                why: text("it is for b"),
            },
            Trouble::NoAccountKey { why: text("gone") },
            Trouble::BadAccountKey,
            Trouble::Ours {
                why: text("no disk"),
            },
        ];
        let tls = [
            NoTls::NotTrusted,
            NoTls::Expired,
            NoTls::NotYetValid,
            NoTls::WrongName(text("b")),
            NoTls::BadCertificate(text("odd")),
            NoTls::NotTls,
            NoTls::Refused(text("no")),
            NoTls::Ended,
            NoTls::Unready(text("no file")),
        ];
        all.extend(tls.map(Trouble::NoTls));
        let kinds = KNOWN.map(Kind::Known).into_iter();
        all.extend(
            kinds
                .chain([Kind::Other(text("odd"))])
                .map(|kind| Trouble::Refused {
                    kind,
                    said: text("no, no"),
                    host: Some(text("shop.example.com")),
                }),
        );
        all
    }

    #[test]
    fn every_trouble_has_words_of_its_own_in_both_languages() {
        assert_eq!(KINDS.map(|(name, ..)| name), KNOWN);
        let mut seen = std::collections::BTreeSet::new();
        for trouble in every_trouble() {
            let (english, chinese) = (trouble.words(English), trouble.words(Chinese));
            assert!(english.is_ascii(), "{english}");
            assert!(!chinese.is_ascii(), "{chinese}");
            assert!(!english.ends_with('.') && !chinese.ends_with('。'));
            assert!(seen.insert(english) && seen.insert(chinese), "{trouble:?}");
        }
    }

    #[test]
    fn what_the_authority_says_stands_behind_what_it_means() {
        let trouble = Trouble::Refused {
            kind: Kind::Known("rateLimited"),
            said: text("too many certificates"),
            host: None,
        };
        assert_eq!(
            trouble.words(English),
            "the authority has had too many requests of this name or account and asks to wait (it says: too many certificates)"
        );
        let failed = |clock_off| Failed {
            clock_off: Some(clock_off),
            ..Failed::from(Trouble::BrokenOff)
        };
        assert_eq!(
            failed(7200).words(English),
            "the authority broke its answer off; this machine's clock is 2 h behind the authority's: set it"
        );
        assert!(failed(-400).words(English).contains("6 min ahead"));
        assert!(failed(-900_000).words(Chinese).ends_with("快 10 d：请校准"));
    }
}
