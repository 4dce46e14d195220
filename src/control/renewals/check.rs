//! Looking before an authority is asked: what it would look at, and the authority itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::super::{Control, Handle};
use super::Wanted;
use super::obtain::bare;
use crate::acme::{
    Answers, Asked, Finding, Outstanding, Seen, SeenHost, Trouble, challenge_certificate, findings,
    port_of,
};
use crate::model::AcmeChallenge;
use crate::tls::{Engine, ToAuthority, sees_challenge};

/// How long one address may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// How long all of it may take: who asked is waiting for it.
const ALL: Duration = Duration::from_secs(20);

/// Limits: of the addresses of one name that are asked, and of what one answers, in bytes.
const ADDRESSES: usize = 8;
const LONGEST: u64 = 4096;

impl Handle {
    /// What would fail where a certificate is asked for now; none where none of this name comes
    /// from an authority.
    pub async fn check_certificate(&self, name: &str) -> Option<Vec<Finding>> {
        let control = self.control.clone();
        let config = control.now.load().snapshot.config.clone();
        let all = Wanted::all(&config);
        let wanted = all.into_iter().find(|one| one.name.as_str() == name)?;
        let work = async move { control.check_renewal(&wanted).await };
        self.runtime.spawn(work).await.ok()
    }
}

impl Control {
    async fn check_renewal(&self, wanted: &Wanted) -> Vec<Finding> {
        let challenge = wanted.acme.challenge;
        let (authority, hosts) = tokio::join!(self.see_authority(wanted), self.see_hosts(wanted));
        let port = port_of(challenge);
        let config = self.now.load().snapshot.config.clone();
        let is_right = |name: &crate::model::Name| {
            let mut listeners = config.listeners.iter().filter(|one| one.name == *name);
            listeners.any(|one| one.tls.is_some() == (challenge == AcmeChallenge::TlsAlpn01))
        };
        let open = self
            .parts
            .data_plane
            .iter()
            .flat_map(|plane| plane.listeners());
        let mut open = open.filter(|(name, _, is_open)| *is_open && is_right(name));
        findings(&Seen {
            challenge,
            is_open: open.any(|(_, address, _)| address.port() == port),
            hosts,
            authority,
        })
    }

    async fn see_authority(&self, wanted: &Wanted) -> Result<Option<i64>, Trouble> {
        let (engine, ca) = (self.engine.clone(), wanted.acme.ca.clone());
        let tls = spawn_blocking(move || ToAuthority::new(&engine, ca.as_deref())).await;
        let tls = tls.map_err(|error| Trouble::Ours {
            why: error.to_string(),
        })?;
        let asked = Asked::new(Arc::new(tls.map_err(Trouble::NoTls)?));
        let url = wanted.acme.directory.url();
        let looked = timeout(ALL, asked.look(&url));
        let looked = looked.await.unwrap_or(Err(Trouble::Silent { waited: ALL }));
        looked.map(|()| asked.clock_ahead())
    }

    async fn see_hosts(&self, wanted: &Wanted) -> Vec<SeenHost> {
        let Some(data_plane) = &self.parts.data_plane else {
            return Vec::new();
        };
        let mut looks = JoinSet::new();
        for (i, host) in wanted.hosts.iter().map(bare).enumerate() {
            let look = Look {
                host,
                challenge: wanted.acme.challenge,
                engine: self.engine.clone(),
                outstanding: data_plane.challenges().clone(),
            };
            looks.spawn(async move { (i, look.see().await) });
        }
        let mut seen: Vec<(usize, SeenHost)> = Vec::new();
        let all = async {
            while let Some(one) = looks.join_next().await {
                seen.extend(one.ok());
            }
        };
        // What is not seen by then is not told of.
        let _late = timeout(ALL, all).await;
        seen.sort_by_key(|(i, _)| *i);
        seen.into_iter().map(|(_, host)| host).collect()
    }
}

/// One host that is looked at as an authority would.
struct Look {
    host: String,
    challenge: AcmeChallenge,
    engine: Engine,
    outstanding: Arc<Outstanding>,
}

impl Look {
    async fn see(self) -> SeenHost {
        let port = port_of(self.challenge);
        let found = lookup_host((self.host.as_str(), port)).await;
        let mut ips: Vec<IpAddr> = found.into_iter().flatten().map(|a| a.ip()).collect();
        ips.dedup();
        ips.truncate(ADDRESSES);
        let mut addresses = Vec::new();
        for ip in ips {
            let looked = timeout(ANSWER, self.answers(SocketAddr::new(ip, port))).await;
            let late = || Answers::Nobody("no answer".to_owned());
            addresses.push((ip, looked.unwrap_or_else(|_| late())));
        }
        SeenHost {
            host: self.host,
            addresses,
        }
    }

    async fn answers(&self, address: SocketAddr) -> Answers {
        let stream = match TcpStream::connect(address).await {
            Ok(stream) => stream,
            Err(error) => return Answers::Nobody(error.to_string()),
        };
        let is_ours = match self.challenge {
            AcmeChallenge::Http01 => self.sees_token(stream).await,
            AcmeChallenge::TlsAlpn01 => self.sees_handshake(stream).await,
        };
        match is_ours {
            true => Answers::Ours,
            false => Answers::Other,
        }
    }

    async fn sees_token(&self, mut stream: TcpStream) -> bool {
        let (token, text) = (rand::random::<u128>(), rand::random::<u128>());
        let (token, text) = (format!("check-{token:032x}"), format!("{text:032x}"));
        let _shown = self.outstanding.show_token(&token, &text);
        let host = &self.host;
        let question = format!(
            "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: steelyard-check\r\nConnection: close\r\n\r\n"
        );
        let mut answer = Vec::new();
        stream.write_all(question.as_bytes()).await.is_ok()
            && stream.take(LONGEST).read_to_end(&mut answer).await.is_ok()
            && answer.ends_with(text.as_bytes())
    }

    async fn sees_handshake(&self, stream: TcpStream) -> bool {
        let made = challenge_certificate(&self.engine, &self.host, &[0; 32]);
        let Ok((asked_for, handshake)) = made else {
            return false;
        };
        let _shown = self.outstanding.show_host(&asked_for, handshake);
        sees_challenge(&self.engine, &asked_for, stream).await
    }
}
