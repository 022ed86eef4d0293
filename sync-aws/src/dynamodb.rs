//! A region's mirror.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::try_join_all;
use jiff::Timestamp;
use sync_core::mesh::RowKey;
use sync_core::names::MemberName;
use sync_core::ports::{
    CallError, Called, Condition, Failure, Item, MirrorReader, MirrorWriter, Put,
};
use sync_core::row::MemberRow;

use crate::attributes::{attributes, from_json, item};
use crate::errors::{Call, unreadable};

const BATCH_GET_ITEM: &str = "dynamodb:BatchGetItem";
const PUT_ITEM: &str = "dynamodb:PutItem";
const QUERY: &str = "dynamodb:Query";
const DELETE_ITEM: &str = "dynamodb:DeleteItem";

/// More pages than the rows of one member can fill.
const MOST_PAGES: usize = 100;

/// `BatchGetItem`'s limit.
const KEYS_PER_CALL: usize = 100;

/// How often the rest of a batch is asked for, and the pause before the first time.
/// DynamoDB answers in part when it is short of capacity or the answer is too large;
/// with doubling pauses this is two seconds at most, within a peer's budget.
const UNPROCESSED_TRIES: usize = 5;
const UNPROCESSED_PAUSE: Duration = Duration::from_millis(50);

type Key = HashMap<String, AttributeValue>;

/// One member's table.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    client: Client,
    table: String,
}

impl Mirror {
    pub(crate) fn new(client: Client, table: &str) -> Self {
        Self { client, table: table.to_owned() }
    }

    /// Reads one batch to its end, asking again for what DynamoDB leaves out.
    async fn batch(&self, mut keys: Vec<Key>) -> Called<Vec<Item>> {
        let mut pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(UNPROCESSED_PAUSE)
            .with_max_times(UNPROCESSED_TRIES)
            .build();
        let mut items = Vec::new();
        loop {
            let (found, rest) = self.part(keys).await?;
            items.extend(found);
            if rest.is_empty() {
                return Ok(items);
            }
            let Some(pause) = pauses.next() else { return Err(unprocessed(rest.len())) };
            tokio::time::sleep(pause).await;
            keys = rest;
        }
    }

    /// One call: the items it found, and the keys it left out.
    async fn part(&self, keys: Vec<Key>) -> Called<(Vec<Item>, Vec<Key>)> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|error| unreadable(BATCH_GET_ITEM, error.to_string()))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await
            .call(BATCH_GET_ITEM)?;
        // There even when nothing was found. Without it nothing is known of any row.
        let found = answer
            .responses
            .ok_or_else(|| unreadable(BATCH_GET_ITEM, "an answer without responses".to_owned()))?;
        let items = found.into_values().flatten();
        let rest = answer.unprocessed_keys.unwrap_or_default().into_values();
        Ok((items.map(|found| item(&found)).collect(), rest.flat_map(|keys| keys.keys).collect()))
    }
}

/// A row of a member that the document may not name any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftRow {
    /// Where it is.
    pub key: RowKey,
    /// When it was last observed, if it says so in a way that can be read.
    pub observed_at: Option<Timestamp>,
}

/// For an operator who forgets a member that has left.
impl Mirror {
    /// Every row of a member, whether the document names it or not.
    pub(crate) async fn rows_of(&self, member: &MemberName) -> Called<Vec<LeftRow>> {
        let (mut pages, mut start, mut rows) = (0, None, Vec::new());
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#member = :member")
                .expression_attribute_names("#member", "member")
                .expression_attribute_values(":member", text(member.as_str()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .call(QUERY)?;
            rows.extend(page.items().iter().filter_map(|item| {
                let word = |name| item.get(name)?.as_s().ok().map(String::as_str);
                let key = RowKey { member: member.clone(), asg: word("asg")?.into() };
                let observed_at = word("observed_at").and_then(|at| at.parse().ok());
                Some(LeftRow { key, observed_at })
            }));
            start = page.last_evaluated_key;
            pages += 1;
            if start.is_none() {
                return Ok(rows);
            }
            if pages > MOST_PAGES {
                return Err(unreadable(QUERY, "pages without an end"));
            }
        }
    }

    /// Takes a row away.
    pub(crate) async fn erase(&self, row: &RowKey) -> Called<()> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(row)));
        request.send().await.call(DELETE_ITEM).map(drop)
    }
}

#[async_trait]
impl MirrorReader for Mirror {
    async fn rows(&self, keys: &[RowKey]) -> Called<Vec<Item>> {
        // The same key twice is refused.
        let once: Vec<_> = keys.iter().collect::<BTreeSet<_>>().into_iter().map(key).collect();
        let batches = once.chunks(KEYS_PER_CALL).map(|batch| self.batch(batch.to_vec()));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }
}

#[async_trait]
impl MirrorWriter for Mirror {
    async fn put(&self, row: &MemberRow, condition: Condition) -> Called<Put> {
        let stored = row.to_item();
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(attributes(&stored)))
            .expression_attribute_names("#version", "version")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = conditional(request, row, &condition).send().await else {
            return Ok(Put::Written);
        };
        match error.as_service_error() {
            // When the first reply is lost, the SDK's retry meets our own row.
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let ours = failed.item().is_some_and(|found| item(found) == stored);
                Ok(if ours { Put::Written } else { Put::Rejected })
            }
            _ => Err(error).call(PUT_ITEM),
        }
    }
}

fn conditional(
    request: PutItemFluentBuilder,
    row: &MemberRow,
    condition: &Condition,
) -> PutItemFluentBuilder {
    const ABSENT: &str = "attribute_not_exists(#version)";
    let number = |version: u64| AttributeValue::N(version.to_string());
    let (expression, value) = match condition {
        Condition::Over(None) => (ABSENT, None),
        Condition::Over(Some(old)) => ("#version = :version", Some(number(old.number()))),
        Condition::Newer => (
            "attribute_not_exists(#version) OR #version < :version",
            Some(number(row.version.number())),
        ),
        Condition::Replace(old) => ("#version = :version", Some(from_json(old))),
    };
    let request = request.condition_expression(expression);
    match value {
        Some(value) => request.expression_attribute_values(":version", value),
        None => request,
    }
}

fn key(key: &RowKey) -> Key {
    HashMap::from([
        ("member".to_owned(), text(key.member.as_str())),
        ("asg".to_owned(), text(key.asg.as_str())),
    ])
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn unprocessed(keys: usize) -> CallError {
    CallError {
        call: BATCH_GET_ITEM,
        kind: Failure::Throttled,
        code: "UnprocessedKeys".to_owned(),
        message: format!("{keys} keys were left out {} times", UNPROCESSED_TRIES + 1),
        request_id: None,
    }
}
