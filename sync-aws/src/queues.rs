//! The stack's queue of dead letters: how many messages wait there. For an operator.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::join_all;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::MemberName;
use sync_core::ports::Called;

use crate::Aws;
use crate::errors::{Call, unreadable};

const GET_QUEUE_URL: &str = "sqs:GetQueueUrl";
const GET_QUEUE_ATTRIBUTES: &str = "sqs:GetQueueAttributes";

/// How SQS says that a queue is not there, by its newer and its older protocol.
const NO_QUEUE: [&str; 2] = ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

/// How many messages each member's dead-letter queue holds; none where it has no such queue,
/// because the stack is not there.
pub type DeadLetters = BTreeMap<MemberName, Called<Option<u64>>>;

impl Aws {
    /// Counts the dead letters of every member, side by side.
    pub async fn dead_letters(&self, mesh: &Mesh) -> DeadLetters {
        let counts = mesh.members.iter().filter_map(|member| {
            let clients = self.members.get(&member.name)?;
            let (client, queue) =
                (Client::new(clients.region.config()), dead_letter_queue(mesh, member));
            Some(async move { (member.name.clone(), count(&client, &queue).await) })
        });
        join_all(counts).await.into_iter().collect()
    }
}

/// What the stack calls its dead-letter queue.
#[must_use]
pub fn dead_letter_queue(mesh: &Mesh, member: &Member) -> String {
    format!("{}-dead-letters", mesh.stack_name(member))
}

async fn count(client: &Client, queue: &str) -> Called<Option<u64>> {
    let found = client.get_queue_url().queue_name(queue).send().await.call(GET_QUEUE_URL);
    let url = match found {
        Ok(answer) => answer.queue_url,
        Err(error) if NO_QUEUE.iter().any(|code| error.code.ends_with(code)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let answer = client
        .get_queue_attributes()
        .queue_url(url.unwrap_or_default())
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await
        .call(GET_QUEUE_ATTRIBUTES)?;
    let number = |name: &QueueAttributeName| {
        let text = answer.attributes().and_then(|all| all.get(name));
        text.and_then(|text| text.parse::<u64>().ok())
    };
    let there = number(&QueueAttributeName::ApproximateNumberOfMessages);
    let away = number(&QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
    match (there, away) {
        (Some(there), Some(away)) => Ok(Some(there + away)),
        _ => Err(unreadable(GET_QUEUE_ATTRIBUTES, "an answer without the numbers of messages")),
    }
}
