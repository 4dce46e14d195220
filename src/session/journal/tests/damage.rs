//! Files that are torn, altered, missing or none of ours: it serves, always.

use std::fs;
use std::path::Path;

use super::{Entries, Kept, PACE, Pace, folder, names, wait};
use crate::session::journal::record::HEAD;
use crate::session::journal::{Fsync, Standing};

/// Writes a log of a few records, answers where each ends and what memory was by then.
fn log(dir: &Path) -> Vec<(u64, Entries)> {
    let kept = Kept::open(dir, Fsync::Always);
    let size = || fs::metadata(dir.join("log-000001")).unwrap().len();
    let mut states = vec![(size(), kept.toy.entries())];
    for (key, value) in [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
        ("", ""),
        ("c", "long enough"),
    ] {
        let ticket = kept.put(key, value);
        wait(kept.journal.durable(ticket)).unwrap();
        states.push((size(), kept.toy.entries()));
    }
    states
}

/// What is there after a start on these files, which must serve and keep what is written then.
fn start(files: &[(&str, &[u8])]) -> (Entries, Vec<String>, Vec<String>) {
    let dir = folder();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let kept = Kept::open(dir.path(), Fsync::Always);
    assert_eq!(kept.journal.standing(), Standing::Working);
    let (entries, told) = (kept.toy.entries(), kept.recovered.told.clone());
    let ticket = kept.put("new", "kept");
    wait(kept.journal.durable(ticket)).unwrap();
    let more = kept.toy.entries();
    let kept = kept.again(dir.path());
    assert_eq!(kept.toy.entries(), more);
    assert_eq!(kept.recovered.told, [] as [String; 0], "told twice");
    (entries, told, names(dir.path()))
}

#[test]
fn a_log_cut_anywhere_gives_what_was_whole_by_then() {
    let dir = folder();
    let states = log(dir.path());
    let bytes = fs::read(dir.path().join("log-000001")).unwrap();
    for cut in 0..=bytes.len() {
        let (entries, told, names) = start(&[("log-000001", &bytes[..cut])]);
        let length = u64::try_from(cut).unwrap();
        let whole = states.iter().rfind(|(end, _)| *end <= length);
        let expected = whole.map_or(Entries::default(), |(_, entries)| entries.clone());
        assert_eq!(entries, expected, "cut to {cut} bytes");
        assert_eq!(names, ["log-000001"]);
        match states.iter().any(|(end, _)| *end == length) {
            true => assert_eq!(told, [] as [String; 0]),
            false => assert!(told[0].contains("bytes are cut off"), "{told:?}"),
        }
    }
}

#[test]
fn a_log_with_any_byte_altered_gives_what_was_before_and_is_kept_aside() {
    let dir = folder();
    let states = log(dir.path());
    let bytes = fs::read(dir.path().join("log-000001")).unwrap();
    let last = states[states.len() - 2].0;
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        let (entries, told, names) = start(&[("log-000001", &altered)]);
        let place = u64::try_from(at).unwrap();
        let before = states.iter().rfind(|(end, _)| *end <= place);
        let expected = before.map_or(Entries::default(), |(_, entries)| entries.clone());
        assert_eq!(entries, expected, "byte {at}");
        if place < last {
            assert!(told[0].contains("is damaged at byte"), "{told:?}");
            let aside = names
                .iter()
                .find(|name| name.contains(".damaged-"))
                .unwrap();
            assert!(told[1].contains(aside.as_str()), "{told:?}");
            assert_eq!(names[..1], ["base-000002"]);
        } else {
            // The last record may have been torn as well as damaged.
            assert!(told[0].contains("bytes are cut off"), "{told:?}");
        }
    }
}

/// A base and the log that began with it.
fn with_base(dir: &Path) -> Entries {
    let pace = Pace {
        rewritten_over: 200_000,
        ..PACE
    };
    let kept = Kept::at_pace(dir, Fsync::No, pace);
    let value = "x".repeat(30_000);
    for n in 0..12 {
        let _ = kept.put(&format!("key {n}"), &value);
    }
    super::until("it is written anew", || {
        kept.journal.figures().rewrites == 1
    });
    let _ = kept.put("after", "base");
    kept.toy.entries()
}

