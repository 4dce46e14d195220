//! What a Config names and something else holds: secrets and certificates.

use std::sync::Arc;

use crate::model::Secrets;
use crate::tls::Certificates;

/// What was read of what a Config only names.
#[derive(Debug, Clone, Default)]
pub struct Material {
    /// Its secrets, as far as they could be read.
    pub secrets: Arc<Secrets>,
    /// Its certificates, as far as they could be read.
    pub certificates: Arc<Certificates>,
}
