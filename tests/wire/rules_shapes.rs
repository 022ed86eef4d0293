//! Rules as EC2 may show them: every way to say a thing, and things we have not heard of.

use sync_core::names::SecurityGroupId;
use sync_core::permission::Rule;
use sync_core::ports::{CallError, Failure};

use crate::bodies::{ec2, ec2_error, rule, rules};
use crate::server::{Endpoint, GROUP};

const ACTION: &str = "DescribeSecurityGroupRules";
const V4: &str = "<cidrIpv4>54.1.2.3/32</cidrIpv4>";
const PORTS: &str = "<ipProtocol>tcp</ipProtocol><fromPort>7000</fromPort><toPort>7001</toPort>";

async fn read(endpoint: &Endpoint) -> Result<Vec<Rule>, CallError> {
    let group = SecurityGroupId::new(GROUP);
    let found = endpoint.readers().await.rules.rules(std::slice::from_ref(&group)).await;
    found.map(|mut found| found.remove(&group).expect("the group").rules)
}

async fn shown(items: &[String]) -> Vec<String> {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, rules(items, None)).await;
    let found = read(&endpoint).await.expect("rules");
    found.iter().map(|rule| format!("{} {rule}", rule.id)).collect()
}

/// `-1` shows its ports as -1, or not at all; the ports of a number mean nothing.
#[tokio::test]
async fn every_way_to_say_all_ports_is_one() {
    let all = |protocol: &str, ports: &str| {
        let traffic = format!("<ipProtocol>{protocol}</ipProtocol>{ports}");
        rule("sgr-1", V4).replace(PORTS, &traffic)
    };
    let (none, minus, some) = (
        "",
        "<fromPort>-1</fromPort><toPort>-1</toPort>",
        "<fromPort>0</fromPort><toPort>65535</toPort>",
    );
    for (protocol, ports, text) in [
        ("-1", none, "all"),
        ("-1", minus, "all"),
        ("-1", some, "all"),
        ("50", none, "50"),
        ("50", some, "50"),
        ("6", some, "tcp 0-65535"),
        ("tcp", some, "tcp 0-65535"),
        ("icmp", none, "icmp"),
        ("icmp", minus, "icmp"),
        ("1", "<fromPort>8</fromPort><toPort>-1</toPort>", "icmp type 8 code -1"),
        ("58", minus, "icmpv6"),
    ] {
        let found = shown(&[all(protocol, ports)]).await;
        assert_eq!(found, [format!("sgr-1 {text} 54.1.2.3/32")], "{protocol} {ports}");
    }
}

/// AWS clears host bits and has one spelling; what it shows is read in any.
#[tokio::test]
async fn every_spelling_of_a_block_is_one() {
    for (source, text) in [
        ("<cidrIpv4>100.68.0.18/18</cidrIpv4>", "100.68.0.0/18"),
        ("<cidrIpv6>2001:0DB8:0:0:0:0:0:7/128</cidrIpv6>", "2001:db8::7/128"),
        ("<cidrIpv6>2001:db8::ffff/64</cidrIpv6>", "2001:db8::/64"),
        ("<cidrIpv6>::/0</cidrIpv6>", "::/0"),
    ] {
        assert_eq!(shown(&[rule("sgr-1", source)]).await, [format!("sgr-1 tcp 7000-7001 {text}")]);
    }
}

#[tokio::test]
async fn empty_tags_and_descriptions_are_none() {
    let bare = rule("sgr-1", V4)
        .replace("<description>sgsync orders-db i-1</description>", "<description/>");
    let start = bare.find("<tagSet>").expect("tags");
    let end = bare.find("</tagSet>").expect("tags") + "</tagSet>".len();
    for tags in ["", "<tagSet/>"] {
        let endpoint = Endpoint::start().await;
        let item = format!("{}{tags}{}", &bare[..start], &bare[end..]);
        endpoint.answer(ACTION, rules(&[item], None)).await;
        let found = read(&endpoint).await.expect("a rule");
        assert!(found[0].tags.is_empty() && found[0].description.as_deref() != Some("sgsync"));
    }
}

