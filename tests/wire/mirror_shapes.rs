//! DynamoDB's answers in odd shapes.

use serde_json::{Value, json};
use sync_core::mesh::RowKey;
use sync_core::ports::{CallError, Condition, Failure, Item, Put};
use sync_core::row::{MemberRow, RowRejected, Version};

use crate::bodies::{dynamodb, dynamodb_error};
use crate::server::{ASG, Endpoint, mesh};

const READ: &str = "BatchGetItem";
const PUT: &str = "PutItem";
const TABLE: &str = "sgsync-orders-db";

fn key() -> RowKey {
    RowKey { member: "us-east-1".into(), asg: ASG.into() }
}

fn row() -> MemberRow {
    let time: jiff::Timestamp = "2026-11-22T11:07:55Z".parse().expect("a time");
    let instances = [("i-1".into(), ["54.1.2.3/32".parse().expect("a cidr")].into())].into();
    MemberRow::new(
        key(),
        Version::next(None, time),
        time,
        instances,
        "lifecycle 1".to_owned(),
        "0123456789abcdef".into(),
    )
}

fn stored(version: &Value) -> Value {
    json!({
        "member": { "S": "us-east-1" }, "asg": { "S": ASG }, "schema": { "N": "1" },
        "version": version, "observed_at": { "S": "2026-11-22T11:07:55Z" },
        "instances": { "M": { "i-1": { "L": [{ "S": "54.1.2.3/32" }] } } },
        "writer": { "S": "lifecycle 1" },
    })
}

async fn read(body: &Value) -> Result<Vec<Item>, CallError> {
    let endpoint = Endpoint::start().await;
    endpoint.answer(READ, dynamodb(200, body)).await;
    endpoint.readers().await.mirror.rows(&[key()]).await
}

/// A number is text of up to 38 digits, in any form. One that JSON would write in another
/// way is not believed, and is replaced under the condition that it is still exactly that.
#[tokio::test]
async fn odd_numbers_are_not_believed_and_come_back_as_they_were() {
    for odd in ["1E3", "1e+3", "1.0", "-0", "007", "99999999999999999999999999999999999999"] {
        let version = json!({ "N": odd });
        let body = json!({ "Responses": { TABLE: [stored(&version)] }, "UnprocessedKeys": {} });
        let item = read(&body).await.expect("an item").remove(0);
        let refused = MemberRow::from_item(&item, &mesh(""));
        assert!(matches!(refused, Err(RowRejected::Shape { .. })), "{odd}: {refused:?}");

        let endpoint = Endpoint::start().await;
        endpoint.answer(PUT, dynamodb(200, &json!({}))).await;
        let condition = Condition::Replace(item["version"].clone());
        let put = endpoint.writers().await.mirror.put(&row(), condition).await;
        assert_eq!(put, Ok(Put::Written));
        let sent = &endpoint.asked(PUT).await[0]["body"];
        let sent: Value = serde_json::from_str(sent).expect("a JSON body");
        let number = sent["ExpressionAttributeValues"][":version"]["N"].as_str().expect("a number");
        assert!(number == odd || (odd == "1.0" && number == "1.0"), "{odd} came back as {number}");
    }
}

#[tokio::test]
async fn a_plain_version_is_believed() {
    let body = json!({ "Responses": { TABLE: [stored(&json!({ "N": "1795342075000" }))] } });
    let item = read(&body).await.expect("an item").remove(0);
    let row = MemberRow::from_item(&item, &mesh("")).expect("a row");
    assert_eq!(row.version.number(), 1_795_342_075_000);
}

/// A row that is not there is in no list; its member stays as it is (promise 2). An
/// answer without any list says nothing.
#[tokio::test]
async fn promise_2_no_row_is_told_from_no_answer() {
    for none in [
        json!({ "Responses": { TABLE: [] }, "UnprocessedKeys": {} }),
        json!({ "Responses": {}, "UnprocessedKeys": {} }),
        json!({ "Responses": {} }),
    ] {
        assert_eq!(read(&none).await, Ok(vec![]), "{none}");
    }
    for (nothing, kind) in [
        (json!({}), Failure::Refused),
        (json!({ "UnprocessedKeys": {} }), Failure::Refused),
        (json!({ "Responses": [] }), Failure::NoAnswer),
        (json!({ "Responses": { TABLE: [{ "asg": { "N": 7 } }] } }), Failure::NoAnswer),
    ] {
        assert_eq!(read(&nothing).await.expect_err("no rows").kind, kind, "{nothing}");
    }
}

/// An attribute type to come is kept apart, so that no row with it is believed.
#[tokio::test]
async fn an_attribute_of_an_unknown_type_is_no_row() {
    let body = json!({ "Responses": { TABLE: [stored(&json!({ "NOVEL": "1" }))] } });
    match read(&body).await {
        Ok(items) => {
            let refused = MemberRow::from_item(&items[0], &mesh(""));
            assert!(matches!(refused, Err(RowRejected::Shape { .. })), "{refused:?}");
        }
        Err(error) => assert_eq!(error.kind, Failure::NoAnswer, "{error}"),
    }
}

/// Without the item nobody can tell whose row is there: somebody else's, until it is read.
#[tokio::test]
async fn a_failed_condition_without_its_item_is_a_rejection() {
    let mut other = stored(&json!({ "N": "1795342075000" }));
    other["writer"]["S"] = json!("trueup 2");
    for beside in
        [json!({}), json!({ "Item": null }), json!({ "Item": {} }), json!({ "Item": other })]
    {
        let endpoint = Endpoint::start().await;
        let message = "The conditional request failed";
        let error = dynamodb_error(400, "ConditionalCheckFailedException", message, &beside);
        endpoint.answer(PUT, error).await;
        let put = endpoint.writers().await.mirror.put(&row(), Condition::Newer).await;
        assert_eq!(put, Ok(Put::Rejected), "{beside}");
        assert_eq!(endpoint.asked(PUT).await.len(), 1);
    }
}

/// A group of thousands of instances: nothing that trying again would mend.
#[tokio::test]
async fn a_row_that_is_too_large_is_refused_in_dynamodbs_words() {
    for (code, message) in [
        ("ValidationException", "Item size has exceeded the maximum allowed size"),
        ("ItemCollectionSizeLimitExceededException", "Collection size exceeded."),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.answer(PUT, dynamodb_error(400, code, message, &Value::Null)).await;
        let put = endpoint.writers().await.mirror.put(&row(), Condition::Newer).await;
        let error = put.expect_err(code);
        assert_eq!((error.kind, error.message.as_str()), (Failure::Refused, message));
        assert_eq!(endpoint.asked(PUT).await.len(), 1);
    }
}
