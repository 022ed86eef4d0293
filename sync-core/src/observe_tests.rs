use super::*;

const ASG: &str = "orders";

fn cidr(text: &str) -> Cidr {
    text.parse().expect(text)
}

fn view(state: &str, ip: Option<&str>, asg: Option<&str>) -> InstanceView {
    InstanceView {
        state: state.to_owned(),
        asg: asg.map(AsgName::from),
        public_ipv4: ip.iter().map(|ip| ip.parse().expect("an address")).collect(),
        private_ipv4: BTreeSet::new(),
        ipv6: BTreeSet::new(),
    }
}

/// One instance `i-1`: its state in Auto Scaling, its address in the row, its view in EC2.
fn one(state: Option<&str>, row: Option<&str>, shown: Option<InstanceView>) -> Observation {
    let id = InstanceId::from("i-1");
    let listed = state.iter().map(|s| (id.clone(), LifecycleState::new(*s))).collect();
    let remembered: Instances =
        row.iter().map(|ip| (id.clone(), BTreeSet::from([cidr(ip)]))).collect();
    let shown = shown.into_iter().map(|view| (id.clone(), view)).collect();
    let kinds = BTreeSet::from([AddressKind::PublicIpv4]);
    observe(&ASG.into(), &listed, Some(&remembered), &shown, &kinds)
}

fn addresses(seen: &Observation) -> Vec<String> {
    seen.instances.values().flatten().map(ToString::to_string).collect()
}

#[test]
fn every_state_of_the_service_is_in_or_out() {
    use Belongs::{No, Unheard, Yes};
    for (state, belongs) in [
        ("Pending", No),
        ("Pending:Wait", Yes),
        ("Pending:Proceed", Yes),
        ("Quarantined", No),
        ("InService", Yes),
        ("Terminating", No),
        ("Terminating:Wait", No),
        ("Terminating:Proceed", No),
        ("Terminating:Retained", Yes),
        ("Terminated", No),
        ("Detaching", Yes),
        ("Detached", No),
        ("EnteringStandby", Yes),
        ("Standby", Yes),
        ("ReplacingRootVolume", Yes),
        ("ReplacingRootVolume:Wait", Yes),
        ("ReplacingRootVolume:Proceed", Yes),
        ("RootVolumeReplaced", Yes),
        ("Warmed:Pending:Wait", No),
        ("Warmed:Stopped", No),
        ("Warmed:Terminating:Retained", No),
        ("Hibernating:Wait", Unheard),
        ("", Unheard),
    ] {
        assert_eq!(LifecycleState::new(state).belongs(), belongs, "{state}");
    }
}

#[test]
fn members_have_the_addresses_ec2_shows() {
    let seen = one(
        Some("InService"),
        Some("54.0.0.1/32"),
        Some(view("running", Some("54.0.0.2"), Some(ASG))),
    );
    assert_eq!(addresses(&seen), ["54.0.0.2/32"]);
    assert!(seen.without_address.is_empty());
}

#[test]
fn promise_2_an_instance_ec2_does_not_show_keeps_its_address() {
    let seen = one(Some("InService"), Some("54.0.0.1/32"), None);
    assert_eq!(addresses(&seen), ["54.0.0.1/32"]);
    assert!(seen.departed.is_empty());
}

#[test]
fn promise_2_an_address_missing_from_an_answer_is_kept_and_said() {
    for state in ["pending", "running"] {
        let shown = Some(view(state, None, Some(ASG)));
        let seen = one(Some("InService"), Some("54.0.0.1/32"), shown);
        assert_eq!(addresses(&seen), ["54.0.0.1/32"], "{state}");
        assert_eq!(seen.address_hidden.len(), 1, "{state}");
        assert!(seen.without_address.is_empty(), "{state}");
    }
}

#[test]
fn a_launching_instance_without_an_address_is_waited_for() {
    for shown in
        [None, Some(view("pending", None, Some(ASG))), Some(view("running", None, Some(ASG)))]
    {
        let seen = one(Some("Pending:Wait"), None, shown);
        assert_eq!(seen.without_address.len(), 1);
    }
}

#[test]
fn a_stopped_member_has_given_its_public_address_back() {
    let seen = one(Some("Standby"), Some("54.0.0.1/32"), Some(view("stopped", None, Some(ASG))));
    assert!(addresses(&seen).is_empty());
    assert!(seen.without_address.is_empty());
}

