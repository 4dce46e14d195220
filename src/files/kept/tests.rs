//! Open files, over real ones.

use super::{Kept, OpenFiles};
use crate::files::{Ask, Codings, Look, Root, Sight};
use crate::model::Files;
use proptest::collection::vec;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use rustix::fs::Advice;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// Open files of a site in `site/`.
struct Stand {
    dir: TempDir,
    root: Arc<Root>,
    files: OpenFiles,
    now: Instant,
    turn: u64,
    accepts: &'static str,
}

impl Stand {
    fn new(most: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("site/sub")).unwrap();
        let mut files = Files::new(dir.path().join("site"));
        files.index = vec!["index.html".into(), "index.htm".into()];
        Self {
            root: Arc::new(Root::new(&files)),
            dir,
            files: OpenFiles::new(most),
            now: Instant::now(),
            turn: 1,
            accepts: "",
        }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join("site").join(path);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// In a turn of its own: what is found for `path`, and whether it was open already.
    fn ask(&mut self, path: &str) -> Option<(Rc<Kept>, bool)> {
        self.turn += 1;
        self.ask_in_this_turn(path)
    }

    fn ask_in_this_turn(&mut self, path: &str) -> Option<(Rc<Kept>, bool)> {
        let ask = Ask {
            codings: Codings::of(Some(self.accepts.as_bytes())),
            ..Ask::get(path.as_bytes())
        };
        let turn = self.turn;
        if let Some(kept) = self.files.get(&self.root, &ask, || turn, self.now) {
            return Some((kept, true));
        }
        let wanted = self.root.wanted(&ask).ok()?;
        match self.root.look(&wanted, ask.codings, Look::MayWait) {
            Some(Sight::File(file)) => {
                Some((self.files.put(&self.root, &ask, file, self.now), false))
            }
            _ => None,
        }
    }

    fn text(&mut self, path: &str) -> Option<String> {
        let (kept, _) = self.ask(path)?;
        Some(String::from_utf8(kept.file.read(0..kept.file.size()).unwrap()).unwrap())
    }
}

#[test]
fn a_file_that_did_not_change_is_opened_once() {
    let mut stand = Stand::new(8);
    stand.write("a", "one");
    for again in [false, true, true] {
        assert_eq!(stand.ask("/a").unwrap().1, again);
    }
    // A second later it is looked for anew, whatever was seen.
    stand.now += OpenFiles::BELIEVED;
    assert!(!stand.ask("/a").unwrap().1);
}

#[test]
fn a_change_is_seen_by_the_next_request_and_not_within_a_turn() {
    let mut stand = Stand::new(8);
    stand.write("a", "one");
    stand.ask("/a");
    stand.ask("/a");
    stand.write("a", "two");
    assert!(stand.ask_in_this_turn("/a").unwrap().1);
    assert_eq!(stand.text("/a").unwrap(), "two");
    fs::remove_file(stand.dir.path().join("site/a")).unwrap();
    assert_eq!(stand.text("/a"), None);
    stand.write("a", "three");
    assert_eq!(stand.text("/a").unwrap(), "three");
}

#[test]
fn a_swapped_root_and_a_link_that_now_leads_out_are_seen_at_once() {
    let mut stand = Stand::new(8);
    let at = |stand: &Stand, path: &str| stand.dir.path().join(path);
    stand.write("sub/a", "inside");
    assert_eq!(stand.text("/sub/a").unwrap(), "inside");
    // The folder leaves the root, and a link to it stays: the very same file, outside.
    fs::rename(at(&stand, "site/sub"), at(&stand, "sub")).unwrap();
    symlink("../sub", at(&stand, "site/sub")).unwrap();
    stand.now += OpenFiles::BELIEVED;
    assert_eq!(stand.text("/sub/a"), None);
    // Another secret in the place of a file.
    stand.write("b", "inside");
    assert_eq!(stand.text("/b").unwrap(), "inside");
    fs::write(at(&stand, "secret"), "secret").unwrap();
    fs::remove_file(at(&stand, "site/b")).unwrap();
    symlink("../secret", at(&stand, "site/b")).unwrap();
    assert_eq!(stand.text("/b"), None);
    // A deploy.
    stand.write("c", "first release");
    assert_eq!(stand.text("/c").unwrap(), "first release");
    fs::rename(at(&stand, "site"), at(&stand, "release-1")).unwrap();
    fs::create_dir(at(&stand, "release-2")).unwrap();
    fs::write(at(&stand, "release-2/c"), "other release").unwrap();
    symlink("release-2", at(&stand, "site")).unwrap();
    assert_eq!(stand.text("/c").unwrap(), "other release");
}

