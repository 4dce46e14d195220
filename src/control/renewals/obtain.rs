//! One try: from the account to a certificate that is kept and shown.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::super::Control;
use super::super::certificates::unix_now;
use super::Wanted;
use super::account::ours;
use crate::acme::{Asked, Failed, Order, Trouble, obtain};
use crate::model::{
    Certificate, CertificateSource, HostPattern, KeptAs, KeptCertificate, KeptCertificates,
};
use crate::tls::{self, ToAuthority};

impl Control {
    /// Obtains the certificate that is wanted, keeps it, and serves with it.
    pub(super) async fn obtain_certificate(&self, wanted: &Wanted) -> Result<(), Failed> {
        // Never closed.
        let _place = self.renewals.places.acquire().await;
        let Some(data_plane) = &self.parts.data_plane else {
            return Err(ours(&"nothing serves here"));
        };
        let (engine, ca) = (self.engine.clone(), wanted.acme.ca.clone());
        let tls = spawn_blocking(move || ToAuthority::new(&engine, ca.as_deref())).await;
        let tls = tls.map_err(|error| ours(&error))?;
        let asked = Asked::new(Arc::new(tls.map_err(Trouble::NoTls)?));
        let account = self.acme_account(asked, &wanted.acme).await;
        let account = self.unless_unknown(wanted, account).await?;
        let hosts: Vec<String> = wanted.hosts.iter().map(bare).collect();
        let order = Order {
            hosts: &hosts,
            challenge: wanted.acme.challenge,
            engine: &self.engine,
            outstanding: data_plane.challenges(),
        };
        let issued = Box::pin(obtain(&account, &order)).await;
        let issued = self.unless_unknown(wanted, issued).await?;
        let kept = KeptCertificate {
            chain: issued.chain.into(),
            key: Some(issued.key),
            since: unix_now(),
        };
        self.look_at(wanted, kept.clone()).await?;
        let mut writer = self.writer.lock().await;
        let name = (&wanted.name, KeptAs::Acme);
        let keep = self.keep_certificate(&mut writer, name, kept).await;
        keep.map_err(|error| ours(&error))?;
        if let Some(store) = &mut writer.store {
            let directory = wanted.acme.directory.url();
            let by = store.keep_issued_by(wanted.name.as_str(), &directory).await;
            by.map_err(|error| ours(&error))?;
        }
        Ok(())
    }

    /// Where the authority does not know our account, the next try makes it again.
    async fn unless_unknown<T>(
        &self,
        wanted: &Wanted,
        done: Result<T, Failed>,
    ) -> Result<T, Failed> {
        if let Err(Failed {
            trouble: Trouble::Refused { kind, .. },
            ..
        }) = &done
            && kind.is("accountDoesNotExist")
        {
            self.forget_account(&wanted.acme).await?;
        }
        done
    }

    /// Whether what was issued would be shown: an authority may answer anything.
    async fn look_at(&self, wanted: &Wanted, kept: KeptCertificate) -> Result<(), Failed> {
        let certificate = Certificate {
            name: wanted.name.clone(),
            hosts: wanted.hosts.clone(),
            source: CertificateSource::Acme(wanted.acme.name.clone()),
        };
        let engine = self.engine.clone();
        let look = move || {
            let mut all = KeptCertificates::default();
            all.put(certificate.name.clone(), KeptAs::Acme, kept);
            tls::look(&engine, &certificate, &all, unix_now())
        };
        let looked = spawn_blocking(look).await.map_err(|error| ours(&error))?;
        looked.map_err(|(_, why)| Trouble::Unusable { why }.into())
    }
}

/// A host as an authority is asked for it: an address without brackets.
pub(super) fn bare(host: &HostPattern) -> String {
    let text = host.to_string();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner.unwrap_or(&text).to_owned()
}
