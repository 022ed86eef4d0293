//! `DescribeInstances`.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::names::InstanceId;
use sync_core::ports::{CallError, Failure, InstanceView};

use crate::bodies::{ec2_error, instance, instances};
use crate::server::{ASG, Endpoint, Params};

const ACTION: &str = "DescribeInstances";

async fn read(
    endpoint: &Endpoint,
    ids: &BTreeSet<InstanceId>,
) -> Result<BTreeMap<InstanceId, InstanceView>, CallError> {
    endpoint.readers().await.observer.instances(ids).await
}

fn ids(count: usize) -> BTreeSet<InstanceId> {
    (0..count).map(|n| InstanceId::new(format!("i-{n:03}"))).collect()
}

fn counted(params: &Params, prefix: &str) -> usize {
    params.keys().filter(|key| key.starts_with(prefix)).count()
}

/// How many ids each call asked for by filter, and how many by list.
async fn sizes(endpoint: &Endpoint) -> Vec<(usize, usize)> {
    let asked = endpoint.asked(ACTION).await;
    let size = |params| (counted(params, "Filter.1.Value."), counted(params, "InstanceId."));
    let mut sizes: Vec<_> = asked.iter().map(size).collect();
    sizes.sort_unstable();
    sizes
}

#[tokio::test]
async fn up_to_200_ids_go_in_one_filter_and_every_page_is_read() {
    let endpoint = Endpoint::start().await;
    let page = |id: &str, next| instances(&[instance(id, ASG, "")], next);
    endpoint.answer_where(ACTION, &[("NextToken", "b")], page("i-001", None)).await;
    endpoint.answer(ACTION, page("i-000", Some("b"))).await;

    let found = read(&endpoint, &ids(200)).await.expect("instances");

    let found: Vec<_> = found.keys().map(InstanceId::as_str).collect();
    assert_eq!(found, ["i-000", "i-001"]);
    assert_eq!(sizes(&endpoint).await, [(200, 0), (200, 0)]);
    for params in &endpoint.asked(ACTION).await {
        assert_eq!(params["Filter.1.Name"], "instance-id");
        assert_eq!(params["MaxResults"], "1000");
        assert_eq!(params["IncludeManagedResources"], "true");
    }
}

#[tokio::test]
async fn more_ids_go_as_lists_of_1000_without_a_page_size() {
    let endpoint = Endpoint::start().await;
    let all: Vec<_> = (0..900).map(|n| instance(&format!("i-{n:03}"), ASG, "")).collect();
    let rest = [("Filter.1.Value.1", "i-999")];
    endpoint.answer_where(ACTION, &rest, instances(&[instance("i-999", ASG, "")], None)).await;
    endpoint.answer(ACTION, instances(&all, None)).await;

    assert_eq!(read(&endpoint, &ids(900)).await.expect("instances").len(), 900);
    assert_eq!(sizes(&endpoint).await, [(0, 900)]);
    let params = &endpoint.asked(ACTION).await[0];
    assert_eq!(params["IncludeManagedResources"], "true");
    // "The parameter instancesSet cannot be used with the parameter maxResults".
    assert!(!params.contains_key("MaxResults"), "{params:?}");

    // The one that no list has room for goes by filter: `i-1000` sorts before `i-101`.
    assert_eq!(read(&endpoint, &ids(1001)).await.expect("instances").len(), 901);
    assert_eq!(sizes(&endpoint).await, [(0, 900), (0, 1000), (1, 0)]);
}

#[tokio::test]
async fn promise_2_one_unknown_id_does_not_hide_the_others() {
    for code in ["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"] {
        let endpoint = Endpoint::start().await;
        let first = [("InstanceId.1", "i-000")];
        endpoint.answer_where(ACTION, &first, ec2_error(400, code, "i-204 is gone")).await;
        for (value, id) in [("i-000", "i-007"), ("i-200", "i-203")] {
            let found = instances(&[instance(id, ASG, "")], None);
            endpoint.answer_where(ACTION, &[("Filter.1.Value.1", value)], found).await;
        }

        let found = read(&endpoint, &ids(205)).await.expect("instances");

        let found: Vec<_> = found.keys().map(InstanceId::as_str).collect();
        assert_eq!(found, ["i-007", "i-203"], "{code}");
        assert_eq!(sizes(&endpoint).await, [(0, 205), (5, 0), (200, 0)], "{code}");
    }
}

