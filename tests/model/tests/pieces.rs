//! The model's small functions, held against the real ones of sync-core on every
//! input that they have in common.

#![allow(clippy::expect_used, reason = "tests fail by panicking, and so may what they share")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use model::pieces;
use model::run::{Brief, Seen, Sight};
use model::world::{ADDRESSES, Address, Instance, Member, Set, Small, Truth, all_addresses};
use sync_core::cidr::{AddressKind, Cidr};
use sync_core::mesh::{Base, Compact, Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName, RuleId};
use sync_core::observe::observe;
use sync_core::permission::{MEMBER_TAG, MESH_TAG, Permission, Protocol, Rule, Source, Traffic};
use sync_core::planner::{NotWanted, Policy, desired, plan};
use sync_core::ports::{InstanceView, LifecycleState};
use sync_core::row::{Instances, MemberRow, Rows, Version};

const DOCUMENT: &str = r#"
name = "orders-db"
[guard]
max_removal_percent = 100
[[allow]]
protocol = "tcp"
ports = "7000-7001"
[[member]]
name = "A"
region = "us-east-1"
auto_scaling_groups = ["orders"]
security_groups = ["sg-0123456789abcdef0"]
[[member]]
name = "B"
region = "us-west-2"
auto_scaling_groups = ["orders"]
security_groups = ["sg-0fedcba9876543210"]
"#;

fn mesh() -> Mesh {
    Mesh::parse(DOCUMENT).expect("a mesh document")
}

fn member(member: Member) -> MemberName {
    MemberName::new(format!("{member:?}"))
}

fn host(at: Address) -> IpAddr {
    IpAddr::from([54, 0, 0, at.number() + 1])
}

fn permission(at: Address) -> Permission {
    Permission { traffic: Traffic::ports(Protocol::Tcp, 7000, 7001), cidr: Cidr::host(host(at)) }
}

fn id(instance: Instance) -> InstanceId {
    InstanceId::new(format!("i-{instance}"))
}

/// Every set of these.
fn subsets<T: Small>(of: Vec<T>) -> impl Iterator<Item = Set<T>> {
    (0..1_u32 << of.len()).map(move |bits| {
        let chosen = of.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
        chosen.map(|(_, item)| *item).collect()
    })
}

/// Some ways in which addresses can be given out: each its own, shared inside a member,
/// shared by both, all the same.
fn truths() -> impl Iterator<Item = Truth> {
    [[0, 1, 2, 0, 1, 2], [0, 0, 1, 2, 2, 1], [0, 1, 1, 1, 0, 2], [1, 1, 1, 1, 1, 1]]
        .map(|given| Truth { address: given.map(Address::numbered), ..Truth::default() })
        .into_iter()
}

