//! What the check refuses: one plan for each violation, and its neighbour that passes.

use super::*;

/// A plan with these removals and additions, told to go first or last.
fn by_hand(actual: &[Rule], first: &[usize], last: &[usize], add: &[Addition]) -> Plan {
    let removal = |at: &usize| Removal {
        rule: OwnedRule::claim(&actual[*at], &mesh()).expect("an owned rule"),
        why: NotWanted::NoLongerDesired,
    };
    Plan {
        make_room: first.iter().map(removal).collect(),
        revoke: last.iter().map(removal).collect(),
        add: add.to_vec(),
        ..Plan::default()
    }
}

fn adding(desired: &Desired) -> Vec<Addition> {
    let addition = |(permission, origin): (&Permission, &Origin)| Addition {
        permission: *permission,
        origin: origin.clone(),
    };
    desired.wanted.iter().map(addition).collect()
}

#[test]
fn promise_2_to_revoke_a_rule_of_a_member_that_is_not_fully_known() {
    let actual = owned(&[7000], &[1]);
    let plan = by_hand(&actual, &[], &[0], &[]);
    let refused = Err(vec![Violation::RevokesUnknown(actual[0].id.clone())]);
    let mut desired = wanting(&[7000], &[]);
    assert_eq!(check(&plan, &desired, &actual, &policy()), Ok(()));
    desired.unknown.insert(member("west"));
    assert_eq!(check(&plan, &desired, &actual, &policy()), Ok(()), "it is east's");
    desired.unknown.insert(member("east"));
    assert_eq!(check(&plan, &desired, &actual, &policy()), refused);
    let mut seen_leaving = policy();
    seen_leaving.departed.insert((member("east"), permission(7000, 1).cidr));
    assert_eq!(check(&plan, &desired, &actual, &seen_leaving), Ok(()));
    seen_leaving.departed = BTreeSet::from([(member("west"), permission(7000, 1).cidr)]);
    assert_eq!(check(&plan, &desired, &actual, &seen_leaving), refused, "another's address");
}

#[test]
fn promise_2_to_revoke_a_rule_without_its_member_tag_while_anyone_is_unknown() {
    let mut actual = owned(&[7000], &[1]);
    actual[0].tags.remove(MEMBER_TAG);
    let plan = by_hand(&actual, &[], &[0], &[]);
    let mut desired = wanting(&[7000], &[]);
    assert_eq!(check(&plan, &desired, &actual, &policy()), Ok(()));
    desired.unknown.insert(member("west"));
    let refused = Err(vec![Violation::RevokesUnknown(actual[0].id.clone())]);
    assert_eq!(check(&plan, &desired, &actual, &policy()), refused);
}

#[test]
fn promise_4_to_revoke_first_although_the_group_has_room() {
    let actual = owned(&[7000], &[1, 2]);
    let desired = wanting(&[7000], &[2, 3, 4]);
    let add = &adding(&wanting(&[7000], &[3, 4]));
    let plan = by_hand(&actual, &[0], &[], add);
    let mut policy = Policy { rules_per_group: 4, ..policy() };
    assert_eq!(check(&plan, &desired, &actual, &policy), Err(vec![Violation::RevokesFirst]));
    policy.rules_per_group = 3;
    assert_eq!(check(&plan, &desired, &actual, &policy), Ok(()));
    // What is left out would have to fit, too.
    let mut plan = by_hand(&actual, &[0], &[], &add[..1]);
    plan.over_quota.push(add[1].clone());
    assert_eq!(check(&plan, &desired, &actual, &policy), Ok(()));
    policy.rules_per_group = 4;
    assert_eq!(check(&plan, &desired, &actual, &policy), Err(vec![Violation::RevokesFirst]));
}

#[test]
fn promise_7_to_open_what_nobody_wants() {
    let add = adding(&wanting(&[7000], &[1]));
    let plan = by_hand(&[], &[], &[], &add);
    let refused = Err(vec![Violation::OpensUnwanted(permission(7000, 1))]);
    assert_eq!(check(&plan, &wanting(&[7000], &[]), &[], &policy()), refused);
    assert_eq!(check(&plan, &wanting(&[7000], &[1]), &[], &policy()), Ok(()));
}

#[test]
fn promise_7_to_open_more_than_one_address_even_if_it_is_wanted() {
    let mut wide = permission(7000, 0);
    wide.cidr = "54.0.0.0/31".parse().expect("a cidr");
    let mut desired = wanting(&[7000], &[]);
    desired.wanted.insert(wide, origin(&member("east"), 0));
    let plan = by_hand(&[], &[], &[], &adding(&desired));
    let refused = Err(vec![Violation::OpensUnwanted(wide)]);
    assert_eq!(check(&plan, &desired, &[], &policy()), refused);
}

#[test]
fn to_open_twice() {
    let desired = wanting(&[7000], &[1]);
    let add = adding(&desired);
    let refused = Err(vec![Violation::OpensTwice(permission(7000, 1))]);
    let twice = by_hand(&[], &[], &[], &[add[0].clone(), add[0].clone()]);
    assert_eq!(check(&twice, &desired, &[], &policy()), refused);
    let plan = by_hand(&[], &[], &[], &add);
    for there in [rule(permission(7000, 1), None), rule(permission(7000, 1), Some("east"))] {
        assert_eq!(check(&plan, &desired, &[there], &policy()), refused);
    }
}

