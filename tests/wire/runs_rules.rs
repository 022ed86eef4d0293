//! Whole runs where EC2 answers a change in another way than the plan foresaw.

use std::collections::BTreeSet;

use sync_core::events::Transition::{Launch, Terminate};
use sync_core::report::{HookResult, TargetStatus};

use crate::bodies::{ec2, ec2_error, rule, rules};
use crate::calls::Call;
use crate::runs::{Place, rules_of};
use crate::server::{GROUP, mesh};

const DUPLICATE: &str = "InvalidPermission.Duplicate";

/// An Authorize that made the rules of these instances.
fn made(ids: &[&str]) -> wiremock::ResponseTemplate {
    let set = format!(
        "<return>true</return><securityGroupRuleSet>{}</securityGroupRuleSet>",
        rules_of(ids).concat()
    );
    ec2(Call::Authorize.action(), &set)
}

fn refused(code: &str) -> wiremock::ResponseTemplate {
    ec2_error(400, code, "the specified rule already exists")
}

/// Another run made the rule, and reads do not show it yet: the second answer is asked
/// for this permission alone, and is as good as having made it.
#[tokio::test]
async fn a_lone_duplicate_that_no_look_shows_admits_the_instance() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    place.rules(&[]).await;
    place.endpoint.answer(Call::Authorize.action(), refused(DUPLICATE)).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Continue, "{report:?}");
    assert_eq!(place.authorized().await, [["54.1.2.1/32"], ["54.1.2.1/32"]]);
    let target = &report.targets[0];
    assert_eq!((target.status, target.added.len()), (TargetStatus::InSync, 0));
    assert_eq!(place.done(), ["complete hook -> CONTINUE"], "nothing that it did not do");
}

/// Which rule of a batch is meant, nobody can be sure, and whether the others were made
/// is not documented: the look is taken anew, then the batch is split.
#[tokio::test]
async fn a_batch_with_a_duplicate_that_no_look_shows_is_split() {
    let place = Place::with(&[("i-1", "Pending:Wait"), ("i-2", "InService")]).await;
    place.rules(&[]).await;
    let authorize = Call::Authorize.action();
    place.endpoint.answer_once(authorize, refused(DUPLICATE)).await;
    place.endpoint.answer_once(authorize, refused(DUPLICATE)).await;
    place.endpoint.answer_once(authorize, made(&["i-2"])).await;
    place.endpoint.answer(authorize, refused(DUPLICATE)).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Continue, "{report:?}");
    let asked = place.authorized().await;
    assert_eq!(
        asked[..3],
        [vec!["54.1.2.1/32", "54.1.2.2/32"], vec!["54.1.2.1/32"], vec!["54.1.2.2/32"]]
    );
    assert_eq!(report.targets[0].added, ["tcp 7000-7001 54.1.2.2/32"]);
    assert_eq!(
        place.done(),
        ["authorize tcp 7000-7001 54.1.2.2/32 -> sgr-2", "complete hook -> CONTINUE"]
    );
}

/// Where the look after a Duplicate shows the rule, the plan is the smaller for it.
#[tokio::test]
async fn a_duplicate_that_the_next_look_shows_is_planned_around() {
    let place = Place::with(&[("i-1", "Pending:Wait"), ("i-2", "InService")]).await;
    place.rules_once(&[]).await;
    place.rules_once(&["i-2"]).await;
    place.rules(&["i-1", "i-2"]).await;
    place.endpoint.answer_once(Call::Authorize.action(), refused(DUPLICATE)).await;
    place.endpoint.answer(Call::Authorize.action(), made(&["i-1"])).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Continue, "{report:?}");
    assert_eq!(place.authorized().await, [vec!["54.1.2.1/32", "54.1.2.2/32"], vec!["54.1.2.1/32"]]);
    assert_eq!(report.targets[0].added, ["tcp 7000-7001 54.1.2.1/32"]);
}

