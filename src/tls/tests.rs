//! Which certificate is shown, and who is misdirected by it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::{prop_assert, proptest};
use tempfile::TempDir;

use super::{Certificates, Chooser, Engine, Part, Secured};
use crate::model::{
    Certificate, CertificateFiles, CertificateSource, HostPattern, KeptAs, KeptCertificates,
    ListenerTls, Name, TlsVersion,
};

/// Certificates that sign themselves, in a directory of a test's own.
struct Drawer {
    dir: TempDir,
    certificates: Vec<Certificate>,
}

impl Drawer {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            certificates: Vec::new(),
        }
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.dir.path())
            .output()
            .expect("openssl is there: tests/install");
        assert!(output.status.success(), "{output:?}");
    }

    /// A certificate made for `names` that holds for `days`, shown for `hosts`.
    fn add(&mut self, name: &str, names: &str, hosts: &[&str], days: u32) {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {days} -subj /CN=x \
             -keyout {name}.key -out {name}.pem -addext subjectAltName={names}"
        ));
        self.certificates.push(Certificate {
            name: Name::parse(name).unwrap(),
            hosts: hosts
                .iter()
                .map(|h| HostPattern::parse(h).unwrap())
                .collect(),
            source: CertificateSource::Files(CertificateFiles {
                chain: self.dir.path().join(format!("{name}.pem")),
                key: self.dir.path().join(format!("{name}.key")),
            }),
        });
    }

    fn read(&self) -> Certificates {
        let before = Certificates::default();
        let now = jiff::Timestamp::now().as_second();
        let before = (&[][..], &before);
        let wanted = (&self.certificates[..], &KeptCertificates::default());
        let (read, faults) = Certificates::read(&Engine::new(), wanted, before, now);
        assert_eq!(faults, []);
        read
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

fn chooser(read: &Certificates, listed: &[&str]) -> Chooser {
    let tls = ListenerTls {
        certificates: listed.iter().map(|n| Name::parse(n).unwrap()).collect(),
        min_version: TlsVersion::V12,
    };
    Chooser::build(&tls, read)
}

fn chosen(chooser: &Chooser, name: Option<&str>) -> String {
    let certificate = chooser.choose(name).unwrap();
    certificate.name.as_str().to_owned()
}

#[test]
fn exact_goes_before_the_longest_star_before_the_first() {
    let mut drawer = Drawer::new();
    drawer.add("c-exact", "DNS:shop.example.com", &[], 9);
    drawer.add("b-star", "DNS:*.example.com,DNS:example.com", &[], 9);
    drawer.add("d-wide", "DNS:x.test", &["*.com", "*.deep.example.com"], 9);
    drawer.add("a-first", "DNS:first.test", &[], 9);
    let read = drawer.read();
    let all = chooser(&read, &[]);
    for (name, expected) in [
        (Some("shop.example.com"), "c-exact"),
        (Some("SHOP.EXAMPLE.COM."), "c-exact"),
        (Some("blog.example.com"), "b-star"),
        (Some("example.com"), "b-star"),
        // A certificate's own star stands for one label, the operator's for any number.
        (Some("a.blog.example.com"), "d-wide"),
        (Some("a.b.deep.example.com"), "d-wide"),
        (Some("example.org"), "a-first"),
        (Some("com"), "a-first"),
        (Some(""), "a-first"),
        (None, "a-first"),
    ] {
        assert_eq!(chosen(&all, name), expected, "{name:?}");
    }
    // Of a list the first is the first, and no other is shown.
    let listed = chooser(&read, &["d-wide", "b-star"]);
    assert_eq!(chosen(&listed, None), "d-wide");
    assert_eq!(chosen(&listed, Some("shop.example.com")), "b-star");
    assert_eq!(chosen(&listed, Some("first.test")), "d-wide");
}

#[test]
fn the_operator_s_hosts_go_first_and_of_two_the_one_that_holds_longer() {
    let mut drawer = Drawer::new();
    drawer.add("a", "DNS:shop.example.com,DNS:blog.example.com", &[], 9);
    drawer.add("b", "DNS:shop.example.com,DNS:blog.example.com", &[], 20);
    drawer.add("c", "DNS:shop.example.com", &["blog.example.com"], 9);
    let all = chooser(&drawer.read(), &[]);
    assert_eq!(chosen(&all, Some("shop.example.com")), "b");
    assert_eq!(chosen(&all, Some("blog.example.com")), "c");
    let troubles = drawer.read().troubles(jiff::Timestamp::now().as_second());
    assert_eq!(
        troubles,
        [
            "certificate c: it is not made for blog.example.com, which clients will tell (it is for: shop.example.com)"
        ]
    );
}

#[test]
fn one_that_an_authority_signed_goes_before_our_own() {
    let mut drawer = Drawer::new();
    let name = Name::parse("a-own").unwrap();
    let hosts = vec![HostPattern::parse("shop.example.com").unwrap()];
    let now = jiff::Timestamp::now().as_second();
    let mut kept = KeptCertificates::default();
    let made = super::self_signed(&hosts, now).unwrap();
    kept.put(name.clone(), KeptAs::SelfSigned, made);
    drawer.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=ca \
         -keyout ca.key -out ca.pem",
    );
    drawer.add("b", "DNS:shop.example.com", &[], 9);
    drawer.openssl(
        "req -new -key b.key -subj /CN=b -out b.csr -addext subjectAltName=DNS:shop.example.com",
    );
    drawer.openssl(
        "x509 -req -in b.csr -CA ca.pem -CAkey ca.key -days 9 -copy_extensions copy -out b.pem",
    );
    drawer.certificates.push(Certificate {
        name,
        hosts,
        source: CertificateSource::SelfSigned,
    });
    let wanted = (&drawer.certificates[..], &kept);
    let before = (&[][..], &Certificates::default());
    // Not the time from before: those of openssl are good only from when they were made.
    let now = jiff::Timestamp::now().as_second();
    let (read, faults) = Certificates::read(&Engine::new(), wanted, before, now);
    assert_eq!(faults, []);
    let all = chooser(&read, &[]);
    assert_eq!(chosen(&all, Some("shop.example.com")), "b");
    assert_eq!(
        chosen(&all, Some("other.example.com")),
        "a-own",
        "the first"
    );
}

