//! Answers that do not arrive.

use sync_core::ports::Failure;

use crate::bodies::{authorized, rule};
use crate::rules_write::{grant, permission};
use crate::server::{GROUP, connect, mesh};
use crate::wires::{Reply, Swallow, Wire};

fn error(code: &str) -> Reply {
    Reply::Whole(
        400,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>it is so</Message></Error>\
             </Errors><RequestID>1</RequestID></Response>"
        ),
    )
}

fn wanted() -> sync_core::ports::Grant {
    grant(&[permission("tcp", 7000, 7001, "54.1.2.3/32")])
}

/// The first Authorize happened and its reply is lost: the retry is told Duplicate.
#[tokio::test]
async fn a_lost_reply_to_authorize_comes_back_as_duplicate() {
    for lost in [Reply::Lost, Reply::Cut] {
        let wire = Wire::start(vec![lost, error("InvalidPermission.Duplicate")]).await;
        let (_, writers) = connect(&mesh(""), wire.url()).await;
        let error = writers.rules.authorize(&wanted()).await.expect_err("a duplicate");
        assert_eq!(error.kind, Failure::Duplicate);
        let taken = wire.taken();
        assert_eq!(taken.len(), 2);
        assert_eq!(taken[0], taken[1], "the same request twice");
    }
}

#[tokio::test]
async fn a_lost_reply_to_revoke_comes_back_as_not_found() {
    let script = vec![Reply::Lost, error("InvalidSecurityGroupRuleId.NotFound")];
    let wire = Wire::start(script).await;
    let (_, writers) = connect(&mesh(""), wire.url()).await;
    let rules = ["sgr-1".into()];
    let error = writers.rules.revoke(&GROUP.into(), &rules).await.expect_err("not found");
    assert_eq!(error.kind, Failure::NotFound);
    assert_eq!(wire.taken().len(), 2);
}

#[tokio::test]
async fn a_request_that_was_lost_on_the_way_succeeds_at_the_second_try() {
    let made = authorized(&[rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>")]);
    let wire = Wire::start(vec![Reply::Lost, Reply::Whole(200, made)]).await;
    let (_, writers) = connect(&mesh(""), wire.url()).await;
    let receipt = writers.rules.authorize(&wanted()).await.expect("a rule");
    assert_eq!(receipt.rules.len(), 1);
}

#[tokio::test]
async fn replies_that_are_always_lost_are_no_answer() {
    for lost in [Reply::Lost, Reply::Cut] {
        let wire = Wire::start(vec![lost; 3]).await;
        let (_, writers) = connect(&mesh(""), wire.url()).await;
        let error = writers.rules.authorize(&wanted()).await.expect_err("no answer");
        assert_eq!(error.kind, Failure::NoAnswer, "{error}");
        assert!(error.kind.may_pass());
        assert_eq!(wire.taken().len(), 3);
    }
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let (readers, _) = connect(&mesh(""), &url).await;
    let error = readers.rules.rules(&[GROUP.into()]).await.expect_err("no answer");
    assert_eq!(error.kind, Failure::NoAnswer, "{error}");
}

#[tokio::test]
async fn a_swallowed_connection_is_no_answer() {
    let swallow = Swallow::start().await;
    let (readers, _) = connect(&mesh(""), swallow.url()).await;
    let error = readers.rules.rules(&[GROUP.into()]).await.expect_err("no answer");
    assert_eq!(error.kind, Failure::NoAnswer, "{error}");
    assert!(error.message.contains("connect"), "the time to connect ran out: {error}");
}
