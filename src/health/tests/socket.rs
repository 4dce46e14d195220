//! Probes of Unix sockets.

use std::os::unix::net::{UnixDatagram, UnixListener as Blocking, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::super::probe::{Asked, probe};
use super::super::socket::cause;
use crate::balance::{Cause, CheckResult, Facts, Unresolved};
use crate::model::{CheckKind, HealthCheck, HttpCheck, Language, NodeAddress};

async fn result(path: &Path, check: &HealthCheck, silent: bool) -> CheckResult {
    let node = NodeAddress::parse(&format!("unix:{}", path.display())).unwrap();
    let asked = Asked {
        tls: None,
        check,
        node: &node,
        host: None,
        proxy_protocol: crate::model::ProxyProtocol::Off,
        silent,
    };
    // A socket has no name that could be unresolved.
    probe(asked, &[], Unresolved::NotFound).await
}

// Long enough for a loaded machine; what must time out says so itself.
fn tcp() -> HealthCheck {
    HealthCheck {
        timeout: Duration::from_secs(20),
        ..HealthCheck::default()
    }
}

fn http() -> HealthCheck {
    HealthCheck {
        kind: CheckKind::Http(HttpCheck::default()),
        ..tcp()
    }
}

#[tokio::test]
async fn a_socket_is_asked_as_a_port_is_and_by_the_host_localhost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let node = UnixListener::bind(&path).unwrap();
    assert_eq!(result(&path, &tcp(), false).await.code(), "L4OK");
    let serving = tokio::spawn(async move {
        node.accept().await.unwrap();
        let (mut stream, _) = node.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
        }
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let found = result(&path, &http(), false).await;
    assert_eq!((found.code(), found.status()), ("L7OK", Some(204)));
    let asked = serving.await.unwrap();
    assert!(asked.contains("\r\nHost: localhost\r\n"), "{asked}");
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_socket_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let told = async |path: &Path| {
        let found = result(path, &tcp(), false).await;
        assert_eq!(found.code(), "L4CON");
        let (english, chinese) = (Language::English, Language::Chinese);
        (found.cause, found.text(english), found.text(chinese))
    };
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for missing in [dir.path().join("gone"), file.join("below")] {
        let (cause, english, chinese) = told(&missing).await;
        assert_eq!(cause, Some(Cause::SocketMissing));
        let words = format!("no socket is at unix:{}: the", missing.display());
        assert!(english.starts_with(&words), "{english}");
        assert!(chinese.contains("应用尚未启动"), "{chinese}");
    }
    for other in [&*file, dir.path()] {
        let (cause, english, chinese) = told(other).await;
        assert_eq!(cause, Some(Cause::NoSocket));
        assert!(english.contains("is not a socket"), "{english}");
        assert!(chinese.contains("不是套接字文件"), "{chinese}");
    }
    let dead = dir.path().join("dead");
    drop(Blocking::bind(&dead).unwrap());
    let (cause, english, _) = told(&dead).await;
    assert_eq!(cause, Some(Cause::Refused));
    let words = format!("nothing listens on unix:{}", dead.display());
    assert!(english.ends_with(&words), "{english}");
    let datagrams = dir.path().join("datagrams");
    let _bound = UnixDatagram::bind(&datagrams).unwrap();
    assert_eq!(told(&datagrams).await.0, Some(Cause::NotConnected));
}

#[tokio::test]
async fn a_full_queue_is_told_when_the_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let check = HealthCheck {
        timeout: Duration::from_millis(50),
        ..HealthCheck::default()
    };
    let found = result(&path, &check, false).await;
    assert_eq!(
        (found.code(), found.cause),
        ("L4TOUT", Some(Cause::SocketFull))
    );
    let (english, chinese) = (found.text(Language::English), found.text(Language::Chinese));
    assert!(english.contains("no connection within 50ms"), "{english}");
    assert!(chinese.contains("50ms 内没有接受连接"), "{chinese}");
}

#[tokio::test]
async fn a_silent_socket_must_show_that_somebody_lives_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    // The kernel accepts for it; nobody is there.
    let stopped = Blocking::bind(&path).unwrap();
    let check = HealthCheck::default();
    let cause = result(&path, &check, true).await.cause;
    assert_eq!(cause, Some(Cause::AnswerTimeout));
    drop(stopped);
    std::fs::remove_file(&path).unwrap();
    let living = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = living.accept().await {
            let _ = stream.read(&mut [0]).await;
        }
    });
    assert_eq!(result(&path, &tcp(), true).await.cause, None);
}

#[test]
fn a_socket_that_may_not_be_used_is_told_with_who_may_not() {
    // Made here: root, as whom tests may run, is permitted everything.
    let denied = Errno::ACCESS.into();
    let mut facts = Facts {
        address: "unix:/run/s".into(),
        ..Facts::default()
    };
    let cause = cause(&denied, Path::new("/run/s"), &mut facts);
    assert_eq!(cause, Cause::SocketNotPermitted);
    let user = rustix::process::geteuid().as_raw();
    assert!(
        facts.said.starts_with(&format!("uid {user}, ")),
        "{facts:?}"
    );
}