#[test]
fn who_is_misdirected() {
    let mut drawer = Drawer::new();
    drawer.add(
        "a",
        "DNS:shop.example.com,DNS:*.shop.example.com,IP:::1",
        &[],
        9,
    );
    drawer.add("b", "DNS:blog.example.com", &[], 9);
    let all = chooser(&drawer.read(), &[]);
    let is_for = |asked: Option<&str>, host: &str| {
        let certificate = all.choose(asked).unwrap().clone();
        Secured::new(asked, certificate).is_for(host.as_bytes(), Some(&all))
    };
    let (shop, blog) = (Some("shop.example.com"), Some("blog.example.com"));
    for (asked, host, right) in [
        (shop, "shop.example.com", true),
        (shop, "x.SHOP.example.com.", true),
        (shop, "[::1]", true),
        (shop, "", true),
        (shop, "blog.example.com", false),
        (shop, "a.x.shop.example.com", false),
        (blog, "shop.example.com", false),
        (Some("other.test"), "other.test", true),
        (Some("other.test"), "another.test", false),
        (None, "shop.example.com", true),
        (None, "blog.example.com", false),
        (None, "other.test", true),
    ] {
        assert_eq!(is_for(asked, host), right, "{host} by {asked:?}");
    }
    // No chooser is left where the listener is gone or speaks no TLS any more.
    let certificate = all.choose(None).unwrap().clone();
    assert!(Secured::new(None, certificate).is_for(b"blog.example.com", None));
}