#[test]
fn an_index_that_is_tried_before_the_open_one_is_seen_when_it_comes() {
    let mut stand = Stand::new(8);
    stand.write("sub/index.htm", "second");
    assert_eq!(stand.text("/sub/").unwrap(), "second");
    assert!(stand.ask("/sub/").unwrap().1);
    stand.write("sub/index.html", "first");
    assert_eq!(stand.text("/sub/").unwrap(), "first");
}

#[test]
fn packed_forms_that_come_change_or_go_are_seen_by_the_next_request() {
    let mut stand = Stand::new(8);
    stand.write("a", "plain");
    stand.accepts = "gzip, br";
    let remove = |stand: &Stand, path| fs::remove_file(stand.dir.path().join("site").join(path));
    assert_eq!(stand.text("/a").unwrap(), "plain");
    assert!(stand.ask("/a").unwrap().1);
    stand.write("a.gz", "gzip");
    assert_eq!(stand.text("/a").unwrap(), "gzip");
    assert!(stand.ask("/a").unwrap().1);
    stand.write("a.br", "brotli");
    assert_eq!(stand.text("/a").unwrap(), "brotli");
    stand.accepts = "gzip";
    assert_eq!(stand.text("/a").unwrap(), "gzip");
    stand.accepts = "";
    assert_eq!(stand.text("/a").unwrap(), "plain");
    stand.accepts = "gzip, br";
    stand.write("a.br", "other");
    assert_eq!(stand.text("/a").unwrap(), "other");
    remove(&stand, "a.br").unwrap();
    assert_eq!(stand.text("/a").unwrap(), "gzip");
    // Without the file itself there is nothing.
    remove(&stand, "a").unwrap();
    assert_eq!(stand.text("/a"), None);
}

#[test]
fn another_config_finds_nothing_of_the_one_before() {
    let mut stand = Stand::new(8);
    stand.write("a", "one");
    stand.ask("/a");
    stand.root = Arc::new(Root::clone(&stand.root));
    assert!(!stand.ask("/a").unwrap().1);
}

#[test]
fn no_more_are_open_than_may_be_and_the_least_used_goes() {
    let mut stand = Stand::new(8);
    for n in 0..1000 {
        stand.write(&n.to_string(), "text");
        stand.ask(&format!("/{n}"));
        // Asked for again and again, so that it stays.
        stand.ask("/0");
        assert!(stand.files.len() <= 8);
    }
    assert!(stand.ask("/0").unwrap().1);
    assert!(stand.ask("/999").unwrap().1);
    assert!(!stand.ask("/500").unwrap().1);
    stand.now += OpenFiles::IDLE;
    stand.files.prune(stand.now);
    assert!(stand.files.is_empty());
    let mut none = Stand::new(0);
    none.write("a", "one");
    assert!(!none.ask("/a").unwrap().1 && !none.ask("/a").unwrap().1);
}