#[tokio::test]
async fn promise_2_a_list_that_fails_otherwise_fails_the_whole_read() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, ec2_error(403, "UnauthorizedOperation", "no")).await;
    let error = read(&endpoint, &ids(201)).await.expect_err("a refusal");
    assert_eq!(error.kind, Failure::Denied, "{error}");
    assert_eq!(sizes(&endpoint).await, [(0, 201)]);
}

#[tokio::test]
async fn every_address_of_every_interface_counts() {
    let inner = "
        <privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>54.0.0.1</ipAddress>
        <networkInterfaceSet>
          <item>
            <privateIpAddress>10.0.0.1</privateIpAddress>
            <association><publicIp>54.0.0.1</publicIp><ipOwnerId>amazon</ipOwnerId></association>
            <privateIpAddressesSet>
              <item><privateIpAddress>10.0.0.1</privateIpAddress><primary>true</primary>
                <association><publicIp>54.0.0.1</publicIp></association></item>
              <item><privateIpAddress>10.0.0.2</privateIpAddress><primary>false</primary>
                <association><publicIp>54.0.0.2</publicIp></association></item>
            </privateIpAddressesSet>
            <ipv6AddressesSet><item><ipv6Address>2600:1f18::1</ipv6Address></item></ipv6AddressesSet>
            <ipv4PrefixSet><item><ipv4Prefix>10.0.0.16/28</ipv4Prefix></item></ipv4PrefixSet>
            <ipv6PrefixSet><item><ipv6Prefix>2600:1f18:0:0:5::/80</ipv6Prefix></item></ipv6PrefixSet>
          </item>
          <item>
            <association><publicIp>54.0.0.3</publicIp></association>
            <privateIpAddressesSet>
              <item><privateIpAddress>10.0.1.1</privateIpAddress><primary>true</primary></item>
            </privateIpAddressesSet>
          </item>
        </networkInterfaceSet>";
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, instances(&[instance("i-000", ASG, inner)], None)).await;

    let found = read(&endpoint, &ids(1)).await.expect("an instance");

    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(
        found[&"i-000".into()],
        InstanceView {
            state: "running".to_owned(),
            asg: Some(ASG.into()),
            public_ipv4: addresses(&["54.0.0.1", "54.0.0.2", "54.0.0.3"]),
            private_ipv4: addresses(&["10.0.0.1", "10.0.0.2", "10.0.1.1"]),
            ipv6: addresses(&["2600:1f18::1"]),
            prefixes: ["10.0.0.16/28", "2600:1f18::5:0:0:0/80"].map(|t| t.parse().unwrap()).into(),
        }
    );
}

#[tokio::test]
async fn a_carriers_address_is_not_public() {
    for (interface, public) in [
        ("<association><carrierIp>155.146.1.1</carrierIp></association>", None),
        ("", Some("155.146.1.1")),
    ] {
        let inner = format!(
            "<ipAddress>155.146.1.1</ipAddress>\
             <networkInterfaceSet><item>{interface}</item></networkInterfaceSet>"
        );
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, instances(&[instance("i-000", ASG, &inner)], None)).await;
        let found = read(&endpoint, &ids(1)).await.expect("an instance");
        let shown = &found[&"i-000".into()].public_ipv4;
        assert_eq!(shown.iter().map(ToString::to_string).next().as_deref(), public);
    }
}

#[tokio::test]
async fn promise_2_an_instance_that_cannot_be_read_fails_the_whole_read() {
    let unreadable = [
        instance("i-000", ASG, "<ipAddress>nonsense</ipAddress>"),
        instance(
            "i-000",
            ASG,
            "<networkInterfaceSet><item><ipv4PrefixSet><item><ipv4Prefix>10.0.0.16</ipv4Prefix>\
             </item></ipv4PrefixSet></item></networkInterfaceSet>",
        ),
        "<item><instanceId>i-000</instanceId></item>".to_owned(),
    ];
    for item in unreadable {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, instances(&[item], None)).await;
        let error = read(&endpoint, &ids(1)).await.expect_err("an unreadable instance");
        assert_eq!(error.kind, Failure::Refused, "{error}");
    }
}

#[tokio::test]
async fn no_ids_are_no_call_and_no_instances() {
    let endpoint = Endpoint::start().await;
    assert_eq!(read(&endpoint, &ids(0)).await, Ok(BTreeMap::new()));
    assert!(endpoint.asked(ACTION).await.is_empty());
}