fn row(mesh: &Mesh, whose: Member, instances: Set<Instance>, truth: &Truth) -> MemberRow {
    let key = RowKey { member: member(whose), asg: "orders".into() };
    let held = |i: Instance| BTreeSet::from([Cidr::host(host(truth.address(i)))]);
    let instances: Instances = instances.iter().map(|i| (id(i), held(i))).collect();
    let (version, now) = (Version::next(None, Timestamp::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    MemberRow::new(key, version, now, instances, "test".to_owned(), mesh.hash.clone())
}

fn rules(sights: [Sight; ADDRESSES]) -> Vec<Rule> {
    let seen = all_addresses().zip(sights);
    seen.filter_map(|(at, sight)| {
        let (Sight::Rule(tag) | Sight::Dead(tag)) = sight else { return None };
        let tags = [(MESH_TAG, "orders-db".to_owned()), (MEMBER_TAG, member(tag).to_string())];
        Some(Rule {
            id: RuleId::new(format!("sgr-{at}")),
            traffic: permission(at).traffic,
            source: Source::Cidr(permission(at).cidr),
            description: None,
            tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
        })
    })
    .collect()
}

fn sights() -> impl Iterator<Item = [Sight; ADDRESSES]> {
    let each = [Sight::Nothing, Sight::Rule(Member::A), Sight::Rule(Member::B)];
    (0..27).map(move |n: usize| [each[n % 3], each[n / 3 % 3], each[n / 9]])
}

/// One run of A that saw these leave.
fn compare_plans(mesh: &Mesh, truth: &Truth, sets: [Set<Instance>; 2], departed: Set<Instance>) {
    let briefs = sets.map(|instances| Brief { version: 1, instances });
    let wanted = pieces::wanted(&briefs, truth);
    let mut rows = Rows::read(&[], mesh);
    for (whose, instances) in Member::ALL.into_iter().zip(sets) {
        rows.overlay(row(mesh, whose, instances, truth));
    }
    let real = desired(mesh, &mesh.members[1], &rows, &Base::default());
    let seen = Seen {
        departed,
        row: model::world::Row { instances: sets[0], ..Default::default() },
        ..Seen::default()
    };
    let left = truth.addresses(departed).without(truth.addresses(sets[0]));
    let policy = Policy {
        mesh: mesh.name.clone(),
        guard: mesh.guard,
        rules_per_group: 60,
        compact: Compact::Off,
        departed: left.iter().map(|at| (member(Member::A), permission(at).cidr)).collect(),
        allow_removals: false,
    };
    for sights in sights() {
        let (add, revoke) = pieces::plan(&wanted, &sights);
        let planned = plan(&real, &rules(sights), &policy);
        let adds = |at: Address| planned.add.iter().find(|a| a.permission == permission(at));
        let removes = |at: Address| {
            let mut removals = planned.removals();
            removals.find(|r| r.rule.rule().permission() == Some(permission(at)))
        };
        for at in all_addresses() {
            let origin = adds(at).map(|addition| addition.origin.instance.clone());
            assert_eq!(origin, wanted[at.index()].filter(|_| add.has(at)).map(id));
            assert_eq!(removes(at).is_some(), revoke.has(at));
            let certain = pieces::is_certain(Member::A, &seen, sights[at.index()], at, truth);
            let departed = removes(at).is_some_and(|removal| removal.why == NotWanted::Departed);
            assert_eq!(departed, certain && revoke.has(at));
        }
        assert!(
            planned.held.is_empty() && planned.frozen.is_empty() && planned.over_quota.is_empty()
        );
    }
}

#[test]
fn plans_are_those_of_the_real_planner() {
    let mesh = mesh();
    for truth in truths() {
        for a in subsets(Instance::of(Member::A).collect()) {
            for b in subsets(Instance::of(Member::B).collect()) {
                for departed in subsets(Instance::of(Member::A).filter(|i| !a.has(*i)).collect()) {
                    compare_plans(&mesh, &truth, [a, b], departed);
                }
            }
        }
    }
}

/// What the real observation makes of it: who is in, and who left.
fn really_observe(
    truth: &Truth,
    listed: Set<Instance>,
    leaving: Set<Instance>,
    remembered: Set<Instance>,
    dead: Set<Instance>,
) -> (BTreeSet<InstanceId>, BTreeSet<InstanceId>) {
    let asg = AsgName::new("orders");
    let word = |i: Instance| if leaving.has(i) { "Terminating:Wait" } else { "InService" };
    let states: BTreeMap<_, _> =
        listed.iter().map(|i| (id(i), LifecycleState::new(word(i)))).collect();
    let shown = listed.and(remembered).iter().map(|i| {
        let held = (!dead.has(i)).then(|| host(truth.address(i)));
        let view = InstanceView {
            state: if dead.has(i) { "terminated" } else { "running" }.to_owned(),
            asg: Some(asg.clone()),
            public_ipv4: held.into_iter().collect(),
            private_ipv4: BTreeSet::new(),
            ipv6: BTreeSet::new(),
            prefixes: BTreeSet::new(),
        };
        (id(i), view)
    });
    let shown = shown.collect();
    let remembered = row(&mesh(), Member::A, remembered, truth).instances;
    let kinds = BTreeSet::from([AddressKind::PublicIpv4]);
    let seen = observe(&asg, &states, Some(&remembered), &shown, &kinds);
    let left = seen.departed.into_keys().chain(seen.dropped.into_keys());
    (seen.instances.into_keys().collect(), left.collect())
}

#[test]
fn observations_are_those_of_the_real_observer() {
    let truth = truths().next().expect("there is one");
    let everybody = || Instance::of(Member::A).collect();
    let ids = |set: Set<Instance>| set.iter().map(id).collect::<BTreeSet<_>>();
    for listed in subsets(everybody()) {
        for leaving in subsets(listed.iter().collect()) {
            for remembered in subsets(everybody()) {
                for dead in subsets(everybody()) {
                    let (members, left) = pieces::observe(listed, leaving, remembered, dead);
                    let real = really_observe(&truth, listed, leaving, remembered, dead);
                    assert_eq!(real, (ids(members), ids(left)));
                }
            }
        }
    }
}

#[test]
fn versions_grow_by_one_while_the_clock_stands_still() {
    let mut version = Version::next(None, Timestamp::UNIX_EPOCH);
    for small in 0..100 {
        let next = Version::next(Some(version), Timestamp::UNIX_EPOCH);
        let grown = pieces::next_version(small);
        assert_eq!(next.number() - version.number(), u64::from(grown - small));
        version = next;
    }
}
