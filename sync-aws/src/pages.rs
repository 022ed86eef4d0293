//! Walking the pages of a list call to the end, and no further.

use std::collections::BTreeSet;

use sync_core::ports::{CallError, Called, Failure};

/// Pages of one list call, far beyond anything a mesh has: a hundred thousand rules
/// at 1,000 a page.
const MAX_PAGES: usize = 100;

/// The pages of one list call.
pub(crate) struct Pages {
    call: &'static str,
    max: usize,
    tokens: BTreeSet<String>,
}

impl Pages {
    pub(crate) fn of(call: &'static str) -> Self {
        Self::at_most(call, MAX_PAGES)
    }

    /// The pages of a call that has more of them than a list.
    pub(crate) fn at_most(call: &'static str, max: usize) -> Self {
        Self { call, max, tokens: BTreeSet::new() }
    }

    /// The token of the page to read next; none after the last. A short or empty page
    /// with a token is not the last (`facts/aws.md`, section 3).
    ///
    /// # Errors
    /// When the list does not end. An incomplete one must not pass for a whole one.
    pub(crate) fn after(&mut self, token: Option<&str>) -> Called<Option<String>> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        if !self.tokens.insert(token.to_owned()) {
            return Err(self.endless("the same page token came twice".to_owned()));
        }
        if self.tokens.len() >= self.max {
            return Err(self.endless(format!("more than {} pages", self.max)));
        }
        Ok(Some(token.to_owned()))
    }

    fn endless(&self, message: String) -> CallError {
        CallError {
            call: self.call,
            kind: Failure::Unavailable,
            code: "EndlessPages".to_owned(),
            message,
            request_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_or_an_empty_one_ends_the_list() {
        let mut pages = Pages::of("ec2:DescribeInstances");
        assert_eq!(pages.after(Some("a")), Ok(Some("a".to_owned())));
        assert_eq!(pages.after(Some("")), Ok(None));
        assert_eq!(pages.after(None), Ok(None));
    }

    #[test]
    fn a_list_that_does_not_end_is_an_error() {
        let mut repeats = Pages::of("ec2:DescribeInstances");
        assert!(repeats.after(Some("a")).is_ok());
        assert!(repeats.after(Some("b")).is_ok());
        let error = repeats.after(Some("a")).expect_err("a repeated token");
        assert_eq!((error.kind, error.code.as_str()), (Failure::Unavailable, "EndlessPages"));

        let mut many = Pages::of("ec2:DescribeInstances");
        let walk = (0..2 * MAX_PAGES).map(|n| many.after(Some(&n.to_string())));
        assert_eq!(walk.take_while(Result::is_ok).count() + 1, MAX_PAGES);
    }
}