/// A default VPC's success that removed nothing: the instance waits, and the next run,
/// from live state, finds out (promise 3).
#[tokio::test]
async fn promise_3_a_revoke_that_calls_the_rule_unknown_answers_no_hook() {
    let place = Place::with(&[("i-1", "Terminating:Wait")]).await;
    place.remember(&["i-1"]);
    place.rules_once(&["i-1"]).await;
    let unknown = "<return>true</return><unknownIpPermissionSet><item><ipProtocol>tcp</ipProtocol>\
        <fromPort>7000</fromPort><toPort>7001</toPort><ipRanges><item><cidrIp>54.1.2.1/32</cidrIp>\
        </item></ipRanges></item></unknownIpPermissionSet>";
    place.endpoint.answer(Call::Revoke.action(), ec2(Call::Revoke.action(), unknown)).await;

    let (result, report) = place.answer(Terminate).await;

    assert_eq!(result, HookResult::Retry, "{report:?}");
    assert_eq!((place.count(Call::Revoke).await, place.count(Call::Complete).await), (1, 0));
    assert_eq!(place.done(), [""; 0], "no line for what may not have happened");
    assert!(report.targets[0].revoked.is_empty());

    place.rules(&[]).await;
    let (result, report) = place.answer(Terminate).await;
    assert_eq!(result, HookResult::Continue, "{report:?}");
    assert_eq!((place.count(Call::Revoke).await, place.count(Call::Complete).await), (1, 1));
}

/// Gone already, by another run: the look after says so, or the lone answer does.
#[tokio::test]
async fn a_rule_that_is_not_found_any_more_is_gone() {
    let place = Place::with(&[("i-1", "Terminating:Wait")]).await;
    place.remember(&["i-1"]);
    place.rules(&["i-1"]).await;
    let gone = ec2_error(400, "InvalidSecurityGroupRuleId.NotFound", "sgr-1 does not exist");
    place.endpoint.answer(Call::Revoke.action(), gone).await;

    let (result, report) = place.answer(Terminate).await;

    assert_eq!(result, HookResult::Continue, "{report:?}");
    assert_eq!(place.count(Call::Revoke).await, 2, "once in the plan, once alone after a look");
    assert_eq!(place.done(), ["complete hook -> CONTINUE"]);
}

/// A group that was made a moment ago. Reads of it are empty or fail; neither is a reason
/// to believe anything, and once it is visible the next run fills it.
#[tokio::test]
async fn promise_2_a_group_that_is_not_visible_yet_is_filled_when_it_is() {
    let missing = || ec2_error(400, "InvalidGroup.NotFound", "The security group does not exist");
    let place = Place::with(&[("i-1", "InService")]).await;
    place.remember(&["i-1"]);
    let (describe, authorize) = (Call::DescribeRules.action(), Call::Authorize.action());

    place.endpoint.answer_once(describe, missing()).await;
    let report = place.run(None).await;
    assert_eq!(report.targets[0].status, TargetStatus::Unreachable, "{report:?}");
    assert_eq!(place.count(Call::Authorize).await, 0, "nothing is planned without a look");

    // A filter finds nothing in a group that is not there; AWS reports no error.
    for _ in 0..5 {
        place.endpoint.answer_once(describe, rules(&[], None)).await;
        place.endpoint.answer_once(authorize, missing()).await;
    }
    let report = place.run(None).await;
    assert_eq!(report.targets[0].status, TargetStatus::Failed, "{report:?}");
    assert!(report.targets[0].error.as_ref().is_some_and(|e| e.contains("InvalidGroup.NotFound")));
    assert_eq!(place.count(Call::Authorize).await, 5, "looked and planned anew each time");

    place.rules_once(&[]).await;
    place.rules(&["i-1"]).await;
    place.endpoint.answer(authorize, made(&["i-1"])).await;
    let report = place.run(None).await;
    assert_eq!(report.targets[0].status, TargetStatus::Changed, "{report:?}");
    assert_eq!(report.targets[0].added, ["tcp 7000-7001 54.1.2.1/32"]);
    assert_eq!(place.count(Call::Revoke).await, 0);
    assert_eq!(place.remembered(), ["i-1"]);
}

/// Full, whatever the document's limit says: found out one permission at a time, and
/// answered as the document wants it.
#[tokio::test]
async fn a_full_group_ends_the_launch() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    place.rules(&[]).await;
    let full = refused("RulesPerSecurityGroupLimitExceeded");
    place.endpoint.answer(Call::Authorize.action(), full).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Abandon, "{report:?}");
    let target = &report.targets[0];
    assert_eq!(target.status, TargetStatus::Partial);
    assert_eq!(target.over_quota, ["tcp 7000-7001 54.1.2.1/32"]);
    assert_eq!(place.count(Call::Authorize).await, 2, "once in the plan, once alone");
}

