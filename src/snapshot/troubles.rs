//! What on this machine stands in the way of serving a snapshot, in words for the operator.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Snapshot, Target};

impl Snapshot {
    /// What on this machine stands in the way of serving all of it, in words for the
    /// operator. Looks at the disk.
    pub fn troubles(&self) -> Vec<String> {
        let mut troubles = self.secrets.missing();
        troubles.append(&mut self.certificate_troubles(SystemTime::now()));
        troubles.append(&mut self.authorities.troubles());
        for site in &self.sites {
            let of_site = |trouble: &String| format!("site {}: {trouble}", site.name);
            troubles.extend(site.pages.troubles.iter().map(of_site));
            for route in site.routes.routes() {
                if let Target::Files { root, .. } = &route.target
                    && let Some(trouble) = root.trouble()
                {
                    let path = &route.config.path;
                    troubles.push(format!("site {}, route {path}: {trouble}", site.name));
                }
            }
        }
        troubles
    }

    /// What is wrong with certificates at `now`, in words for the operator.
    fn certificate_troubles(&self, now: SystemTime) -> Vec<String> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        let mut troubles = self.certificates.troubles(seconds);
        for listener in &self.listeners {
            let Some(chooser) = &listener.tls else {
                continue;
            };
            let name = &listener.config.name;
            if chooser.choose(None).is_none() {
                troubles.push(format!(
                    "listener {name}: it has no certificate to show, so that nobody gets in"
                ));
                continue;
            }
            for site in &self.config.sites {
                let here = site.listeners.is_empty() || site.listeners.contains(name);
                for host in site.hosts.iter().filter(|_| here) {
                    if !chooser.is_made_for(host) {
                        troubles.push(format!(
                            "listener {name}: none of its certificates is made for {host} of site {}",
                            site.name
                        ));
                    }
                }
            }
        }
        troubles
    }
}