#[test]
fn to_fill_the_group_beyond_its_limit_in_either_family() {
    let mut desired = wanting(&[7000], &[1, 2, 3]);
    let tight = Policy { rules_per_group: 2, ..policy() };
    let refused = Err(vec![Violation::OverQuota { count: 3, limit: 2 }]);
    let plan = by_hand(&[], &[], &[], &adding(&desired));
    assert_eq!(check(&plan, &desired, &[], &tight), refused);
    desired.wanted = (1..=3).map(|host| (v6(host), origin(&member("east"), host))).collect();
    let plan = by_hand(&[], &[], &[], &adding(&desired));
    assert_eq!(check(&plan, &desired, &[], &tight), refused);
    // Two of each fit, and so do two beside a group that others have overfilled.
    desired.wanted.pop_last();
    desired.wanted.extend(wanting(&[7000], &[1, 2]).wanted);
    let plan = by_hand(&[], &[], &[], &adding(&desired));
    assert_eq!(check(&plan, &desired, &[], &tight), Ok(()));
    desired.wanted.retain(|permission, _| !permission.cidr.is_ipv4());
    let theirs: Vec<Rule> = (10..14).map(|host| rule(permission(22, host), None)).collect();
    let plan = by_hand(&[], &[], &[], &adding(&desired));
    assert_eq!(check(&plan, &desired, &theirs, &tight), Ok(()));
}

#[test]
fn a_reference_takes_a_place_in_both_families() {
    let mut reference = rule(permission(22, 9), None);
    reference.source = Source::PrefixList("pl-1".to_owned());
    let tight = Policy { rules_per_group: 1, ..policy() };
    for wanted in [permission(7000, 1), v6(1)] {
        let mut desired = wanting(&[7000], &[]);
        desired.wanted.insert(wanted, origin(&member("east"), 1));
        let plan = by_hand(&[], &[], &[], &adding(&desired));
        let refused = Err(vec![Violation::OverQuota { count: 2, limit: 1 }]);
        assert_eq!(check(&plan, &desired, std::slice::from_ref(&reference), &tight), refused);
    }
}

#[test]
fn removals_that_the_guard_holds() {
    let desired = wanting(&[7000], &[]);
    for (there, gone, passes) in [(4, 2, true), (4, 3, false), (6, 3, true), (5, 3, false)] {
        let hosts: Vec<u8> = (1..=there).collect();
        let actual = owned(&[7000], &hosts);
        let removed: Vec<usize> = (0..gone).collect();
        let mut plan = by_hand(&actual, &[], &removed, &[]);
        let left = by_hand(&actual, &[], &(gone..usize::from(there)).collect::<Vec<_>>(), &[]);
        plan.held = left.revoke;
        let refused = Err(vec![Violation::Unguarded(gone, there.into())]);
        let expected = if passes { Ok(()) } else { refused };
        assert_eq!(check(&plan, &desired, &actual, &policy()), expected, "{gone} of {there}");
        let allowed = Policy { allow_removals: true, ..policy() };
        assert_eq!(check(&plan, &desired, &actual, &allowed), Ok(()));
    }
}

#[test]
fn removals_that_only_claim_to_be_exempt_from_the_guard() {
    let desired = wanting(&[7000], &[]);
    let actual = owned(&[7000], &[1, 2, 3, 4]);
    let mut plan = by_hand(&actual, &[], &[0, 1, 2, 3], &[]);
    plan.revoke.iter_mut().for_each(|removal| removal.why = NotWanted::Departed);
    let mut policy = policy();
    policy.departed = (1..=3).map(|host| (member("east"), permission(7000, host).cidr)).collect();
    let refused = Err(vec![Violation::Unguarded(0, 4)]);
    assert_eq!(check(&plan, &desired, &actual, &policy), refused);
    policy.departed.insert((member("east"), permission(7000, 4).cidr));
    assert_eq!(check(&plan, &desired, &actual, &policy), Ok(()));
}

#[test]
fn to_leave_something_out_or_there_without_saying_so() {
    let desired = wanting(&[7000], &[1]);
    let actual = owned(&[7000], &[2]);
    let missing = Violation::LeavesOut(permission(7000, 1));
    let stale = Violation::LeavesStale(actual[0].id.clone());
    let mut plan = Plan::default();
    let found = |plan: &Plan| check(plan, &desired, &actual, &policy());
    assert_eq!(found(&plan), Err(vec![missing, stale.clone()]));
    plan.over_quota = adding(&desired);
    assert_eq!(found(&plan), Err(vec![stale]));
    let removals = by_hand(&actual, &[], &[0], &[]).revoke;
    plan.frozen.clone_from(&removals);
    assert_eq!(found(&plan), Ok(()));
    (plan.frozen, plan.held) = (Vec::new(), removals);
    assert_eq!(found(&plan), Ok(()));
}