/// Another controller revoked first, had its grant refused, and left the group empty.
#[tokio::test]
async fn a_grant_that_is_refused_revokes_nothing_that_is_not_certain() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    place.remember(&["i-9"]);
    // EC2 does not show i-9 any more: gone, but this run has not seen it go.
    place.rules(&["i-9"]).await;
    let denied = ec2_error(403, "UnauthorizedOperation", "You are not authorized.");
    place.endpoint.answer(Call::Authorize.action(), denied).await;

    let (_, report) = place.answer(Launch).await;

    assert_eq!(place.authorized().await, [["54.1.2.1/32"]]);
    assert_eq!(place.count(Call::Revoke).await, 0, "{report:?}");
}

/// Somebody wrote another description on it: no reason to touch it.
#[tokio::test]
async fn a_rule_with_another_description_is_the_same_rule() {
    let place = Place::with(&[("i-1", "InService")]).await;
    place.remember(&["i-1"]);
    let ours = rules_of(&["i-1"]).concat().replace("sgsync orders-db i-1", "mine");
    place.endpoint.answer(Call::DescribeRules.action(), rules(&[ours], None)).await;

    let report = place.run(None).await;

    assert_eq!(report.targets[0].status, TargetStatus::InSync, "{report:?}");
    assert_eq!((place.count(Call::Authorize).await, place.count(Call::Revoke).await), (0, 0));
}

/// Trying again mends nothing; the report says what was refused, and how to read it.
#[tokio::test]
async fn an_encoded_refusal_ends_the_launch_and_stays_readable() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    place.rules(&[]).await;
    let message = format!(
        "You are not authorized to perform this operation. Encoded authorization failure \
         message: {}",
        "4GIOHlTkIa".repeat(80)
    );
    let denied = ec2_error(403, "UnauthorizedOperation", &message);
    place.endpoint.answer(Call::Authorize.action(), denied).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Abandon, "{report:?}");
    assert_eq!(place.count(Call::Authorize).await, 1);
    assert_eq!(
        place.endpoint.asked(Call::Complete.action()).await[0]["LifecycleActionResult"],
        "ABANDON"
    );
    let error = report.targets[0].error.as_ref().expect("an error");
    assert!(error.starts_with("ec2:AuthorizeSecurityGroupIngress: UnauthorizedOperation: You are"));
    assert!(error.contains("sts:DecodeAuthorizationMessage"), "{error}");
    assert!(report.findings.iter().any(|finding| finding.detail.contains("4GIOHlTkIa")));
}

/// The SDK's three attempts, then the message goes back; nothing is answered meanwhile.
#[tokio::test]
async fn a_throttle_that_stays_leaves_the_hook_waiting() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    place.rules(&[]).await;
    let throttled = ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    place.endpoint.answer(Call::Authorize.action(), throttled).await;

    let (result, report) = place.answer(Launch).await;

    assert_eq!(result, HookResult::Retry, "{report:?}");
    assert_eq!((place.count(Call::Authorize).await, place.count(Call::Complete).await), (3, 0));
}

/// What a group's own rule opens to the group itself, an Authorize opens to the members: in
/// the look that shows the rule.
#[tokio::test]
async fn ports_are_learned_from_the_groups_rule_that_references_it() {
    let place = Place::with(&[("i-1", "Pending:Wait")]).await;
    let of = |group: &str, ports: &str| {
        let group = format!("<groupId>{group}</groupId><userId>123456789012</userId>");
        let source = format!("<referencedGroupInfo>{group}</referencedGroupInfo>");
        let others =
            rule(&format!("sgr-{ports}"), &source).replace("orders-db</value>", "x</value>");
        let from = format!("<fromPort>{ports}</fromPort><toPort>{ports}</toPort>");
        others.replace("<fromPort>7000</fromPort><toPort>7001</toPort>", &from)
    };
    let base = [of(GROUP, "9042"), of("sg-00000000000000001", "22")];
    place.endpoint.answer(Call::DescribeRules.action(), rules(&base, None)).await;
    place.endpoint.answer(Call::Authorize.action(), ec2(Call::Authorize.action(), "")).await;

    let learning = mesh("[[allow]]\nports = \"self-reference\"\n");
    place.run_of(learning, Some(Launch)).await;

    let asked = place.endpoint.asked(Call::Authorize.action()).await;
    let ports: BTreeSet<_> =
        asked.iter().map(|params| &params["IpPermissions.1.FromPort"]).collect();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), ["7000", "9042"]);
}
