//! Instances as EC2 may show them, and answers in odd shapes.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::names::InstanceId;
use sync_core::ports::{CallError, Failure, InstanceView};

use crate::bodies::{ec2, instance, instances};
use crate::server::{ASG, Endpoint};

const ACTION: &str = "DescribeInstances";
const RUNNING: &str = "<instanceState><code>16</code><name>running</name></instanceState>";

type Found = BTreeMap<InstanceId, InstanceView>;

async fn read(endpoint: &Endpoint) -> Result<Found, CallError> {
    let ids: BTreeSet<InstanceId> = ["i-1".into(), "i-2".into()].into();
    endpoint.readers().await.observer.instances(&ids).await
}

async fn shown(items: &[String]) -> Found {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, instances(items, None)).await;
    read(&endpoint).await.expect("instances")
}

/// Terminated instances stay listed for about an hour, without their interfaces.
#[tokio::test]
async fn a_terminated_instance_is_there_dead_and_without_addresses() {
    let state = "<instanceState><code>48</code><name>terminated</name></instanceState>";
    let inner = "<privateDnsName/><dnsName/><networkInterfaceSet/>";
    let found = shown(&[instance("i-1", ASG, inner).replace(RUNNING, state)]).await;
    let view = &found[&"i-1".into()];
    assert!(view.is_dead());
    assert_eq!(view.asg, Some(ASG.into()));
    assert!(view.public_ipv4.is_empty() && view.private_ipv4.is_empty() && view.ipv6.is_empty());
}

/// A filter answers with what there is. Which absence means what is the core's to judge.
#[tokio::test]
async fn an_instance_that_is_left_out_is_not_in_the_answer() {
    let found = shown(&[instance("i-2", ASG, "")]).await;
    assert_eq!(found.keys().map(ToString::to_string).collect::<Vec<_>>(), ["i-2"]);
}

#[tokio::test]
async fn a_state_never_heard_of_is_taken_as_it_is_and_is_not_death() {
    let found = shown(&[instance("i-1", ASG, "").replace(">running<", ">hibernating<")]).await;
    let view = &found[&"i-1".into()];
    assert_eq!(view.state, "hibernating");
    assert!(!view.is_dead());
}

/// Just after "running" there may be no address, or an empty element in its place.
#[tokio::test]
async fn an_address_that_is_not_there_yet_is_none() {
    for inner in [
        "",
        "<ipAddress/>",
        "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>\
         <association><publicIp></publicIp></association><ipv6AddressesSet/></item>\
         </networkInterfaceSet>",
    ] {
        let found = shown(&[instance("i-1", ASG, inner)]).await;
        assert!(found[&"i-1".into()].public_ipv4.is_empty(), "{inner}");
    }
}

/// An untagged instance has no list of tags at all: it is no group's.
#[tokio::test]
async fn an_instance_without_tags_is_no_groups() {
    let item = instance("i-1", ASG, "");
    let tags = item.find("<tagSet>").expect("tags");
    let found = shown(&[format!("{}</item>", &item[..tags])]).await;
    assert_eq!(found[&"i-1".into()].asg, None);
}

#[tokio::test]
async fn every_spelling_of_an_address_is_one() {
    let inner = "<networkInterfaceSet><item><ipv6AddressesSet>\
        <item><ipv6Address>2600:1F18:0:0:0:0:0:1</ipv6Address></item>\
        <item><ipv6Address>2600:1f18::1</ipv6Address></item>\
        </ipv6AddressesSet></item></networkInterfaceSet>";
    let found = shown(&[instance("i-1", ASG, inner)]).await;
    let ipv6: Vec<_> = found[&"i-1".into()].ipv6.iter().map(ToString::to_string).collect();
    assert_eq!(ipv6, ["2600:1f18::1"]);
}

#[tokio::test]
async fn an_instance_on_two_pages_is_as_the_later_page_has_it() {
    let endpoint = Endpoint::start().await;
    let later = instance("i-1", ASG, "").replace(">running<", ">shutting-down<");
    endpoint.answer_where(ACTION, &[("NextToken", "c")], instances(&[later], None)).await;
    endpoint.answer_where(ACTION, &[("NextToken", "b")], instances(&[], Some("c"))).await;
    endpoint.answer(ACTION, instances(&[instance("i-1", ASG, "")], Some("b"))).await;
    let found = read(&endpoint).await.expect("an instance");
    assert_eq!(found.len(), 1);
    assert!(found[&"i-1".into()].is_dead());
    assert_eq!(endpoint.asked(ACTION).await.len(), 3);
}

#[tokio::test]
async fn a_token_that_comes_again_ends_the_read_and_fails_it() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, instances(&[instance("i-1", ASG, "")], Some("b"))).await;
    let error = read(&endpoint).await.expect_err("an endless list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Unavailable, "EndlessPages"));
    assert_eq!(endpoint.asked(ACTION).await.len(), 2);
}

/// Nobody found is an empty list. An answer without one confirms nobody's end.
#[tokio::test]
async fn promise_2_nobody_is_told_from_an_answer_without_a_list() {
    assert_eq!(shown(&[]).await, Found::new());
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, ec2(ACTION, "")).await;
    let error = read(&endpoint).await.expect_err("no list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Refused, "UnreadableAnswer"));
}
