//! What only the command line asks: logs, quotas, and how the functions are set up.

use serde_json::{Value, json};
use sync_aws::{Aws, FunctionSettings, LogEvent, Survey};
use sync_core::ports::{Called, Failure};
use wiremock::ResponseTemplate;

use crate::server::{Endpoint, config, mesh, params};

const FILTER: &str = "FilterLogEvents";

fn page(lines: &[(i64, &str)], next: Option<&str>) -> ResponseTemplate {
    let events: Vec<Value> = lines
        .iter()
        .map(|(at, message)| json!({ "timestamp": at, "message": message, "logStreamName": "s" }))
        .collect();
    answer(200, &json!({ "events": events, "nextToken": next }))
}

fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/x-amz-json-1.1")
}

async fn read(endpoint: &Endpoint) -> Called<Vec<LogEvent>> {
    let mesh = mesh("");
    let aws = Aws::with_configs(&mesh, |_| config(&endpoint.url())).await;
    let terms = ["audit".to_owned(), "198.51.100.7/32".to_owned()];
    let from = "2026-11-20T08:00:00Z".parse().expect("a time");
    let to = "2026-11-20T09:00:00Z".parse().expect("a time");
    let group = "/aws/lambda/sgsync-orders-db-hooks";
    aws.log_events(&mesh.members[0].name, group, &terms, from, Some(to)).await
}

#[tokio::test]
async fn a_log_is_read_page_by_page_also_where_a_page_is_empty() {
    let endpoint = Endpoint::start().await;
    endpoint
        .answer_by(FILTER, |params| {
            let asked: Value = serde_json::from_str(&params["body"]).expect("JSON");
            match asked["nextToken"].as_str() {
                None => page(&[(1_795_161_600_000, "first")], Some("a")),
                Some("a") => page(&[], Some("b")),
                _ => page(&[(1_795_161_600_007, "last")], None),
            }
        })
        .await;

    let lines = read(&endpoint).await.expect("lines");

    let lines: Vec<_> =
        lines.iter().map(|line| (line.at.as_millisecond(), line.message.as_str())).collect();
    assert_eq!(lines, [(1_795_161_600_000, "first"), (1_795_161_600_007, "last")]);
    let asked = endpoint.asked(FILTER).await;
    assert_eq!(asked.len(), 3);
    let first: Value = serde_json::from_str(&asked[0]["body"]).expect("JSON");
    assert_eq!(
        first,
        json!({
            "logGroupName": "/aws/lambda/sgsync-orders-db-hooks",
            "filterPattern": "\"audit\" \"198.51.100.7/32\"",
            "startTime": 1_795_161_600_000_i64,
            "endTime": 1_795_165_200_000_i64,
        })
    );
}

#[tokio::test]
async fn a_log_that_is_not_read_to_its_end_is_an_error() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(FILTER, page(&[(1, "again")], Some("a"))).await;
    assert_eq!(read(&endpoint).await.expect_err("the same page").code, "EndlessPages");

    let endpoint = Endpoint::start().await;
    let body = json!({ "__type": "ResourceNotFoundException", "message": "no such group" });
    endpoint.answer(FILTER, answer(400, &body)).await;
    let missing = read(&endpoint).await.expect_err("no log");
    assert_eq!((missing.kind, missing.call), (Failure::NotFound, "logs:FilterLogEvents"));

    let endpoint = Endpoint::start().await;
    let without = json!({ "events": [{ "message": "when?" }] });
    endpoint.answer(FILTER, answer(200, &without)).await;
    assert_eq!(read(&endpoint).await.expect_err("no time").code, "UnreadableAnswer");
}

const QUOTA: &str = "GetServiceQuota";
const DEFAULT_QUOTA: &str = "GetAWSDefaultServiceQuota";
const CONFIGURATION: &str = "GetFunctionConfiguration";
const HOOKS: &str = "sgsync-orders-db-hooks";

/// What is found of the only member; whatever is not answered fails.
async fn survey(endpoint: &Endpoint) -> Survey {
    let mesh = mesh("");
    let aws = Aws::with_configs(&mesh, |_| config(&endpoint.url())).await;
    aws.survey(&mesh).await.remove(&mesh.members[0].name).expect("a survey")
}

