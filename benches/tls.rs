//! `./dev bench tls`: HTTPS beside nginx and HAProxy.
//!
//! All have the same certificate, ECDSA P-256, and their clients leave no choice: TLS 1.3, X25519,
//! AES-256-GCM. A handshake is one connection that says nothing more.

use std::fs;
use std::io;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use crate::aims::{self, Reached};
use crate::figures::{Ratios, table};
use crate::load::{self, Exchange, Load};
use crate::subject::{Crowd, Kind, Subject};
use crate::workload::Workload;

const KINDS: [Kind; 4] = [
    Kind::SteelyardTls,
    Kind::NginxTls,
    Kind::NginxTunedTls,
    Kind::HaproxyTls,
];

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Handshake,
    Resumed,
    Kept,
    Large,
}

impl Work {
    const ALL: [Self; 4] = [Self::Handshake, Self::Resumed, Self::Kept, Self::Large];

    fn words(self) -> &'static str {
        match self {
            Self::Handshake => "full handshake",
            Self::Resumed => "resumed handshake",
            Self::Kept => "W1 over TLS: GET 1 KiB, 64 kept connections",
            Self::Large => "GET 1 MiB over TLS, 16 kept connections",
        }
    }

    fn aim(self) -> f64 {
        match self {
            Self::Kept => 0.92,
            Self::Handshake | Self::Resumed | Self::Large => 1.0,
        }
    }

    fn requests(self) -> usize {
        match self {
            Self::Handshake => 2000,
            Self::Resumed => 4000,
            Self::Kept => 20_000,
            Self::Large => 600,
        }
    }

    fn connections(self) -> usize {
        match self {
            // The client keeps eight tickets of a server at most.
            Self::Resumed => 4,
            _ => self.workload().connections(),
        }
    }

    fn workload(self) -> Workload {
        match self {
            Self::Large => Workload::W3,
            Self::Handshake | Self::Resumed | Self::Kept => Workload::W1,
        }
    }

    fn exchange(self) -> Exchange {
        Exchange {
            greets: matches!(self, Self::Handshake | Self::Resumed),
            ..self.workload().exchange()
        }
    }
}

/// Measures, prints, and tells what was reached.
pub(crate) fn run(scratch: &Path, rounds: usize) -> io::Result<()> {
    let mut all = Vec::new();
    for work in Work::ALL {
        let dir = scratch.join(format!("{work:?}"));
        all.push(measure(work, &dir, rounds)?);
    }
    all.push(idle(&scratch.join("idle"))?);
    aims::print(&all);
    Ok(())
}

fn start(scratch: &Path, load: &Load) -> io::Result<Vec<Subject>> {
    fs::create_dir_all(scratch)?;
    crate::files(scratch)?;
    write_certificate(scratch)?;
    let ports = load.ports();
    let start = |kind| Subject::start(kind, scratch, &ports, Crowd::default());
    KINDS.into_iter().map(start).collect()
}

fn write_certificate(dir: &Path) -> io::Result<()> {
    let make = || -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["shop.example.com".to_owned()])?;
        Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    let (chain, key) = make().map_err(io::Error::other)?;
    fs::write(dir.join("chain.pem"), &chain)?;
    fs::write(dir.join("key.pem"), &key)?;
    // As HAProxy wants them.
    fs::write(dir.join("both.pem"), chain + &key)
}

fn measure(work: Work, scratch: &Path, rounds: usize) -> io::Result<Reached> {
    let mut load = Load::new(3, work.exchange())?;
    let subjects = start(scratch, &load)?;
    let (connections, requests) = (work.connections(), work.requests());
    let mut ratios = Ratios::new(subjects.len());
    let begun: Vec<(u64, u64)> = subjects.iter().map(Subject::ticks).collect();
    // The first is for caches to fill, and for tickets.
    for round in 0..=rounds {
        let mut costs = vec![0.0; subjects.len()];
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let subject = &subjects[index];
            // A ticket is of use to who made it only.
            load.speak_tls(load::tls_client(work == Work::Resumed)?);
            if work == Work::Resumed {
                load.run(subject.port, connections, connections)?;
            }
            let before = subject.cpu();
            let resumed = load.resumed();
            load.run(subject.port, connections, requests)?;
            #[allow(clippy::cast_precision_loss, reason = "figures for people")]
            let (used, count) = ((subject.cpu() - before) as f64, requests as f64);
            costs[index] = used / count / 1000.0;
            let resumed = load.resumed() - resumed;
            if work == Work::Resumed && resumed < requests {
                return Err(io::Error::other(format!(
                    "{} resumed {resumed} of {requests}",
                    subject.kind.name()
                )));
            }
        }
        if round > 0 {
            ratios.round(costs);
        }
    }
    println!("\ntls: {}; {rounds} rounds of {requests}", work.words());
    let kinds = subjects.iter().map(|subject| subject.kind);
    let names: Vec<String> = kinds.clone().map(|k| k.name().to_owned()).collect();
    let own: Vec<f64> = subjects.iter().zip(&begun).map(crate::own_part).collect();
    print!("{}", table(&names, &ratios, &own));
    let peers = kinds.zip(ratios.medians()).skip(1);
    let best = peers.max_by(|a, b| a.1.total_cmp(&b.1));
    let (kind, reached) = best.ok_or_else(|| io::Error::other("no peer"))?;
    Ok(Reached {
        what: format!("{}, of the best: {}", work.words(), kind.name()),
        aim: work.aim(),
        reached,
    })
}

/// Memory of a kept connection that idles.
fn idle(scratch: &Path) -> io::Result<Reached> {
    let mut load = Load::new(3, Workload::W1.exchange())?;
    println!(
        "\ntls: memory of a kept connection that idles, {} of them",
        crate::IDLE
    );
    let mut ours = 0.0;
    for subject in &start(scratch, &load)? {
        load.speak_tls(load::tls_client(false)?);
        let each = crate::idle_each(&mut load, subject)?;
        println!("  {:<18} {each:5.2} KiB", subject.kind.name());
        if subject.kind == Kind::SteelyardTls {
            ours = each;
        }
    }
    Ok(Reached {
        what: "idle, KiB a kept connection over TLS".into(),
        aim: 10.9,
        reached: ours,
    })
}
