//! What a Config names and something else holds: secrets, certificates, authorities.

use std::sync::Arc;

use crate::model::Secrets;
use crate::tls::{Authorities, Certificates};

/// What was read of what a Config only names.
#[derive(Debug, Clone, Default)]
pub struct Material {
    /// Its secrets, as far as they could be read.
    pub secrets: Arc<Secrets>,
    /// Its certificates, as far as they could be read.
    pub certificates: Arc<Certificates>,
    /// Whom its nodes with TLS are judged by, as far as they could be read.
    pub authorities: Arc<Authorities>,
}
