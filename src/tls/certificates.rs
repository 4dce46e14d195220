//! The certificates of one Config as they were read, and why others could not be.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::certificate::{Certificate, Engine};
use super::faults::Fault;
use super::origin::Mark;
use crate::model::{self, CertificateSource, KeptCertificates, Name};

/// Which part of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The chain.
    Chain,
    /// The key.
    Key,
}

/// What is wrong with a certificate that is newly named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFault {
    /// Its place in the Config.
    pub index: usize,
    /// Which part.
    pub part: Part,
    /// What is wrong, for the operator.
    pub words: String,
}

/// The certificates of one Config as they were read, and why others could not be.
#[derive(Debug, Default)]
pub struct Certificates(BTreeMap<Name, Entry>);

#[derive(Debug)]
struct Entry {
    certificate: Option<Arc<Certificate>>,
    /// What is wrong with what it is read from.
    trouble: Option<String>,
    /// What it was read from.
    mark: Mark,
}

impl Certificates {
    /// Reads every certificate of `wanted`, of files or of those `kept`. One that is named as `before` did, and cannot be used
    /// any more, stays as it was read then; every other that cannot be used is a fault. Waits for
    /// the disk.
    pub fn read(
        engine: &Engine,
        (wanted, all_kept): (&[model::Certificate], &KeptCertificates),
        before: (&[model::Certificate], &Self),
        now: i64,
    ) -> (Self, Vec<ReadFault>) {
        let mut faults = Vec::new();
        let mut read = BTreeMap::new();
        for (index, certificate) in wanted.iter().enumerate() {
            let same = |old: &&model::Certificate| {
                old.name == certificate.name && old.source == certificate.source
            };
            let named_before = before.0.iter().any(|old| same(&old));
            let kept = before.1.get(&certificate.name).filter(|_| named_before);
            let mark = Mark::of(certificate, all_kept);
            let read_now = Certificate::read(engine, certificate, all_kept);
            let (found, trouble) = match judged(read_now, certificate, (named_before, kept), now) {
                Ok(found) => (Some(found), None),
                Err(fault) if named_before => {
                    let words = match kept {
                        Some(_) => format!("{}; the one read before is shown", fault.words),
                        None => fault.words,
                    };
                    let kept = kept.map(|kept| Arc::new(kept.shown_for(certificate)));
                    (kept, Some(words))
                }
                Err(Fault { part, words }) => {
                    faults.push(ReadFault { index, part, words });
                    continue;
                }
            };
            let entry = Entry {
                certificate: found,
                trouble,
                mark,
            };
            read.insert(certificate.name.clone(), entry);
        }
        (Self(read), faults)
    }

    /// Reads every certificate of `wanted` at a start, where nothing was read before: also one
    /// that has expired is better than none.
    pub fn read_at_start(
        engine: &Engine,
        wanted: &[model::Certificate],
        kept: &KeptCertificates,
    ) -> Self {
        let one = |certificate: &model::Certificate| {
            let mark = Mark::of(certificate, kept);
            let (certificate_read, trouble) = match Certificate::read(engine, certificate, kept) {
                Ok(read) => (Some(Arc::new(read)), None),
                Err(fault) => (None, Some(fault.words)),
            };
            let entry = Entry {
                certificate: certificate_read,
                trouble,
                mark,
            };
            (certificate.name.clone(), entry)
        };
        Self(wanted.iter().map(one).collect())
    }

    /// The certificate of this name; none where it cannot be used.
    pub fn get(&self, name: &Name) -> Option<&Arc<Certificate>> {
        self.0.get(name)?.certificate.as_ref()
    }

    /// Every one that can be used, by name.
    pub fn usable(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.0
            .values()
            .filter_map(|entry| entry.certificate.as_ref())
    }

    /// What is wrong, a phrase each, at `now`: `certificate shop: …`.
    pub fn troubles(&self, now: i64) -> Vec<String> {
        let mut troubles = Vec::new();
        for (name, entry) in &self.0 {
            let found = entry.certificate.as_ref();
            let not_good = found.and_then(|certificate| certificate.not_good_at(now));
            let words = entry.trouble.clone().into_iter().chain(not_good);
            troubles.extend(words.map(|words| format!("certificate {name}: {words}")));
            for host in found.iter().flat_map(|found| found.not_made_for()) {
                let made_for = found.map(|found| found.made_for()).unwrap_or_default();
                troubles.push(format!(
                    "certificate {name}: it is not made for {host}, which clients will tell (it is for: {made_for})"
                ));
            }
        }
        troubles
    }

    /// The names of those that are another than in `before`.
    pub fn other_than<'c>(&'c self, before: &'c Self) -> impl Iterator<Item = &'c Name> {
        self.0.iter().filter_map(|(name, entry)| {
            let old = before.0.get(name)?;
            let print = |entry: &Entry| entry.certificate.as_ref().map(|c| c.print);
            (print(entry) != print(old)).then_some(name)
        })
    }

    /// What is wrong with what the certificate `name` is read from, without its name.
    pub fn trouble(&self, name: &Name) -> Option<&str> {
        self.0.get(name)?.trouble.as_deref()
    }

    /// Whether `before` was read from the same and found the same.
    pub fn as_read(&self, before: &Self) -> bool {
        let same = |(name, entry): (&Name, &Entry)| {
            before
                .0
                .get(name)
                .is_some_and(|old| (&old.trouble, &old.mark) == (&entry.trouble, &entry.mark))
        };
        self.0.len() == before.0.len()
            && self.0.iter().all(same)
            && self.other_than(before).next().is_none()
    }

    /// Whether one of `named` is read from something else now: a file is another, or what is
    /// `kept`. Looks at the disk.
    pub fn changed(&self, named: &[model::Certificate], kept: &KeptCertificates) -> bool {
        named.iter().any(|certificate| {
            let read = self.0.get(&certificate.name).map(|entry| &entry.mark);
            read != Some(&Mark::of(certificate, kept))
        })
    }
}

/// What was read, if it is good now. What was `kept` so far and has only grown old goes on, and
/// where there is nothing better, what is not good is better than nothing.
fn judged(
    read: Result<Certificate, Fault>,
    certificate: &model::Certificate,
    (named_before, kept): (bool, Option<&Arc<Certificate>>),
    now: i64,
) -> Result<Arc<Certificate>, Fault> {
    let read = read?;
    let better = kept.is_some_and(|kept| kept.print != read.print);
    match read.not_good_at(now) {
        // What an authority issued was looked at before it was kept, and is renewed by itself.
        Some(_) if matches!(certificate.source, CertificateSource::Acme(_)) => Ok(Arc::new(read)),
        Some(why) if better || !named_before => Err(Fault::chain(match &certificate.source {
            CertificateSource::Files(files) => {
                format!("the certificate in {} {why}", files.chain.display())
            }
            _ => format!("the certificate {why}"),
        })),
        _ => Ok(Arc::new(read)),
    }
}
