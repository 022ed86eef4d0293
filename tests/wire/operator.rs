//! What only the command line asks: logs, and everything there is in a region.

use serde_json::{Value, json};
use sync_aws::{Aws, LogEvent};
use sync_core::ports::{Called, Failure};
use wiremock::ResponseTemplate;

use crate::server::{Endpoint, config, mesh};

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
