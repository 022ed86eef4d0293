//! `sgsync check`: the document by itself and, with `--online`, what it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;
use sync_aws::{Aws, Survey};
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{AsgName, MemberName};
use sync_core::ports::{CallError, Failure};
use sync_core::row::Stored;

use crate::args::{Common, Output};
use crate::screen::{BAD, GOOD, WAITS, during, paint, print, print_json};
use crate::world::{Seen, World, look_with};
use crate::{ERROR, OK, hints, text};

mod forecast;
mod functions;
mod quotas;

#[cfg(test)]
mod tests;

/// What to check.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Also ask AWS whether everything that the document names is there and fits
    #[arg(long)]
    pub online: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// How it stands.
    level: Level,
    member: String,
    /// What was looked at.
    subject: String,
    /// What was found, and what to do about it.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Error,
}

/// Runs the command on a valid document; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    if !options.online {
        match common.output {
            Output::Text => print(&text::mesh(mesh)),
            Output::Json => {
                print_json(&json!({ "valid": true, "mesh": mesh.name, "problems": [] }))?;
            }
        }
        return Ok(OK);
    }
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let nobody = BTreeSet::new();
    let all = async { futures::join!(look_with(&aws, mesh, &nobody), aws.survey(mesh)) };
    let (world, surveys) = during("checking every region", all).await;
    let findings = judged(mesh, &world, &surveys);
    let failed = findings.iter().any(|finding| finding.level == Level::Error);
    match common.output {
        Output::Text => print(&shown(mesh, &findings)),
        Output::Json => print_json(&json!({
            "valid": true, "mesh": mesh.name, "problems": [], "online": findings
        }))?,
    }
    Ok(if failed { ERROR } else { OK })
}

/// Everything that there is to say.
fn judged(mesh: &Mesh, world: &World, surveys: &BTreeMap<MemberName, Survey>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &mesh.members {
        if let (Some(seen), Some(survey)) = (world.get(&member.name), surveys.get(&member.name)) {
            check(mesh, member, seen, survey, &mut findings);
        }
    }
    quotas::quotas(mesh, surveys, &mut findings);
    forecast::forecast(mesh, world, surveys, &mut findings);
    findings
}

/// What is said of one member.
struct Notes<'a> {
    member: &'a Member,
    findings: &'a mut Vec<Finding>,
}

impl Notes<'_> {
    fn say(&mut self, level: Level, subject: &(impl ToString + ?Sized), detail: impl Into<String>) {
        self.findings.push(Finding {
            level,
            member: self.member.name.to_string(),
            subject: subject.to_string(),
            detail: detail.into(),
        });
    }

    fn could_not(&mut self, subject: &(impl ToString + ?Sized), error: &CallError) {
        self.say(Level::Error, subject, error.to_string());
    }
}

fn check(mesh: &Mesh, member: &Member, seen: &Seen, survey: &Survey, findings: &mut Vec<Finding>) {
    let mut notes = Notes { member, findings };
    security_groups(member, survey, &mut notes);
    auto_scaling_groups(mesh, member, survey, &mut notes);
    functions::functions(mesh, survey, &mut notes);
    table(mesh, member, seen, &mut notes);
}

fn security_groups(member: &Member, survey: &Survey, notes: &mut Notes<'_>) {
    let there = match &survey.security_groups {
        Ok(there) => there,
        Err(error) => return notes.could_not("security groups", error),
    };
    for group in &member.security_groups {
        if !there.contains(group) {
            let detail = format!("{} has no such security group", member.region);
            notes.say(Level::Error, group, detail);
            continue;
        }
        match survey.may_change.get(group) {
            Some(Ok(())) => notes.say(Level::Ok, group, "is there, and you may add rules to it"),
            Some(Err(error)) if error.kind == Failure::Denied => {
                let detail = format!(
                    "is there, but `sgsync apply` could not change it from here: {}",
                    error.code
                );
                notes.say(Level::Warning, group, detail);
            }
            Some(Err(error)) => notes.could_not(group, error),
            None => {}
        }
    }
}

