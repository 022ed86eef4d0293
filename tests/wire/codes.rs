//! EC2's error codes, as they come from the wire.

use sync_core::ports::Failure;

use crate::bodies::{ec2_error, rule, rules};
use crate::rules_write::{AUTHORIZE, REVOKE, grant, permission};
use crate::server::{Endpoint, GROUP, REQUEST_ID};

const DUPLICATE: &str = "the specified rule &quot;peer: 54.1.2.3/32, TCP, from port: 7000, to port: 7001, ALLOW&quot; already exists";

#[tokio::test]
async fn what_authorize_is_refused_with() {
    for (status, code, message, kind, attempts) in [
        (400, "InvalidPermission.Duplicate", DUPLICATE, Failure::Duplicate, 1),
        (
            400,
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
            Failure::QuotaExceeded,
            1,
        ),
        (
            400,
            "InvalidGroup.NotFound",
            "The security group 'sg-1' does not exist",
            Failure::NotFound,
            1,
        ),
        (
            403,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTkIaWHQ",
            Failure::Denied,
            1,
        ),
        (503, "RequestLimitExceeded", "Request limit exceeded.", Failure::Throttled, 3),
        (500, "InternalError", "An internal error has occurred", Failure::Unavailable, 3),
        (
            400,
            "InvalidParameterValue",
            "The same permission must not appear multiple times",
            Failure::Refused,
            1,
        ),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(AUTHORIZE, ec2_error(status, code, message)).await;
        let wanted = grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")]);
        let error = endpoint.writers().await.rules.authorize(&wanted).await.expect_err(code);
        assert_eq!((error.kind, error.code.as_str()), (kind, code));
        assert_eq!(error.message, message.replace("&quot;", "\""));
        assert_eq!(error.call, "ec2:AuthorizeSecurityGroupIngress");
        assert_eq!(error.request_id.as_deref(), Some(REQUEST_ID));
        assert_eq!(endpoint.asked(AUTHORIZE).await.len(), attempts, "{code}");
    }
}

#[tokio::test]
async fn what_revoke_is_refused_with() {
    for (status, code, kind) in [
        (400, "InvalidSecurityGroupRuleId.NotFound", Failure::NotFound),
        (400, "InvalidPermission.NotFound", Failure::NotFound),
        (403, "UnauthorizedOperation", Failure::Denied),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(REVOKE, ec2_error(status, code, "refused")).await;
        let writer = endpoint.writers().await.rules;
        let error = writer.revoke(&GROUP.into(), &["sgr-1".into()]).await.expect_err(code);
        assert_eq!((error.kind, error.call), (kind, "ec2:RevokeSecurityGroupIngress"), "{code}");
    }
}

#[tokio::test]
async fn a_throttle_that_passes_is_not_seen() {
    let endpoint = Endpoint::start().await;
    let action = "DescribeSecurityGroupRules";
    let throttle = || ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    endpoint.answer_once(action, throttle()).await;
    endpoint.answer_once(action, throttle()).await;
    let item = rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>");
    endpoint.answer(action, rules(&[item], None)).await;
    let found = endpoint.readers().await.rules.rules(&[GROUP.into()]).await.expect("rules");
    assert_eq!(found[&GROUP.into()].len(), 1);
}

#[tokio::test]
async fn a_failure_without_a_code_goes_by_its_status() {
    for (status, kind) in
        [(502, Failure::Unavailable), (403, Failure::Denied), (413, Failure::Refused)]
    {
        let endpoint = Endpoint::start().await;
        let page = wiremock::ResponseTemplate::new(status).set_body_string("<html>proxy</html>");
        endpoint.answer(REVOKE, page).await;
        let writer = endpoint.writers().await.rules;
        let error = writer.revoke(&GROUP.into(), &["sgr-1".into()]).await.expect_err("no answer");
        assert_eq!(error.kind, kind, "{error}");
    }
}
