//! What is known before the data directory is: a package's `steelyard.toml`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The boot settings of this machine. Everything else is in the Config.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// The data directory, where neither the command line nor the environment names one.
    pub data_dir: Option<PathBuf>,
    /// Where the panel listens as long as the Config has its default.
    pub admin: Option<SocketAddr>,
    /// Where logs are kept instead of in the data directory.
    pub logs_dir: Option<PathBuf>,
}
