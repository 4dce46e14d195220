//! The text that an answer must hold.

use tokio::io::AsyncWriteExt;

use super::{LONG, asking, listener, node, request, result, text};
use crate::balance::{Cause, CheckResult};
use crate::model::{HealthCheck, HttpCheck};

fn holding(body: &str) -> HealthCheck {
    let http = HttpCheck {
        body: body.to_owned(),
        ..HttpCheck::default()
    };
    asking(http, LONG)
}

async fn answer_holding(wanted: &str, answer: &'static str) -> CheckResult {
    let (address, _asked) = node(answer).await;
    result(&holding(wanted), &[address]).await
}

#[tokio::test]
async fn a_body_must_hold_its_text_however_it_is_framed() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall well",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall w\r\n3\r\nell\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nall well",
    ] {
        assert_eq!(answer_holding("all well", answer).await.cause, None);
        let found = answer_holding("all is well", answer).await;
        assert_eq!(
            (found.cause, found.status()),
            (Some(Cause::BodyMismatch), Some(200))
        );
        let words = text(&found);
        assert!(words.contains("all is well is not in"), "{words}");
        assert!(words.contains("begins with \"all well\""), "{words}");
    }
}

#[tokio::test]
async fn a_redirect_without_the_text_is_told_as_a_redirect() {
    for (location, cause) in [
        (
            "Location: https://shop.example.com/\r\n",
            Cause::SslRedirect,
        ),
        ("Location: /login/\r\n", Cause::LoginRedirect),
        ("Location: /up/\r\n", Cause::Redirect),
        ("", Cause::BodyEmpty),
    ] {
        let answer = format!("HTTP/1.1 301 Moved\r\n{location}Content-Length: 0\r\n\r\n");
        let found = answer_holding("all well", answer.leak()).await;
        assert_eq!(found.cause, Some(cause), "{location:?}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_or_not_by_the_rules_fails() {
    for (answer, cause) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\nall",
            Cause::BodyCut,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall",
            Cause::BodyCut,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nall well",
            Cause::BadHttp,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
            Cause::BadHttp,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", Cause::BodyEmpty),
    ] {
        let found = answer_holding("all well", answer).await;
        assert_eq!(found.cause, Some(cause), "{answer:?}");
    }
}

#[tokio::test]
async fn the_text_must_stand_in_the_first_256_kib() {
    for (before, cause) in [
        (HttpCheck::BODY_LIMIT - 4, None),
        (HttpCheck::BODY_LIMIT - 3, Some(Cause::BodyMismatch)),
    ] {
        let (listener, address) = listener().await;
        let sending = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\n\r\n";
            let body = [&head[..], &vec![b'a'; before], b"well"].concat();
            // It hangs up when it has seen enough.
            while stream.write_all(&body).await.is_ok() {}
        });
        let found = result(&holding("well"), &[address]).await;
        assert_eq!(found.cause, cause, "{}", text(&found));
        sending.await.unwrap();
    }
}
