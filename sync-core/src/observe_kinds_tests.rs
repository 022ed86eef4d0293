//! Addresses of several kinds.

use super::*;

const ALL: [AddressKind; 5] = [
    AddressKind::PublicIpv4,
    AddressKind::PrivateIpv4,
    AddressKind::Ipv6,
    AddressKind::Ipv4Prefix,
    AddressKind::Ipv6Prefix,
];

fn view(public: &[&str], private: &[&str], ipv6: &[&str], prefixes: &[&str]) -> InstanceView {
    let hosts = |texts: &[&str]| texts.iter().map(|text| text.parse().expect(text)).collect();
    InstanceView {
        state: "running".to_owned(),
        asg: Some("orders".into()),
        public_ipv4: hosts(public),
        private_ipv4: hosts(private),
        ipv6: hosts(ipv6),
        prefixes: prefixes.iter().map(|text| text.parse().expect(text)).collect(),
    }
}

/// `i-1` in this state, with these addresses in the row and this view in EC2.
fn seen(state: &str, row: &[&str], shown: InstanceView, kinds: &[AddressKind]) -> Observation {
    let id = InstanceId::new("i-1");
    let listed = [(id.clone(), LifecycleState::new(state))].into();
    let row = row.iter().map(|text| text.parse().expect(text)).collect();
    let remembered = [(id.clone(), row)].into();
    let kinds = kinds.iter().copied().collect();
    observe(&"orders".into(), &listed, Some(&remembered), &[(id, shown)].into(), &kinds)
}

fn texts(seen: &Observation) -> Vec<String> {
    seen.instances.values().flatten().map(ToString::to_string).collect()
}

fn lacks(seen: &Observation) -> Option<String> {
    seen.lacks(&"i-1".into())
}

#[test]
fn every_address_and_every_delegated_prefix_of_the_wanted_kinds_counts() {
    let shown = || {
        view(
            &["54.0.0.1", "54.0.0.2"],
            &["10.0.0.1", "10.0.0.2"],
            &["2600:1f18::1"],
            &["10.0.0.16/28", "2600:1f18:0:0:5::/80"],
        )
    };
    let all = seen("InService", &[], shown(), &ALL);
    assert_eq!(
        texts(&all),
        [
            "10.0.0.1/32",
            "10.0.0.2/32",
            "10.0.0.16/28",
            "54.0.0.1/32",
            "54.0.0.2/32",
            "2600:1f18::1/128",
            "2600:1f18:0:0:5::/80"
        ]
    );
    assert_eq!(lacks(&all), None);
    for (kind, held) in [
        (AddressKind::PrivateIpv4, &["10.0.0.1/32", "10.0.0.2/32"] as &[_]),
        (AddressKind::Ipv4Prefix, &["10.0.0.16/28"]),
        (AddressKind::Ipv6Prefix, &["2600:1f18:0:0:5::/80"]),
    ] {
        assert_eq!(texts(&seen("InService", &[], shown(), &[kind])), held, "{kind}");
    }
}

#[test]
fn a_prefix_of_another_length_than_ec2_delegates_is_none() {
    for prefix in
        ["10.0.0.0/27", "10.0.0.16/29", "10.0.0.16/32", "2600::/64", "2600::/81", "fe80::/80"]
    {
        let shown = view(&[], &[], &[], &[prefix]);
        assert_eq!(texts(&seen("InService", &[], shown, &ALL)), [] as [&str; 0], "{prefix}");
    }
}

#[test]
fn each_kind_that_comes_with_a_launch_is_waited_for() {
    let [public, private, ipv6, ..] = ALL;
    let none = view(&[], &["10.0.0.1"], &[], &[]);
    let seen = |state: &str, row: &[&str], kinds: &[_]| seen(state, row, none.clone(), kinds);
    assert_eq!(lacks(&seen("Pending:Wait", &[], &[private])), None);
    assert_eq!(lacks(&seen("Pending:Wait", &[], &ALL)).as_deref(), Some("public-ipv4 and no ipv6"));
    assert_eq!(lacks(&seen("InService", &[], &[private, ipv6])).as_deref(), Some("ipv6"));
    let row = ["54.0.0.1/32", "10.0.0.9/32"];
    let kept = seen("Pending:Wait", &row, &[public, private]);
    assert_eq!(lacks(&kept), None, "the row has it");
    assert!(kept.address_hidden.contains(&"i-1".into()));
    assert_eq!(texts(&kept), ["10.0.0.1/32", "54.0.0.1/32"]);
}

#[test]
fn a_public_address_in_the_row_is_no_private_one() {
    let [public, private, ..] = ALL;
    let of = |shown: &[&str], row: &[&str]| {
        seen("Pending:Wait", row, view(shown, &[], &[], &[]), &[public, private])
    };
    let waits = of(&["54.0.0.1"], &["54.0.0.1/32"]);
    assert_eq!(lacks(&waits).as_deref(), Some("private-ipv4"));
    assert!(waits.address_hidden.is_empty());
    // EC2 shows neither: the row's address is as likely the public one.
    assert_eq!(lacks(&of(&[], &["54.0.0.1/32"])).as_deref(), Some("private-ipv4"));
    // It may be a private one from a public range, so it stays.
    let both = of(&["54.0.0.1"], &["54.0.0.1/32", "44.0.0.1/32"]);
    assert_eq!(texts(&both), ["44.0.0.1/32", "54.0.0.1/32"]);
}

#[test]
fn a_launching_instance_that_ec2_still_shows_stopped_is_waited_for() {
    let stopped =
        InstanceView { state: "stopped".to_owned(), ..view(&[], &["10.0.0.1"], &[], &[]) };
    let kinds = [AddressKind::PublicIpv4, AddressKind::PrivateIpv4];
    let launching = seen("Pending:Wait", &[], stopped.clone(), &kinds);
    assert_eq!(lacks(&launching).as_deref(), Some("public-ipv4"));
    assert_eq!(lacks(&seen("Standby", &[], stopped, &kinds)), None, "it stays stopped");
}

#[test]
fn private_addresses_from_public_ranges_can_be_told_apart() {
    let mut shown = view(&["54.0.0.1"], &["54.9.0.1", "10.0.0.1", "100.64.0.1"], &[], &[]);
    let private = BTreeSet::from([AddressKind::PrivateIpv4]);
    assert_eq!(shown.addresses(&private).len(), 3);
    shown.tell_private_apart();
    let left: Vec<_> = shown.addresses(&private).iter().map(ToString::to_string).collect();
    assert_eq!(left, ["10.0.0.1/32", "100.64.0.1/32"]);
}
