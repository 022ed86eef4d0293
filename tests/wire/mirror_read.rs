//! `BatchGetItem`.

use serde_json::{Value, json};
use sync_core::mesh::RowKey;
use sync_core::ports::Failure;

use crate::bodies::{dynamodb, dynamodb_error};
use crate::server::{Endpoint, Params};

const ACTION: &str = "BatchGetItem";
const TABLE: &str = "sgsync-orders-db";

fn key(n: usize) -> RowKey {
    RowKey { member: "us-east-1".into(), asg: format!("g-{n:03}").as_str().into() }
}

fn stored_key(n: usize) -> Value {
    json!({ "member": { "S": "us-east-1" }, "asg": { "S": format!("g-{n:03}") } })
}

fn answer(items: &[Value], unprocessed: &[Value]) -> wiremock::ResponseTemplate {
    let mut body = json!({ "Responses": { TABLE: items }, "UnprocessedKeys": {} });
    if !unprocessed.is_empty() {
        body["UnprocessedKeys"][TABLE] = json!({ "ConsistentRead": true, "Keys": unprocessed });
    }
    dynamodb(200, &body)
}

fn asked_keys(params: &Params) -> Vec<Value> {
    let body: Value = serde_json::from_str(&params["body"]).expect("a JSON body");
    let table = &body["RequestItems"][TABLE];
    assert_eq!(table["ConsistentRead"], true, "{body}");
    let mut keys = table["Keys"].as_array().expect("keys").clone();
    keys.sort_by_key(|key| key["asg"]["S"].to_string());
    keys
}

#[tokio::test]
async fn one_consistent_read_for_all_keys_each_once() {
    let endpoint = Endpoint::start().await;
    let row = json!({
        "member": { "S": "us-east-1" }, "asg": { "S": "g-000" }, "schema": { "N": "1" },
        "version": { "N": "1795342075000" }, "observed_at": { "S": "2026-11-22T11:07:55Z" },
        "instances": { "M": { "i-1": { "L": [{ "S": "54.1.2.3/32" }] }, "i-2": { "L": [] } } },
        "writer": { "S": "lifecycle 1" }, "odd": { "SS": ["a"] }, "flag": { "BOOL": true },
    });
    endpoint.answer(ACTION, answer(&[row], &[])).await;

    let mirror = endpoint.readers().await.mirror;
    let rows = mirror.rows(&[key(1), key(0), key(1)]).await.expect("rows");

    assert_eq!(
        rows.into_iter().map(Value::Object).collect::<Value>(),
        json!([{
            "member": "us-east-1", "asg": "g-000", "schema": 1, "version": 1_795_342_075_000_u64,
            "observed_at": "2026-11-22T11:07:55Z",
            "instances": { "i-1": ["54.1.2.3/32"], "i-2": [] },
            "writer": "lifecycle 1", "odd": { "SS": ["a"] }, "flag": { "BOOL": true },
        }])
    );
    let asked = endpoint.asked(ACTION).await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked_keys(&asked[0]), [stored_key(0), stored_key(1)]);
}

#[tokio::test]
async fn keys_go_100_a_call() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, answer(&[], &[])).await;
    let keys: Vec<_> = (0..101).map(key).collect();
    assert_eq!(endpoint.readers().await.mirror.rows(&keys).await, Ok(vec![]));
    let mut sizes: Vec<_> =
        endpoint.asked(ACTION).await.iter().map(|params| asked_keys(params).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 100]);
}

#[tokio::test]
async fn keys_left_out_are_asked_for_again() {
    let endpoint = Endpoint::start().await;
    let rows = [0, 1, 2].map(stored_key);
    let [first, second, third] = rows.clone();
    endpoint.answer_once(ACTION, answer(&[first], &[second.clone(), third.clone()])).await;
    endpoint.answer_once(ACTION, answer(&[], &[second.clone(), third.clone()])).await;
    endpoint.answer(ACTION, answer(&[second, third], &[])).await;
    let mirror = endpoint.readers().await.mirror;
    let found = mirror.rows(&[key(0), key(1), key(2)]).await.expect("rows");
    let found: Vec<_> = found.iter().map(|row| row["asg"].clone()).collect();
    assert_eq!(found, ["g-000", "g-001", "g-002"]);
    let asked: Vec<_> = endpoint.asked(ACTION).await.iter().map(asked_keys).collect();
    assert_eq!(asked, [rows.to_vec(), rows[1..].to_vec(), rows[1..].to_vec()]);
}

#[tokio::test]
async fn promise_2_keys_left_out_for_good_fail_the_read() {
    let endpoint = Endpoint::start().await;
    endpoint.answer(ACTION, answer(&[stored_key(0)], &[stored_key(1)])).await;
    let mirror = endpoint.readers().await.mirror;
    let error = mirror.rows(&[key(0), key(1)]).await.expect_err("a row is missing");
    assert_eq!((error.kind, error.code.as_str()), (Failure::Throttled, "UnprocessedKeys"));
    assert_eq!(endpoint.asked(ACTION).await.len(), 6);
}

#[tokio::test]
async fn no_keys_are_no_call() {
    let endpoint = Endpoint::start().await;
    assert_eq!(endpoint.readers().await.mirror.rows(&[]).await, Ok(vec![]));
    assert!(endpoint.asked(ACTION).await.is_empty());
}

#[tokio::test]
async fn each_error_has_its_meaning() {
    for (code, message, kind, attempts) in [
        ("ResourceNotFoundException", "Requested resource not found", Failure::NotFound, 1),
        ("AccessDeniedException", "is not authorized to perform", Failure::Denied, 1),
        ("UnrecognizedClientException", "The security token is invalid", Failure::Denied, 1),
        ("ProvisionedThroughputExceededException", "The level of", Failure::Throttled, 3),
        ("ThrottlingException", "Rate of requests exceeds", Failure::Throttled, 3),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(ACTION, dynamodb_error(400, code, message, &Value::Null)).await;
        let mirror = endpoint.readers().await.mirror;
        let error = mirror.rows(&[key(0)]).await.expect_err(code);
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{code}");
        assert_eq!(endpoint.asked(ACTION).await.len(), attempts, "{code}");
    }
}
