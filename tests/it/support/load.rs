//! Requests by HTTPS while something is done: each has to be answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::client::{Client, Request};
use super::tls::Trust;

/// So many clients at once.
const CLIENTS: usize = 4;

/// Asks `port` for `/` of `host` at least `requests` times in all, and until `act` is done: each
/// answer has to be 200 with `text`. Half of the clients keep their connection, the others begin a
/// new one every tenth time. Gives how many requests there were.
#[track_caller]
pub(crate) fn during(
    (port, trust, host): (u16, &Trust, &str),
    text: &str,
    requests: usize,
    act: impl FnOnce(),
) -> usize {
    let done = AtomicBool::new(false);
    let one = |keeps: bool| {
        let mut client = Client::trusting(port, trust.clone());
        let mut count = 0;
        while count < requests.div_ceil(CLIENTS) || !done.load(Ordering::Relaxed) {
            if !keeps && count % 10 == 0 {
                client = Client::trusting(port, trust.clone());
            }
            let answer = client.ask(&Request::get("/").field("Host", host));
            assert_eq!((answer.status, &*answer.text()), (200, text));
            count += 1;
        }
        count
    };
    thread::scope(|scope| {
        let one = &one;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || one(number % 2 == 1)))
            .collect();
        act();
        done.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    })
}
