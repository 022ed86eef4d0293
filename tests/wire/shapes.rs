//! Answers whose shape is wrong whatever they say: bodies that are empty, cut short, or
//! somebody else's.

use sync_core::ports::{CallError, Failure};
use wiremock::ResponseTemplate;

use crate::bodies::{auto_scaling_text, ec2_text, group, rule};
use crate::calls::{AUTO_SCALING, Call, DYNAMODB, EC2};
use crate::server::{ASG, Endpoint};

const HTML: &str = "<html><body><h1>502 Bad Gateway</h1></body></html>";

async fn fails(call: Call, answer: ResponseTemplate) -> (CallError, usize) {
    let endpoint = Endpoint::start().await;
    endpoint.answer(call.action(), answer).await;
    let error = call.make(&endpoint).await.expect_err(call.action());
    assert_eq!(error.call, call.named());
    (error, endpoint.asked(call.action()).await.len())
}

fn raw(status: u16, body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/xml;charset=UTF-8")
}

fn all() -> impl Iterator<Item = Call> {
    EC2.iter().chain(AUTO_SCALING).chain(DYNAMODB).copied()
}

/// A load balancer's or proxy's word, not the service's: there is no code to go by.
#[tokio::test]
async fn a_server_error_without_a_code_is_tried_three_times_and_may_pass() {
    for call in all() {
        for (status, body) in [(500, ""), (502, HTML), (503, ""), (504, HTML)] {
            let (error, attempts) = fails(call, raw(status, body)).await;
            let wanted = (Failure::Unavailable, format!("HTTP {status}"), 3);
            assert_eq!((error.kind, error.code.clone(), attempts), wanted, "{call:?}: {error}");
            assert!(error.message.chars().count() < 300, "{error}");
        }
    }
}

/// A success that says nothing, or nothing of ours, is none: what was asked for may have
/// happened, and only the next look can tell.
#[tokio::test]
async fn promise_3_a_success_without_its_answer_is_no_answer() {
    let error = "<Response><Errors><Error><Code>InternalError</Code><Message>so</Message></Error>\
                 </Errors><RequestID>1</RequestID></Response>";
    for call in EC2.iter().chain(AUTO_SCALING) {
        for body in ["", HTML, error] {
            let (error, attempts) = fails(*call, raw(200, body)).await;
            assert_eq!((error.kind, attempts), (Failure::NoAnswer, 3), "{call:?} {body}: {error}");
        }
    }
}

/// DynamoDB answers a put with `{}`, so an empty body cannot be told from one; for rows
/// it is an answer that lacks them.
#[tokio::test]
async fn a_json_answer_of_somebody_elses_is_no_answer() {
    for call in DYNAMODB {
        for body in [HTML, r#"{"Responses""#, "[]"] {
            let (error, _) = fails(*call, raw(200, body)).await;
            assert_eq!(error.kind, Failure::NoAnswer, "{call:?} {body}: {error}");
        }
    }
    for body in ["", "{}"] {
        let (error, _) = fails(Call::Rows, raw(200, body)).await;
        assert_eq!((error.kind, error.code.as_str()), (Failure::Refused, "UnreadableAnswer"));
    }
}

/// What is left of an answer when it is cut where a tag ends, for every other such place.
fn cuts(answer: &str) -> impl Iterator<Item = &str> {
    let ends = answer.match_indices('>').map(|(at, _)| &answer[..=at]);
    ends.filter(|part| part.len() < answer.len()).step_by(2)
}

/// Where a connection just ends, an answer that is cut between two tags reads like a
/// shorter one: rules, instances and groups would seem gone.
#[tokio::test]
async fn promise_2_an_answer_that_is_cut_short_is_no_shorter_answer() {
    let rules = format!(
        "<securityGroupRuleSet>{}</securityGroupRuleSet><nextToken>b</nextToken>",
        rule("sgr-1", "<cidrIpv4>54.1.2.3/32</cidrIpv4>")
    );
    let instances = "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
        <instanceState><name>running</name></instanceState><tagSet/></item></instancesSet></item>\
        </reservationSet><nextToken>b</nextToken>";
    let groups = format!(
        "<AutoScalingGroups>{}</AutoScalingGroups><NextToken>b</NextToken>",
        group(ASG, &[("i-1", "InService")])
    );
    let member = "<AutoScalingInstances><member><InstanceId>i-1</InstanceId><LifecycleState>\
        Terminating:Wait</LifecycleState></member></AutoScalingInstances>";
    for (call, whole) in [
        (Call::DescribeRules, ec2_text(Call::DescribeRules.action(), &rules)),
        (Call::DescribeInstances, ec2_text(Call::DescribeInstances.action(), instances)),
        (Call::DescribeGroups, auto_scaling_text(Call::DescribeGroups.action(), &groups)),
        (Call::DescribeMember, auto_scaling_text(Call::DescribeMember.action(), member)),
        (Call::Complete, auto_scaling_text(Call::Complete.action(), "")),
        (Call::Revoke, ec2_text(Call::Revoke.action(), "<return>true</return>")),
    ] {
        for part in cuts(&whole) {
            let (error, attempts) = fails(call, raw(200, part)).await;
            let wanted = (Failure::NoAnswer, 3);
            assert_eq!((error.kind, attempts), wanted, "{call:?}: {part}: {error}");
        }
    }
}
