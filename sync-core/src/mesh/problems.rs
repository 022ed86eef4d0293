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

/// The most problems that are looked for. A person mends fewer at a time, and a document
/// of nothing but problems would take a function's memory and time.
const MAX_PROBLEMS: usize = 100;

impl Problems {
    pub(super) fn add(&self, path: impl Into<String>, detail: impl Into<String>) {
        let mut found = self.0.borrow_mut();
        match found.len() {
            0..MAX_PROBLEMS => found.push(Problem { path: path.into(), detail: detail.into() }),
            MAX_PROBLEMS => {
                let detail = format!("and more; reading stopped after {MAX_PROBLEMS} problems");
                found.push(Problem { path: String::new(), detail });
            }
            _ => {}
        }
    }

    /// Whether no more are looked for.
    pub(super) fn is_full(&self) -> bool {
        self.0.borrow().len() > MAX_PROBLEMS
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

/// The longest text of others that a message repeats, in characters as they are shown.
const QUOTED_LEN: usize = 64;

/// Text of unknown origin as a message shows it: escaped, since messages are
/// single lines of a log, and cut off where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    let mut left = QUOTED_LEN;
    for c in text.chars() {
        let escaped = c.escape_debug();
        let Some(rest) = left.checked_sub(escaped.len()) else {
            shown.push('…');
            break;
        };
        left = rest;
        shown.extend(escaped);
    }
    format!("`{shown}`")
}

/// The longest part of another crate's message that is repeated, in characters:
/// such messages quote values of any length.
const DETAIL_LEN: usize = 240;

/// Another crate's message as one line of bounded length.
pub(crate) fn bounded(detail: &str) -> String {
    let safe = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = detail.chars().take(DETAIL_LEN).map(safe).collect();
    if detail.chars().nth(DETAIL_LEN).is_some() {
        shown.push('…');
    }
    shown
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
        assert_eq!(quoted(&"\n".repeat(9999)), format!("`{}…`", r"\n".repeat(QUOTED_LEN / 2)));
    }

    #[test]
    fn anothers_message_is_one_bounded_line() {
        assert_eq!(bounded("a\nb\u{0}c"), "a b c");
        assert_eq!(bounded(&"é".repeat(DETAIL_LEN)), "é".repeat(DETAIL_LEN));
        assert_eq!(bounded(&"é".repeat(9999)), format!("{}…", "é".repeat(DETAIL_LEN)));
    }

    #[test]
    fn of_very_many_problems_the_first_are_kept_and_it_says_so() {
        let found = |count| {
            let problems = Problems::default();
            (0..count).for_each(|at| problems.add(format!("[{at}]"), "is wrong"));
            assert_eq!(problems.is_full(), count > MAX_PROBLEMS);
            problems.unless_any(Some(())).map_err(|invalid| invalid.problems)
        };
        assert_eq!(found(0), Ok(()));
        assert_eq!(found(MAX_PROBLEMS).map_err(|kept| kept.len()), Err(MAX_PROBLEMS));
        let kept = found(MAX_PROBLEMS + 2).expect_err("problems");
        assert_eq!(kept.len(), MAX_PROBLEMS + 1);
        assert_eq!(kept[MAX_PROBLEMS].to_string(), "and more; reading stopped after 100 problems");
    }
}