fn auto_scaling_groups(mesh: &Mesh, member: &Member, survey: &Survey, notes: &mut Notes<'_>) {
    let there = match &survey.max_sizes {
        Ok(there) => there,
        Err(error) => return notes.could_not("Auto Scaling groups", error),
    };
    for asg in &member.auto_scaling_groups {
        if !there.contains_key(asg) {
            let detail = format!("{} has no such Auto Scaling group", member.region);
            notes.say(Level::Error, asg, detail);
            continue;
        }
        hooks(mesh, member, asg, survey, notes);
    }
}

fn hooks(mesh: &Mesh, member: &Member, asg: &AsgName, survey: &Survey, notes: &mut Notes<'_>) {
    let hooks = match survey.hooks.get(asg) {
        Some(Ok(hooks)) => hooks,
        Some(Err(error)) => return notes.could_not(asg, error),
        None => return,
    };
    let mut fine = true;
    for (end, transition) in [
        ("launch", "autoscaling:EC2_INSTANCE_LAUNCHING"),
        ("terminate", "autoscaling:EC2_INSTANCE_TERMINATING"),
    ] {
        let name = format!("sgsync-{}-{end}", mesh.name);
        let Some(hook) = hooks.iter().find(|hook| hook.name == name) else {
            let detail = format!("has no lifecycle hook {name}: launch the stack, or add it");
            notes.say(Level::Error, asg, detail);
            fine = false;
            continue;
        };
        if hook.transition != transition {
            let detail = format!("its hook {name} is for {}, not {transition}", hook.transition);
            notes.say(Level::Error, asg, detail);
            fine = false;
        }
        // A hook that gives up sooner is not waited for.
        let timeout = functions::timeout(mesh, member, survey);
        if let Some(timeout) = timeout.filter(|timeout| hook.heartbeat <= *timeout) {
            let detail = format!(
                "its hook {name} gives up after {} s, and the function may take {timeout} s: give \
                 it more",
                hook.heartbeat
            );
            notes.say(Level::Error, asg, detail);
            fine = false;
        }
    }
    if fine {
        notes.say(Level::Ok, asg, "is there, with both hooks");
    }
}

fn table(mesh: &Mesh, member: &Member, seen: &Seen, notes: &mut Notes<'_>) {
    let table = &member.table;
    let rows = match &seen.rows {
        Ok(rows) => rows,
        Err(error) if error.kind == Failure::NotFound => {
            let detail = format!("{} has no such table: launch the stack there", member.region);
            return notes.say(Level::Error, table, detail);
        }
        Err(error) => return notes.could_not(table, error),
    };
    let mut fine = true;
    for (key, stored) in &rows.stored {
        let row = format!("{}/{}", key.member, key.asg);
        let (level, detail) = match stored {
            Stored::Row(there) if there.document == mesh.hash => continue,
            Stored::Row(there) => (
                Level::Error,
                format!(
                    "the row {row} was written under another document ({}, this one is {}): deploy \
                     this one to {}",
                    there.document, mesh.hash, key.member
                ),
            ),
            Stored::Missing => {
                (Level::Warning, format!("has no row {row} yet: {} has not run", key.member))
            }
            Stored::Rejected { why, .. } => {
                (Level::Error, format!("the row {row} is not believed: {why}"))
            }
        };
        notes.say(level, table, detail);
        fine = false;
    }
    if fine {
        notes.say(Level::Ok, table, "is there, and every row is of this document");
    }
}

fn shown(mesh: &Mesh, findings: &[Finding]) -> String {
    let mut out = text::mesh(mesh);
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => paint(GOOD, "ok"),
            Level::Warning => paint(WAITS, "warning"),
            Level::Error => paint(BAD, "error"),
        };
        let Finding { member, subject, detail, .. } = finding;
        let _ = writeln!(out, "{mark}: {member}: {subject}: {detail}");
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let _ = writeln!(out, "\nerrors: {}, warnings: {}", count(Level::Error), count(Level::Warning));
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    out + &hints::next(errors.map(|finding| finding.detail.as_str()))
}
