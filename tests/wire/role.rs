//! Members that are reached through a role.

use sync_core::ports::Failure;

use crate::bodies::{assumed, rules, sts_error};
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
