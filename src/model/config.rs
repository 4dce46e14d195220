//! The whole configuration, one value.

use super::{
    Acme, Admin, Backup, Certificate, Listener, Logs, Pool, Sessions, Settings, Site, Webhook,
};

/// The whole configuration: read, checked, published and rolled back as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Settings of the whole process.
    pub settings: Settings,
    /// The operator's own server.
    pub admin: Admin,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// What listeners with TLS show.
    pub certificates: Vec<Certificate>,
    /// Whom certificates are had from.
    pub acme: Vec<Acme>,
    /// Who answers.
    pub pools: Vec<Pool>,
    /// Which names lead where; none is one implied site for the only pool.
    pub sites: Vec<Site>,
    /// Where the site's own sessions live.
    pub sessions: Sessions,
    /// What is written down.
    pub logs: Logs,
    /// Who is told of what happens.
    pub webhooks: Vec<Webhook>,
    /// Backups that are made every night.
    pub backup: Backup,
}
