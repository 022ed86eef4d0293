//! Members that are reached through a role.

use jiff::SignedDuration;
use serde_json::json;
use sync_aws::SystemClock;
use sync_core::mesh::RowKey;
use sync_core::ports::{Clock, Failure};

use crate::bodies::{assumed, assumed_until, dynamodb, rules, sts_error};
use crate::server::{Endpoint, GROUP, connect, mesh};

const ROLE: &str = r#"role_arn = "arn:aws:iam::210987654321:role/sgsync""#;
const ACTION: &str = "DescribeSecurityGroupRules";

#[tokio::test]
async fn a_member_with_a_role_is_reached_as_that_role() {
    let endpoint = Endpoint::start().await;
    endpoint.answer("AssumeRole", assumed("ASIAROLE")).await;
    endpoint.answer(ACTION, rules(&[], None)).await;
    let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
    for _ in 0..2 {
        readers.rules.rules(&[GROUP.into()]).await.expect("rules");
    }
    let asked = endpoint.asked("AssumeRole").await;
    assert_eq!(asked.len(), 1, "credentials are kept");
    assert_eq!(asked[0]["RoleArn"], "arn:aws:iam::210987654321:role/sgsync");
    assert_eq!(asked[0]["RoleSessionName"], "sgsync");
    for request in endpoint.requests(ACTION).await {
        let signed = request.headers["authorization"].to_str().expect("text");
        assert!(signed.contains("Credential=ASIAROLE/"), "{signed}");
        assert!(signed.contains("/us-east-1/ec2/"), "{signed}");
    }
}

/// The codes are in `codes.rs`. This one the SDK wraps in an error of its own.
#[tokio::test]
async fn a_role_that_cannot_be_assumed_asks_nothing_as_itself() {
    for code in ["AccessDenied", "RegionDisabledException"] {
        let endpoint = Endpoint::start().await;
        endpoint.answer("AssumeRole", sts_error(403, code, "STS is not activated")).await;
        let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
        let error = readers.rules.rules(&[GROUP.into()]).await.expect_err(code);
        assert_eq!(error.kind, Failure::Denied, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.message.contains("STS is not activated"), "{error}");
        assert!(endpoint.asked(ACTION).await.is_empty());
    }
}

/// A load balancer's page in STS's place says nothing about who may do what.
#[tokio::test]
async fn a_role_without_an_answer_may_pass() {
    for (status, attempts) in [(200, 1), (503, 3)] {
        let endpoint = Endpoint::start().await;
        let page = wiremock::ResponseTemplate::new(status).set_body_string("<html>busy</html>");
        endpoint.answer("AssumeRole", page).await;
        let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
        let error = readers.rules.rules(&[GROUP.into()]).await.expect_err("no role");
        assert_eq!(error.kind, Failure::NoAnswer, "{error}");
        assert_eq!(endpoint.asked("AssumeRole").await.len(), attempts);
    }
}

#[tokio::test]
async fn an_external_id_goes_to_sts_and_only_where_the_document_has_one() {
    for (more, id) in [("", None), ("\nexternal_id = \"our-mesh:1\"", Some("our-mesh:1"))] {
        let endpoint = Endpoint::start().await;
        endpoint.answer("AssumeRole", assumed("ASIAROLE")).await;
        endpoint.answer(ACTION, rules(&[], None)).await;
        let (readers, _) = connect(&mesh(&format!("{ROLE}{more}")), &endpoint.url()).await;
        readers.rules.rules(&[GROUP.into()]).await.expect("rules");
        let asked = endpoint.asked("AssumeRole").await;
        assert_eq!(asked[0].get("ExternalId").map(String::as_str), id);
    }
}

/// One role, one set of credentials: the rules and the rows do not each ask for their own.
#[tokio::test]
async fn a_members_clients_share_its_roles_credentials() {
    let endpoint = Endpoint::start().await;
    endpoint.answer("AssumeRole", assumed("ASIAROLE")).await;
    endpoint.answer(ACTION, rules(&[], None)).await;
    let rows = dynamodb(200, &json!({ "Responses": { "sgsync-orders-db": [] } }));
    endpoint.answer("BatchGetItem", rows).await;
    let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
    readers.rules.rules(&[GROUP.into()]).await.expect("rules");
    let key = RowKey { member: "us-east-1".into(), asg: "orders-us-east-1".into() };
    readers.mirror.rows(&[key]).await.expect("rows");
    assert_eq!(endpoint.asked("AssumeRole").await.len(), 1);
    for action in [ACTION, "BatchGetItem"] {
        let request = endpoint.requests(action).await.remove(0);
        let signed = request.headers["authorization"].to_str().expect("text").to_owned();
        assert!(signed.contains("Credential=ASIAROLE/"), "{action}: {signed}");
    }
}

/// Credentials that end soon are asked for again before they do.
#[tokio::test]
async fn a_role_is_assumed_again_before_its_credentials_expire() {
    let endpoint = Endpoint::start().await;
    let soon = SystemClock.now() + SignedDuration::from_secs(5);
    endpoint.answer_once("AssumeRole", assumed_until("ASIAFIRST", soon)).await;
    endpoint.answer("AssumeRole", assumed("ASIASECOND")).await;
    endpoint.answer(ACTION, rules(&[], None)).await;
    let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
    for _ in 0..3 {
        readers.rules.rules(&[GROUP.into()]).await.expect("rules");
    }
    assert_eq!(endpoint.asked("AssumeRole").await.len(), 2);
    let last = endpoint.requests(ACTION).await.pop().expect("a request");
    let signed = last.headers["authorization"].to_str().expect("text");
    assert!(signed.contains("Credential=ASIASECOND/"), "{signed}");
}

/// Whoever answers for that ARN is somebody else: nothing is read or written as them.
#[tokio::test]
async fn credentials_of_another_account_are_not_used() {
    let endpoint = Endpoint::start().await;
    endpoint.answer("AssumeRole", assumed("ASIAROLE")).await;
    endpoint.answer(ACTION, rules(&[], None)).await;
    let role = ROLE.replace("210987654321", "999988887777");
    let (readers, _) = connect(&mesh(&role), &endpoint.url()).await;
    let error = readers.rules.rules(&[GROUP.into()]).await.expect_err("another account");
    assert_eq!(error.kind, Failure::Denied, "{error}");
    assert!(error.message.contains("arn:aws:iam::999988887777:role/sgsync"), "{error}");
    assert!(error.message.contains("210987654321"), "{error}");
    assert!(endpoint.asked(ACTION).await.is_empty());
}
