//! Audit lines (promise 8).

use sync_core::ports::{AuditLine, AuditLog};

/// Writes each line as one event of target `audit`, every part of it a field, so
/// that a JSON subscriber makes one JSON line of it that can be queried by part.
///
/// A subscriber must let `audit=info` through whatever else it drops.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingAuditLog;

impl AuditLog for TracingAuditLog {
    fn write(&self, line: &AuditLine) {
        tracing::info!(
            target: "audit",
            who = line.who,
            trigger = line.trigger,
            member = %line.member,
            instance = line.instance.as_ref().map(display),
            action = line.action,
            target = line.target,
            permission = line.permission,
            before = line.before,
            after = line.after,
            aws_request_id = line.aws_request_id,
            "change"
        );
    }
}
