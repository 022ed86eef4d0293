//! `CompleteLifecycleAction`.

use sync_core::events::{Hook, Transition};
use sync_core::ports::{Failure, HookAnswer};

use crate::bodies::{auto_scaling, auto_scaling_error};
use crate::server::{ASG, Endpoint, REQUEST_ID};

const ACTION: &str = "CompleteLifecycleAction";

fn hook(token: Option<&str>) -> Hook {
    Hook {
        name: "sgsync-launch".to_owned(),
        asg: ASG.into(),
        instance: "i-1".into(),
        transition: Transition::Launch,
        token: token.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_hook_is_answered_by_instance_and_by_token_where_it_has_one() {
    for (token, answer, result) in [
        (Some("f66c3d47-e602-4af0-8edd-d4e4d2fe4620"), HookAnswer::Continue, "CONTINUE"),
        (None, HookAnswer::Abandon, "ABANDON"),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, auto_scaling(ACTION, "")).await;
        let receipt = endpoint.writers().await.hooks.complete(&hook(token), answer).await;
        assert_eq!(receipt.expect("an answer").request_id.as_deref(), Some(REQUEST_ID));
        let mut sent = endpoint.asked(ACTION).await.remove(0);
        assert_eq!(sent.remove("LifecycleActionToken").as_deref(), token);
        let sent: Vec<_> = sent.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            sent,
            [
                "Action=CompleteLifecycleAction",
                "AutoScalingGroupName=orders-us-east-1",
                "InstanceId=i-1",
                &format!("LifecycleActionResult={result}"),
                "LifecycleHookName=sgsync-launch",
                "Version=2011-01-01",
            ]
        );
    }
}

#[tokio::test]
async fn no_active_action_is_told_from_a_wrong_request() {
    for (message, kind) in [
        ("No active Lifecycle Action found with instance ID i-1", Failure::NoActiveAction),
        ("No active Lifecycle Action found with token f66c3d47", Failure::NoActiveAction),
        ("1 validation error detected: Value at 'lifecycleHookName'", Failure::Refused),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, auto_scaling_error(400, "ValidationError", message)).await;
        let hooks = endpoint.writers().await.hooks;
        let error = hooks.complete(&hook(None), HookAnswer::Continue).await.expect_err("refused");
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        assert_eq!(error.call, "autoscaling:CompleteLifecycleAction");
        assert_eq!(endpoint.asked(ACTION).await.len(), 1, "not tried again");
    }
}

/// Auto Scaling throttles with one code today; its text is what AWS documents.
#[tokio::test]
async fn rate_exceeded_is_a_throttle_whatever_its_code() {
    for (code, attempts) in [("Throttling", 3), ("RequestThrottledException", 3), ("Novel", 1)] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, auto_scaling_error(400, code, "Rate exceeded")).await;
        let hooks = endpoint.writers().await.hooks;
        let error = hooks.complete(&hook(None), HookAnswer::Continue).await.expect_err("throttled");
        assert_eq!(error.kind, Failure::Throttled, "{error}");
        assert_eq!(endpoint.asked(ACTION).await.len(), attempts, "{code}");
    }
}
