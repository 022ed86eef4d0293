//! Exact compaction: what is open stays exactly what is wanted, in every form and at every
//! step from one to another.

use proptest::prelude::*;

use super::*;

fn compacting(compact: Compact) -> Policy {
    let guard = Guard { max_removals: 10, max_removal_percent: 100 };
    Policy { compact, guard, rules_per_group: 20, ..policy() }
}

fn block(cidr: &str) -> Permission {
    let traffic = Traffic::ports(Protocol::Tcp, 7000, 7000);
    Permission { traffic, cidr: cidr.parse().expect(cidr) }
}

fn cidrs<'p>(permissions: impl IntoIterator<Item = &'p Permission>) -> Vec<String> {
    permissions.into_iter().map(|permission| permission.cidr.to_string()).collect()
}

fn adds(plan: &Plan) -> Vec<String> {
    cidrs(plan.add.iter().map(|addition| &addition.permission))
}

/// The group after a plan.
fn applied(plan: &Plan, actual: &[Rule]) -> Vec<Rule> {
    let gone: BTreeSet<_> = plan.removals().map(|r| &r.rule.rule().id).collect();
    let left = actual.iter().filter(|rule| !gone.contains(&rule.id)).cloned();
    let added = plan.add.iter().map(|a| rule(a.permission, Some(a.origin.member.as_str())));
    left.chain(added).collect()
}

/// Plans and applies until nothing is left to do; every plan passes the check.
fn settled(desired: &Desired, mut actual: Vec<Rule>, policy: &Policy) -> Vec<Rule> {
    for _ in 0..12 {
        let plan = planned(desired, &actual, policy);
        if plan.is_empty() {
            return actual;
        }
        actual = applied(&plan, &actual);
    }
    panic!("never ends");
}

#[test]
fn adjacent_addresses_become_one_rule_and_what_it_replaces_goes_after_it() {
    let desired = wanting(&[7000], &[4, 5, 6, 7, 9]);
    let plan = planned(&desired, &owned(&[7000], &[4, 5, 9]), &compacting(Compact::Always));
    assert_eq!(adds(&plan), ["54.0.0.4/30"]);
    assert_eq!(hosts(&plan.revoke), ["54.0.0.4/32", "54.0.0.5/32"]);
    assert!(plan.revoke.iter().all(|removal| removal.why == NotWanted::Superseded));
    assert!(plan.make_room.is_empty(), "somebody lives there");
    assert_eq!(cidrs(&plan.keep), ["54.0.0.9/32"]);
}

#[test]
fn a_block_never_holds_an_address_that_nobody_wants() {
    let desired = wanting(&[7000], &[1, 2, 3, 5, 6]);
    let plan = planned(&desired, &[], &compacting(Compact::Always));
    assert_eq!(adds(&plan), ["54.0.0.1/32", "54.0.0.2/31", "54.0.0.5/32", "54.0.0.6/32"]);
}

#[test]
fn addresses_of_two_members_or_ports_do_not_share_a_block() {
    let desired = wanting(&[7000, 7001], &[98, 99, 100, 101]);
    let plan = planned(&desired, &[], &compacting(Compact::Always));
    let expected = ["54.0.0.98/31", "54.0.0.98/31", "54.0.0.100/31", "54.0.0.100/31"];
    assert_eq!(adds(&plan), expected);
}

#[test]
fn a_block_that_splits_is_closed_after_what_is_left_of_it_is_open() {
    let desired = wanting(&[7000], &[4, 5, 7]);
    let actual = [rule(block("54.0.0.4/30"), Some("east"))];
    for compact in [Compact::WhenNeeded, Compact::Always] {
        let mut policy = compacting(compact);
        policy.departed.insert((member("east"), "54.0.0.6/32".parse().expect("a cidr")));
        let plan = planned(&desired, &actual, &policy);
        assert_eq!(adds(&plan), ["54.0.0.4/31", "54.0.0.7/32"], "{compact:?}");
        assert_eq!(hosts(&plan.revoke), ["54.0.0.4/30"]);
        assert_eq!(plan.revoke[0].why, NotWanted::Split);
    }
    let plan = planned(&desired, &actual, &compacting(Compact::Off));
    assert_eq!(adds(&plan), ["54.0.0.4/32", "54.0.0.5/32", "54.0.0.7/32"]);
    assert_eq!(plan.revoke[0].why, NotWanted::NoLongerDesired, "nobody saw the other one leave");
}

