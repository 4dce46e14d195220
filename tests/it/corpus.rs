//! What fuzzing has found worth keeping, asked again: the files below `tests/fuzz/corpus/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../fuzz/targets.rs"]
mod targets;

use targets::TARGETS;

/// Files in all, and bytes of one: enough to reach every branch, and no weight to carry.
const MOST: usize = 240;
const LONGEST: usize = 4 * 1024;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpus()), targets);
    let programs = names(&corpus().join("../fuzz_targets"));
    let expected = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(programs, expected);
    let mut all = 0;
    for target in &targets {
        let files = names(&corpus().join(target));
        assert!(files.len() >= 10, "{target} has {}", files.len());
        all += files.len();
        for file in files {
            let length = fs::metadata(corpus().join(target).join(&file))
                .unwrap()
                .len();
            assert!(
                length <= LONGEST as u64,
                "{target}/{file} has {length} bytes"
            );
        }
    }
    assert!(all <= MOST, "{all} files");
}

#[test]
fn what_was_found_stays_mended() {
    for (target, check) in TARGETS {
        for file in names(&corpus().join(target)) {
            let bytes = fs::read(corpus().join(target).join(&file)).unwrap();
            eprintln!("{target}/{file}");
            check(&bytes);
        }
    }
}
