//! How the panel is reached: its URL, and the certificate that the Config names for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Handle;
use crate::model::AdminTls;
use crate::tls::Certificate;

impl Handle {
    /// The URL of the panel for somebody on this machine, or for others by the machine's name
    /// where it listens everywhere. No slash at its end.
    pub fn admin_url(&self) -> String {
        let address = self.admin_address_wanted();
        let host = match address.ip() {
            ip if ip.is_unspecified() => {
                let machine = rustix::system::uname();
                machine.nodename().to_string_lossy().into_owned()
            }
            IpAddr::V6(ip) => format!("[{ip}]"),
            ip => ip.to_string(),
        };
        let scheme = match self.control.door.is_secure(&self.admin()) {
            true => "https",
            false => "http",
        };
        format!("{scheme}://{host}:{}", address.port())
    }

    /// Where the admin server listens, or is to where it does not yet.
    pub(super) fn admin_address_wanted(&self) -> SocketAddr {
        let open = self.admin_address();
        open.unwrap_or_else(|| self.control.door.wanted(&self.admin()))
    }

    /// The certificate that the Config names for the admin address, as it was last read; none
    /// where it names none, or it cannot be used.
    pub fn admin_certificate(&self) -> Option<Arc<Certificate>> {
        let now = self.control.now.load();
        match &now.snapshot.config.admin.tls {
            AdminTls::Certificate(name) => now.snapshot.certificates.get(name).cloned(),
            AdminTls::Off | AdminTls::SelfSigned => None,
        }
    }
}