#[test]
fn when_needed_is_when_less_than_a_tenth_would_be_left() {
    let hosts: Vec<u8> =
        (0..8).map(|n| 4 * n).chain([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]).collect();
    let policy = compacting(Compact::WhenNeeded);
    let fits = owned(&[7000], &hosts);
    assert!(planned(&wanting(&[7000], &hosts), &fits, &policy).is_empty(), "18 of 20");
    let more = [&hosts[..], &[60]].concat();
    let plan = planned(&wanting(&[7000], &more), &fits, &policy);
    let blocks: Vec<_> = adds(&plan).into_iter().filter(|cidr| !cidr.ends_with("/32")).collect();
    assert_eq!(blocks, ["54.0.0.42/31", "54.0.0.44/30"], "as far as there is room");
    let after = settled(&wanting(&[7000], &more), fits, &policy);
    assert_eq!(after.len(), 15, "no more blocks than it takes: {after:?}");
}

#[test]
fn what_is_in_blocks_stays_there_until_it_is_off_and_single_rules_fit() {
    let hosts = [4, 5, 6, 7];
    let desired = wanting(&[7000], &hosts);
    let actual = [rule(block("54.0.0.4/30"), Some("east"))];
    assert!(planned(&desired, &actual, &compacting(Compact::WhenNeeded)).is_empty());
    let off = compacting(Compact::Off);
    let plan = planned(&desired, &actual, &off);
    assert_eq!((plan.add.len(), plan.revoke[0].why), (4, NotWanted::Superseded));
    let tight = Policy { rules_per_group: 3, ..off };
    let plan = planned(&desired, &actual, &tight);
    assert!(plan.is_empty() && plan.over_quota.is_empty(), "they would not fit");
}

#[test]
fn promise_4_a_full_group_makes_blocks_one_after_the_other() {
    // Room for one rule only: each block frees the room for the next.
    let hosts: Vec<u8> = (2..10).collect();
    let desired = wanting(&[7000], &hosts);
    let mut policy = compacting(Compact::Always);
    policy.rules_per_group = 9;
    let first = planned(&desired, &owned(&[7000], &hosts), &policy);
    assert_eq!(adds(&first).len(), 1);
    let after = settled(&desired, owned(&[7000], &hosts), &policy);
    assert_eq!(after.len(), 3, "{after:?}");
    policy.rules_per_group = 8;
    let stuck = planned(&desired, &owned(&[7000], &hosts), &policy);
    assert!(stuck.is_empty() && stuck.over_quota.is_empty(), "everybody is in");
}

#[test]
fn promise_4_a_block_that_cannot_split_for_want_of_room_stays_and_the_plan_says_so() {
    let desired = wanting(&[7000], &[4, 5, 7]);
    let actual = [rule(block("54.0.0.4/30"), Some("east")), rule(permission(22, 1), None)];
    let tight = Policy { rules_per_group: 3, ..compacting(Compact::Always) };
    let plan = planned(&desired, &actual, &tight);
    assert!(plan.is_empty() && plan.over_quota.is_empty());
    assert_eq!(hosts(&plan.postponed), ["54.0.0.4/30"]);
}

#[test]
fn who_is_left_out_is_named_by_address() {
    let desired = wanting(&[7000], &[4, 5, 20, 22, 24]);
    let tight = Policy { rules_per_group: 2, ..compacting(Compact::WhenNeeded) };
    let plan = planned(&desired, &[], &tight);
    assert_eq!(adds(&plan), ["54.0.0.4/31", "54.0.0.20/32"]);
    let named = cidrs(plan.over_quota.iter().map(|addition| &addition.permission));
    assert_eq!(named, ["54.0.0.22/32", "54.0.0.24/32"]);
}

