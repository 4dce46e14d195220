//! The workloads of the table.

use crate::load::Exchange;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    W1,
    W2,
    W3,
    W4,
    W5,
    W6Small,
    W6Large,
    W7,
}

impl Workload {
    pub(crate) const ALL: [Self; 8] = [
        Self::W1,
        Self::W2,
        Self::W3,
        Self::W4,
        Self::W5,
        Self::W6Small,
        Self::W6Large,
        Self::W7,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W6Small => "W6s",
            Self::W6Large => "W6l",
            Self::W7 => "W7",
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::W1 => "GET 1 KiB, 64 kept connections",
            Self::W2 => "GET 64 KiB, 64 kept connections",
            Self::W3 => "GET 1 MiB, 16 kept connections",
            Self::W4 => "POST 16 KiB, 64 kept connections",
            Self::W5 => "GET 1 KiB, a new client connection each",
            Self::W6Small => "a file of 10 KiB",
            Self::W6Large => "a file of 1 MiB",
            Self::W7 => "W1 among 1,000 pools, 1,000 sites, 10,000 routes",
        }
    }

    /// Whether it is answered from files.
    pub(crate) fn is_files(self) -> bool {
        matches!(self, Self::W6Small | Self::W6Large)
    }

    /// How many connections at once.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::W3 | Self::W6Large => 16,
            _ => 64,
        }
    }

    /// How many requests a round measures: each about half a second of a proxy.
    pub(crate) fn requests(self) -> usize {
        match self {
            Self::W1 | Self::W7 | Self::W6Small => 40_000,
            Self::W2 | Self::W4 | Self::W5 => 20_000,
            Self::W3 | Self::W6Large => 2_000,
        }
    }

    pub(crate) fn exchange(self) -> Exchange {
        let (path, body) = match self {
            Self::W1 | Self::W5 | Self::W7 => ("/shop/item?id=42", 1024),
            Self::W4 => ("/shop/item?id=42", 128),
            Self::W2 => ("/page", 64 * 1024),
            Self::W3 => ("/download", 1024 * 1024),
            Self::W6Small => ("/files/small.css", 10 * 1024),
            Self::W6Large => ("/files/large.bin", 1024 * 1024),
        };
        let (method, upload) = match self {
            Self::W4 => ("POST", 16 * 1024),
            _ => ("GET", 0),
        };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: shop.example.com\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
             Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
             Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n\
             Cookie: sessionid=ab12cd34ef56ab12cd34ef56ab12cd34\r\n"
        );
        if self == Self::W5 {
            request += "Connection: close\r\n";
        }
        if upload > 0 {
            request +=
                &format!("Content-Type: application/octet-stream\r\nContent-Length: {upload}\r\n");
        }
        request += "\r\n";
        let mut request = request.into_bytes();
        request.resize(request.len() + upload, b'u');
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: node\r\nDate: Sun, 22 Nov 2026 13:00:00 GMT\r\n\
             Content-Type: text/html; charset=utf-8\r\nX-Frame-Options: DENY\r\nVary: Cookie\r\nContent-Length: {body}\r\n\r\n"
        );
        let mut answer = head.into_bytes();
        answer.resize(answer.len() + body, b'a');
        Exchange {
            request,
            answer,
            body,
            reconnects: self == Self::W5,
            greets: false,
        }
    }
}
