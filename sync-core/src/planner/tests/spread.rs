//! Rules dealt out over several groups.

use proptest::prelude::*;

use super::laws::{applied, worlds};
use super::*;
use crate::ingress::Ingress;
use crate::names::SecurityGroupId;

fn empty(count: usize) -> Groups {
    (0..count).map(|number| (group(number), Ingress::default())).collect()
}

fn group(number: usize) -> SecurityGroupId {
    SecurityGroupId::new(format!("sg-{number}"))
}

fn shares(desired: &Desired, actual: &Groups) -> BTreeMap<SecurityGroupId, Desired> {
    deal(desired, actual, &|_, _| false, &policy())
}

/// A round: all groups are planned from one look, and every plan is carried out. `seen` is
/// asked after every single plan.
fn round(
    desired: &Desired,
    actual: &Groups,
    policy: &Policy,
    seen: &mut dyn FnMut(&Groups),
) -> Groups {
    let shares = deal(desired, actual, &|_, _| false, policy);
    let mut after = actual.clone();
    for (id, rules) in actual {
        let plan = plan(&shares[id], rules, policy);
        assert_eq!(check(&plan, &shares[id], rules, policy), Ok(()), "{id}");
        assert_eq!(check_dealt((id, &plan), desired, &shares, actual, policy), []);
        after.insert(id.clone(), applied(&plan, rules).into());
        seen(&after);
    }
    after
}

/// How often each permission is open by a rule of the mesh.
fn open(actual: &Groups) -> BTreeMap<Permission, usize> {
    let mut open = BTreeMap::new();
    let ours = actual.values().flatten().filter(|rule| rule.is_owned_by(&mesh()));
    ours.filter_map(Rule::permission).for_each(|p| *open.entry(p).or_default() += 1);
    open
}

/// Groups in which all of this is open, once.
fn settled(desired: &Desired, count: usize) -> Groups {
    let actual = round(desired, &empty(count), &policy(), &mut |_| {});
    assert!(open(&actual).values().all(|times| *times == 1));
    assert_eq!(open(&actual).len(), desired.wanted.len());
    actual
}

fn ids(actual: &Groups) -> BTreeSet<(SecurityGroupId, RuleId)> {
    let of = |(id, rules): (&SecurityGroupId, &Ingress)| {
        rules.iter().map(|rule| (id.clone(), rule.id.clone())).collect::<Vec<_>>()
    };
    actual.iter().flat_map(of).collect()
}

#[test]
fn rules_are_dealt_out_evenly_and_none_twice() {
    let roomy = Policy { rules_per_group: 60, ..policy() };
    let hosts: Vec<u8> = (1..=90).collect();
    let actual = round(&wanting(&[7000], &hosts), &empty(3), &roomy, &mut |_| {});
    assert_eq!(open(&actual).len(), 90);
    assert!(actual.values().all(|rules| rules.len() > 20), "{actual:#?}");
}

#[test]
fn an_address_or_a_group_more_moves_nothing() {
    let before = settled(&wanting(&[7000, 7001], &[1, 2, 3, 4]), 2);
    let mut more = before.clone();
    more.insert(group(7), Ingress::default());
    for actual in [before.clone(), more] {
        let after =
            round(&wanting(&[7000, 7001], &[0, 1, 2, 3, 4]), &actual, &policy(), &mut |_| {});
        assert!(ids(&after).is_superset(&ids(&before)));
        assert_eq!(ids(&after).len(), ids(&before).len() + 2);
        let of_new =
            |rules: &&Ingress| rules.iter().any(|rule| rule.source.to_string() == "54.0.0.0/32");
        assert_eq!(after.values().filter(of_new).count(), 1, "an instance goes in whole");
    }
}

#[test]
fn what_is_open_twice_stays_where_every_run_says_and_the_guard_does_not_count_it() {
    let desired = wanting(&[7000], &[1, 2, 3, 4, 5]);
    let rules = owned(&[7000], &[1, 2, 3, 4, 5]);
    let twice = Groups::from([(group(0), rules.clone().into()), (group(1), rules.clone().into())]);
    let once = round(&desired, &twice, &policy(), &mut |now| assert_eq!(open(now).len(), 5));
    assert!(open(&once).values().all(|times| *times == 1));
    let mut thrice = twice.clone();
    thrice.insert(group(2), rules.into());
    // Of two groups the same one comes first, whatever others there are.
    let kept = |actual: &Groups, id: usize| -> BTreeSet<RuleId> {
        let share = &shares(&desired, actual)[&group(id)];
        share.wanted.keys().map(|p| RuleId::new(format!("sgr-{p}"))).collect()
    };
    for id in 0..2 {
        assert!(kept(&thrice, id).is_subset(&kept(&twice, id)));
    }
}