#[test]
fn promise_2_a_block_of_an_unknown_member_or_of_a_contested_address_stays() {
    let actual = [rule(block("54.0.0.4/30"), Some("east"))];
    let mut unknown = wanting(&[7000], &[4, 5, 7]);
    unknown.unknown.insert(member("east"));
    let mut contested = wanting(&[7000], &[4, 5, 7]);
    contested.contested.insert("54.0.0.5/32".parse().expect("a cidr"));
    for desired in [unknown, contested] {
        let plan = planned(&desired, &actual, &compacting(Compact::Always));
        assert_eq!(hosts(&plan.frozen), ["54.0.0.4/30"]);
        assert!(plan.revoke.is_empty());
    }
    let mut unknown = wanting(&[7000], &[4, 5]);
    unknown.unknown.insert(member("east"));
    let plan = planned(&unknown, &owned(&[7000], &[4, 5]), &compacting(Compact::Always));
    assert!(plan.is_empty(), "an unknown member is left as it is");
}

#[test]
fn the_guard_counts_blocks_that_close_something_and_no_others() {
    let hosts: Vec<u8> = (0..16).collect();
    let mut policy = compacting(Compact::Always);
    policy.guard = Guard { max_removals: 0, max_removal_percent: 0 };
    let plan = planned(&wanting(&[7000], &hosts), &owned(&[7000], &hosts), &policy);
    assert_eq!((plan.revoke.len(), plan.held.len()), (16, 0));
    let actual = [rule(block("54.0.0.0/28"), Some("east"))];
    let plan = planned(&wanting(&[7000], &hosts[1..]), &actual, &policy);
    assert_eq!((plan.revoke.len(), plan.held.len()), (0, 1));
    policy.departed.insert((member("east"), "54.0.0.0/32".parse().expect("a cidr")));
    let plan = planned(&wanting(&[7000], &hosts[1..]), &actual, &policy);
    assert_eq!((plan.revoke.len(), plan.held.len()), (1, 0));
}

#[test]
fn the_check_refuses_a_block_that_opens_too_much_and_one_that_goes_too_early() {
    let desired = wanting(&[7000], &[4, 5, 7]);
    let policy = compacting(Compact::Always);
    let mut plan = planned(&desired, &[], &policy);
    plan.add[0].permission = block("54.0.0.4/30");
    let found = check(&plan, &desired, &[], &policy).expect_err("a violation");
    assert!(found.contains(&Violation::OpensUnwanted(block("54.0.0.4/30"))), "{found:?}");
    let actual = [rule(block("54.0.0.4/30"), Some("east"))];
    let mut plan = planned(&desired, &actual, &policy);
    plan.make_room = std::mem::take(&mut plan.revoke);
    let found = check(&plan, &desired, &actual, &policy).expect_err("a violation");
    assert!(found.iter().any(|v| matches!(v, Violation::RevokesWanted(_))), "{found:?}");
}

proptest! {
    /// From any rules to any wanted addresses, through every form.
    #[test]
    fn what_is_open_ends_up_exactly_what_is_wanted(
        wanted in prop::collection::btree_set(90..110_u8, 0..16),
        before in prop::collection::btree_set(90..110_u8, 0..16),
        merged in any::<bool>(),
        mode in prop::sample::select(&[Compact::Off, Compact::WhenNeeded, Compact::Always][..]),
        spare in 4..30_u32,
    ) {
        let [wanted, before] = [wanted, before].map(|set| set.into_iter().collect::<Vec<_>>());
        let guard = Guard { max_removals: 1000, max_removal_percent: 100 };
        let roomy = Policy { guard, rules_per_group: 60, ..compacting(Compact::Always) };
        let singles = owned(&[7000], &before);
        let start = if merged { settled(&wanting(&[7000], &before), singles, &roomy) } else { singles };
        let limit = u32::try_from(start.len()).expect("few") + spare;
        let policy = Policy { compact: mode, rules_per_group: limit, ..roomy };
        let desired = wanting(&[7000], &wanted);
        let left = settled(&desired, start, &policy);
        let plan = planned(&desired, &left, &policy);
        prop_assert!(plan.postponed.is_empty());
        let held: Vec<Cidr> = left.iter().filter_map(Rule::permission).map(|p| p.cidr).collect();
        let out: BTreeSet<_> = plan.over_quota.iter().map(|a| a.permission.cidr).collect();
        let wanted = desired.wanted.keys().map(|p| p.cidr).filter(|cidr| !out.contains(cidr));
        prop_assert_eq!(Cidr::merged(held), Cidr::merged(wanted));
    }
}
