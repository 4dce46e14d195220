//! What can be wrong with a node: one list, each cause with its code, its name and the
//! words an operator sees, in every language.
//!
//! `{…}` are the facts of `facts.rs`. The words say what happened and then what to look at.

use super::pick;
use crate::model::Language;

// One entry per cause, so that none can lack its code or a language.
macro_rules! causes {
    ($($(#[$doc:meta])+ $cause:ident = $code:literal $name:literal $english:literal $chinese:literal)+) => {
        /// What is wrong with a node, as one probe found it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Cause {
            $($(#[$doc])+ $cause,)+
        }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$cause,)+];

            /// HAProxy's short word for it; `DNS` for a name without an address.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$cause => $code,)+
                }
            }

            /// Its own name, for scripts.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$cause => $name,)+
                }
            }

            /// The words for a person, facts not yet in their place.
            pub(super) fn words(self, language: Language) -> &'static str {
                match self {
                    $(Self::$cause => pick(language, $english, $chinese),)+
                }
            }
        }
    };
}

causes! {
    /// Name servers know no address for the name.
    NameNotFound = "DNS" "name_not_found"
        "the name {name} is not found: look at its spelling, at DNS and at /etc/hosts"
        "找不到名称 {name}：请检查拼写、DNS 和 /etc/hosts"
    /// No name server has answered yet.
    NameServerSilent = "DNS" "name_server_silent"
        "no name server has answered for {name}: look at /etc/resolv.conf and at the network"
        "没有域名服务器应答 {name} 的查询：请检查 /etc/resolv.conf 和网络"
    /// The connection was refused.
    Refused = "L4CON" "refused"
        "connection refused: nothing listens on {address}"
        "连接被拒绝：{address} 上没有程序在监听"
    /// The node did not accept in time.
    ConnectTimeout = "L4TOUT" "connect_timeout"
        "{address} did not accept a connection within {waited}: the machine is off, a firewall drops packets, or the node is stuck with a full queue"
        "{address} 在 {waited} 内没有接受连接：机器已关机、防火墙丢弃了数据包，或节点卡住且连接队列已满"
    /// The network knows no machine of that address.
    HostUnreachable = "L4CON" "host_unreachable"
        "no machine answers at {address}: it is off, or the address is wrong"
        "{address} 的主机不可达：机器已关机，或地址有误"
    /// No route leads there.
    NetworkUnreachable = "L4CON" "network_unreachable"
        "no route to {address}: look at the address and at this machine's network"
        "没有通往 {address} 的路由：请检查地址和本机的网络"
    /// The system does not let us connect.
    NotPermitted = "L4CON" "not_permitted"
        "this machine may not connect to {address}: look at its firewall and at what the service is allowed"
        "本机不允许连接 {address}：请检查本机防火墙和服务的权限"
    /// Nothing is at the path of the Unix socket.
    SocketMissing = "L4CON" "socket_missing"
        "no socket is at {address}: the application has not started, or makes its socket elsewhere"
        "{address} 处没有套接字文件：应用尚未启动，或其套接字在别处"
    /// What is at the path is something else.
    NoSocket = "L4CON" "no_socket"
        "what is at {address} is not a socket: look at the path"
        "{address} 不是套接字文件：请检查路径"
    /// The file system does not let us use the Unix socket.
    SocketNotPermitted = "L4CON" "socket_not_permitted"
        "this service ({said}) may not use {address}: it must be allowed to write to the socket and to enter every directory above it"
        "本服务（{said}）无权使用 {address}：需要该套接字的写权限，以及其上各级目录的进入权限"
    /// The Unix socket's queue stayed full.
    SocketFull = "L4TOUT" "socket_full"
        "{address} took no connection within {waited}: its queue is full, its workers are all busy or stuck"
        "{address} 在 {waited} 内没有接受连接：连接队列已满，工作进程全部繁忙或卡住"
    /// We had no descriptor, port or memory: says nothing of the node.
    OwnShortage = "L4CON" "own_shortage"
        "this machine could not make a connection ({said}): says nothing of the node"
        "本机无法建立连接（{said}）：这不说明节点有故障"
    /// Any other failure to connect.
    NotConnected = "L4CON" "not_connected"
        "cannot connect to {address}: {said}"
        "无法连接 {address}：{said}"
    /// The certificate leads to nobody who is trusted.
    TlsNotTrusted = "L6RSP" "tls_not_trusted"
        "the certificate of {address} is signed by nobody who is trusted: name the file of its authority in the pool's tls.ca"
        "{address} 的证书由不受信任的机构签发：请在节点池的 tls.ca 中填写其签发机构的证书文件"
    /// The certificate is for other names.
    TlsWrongName = "L6RSP" "tls_wrong_name"
        "the certificate of {address} is for {said} and not for {asked}: set the pool's tls.server_name to a name that it is for"
        "{address} 的证书适用于 {said}，而不是 {asked}：请将节点池的 tls.server_name 设为证书适用的名称"
    /// The certificate has expired.
    TlsExpired = "L6RSP" "tls_expired"
        "the certificate of {address} has expired: renew it on the node"
        "{address} 的证书已过期：请在节点上更新证书"
    /// The certificate is not valid yet.
    TlsNotYetValid = "L6RSP" "tls_not_yet_valid"
        "the certificate of {address} is not valid yet: look at this machine's clock"
        "{address} 的证书尚未生效：请检查本机时钟"
    /// The certificate cannot be used for another reason.
    TlsBadCertificate = "L6RSP" "tls_bad_certificate"
        "the certificate of {address} is not accepted: {said}"
        "{address} 的证书不被接受：{said}"
    /// The port takes no TLS.
    NotTls = "L6RSP" "not_tls"
        "does not speak TLS on {address}: use the node's port for TLS, or take tls from the pool"
        "{address} 不使用 TLS：请改用节点的 TLS 端口，或去掉节点池的 tls"
    /// The handshake was refused.
    TlsRefused = "L6RSP" "tls_refused"
        "{address} and this machine agreed on no TLS ({said}): look at the versions and names that the node takes, and whether it asks for a certificate of ours"
        "{address} 与本机的 TLS 握手失败（{said}）：请检查节点接受的 TLS 版本和名称，以及它是否要求客户端证书"
    /// The connection ended within the handshake.
    TlsEnded = "L6RSP" "tls_ended"
        "{address} broke off the TLS handshake: look whether that port speaks TLS, and at the node's log"
        "{address} 中断了 TLS 握手：请检查该端口是否使用 TLS，并查看节点日志"
    /// The handshake was not finished in time.
    TlsTimeout = "L6TOUT" "tls_timeout"
        "{address} accepted the connection but did not finish the TLS handshake within {waited}: its workers are all busy or stuck, or it does not speak TLS"
        "{address} 接受了连接，但在 {waited} 内没有完成 TLS 握手：工作进程全部繁忙或卡住，或该端口不使用 TLS"
    /// We have nothing to judge the node by.
    TlsUnready = "L6RSP" "tls_unready"
        "no TLS can be spoken from this machine: {said}"
        "本机无法使用 TLS：{said}"
    /// The connection was reset before an answer.
    Reset = "L7RSP" "reset"
        "broke the connection off before an answer: the process crashes, or something on the way cuts it"
        "在应答之前中断了连接：进程崩溃，或途中有设备切断了连接"
    /// The connection was ended before an answer.
    Closed = "L7RSP" "closed"
        "closed the connection without an answer: it may be restarting, or expect TLS"
        "没有应答就关闭了连接：可能正在重启，或需要 TLS"
    /// The connection ended within the answer's head.
    HeadCut = "L7RSP" "head_cut"
        "broke off in the middle of its answer's head: the process died while answering"
        "应答头只发送了一半就中断：进程在应答过程中退出"
    /// Nothing was answered in time.
    AnswerTimeout = "L7TOUT" "answer_timeout"
        "accepted the connection but did not answer within {waited}: its workers are all busy or stuck"
        "接受了连接，但在 {waited} 内没有应答：工作进程全部繁忙或卡住"
    /// An answer was begun and not finished in time.
    AnswerSlow = "L7TOUT" "answer_slow"
        "began its answer and did not finish it within {waited}: it is overloaded, or the check's timeout is too short"
        "开始应答，但在 {waited} 内没有完成：节点过载，或检查的 timeout 太短"
    /// What was said is no HTTP at all.
    NotHttp = "L7RSP" "not_http"
        "the answer is not HTTP/1, it begins with {said}: look at the port"
        "应答不是 HTTP/1，开头是 {said}：请检查端口"
    /// An answer that breaks a rule of HTTP.
    BadHttp = "L7RSP" "bad_http"
        "the answer is not HTTP/1 as it must be: {broken}"
        "应答不符合 HTTP/1 规范：{broken}"
    /// An answer's head that is too large.
    HeadTooLarge = "L7RSP" "head_too_large"
        "the answer is refused, {broken}: look at the cookies and headers it sets"
        "应答头过大（{broken}）：请检查应用设置的 Cookie 和标头"
    /// The port takes TLS.
    SpeaksTls = "L7RSP" "speaks_tls"
        "speaks TLS on {address}, and the check asks in plain HTTP: set the pool's tls, or use the node's port for plain HTTP"
        "{address} 使用 TLS（HTTPS），而检查用的是明文 HTTP：请为节点池设置 tls，或改用节点的明文 HTTP 端口"
    /// The port takes HTTP/2 alone.
    SpeaksHttp2 = "L7RSP" "speaks_http2"
        "speaks HTTP/2 alone on {address}: use the node's port for HTTP/1"
        "{address} 只支持 HTTP/2：请改用节点的 HTTP/1 端口"
    /// The port is an SSH server's.
    SpeaksSsh = "L7RSP" "speaks_ssh"
        "speaks SSH on {address} ({said}): look at the port"
        "{address} 是 SSH 服务（{said}）：请检查端口"
    /// The port is a mail or FTP server's.
    SpeaksMailOrFtp = "L7RSP" "speaks_mail_or_ftp"
        "is a mail or FTP server on {address} ({said}): look at the port"
        "{address} 是邮件或 FTP 服务（{said}）：请检查端口"
    /// The port is Redis.
    SpeaksRedis = "L7RSP" "speaks_redis"
        "is Redis on {address} ({said}): look at the port"
        "{address} 是 Redis 服务（{said}）：请检查端口"
    /// The port is PostgreSQL.
    SpeaksPostgresql = "L7RSP" "speaks_postgresql"
        "is PostgreSQL on {address}: look at the port"
        "{address} 是 PostgreSQL 数据库：请检查端口"
    /// The port is MySQL or MariaDB.
    SpeaksMysql = "L7RSP" "speaks_mysql"
        "is MySQL or MariaDB on {address}: look at the port"
        "{address} 是 MySQL 或 MariaDB 数据库：请检查端口"
    /// Django does not take the Host.
    DisallowedHost = "L7STS" "disallowed_host"
        "answered {status} to Host {host}: Django does not allow it; put ALLOWED_HOSTS += [\"{allowed}\"] in its settings, or set the check's host to one that is allowed"
        "对 Host {host} 应答 {status}：Django 不允许该主机名；请在 settings 中加入 ALLOWED_HOSTS += [\"{allowed}\"]，或将检查的 host 设为允许的主机名"
    /// 400 for another reason.
    BadRequest = "L7STS" "bad_request"
        "answered {status} to {method} {path}: it does not take the request; its log says why, often it is the Host {host}"
        "对 {method} {path} 应答 {status}：节点不接受该请求；原因见其日志，常见原因是 Host {host}"
    /// A redirect to the same thing by HTTPS.
    SslRedirect = "L7STS" "ssl_redirect"
        "answered {status}, it redirects to {said}: the application insists on HTTPS; in Django put r\"^{exempt}$\" in SECURE_REDIRECT_EXEMPT, or with SECURE_PROXY_SSL_HEADER set the check's headers = { X-Forwarded-Proto = \"https\" }"
        "应答 {status}，重定向到 {said}：应用强制使用 HTTPS（SECURE_SSL_REDIRECT）；请在 Django 的 SECURE_REDIRECT_EXEMPT 中加入 r\"^{exempt}$\"，或在设置了 SECURE_PROXY_SSL_HEADER 时为检查设置 headers = { X-Forwarded-Proto = \"https\" }"
    /// A redirect to a login page.
    LoginRedirect = "L7STS" "login_redirect"
        "answered {status}, it redirects to the login {said}: {path} wants a login; check a path that does not"
        "应答 {status}，重定向到登录页 {said}：{path} 需要登录；请改为检查无需登录的路径"
    /// Any other redirect.
    Redirect = "L7STS" "redirect"
        "answered {status} to {method} {path}: it redirects to {said}, and a probe follows no redirect: check that path instead"
        "对 {method} {path} 应答 {status}：它重定向到 {said}，而探测不跟随重定向：请直接检查该路径"
    /// 401.
    Unauthorised = "L7STS" "unauthorised"
        "answered {status} to {method} {path}, expected {expected}; the path wants a login: check another one, or set Authorization in the check's headers"
        "对 {method} {path} 应答 {status}，期望 {expected}；该路径需要认证：请检查其他路径，或在检查的 headers 中设置 Authorization"
    /// 403.
    Forbidden = "L7STS" "forbidden"
        "answered {status} to {method} {path}, expected {expected}; this machine may not see that path: check another one, or allow this machine there"
        "对 {method} {path} 应答 {status}，期望 {expected}；该路径禁止本机访问：请检查其他路径，或在节点上放行本机"
    /// 404.
    NotFound = "L7STS" "not_found"
        "answered {status} to {method} {path}, expected {expected}; nothing is at that path: set the check's path"
        "对 {method} {path} 应答 {status}，期望 {expected}；该路径不存在：请设置检查的 path"
    /// 405.
    MethodNotAllowed = "L7STS" "method_not_allowed"
        "answered {status} to {method} {path}, expected {expected}; the path does not take {method}: set the check's method or path"
        "对 {method} {path} 应答 {status}，期望 {expected}；该路径不接受 {method}：请设置检查的 method 或 path"
    /// 429.
    TooManyRequests = "L7STS" "too_many_requests"
        "answered {status} to {method} {path}, expected {expected}; it limits requests: exempt this machine, or raise the check's interval"
        "对 {method} {path} 应答 {status}，期望 {expected}；节点限制请求频率：请对本机豁免，或加大检查的 interval"
    /// 500.
    ApplicationError = "L7STS" "application_error"
        "answered {status} to {method} {path}, expected {expected}; the application itself fails: look at its log"
        "对 {method} {path} 应答 {status}，期望 {expected}；应用自身出错：请查看应用日志"
    /// 502.
    BadGateway = "L7STS" "bad_gateway"
        "answered {status} to {method} {path}, expected {expected}; a web server in between does not reach the application: look whether that runs"
        "对 {method} {path} 应答 {status}，期望 {expected}；中间的 Web 服务器连不上应用：请检查应用是否在运行"
    /// 503.
    Unavailable = "L7STS" "unavailable"
        "answered {status} to {method} {path}, expected {expected}; it is in maintenance or overloaded, or a web server in between has no application to ask"
        "对 {method} {path} 应答 {status}，期望 {expected}；节点正在维护或过载，或中间的 Web 服务器没有可用的应用"
    /// 504.
    GatewayTimeout = "L7STS" "gateway_timeout"
        "answered {status} to {method} {path}, expected {expected}; a web server in between waited too long for the application: its workers are busy or stuck"
        "对 {method} {path} 应答 {status}，期望 {expected}；中间的 Web 服务器等待应用超时：应用的工作进程繁忙或卡住"
    /// Any other status that is not expected.
    WrongStatus = "L7STS" "wrong_status"
        "answered {status} to {method} {path}, expected {expected}"
        "对 {method} {path} 应答 {status}，期望 {expected}"
    /// The body lacks what it should hold.
    BodyMismatch = "L7RSP" "body_mismatch"
        "answered {status} to {method} {path}, but {wanted} is not in the first 256 KiB of the body, which begins with \"{said}\""
        "对 {method} {path} 应答 {status}，但正文的前 256 KiB 中没有 {wanted}，正文开头是“{said}”"
    /// There is no body, and it should hold something.
    BodyEmpty = "L7RSP" "body_empty"
        "answered {status} to {method} {path}, but its body is empty and {wanted} should be in it"
        "对 {method} {path} 应答 {status}，但正文为空，其中应有 {wanted}"
    /// The body ended before its promised end.
    BodyCut = "L7RSP" "body_cut"
        "answered {status} to {method} {path}, but its body broke off before its end: the process died while answering"
        "对 {method} {path} 应答 {status}，但正文未发送完就中断：进程在应答过程中退出"
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::Facts;
    use super::{Cause, Language};

    // The facts that words speak of, in order of their names.
    fn spoken_of(words: &str) -> Vec<&str> {
        let mut names: Vec<&str> = words
            .split('{')
            .skip(1)
            .map(|rest| rest.split_once('}').unwrap().0)
            .filter(|name| !name.starts_with(' '))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn every_cause_has_its_own_name_and_words_in_every_language() {
        assert!(Cause::ALL.len() >= 25);
        let mut seen = HashSet::new();
        for cause in Cause::ALL {
            assert!(seen.insert(cause.as_str()), "{cause:?}");
            for language in Language::ALL {
                assert!(seen.insert(cause.words(language)), "{cause:?}");
            }
            let chinese = cause.words(Language::Chinese);
            assert!(
                chinese.chars().any(|c| ('一'..='龥').contains(&c)),
                "{chinese}"
            );
            assert!(cause.words(Language::English).is_ascii(), "{cause:?}");
        }
    }

    #[test]
    fn both_languages_speak_of_the_same_facts_and_of_no_others() {
        for cause in Cause::ALL {
            let english = spoken_of(cause.words(Language::English));
            assert_eq!(
                english,
                spoken_of(cause.words(Language::Chinese)),
                "{cause:?}"
            );
            for name in english {
                for language in Language::ALL {
                    let fact = Facts::default().named(name, language).is_some();
                    assert!(fact, "{cause:?}: {name}");
                }
            }
        }
    }

    // Names, settings and code stand alone or in other letters; a sentence does not.
    fn english_in(words: &str) -> Option<(&str, &str)> {
        let is_word = |w: &&str| w.len() > 1 && w.bytes().all(|b| b.is_ascii_alphabetic());
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut pairs = words.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.find(|(a, b)| is_word(a) && is_word(b))
    }

    #[test]
    fn no_chinese_words_hold_english_ones() {
        for cause in Cause::ALL {
            // Every rule of HTTP that an answer can break, and one that is not in the table.
            for rule in 0..=60 {
                let facts = Facts {
                    said: "X".into(),
                    rule,
                    ..Facts::default()
                };
                let words = facts.fill(cause.words(Language::Chinese), Language::Chinese);
                assert_eq!(english_in(&words), None, "{cause:?}: {words}");
            }
        }
        assert!(english_in("应答头过大（the head is too large）").is_some());
    }

    #[test]
    fn every_code_is_one_of_those_people_know() {
        let known = [
            "DNS", "L4CON", "L4TOUT", "L6RSP", "L6TOUT", "L7RSP", "L7TOUT", "L7STS",
        ];
        for cause in Cause::ALL {
            assert!(known.contains(&cause.code()), "{cause:?}");
        }
    }
}
