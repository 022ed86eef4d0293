//! Hostile input: whatever arrives as a mesh document, an event, a mirror's items or a
//! group's rules, nothing panics, nothing is opened that the document does not ask for,
//! nothing foreign is closed, and no message repeats more than a bounded line of it.
//!
//! The entries here are the fuzz targets' too (`fuzz/`). `SGSYNC_CASES` sets how many
//! inputs of each kind are tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "tests fail by panicking, and so may what they share"
)]
#![allow(unreachable_pub, reason = "a test has no outside")]

mod corpus;
mod entries;
mod generated;
