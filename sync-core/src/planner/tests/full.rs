//! What fits into a group, and what has to go for it.

use super::*;

#[test]
fn promise_4_adds_come_first_unless_the_group_is_full() {
    let mut policy = policy();
    policy.guard.max_removals = 99;
    let full: Vec<u8> = (1..=8).collect();
    let roomy = planned(&wanting(&[7000], &[1, 2, 3, 9]), &owned(&[7000], &full[..7]), &policy);
    assert!(roomy.make_room.is_empty());
    let plan = planned(&wanting(&[7000], &[1, 2, 3, 9]), &owned(&[7000], &full), &policy);
    assert_eq!((plan.make_room.len(), plan.add.len(), plan.revoke.len()), (1, 1, 4));
}

#[test]
fn promise_4_a_full_group_never_makes_room_with_a_live_instance() {
    // Every instance moves from port 7000 to 7001, and the group is full.
    let everyone: Vec<u8> = (1..=8).collect();
    let mut policy = policy();
    policy.allow_removals = true;
    let plan = planned(&wanting(&[7001], &everyone), &owned(&[7000], &everyone), &policy);
    assert!(plan.make_room.is_empty());
    assert_eq!((plan.add.len(), plan.over_quota.len(), plan.revoke.len()), (0, 8, 8));
}

#[test]
fn a_full_group_admits_whole_instances_in_the_stated_order_and_names_the_rest() {
    let plan = planned(&wanting(&[7000, 7001], &[1, 2, 3, 100, 101]), &owned(&[9], &[]), &policy());
    let instance = |a: &Addition| a.origin.instance.to_string();
    let added: BTreeSet<_> = plan.add.iter().map(instance).collect();
    assert_eq!(added, BTreeSet::from(["i-001", "i-002", "i-003", "i-100"].map(str::to_owned)));
    assert_eq!(plan.over_quota.iter().map(instance).collect::<Vec<_>>(), ["i-101", "i-101"]);
}

#[test]
fn families_are_counted_apart_and_references_in_both() {
    let mut desired = wanting(&[7000], &(1..=8).collect::<Vec<_>>());
    for host in 1..=8 {
        desired.wanted.insert(v6(host), origin(&member("east"), host));
    }
    assert!(planned(&desired, &[], &policy()).over_quota.is_empty());
    let mut group = rule(permission(22, 1), None);
    group.source = Source::Group("sg-1".to_owned());
    let plan = planned(&desired, &[group], &policy());
    assert_eq!(plan.over_quota.len(), 2, "one instance, in both families");
}

/// IPv6 permissions of the east's instances.
fn wanting_v6(hosts: impl IntoIterator<Item = u8>) -> Desired {
    let wanted = hosts.into_iter().map(|host| (v6(host), origin(&member("east"), host)));
    Desired { wanted: wanted.collect(), ..wanting(&[7000], &[]) }
}

fn owned_v6(hosts: impl IntoIterator<Item = u8>) -> Vec<Rule> {
    hosts.into_iter().map(|host| rule(v6(host), Some("east"))).collect()
}

#[test]
fn ipv6_fills_up_like_ipv4() {
    let plan = planned(&wanting_v6(1..=9), &owned_v6(1..=3), &policy());
    assert_eq!((plan.add.len(), plan.over_quota.len()), (5, 1));
    let theirs: Vec<Rule> = (20..27).map(|host| rule(v6(host), None)).collect();
    let plan = planned(&wanting_v6(1..=2), &theirs, &policy());
    assert_eq!((plan.add.len(), plan.over_quota.len()), (1, 1));
}

#[test]
fn a_family_that_others_overfilled_does_not_keep_the_other_out() {
    let theirs: Vec<Rule> = (20..30).map(|host| rule(v6(host), None)).collect();
    assert_eq!(planned(&wanting(&[7000], &[1, 2]), &theirs, &policy()).add.len(), 2);
    let theirs: Vec<Rule> = (20..30).map(|host| rule(permission(22, host), None)).collect();
    assert_eq!(planned(&wanting_v6(1..=2), &theirs, &policy()).add.len(), 2);
}

#[test]
fn promise_4_only_a_family_that_is_short_makes_room() {
    let tight = Policy { rules_per_group: 2, ..policy() };
    let (old, old_v6) = (owned(&[7000], &[1, 2]), owned_v6([1, 2]));
    // IPv6 is short by one; of IPv4, one rule is dead and nothing is short.
    let mut desired = wanting_v6([2, 3]);
    desired.wanted.extend(wanting(&[7000], &[2]).wanted);
    let plan = planned(&desired, &[old.clone(), old_v6.clone()].concat(), &tight);
    assert_eq!(hosts(&plan.make_room), ["2600::1/128"]);
    assert_eq!(hosts(&plan.revoke), ["54.0.0.1/32"]);
    // The other way round, with IPv6 just full, and with room.
    let mut desired = wanting(&[7000], &[2, 3]);
    desired.wanted.extend(wanting_v6([2]).wanted);
    for left in [0, 1] {
        let actual = [old.clone(), old_v6[..2 - left].to_vec()].concat();
        desired.wanted.retain(|permission, _| left == 0 || *permission != v6(2));
        let plan = planned(&desired, &actual, &tight);
        assert_eq!(hosts(&plan.make_room), ["54.0.0.1/32"], "{left}");
        assert_eq!(hosts(&plan.revoke), ["2600::1/128"], "{left}");
    }
}

#[test]
fn promise_4_no_more_room_is_made_than_is_needed() {
    let tight = Policy { rules_per_group: 4, allow_removals: true, ..policy() };
    let plan = planned(&wanting(&[7000], &[8, 9]), &owned(&[7000], &[1, 2, 3]), &tight);
    assert_eq!((plan.make_room.len(), plan.add.len(), plan.revoke.len()), (1, 2, 2));
    let plan = planned(&wanting_v6([8, 9]), &owned_v6([1, 2, 3]), &tight);
    assert_eq!((plan.make_room.len(), plan.add.len(), plan.revoke.len()), (1, 2, 2));
}
