//! What is written down, and where.

use std::time::Duration;

/// The form of an access log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// As nginx and Apache write it.
    Combined,
    /// The same with `host:port` in front.
    Vcombined,
    /// One flat JSON object a line, with everything we know.
    Json,
}

impl LogFormat {
    /// Every format, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::Combined, Self::Vcombined, Self::Json];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Combined => "combined",
            Self::Vcombined => "vcombined",
            Self::Json => "json",
        }
    }
}

/// How much the program says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Our own failures only.
    Error,
    /// And the nodes'.
    Warn,
    /// And what changed.
    Info,
    /// And how.
    Debug,
}

impl LogLevel {
    /// Every level, from silent to loud.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// When the access log goes on in a new file, and what is kept of the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate {
    /// Bytes after which it does; 0 is never.
    pub size: u64,
    /// Time after which it does; zero is never.
    pub age: Duration,
    /// Old files kept.
    pub keep: u16,
    /// Whether they are compressed.
    pub compress: bool,
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            size: 100 << 20,
            age: Duration::from_secs(86_400),
            keep: 14,
            compress: true,
        }
    }
}

/// The log store: what is kept of requests to be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogStore {
    /// Whether records are kept at all.
    pub on: bool,
    /// Bytes it may take on disk.
    pub max_size: u64,
    /// How old records may become.
    pub max_age: Duration,
}

impl Default for LogStore {
    fn default() -> Self {
        Self {
            on: true,
            max_size: 1 << 30,
            max_age: Duration::from_secs(30 * 86_400),
        }
    }
}

/// What is written down, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// The access log, relative to `DATA_DIR/logs`; empty is none.
    pub file: String,
    /// The form of its lines.
    pub format: LogFormat,
    /// How much the program says of itself.
    pub level: LogLevel,
    /// When the access log goes on in a new file.
    pub rotate: Rotate,
    /// What is kept to be searched.
    pub store: LogStore,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            file: "access.log".into(),
            format: LogFormat::Combined,
            level: LogLevel::Info,
            rotate: Rotate::default(),
            store: LogStore::default(),
        }
    }
}
