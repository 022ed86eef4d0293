//! The entries of sync-core's own tests, for libFuzzer to drive.

#[path = "../../sync-core/tests/hostile/entries/mod.rs"]
pub mod entries;
