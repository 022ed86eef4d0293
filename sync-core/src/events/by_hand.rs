//! The true-up that a person or a schedule asks for.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error::{At, EventError};
use super::shapes::shape;
use super::{Event, Expected};

/// `{"trueup": true}` with what may go with it. Its writer can see the answer, so
/// a misspelled key is refused: `dryrun` must not become a real run.
#[expect(clippy::struct_excessive_bools, reason = "it is the shape people write")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrueUp {
    trueup: bool,
    /// Read by itself.
    #[serde(default, rename = "detail")]
    _detail: IgnoredAny,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    allow_removals: bool,
    #[serde(default)]
    scheduled: bool,
}

/// The tool of 2017 named the group like this.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail<'v> {
    #[serde(rename = "AutoScalingGroupName")]
    asg: Option<&'v str>,
}

pub(super) fn read(value: &Value, at: &At, expected: Expected<'_>) -> Result<Event, EventError> {
    let asked: TrueUp = shape(value, at)?;
    if !asked.trueup {
        return Err(at.key("trueup").malformed("is false; only true asks for something"));
    }
    let at = at.key("detail");
    let detail = value.get("detail").map(|detail| shape::<Detail<'_>>(detail, &at)).transpose()?;
    let asg = detail.and_then(|detail| detail.asg);
    let at = at.key("AutoScalingGroupName");
    let groups = asg.map(|asg| expected.groups(asg, &at)).transpose()?;
    Ok(Event::TrueUp {
        groups,
        dry_run: asked.dry_run,
        allow_removals: asked.allow_removals,
        scheduled: asked.scheduled,
    })
}
