use super::*;

fn traffic(protocol: &str, from: Option<i32>, to: Option<i32>) -> Traffic {
    Traffic::new(Protocol::parse(protocol).expect(protocol), from, to)
}

#[test]
fn every_way_to_say_all_ports_is_one_value() {
    for (protocol, shapes) in [
        ("-1", &[(None, None), (Some(-1), Some(-1)), (Some(0), Some(0))][..]),
        ("icmp", &[(None, None), (Some(-1), Some(-1))]),
        ("50", &[(None, None), (Some(-1), Some(-1)), (Some(7), Some(9))]),
    ] {
        let all = traffic(protocol, None, None);
        for (from, to) in shapes {
            assert_eq!(traffic(protocol, *from, *to), all, "{protocol} {from:?} {to:?}");
        }
    }
    assert_ne!(traffic("icmp", Some(8), Some(-1)), traffic("icmp", None, None));
}

#[test]
fn numbers_that_ec2_names_are_those_names() {
    for (number, name) in
        [("6", "tcp"), ("17", "udp"), ("1", "icmp"), ("58", "icmpv6"), ("-1", "all")]
    {
        assert_eq!(Protocol::parse(number), Protocol::parse(name));
    }
    assert_eq!(Protocol::parse("50"), Some(Protocol::Number(50)));
    assert_eq!(Protocol::parse("256"), None);
    for nothing in ["TCP", "06", "+6", ""] {
        assert_eq!(Protocol::parse(nothing), None, "{nothing}");
    }
}

#[test]
fn people_read_permissions_as_one_line() {
    for (traffic, text) in [
        (traffic("tcp", Some(7000), Some(7001)), "tcp 7000-7001 54.1.2.3/32"),
        (traffic("tcp", Some(22), Some(22)), "tcp 22 54.1.2.3/32"),
        (traffic("all", None, None), "all 54.1.2.3/32"),
        (traffic("icmp", Some(8), Some(-1)), "icmp type 8 code -1 54.1.2.3/32"),
        (traffic("50", None, None), "50 54.1.2.3/32"),
    ] {
        let cidr = "54.1.2.3/32".parse().expect("a cidr");
        assert_eq!(Permission { traffic, cidr }.to_string(), text);
    }
}

#[test]
fn overlap_is_by_protocol_and_port() {
    let managed = traffic("tcp", Some(7000), Some(7001));
    assert!(managed.overlaps(traffic("tcp", Some(7001), Some(7001))));
    assert!(managed.overlaps(traffic("all", None, None)));
    assert!(!managed.overlaps(traffic("tcp", Some(22), Some(22))));
    assert!(!managed.overlaps(traffic("udp", Some(7000), Some(7000))));
}

#[test]
fn overlap_begins_and_ends_with_a_port() {
    let managed = traffic("tcp", Some(7000), Some(7001));
    for (from, to, meets) in
        [(6999, 6999, false), (6999, 7000, true), (7002, 7002, false), (0, 65_535, true)]
    {
        let other = traffic("tcp", Some(from), Some(to));
        assert_eq!(managed.overlaps(other), meets, "{other}");
        assert_eq!(other.overlaps(managed), meets, "{other}");
    }
    assert!(traffic("all", None, None).overlaps(managed));
    assert!(traffic("icmp", Some(8), Some(-1)).overlaps(traffic("icmp", None, None)));
    assert!(!traffic("icmp", None, None).overlaps(traffic("icmpv6", None, None)));
    assert!(traffic("50", None, None).overlaps(traffic("50", None, None)));
    assert!(!traffic("50", None, None).overlaps(traffic("51", None, None)));
}

#[test]
fn each_protocol_goes_to_ec2_in_its_own_way() {
    for (protocol, ports, name, sent, has_ports) in [
        ("tcp", Some(7000), "tcp", Some((7000, 7000)), true),
        ("udp", None, "udp", Some((0, 65_535)), true),
        ("icmp", None, "icmp", Some((-1, -1)), false),
        ("icmpv6", Some(128), "icmpv6", Some((128, 128)), false),
        ("all", Some(1), "-1", None, false),
        ("50", Some(1), "50", None, false),
    ] {
        let traffic = traffic(protocol, ports, ports);
        assert_eq!(traffic.protocol().ec2_name(), name);
        assert_eq!(traffic.ec2_ports(), sent, "{protocol}");
        assert_eq!(traffic.protocol().has_ports(), has_ports, "{protocol}");
    }
}

#[test]
fn each_icmp_fits_one_family_and_everything_else_both() {
    let ipv4 = "54.1.2.3/32".parse().expect("a cidr");
    let ipv6 = "2600:1f18::1/128".parse().expect("a cidr");
    for (protocol, fits) in
        [("icmp", (true, false)), ("icmpv6", (false, true)), ("tcp", (true, true))]
    {
        let traffic = traffic(protocol, None, None);
        assert_eq!((traffic.fits(ipv4), traffic.fits(ipv6)), fits, "{protocol}");
    }
}

#[test]
fn a_rule_counts_in_its_family_and_a_reference_in_both() {
    let rule = |source: &Source| Rule {
        id: "sgr-1".into(),
        traffic: traffic("tcp", Some(22), Some(22)),
        source: source.clone(),
        description: None,
        tags: BTreeMap::from([(MEMBER_TAG.to_owned(), "east".to_owned())]),
    };
    for (source, counts, shown) in [
        (Source::Cidr("54.1.2.3/32".parse().expect("one")), (true, false), "tcp 22 54.1.2.3/32"),
        (Source::Cidr("2600::1/128".parse().expect("one")), (false, true), "tcp 22 2600::1/128"),
        (Source::Group("sg-2".to_owned()), (true, true), "tcp 22 sg-2"),
        (Source::PrefixList("pl-2".to_owned()), (true, true), "tcp 22 pl-2"),
    ] {
        let rule = rule(&source);
        assert_eq!(rule.counts(), counts, "{shown}");
        assert_eq!(rule.to_string(), shown);
        assert_eq!(rule.permission().is_some(), matches!(source, Source::Cidr(_)));
        assert_eq!(rule.member(), Some("east".into()));
    }
}

#[test]
fn promise_1_a_foreign_rule_cannot_be_claimed() {
    let mesh = MeshName::parse("orders-db").expect("a name");
    let rule = |tag: Option<&str>| Rule {
        id: "sgr-1".into(),
        traffic: traffic("tcp", Some(22), Some(22)),
        source: Source::Group("sg-2".to_owned()),
        description: Some("sgsync orders-db i-1".to_owned()),
        tags: tag.map(|t| (MESH_TAG.to_owned(), t.to_owned())).into_iter().collect(),
    };
    assert!(OwnedRule::claim(&rule(Some("orders-db")), &mesh).is_some());
    for foreign in [None, Some("orders"), Some("orders-db-2"), Some("")] {
        assert!(OwnedRule::claim(&rule(foreign), &mesh).is_none(), "{foreign:?}");
    }
}
