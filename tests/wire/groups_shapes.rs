//! Auto Scaling's answers in odd shapes.

use std::collections::BTreeSet;

use sync_core::names::AsgName;
use sync_core::ports::{CallError, Failure, Groups, LifecycleState};
use wiremock::ResponseTemplate;

use crate::bodies::{auto_scaling, group, groups};
use crate::server::{ASG, Endpoint};

const ACTION: &str = "DescribeAutoScalingGroups";
const MEMBER: &str = "DescribeAutoScalingInstances";

async fn read(endpoint: &Endpoint) -> Result<Groups, CallError> {
    endpoint.readers().await.observer.groups(&BTreeSet::from([ASG.into()])).await
}

async fn unreadable(answer: ResponseTemplate, problem: &str) {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, answer).await;
    let error = read(&endpoint).await.expect_err(problem);
    assert_eq!((error.kind, error.code.as_str()), (Failure::Refused, "UnreadableAnswer"));
    assert!(error.message.contains(problem), "{error}");
}

/// Scaled to zero is empty; a group without a list of instances is not known, nor is one
/// that an answer without a list of groups does not name.
#[tokio::test]
async fn promise_2_an_empty_group_is_told_from_one_without_a_list() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, groups(&[group(ASG, &[])], None)).await;
    let found = read(&endpoint).await.expect("an empty group");
    assert_eq!(found[&AsgName::new(ASG)].len(), 0);

    let bare = group(ASG, &[]).replace("<Instances></Instances>", "");
    unreadable(groups(&[bare], None), "orders-us-east-1: no list of instances").await;

    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, auto_scaling(ACTION, "")).await;
    assert_eq!(read(&endpoint).await, Ok(Groups::new()), "no group, and no empty one");
}

#[tokio::test]
async fn promise_2_a_group_or_instance_without_its_parts_fails_the_whole_read() {
    let whole = group(ASG, &[("i-1", "InService")]);
    for (part, problem) in [
        ("<AutoScalingGroupName>orders-us-east-1</AutoScalingGroupName>", "a group without a name"),
        ("<InstanceId>i-1</InstanceId>", "an instance without an id"),
        ("<LifecycleState>InService</LifecycleState>", "i-1 without a lifecycle state"),
    ] {
        unreadable(groups(&[whole.replace(part, "")], None), problem).await;
    }
}

/// A group may go on on the next page, and a page may be empty and not the last.
#[tokio::test]
async fn a_group_on_two_pages_is_one_group() {
    let endpoint = Endpoint::start().await;
    let page = |id: &str, next| groups(&[group(ASG, &[(id, "InService")])], next);
    endpoint.answer_where(ACTION, &[("NextToken", "c")], page("i-2", None)).await;
    endpoint.answer_where(ACTION, &[("NextToken", "b")], groups(&[], Some("c"))).await;
    endpoint.answer(ACTION, page("i-1", Some("b"))).await;
    let found = read(&endpoint).await.expect("a group");
    let ids: Vec<_> = found[&AsgName::new(ASG)].keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["i-1", "i-2"]);
    assert_eq!(endpoint.asked(ACTION).await.len(), 3);
}

#[tokio::test]
async fn a_token_that_comes_again_ends_the_read_and_fails_it() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, groups(&[], Some("b"))).await;
    let error = read(&endpoint).await.expect_err("an endless list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Unavailable, "EndlessPages"));
    assert_eq!(endpoint.asked(ACTION).await.len(), 2);
}

/// An instance that Auto Scaling does not know has its hook behind it. One whose state is
/// missing, and an answer without a list, say nothing of the kind.
#[tokio::test]
async fn promise_3_an_unknown_instance_is_told_from_one_whose_state_is_missing() {
    let member = |inner: &str| {
        let list = "<AutoScalingInstances>{}</AutoScalingInstances>".replace("{}", inner);
        auto_scaling(MEMBER, &list)
    };
    let known = "<member><InstanceId>i-1</InstanceId><LifecycleState>Pending:Wait</LifecycleState>\
                 </member>";
    for (answer, wanted) in [
        (member(""), Ok(None)),
        (member(&known.replace("i-1", "i-2")), Ok(None)),
        (member(known), Ok(Some("Pending:Wait"))),
        (member("<member><InstanceId>i-1</InstanceId></member>"), Err("i-1 without a state")),
        (auto_scaling(MEMBER, ""), Err("an answer without its list")),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(MEMBER, answer).await;
        let found = endpoint.readers().await.observer.lifecycle_state(&"i-1".into()).await;
        let found = found.as_ref().map(|state| state.as_ref().map(LifecycleState::as_str));
        assert_eq!(found.map_err(|error| error.message.as_str()), wanted);
    }
}