/// Pages shift while rules come and go. Twice in a plan's removals, a rule makes the
/// planner's check refuse the whole plan.
#[tokio::test]
async fn a_rule_on_two_pages_is_one_rule_as_the_later_page_has_it() {
    let endpoint = Endpoint::start().await;
    let later = rule("sgr-1", V4).replace("orders-db i-1", "orders-db i-2");
    let last = rules(&[later, rule("sgr-2", "<cidrIpv4>54.1.2.4/32</cidrIpv4>")], None);
    endpoint.answer_where(ACTION, &[("NextToken", "c")], last).await;
    endpoint.answer_where(ACTION, &[("NextToken", "b")], rules(&[], Some("c"))).await;
    endpoint.answer(ACTION, rules(&[rule("sgr-1", V4)], Some("b"))).await;

    let found = read(&endpoint).await.expect("rules");

    let ids: Vec<_> = found.iter().map(|rule| rule.id.to_string()).collect();
    assert_eq!(ids, ["sgr-1", "sgr-2"]);
    assert_eq!(found[0].description.as_deref(), Some("sgsync orders-db i-2"));
    assert_eq!(endpoint.asked(ACTION).await.len(), 3);
}

#[tokio::test]
async fn a_token_that_comes_again_ends_the_read_and_fails_it() {
    let endpoint = Endpoint::start().await;
    endpoint.answer_where(ACTION, &[("NextToken", "b")], rules(&[], Some("c"))).await;
    endpoint.answer_where(ACTION, &[("NextToken", "c")], rules(&[], Some("b"))).await;
    endpoint.answer(ACTION, rules(&[rule("sgr-1", V4)], Some("b"))).await;
    let error = read(&endpoint).await.expect_err("an endless list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Unavailable, "EndlessPages"));
    assert_eq!(endpoint.asked(ACTION).await.len(), 3);
}

/// An empty list is written as one; none at all says nothing of what is in the group.
#[tokio::test]
async fn promise_2_a_group_without_rules_is_told_from_an_answer_without_a_list() {
    assert_eq!(shown(&[]).await, [""; 0]);
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, ec2(ACTION, "")).await;
    let error = read(&endpoint).await.expect_err("no list");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Refused, "UnreadableAnswer"));
}

/// Each may be a rule of ours that a release to come writes in another way: left out, it
/// would count as gone, and be added again.
#[tokio::test]
async fn promise_2_what_is_not_known_fails_the_whole_read() {
    let fine = rule("sgr-1", V4);
    let novel = |from: &str, to: &str| rule("sgr-2", V4).replace(from, to);
    for (item, problem) in [
        (novel(V4, "<novelSource>x</novelSource>"), "sgr-2: not exactly one source that we know"),
        (
            novel(V4, "<referencedGroupInfo><userId>1</userId></referencedGroupInfo>"),
            "sgr-2: not exactly one source that we know",
        ),
        (novel(V4, &format!("{V4}<prefixListId>pl-1</prefixListId>")), "sgr-2: not exactly one"),
        (novel(">tcp<", ">quic<"), "sgr-2: `quic` is no protocol we know"),
        (novel(">tcp<", ">256<"), "sgr-2: `256` is no protocol we know"),
        (novel("54.1.2.3/32", "54.1.2.3/33"), "sgr-2: `54.1.2.3/33` is not an address block"),
        (novel(GROUP, "sg-somebody"), "sgr-2: in none of the groups asked for"),
        (novel(&format!("<groupId>{GROUP}</groupId>"), ""), "sgr-2: in none of the groups"),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, rules(&[fine.clone(), item], None)).await;
        let error = read(&endpoint).await.expect_err(problem);
        assert_eq!(error.code, "UnreadableAnswer", "{error}");
        assert!(error.message.starts_with(problem), "{error}");
    }
}

/// Somebody else's way out is nobody's business here, in whatever shape.
#[tokio::test]
async fn what_is_not_known_on_the_way_out_is_left_out() {
    let egress = rule("sgr-9", "<novelSource>x</novelSource>").replace(">false<", ">true<");
    assert_eq!(shown(&[egress]).await, [""; 0]);
}

/// A group that is new may not be visible yet: not known, which is not empty.
#[tokio::test]
async fn promise_2_a_group_that_is_not_found_is_an_error_not_a_group_without_rules() {
    for code in ["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"] {
        let endpoint = Endpoint::start().await;
        let message = format!("The security group '{GROUP}' does not exist");
        endpoint.answer(ACTION, ec2_error(400, code, &message)).await;
        let error = read(&endpoint).await.expect_err("no group");
        assert_eq!((error.kind, error.message), (Failure::NotFound, message));
    }
}
