//! Inputs kept as files: seeds for the fuzzers, and whatever once broke something.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use crate::entries::{Entry, document, event, rows, rules};

fn files(directory: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files: Vec<PathBuf> = fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", path.display());
    files
}

/// Reads every file, and says which of them broke something.
fn replay(directory: &str, entry: Entry) {
    let breaks = |file: &PathBuf| {
        let input = fs::read(file).expect("a file");
        panic::catch_unwind(|| entry(&input)).is_err()
    };
    let broken: Vec<PathBuf> = files(directory).into_iter().filter(breaks).collect();
    assert!(broken.is_empty(), "these broke something: {broken:#?}");
}

#[test]
fn every_kept_document_is_read_in_peace() {
    replay("tests/corpus/document", document::entry);
}

#[test]
fn every_kept_event_is_read_in_peace() {
    replay("tests/corpus/event", event::entry);
}

#[test]
fn every_kept_mirror_is_read_in_peace() {
    replay("tests/corpus/rows", rows::entry);
}

#[test]
fn every_kept_list_of_rules_is_planned_in_peace() {
    replay("tests/corpus/rules", rules::entry);
}

#[test]
fn a_document_that_is_wrong_in_every_way_is_read_in_peace() {
    document::entry(include_bytes!("../../src/mesh/tests/wrong.toml"));
}

#[test]
fn real_events_are_read_in_peace() {
    replay("tests/events", event::entry);
}
