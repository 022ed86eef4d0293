//! A look at a region: its rules, then its mirror's rows.

use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::mesh::{Member, RowKey};
use crate::names::SecurityGroupId;
use crate::planner::Groups;
use crate::ports::{CallError, Called, Failure};
use crate::row::Rows;

/// What one look saw.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// What each target holds.
    pub rules: Called<Groups>,
    /// The mirror's rows, read when the rules were there already.
    pub rows: Called<Rows>,
    /// When it was complete.
    pub at: Instant,
}

/// The age from which a look is not planned with. The one at the start grows old when
/// an observation has to wait for an address, or to start over.
const FRESH: Duration = Duration::from_secs(1);

impl Look {
    /// Whether it may be planned with.
    pub(super) fn is_fresh(&self) -> bool {
        self.at.elapsed() <= FRESH
    }
}

/// Looks at a region.
///
/// Actual before desired: a row is always written before its rules, so whatever rule
/// this sees, it also sees the row that wants it, and never revokes another run's
/// fresh rule (design section 5). Where rules cannot be read the rows still are: the
/// own row's version is needed all the same.
pub(super) async fn look(run: &Run<'_>, member: &Member, targets: &[SecurityGroupId]) -> Look {
    let readers = run.readers(member);
    let rules =
        if targets.is_empty() { Ok(Groups::new()) } else { readers.rules.rules(targets).await };
    let keys: Vec<RowKey> = run.mesh().row_keys().collect();
    let rows = readers.mirror.rows(&keys).await.map(|items| Rows::read(&items, run.mesh()));
    Look { rules, rows, at: Instant::now() }
}

/// The failure of a region that did not answer within its budget.
pub(super) fn no_answer(call: &'static str, member: &Member) -> CallError {
    CallError {
        call,
        kind: Failure::NoAnswer,
        code: "Timeout".to_owned(),
        message: format!("{} did not answer within the budget", member.region),
        request_id: None,
    }
}
