//! What the end-to-end tests stand on.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "tests fail by panicking, and so may what they share"
)]

pub mod world;
