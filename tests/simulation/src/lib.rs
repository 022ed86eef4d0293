//! The in-memory world that the promises are held against.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "tests fail by panicking, and so may what they share"
)]

pub mod script;
pub mod world;