fn quota(value: &Value) -> ResponseTemplate {
    answer(200, &json!({ "Quota": { "QuotaCode": "L-0EA8095F", "Value": value } }))
}

fn refused(status: u16, code: &str) -> ResponseTemplate {
    answer(status, &json!({ "__type": code, "Message": "no" }))
}

#[tokio::test]
async fn the_quota_of_rules_is_the_accounts_own() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(QUOTA, quota(&json!(100.0))).await;

    assert_eq!(survey(&endpoint).await.rules_granted, Ok(100));

    let asked: Value = serde_json::from_str(&endpoint.asked(QUOTA).await[0]["body"]).expect("JSON");
    assert_eq!(asked, json!({ "ServiceCode": "vpc", "QuotaCode": "L-0EA8095F" }));
    assert_eq!(endpoint.asked(DEFAULT_QUOTA).await.len(), 0);
}

#[tokio::test]
async fn an_account_without_a_quota_of_its_own_has_everybodys() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(QUOTA, refused(400, "NoSuchResourceException")).await;
    endpoint.answer(DEFAULT_QUOTA, quota(&json!(60.0))).await;
    assert_eq!(survey(&endpoint).await.rules_granted, Ok(60));
}

#[tokio::test]
async fn a_quota_that_cannot_be_told_is_an_error() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(QUOTA, refused(400, "AccessDeniedException")).await;
    let denied = survey(&endpoint).await.rules_granted.expect_err("denied");
    assert_eq!((denied.kind, denied.call), (Failure::Denied, "servicequotas:GetServiceQuota"));
    assert_eq!(endpoint.asked(DEFAULT_QUOTA).await.len(), 0, "everybody's may not be this one's");

    for odd in [json!(null), json!(-1.0), json!(60.5), json!(1e12)] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(QUOTA, quota(&odd)).await;
        let error = survey(&endpoint).await.rules_granted.expect_err("no number of rules");
        assert_eq!(error.code, "UnreadableAnswer", "{odd}");
    }
}

async fn hooks_function(answer: ResponseTemplate) -> Called<FunctionSettings> {
    let endpoint = Endpoint::start().await;
    endpoint.answer_where(CONFIGURATION, &[("FunctionName", HOOKS)], answer).await;
    let found = survey(&endpoint).await.functions.remove(HOOKS).expect("asked for");
    let requests = endpoint.requests(CONFIGURATION).await;
    let mut names: Vec<_> =
        requests.iter().map(|one| params(one)["FunctionName"].clone()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, [HOOKS, "sgsync-orders-db-trueup"]);
    assert!(requests.iter().all(|one| one.method == "GET"));
    found
}

#[tokio::test]
async fn a_function_has_a_timeout_and_a_document() {
    let variables = json!({ "SGSYNC_MESH": "name = \"m\"", "SECRET": "of others" });
    let body = json!({ "Timeout": 15, "Environment": { "Variables": variables } });
    let found = hooks_function(answer(200, &body)).await.expect("settings");
    let ours = [("SGSYNC_MESH".to_owned(), "name = \"m\"".to_owned())].into();
    assert_eq!(found, FunctionSettings { timeout: 15, variables: ours });

    let without = hooks_function(answer(200, &json!({ "Timeout": 3 }))).await.expect("settings");
    assert_eq!(without, FunctionSettings { timeout: 3, ..FunctionSettings::default() });
}

#[tokio::test]
async fn a_function_that_cannot_be_seen_is_an_error() {
    let missing = answer(404, &json!({ "Type": "User", "Message": "Function not found" }));
    let missing = missing.insert_header("x-amzn-errortype", "ResourceNotFoundException");
    let missing = hooks_function(missing).await.expect_err("none");
    assert_eq!(
        (missing.kind, missing.call),
        (Failure::NotFound, "lambda:GetFunctionConfiguration")
    );

    let error = json!({ "ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt" });
    let body = json!({ "Timeout": 15, "Environment": { "Error": error } });
    let locked = hooks_function(answer(200, &body)).await.expect_err("encrypted");
    assert_eq!((locked.kind, locked.code.as_str()), (Failure::Denied, "AccessDeniedException"));

    let odd = hooks_function(answer(200, &json!({}))).await.expect_err("no timeout");
    assert_eq!(odd.code, "UnreadableAnswer");
}
