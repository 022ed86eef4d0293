//! How much of a hostile text may come back in what we say about it.

/// The longest message about one event, row or rule, in bytes.
pub const MESSAGE: usize = 4096;

/// The longest problem of a mesh document: it may list the names of two dozen members.
pub const PROBLEM: usize = 8 * 1024;

/// The most problems that are shown of one document, and the line that counts the rest.
pub const PROBLEMS: usize = 101;

/// A message is one line of a log, and no longer than `limit` however long its subject is.
pub fn line(text: &str, limit: usize) {
    let start: String = text.chars().take(200).collect();
    assert!(text.len() <= limit, "a message of {} bytes: {start}", text.len());
    assert!(!text.chars().any(char::is_control), "control characters in a message: {start:?}");
}
