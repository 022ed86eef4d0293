//! A mesh as one page of HTML, for auditors and for looking: a picture, findings, and every rule
//! with a search. It needs no network and no server, and shows text of others as text.
//!
//! No clock and no AWS: what is shown, and when it was seen, comes as a [`Snapshot`].

mod page;
mod picture;
mod policy;
mod snapshot;
mod tables;
mod text;

pub use snapshot::{
    Finding, Group, Health, Member, Quota, Reach, Rule, Severity, Snapshot, Standing, Target,
};

/// The page, complete: style, script and picture are in it.
#[must_use]
pub fn html(snapshot: &Snapshot) -> String {
    page::page(snapshot).into_string()
}
