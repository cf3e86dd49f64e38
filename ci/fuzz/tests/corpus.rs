//! Every input that was ever worth keeping is played to its target again.

#![expect(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use taprig_fuzz::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// Plays the corpus of a target; when one input panics, the last line printed names it.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let corpus = folder("corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} is no corpus: {} files", corpus.display(), files.len());
    for file in &files {
        println!("{name}: {}", file.display());
        target(&fs::read(file).unwrap());
    }
    println!("{name}: {} inputs", files.len());
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replays!(acquirer_message adapter_messages case_file clearing_file decode emulator_air gdb_packets kernel_card pn532_frames record_inputs rules_console seal_sums terminal_message validator_console vpcd_messages wire_messages);

#[test]
fn each_target_has_its_program_its_corpus_and_its_replay() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("targets")), known, "ci/fuzz/targets");
    assert_eq!(names(&folder("corpus")), known, "ci/fuzz/corpus");
    assert_eq!(REPLAYED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), known, "tests");
}
