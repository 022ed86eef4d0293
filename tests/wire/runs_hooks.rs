//! Whole runs whose hook cannot be completed at once.

use sync_core::events::Transition::{Launch, Terminate};
use sync_core::report::HookResult;
use wiremock::ResponseTemplate;

use crate::bodies::{auto_scaling, auto_scaling_error};
use crate::calls::Call;
use crate::runs::Place;

fn no_active_action() -> ResponseTemplate {
    let message =
        "No active Lifecycle Action found with token f66c3d47-e602-4af0-8edd-d4e4d2fe4620";
    auto_scaling_error(400, "ValidationError", message)
}

fn member(state: &str) -> ResponseTemplate {
    let member = format!(
        "<AutoScalingInstances><member><InstanceId>i-1</InstanceId>\
         <LifecycleState>{state}</LifecycleState></member></AutoScalingInstances>"
    );
    auto_scaling(Call::DescribeMember.action(), &member)
}

/// A region whose `i-1` leaves, and has no rule any more.
async fn leaving() -> Place {
    let place = Place::with(&[("i-1", "Terminating:Wait")]).await;
    place.remember(&["i-1"]);
    place.rules(&[]).await;
    place
}

/// The action is there a moment later: the identical call works then.
#[tokio::test]
async fn no_active_action_while_the_instance_waits_is_tried_again() {
    let place = leaving().await;
    let complete = Call::Complete.action();
    place.endpoint.answer_once(complete, no_active_action()).await;
    place.endpoint.answer_once(complete, no_active_action()).await;
    place.endpoint.answer(Call::DescribeMember.action(), member("Terminating:Wait")).await;

    let (result, report) = place.answer(Terminate).await;

    assert_eq!(result, HookResult::Continue, "{report:?}");
    let asked = place.endpoint.asked(complete).await;
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| *request == asked[0]), "the identical call");
    assert_eq!(asked[0]["LifecycleActionToken"], "f66c3d47-e602-4af0-8edd-d4e4d2fe4620");
    assert_eq!(place.count(Call::DescribeMember).await, 2);
}

/// Finished or expired: somebody else answered, or the time ran out.
#[tokio::test]
async fn no_active_action_otherwise_is_done() {
    let nobody = auto_scaling(Call::DescribeMember.action(), "<AutoScalingInstances/>");
    for answer in [member("Terminating:Proceed"), member("Terminated"), nobody] {
        let place = leaving().await;
        place.endpoint.answer(Call::Complete.action(), no_active_action()).await;
        place.endpoint.answer(Call::DescribeMember.action(), answer).await;

        let (result, report) = place.answer(Terminate).await;

        assert_eq!(result, HookResult::Gone, "{report:?}");
        let calls = (place.count(Call::Complete).await, place.count(Call::DescribeMember).await);
        assert_eq!(calls, (1, 1));
        assert_eq!(place.done(), [""; 0], "it did not answer");
    }
}

/// A few times; then the message goes back to the queue.
#[tokio::test]
async fn no_active_action_that_stays_while_the_instance_waits_goes_back() {
    let place = leaving().await;
    place.endpoint.answer(Call::Complete.action(), no_active_action()).await;
    place.endpoint.answer(Call::DescribeMember.action(), member("Terminating:Wait")).await;

    let (result, report) = place.answer(Terminate).await;

    assert_eq!(result, HookResult::Retry, "{report:?}");
    assert_eq!(place.count(Call::Complete).await, 4);
}

/// What Auto Scaling says of the instance cannot be read: not known is not done.
#[tokio::test]
async fn promise_3_no_active_action_and_a_state_that_cannot_be_read_goes_back() {
    let stateless = "<AutoScalingInstances><member><InstanceId>i-1</InstanceId></member>\
                     </AutoScalingInstances>";
    for answer in [
        auto_scaling(Call::DescribeMember.action(), stateless),
        auto_scaling(Call::DescribeMember.action(), ""),
        auto_scaling_error(400, "Throttling", "Rate exceeded"),
    ] {
        let place = leaving().await;
        place.endpoint.answer(Call::Complete.action(), no_active_action()).await;
        place.endpoint.answer(Call::DescribeMember.action(), answer).await;
        let (result, report) = place.answer(Terminate).await;
        assert_eq!(result, HookResult::Retry, "{report:?}");
    }
}

/// The SDK takes any 200 for the answer to this call. A page of somebody else's is none.
#[tokio::test]
async fn promise_3_a_completion_without_its_answer_goes_back() {
    for body in ["", "<html>maintenance</html>"] {
        let place = Place::with(&[("i-1", "Pending:Wait")]).await;
        place.remember(&["i-1"]);
        place.rules(&["i-1"]).await;
        let page = ResponseTemplate::new(200).set_body_raw(body, "text/html");
        place.endpoint.answer(Call::Complete.action(), page).await;

        let (result, report) = place.answer(Launch).await;

        assert_eq!(result, HookResult::Retry, "{report:?}");
        assert_eq!(place.count(Call::Complete).await, 3);
        assert_eq!(place.done(), [""; 0]);
    }
}

/// Nothing that trying again in this run would mend: the message goes back as it is.
#[tokio::test]
async fn a_completion_that_is_refused_goes_back() {
    for (status, code) in [(403, "AccessDenied"), (400, "ValidationError"), (403, "ExpiredToken")] {
        let place = leaving().await;
        let refused = auto_scaling_error(status, code, "it is so");
        place.endpoint.answer(Call::Complete.action(), refused).await;
        let (result, report) = place.answer(Terminate).await;
        assert_eq!(result, HookResult::Retry, "{code}");
        assert!(report.findings.iter().any(|finding| finding.detail.contains(code)));
        assert_eq!(place.count(Call::Complete).await, 1);
    }
}
