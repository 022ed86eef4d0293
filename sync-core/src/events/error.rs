//! Why a message is refused.

use std::fmt::Display;

use crate::mesh::{bounded, quoted};

/// Why a message is refused. None of these passes by waiting: the same message
/// is refused again, and ends in the dead-letter queue.
///
/// `at` is the path in the payload, such as `Records[3].body.detail.EC2InstanceId`,
/// or `the event` for all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Text that should hold JSON and does not: cut off, or something else.
    #[error("{at} is not JSON: {detail}")]
    NotJson {
        /// Where.
        at: String,
        /// What the parser met, with line and column.
        detail: String,
    },
    /// Text longer than any message of SQS or SNS.
    #[error("{at} is {bytes} bytes long; at most {limit} are read")]
    TooLong {
        /// Where.
        at: String,
        /// The text's length.
        bytes: usize,
        /// The longest that is read.
        limit: usize,
    },
    /// JSON that is no event this code knows.
    #[error("{at} has no known shape: {detail}")]
    Unknown {
        /// Where.
        at: String,
        /// What it looks like.
        detail: String,
    },
    /// A known event with a value missing, of the wrong type, or out of place.
    #[error("{at}: {detail}")]
    Malformed {
        /// Where.
        at: String,
        /// What is wrong there.
        detail: String,
    },
    /// An event about something that is not this member's.
    #[error("{at}: {found} is another {what}; this function answers for {expected}")]
    NotOurs {
        /// Where.
        at: String,
        /// What kind of thing it is: an account, a region, a group.
        what: &'static str,
        /// What the event names, as a message shows it.
        found: String,
        /// What it had to name.
        expected: String,
    },
}

/// How a message calls the payload itself.
const WHOLE: &str = "the event";

/// A path in the payload.
#[derive(Clone, Debug, Default)]
pub(super) struct At(String);

impl At {
    /// One level down.
    pub(super) fn key(&self, key: impl Display) -> Self {
        Self(if self.0.is_empty() { key.to_string() } else { format!("{}.{key}", self.0) })
    }

    fn shown(&self) -> String {
        // Bounded too: a path may end in an unknown key.
        if self.0.is_empty() { WHOLE.to_owned() } else { bounded(&self.0) }
    }

    pub(super) fn not_json(&self, error: &serde_json::Error) -> EventError {
        EventError::NotJson { at: self.shown(), detail: bounded(&error.to_string()) }
    }

    pub(super) fn too_long(&self, bytes: usize, limit: usize) -> EventError {
        EventError::TooLong { at: self.shown(), bytes, limit }
    }

    pub(super) fn unknown(&self, detail: impl Into<String>) -> EventError {
        EventError::Unknown { at: self.shown(), detail: detail.into() }
    }

    pub(super) fn malformed(&self, detail: impl AsRef<str>) -> EventError {
        EventError::Malformed { at: self.shown(), detail: bounded(detail.as_ref()) }
    }

    pub(super) fn not_ours(&self, what: &'static str, found: &str, expected: String) -> EventError {
        EventError::NotOurs { at: self.shown(), what, found: quoted(found), expected }
    }
}
