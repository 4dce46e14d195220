//! Nodes that are broken, one per cause: each is told in the right words in both languages.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::appliance::Appliance;
use crate::support::document::listener;
use crate::support::eventually;
use crate::support::node::{Answer, Node, Then};

/// Long enough that no node is late on a busy machine but the two that never answer.
const CHECKED: &str = r#"health_check = { kind = "http", path = "/up", expect = "200-299", body = "all well", interval = "3s", timeout = "3s", fall = 1 }"#;

/// A cause by its name, a node that has it, and pieces of the words for it. `@` is the node's
/// address.
struct Broken {
    cause: &'static str,
    node: Node,
    english: &'static str,
    chinese: &'static str,
}

fn broken(
    cause: &'static str,
    answer: Answer,
    english: &'static str,
    chinese: &'static str,
) -> Broken {
    Broken {
        cause,
        node: Node::scripted(cause, move |_| answer.clone()),
        english,
        chinese,
    }
}

fn bytes(bytes: impl AsRef<[u8]>) -> Answer {
    Answer::Raw(bytes.as_ref().to_vec(), Then::Close)
}

fn sent_to(status: u16, location: &str) -> Answer {
    Answer::status(status, "").field("Location", location)
}

/// Nodes that end, hang, or speak something else.
fn no_answer() -> Vec<Broken> {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}\r\n", "a".repeat(70_000));
    #[rustfmt::skip]
    let nodes = vec![
        broken("reset", Answer::nothing(Then::Reset), "broke the connection off", "中断了连接"),
        broken("closed", Answer::nothing(Then::Close), "closed the connection without an answer", "没有应答就关闭了连接"),
        broken("head_cut", bytes("HTTP/1.1 200 OK\r\nConte"), "in the middle of its answer's head", "只发送了一半"),
        broken("answer_timeout", Answer::nothing(Then::Hang), "did not answer within 3s", "在 3s 内没有应答"),
        broken("answer_slow", Answer::Raw(b"HTTP/1.1 200 OK\r\n".to_vec(), Then::Hang), "did not finish it within 3s", "在 3s 内没有完成"),
        broken("not_http", bytes("hello\x1b[2J world\n"), "begins with hello\\u{1b}[2J world: look at the port", "开头是 hello\\u{1b}[2J world：请检查端口"),
        broken("bad_http", bytes("HTTP/1.1 twohundred OK\r\n\r\n"), "is not HTTP/1 as it must be: the status", "不符合 HTTP/1 规范：状态行有误"),
        broken("head_too_large", bytes(endless), "refused, the head is too large: look", "应答头过大（总长、单个字段或字段数超过上限）"),
        broken("speaks_tls", bytes(b"\x15\x03\x01\x00\x02\x02\x46"), "speaks TLS on @", "@ 使用 TLS（HTTPS）"),
        broken("speaks_http2", bytes(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), "speaks HTTP/2 alone on @", "@ 只支持 HTTP/2"),
        broken("speaks_ssh", bytes("SSH-2.0-OpenSSH_9.6\r\n"), "speaks SSH on @ (SSH-2.0-OpenSSH_9.6)", "@ 是 SSH 服务（SSH-2.0-OpenSSH_9.6）"),
        broken("speaks_mail_or_ftp", bytes("220 mail.example.com ESMTP\r\n"), "mail or FTP server on @ (220 mail", "@ 是邮件或 FTP 服务"),
        broken("speaks_redis", bytes("-ERR wrong number of arguments for 'get' command\r\n"), "is Redis on @", "@ 是 Redis 服务"),
        broken("speaks_postgresql", bytes(b"E\x00\x00\x00\x8aSFATAL\x00"), "is PostgreSQL on @", "@ 是 PostgreSQL"),
        broken("speaks_mysql", bytes(b"\x4a\x00\x00\x00\x0a8.0.36\x00"), "is MySQL or MariaDB on @", "@ 是 MySQL 或 MariaDB"),
    ];
    nodes
}

/// Nodes that answer, and not what they should.
fn wrong_answer() -> Vec<Broken> {
    let django = "<title>Bad Request (400)</title>\n<h1>Bad Request (400)</h1><p></p>";
    let login = "/accounts/login/?next=/up";
    let elsewhere = "/up/";
    #[rustfmt::skip]
    let nodes = vec![
        broken("disallowed_host", Answer::status(400, django), "put ALLOWED_HOSTS += [\"127.0.0.1\"] in its settings", "加入 ALLOWED_HOSTS += [\"127.0.0.1\"]"),
        broken("bad_request", Answer::status(400, "no"), "it does not take the request", "节点不接受该请求"),
        broken("ssl_redirect", sent_to(301, "https://127.0.0.1/up"), "put r\"^up$\" in SECURE_REDIRECT_EXEMPT", "SECURE_REDIRECT_EXEMPT 中加入 r\"^up$\""),
        broken("login_redirect", sent_to(302, login), "/up wants a login", "/up 需要登录"),
        broken("redirect", sent_to(301, elsewhere), "it redirects to /up/, and a probe follows no redirect", "它重定向到 /up/，而探测不跟随重定向"),
        broken("unauthorised", Answer::status(401, ""), "answered 401 to GET /up, expected 200-299; the path wants a login", "应答 401，期望 200-299；该路径需要认证"),
        broken("forbidden", Answer::status(403, ""), "answered 403 to GET /up, expected 200-299; this machine may not see", "应答 403，期望 200-299；该路径禁止本机访问"),
        broken("not_found", Answer::status(404, ""), "answered 404 to GET /up, expected 200-299; nothing is at that path", "应答 404，期望 200-299；该路径不存在"),
        broken("method_not_allowed", Answer::status(405, ""), "the path does not take GET", "该路径不接受 GET"),
        broken("too_many_requests", Answer::status(429, ""), "it limits requests", "节点限制请求频率"),
        broken("application_error", Answer::status(500, ""), "answered 500 to GET /up, expected 200-299; the application itself fails", "应答 500，期望 200-299；应用自身出错"),
        broken("bad_gateway", Answer::status(502, ""), "does not reach the application", "中间的 Web 服务器连不上应用"),
        broken("unavailable", Answer::status(503, ""), "in maintenance or overloaded", "正在维护或过载"),
        broken("gateway_timeout", Answer::status(504, ""), "waited too long for the application", "等待应用超时"),
        broken("wrong_status", Answer::status(418, ""), "answered 418 to GET /up, expected 200-299", "对 GET /up 应答 418，期望 200-299"),
        broken("body_mismatch", Answer::text("maintenance"), "all well is not in the first 256 KiB of the body, which begins with \"maintenance\"", "前 256 KiB 中没有 all well，正文开头是“maintenance”"),
        broken("body_empty", Answer::text(""), "its body is empty and all well should be in it", "正文为空，其中应有 all well"),
        broken("body_cut", bytes("HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\nall"), "its body broke off before its end", "正文未发送完就中断"),
    ];
    nodes
}

