//! How requests and connections end, and what outlives them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::{bounded, node, proxy, proxy_of, rest, until};
use crate::balance::Registry;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;

#[tokio::test]
async fn the_last_answer_outlives_requests_sent_ahead() {
    bounded(async {
        let large = node(|mut stream| async move {
            until(&mut stream, "\r\n\r\n").await;
            sleep(Duration::from_millis(200)).await;
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n";
            let answer = head.to_owned() + &"a".repeat(60_000);
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let address = proxy(&[large], |config| config.listeners[0].max_requests = 1).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut client = socket.connect(address).await.unwrap();
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        client.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(400)).await;
        let answer = rest(&mut client).await;
        assert_eq!(answer.matches('a').count() / 100, 600, "{}", answer.len());
    })
    .await;
}

#[tokio::test]
async fn a_request_outlives_the_listener_it_came_by() {
    bounded(async {
        let (address, snapshot, published) = proxy_of(&[], |config| config.pools.clear()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        sleep(Duration::from_millis(50)).await;
        let mut config = (*snapshot.config).clone();
        config.listeners.clear();
        let (registry, metrics) = (Registry::new(), Metrics::new());
        let without = Snapshot::build(Arc::new(config), Arc::default(), 2, &registry, &metrics);
        published.publish(Arc::new(without));
        client.write_all(b"Host: a\r\n\r\n").await.unwrap();
        let answer = rest(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn who_leaves_a_silent_stream_leaves_its_node_too() {
    bounded(async {
        let (told, left) = tokio::sync::oneshot::channel();
        let told = Rc::new(std::cell::Cell::new(Some(told)));
        let streaming = node(move |mut stream| {
            let told = told.take();
            async move {
                until(&mut stream, "\r\n\r\n").await;
                let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
                stream.write_all(begun.as_bytes()).await.unwrap();
                rest(&mut stream).await;
                told.unwrap().send(()).unwrap();
            }
        })
        .await;
        let (address, snapshot, _) = proxy_of(&[streaming], |_| {}).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        until(&mut client, "1\r\na\r\n").await;
        drop(client);
        timeout(Duration::from_secs(5), left)
            .await
            .unwrap()
            .unwrap();
        let state = &snapshot.pools[0].balancer.nodes()[0].state;
        assert_eq!((state.in_flight(), state.errors()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn an_empty_line_behind_a_request_is_not_answered() {
    bounded(async {
        let address = proxy(&[], |config| {
            config.pools.clear();
            config.listeners[0].head_timeout = Duration::from_millis(100);
        })
        .await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        let answers = rest(&mut client).await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    })
    .await;
}
