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

#[tokio::test]
async fn a_role_that_cannot_be_assumed_fails_as_sts_says() {
    for (status, code, kind) in [
        (403, "AccessDenied", Failure::Denied),
        (403, "InvalidClientTokenId", Failure::Denied),
        (400, "Throttling", Failure::Throttled),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer("AssumeRole", sts_error(status, code, "is not authorized")).await;
        let (readers, _) = connect(&mesh(ROLE), &endpoint.url()).await;
        let error = readers.rules.rules(&[GROUP.into()]).await.expect_err(code);
        assert_eq!((error.kind, error.code.as_str()), (kind, code), "{error}");
        assert!(endpoint.asked(ACTION).await.is_empty());
    }
}
