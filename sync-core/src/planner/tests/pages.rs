//! Lists of rules that come in pages while others change the group: a rule can be shown
//! twice, and differently.

use super::*;

/// Shown on two pages: once as it is, once after `change`.
fn twice(rule: &Rule, change: impl FnOnce(&mut Rule)) -> [Rule; 2] {
    let mut again = rule.clone();
    change(&mut again);
    [rule.clone(), again]
}

#[test]
fn a_rule_on_two_pages_is_one_rule() {
    let unwanted = twice(&owned(&[7000], &[1])[0], |_| {});
    let plan = planned(&wanting(&[7000], &[]), &unwanted, &policy());
    assert_eq!(hosts(&plan.revoke), ["54.0.0.1/32"]);
    let mut policy = policy();
    policy.rules_per_group = 2;
    let plan = planned(&wanting(&[7000], &[1, 2]), &unwanted, &policy);
    assert_eq!((plan.add.len(), plan.over_quota.len()), (1, 0), "it takes one place");
}

#[test]
fn the_guard_counts_a_rule_on_two_pages_once() {
    let mut actual = owned(&[7000], &[1, 2, 3, 4, 5]);
    let desired = wanting(&[7000], &[4, 5]);
    assert_eq!(planned(&desired, &actual, &policy()).held.len(), 3);
    actual.extend_from_within(3..);
    assert_eq!(planned(&desired, &actual, &policy()).held.len(), 3, "three of five, not of seven");
}

#[test]
fn promise_1_a_rule_that_one_page_shows_as_foreign_is_not_revoked() {
    let rule = &owned(&[7000], &[1])[0];
    let [before, after] = twice(rule, |again| again.tags.clear());
    for actual in [[before.clone(), after.clone()], [after, before]] {
        let plan = planned(&wanting(&[7000], &[]), &actual, &policy());
        assert!(plan.is_empty(), "{plan:?}");
        assert_eq!((plan.frozen.len(), plan.foreign.len()), (1, 1));
    }
}

#[test]
fn promise_2_a_rule_that_two_pages_show_differently_is_not_revoked() {
    let rule = &owned(&[7000], &[1])[0];
    let [before, after] = twice(rule, |again| again.source = Source::Cidr(permission(1, 2).cidr));
    for actual in [[before.clone(), after.clone()], [after, before]] {
        for wanted in [&[][..], &[1], &[2]] {
            let plan = planned(&wanting(&[7000], wanted), &actual, &policy());
            assert!(plan.is_empty(), "{plan:?}");
            assert_eq!(plan.frozen.len(), 2 - wanted.len());
        }
    }
}

#[test]
fn the_check_refuses_to_revoke_what_two_pages_show_differently() {
    let rule = &owned(&[7000], &[1])[0];
    let desired = wanting(&[7000], &[]);
    let sure = plan(&desired, std::slice::from_ref(rule), &policy());
    let found = |[before, after]: [Rule; 2]| {
        let first = check(&sure, &desired, &[before.clone(), after.clone()], &policy());
        assert_eq!(first, check(&sure, &desired, &[after, before], &policy()));
        first.expect_err("a violation")
    };
    let id = || rule.id.clone();
    let foreign = found(twice(rule, |again| again.tags.clear()));
    assert_eq!(foreign, [Violation::RevokesForeign(id()), Violation::RevokesUnknown(id())]);
    let changed = found(twice(rule, |again| again.description = Some("x".to_owned())));
    assert_eq!(changed, [Violation::RevokesUnknown(id())]);
}