#[test]
fn damage_in_a_base_costs_what_stood_there_and_no_more() {
    let dir = folder();
    let all = with_base(dir.path());
    let name = names(dir.path())
        .into_iter()
        .find(|name| name.starts_with("base-"))
        .unwrap();
    let number = name.strip_prefix("base-").unwrap();
    let log = format!("log-{number}");
    let base = fs::read(dir.path().join(&name)).unwrap();
    let log_bytes = fs::read(dir.path().join(&log)).unwrap();
    for at in [
        0,
        HEAD.len() + 1,
        HEAD.len() + 5,
        100,
        100_000,
        base.len() - 1,
    ] {
        let mut altered = base.clone();
        altered[at] ^= 1;
        let (entries, told, names) = start(&[(&name, &altered), (&log, &log_bytes)]);
        assert!(entries.contains_key(&b"after"[..]), "byte {at}");
        let kept = all.keys().filter(|key| entries.contains_key(*key)).count();
        assert!(kept + 3 >= all.len(), "byte {at}: {kept} of {}", all.len());
        assert!(
            told[0].contains("is damaged: the sessions that stood there"),
            "{told:?}"
        );
        assert!(
            names
                .iter()
                .any(|one| one.starts_with(&format!("{name}.damaged-")))
        );
    }
}

#[test]
fn a_missing_file_is_told_and_what_came_after_it_is_kept_aside() {
    let dir = folder();
    log(dir.path());
    let bytes = fs::read(dir.path().join("log-000001")).unwrap();
    let (entries, told, names) = start(&[("log-000001", &bytes), ("log-000003", &bytes)]);
    assert_eq!(entries.len(), 4);
    assert!(told[0].starts_with("log-000002 is missing"), "{told:?}");
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("log-000003.damaged-"))
    );
    // Without its base a log still has what was written since.
    let (entries, told, names) = start(&[("log-000004", &bytes)]);
    assert_eq!(entries.len(), 4);
    assert_eq!(names, ["base-000005", "log-000005"]);
    assert!(told[0].starts_with("base-000004 is missing"), "{told:?}");
    // A base without its log, as nothing leaves it behind, is all there is.
    let (entries, told, _) = start(&[("base-000004", &bytes)]);
    assert_eq!((entries.len(), told), (4, Vec::new()));
}

#[test]
fn what_is_none_of_ours_is_left_alone_and_what_was_never_finished_goes() {
    let (entries, told, names) = start(&[
        ("base-000009.new", b"half"),
        ("notes", b"of the operator"),
        ("log-000001.damaged-20261123T040000Z", b"from before"),
    ]);
    assert_eq!((entries.len(), told.len()), (0, 0));
    assert_eq!(
        names,
        ["log-000001", "log-000001.damaged-20261123T040000Z", "notes"]
    );
}

#[test]
fn files_of_another_version_are_kept_aside() {
    let (entries, told, names) =
        start(&[("log-000001", b"steelyard sessions 2\nwhatever comes then")]);
    assert_eq!(entries, Entries::default());
    assert!(told[0].contains("damaged at byte 0"), "{told:?}");
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("log-000001.damaged-"))
    );
}

#[test]
fn a_base_that_took_its_place_makes_older_files_go() {
    let dir = folder();
    log(dir.path());
    let bytes = fs::read(dir.path().join("log-000001")).unwrap();
    // Ended between the rename and the removals.
    let (entries, told, names) = start(&[
        ("base-000002", &bytes),
        ("log-000001", b"superfluous, so never read"),
        ("log-000002", HEAD),
    ]);
    assert_eq!((entries.len(), told.len()), (4, 0));
    assert_eq!(names, ["base-000002", "log-000002"]);
}

#[test]
fn a_folder_that_cannot_be_read_refuses_writes_until_it_can() {
    let dir = folder();
    log(dir.path());
    let file = dir.path().join("log-000001");
    let away = dir.path().join("away");
    fs::rename(&file, &away).unwrap();
    // A folder in its place: as unreadable to root as to anybody.
    fs::create_dir(&file).unwrap();
    let kept = Kept::open(dir.path(), Fsync::Always);
    assert_eq!(kept.journal.standing(), Standing::Failed);
    assert!(kept.recovered.told[0].starts_with("the files cannot be read: "));
    assert!(wait(kept.journal.admit()).is_err());
    fs::remove_dir(&file).unwrap();
    fs::rename(&away, &file).unwrap();
    kept.until_it_works();
    assert_eq!(kept.toy.entries().len(), 4);
}
