//! The edges of what a mesh document may say, and what a mesh answers.

use super::*;

/// The problems of the short document with something added, one line each.
fn added(more: &str) -> Vec<String> {
    match Mesh::parse(&format!("{SHORT}{more}\n")) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_setting_has_a_first_and_a_last_value() {
    for (section, key, first, last) in [
        ("guard", "max_removals", 0, 10_000),
        ("guard", "max_removal_percent", 0, 100),
        ("limits", "rules_per_group", 1, 1000),
        ("limits", "peer_budget_ms", 100, 60_000),
        ("limits", "stale_after_minutes", 1, 10_080),
    ] {
        let with = |value: i64| added(&format!("[{section}]\n{key} = {value}"));
        assert_eq!((with(first), with(last)), (vec![], vec![]), "{key}");
        for value in [first - 1, last + 1] {
            let said = format!("{section}.{key}: {value} is not from {first} to {last}");
            assert_eq!(with(value), [said]);
        }
    }
}

#[test]
fn stale_minutes_are_minutes_and_a_budget_is_milliseconds() {
    let mesh = mesh(&format!("{SHORT}[limits]\nstale_after_minutes = 3\npeer_budget_ms = 250\n"));
    assert_eq!(mesh.limits.stale_after, Duration::from_mins(3));
    assert_eq!(mesh.limits.peer_budget, Duration::from_millis(250));
}

#[test]
fn each_icmp_needs_its_kind_of_address() {
    for (protocol, kinds, needed) in [
        ("icmp", "\"ipv6\"", Some("icmp needs `public-ipv4` or `private-ipv4`")),
        ("icmp", "\"ipv6\", \"private-ipv4\"", None),
        ("icmp", "\"public-ipv4\"", None),
        ("icmpv6", "\"private-ipv4\"", Some("icmpv6 needs `ipv6`")),
        ("icmpv6", "\"ipv6\"", None),
    ] {
        let more = format!("[[allow]]\nprotocol = \"{protocol}\"\n[addresses]\nkinds = [{kinds}]");
        let said: Vec<String> = needed
            .map(|needed| format!("allow[1].protocol: {needed} among `addresses.kinds`"))
            .into_iter()
            .collect();
        assert_eq!(added(&more), said, "{protocol} {kinds}");
    }
}

#[test]
fn a_name_given_twice_is_told_from_a_region_given_twice() {
    let member = |more: &str| {
        format!("[[member]]\nregion = \"eu-west-1\"\nsecurity_groups = [\"sg-01234567\"]\n{more}")
    };
    assert_eq!(
        added(&member("name = \"us-east-1\"")),
        ["member[2].name: `us-east-1` is already a member's name, at member[0].region"]
    );
    let region = member("").replace("eu-west-1", "us-east-1");
    assert_eq!(
        added(&region),
        ["member[2].region: `us-east-1` is already a member's name, at member[0].region; \
          give members of one region a `name` each"]
    );
}

#[test]
fn a_mesh_knows_its_members_by_name_and_by_region() {
    let mesh = mesh(LONG);
    let name = |member: &Member| member.name.to_string();
    assert_eq!(mesh.member(&"east-blue".into()).map(name).as_deref(), Some("east-blue"));
    assert_eq!(mesh.member(&"us-west-2".into()).map(name).as_deref(), Some("us-west-2"));
    assert_eq!(mesh.member(&"us-east-1".into()), None);
    let in_region = |region: &str| mesh.members_in(&region.into()).map(name).collect::<Vec<_>>();
    assert_eq!(in_region("us-east-1"), ["east-blue"]);
    assert_eq!(in_region("us-west-2"), ["us-west-2"]);
    assert_eq!(in_region("east-blue"), Vec::<String>::new());
}

#[test]
fn traffic_goes_from_whom_and_to_whom_the_document_says() {
    let mesh = mesh(LONG);
    let traffic = |from: &str, to: &str| {
        let traffic = mesh.traffic(&from.into(), &to.into());
        traffic.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(traffic("east-blue", "us-west-2"), ["tcp 9042", "icmpv6", "50"]);
    assert_eq!(traffic("east-blue", "east-blue"), ["tcp 9042", "icmpv6", "50"]);
    assert_eq!(traffic("us-west-2", "east-blue"), ["icmpv6", "50"]);
    let one_way = LONG.replace("to = [\"us-west-2\", \"east-blue\"]", "to = [\"us-west-2\"]");
    let one_way = super::mesh(&one_way);
    assert_eq!(one_way.traffic(&"east-blue".into(), &"east-blue".into()).len(), 2);
    assert_eq!(one_way.traffic(&"east-blue".into(), &"us-west-2".into()).len(), 3);
}
