//! `DescribeInstances`.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::names::InstanceId;
use sync_core::ports::{CallError, Failure, InstanceView};

use crate::bodies::{instance, instances};
use crate::server::{ASG, Endpoint};

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

#[tokio::test]
async fn ids_go_in_filters_of_200_and_every_page_is_read() {
    let endpoint = Endpoint::start().await;
    let page = |id: &str, next| instances(&[instance(id, ASG, "")], next);
    endpoint.answer_where(ACTION, &[("NextToken", "b")], page("i-001", None)).await;
    let second = [("Filter.1.Value.1", "i-200")];
    endpoint.answer_where(ACTION, &second, page("i-200", None)).await;
    endpoint.answer(ACTION, page("i-000", Some("b"))).await;

    let found = read(&endpoint, &ids(201)).await.expect("instances");

    let found: Vec<_> = found.keys().map(InstanceId::as_str).collect();
    assert_eq!(found, ["i-000", "i-001", "i-200"]);
    let asked = endpoint.asked(ACTION).await;
    assert_eq!(asked.len(), 3);
    let filters = |params: &BTreeMap<String, String>| {
        params.keys().filter(|key| key.starts_with("Filter.1.Value.")).count()
    };
    let mut sizes: Vec<_> = asked.iter().map(filters).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 200, 200]);
    for params in &asked {
        assert_eq!(params["Filter.1.Name"], "instance-id");
        assert_eq!(params["MaxResults"], "1000");
        assert_eq!(params["IncludeManagedResources"], "true");
        assert!(!params.keys().any(|key| key.starts_with("InstanceId")), "{params:?}");
    }
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
