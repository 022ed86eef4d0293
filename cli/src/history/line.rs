//! One audit line, as far as it says what we know of. What later versions add is kept.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use sync_aws::LogEvent;
use sync_core::names::Region;

/// The target of audit lines, by which they differ from other lines of the log.
const AUDIT: &str = "audit";

/// One change that a function wrote down.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Change {
    /// When it was written down.
    pub at: Timestamp,
    /// In which region's log.
    pub region: Region,
    /// In which log group.
    pub log_group: String,
    /// What it says, as it was written.
    pub line: Map<String, Value>,
}

impl Change {
    /// Reads a line of a log; none if it is no audit line.
    pub(super) fn read(event: &LogEvent, region: &Region, log_group: &str) -> Option<Self> {
        let Ok(Value::Object(mut line)) = serde_json::from_str(&event.message) else { return None };
        if line.get("target").and_then(Value::as_str) != Some(AUDIT) {
            return None;
        }
        let line = match line.remove("fields") {
            Some(Value::Object(fields)) => fields,
            _ => line,
        };
        Some(Self { at: event.at, region: region.clone(), log_group: log_group.to_owned(), line })
    }

    /// Whether a value of the line has this word, and not only a longer one that begins or
    /// ends like it.
    pub(super) fn has(&self, word: &str) -> bool {
        self.line.values().any(|value| mentions(value, word))
    }

    /// What the line says under a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.line.get(name).and_then(Value::as_str)
    }
}

fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.match_indices(word).any(|(at, _)| {
            let inside = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            let (before, after) = (&text[..at], &text[at + word.len()..]);
            !before.ends_with(inside) && !after.starts_with(inside)
        }),
        Value::Array(values) => values.iter().any(|value| mentions(value, word)),
        Value::Object(values) => values.values().any(|value| mentions(value, word)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
