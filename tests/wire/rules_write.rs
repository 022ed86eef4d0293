//! `AuthorizeSecurityGroupIngress` and `RevokeSecurityGroupIngress`.

use std::collections::BTreeMap;

use sync_core::permission::{MEMBER_TAG, MESH_TAG, Permission, Protocol, Traffic};
use sync_core::ports::{Grant, Receipt};
use wiremock::ResponseTemplate;

use crate::bodies::{authorized, ec2, rule};
use crate::server::{Endpoint, GROUP, REQUEST_ID};

pub const AUTHORIZE: &str = "AuthorizeSecurityGroupIngress";
pub const REVOKE: &str = "RevokeSecurityGroupIngress";

pub fn permission(protocol: &str, from: u16, to: u16, cidr: &str) -> Permission {
    let traffic = Traffic::ports(Protocol::parse(protocol).expect("a protocol"), from, to);
    Permission { traffic, cidr: cidr.parse().expect("a cidr") }
}

pub fn grant(permissions: &[Permission]) -> Grant {
    let described = |p: &Permission| (*p, "sgsync orders-db i-1".to_owned());
    Grant {
        group: GROUP.into(),
        tags: [(MESH_TAG, "orders-db"), (MEMBER_TAG, "us-east-1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        permissions: permissions.iter().map(described).collect(),
    }
}

#[tokio::test]
async fn one_call_carries_every_range_tagged_and_described() {
    let endpoint = Endpoint::start().await;
    let made = [
        rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>"),
        rule("sgr-2", "<cidrIpv6>2001:db8::7/128</cidrIpv6>"),
        rule("sgr-3", "<cidrIpv4>54.1.2.3/32</cidrIpv4>").replace(
            "<ipProtocol>tcp</ipProtocol><fromPort>7000</fromPort><toPort>7001</toPort>",
            "<ipProtocol>-1</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort>",
        ),
    ];
    let body = authorized(&made);
    endpoint.answer(AUTHORIZE, ResponseTemplate::new(200).set_body_raw(body, "text/xml")).await;
    let (v4, v6) = ("54.1.2.3/32", "2001:db8::7/128");
    let wanted = [
        permission("tcp", 7000, 7001, v6),
        permission("tcp", 7000, 7001, v4),
        permission("all", 0, 0, v4),
    ];

    let receipt = endpoint.writers().await.rules.authorize(&grant(&wanted)).await.expect("rules");

    assert_eq!(receipt.request_id.as_deref(), Some(REQUEST_ID));
    assert_eq!(
        receipt.rules,
        BTreeMap::from([
            (wanted[0], "sgr-2".into()),
            (wanted[1], "sgr-1".into()),
            (wanted[2], "sgr-3".into()),
        ])
    );
    let sent: Vec<_> =
        endpoint.asked(AUTHORIZE).await[0].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        sent,
        [
            "Action=AuthorizeSecurityGroupIngress",
            "GroupId=sg-0123456789abcdef0",
            "IpPermissions.1.IpProtocol=-1",
            "IpPermissions.1.IpRanges.1.CidrIp=54.1.2.3/32",
            "IpPermissions.1.IpRanges.1.Description=sgsync orders-db i-1",
            "IpPermissions.2.FromPort=7000",
            "IpPermissions.2.IpProtocol=tcp",
            "IpPermissions.2.IpRanges.1.CidrIp=54.1.2.3/32",
            "IpPermissions.2.IpRanges.1.Description=sgsync orders-db i-1",
            "IpPermissions.2.Ipv6Ranges.1.CidrIpv6=2001:db8::7/128",
            "IpPermissions.2.Ipv6Ranges.1.Description=sgsync orders-db i-1",
            "IpPermissions.2.ToPort=7001",
            "TagSpecification.1.ResourceType=security-group-rule",
            "TagSpecification.1.Tag.1.Key=sgsync:member",
            "TagSpecification.1.Tag.1.Value=us-east-1",
            "TagSpecification.1.Tag.2.Key=sgsync:mesh",
            "TagSpecification.1.Tag.2.Value=orders-db",
            "Version=2016-11-15",
        ]
    );
}

#[tokio::test]
async fn rules_are_revoked_by_id() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(REVOKE, ec2(REVOKE, "<return>true</return>")).await;
    let rules = ["sgr-2".into(), "sgr-1".into(), "sgr-2".into()];
    let receipt = endpoint.writers().await.rules.revoke(&GROUP.into(), &rules).await;
    assert_eq!(receipt.expect("revoked").request_id.as_deref(), Some(REQUEST_ID));
    let sent: Vec<_> =
        endpoint.asked(REVOKE).await[0].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        sent,
        [
            "Action=RevokeSecurityGroupIngress",
            "GroupId=sg-0123456789abcdef0",
            "SecurityGroupRuleId.1=sgr-1",
            "SecurityGroupRuleId.2=sgr-2",
            "Version=2016-11-15",
        ]
    );
}

/// EC2 refuses the whole request for one character that it does not allow.
#[tokio::test]
async fn a_description_that_ec2_would_refuse_is_made_one_it_takes() {
    let endpoint = Endpoint::start().await;
    let success = ec2(AUTHORIZE, "<return>true</return>");
    endpoint.answer(AUTHORIZE, success).await;
    let mut wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")]);
    wanted.permissions[0].1 = format!("sgsync <é>|i-1{}", "x".repeat(300));
    endpoint.writers().await.rules.authorize(&wanted).await.expect("a rule");
    let sent = &endpoint.asked(AUTHORIZE).await[0]["IpPermissions.1.IpRanges.1.Description"];
    assert_eq!(*sent, format!("sgsync ____i-1{}", "x".repeat(241)));
}

#[tokio::test]
async fn nothing_to_change_is_no_call() {
    let endpoint = Endpoint::start().await;
    let writer = endpoint.writers().await.rules;
    assert_eq!(writer.authorize(&grant(&[])).await, Ok(Receipt::default()));
    assert_eq!(writer.revoke(&GROUP.into(), &[]).await, Ok(Receipt::default()));
    assert!(endpoint.asked(AUTHORIZE).await.is_empty() && endpoint.asked(REVOKE).await.is_empty());
}
