//! What EC2's answers to Authorize and Revoke say, and what of it is believed.

use sync_core::ports::{CallError, Failure, Receipt};

use crate::bodies::{ec2, ec2_error, rule};
use crate::rules_write::{AUTHORIZE, REVOKE, grant, permission};
use crate::server::{Endpoint, GROUP, REQUEST_ID};

const V4: &str = "<cidrIpv4>54.1.2.3/32</cidrIpv4>";
/// The same block as EC2 may spell it; `2001:db8::7` is what we sent.
const V6: &str = "<cidrIpv6>2001:0DB8:0:0::7/128</cidrIpv6>";
const UNKNOWN: &str = "<unknownIpPermissionSet><item><ipProtocol>tcp</ipProtocol>\
    <fromPort>7000</fromPort><toPort>7001</toPort><groups/>\
    <ipRanges><item><cidrIp>54.1.2.3/32</cidrIp></item></ipRanges><ipv6Ranges/>\
    <prefixListIds/></item></unknownIpPermissionSet>";

async fn authorize(inner: &str) -> Result<Receipt, CallError> {
    let endpoint = Endpoint::start().await;
    endpoint.answer(AUTHORIZE, ec2(AUTHORIZE, inner)).await;
    let v6 = permission("tcp", 7000, 7001, "2001:db8::7/128");
    let wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32"), v6]);
    let answer = endpoint.writers().await.rules.authorize(&wanted).await;
    assert_eq!(endpoint.asked(AUTHORIZE).await.len(), 1);
    answer
}

async fn revoke(inner: &str) -> Result<Receipt, CallError> {
    let endpoint = Endpoint::start().await;
    endpoint.answer(REVOKE, ec2(REVOKE, inner)).await;
    let rules = ["sgr-1".into(), "sgr-2".into()];
    let answer = endpoint.writers().await.rules.revoke(&GROUP.into(), &rules).await;
    let asked = endpoint.asked(REVOKE).await;
    assert_eq!(asked.len(), 1);
    // By id only: properties that match nothing would be a success in a default VPC.
    assert!(!asked[0].keys().any(|name| name.contains("IpPermissions")), "{asked:?}");
    assert!(!asked[0].keys().any(|name| name.contains("Cidr")), "{asked:?}");
    answer
}

fn revoked(ids: &[&str]) -> String {
    let item = |id: &&str| {
        format!(
            "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>{GROUP}</groupId>\
             <isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>7000</fromPort>\
             <toPort>7001</toPort>{V4}</item>"
        )
    };
    let items: String = ids.iter().map(item).collect();
    format!(
        "<return>true</return><revokedSecurityGroupRuleSet>{items}</revokedSecurityGroupRuleSet>"
    )
}

fn doubted(error: &CallError) {
    assert_eq!((error.kind, error.code.as_str()), (Failure::NoAnswer, "NotAllOfIt"), "{error}");
    assert_eq!(error.request_id.as_deref(), Some(REQUEST_ID));
}

#[tokio::test]
async fn rules_that_the_answer_names_have_their_ids_in_any_spelling() {
    let made = format!(
        "<return>true</return><securityGroupRuleSet>{}{}</securityGroupRuleSet>",
        rule("sgr-1", V4),
        rule("sgr-2", V6)
    );
    let receipt = authorize(&made).await.expect("two rules");
    let ids: Vec<_> = receipt.rules.values().map(ToString::to_string).collect();
    assert_eq!(ids, ["sgr-1", "sgr-2"]);
}

/// Answers were shorter once, and a rule that a later release spells in a new way was
/// made all the same.
#[tokio::test]
async fn an_answer_that_names_no_rules_or_new_ones_is_believed() {
    let new = rule("sgr-1", V4).replace(V4, "<novelSource>x</novelSource>");
    for inner in [
        "<return>true</return>".to_owned(),
        format!("<return>true</return><securityGroupRuleSet>{new}</securityGroupRuleSet>"),
    ] {
        assert_eq!(authorize(&inner).await.expect("success").rules.len(), 0, "{inner}");
    }
    let receipt = revoke("<return>true</return>").await.expect("success");
    assert_eq!(receipt.request_id.as_deref(), Some(REQUEST_ID));
}

#[tokio::test]
async fn promise_3_a_rule_that_the_answer_leaves_out_is_not_believed_to_be_made() {
    for inner in [
        format!(
            "<return>true</return><securityGroupRuleSet>{}</securityGroupRuleSet>",
            rule("sgr-1", V4)
        ),
        "<return>false</return>".to_owned(),
    ] {
        doubted(&authorize(&inner).await.expect_err(&inner));
    }
}

#[tokio::test]
async fn every_rule_that_was_asked_for_is_in_the_answer() {
    assert!(revoke(&revoked(&["sgr-2", "sgr-1"])).await.is_ok());
}

/// In a default VPC what matches nothing is a success that lists it (`facts/aws.md`).
#[tokio::test]
async fn promise_3_a_rule_that_the_answer_calls_unknown_is_not_believed_to_be_gone() {
    for inner in [
        format!("<return>true</return>{UNKNOWN}"),
        format!("{}{UNKNOWN}", revoked(&["sgr-1", "sgr-2"])),
        revoked(&["sgr-1"]),
        "<return>false</return>".to_owned(),
    ] {
        doubted(&revoke(&inner).await.expect_err(&inner));
    }
}

/// The words that AWS uses are kept: they name the rule.
#[tokio::test]
async fn a_duplicate_says_which() {
    let words = "the specified rule \"peer: 54.1.2.3/32, TCP, from port: 7000, to port: 7001, \
                 ALLOW\" already exists";
    let endpoint = Endpoint::start().await;
    let escaped = words.replace('"', "&quot;");
    endpoint.answer(AUTHORIZE, ec2_error(400, "InvalidPermission.Duplicate", &escaped)).await;
    let wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")]);
    let error = endpoint.writers().await.rules.authorize(&wanted).await.expect_err("a duplicate");
    assert_eq!((error.kind, error.message.as_str()), (Failure::Duplicate, words));
}

/// Cut, an encoded message cannot be decoded; whole, it must not fill the report.
#[tokio::test]
async fn an_encoded_refusal_can_be_decoded_and_is_bounded() {
    let said = "You are not authorized to perform this operation.";
    for (length, whole) in [(900, true), (200_000, false)] {
        let encoded = "4GIOHlTkIa".repeat(length / 10);
        let message = format!("{said} Encoded authorization failure message: {encoded}");
        let endpoint = Endpoint::start().await;
        endpoint.answer(AUTHORIZE, ec2_error(403, "UnauthorizedOperation", &message)).await;
        let wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")]);
        let error = endpoint.writers().await.rules.authorize(&wanted).await.expect_err("denied");
        assert_eq!(error.kind, Failure::Denied);
        assert!(error.message.starts_with(said), "{error}");
        assert_eq!(error.message.contains(&encoded), whole, "{error}");
        assert_eq!(error.message.contains("sts:DecodeAuthorizationMessage"), whole, "{error}");
        assert!(error.message.len() < 6_000, "{}", error.message.len());
    }
}
