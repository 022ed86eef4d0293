//! Whether the document counts on as many rules a group as AWS grants.

use std::collections::BTreeMap;

use sync_aws::Survey;
use sync_core::mesh::Mesh;
use sync_core::names::MemberName;

use super::{Finding, Level, Notes};

/// What is said of the quota in each member's account and region.
pub(super) fn quotas(
    mesh: &Mesh,
    surveys: &BTreeMap<MemberName, Survey>,
    findings: &mut Vec<Finding>,
) {
    let wanted = mesh.limits.rules_per_group;
    let granted = surveys.values().map(|survey| survey.rules_granted.as_ref().copied());
    // The document has one number for every region: the smallest quota is the one that counts.
    let least: Option<u32> =
        granted.collect::<Result<Vec<_>, _>>().ok().and_then(|all| all.into_iter().min());
    for member in &mesh.members {
        let Some(survey) = surveys.get(&member.name) else { continue };
        let mut notes = Notes { member, findings };
        let subject = "quota L-0EA8095F";
        let granted = match &survey.rules_granted {
            Ok(granted) => *granted,
            Err(error) => {
                notes.could_not(subject, error);
                continue;
            }
        };
        let (level, more) = match least {
            _ if granted < wanted => (
                Level::Error,
                format!(
                    ", and `rules_per_group` is {wanted}: what goes beyond is refused. Ask AWS for \
                     a higher quota in {}, or lower `rules_per_group`",
                    member.region
                ),
            ),
            Some(least) if least > wanted => (
                Level::Warning,
                format!(
                    ", and `rules_per_group` is {wanted}: raise it to {least}, which every region \
                     has, or launches fail sooner than they need to"
                ),
            ),
            _ => (Level::Ok, format!(", and `rules_per_group` is {wanted}")),
        };
        notes.say(level, subject, format!("AWS grants {granted} inbound rules a group{more}"));
    }
}
