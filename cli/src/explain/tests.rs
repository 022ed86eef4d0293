use sync_core::ports::{CallError, Failure, InstanceView};
use sync_core::row::MemberRow;

use super::*;
use crate::world::World;
use crate::world::sample::{at, mesh, rule, seen, stored};

/// Both regions with these rows and rules; Auto Scaling in us-east-1 lists i-7.
fn world(rows: &[MemberRow], east: &[(u8, bool)], west: &[(u8, bool)], state: &str) -> World {
    let mesh = mesh();
    let rules =
        |rules: &[(u8, bool)]| rules.iter().map(|(last, ours)| rule(*last, *ours)).collect();
    let mut away = seen(&mesh, 1, rows, rules(west), state);
    away.groups = Ok([("orders".into(), [].into())].into());
    [("us-east-1".into(), seen(&mesh, 0, rows, rules(east), state)), ("us-west-2".into(), away)]
        .into()
}

/// EC2 shows i-7 with the address that ends with 7, and a private one.
fn show(world: &mut World, state: &str) {
    let view = InstanceView {
        state: state.to_owned(),
        asg: Some("orders".into()),
        public_ipv4: ["198.51.100.7".parse().expect("an address")].into(),
        private_ipv4: ["10.0.0.7".parse().expect("an address")].into(),
        ipv6: BTreeSet::new(),
        prefixes: BTreeSet::new(),
    };
    let east = world.get_mut(&"us-east-1".into()).expect("a member");
    east.instances = Ok([("i-7".into(), view)].into());
}

fn explained(world: &World, what: &str) -> (String, u8) {
    let mesh = mesh();
    let asked = parse(what).expect("something to explain");
    let explanation = judge::explain(&mesh, world, &asked, what);
    let text = text::explanation(&explanation, at(13));
    (anstream::adapter::strip_str(&text).to_string(), explanation.exit_code())
}

fn rows() -> Vec<MemberRow> {
    vec![stored(&mesh(), 0, 7, 10), stored(&mesh(), 1, 8, 12)]
}

#[test]
fn an_admitted_address_says_by_which_rule_and_because_of_which_row() {
    let mut world = world(&rows(), &[(7, true)], &[(7, true)], "InService");
    show(&mut world, "running");
    let (text, code) = explained(&world, "198.51.100.7");
    insta::assert_snapshot!(text);
    assert_eq!(code, OK);
    let of_instance = explained(&world, "i-7");
    assert_eq!(of_instance.0.replace("i-7 in mesh", "198.51.100.7 in mesh"), text);
}

#[test]
fn a_rule_that_is_wanted_and_not_there_says_what_brings_it() {
    let mut world = world(&rows(), &[(7, true)], &[], "InService");
    show(&mut world, "running");
    let (text, code) = explained(&world, "i-7");
    insta::assert_snapshot!(text);
    assert_eq!(code, PENDING);
}

#[test]
fn every_reason_why_an_instance_is_not_wanted_is_its_own() {
    let rows = vec![stored(&mesh(), 0, 6, 10), stored(&mesh(), 1, 8, 12)];
    let said = |state: &str, ec2: &str, what: &str| {
        let mut world = world(&rows, &[], &[], state);
        show(&mut world, ec2);
        let (text, code) = explained(&world, what);
        assert_eq!(code, PENDING);
        text.lines().find(|line| line.starts_with("  ! ")).unwrap_or_default().to_owned()
    };
    let reasons = [
        said("InService", "running", "i-7"),
        said("Terminating:Wait", "running", "i-7"),
        said("Pending", "pending", "i-7"),
        said("Daydreaming", "running", "i-7"),
        said("Terminating", "terminated", "i-7"),
        said("InService", "running", "10.0.0.7"),
        said("InService", "running", "i-99"),
        said("InService", "running", "203.0.113.9"),
        said("InService", "running", "sgr-99"),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn rules_that_nobody_wants_and_rules_of_others_are_told_apart() {
    let world = world(&rows(), &[(5, true), (9, false)], &[], "InService");
    let (ours, code) = explained(&world, "sgr-5");
    insta::assert_snapshot!(ours);
    assert_eq!(code, PENDING);
    insta::assert_snapshot!(explained(&world, "sgr-9").0);
}

#[test]
fn in_a_spread_one_group_admits_and_the_others_say_so() {
    let text = "name = \"orders-db\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\n\
                [[member]]\nregion = \"us-east-1\"\nauto_scaling_groups = [\"orders\"]\n\
                security_groups = [\"sg-00000001\", \"sg-00000002\"]\nspread = true\n";
    let mesh = Mesh::parse(text).expect("a mesh");
    let held = |east: &[u8], west: &[u8]| {
        let mut seen = seen(&mesh, 0, &[stored(&mesh, 0, 7, 10)], Vec::new(), "InService");
        let of = |last: &[u8]| last.iter().map(|last| rule(*last, true)).collect::<Vec<_>>().into();
        seen.rules =
            Ok([("sg-00000001".into(), of(east)), ("sg-00000002".into(), of(west))].into());
        let mut world: World = [("us-east-1".into(), seen)].into();
        show(&mut world, "running");
        let asked = parse("198.51.100.7").expect("an address");
        judge::explain(&mesh, &world, &asked, "198.51.100.7")
    };
    for (east, west) in [(&[7][..], &[][..]), (&[], &[7])] {
        let once = held(east, west);
        assert_eq!(once.exit_code(), OK);
        assert!(once.targets.iter().all(|target| target.notes.is_empty()), "{once:?}");
    }
    let twice = held(&[7], &[7]);
    assert_eq!(twice.exit_code(), OK);
    let notes: Vec<&String> = twice.targets.iter().flat_map(|target| &target.notes).collect();
    assert!(notes.len() == 1 && notes[0].contains("too: the next run revokes it"), "{notes:?}");
    let nowhere = held(&[], &[]);
    assert_eq!(nowhere.exit_code(), PENDING);
    assert_eq!(nowhere.targets.iter().filter(|target| !target.wanted.is_empty()).count(), 1);
}

#[test]
fn what_a_missing_row_or_region_hides_is_said() {
    let mut world = world(&rows()[1..], &[], &[], "InService");
    let error = CallError {
        call: "ec2:DescribeSecurityGroupRules",
        kind: Failure::NoAnswer,
        code: "Timeout".to_owned(),
        message: "no answer".to_owned(),
        request_id: None,
    };
    world.get_mut(&"us-west-2".into()).expect("a member").rules = Err(error);
    let (text, code) = explained(&world, "198.51.100.7");
    insta::assert_snapshot!(text);
    assert_eq!(code, ERROR);
}

#[test]
fn only_one_address_an_instance_or_a_rule_can_be_asked_about() {
    for (what, why) in [
        ("198.51.100.0/24", "more than one address"),
        ("orders", "no address"),
        ("i-XYZ", "no instance id"),
        ("198.51.100.07", "no address"),
    ] {
        let refused = parse(what).expect_err(what).to_string();
        assert!(refused.contains(why) && refused.contains(what), "{refused}");
    }
    assert_eq!(parse("198.51.100.7/32").expect("one"), parse("198.51.100.7").expect("one"));
    assert_eq!(parse("2001:DB8::7").expect("one"), parse("2001:db8::7/128").expect("one"));
}
