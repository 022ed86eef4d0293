//! The protocol, explored within every configuration; its variants, each with a history
//! that breaks it; and `docs/protocol.md`, which shows both.
//!
//! `UPDATE_DOCS=1 cargo test -p model` writes the page anew.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so may what they share"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use model::bounds::{Bounds, Protocol};
use model::check::{FORWARD, coverage, promises};
use model::configurations::{Configuration, long, short};
use model::model::Model;
use model::page;
use model::variants::{Variant, found, left_over, naive};
use stateright::{Checker, Model as _};

/// One test at a time writes the page.
static PAGE: Mutex<()> = Mutex::new(());

/// Holds a part of the page against what it should say; or puts it there.
fn keep(name: &str, generated: &str) {
    let _alone = PAGE.lock();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    let now = std::fs::read_to_string(&path).expect("the page is there");
    let wanted = page::put(&now, name, generated).expect("the page has a place for it");
    #[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, wanted).expect("the page can be written");
    } else {
        assert!(now == wanted, "docs/protocol.md, {name}: run UPDATE_DOCS=1 cargo test -p model");
    }
}

/// Explores everything; says how many states there were, and what there was among them.
fn explore(configuration: &Configuration) -> (usize, BTreeSet<&'static str>) {
    let bounds = configuration.bounds.clone();
    let model = Model { protocol: Protocol::REAL, bounds };
    let checker = model.checker().threads(2).spawn_dfs().join();
    let met: BTreeSet<_> = checker.discoveries().into_keys().collect();
    if let Some(property) = promises().into_iter().find(|promise| met.contains(promise)) {
        panic!("{}", broken(configuration, property));
    }
    println!("{:>10} states: {}", checker.unique_state_count(), configuration.name);
    (checker.unique_state_count(), met)
}

/// The shortest history in which it is broken, with a name for every run.
fn broken(configuration: &Configuration, property: &'static str) -> String {
    let bounds = Bounds { symmetric: false, ..configuration.bounds.clone() };
    let model = Model { protocol: Protocol::REAL, bounds };
    let variant = Variant { name: configuration.name, model, property };
    let history = variant.counterexample().expect("it is broken");
    format!("{}: {}", configuration.name, page::tell(&variant, &history))
}

fn explore_all(configurations: &[Configuration]) -> String {
    let explored: Vec<_> = configurations.iter().map(explore).collect();
    let met: BTreeSet<_> = explored.iter().flat_map(|(_, met)| met.iter().copied()).collect();
    let missed: Vec<_> = coverage().into_iter().filter(|name| !met.contains(name)).collect();
    assert!(missed.is_empty(), "nothing of this kind ever happens: {missed:?}");
    let states: Vec<_> = explored.into_iter().map(|(states, _)| states).collect();
    page::table(configurations, &states)
}

#[test]
fn the_protocol_holds_in_every_history() {
    keep("explored", &explore_all(&short()));
}

/// As [`the_protocol_holds_in_every_history`], with more runs: for as long as it takes, and some
/// gigabytes: `cargo test -p model -- --ignored`.
#[test]
#[ignore = "takes very long"]
fn the_protocol_holds_in_every_longer_history() {
    println!("{}", explore_all(&long()));
}

/// A variant breaks; the protocol does not, within the same bounds.
fn breaks(variant: &Variant) {
    let history = variant.counterexample();
    let history = history.unwrap_or_else(|| panic!("{} never breaks", variant.name));
    keep(variant.name, &page::tell(variant, &history));
    let bounds = Bounds { symmetric: true, ..variant.model.bounds.clone() };
    explore(&Configuration { name: variant.name, bounds });
}

#[test]
fn without_any_one_step_the_protocol_breaks() {
    naive().iter().for_each(breaks);
}

#[test]
fn as_it_was_first_built_the_protocol_breaks() {
    found().iter().for_each(breaks);
}

/// Without versions rows also go backwards, before anybody is shut out by it.
#[test]
fn without_a_version_rows_go_backwards() {
    let variants = naive();
    let [without_version, ..] = variants.as_slice() else { panic!("no variants") };
    let backwards = Variant { property: FORWARD, ..without_version.clone() };
    assert!(backwards.counterexample().is_some());
}

/// The one thing that the next true-up is needed for in a history without any failure.
#[test]
fn a_sudden_death_between_two_calls_is_left_to_the_next_true_up() {
    let variant = left_over();
    let history = variant.counterexample().expect("there is such a history");
    keep(variant.name, &page::tell(&variant, &history));
}