#[test]
fn what_is_newly_named_must_be_sound_and_what_was_goes_on() {
    let mut drawer = Drawer::new();
    drawer.add("a", "DNS:a.test", &[], 9);
    drawer.add("b", "DNS:b.test", &[], 9);
    let (engine, now) = (Engine::new(), jiff::Timestamp::now().as_second());
    let read = drawer.read();
    fs::copy(drawer.file("b.key"), drawer.file("a.key")).unwrap();
    let named = &drawer.certificates[..];
    let kept = KeptCertificates::default();
    assert!(read.changed(named, &kept));
    let (again, faults) = Certificates::read(&engine, (named, &kept), (named, &read), now);
    assert_eq!((faults, again.usable().count()), (Vec::new(), 2));
    assert!(!again.as_read(&read) && again.other_than(&read).next().is_none());
    assert!(!again.changed(named, &kept));
    let troubles = again.troubles(now);
    assert!(
        troubles.len() == 1
            && troubles[0].contains("is the key of another certificate")
            && troubles[0].ends_with("; the one read before is shown"),
        "{troubles:?}"
    );
    let (_, faults) = Certificates::read(&engine, (named, &kept), (&[], &read), now);
    assert_eq!(
        (faults.len(), faults[0].index, faults[0].part),
        (1, 0, Part::Key)
    );
    // It grows old while it is shown: that is no reason to show nothing.
    let later = now + 10 * 86_400;
    let (old, faults) = Certificates::read(&engine, (named, &kept), (named, &read), later);
    assert_eq!((faults, old.usable().count()), (Vec::new(), 2));
    let expired = |words: &String| words.contains("has expired on 20");
    assert_eq!(old.troubles(later).iter().filter(|t| expired(t)).count(), 2);
}

#[test]
fn nothing_that_can_be_shown_shows_a_key() {
    let mut drawer = Drawer::new();
    drawer.add("a", "DNS:a.test", &[], 9);
    let read = drawer.read();
    let all = Arc::new(chooser(&read, &[]));
    let offer = all.offer(None).unwrap();
    let shown = format!("{read:?} {all:?} {offer:?} {:?}", Engine::new());
    let key = fs::read_to_string(drawer.file("a.key")).unwrap();
    let hidden: Vec<&str> = key
        .lines()
        .filter(|line| !line.starts_with("---"))
        .collect();
    assert!(!hidden.is_empty() && hidden.iter().all(|line| !shown.contains(line)));
    assert!(shown.len() < 10_000, "{shown}");
}

fn read_bytes(dir: &Path, chain: &[u8], key: &[u8]) -> Vec<String> {
    let files = CertificateFiles {
        chain: dir.join("chain"),
        key: dir.join("key"),
    };
    fs::write(&files.chain, chain).unwrap();
    fs::write(&files.key, key).unwrap();
    let certificate = Certificate {
        name: Name::parse("x").unwrap(),
        hosts: Vec::new(),
        source: CertificateSource::Files(files),
    };
    let before = Certificates::default();
    let (_, faults) = Certificates::read(
        &Engine::new(),
        (&[certificate], &KeptCertificates::default()),
        (&[], &before),
        jiff::Timestamp::now().as_second(),
    );
    faults.into_iter().map(|fault| fault.words).collect()
}

proptest! {
    #[test]
    fn no_bytes_break_the_reading_of_files_and_no_words_repeat_them(
        place in 0_usize..900, byte: u8, junk in "[A-Za-z0-9+/\n-]{0,200}",
    ) {
        thread_local! {
            static GOOD: (TempDir, Vec<u8>, Vec<u8>) = {
                let mut drawer = Drawer::new();
                drawer.add("a", "DNS:a.test", &[], 9);
                let read = |name| fs::read(drawer.file(name)).unwrap();
                let (chain, key) = (read("a.pem"), read("a.key"));
                (drawer.dir, chain, key)
            };
        }
        GOOD.with(|(dir, chain, key)| {
            let mut damaged = [chain.as_slice(), key].concat();
            let end = damaged.len();
            damaged[place % end] = byte;
            let (chain, key) = damaged.split_at(chain.len());
            read_bytes(dir.path(), chain, key);
            let words = read_bytes(dir.path(), junk.as_bytes(), junk.as_bytes());
            prop_assert!(words.iter().all(|words| junk.len() < 20 || !words.contains(&junk)));
            Ok(())
        })?;
    }
}
