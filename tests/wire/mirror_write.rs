//! `PutItem`.

use serde_json::{Value, json};
use sync_core::mesh::RowKey;
use sync_core::ports::{Condition, Failure, Put};
use sync_core::row::{MemberRow, Version};

use crate::bodies::{dynamodb, dynamodb_error};
use crate::server::{ASG, Endpoint};

const ACTION: &str = "PutItem";
const VERSION: &str = "1795342075000";

fn version(number: u64) -> Version {
    serde_json::from_value(json!(number)).expect("a version")
}

fn row() -> MemberRow {
    let key = RowKey { member: "us-east-1".into(), asg: ASG.into() };
    let instances = [("i-1".into(), ["54.1.2.3/32".parse().expect("a cidr")].into())].into();
    let time = "2026-11-22T11:07:55Z".parse().expect("a time");
    let (writer, document) = ("lifecycle 1".to_owned(), "0123456789abcdef".into());
    MemberRow::new(key, version(1_795_342_075_000), time, instances, writer, document)
}

fn stored() -> Value {
    json!({
        "member": { "S": "us-east-1" }, "asg": { "S": ASG }, "schema": { "N": "1" },
        "document": { "S": "0123456789abcdef" },
        "version": { "N": VERSION }, "observed_at": { "S": "2026-11-22T11:07:55Z" },
        "instances": { "M": { "i-1": { "L": [{ "S": "54.1.2.3/32" }] } } },
        "writer": { "S": "lifecycle 1" },
    })
}

fn failed(item: &Value) -> wiremock::ResponseTemplate {
    let message = "The conditional request failed";
    let beside = json!({ "Item": item });
    dynamodb_error(400, "ConditionalCheckFailedException", message, &beside)
}

#[tokio::test]
async fn every_condition_is_put_as_dynamodb_reads_it() {
    let absent = "attribute_not_exists(#version)";
    for (condition, expression, value) in [
        (Condition::Over(None), absent.to_owned(), None),
        (
            Condition::Over(Some(version(7))),
            "#version = :version".to_owned(),
            Some(json!({"N": "7"})),
        ),
        (Condition::Newer, format!("{absent} OR #version < :version"), Some(json!({"N": VERSION}))),
        (
            Condition::Replace(json!("odd")),
            "#version = :version".to_owned(),
            Some(json!({"S": "odd"})),
        ),
        (
            Condition::Replace(json!({"BOOL": true})),
            "#version = :version".to_owned(),
            Some(json!({"BOOL": true})),
        ),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, dynamodb(200, &json!({}))).await;
        let put = endpoint.writers().await.mirror.put(&row(), condition).await;
        assert_eq!(put, Ok(Put::Written));
        let body = &endpoint.asked(ACTION).await[0]["body"];
        let mut wanted = json!({
            "TableName": "sgsync-orders-db", "Item": stored(), "ConditionExpression": expression,
            "ExpressionAttributeNames": { "#version": "version" },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        if let Some(value) = value {
            wanted["ExpressionAttributeValues"] = json!({ ":version": value });
        }
        assert_eq!(serde_json::from_str::<Value>(body).expect("a JSON body"), wanted);
    }
}

#[tokio::test]
async fn a_failed_condition_is_a_rejection_and_not_tried_again() {
    let mut newer = stored();
    newer["version"]["N"] = json!("1795342075001");
    for found in [newer, Value::Null] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, failed(&found)).await;
        let put = endpoint.writers().await.mirror.put(&row(), Condition::Newer).await;
        assert_eq!(put, Ok(Put::Rejected));
        assert_eq!(endpoint.asked(ACTION).await.len(), 1);
    }
}

#[tokio::test]
async fn a_retry_that_meets_its_own_row_has_written_it() {
    let endpoint = Endpoint::start().await;
    let error = dynamodb_error(500, "InternalServerError", "The reply was lost", &Value::Null);
    endpoint.answer_once(ACTION, error).await;
    endpoint.answer(ACTION, failed(&stored())).await;
    let condition = Condition::Over(Some(version(7)));
    let put = endpoint.writers().await.mirror.put(&row(), condition).await;
    assert_eq!(put, Ok(Put::Written));
    assert_eq!(endpoint.asked(ACTION).await.len(), 2);
}

#[tokio::test]
async fn other_errors_are_errors() {
    let endpoint = Endpoint::start().await;
    let message = "Requested resource not found";
    let error = dynamodb_error(400, "ResourceNotFoundException", message, &Value::Null);
    endpoint.answer(ACTION, error).await;
    let put = endpoint.writers().await.mirror.put(&row(), Condition::Newer).await;
    assert_eq!(put.expect_err("no table").kind, Failure::NotFound);
}
