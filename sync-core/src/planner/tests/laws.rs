//! What holds for every plan.

use proptest::prelude::*;

use super::*;

/// A world in which rules, rows and departures overlap in every way.
pub(super) fn worlds() -> impl Strategy<Value = (Desired, Vec<Rule>, Policy)> {
    let wanted =
        prop::collection::btree_set((prop::sample::select(vec![7000u16, 7001]), 0u8..12), 0..12);
    let rules = prop::collection::btree_map(
        (prop::sample::select(vec![22u16, 7000, 7001]), 0u8..12),
        prop::sample::select(vec![None, Some("east"), Some("west"), Some("south"), Some("")]),
        0..14,
    );
    let unknown = prop::collection::btree_set(prop::sample::select(vec!["east", "west"]), 0..2);
    let departed =
        prop::collection::btree_set((prop::sample::select(vec!["east", "west"]), 0u8..12), 0..4);
    let contested = prop::collection::btree_set(0u8..12, 0..3);
    (wanted, rules, unknown, contested, departed, any::<bool>(), 1u32..16).prop_map(
        |(wanted, rules, unknown, contested, departed, allow_removals, rules_per_group)| {
            let whose = |host: u8| member(if host.is_multiple_of(2) { "east" } else { "west" });
            let desired = Desired {
                wanted: wanted
                    .into_iter()
                    .map(|(port, host)| (permission(port, host), origin(&whose(host), host)))
                    .collect(),
                unknown: unknown.into_iter().map(member).collect(),
                members: BTreeSet::from([member("east"), member("west")]),
                contested: contested.into_iter().map(|host| permission(7000, host).cidr).collect(),
                elsewhere: BTreeMap::new(),
            };
            let actual = rules
                .into_iter()
                .map(|((port, host), owner)| {
                    let mut rule = rule(permission(port, host), owner);
                    rule.tags.retain(|_, value| !value.is_empty());
                    rule
                })
                .collect();
            let departed = departed
                .into_iter()
                .map(|(name, host)| (member(name), permission(7000, host).cidr))
                .collect();
            let policy = Policy { rules_per_group, departed, allow_removals, ..policy() };
            (desired, actual, policy)
        },
    )
}

/// The group after the plan.
pub(super) fn applied(plan: &Plan, actual: &[Rule]) -> Vec<Rule> {
    let gone: BTreeSet<_> = plan.removals().map(|r| r.rule.rule().id.clone()).collect();
    let left = actual.iter().filter(|rule| !gone.contains(&rule.id)).cloned();
    let added = plan.add.iter().map(|a| rule(a.permission, Some(a.origin.member.as_str())));
    left.chain(added).collect()
}

proptest! {
    #[test]
    fn every_plan_passes_the_check((desired, actual, policy) in worlds()) {
        let plan = plan(&desired, &actual, &policy);
        prop_assert_eq!(check(&plan, &desired, &actual, &policy), Ok(()));
    }

    #[test]
    fn every_permission_is_in_exactly_one_place((desired, actual, policy) in worlds()) {
        let plan = plan(&desired, &actual, &policy);
        for wanted in desired.wanted.keys() {
            let places = [
                plan.add.iter().any(|a| a.permission == *wanted),
                plan.keep.contains(wanted),
                plan.foreign_satisfied.contains(wanted),
                plan.over_quota.iter().any(|a| a.permission == *wanted),
            ];
            prop_assert_eq!(places.iter().filter(|in_it| **in_it).count(), 1);
        }
        let ours = plan.keep.len() + plan.removals().count() + plan.held.len() + plan.frozen.len();
        prop_assert_eq!(ours + plan.foreign.len(), actual.len());
    }

    #[test]
    fn a_second_plan_asks_for_nothing_but_what_now_fits((desired, actual, policy) in worlds()) {
        let mut group = actual.clone();
        for _ in 0..3 {
            group = applied(&plan(&desired, &group, &policy), &group);
        }
        prop_assert!(plan(&desired, &group, &policy).is_empty());
    }
}
