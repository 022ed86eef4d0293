//! What is wrong with a mesh document: everything at once, each with its path.

use std::cell::RefCell;
use std::fmt;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The place in the document, such as `member[1].security_groups[0]`; empty
    /// for the document as a whole.
    pub path: String,
    /// What is wrong there.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.detail)
    }
}

/// A mesh document that is not valid, with every problem found: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The problems, in the order of reading.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the mesh document has 1 problem:")?,
            count => write!(f, "the mesh document has {count} problems:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Invalid {}

/// The problems found so far. Shared by everything that reads one document, so
/// that a reader goes on after a problem instead of handing it up.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, path: impl Into<String>, detail: impl Into<String>) {
        self.0.borrow_mut().push(Problem { path: path.into(), detail: detail.into() });
    }

    /// The value, unless something was wrong on the way to it.
    pub(super) fn unless_any<T>(self, value: Option<T>) -> Result<T, Invalid> {
        let problems = self.0.into_inner();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(Invalid { problems }),
        }
    }
}

/// The longest text of others that a message repeats, in characters.
const QUOTED_LEN: usize = 64;

/// Text of unknown origin as a message shows it: escaped, since messages are
/// single lines of a log, and cut off where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_LEN).flat_map(char::escape_debug).collect();
    if text.chars().nth(QUOTED_LEN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_bounded_line() {
        assert_eq!(quoted("us-east-1"), "`us-east-1`");
        assert_eq!(quoted("a\nb\u{1b}[31m"), r"`a\nb\u{1b}[31m`");
        assert_eq!(quoted(&"é".repeat(QUOTED_LEN)), format!("`{}`", "é".repeat(QUOTED_LEN)));
        assert_eq!(quoted(&"é".repeat(9999)), format!("`{}…`", "é".repeat(QUOTED_LEN)));
    }
}
