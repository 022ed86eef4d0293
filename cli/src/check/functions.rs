//! Whether the stack's functions are there, with this document, and in time for the hooks.

use sync_aws::{FunctionSettings, Survey, hooks_function};
use sync_core::mesh::{Member, Mesh};
use sync_core::ports::Failure;

use super::{Level, Notes};

/// What every function of the member's stack is and has.
pub(super) fn functions(mesh: &Mesh, survey: &Survey, notes: &mut Notes<'_>) {
    for (name, found) in &survey.functions {
        let settings = match found {
            Ok(settings) => settings,
            Err(error) if error.kind == Failure::NotFound => {
                let region = &notes.member.region;
                let detail = format!("{region} has no such function: launch the stack there");
                notes.say(Level::Error, name, detail);
                continue;
            }
            Err(error) => {
                notes.could_not(name, error);
                continue;
            }
        };
        let (level, detail) = judge(mesh, notes.member, settings);
        notes.say(level, name, detail);
    }
}

/// The time that the function which answers hooks may take, in seconds, if it is there.
pub(super) fn timeout(mesh: &Mesh, member: &Member, survey: &Survey) -> Option<i32> {
    let hooks = survey.functions.get(&hooks_function(mesh, member))?;
    hooks.as_ref().ok().map(|settings| settings.timeout)
}

fn judge(mesh: &Mesh, member: &Member, settings: &FunctionSettings) -> (Level, String) {
    let variable = |name| settings.variables.get(name).filter(|text| !text.is_empty());
    let alone = mesh.members_in(&member.region).count() == 1;
    match variable("SGSYNC_MEMBER") {
        Some(named) if named != member.name.as_str() => {
            let detail = format!("works for `{named}` (SGSYNC_MEMBER), not for `{}`", member.name);
            return (Level::Error, detail + ": launch the stack again");
        }
        None if !alone => {
            let detail = format!("does not know which of the members in {} is its", member.region);
            return (Level::Error, detail + " (SGSYNC_MEMBER): launch the stack again");
        }
        _ => {}
    }
    match (variable("SGSYNC_MESH").map(|text| Mesh::parse(text)), variable("SGSYNC_MESH_FILE")) {
        (Some(Ok(theirs)), _) if theirs.hash == mesh.hash => {
            (Level::Ok, "is there, with this document".to_owned())
        }
        (Some(Ok(theirs)), _) => (
            Level::Error,
            format!(
                "runs with another document ({}, this one is {}): deploy this one to {}",
                theirs.hash, mesh.hash, member.name
            ),
        ),
        (Some(Err(_)), _) => (
            Level::Error,
            format!(
                "has a document in SGSYNC_MESH that this release of sgsync refuses: deploy this \
                 one to {}",
                member.name
            ),
        ),
        (None, Some(path)) => (
            Level::Warning,
            format!("has its document in a file, {path}, which cannot be seen from here"),
        ),
        (None, None) => (
            Level::Error,
            "has neither SGSYNC_MESH nor SGSYNC_MESH_FILE: launch the stack again".to_owned(),
        ),
    }
}
