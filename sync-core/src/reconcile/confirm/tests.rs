//! What the simulation cannot bring about: a plan that does not pass its check.

use super::*;
use crate::planner::Violation;
use crate::ports::Failure;

fn refused() -> Target {
    Target { violations: vec![Violation::RevokesForeign("sgr-1".into())], ..Target::default() }
}

fn error(kind: Failure) -> CallError {
    let (code, message) = ("Code".to_owned(), "message".to_owned());
    CallError { call: "ec2:AuthorizeSecurityGroupIngress", kind, code, message, request_id: None }
}

#[test]
fn a_plan_that_was_refused_confirms_only_what_was_confirmed_before() {
    let nothing = BTreeSet::new();
    assert_eq!(refused().standing(true, &nothing), Standing::Confirmed);
    assert_eq!(refused().standing(false, &nothing), Standing::Refused);
    let failed = Target { error: Some(error(Failure::Throttled)), ..refused() };
    assert_eq!(failed.standing(false, &nothing), Standing::Refused, "trying again is no help");
}

#[test]
fn a_refused_plan_is_worse_than_anything_that_can_fail() {
    let standings = [
        Standing::Confirmed,
        Standing::Unconfirmed,
        Standing::Failed(error(Failure::Throttled)),
        Standing::NoRoom,
        Standing::Failed(error(Failure::Denied)),
        Standing::Refused,
    ];
    assert!(standings.is_sorted_by_key(rank));
    assert_eq!(standings.iter().map(rank).collect::<BTreeSet<_>>().len(), standings.len());
}