#[test]
fn a_look_from_memory_finds_what_one_that_may_wait_finds() {
    let mut stand = Stand::new(8);
    stand.write("a", "one");
    symlink("a", stand.dir.path().join("site/link")).unwrap();
    symlink("/etc/passwd", stand.dir.path().join("site/out")).unwrap();
    for path in ["/a", "/link", "/none", "/out", "/sub", "/sub/", "/a/b"] {
        let ask = Ask::get(path.as_bytes());
        let wanted = stand.root.wanted(&ask).unwrap();
        let seen = |look| {
            stand
                .root
                .look(&wanted, Codings::PLAIN, look)
                .map(|sight| kind(&sight))
        };
        // The first look brings it into memory.
        let patient = seen(Look::MayWait);
        let quick = seen(Look::FromMemory);
        assert!(patient.is_some(), "{path}");
        // A kernel may always say that it does not know.
        assert!(quick == patient || quick.is_none(), "{path}: {quick:?}");
    }
    // And for a file that was just open it does know.
    assert!(stand.ask("/a").is_some());
    let wanted = stand.root.wanted(&Ask::get(b"/a")).unwrap();
    let quick = stand.root.look(&wanted, Codings::PLAIN, Look::FromMemory);
    assert!(matches!(&quick, Some(Sight::File(file)) if stand.files.is_local(file)));
}

fn kind(sight: &Sight) -> &'static str {
    match sight {
        Sight::File(_) => "file",
        Sight::AddSlash => "slash",
        Sight::Nothing => "nothing",
        Sight::Forbidden => "forbidden",
        Sight::NotAcceptable => "not acceptable",
        Sight::Failed(_) => "failed",
    }
}

#[test]
fn bytes_that_are_not_in_memory_are_not_waited_for() {
    let mut stand = Stand::new(8);
    let path = stand.dir.path().join("site/large");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let file = fs::File::open(&path).unwrap();
    // Only what is on the disk can be dropped.
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let kept = stand.ask("/large").unwrap().0;
    let mut buffer = [0; 4096];
    let from_memory = kept.file.read_from_memory(500_000, &mut buffer).unwrap();
    // A file system in memory has nothing else.
    if from_memory.is_none() {
        assert!(!kept.file.is_in_memory(0..1 << 20).unwrap());
    }
    assert_eq!(kept.file.read(0..1 << 20).unwrap(), vec![7; 1 << 20]);
    // Beyond the end there is nothing to wait for.
    assert_eq!(
        kept.file.read_from_memory(1 << 20, &mut buffer).unwrap(),
        Some(0)
    );
    assert!(kept.file.is_in_memory(1 << 21..1 << 22).unwrap());
    assert!(kept.file.is_in_memory(0..0).unwrap());
}

/// What may happen to a site between two requests.
fn change(site: &Path, what: u8, name: u8) {
    let at = |name: u8| site.join(format!("{}/{}", name % 2, name / 2));
    let (path, other) = (at(name), at(name ^ 1));
    // Some cannot happen now: then nothing does.
    let _ = match what {
        0 | 1 => fs::write(&path, [name; 5]),
        2 => fs::write(&path, vec![what; usize::from(name)]),
        3 => fs::remove_file(&path),
        4 => fs::rename(&path, &other),
        5 => fs::hard_link(&path, &other),
        6 => fs::rename(site.join("0"), site.join("1")),
        7 => fs::create_dir(site.join(format!("{}", name % 2))),
        // Within the root: what a link out of it leads to is another test's.
        8 => symlink(format!("../{}/{}", (name ^ 1) % 2, (name ^ 1) / 2), &path),
        _ => symlink("0", site.join("1")),
    };
}

proptest! {
    #[test]
    fn what_is_open_is_what_a_new_look_finds(steps in vec((0_u8..10, 0_u8..8, 0_u8..8), 1..60)) {
        let mut stand = Stand::new(3);
        let site = stand.dir.path().join("site");
        fs::create_dir(site.join("0")).unwrap();
        for (what, name, asked) in steps {
            change(&site, what, name);
            let path = format!("/{}/{}", asked % 2, asked / 2);
            let found = stand.text(&path);
            // The stupidest possible version: no file is kept.
            let mut none = OpenFiles::new(0);
            std::mem::swap(&mut stand.files, &mut none);
            let looked = stand.text(&path);
            std::mem::swap(&mut stand.files, &mut none);
            prop_assert_eq!(found, looked, "{}", path);
            prop_assert!(stand.files.len() <= 3);
        }
    }
}
