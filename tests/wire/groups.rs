//! `DescribeAutoScalingGroups` and `DescribeAutoScalingInstances`.

use std::collections::BTreeSet;

use sync_core::names::AsgName;
use sync_core::observe::Belongs;
use sync_core::ports::{Groups, LifecycleState};

use crate::bodies::{auto_scaling, group, groups};
use crate::server::{ASG, Endpoint};

const ACTION: &str = "DescribeAutoScalingGroups";
const INSTANCES: &str = "DescribeAutoScalingInstances";

fn names(count: usize) -> BTreeSet<AsgName> {
    (0..count).map(|n| AsgName::new(format!("g-{n:02}"))).collect()
}

async fn read(endpoint: &Endpoint, names: &BTreeSet<AsgName>) -> Groups {
    endpoint.readers().await.observer.groups(names).await.expect("groups")
}

#[tokio::test]
async fn names_go_50_a_call_and_every_page_is_read() {
    let endpoint = Endpoint::start().await;
    let page = |name: &str, next| groups(&[group(name, &[("i-1", "InService")])], next);
    endpoint.answer_where(ACTION, &[("NextToken", "c")], page("g-01", None)).await;
    endpoint.answer_where(ACTION, &[("NextToken", "b")], groups(&[], Some("c"))).await;
    let second = [("AutoScalingGroupNames.member.1", "g-50")];
    endpoint.answer_where(ACTION, &second, page("g-50", None)).await;
    endpoint.answer(ACTION, page("g-00", Some("b"))).await;

    let found = read(&endpoint, &names(51)).await;

    let found: Vec<_> = found.keys().map(AsgName::as_str).collect();
    assert_eq!(found, ["g-00", "g-01", "g-50"]);
    let asked = endpoint.asked(ACTION).await;
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|params| params["MaxRecords"] == "100"), "{asked:?}");
    assert!(!asked.iter().any(|p| p.contains_key("AutoScalingGroupNames.member.51")));
}

/// Every state that Auto Scaling documents, and one that it does not.
const STATES: [&str; 32] = [
    "Pending",
    "Pending:Wait",
    "Pending:Proceed",
    "Quarantined",
    "InService",
    "Terminating",
    "Terminating:Wait",
    "Terminating:Proceed",
    "Terminating:Retained",
    "Terminated",
    "Detaching",
    "Detached",
    "EnteringStandby",
    "Standby",
    "ReplacingRootVolume",
    "ReplacingRootVolume:Wait",
    "ReplacingRootVolume:Proceed",
    "RootVolumeReplaced",
    "Warmed:Pending",
    "Warmed:Pending:Wait",
    "Warmed:Pending:Proceed",
    "Warmed:Pending:Retained",
    "Warmed:Terminating",
    "Warmed:Terminating:Wait",
    "Warmed:Terminating:Proceed",
    "Warmed:Terminating:Retained",
    "Warmed:Terminated",
    "Warmed:Stopped",
    "Warmed:Running",
    "Warmed:Hibernated",
    "Novel",
    "Novel:State",
];

#[tokio::test]
async fn every_state_is_taken_as_it_is_even_one_never_heard_of() {
    let ids: Vec<_> = (0..STATES.len()).map(|n| format!("i-{n:02}")).collect();
    let instances: Vec<_> = ids.iter().map(String::as_str).zip(STATES).collect();
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, groups(&[group(ASG, &instances)], None)).await;
    let found = read(&endpoint, &BTreeSet::from([ASG.into()])).await;
    let states = &found[&ASG.into()];
    let shown: Vec<_> = states.iter().map(|(id, state)| (id.as_str(), state.as_str())).collect();
    assert_eq!(shown, instances);
    let unheard = |state: &&LifecycleState| state.belongs() == Belongs::Unheard;
    let unheard: Vec<_> = states.values().filter(unheard).map(LifecycleState::as_str).collect();
    assert_eq!(unheard, ["Novel", "Novel:State"], "all others are known for what they are");
}

#[tokio::test]
async fn a_group_that_is_not_there_is_not_in_the_answer() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, groups(&[], None)).await;
    assert_eq!(read(&endpoint, &names(1)).await, Groups::new());
}

#[tokio::test]
async fn no_names_are_no_call_where_aws_would_list_all() {
    let endpoint = Endpoint::start().await;
    assert_eq!(read(&endpoint, &names(0)).await, Groups::new());
    assert!(endpoint.asked(ACTION).await.is_empty());
}

#[tokio::test]
async fn an_instances_state_is_asked_for_by_id() {
    let known = "<AutoScalingInstances><member><InstanceId>i-1</InstanceId>\
        <AutoScalingGroupName>orders-us-east-1</AutoScalingGroupName>\
        <LifecycleState>Terminating:Wait</LifecycleState></member></AutoScalingInstances>";
    for (answer, state) in [(known, Some("Terminating:Wait")), ("<AutoScalingInstances/>", None)] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(INSTANCES, auto_scaling(INSTANCES, answer)).await;
        let observer = endpoint.readers().await.observer;
        let found = observer.lifecycle_state(&"i-1".into()).await.expect("an answer");
        assert_eq!(found.as_ref().map(LifecycleState::as_str), state);
        assert_eq!(found.as_ref().is_some_and(LifecycleState::is_waiting), state.is_some());
        assert_eq!(endpoint.asked(INSTANCES).await[0]["InstanceIds.member.1"], "i-1");
    }
}
