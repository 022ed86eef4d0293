//! Whole runs whose reads are odd: what is not known removes nothing (promise 2).

use sync_core::report::TargetStatus;
use wiremock::ResponseTemplate;

use crate::bodies::{auto_scaling_text, ec2, ec2_text, group, instance, instances, rules};
use crate::calls::Call;
use crate::runs::{Place, rules_of};
use crate::server::ASG;

fn cut(whole: &str, before: &str) -> ResponseTemplate {
    let end = whole.find(before).expect("the place to cut");
    ResponseTemplate::new(200).set_body_raw(&whole[..end], "text/xml;charset=UTF-8")
}

/// Auto Scaling's answer ends after the first instance, and so does EC2's. Read as far as
/// they go, the second instance would be gone from both: confirmed.
#[tokio::test]
async fn promise_2_answers_that_are_cut_short_remove_nobody() {
    let place = Place::bare().await;
    place.remember(&["i-1", "i-2"]);
    place.rules(&["i-1", "i-2"]).await;
    let groups = group(ASG, &[("i-1", "InService"), ("i-2", "InService")]);
    let groups = format!("<AutoScalingGroups>{groups}</AutoScalingGroups>");
    let groups = auto_scaling_text(Call::DescribeGroups.action(), &groups);
    let groups = cut(&groups, "<member><InstanceId>i-2");
    place.endpoint.answer(Call::DescribeGroups.action(), groups).await;
    let item = |id: &str| {
        let inner = instance(id, ASG, "<ipAddress>54.1.2.1</ipAddress>");
        format!(
            "<item><reservationId>r-{id}</reservationId><instancesSet>{inner}</instancesSet></item>"
        )
    };
    let both = format!("<reservationSet>{}{}</reservationSet>", item("i-1"), item("i-2"));
    let both = ec2_text(Call::DescribeInstances.action(), &both);
    let first = cut(&both, "<item><reservationId>r-i-2");
    place.endpoint.answer(Call::DescribeInstances.action(), first).await;
    place
        .endpoint
        .answer(Call::Revoke.action(), ec2("RevokeSecurityGroupIngress", "<return>true</return>"))
        .await;

    let report = place.run(None).await;

    assert_eq!(place.count(Call::Revoke).await, 0, "{report:?}");
    assert_eq!(place.remembered(), ["i-1", "i-2"]);
    assert!(report.findings.iter().any(|f| f.detail.contains("DescribeAutoScalingGroups")));
}

/// Cut before its tags, a rule of ours reads like somebody else's, and the mesh would
/// leave it to them for good.
#[tokio::test]
async fn promise_2_a_rule_that_is_cut_before_its_tags_is_nobody_elses() {
    let place = Place::with(&[("i-1", "InService")]).await;
    place.remember(&["i-1"]);
    let whole = rules_of(&["i-1", "i-9"]).concat();
    let whole = format!("<securityGroupRuleSet>{whole}</securityGroupRuleSet>");
    let whole = ec2_text(Call::DescribeRules.action(), &whole);
    let end = whole.rfind("<tagSet>").expect("tags");
    let cut = ResponseTemplate::new(200).set_body_raw(&whole[..end], "text/xml");
    place.endpoint.answer(Call::DescribeRules.action(), cut).await;

    let report = place.run(None).await;

    assert_eq!(report.targets[0].status, TargetStatus::Unreachable, "{report:?}");
    assert_eq!(report.targets[0].foreign, 0);
    assert_eq!(place.count(Call::DescribeRules).await, 3, "a lost reply is asked for again");
}

/// A rule on two pages is revoked once. Twice in a plan, the check would refuse all of it.
#[tokio::test]
async fn a_rule_on_two_pages_is_revoked_once() {
    let place = Place::with(&[]).await;
    place.remember(&["i-1"]);
    let describe = Call::DescribeRules.action();
    let page = |next| rules(&rules_of(&["i-1"]), next);
    place.endpoint.answer_where(describe, &[("NextToken", "b")], page(None)).await;
    place.endpoint.answer_once(describe, page(Some("b"))).await;
    place.rules(&[]).await;
    let revoked = ec2(Call::Revoke.action(), "<return>true</return>");
    place.endpoint.answer(Call::Revoke.action(), revoked).await;

    let report = place.run(None).await;

    assert_eq!(report.targets[0].revoked, ["tcp 7000-7001 54.1.2.1/32"], "{report:?}");
    assert_eq!(place.done(), ["revoke tcp 7000-7001 54.1.2.1/32 -> absent"]);
}

/// Terminated instances stay listed: their end is certain, whatever else is listed.
#[tokio::test]
async fn an_instance_that_ec2_shows_terminated_goes_and_its_neighbour_stays() {
    let place = Place::bare().await;
    place.remember(&["i-1", "i-2"]);
    place.groups(&[("i-2", "InService")]).await;
    let dead = instance("i-1", ASG, "").replace(">running<", ">terminated<");
    let alive = instance("i-2", ASG, "<ipAddress>54.1.2.2</ipAddress>");
    let shown = instances(&[alive, dead], None);
    place.endpoint.answer(Call::DescribeInstances.action(), shown).await;
    place.rules_once(&["i-1", "i-2"]).await;
    place.rules(&["i-2"]).await;
    let revoked = ec2(Call::Revoke.action(), "<return>true</return>");
    place.endpoint.answer(Call::Revoke.action(), revoked).await;

    let report = place.run(None).await;

    assert_eq!(report.targets[0].revoked, ["tcp 7000-7001 54.1.2.1/32"], "{report:?}");
    let sent = &place.endpoint.asked(Call::Revoke.action()).await[0];
    assert_eq!(sent["SecurityGroupRuleId.1"], "sgr-1");
    assert!(!sent.contains_key("SecurityGroupRuleId.2"));
}

/// Auto Scaling lists it, EC2 leaves it out: it keeps the address that the row knows.
#[tokio::test]
async fn promise_2_an_instance_that_ec2_leaves_out_keeps_its_address() {
    let place = Place::bare().await;
    place.remember(&["i-1", "i-2"]);
    place.groups(&[("i-1", "InService"), ("i-2", "Novel:State")]).await;
    place.instances(&[]).await;
    place.rules(&["i-1", "i-2"]).await;

    let report = place.run(None).await;

    assert_eq!(report.targets[0].status, TargetStatus::InSync, "{report:?}");
    assert_eq!(report.targets[0].kept, 2);
    assert_eq!(place.count(Call::Revoke).await, 0);
    assert_eq!(place.remembered(), ["i-1", "i-2"]);
}