/// A port that never accepts: the kernel's queue for it holds one connection and has one.
fn never_accepting() -> (Socket, TcpStream, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let first = TcpStream::connect(address).unwrap();
    (socket, first, address)
}

fn line(document: &mut String, name: &str, address: &str) {
    let table = format!("\n[[pools.nodes]]\nname = \"{name}\"\naddress = \"{address}\"\n");
    document.write_str(&table).unwrap();
}

/// `GET /api/v1/status` with a query, over `control.sock`.
fn status(lb: &Appliance, query: &str) -> (u16, Value) {
    let mut socket = UnixStream::connect(lb.data().join("control.sock")).unwrap();
    let question =
        format!("GET /api/v1/status{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    socket.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// Waits for a node's cause and gives the words for it, in English and in Chinese.
#[track_caller]
fn words(lb: &Appliance, node: &str, causes: &[&str]) -> (String, String) {
    let check = |query| {
        let (_, status) = status(lb, query);
        let nodes = status["pools"][0]["nodes"].as_array().unwrap().clone();
        let found = nodes.into_iter().find(|n| n["name"] == node).unwrap();
        let cause = found["check"]["cause"]
            .as_str()
            .unwrap_or("none")
            .to_owned();
        let text = found["check"]["text"].as_str().unwrap_or("none").to_owned();
        (cause, text)
    };
    eventually(
        &format!("{node} is {causes:?}, not {:?}", check("")),
        || {
            let (english, chinese) = (check(""), check("?lang=zh-CN"));
            let right = |check: &(String, String)| causes.contains(&check.0.as_str());
            (right(&english) && right(&chinese)).then_some((english.1, chinese.1))
        },
    )
}

#[track_caller]
fn says(text: &str, words: &str) {
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

#[test]
fn every_broken_node_is_told_in_the_right_words_in_both_languages() {
    let lb = Appliance::start();
    let all: Vec<Broken> = no_answer().into_iter().chain(wrong_answer()).collect();
    let gone = Node::refusing("gone", |_| Answer::text("never"));
    let (_socket, _first, full) = never_accepting();
    let mut document = listener(lb.port());
    write!(document, "\n[[pools]]\nname = \"broken\"\n{CHECKED}\n").unwrap();
    line(&mut document, "refused", &gone.address().to_string());
    line(&mut document, "connect_timeout", &full.to_string());
    // No connection can be made to everybody.
    line(&mut document, "network_unreachable", "255.255.255.255:8000");
    line(&mut document, "name", "nowhere.invalid:8000");
    for broken in &all {
        let address = broken.node.address().to_string();
        line(&mut document, broken.cause, &address);
    }
    lb.apply(&document);

    for broken in &all {
        let address = broken.node.address().to_string();
        let (english, chinese) = words(&lb, broken.cause, &[broken.cause]);
        says(&english, &broken.english.replace('@', &address));
        says(&chinese, &broken.chinese.replace('@', &address));
    }
    let gone = gone.address();
    let refused = words(&lb, "refused", &["refused"]);
    assert_eq!(
        refused,
        (
            format!("connection refused: nothing listens on {gone}"),
            format!("连接被拒绝：{gone} 上没有程序在监听")
        )
    );
    let late = words(&lb, "connect_timeout", &["connect_timeout"]);
    says(
        &late.0,
        &format!("{full} did not accept a connection within 3s"),
    );
    says(&late.1, &format!("{full} 在 3s 内没有接受连接"));
    let unreachable = words(&lb, "network_unreachable", &["network_unreachable"]);
    says(&unreachable.0, "no route to 255.255.255.255:8000");
    says(&unreachable.1, "没有通往 255.255.255.255:8000 的路由");
    // Whether the name server says no or says nothing is the machine's.
    let unknown = words(&lb, "name", &["name_not_found", "name_server_silent"]);
    says(&unknown.0, "nowhere.invalid");
    says(&unknown.1, "nowhere.invalid");
}

#[test]
fn a_language_that_is_not_spoken_is_refused() {
    let lb = Appliance::start();
    let (refused, body) = status(&lb, "?lang=fr");
    assert_eq!(refused, 400);
    assert_eq!(body["error"], "lang must be en or zh-CN");
    assert_eq!(status(&lb, "?lang=en").0, 200);
}
