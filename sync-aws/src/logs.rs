//! What the functions wrote to their logs. For an operator.

use aws_sdk_cloudwatchlogs::Client;
use jiff::Timestamp;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::MemberName;
use sync_core::ports::Called;
use tokio::time::{Duration, sleep};

use crate::errors::{Call, unreadable};
use crate::pages::Pages;
use crate::{Aws, hooks_function, trueup_function};

const FILTER_LOG_EVENTS: &str = "logs:FilterLogEvents";

/// `CloudWatch` Logs takes a few such calls a second of an account in a region, and a search
/// for something rare comes back page after page with nothing on it.
const BETWEEN_PAGES: Duration = Duration::from_millis(200);

/// Pages of one search: such a page may be empty, so there are more of them than of a list.
const MAX_PAGES: usize = 2_000;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When it was written.
    pub at: Timestamp,
    /// The line.
    pub message: String,
}

/// What a member's stack calls its functions' log groups.
#[must_use]
pub fn log_groups(mesh: &Mesh, member: &Member) -> [String; 2] {
    [hooks_function(mesh, member), trueup_function(mesh, member)]
        .map(|function| format!("/aws/lambda/{function}"))
}

impl Aws {
    /// The lines of a log group in a member's region that have all of these terms, from one
    /// time to another, both included; without the second one to the end.
    ///
    /// # Errors
    /// A call that failed: a part of a log is not the log.
    pub async fn log_events(
        &self,
        member: &MemberName,
        group: &str,
        terms: &[String],
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Called<Vec<LogEvent>> {
        let Some(clients) = self.members.get(member) else { return Ok(Vec::new()) };
        let client = Client::new(clients.region.config());
        let pattern: Vec<String> = terms.iter().map(|term| format!("\"{term}\"")).collect();
        let (mut pages, mut token) = (Pages::at_most(FILTER_LOG_EVENTS, MAX_PAGES), None);
        let mut found = Vec::new();
        loop {
            let page = client
                .filter_log_events()
                .log_group_name(group)
                .filter_pattern(pattern.join(" "))
                .start_time(from.as_millisecond())
                .set_end_time(to.map(Timestamp::as_millisecond))
                .set_next_token(token)
                .send()
                .await
                .call(FILTER_LOG_EVENTS)?;
            for event in page.events() {
                let at = event.timestamp().and_then(|at| Timestamp::from_millisecond(at).ok());
                let (Some(at), Some(message)) = (at, event.message()) else {
                    return Err(unreadable(FILTER_LOG_EVENTS, "a line without its time or text"));
                };
                found.push(LogEvent { at, message: message.to_owned() });
            }
            token = pages.after(page.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
            sleep(BETWEEN_PAGES).await;
        }
    }
}
