//! `DescribeSecurityGroupRules`.

use std::collections::BTreeMap;

use sync_core::ingress::Ingress;
use sync_core::names::SecurityGroupId;
use sync_core::ports::{CallError, Failure};

use crate::bodies::{rule, rules};
use crate::server::{Endpoint, GROUP};

const ACTION: &str = "DescribeSecurityGroupRules";

async fn read(
    endpoint: &Endpoint,
    groups: &[&str],
) -> Result<BTreeMap<SecurityGroupId, Ingress>, CallError> {
    let groups: Vec<_> = groups.iter().map(|group| SecurityGroupId::new(*group)).collect();
    endpoint.readers().await.rules.rules(&groups).await
}

#[tokio::test]
async fn every_page_of_every_group_is_read_and_egress_left_out() {
    let endpoint = Endpoint::start().await;
    let egress = rule("sgr-9", "<cidrIpv4>0.0.0.0/0</cidrIpv4>").replace(">false<", ">true<");
    let pages = [
        (Some("b"), rules(&[], Some("c"))),
        (Some("c"), rules(&[rule("sgr-2", "<cidrIpv6>2001:db8::7/128</cidrIpv6>"), egress], None)),
        (None, rules(&[rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>")], Some("b"))),
    ];
    for (token, page) in pages {
        let params: Vec<_> = token.iter().map(|token| ("NextToken", *token)).collect();
        endpoint.answer_where(ACTION, &params, page).await;
    }

    let found = read(&endpoint, &[GROUP, "sg-empty"]).await.expect("rules");

    let shown = |group: &str| -> Vec<_> {
        found[&group.into()].iter().map(|rule| format!("{} {rule}", rule.id)).collect()
    };
    assert_eq!(
        shown(GROUP),
        ["sgr-1 tcp 7000-7001 54.1.2.3/32", "sgr-2 tcp 7000-7001 2001:db8::7/128"]
    );
    assert_eq!(shown("sg-empty"), [""; 0]);
    let first = &found[&GROUP.into()][0];
    assert_eq!(first.tags, BTreeMap::from([("sgsync:mesh".to_owned(), "orders-db".to_owned())]));
    assert_eq!(first.description.as_deref(), Some("sgsync orders-db i-1"));
    let asked = endpoint.asked(ACTION).await;
    assert_eq!(asked.len(), 3);
    let first: Vec<_> = asked[0].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        first,
        [
            "Action=DescribeSecurityGroupRules",
            "Filter.1.Name=group-id",
            "Filter.1.Value.1=sg-0123456789abcdef0",
            "Filter.1.Value.2=sg-empty",
            "MaxResults=1000",
            "Version=2016-11-15",
        ]
    );
}

#[tokio::test]
async fn rules_of_groups_and_prefix_lists_are_kept() {
    let endpoint = Endpoint::start().await;
    let group =
        "<referencedGroupInfo><groupId>sg-9</groupId><userId>1</userId></referencedGroupInfo>";
    let items = [rule("sgr-1", "<prefixListId>pl-1</prefixListId>"), rule("sgr-2", group)];
    endpoint.answer(ACTION, rules(&items, None)).await;
    let found = read(&endpoint, &[GROUP]).await.expect("rules");
    let shown: Vec<_> = found[&GROUP.into()].iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["tcp 7000-7001 pl-1", "tcp 7000-7001 sg-9"]);
}

#[tokio::test]
async fn promise_2_a_rule_that_cannot_be_read_fails_the_whole_read() {
    for source in ["", "<cidrIpv4>nonsense</cidrIpv4>"] {
        let endpoint = Endpoint::start().await;
        let fine = rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>");
        endpoint.answer(ACTION, rules(&[fine, rule("sgr-2", source)], None)).await;
        let error = read(&endpoint, &[GROUP]).await.expect_err("an unreadable rule");
        assert_eq!(error.kind, Failure::Refused);
        assert!(error.message.starts_with("sgr-2: "), "{error}");
    }
}

#[tokio::test]
async fn promise_2_a_page_that_fails_fails_the_whole_read() {
    let endpoint = Endpoint::start().await;
    let failure = crate::bodies::ec2_error(503, "Unavailable", "try later");
    endpoint.answer_where(ACTION, &[("NextToken", "b")], failure).await;
    endpoint.answer(ACTION, rules(&[], Some("b"))).await;
    let error = read(&endpoint, &[GROUP]).await.expect_err("no second page");
    assert_eq!(error.kind, Failure::Unavailable);
}

#[tokio::test]
async fn pages_that_do_not_end_are_an_error() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, rules(&[], Some("again"))).await;
    let error = read(&endpoint, &[GROUP]).await.expect_err("an endless list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Unavailable, "EndlessPages"));
}
