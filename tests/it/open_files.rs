//! Files that stay open between requests, and what happens to them meanwhile.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use crate::support::appliance::{Appliance, write_file};
use crate::support::client::{Client, Request, Wire};
use crate::support::document::{listener, site};
use crate::support::{eventually, pattern};

/// An empty folder served at `/`, with an access log in JSON.
fn serving() -> (TempDir, Appliance) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("public")).unwrap();
    let lb = Appliance::start();
    let root = dir.path().join("public");
    let routes = format!("[[sites.routes]]\npath = \"/\"\nfiles = {{ root = {root:?} }}\n");
    let logs = "[logs]\nformat = \"json\"\n";
    lb.apply(&(listener(lb.port()) + logs + &site("files", &routes)));
    (dir, lb)
}

fn long(path: &Path, bytes: usize) -> Vec<u8> {
    let block = pattern::block();
    let bytes: Vec<u8> = block.iter().copied().cycle().take(bytes).collect();
    write_file(path, &bytes);
    bytes
}

#[test]
fn every_change_of_a_file_is_seen_by_the_next_request() {
    let (dir, lb) = serving();
    let at = |path: &str| dir.path().join("public").join(path);
    let mut client = Client::of(lb.port());
    let mut told = |path: &str| {
        // Twice, so that the second is of the open file.
        client.get(path);
        let answer = client.get(path);
        (answer.status, answer.text())
    };
    let file = |text: &str| (200, text.to_owned());
    write_file(&at("sub/a"), "one");
    assert_eq!(told("/sub/a"), file("one"));
    write_file(&at("sub/a"), "written over");
    assert_eq!(told("/sub/a"), file("written over"));
    write_file(&at("sub/b"), "renamed");
    fs::rename(at("sub/b"), at("sub/a")).unwrap();
    assert_eq!(told("/sub/a"), file("renamed"));
    fs::set_permissions(at("sub/a"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let root = rustix::process::geteuid().is_root();
    assert!(told("/sub/a").0 == 403 || root);
    fs::set_permissions(at("sub/a"), fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(told("/sub/a"), file("renamed"));
    fs::rename(at("sub"), at("bus")).unwrap();
    assert_eq!(told("/sub/a").0, 404);
    assert_eq!(told("/bus/a"), file("renamed"));
    write_file(&dir.path().join("secret"), "secret");
    fs::remove_file(at("bus/a")).unwrap();
    assert_eq!(told("/bus/a").0, 404);
    symlink("../../secret", at("bus/a")).unwrap();
    assert_eq!(told("/bus/a").0, 404);
    fs::remove_file(at("bus/a")).unwrap();
    write_file(&at("bus/c"), "behind a link");
    symlink("c", at("bus/a")).unwrap();
    assert_eq!(told("/bus/a"), file("behind a link"));
    fs::remove_file(at("bus/a")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, at("bus/a"), fifo, mode, 0).unwrap();
    assert_eq!(told("/bus/a").0, 404);
}

#[test]
fn a_deploy_that_swaps_the_folder_counts_from_the_next_request() {
    let (dir, lb) = serving();
    let at = |path: &str| dir.path().join(path);
    let mut client = Client::of(lb.port());
    fs::remove_dir(at("public")).unwrap();
    for release in 0..20 {
        let name = format!("release-{release}");
        write_file(&at(&name).join("a"), &name);
        symlink(&name, at("next")).unwrap();
        fs::rename(at("next"), at("public")).unwrap();
        for _ in 0..3 {
            assert_eq!(client.get("/a").text(), name);
        }
    }
}

#[test]
fn a_file_cut_while_it_is_sent_resets_the_connection_and_is_told() {
    let (dir, lb) = serving();
    let path = dir.path().join("public/long");
    let bytes = long(&path, 40_000_000);
    let mut wire = Wire::to(lb.port());
    wire.send("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = wire.head();
    assert_eq!(head.field("Content-Length"), Some("40000000"));
    // More than that is on its way, and less than all.
    assert_eq!(wire.bytes(1_000_000), bytes[..1_000_000]);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(30_000_000).unwrap();
    let mut received = 1_000_000;
    let mut buffer = vec![0; 1 << 20];
    let mut stream = wire.stream();
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break None,
            Ok(count) => received += count,
            Err(error) => break Some(error.kind()),
        }
    };
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(received <= 30_000_000, "{received}");
    let line = lb.access_log(1).remove(0);
    assert!(line.contains("\"reason\":\"internal\""), "{line}");
    eventually("a word about it", || {
        lb.log()
            .contains("long became shorter while it was sent")
            .then_some(())
    });
    // The worker goes on, and the file is served as it is now.
    let now = lb.get("/long");
    assert!(now.status == 200 && now.body == bytes[..30_000_000]);
}

#[test]
fn a_file_that_grows_or_is_replaced_while_it_is_sent_comes_as_it_was_announced() {
    let (dir, lb) = serving();
    let path = dir.path().join("public/long");
    let bytes = long(&path, 30_000_000);
    let begin = || {
        let mut wire = Wire::to(lb.port());
        wire.send("GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(wire.head().field("Content-Length"), Some("30000000"));
        wire
    };
    let mut grown = begin();
    let mut replaced = begin();
    let mut gone = begin();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(50_000_000).unwrap();
    assert!(grown.rest() == bytes);
    write_file(&dir.path().join("new"), "new");
    fs::rename(dir.path().join("new"), &path).unwrap();
    assert!(replaced.rest() == bytes);
    fs::remove_file(&path).unwrap();
    assert!(gone.rest() == bytes);
    assert_eq!(lb.get("/long").status, 404);
}

#[test]
fn a_long_file_comes_whole_to_many_at_once_and_in_parts() {
    let (dir, lb) = serving();
    let bytes = long(&dir.path().join("public/long"), 3_000_000);
    let port = lb.port();
    let parts = [
        0..1,
        0..65_536,
        65_535..65_537,
        1..2_999_999,
        2_999_999..3_000_000,
    ];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::of(port);
                for part in &parts {
                    assert!(client.get("/long").body == bytes);
                    let field = format!("bytes={}-{}", part.start, part.end - 1);
                    let answer = client.ask(&Request::get("/long").field("Range", &field));
                    assert!(answer.status == 206 && answer.body == bytes[part.clone()]);
                    let head = client.ask(&Request::head("/long"));
                    assert_eq!(head.field("Content-Length"), Some("3000000"));
                }
            });
        }
    });
}

#[test]
fn a_thousand_files_hold_no_more_descriptors_than_may_be_and_none_for_long() {
    let (dir, lb) = serving();
    let mut client = Client::of(lb.port());
    let open = || {
        let all = fs::read_dir(format!("/proc/{}/fd", lb.pid())).unwrap();
        let links = all.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        links.filter(|link| link.starts_with(dir.path())).count()
    };
    for n in 0..1000 {
        write_file(&dir.path().join(format!("public/{n}")), n.to_string());
    }
    let mut most = 0;
    for n in 0..1000 {
        assert_eq!(client.get(&format!("/{n}")).text(), n.to_string());
        most = most.max(open());
    }
    // One connection is one worker's.
    assert!((1..=513).contains(&most), "{most}");
    eventually("all of them closed", || (open() == 0).then_some(()));
}