#[test]
fn a_terminating_instance_departs_with_every_address_it_is_known_by() {
    let seen = one(
        Some("Terminating:Wait"),
        Some("54.0.0.1/32"),
        Some(view("running", Some("54.0.0.2"), Some(ASG))),
    );
    assert!(seen.instances.is_empty());
    let departed: Vec<String> = seen.departed.values().flatten().map(ToString::to_string).collect();
    assert_eq!(departed, ["54.0.0.1/32", "54.0.0.2/32"]);
}

#[test]
fn who_leaves_departs_also_where_no_row_tells_of_it() {
    for (state, departs) in [
        ("Terminating", true),
        ("Terminating:Wait", true),
        ("Terminating:Proceed", true),
        ("Terminated", true),
        // Not in the cluster yet, as far as anybody knows: it has left nothing behind.
        ("Pending", false),
        ("Warmed:Pending:Wait", false),
        ("Warmed:Stopped", false),
    ] {
        let seen = one(Some(state), None, Some(view("running", Some("54.0.0.2"), Some(ASG))));
        assert!(seen.instances.is_empty(), "{state}");
        let left: Vec<String> = seen.departed.values().flatten().map(ToString::to_string).collect();
        assert_eq!(left == ["54.0.0.2/32"], departs, "{state}: {left:?}");
        assert_eq!(seen.departed.is_empty(), !departs, "{state}");
    }
}

#[test]
fn a_member_that_goes_back_to_the_warm_pool_departs() {
    let seen =
        one(Some("Warmed:Stopped"), Some("54.0.0.1/32"), Some(view("stopped", None, Some(ASG))));
    assert!(seen.instances.is_empty());
    let left = Instances::from([("i-1".into(), BTreeSet::from([cidr("54.0.0.1/32")]))]);
    assert_eq!(seen.departed, left);
}

/// It may be on its way back from standby: nothing remembers.
#[test]
fn without_a_row_who_is_pending_and_has_an_address_belongs() {
    let id = InstanceId::from("i-1");
    let listed = BTreeMap::from([(id.clone(), LifecycleState::new("Pending"))]);
    let kinds = BTreeSet::from([AddressKind::PublicIpv4]);
    let observed = |ip| {
        let shown = BTreeMap::from([(id.clone(), view("running", ip, Some(ASG)))]);
        observe(&ASG.into(), &listed, None, &shown, &kinds)
    };
    assert_eq!(addresses(&observed(Some("54.0.0.1"))), ["54.0.0.1/32"]);
    assert_eq!(observed(None), Observation::default());
}

#[test]
fn an_instance_killed_in_ec2_departs_although_auto_scaling_lists_it() {
    let seen =
        one(Some("InService"), Some("54.0.0.1/32"), Some(view("terminated", None, Some(ASG))));
    assert!(seen.instances.is_empty());
    assert_eq!(seen.departed.len(), 1);
}

#[test]
fn promise_2_an_unlisted_instance_is_dropped_only_when_ec2_confirms_it() {
    for (shown, kept) in [
        (Some(view("running", Some("54.0.0.1"), Some(ASG))), true),
        (Some(view("stopped", None, Some(ASG))), true),
        (Some(view("running", Some("54.0.0.1"), None)), false),
        (Some(view("running", Some("54.0.0.1"), Some("another"))), false),
        (Some(view("shutting-down", None, Some(ASG))), false),
        (Some(view("terminated", None, Some(ASG))), false),
        (None, false),
    ] {
        let seen = one(None, Some("54.0.0.1/32"), shown.clone());
        assert_eq!(!seen.instances.is_empty(), kept, "{shown:?}");
    }
}

#[test]
fn promise_2_a_state_never_heard_of_changes_nothing() {
    let shown = view("running", Some("54.0.0.2"), Some(ASG));
    let seen = one(Some("Levitating"), Some("54.0.0.1/32"), Some(shown.clone()));
    assert_eq!(addresses(&seen), ["54.0.0.1/32"]);
    assert!(one(Some("Levitating"), None, Some(shown)).instances.is_empty());
    assert_eq!(seen.unheard.len(), 1);
}

#[test]
fn promise_7_only_configured_kinds_are_observed() {
    let mut shown = view("running", Some("54.0.0.1"), Some(ASG));
    shown.private_ipv4.insert("10.0.0.1".parse().expect("an address"));
    shown.ipv6.insert("2600::1".parse().expect("an address"));
    assert_eq!(addresses(&one(Some("InService"), None, Some(shown))), ["54.0.0.1/32"]);
}
