//! Rule lists, with every odd source, protocol, port, tag and description, against any
//! document and any rows: what the planner makes of them.

mod world;

use std::collections::BTreeSet;

use sync_core::mesh::Base;
use sync_core::permission::{Protocol, Rule, Source, Traffic};
use sync_core::planner::{Plan, Policy, check, desired, learned, plan};
use sync_core::row::Rows;

use super::dice::Dice;
use super::oracle::{adopts_only_what_it_may, only_what_is_asked_for, only_what_may_go};
use world::World;

/// Rounds after which a plan asks for nothing: rules that make room go first, then what
/// did not fit comes in, then what had to wait for that.
const ROUNDS: usize = 3;

/// Makes a world of the bytes and plans every target of it.
///
/// # Panics
/// If a plan does not pass the check, opens what is not asked for, closes what may not
/// go, or never ends.
pub fn entry(data: &[u8]) {
    let mut dice = Dice::new(data);
    let Some(mut world) = World::roll(&mut dice) else { return };
    let policy = Policy {
        mesh: world.mesh.name.clone(),
        guard: world.mesh.guard,
        rules_per_group: world.mesh.limits.rules_per_group,
        compact: world.mesh.limits.compact,
        departed: world.departed.clone(),
        allow_removals: dice.once_in(2),
    };
    world.link(&mut dice);
    world.learn(&mut dice);
    let rows = Rows::read(&world.items, &world.mesh);
    for target in &world.mesh.members {
        let group = &target.security_groups[0];
        let opens = world.opens_in(target.name.as_str(), group.as_str());
        let learned = learned(&world.mesh, group, &world.rules);
        let desired = desired(&world.mesh, target, &rows, &Base::of_group(learned.clone()));
        let mut actual = world.rules.clone();
        for round in 0..=ROUNDS {
            let plan = plan(&desired, &actual, &policy);
            assert_eq!(check(&plan, &desired, &actual, &policy), Ok(()), "round {round}");
            only_what_may_go(&plan, &actual, &world.mesh.name, &desired);
            let to = target.name.as_str();
            only_what_is_asked_for(&plan, &actual, to, &opens, &world.kinds, &world.items);
            assert!(round < ROUNDS || plan.is_empty(), "never ends: {plan:#?}");
            actual = applied(&plan, &actual, round);
        }
        let named: BTreeSet<_> =
            world.rules.iter().step_by(2).map(|rule| rule.id.clone()).collect();
        adopts_only_what_it_may(&world.mesh, (target, &learned), &world.rules, &desired, &named);
    }
}

/// The group after the plan.
fn applied(plan: &Plan, actual: &[Rule], round: usize) -> Vec<Rule> {
    let gone: BTreeSet<_> = plan.removals().map(|removal| &removal.rule.rule().id).collect();
    let left = actual.iter().filter(|rule| !gone.contains(&rule.id)).cloned();
    let added = plan.add.iter().enumerate().map(|(index, addition)| Rule {
        id: format!("sgr-new-{round}-{index}").as_str().into(),
        traffic: addition.permission.traffic,
        source: Source::Cidr(addition.permission.cidr),
        description: None,
        tags: [("sgsync:mesh", "orders-db"), ("sgsync:member", addition.origin.member.as_str())]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    });
    left.chain(added).collect()
}

/// A rule as EC2 may show it.
fn rule(dice: &mut Dice<'_>, members: &[String]) -> Rule {
    let protocol =
        *dice.of(&["tcp", "tcp", "tcp", "udp", "icmp", "icmpv6", "-1", "50", "6", "255"]);
    let ports = [
        Some(7000),
        Some(7001),
        Some(9042),
        None,
        Some(-1),
        Some(0),
        Some(65_535),
        Some(70_000),
        Some(i32::MIN),
    ];
    let (from, to) = match dice.below(4) {
        0 => (Some(7000), Some(7001)),
        1 => (Some(9042), Some(9042)),
        _ => (*dice.of(&ports), *dice.of(&ports)),
    };
    let source = match dice.below(8) {
        6 => Source::Group((*dice.of(&["sg-00000001", "", "sg-x\n"])).to_owned()),
        7 => Source::PrefixList("pl-1".to_owned()),
        _ => Source::Cidr(
            dice.of(&world::ADDRESSES)
                .parse()
                .unwrap_or_else(|_| "0.0.0.0/0".parse().expect("a cidr")),
        ),
    };
    let mut tags = std::collections::BTreeMap::new();
    if let Some(mesh) = *dice.of(&[
        Some("orders-db"),
        Some("orders-db"),
        None,
        Some("orders"),
        Some("Orders-DB"),
        Some(""),
    ]) {
        tags.insert("sgsync:mesh".to_owned(), mesh.to_owned());
    }
    match dice.below(6) {
        0 => {}
        1 => drop(tags.insert("sgsync:member".to_owned(), "gone-member".to_owned())),
        2 => drop(tags.insert("sgsync:member".to_owned(), "\u{0}".repeat(256))),
        _ => drop(tags.insert("sgsync:member".to_owned(), dice.of(members).clone())),
    }
    Rule {
        id: format!("sgr-{}", dice.below(40)).as_str().into(),
        traffic: Traffic::new(Protocol::parse(protocol).expect("a protocol"), from, to),
        source,
        description: dice
            .of(&[None, Some("sgsync orders-db i-1"), Some("\u{1b}[31m\n")])
            .map(str::to_owned),
        tags,
    }
}
