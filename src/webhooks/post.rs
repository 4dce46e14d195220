//! One try: one connection, one POST, one status. No redirect is followed, and of the answer
//! nothing is read but its head.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::tls;
use crate::http::{HeadScan, Limits, ResponseHead, parse_response};
use crate::model::WebhookUrl;

/// How long one try may take in all: look-up, connection, TLS and answer.
const TRY: Duration = Duration::from_secs(10);

/// How long one of several addresses of a name may take to accept, so that the next has time.
const CONNECT: Duration = Duration::from_secs(3);

/// Limit: interim answers before the final one, as the proxy takes.
const INTERIM: usize = 8;

/// What is read at a time: a usual head in one go. A whole head has [`Limits::NODE`].
const READ: usize = 4096;

/// Sends `request`, a whole one, and answers the status.
///
/// # Errors
/// Why there is none, in words.
pub(super) async fn post(url: &WebhookUrl, request: &[u8]) -> Result<u16, String> {
    let sent = timeout(TRY, try_post(url, request)).await;
    sent.unwrap_or_else(|_| Err(format!("no answer within {} s", TRY.as_secs())))
}

async fn try_post(url: &WebhookUrl, request: &[u8]) -> Result<u16, String> {
    let stream = connect(url).await?;
    if url.tls {
        ask(tls::encrypt(stream, &url.host).await?, request).await
    } else {
        ask(stream, request).await
    }
}

async fn connect(url: &WebhookUrl) -> Result<TcpStream, String> {
    let host = &url.host;
    // On the blocking pool, unless it is an address.
    let found = lookup_host((host.as_str(), url.port)).await;
    let found = found.map_err(|error| format!("the name {host} has no address: {error}"))?;
    let mut last = format!("the name {host} has no address");
    for address in found {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = not_connected(address, &error.to_string()),
            Err(_) => last = not_connected(address, "no answer"),
        }
    }
    Err(last)
}

fn not_connected(address: SocketAddr, why: &str) -> String {
    format!("cannot connect to {address}: {why}")
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> Result<u16, String> {
    // Whoever answers before all was sent has answered all the same.
    let written = async {
        stream.write_all(request).await?;
        stream.flush().await
    }
    .await;
    let mut input = Vec::new();
    for _ in 0..=INTERIM {
        let head = match head(&mut stream, &mut input).await {
            Ok(head) => head,
            Err(why) => match written {
                Err(error) => return Err(format!("the connection broke: {error}")),
                Ok(()) => return Err(why),
            },
        };
        if !matches!(head.status, 100 | 102..=199) {
            return Ok(head.status);
        }
    }
    Err("its answer does not begin".to_owned())
}

async fn head(
    stream: &mut (impl AsyncRead + Unpin),
    input: &mut Vec<u8>,
) -> Result<ResponseHead, String> {
    let no_http = |refusal| format!("its answer is not HTTP: {refusal}");
    let mut scan = HeadScan::default();
    loop {
        if let Some((start, end)) = scan.scan(input, &Limits::NODE).map_err(no_http)? {
            let mut head = ResponseHead::default();
            parse_response(&input[start..end], &Limits::NODE, &mut head).map_err(no_http)?;
            input.drain(..end);
            return Ok(head);
        }
        input.reserve(READ);
        match stream.read_buf(input).await {
            Ok(0) => return Err("the connection ended without an answer".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("the connection broke: {error}")),
        }
    }
}
