//! A client of our own session store: what an application does, a command at a time.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::trust;

/// Limit: the longest answer that is taken; none of ours is near it.
const MOST: usize = 64 * 1024;

/// What a connection is made of.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection.
pub(super) struct Caller(BufStream<Box<dyn Stream>>);

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A word or a value.
    Text(String),
    /// A number.
    Number(i64),
    /// There is no such key.
    Nothing,
}

/// Where to connect to what listens at `address`.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Caller {
    /// Connects to what listens at `address`.
    pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(reached_at(address)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection as it is.
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self(BufStream::new(Box::new(stream)))
    }

    /// The same by TLS.
    pub(super) async fn secured(stream: TcpStream) -> io::Result<Self> {
        let ip = stream.peer_addr()?.ip();
        let stream = trust::encrypt(stream, ip).await?;
        Ok(Self(BufStream::new(Box::new(stream))))
    }

    /// Asks a command, and waits for its answer.
    ///
    /// # Errors
    /// What the store refused it with, or why there is no answer.
    pub(super) async fn ask(&mut self, words: &[&str]) -> Result<Reply, String> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let broken = |error: io::Error| format!("the connection broke: {error}");
        let stream = &mut self.0;
        stream.write_all(command.as_bytes()).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        self.reply().await.map_err(broken)?
    }

    async fn reply(&mut self) -> io::Result<Result<Reply, String>> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let strange = || io::Error::other(format!("no answer of a session store: {line:?}"));
        Ok(match kind {
            "+" => Ok(Reply::Text(rest.to_owned())),
            "-" => Err(rest.to_owned()),
            ":" => Ok(Reply::Number(rest.parse().map_err(|_| strange())?)),
            "$" if rest == "-1" => Ok(Reply::Nothing),
            "$" => {
                let length: usize = rest.parse().map_err(|_| strange())?;
                if length > MOST {
                    return Err(strange());
                }
                let mut value = vec![0; length + 2];
                self.0.read_exact(&mut value).await?;
                value.truncate(length);
                Ok(Reply::Text(String::from_utf8_lossy(&value).into_owned()))
            }
            _ => return Err(strange()),
        })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let most = u64::try_from(MOST).unwrap_or(u64::MAX);
        let mut part = (&mut self.0).take(most);
        if part.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::{AsyncWriteExt, Caller, Reply, reached_at};

    async fn answered(with: &'static [u8]) -> (Vec<u8>, Result<Reply, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let mut caller = Caller::plain(stream.unwrap());
        let (mut other, _) = listener.accept().await.unwrap();
        other.write_all(with).await.unwrap();
        other.shutdown().await.unwrap();
        let reply = caller.ask(&["GET", "a key"]).await;
        drop(caller);
        let mut asked = Vec::new();
        other.read_to_end(&mut asked).await.unwrap();
        (asked, reply)
    }

    #[tokio::test]
    async fn a_command_is_asked_as_clients_do_and_every_answer_understood() {
        let (asked, reply) = answered(b"$5\r\nv\r\nlu\r\n").await;
        assert_eq!(asked, b"*2\r\n$3\r\nGET\r\n$5\r\na key\r\n");
        assert_eq!(reply, Ok(Reply::Text("v\r\nlu".to_owned())));
        assert_eq!(answered(b":3\r\n").await.1, Ok(Reply::Number(3)));
        assert_eq!(answered(b"$-1\r\n").await.1, Ok(Reply::Nothing));
        assert_eq!(answered(b"+OK\r\n").await.1, Ok(Reply::Text("OK".into())));
        assert_eq!(answered(b"-ERR no\r\n").await.1, Err("ERR no".into()));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_and_never_waited_for() {
        for strange in [
            &b""[..],
            b"\r\n",
            b"HTTP/1.1 400\r\n",
            b":x\r\n",
            b"$99999999\r\n",
            b"$4\r\nab",
        ] {
            let (_, reply) = answered(strange).await;
            let why = reply.unwrap_err();
            assert!(why.starts_with("the connection broke"), "{why}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        for (listens, reached) in [
            ("0.0.0.0:6379", "127.0.0.1:6379"),
            ("[::]:6379", "[::1]:6379"),
            ("10.0.0.1:6379", "10.0.0.1:6379"),
        ] {
            let reached = reached.parse().unwrap();
            assert_eq!(reached_at(listens.parse().unwrap()), reached);
        }
    }
}
