//! A client of the Redis protocol that says what came back as it came.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct Redis(BufReader<TcpStream>);

impl Redis {
    /// Connects.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("somebody listens")
    }

    /// Connects, or why not.
    pub(crate) fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Connects and says the password.
    #[track_caller]
    pub(crate) fn signed_in(address: SocketAddr, password: &str) -> Self {
        let mut redis = Self::connect(address);
        assert_eq!(redis.ask(&["AUTH", password]), "+OK");
        redis
    }

    /// Sends a command and gives the answer: a line with its mark, the text of a bulk, `nil`, or the
    /// elements of an array in `[ ]`.
    #[track_caller]
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.try_ask(words).expect("an answer comes")
    }

    /// The same, or why none came.
    pub(crate) fn try_ask(&mut self, words: &[&str]) -> io::Result<String> {
        let mut sent = format!("*{}\r\n", words.len());
        for word in words {
            sent.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(sent.as_bytes())?;
        self.answer()
    }

    /// What comes next.
    pub(crate) fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let length = || {
            line[1..]
                .parse::<i64>()
                .map_err(|_| io::ErrorKind::InvalidData)
        };
        match line.as_bytes().first() {
            Some(b'$') => match usize::try_from(length()?) {
                Err(_) => Ok("nil".to_owned()),
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes)?;
                    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
                }
            },
            Some(b'*') => match usize::try_from(length()?) {
                Err(_) => Ok("nil".to_owned()),
                Ok(count) => {
                    let all: io::Result<Vec<String>> = (0..count).map(|_| self.answer()).collect();
                    Ok(format!("[{}]", all?.join(", ")))
                }
            },
            _ => Ok(line.to_owned()),
        }
    }
}