#[test]
fn who_finds_no_room_in_one_group_goes_into_another_and_else_is_named() {
    let hosts: Vec<u8> = (1..=16).collect();
    let actual = settled(&wanting(&[7000], &hosts), 2);
    assert!(actual.values().all(|rules| rules.len() == LIMIT as usize));
    let more: Vec<u8> = (1..=17).collect();
    let desired = wanting(&[7000], &more);
    let left_out: usize = shares(&desired, &actual)
        .iter()
        .map(|(id, share)| planned(share, &actual[id], &policy()).over_quota.len())
        .sum();
    assert_eq!(left_out, 1);
    let refuses = |id: &SecurityGroupId, _| *id == group(0);
    let dealt = deal(&desired, &empty(2), &refuses, &Policy { rules_per_group: 60, ..policy() });
    assert!(dealt[&group(0)].wanted.is_empty(), "AWS has no room there");
}

#[test]
fn the_dead_make_room_where_no_group_has_any() {
    let hosts: Vec<u8> = (1..=16).collect();
    let actual = settled(&wanting(&[7000], &hosts), 2);
    let left: Vec<u8> = (2..=17).collect();
    let desired = wanting(&[7000], &left);
    let after = round(&desired, &actual, &policy(), &mut |_| {});
    assert_eq!(
        open(&after).into_keys().collect::<BTreeSet<_>>(),
        desired.wanted.keys().copied().collect()
    );
}

#[test]
fn nobody_goes_first_while_another_group_has_room() {
    let desired = wanting(&[7000], &[100]);
    // Where the new one would go by rank is a full group of dead ones, in one case or the other.
    for full in 0..2 {
        let mut actual = empty(2);
        actual.insert(group(full), owned(&[7000], &[1, 2, 3, 4, 5, 6, 7, 8]).into());
        for (id, share) in shares(&desired, &actual) {
            let plan = planned(&share, &actual[&id], &Policy { allow_removals: true, ..policy() });
            assert!(plan.make_room.is_empty(), "{id}: {plan:#?}");
        }
    }
}

#[test]
fn a_foreign_rule_in_any_group_is_enough() {
    let desired = wanting(&[7000], &[1]);
    for id in 0..2 {
        let mut actual = empty(2);
        actual.insert(group(id), vec![rule(permission(7000, 1), None)].into());
        assert_eq!(open(&round(&desired, &actual, &policy(), &mut |_| {})), BTreeMap::new());
    }
}

#[test]
fn the_check_knows_a_wrong_hand() {
    let desired = wanting(&[7000], &[1]);
    let rules = owned(&[7000], &[1]);
    let actual = Groups::from([(group(0), rules.into()), (group(1), Ingress::default())]);
    let right = shares(&desired, &actual);
    let mut wrong = right.clone();
    wrong.insert(group(0), right[&group(1)].clone());
    let judge = |shares: &BTreeMap<_, _>, plan: &Plan| {
        check_dealt((&group(0), plan), &desired, shares, &actual, &policy())
    };
    assert_eq!(judge(&right, &Plan::default()), []);
    assert_eq!(judge(&wrong, &Plan::default()), [Violation::Misdealt(permission(7000, 1))]);
    // To be opened in the other group, and closed here before it is.
    wrong.insert(group(1), right[&group(0)].clone());
    let closing = plan(&wrong[&group(0)], &actual[&group(0)], &policy());
    let id = actual[&group(0)][0].id.clone();
    assert_eq!(judge(&wrong, &closing), [Violation::RevokesWanted(id)]);
    wrong.insert(group(0), right[&group(0)].clone());
    assert_eq!(judge(&wrong, &Plan::default()), [Violation::Misdealt(permission(7000, 1))]);
}

proptest! {
    #[test]
    fn whatever_the_groups_hold_nobody_is_shut_out_and_it_ends(
        (desired, rules, policy) in worlds(), places in prop::collection::vec(0usize..7, 14)
    ) {
        // Each rule in one group or in several.
        let mut actual = empty(3);
        for (rule, places) in rules.iter().zip(places) {
            for (number, rules) in actual.values_mut().enumerate() {
                if (places + 1) & (1 << number) != 0 {
                    rules.rules.push(rule.clone());
                }
            }
        }
        let shown = |now: &Groups| -> BTreeSet<Permission> {
            let all = now.values().flatten().filter_map(Rule::permission);
            all.filter(|permission| desired.wanted.contains_key(permission)).collect()
        };
        for _ in 0..4 {
            let before = shown(&actual);
            actual = round(&desired, &actual, &policy, &mut |now| assert!(shown(now).is_superset(&before)));
        }
        let shares = deal(&desired, &actual, &|_, _| false, &policy);
        for (id, rules) in &actual {
            prop_assert!(plan(&shares[id], rules, &policy).is_empty());
        }
    }
}
