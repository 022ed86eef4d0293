//! What to do next, for errors that a person can do something about.

use crate::screen::{WAITS, paint};

/// Words of an error, and what to do about it.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["NoCredentials"],
        "no credentials were found: sign in (`aws sso login`), or name a profile with --profile",
    ),
    (
        &["ExpiredToken", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClient"],
        "AWS does not take these credentials any more: sign in again (`aws sso login`)",
    ),
    (
        &["UnauthorizedOperation", "AccessDenied", "NotAuthorized", "AuthFailure"],
        "AWS denied a call that is named above: -v shows its request id; what an operator needs is \
         in docs/cli.md",
    ),
    (
        &["RegionDisabledException", "OptInRequired"],
        "enable the region for this account, or take the member out of the document",
    ),
    (
        &["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound", "ResourceNotFoundException"],
        "something that the document names is not there: `sgsync check --online` lists what",
    ),
    (
        &["WorldMoved"],
        "the world moved after the plan was shown, and nothing that was not in it was done: run \
         `sgsync apply` again",
    ),
    (
        &["RulesPerSecurityGroupLimitExceeded"],
        "the group is full: ask AWS for a higher quota (L-0EA8095F), then raise `rules_per_group`",
    ),
    (
        &["Timeout", "NoAnswer"],
        "a region did not answer: what could not be seen there was not touched; try again (`plan` and \
         `apply` wait longer with --timeout)",
    ),
];

/// A line for each thing to do about these errors.
pub(crate) fn next<'a>(errors: impl IntoIterator<Item = &'a str>) -> String {
    let mark = paint(WAITS, "next:");
    hints(errors).into_iter().flat_map(|hint| [mark.as_str(), " ", hint, "\n"]).collect()
}

/// What to do about the errors in a text, each hint once.
fn hints<'a>(errors: impl IntoIterator<Item = &'a str>) -> Vec<&'static str> {
    let errors: Vec<&str> = errors.into_iter().collect();
    let meant = |words: &[&str]| words.iter().any(|word| errors.iter().any(|e| e.contains(word)));
    HINTS.iter().filter(|(words, _)| meant(words)).map(|(_, hint)| *hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_is_given_once_and_only_where_it_helps() {
        let denied = "ec2:DescribeSecurityGroupRules: UnauthorizedOperation: You are not";
        assert_eq!(hints([denied, denied]).len(), 1);
        assert!(hints([denied])[0].contains("-v"));
        assert!(hints(["everything is fine"]).is_empty());
        assert_eq!(hints([denied, "ec2:DescribeInstances: Timeout: no answer"]).len(), 2);
    }
}
