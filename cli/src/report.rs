//! `sgsync report`: the mesh as one page of HTML, for auditors and for looking.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ::report::{Finding, Group, Health, Member as Shown, Quota, Reach, Severity, Snapshot, Target};
use anyhow::Context as _;
use jiff::Timestamp;
use sync_aws::{Aws, SystemClock};
use sync_core::mesh::{Member, Mesh};
use sync_core::permission::Traffic;
use sync_core::planner::learned;
use sync_core::ports::Clock as _;

use crate::args::{Common, Output};
use crate::screen::{BAD, during, paint, print, print_json};
use crate::status::{self, Row, Status};
use crate::world::{Seen, World, look_with};
use crate::{ERROR, OK, hints};

mod findings;
mod rules;
#[cfg(test)]
mod tests;

/// Where to write it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Write the page to this file, over what is there
    #[arg(long, value_name = "FILE")]
    pub html: PathBuf,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let nobody = BTreeSet::new();
    let all = async { futures::join!(look_with(&aws, mesh, &nobody), aws.dead_letters(mesh)) };
    let (world, dead) = during("looking at every region", all).await;
    let now = SystemClock.now();
    let status = status::status(mesh, &world, &dead, now);
    let snapshot = snapshot(mesh, &world, &status, now);
    let path = options.html.display();
    std::fs::write(&options.html, ::report::html(&snapshot))
        .with_context(|| format!("{path} cannot be written; name another file with --html"))?;
    let unseen = snapshot.members.iter().filter(|member| member.health == Health::Unreachable);
    let unseen: Vec<&str> = unseen.map(|member| member.name.as_str()).collect();
    let without = if unseen.is_empty() {
        String::new()
    } else {
        format!(", without all of {}", unseen.join(", "))
    };
    match common.output {
        Output::Json => print_json(&snapshot)?,
        Output::Text => print(&format!("{path} is written{without}\n{}", wrong(&status))),
    }
    Ok(if status.errors.is_empty() { OK } else { ERROR })
}

/// What could not be seen, and what to do about it.
fn wrong(status: &Status) -> String {
    let mark = paint(BAD, "error:");
    let errors = status.errors.iter().flat_map(|error| [mark.as_str(), " ", error, "\n"]);
    errors.collect::<String>() + &hints::next(status.errors.iter().map(String::as_str))
}

/// What the page shows.
fn snapshot(mesh: &Mesh, world: &World, status: &Status, now: Timestamp) -> Snapshot {
    let seen: Vec<(&Member, &Seen)> = mesh
        .members
        .iter()
        .filter_map(|member| world.get(&member.name).map(|seen| (member, seen)))
        .collect();
    Snapshot {
        mesh: mesh.name.to_string(),
        at: now,
        tool: concat!("sgsync ", env!("CARGO_PKG_VERSION")).to_owned(),
        document: mesh.hash.to_string(),
        members: seen.iter().map(|(member, seen)| shown(member, seen, status)).collect(),
        reach: reach(mesh, world),
        targets: seen.iter().flat_map(|(member, seen)| targets(mesh, member, seen)).collect(),
        findings: findings::findings(status),
    }
}

fn shown(member: &Member, seen: &Seen, status: &Status) -> Shown {
    let rows: Vec<&Row> = status.rows.iter().filter(|row| row.member == member.name).collect();
    let old = |row: &&Row| row.stale || row.problem.is_some() || row.instances.is_none();
    let health = if !seen.errors().is_empty() {
        Health::Unreachable
    } else if rows.iter().any(old) {
        Health::Stale
    } else {
        Health::Live
    };
    let group = |row: &&Row| Group {
        name: row.asg.to_string(),
        instances: row.instances,
        observed_at: row.observed_at,
    };
    Shown {
        name: member.name.to_string(),
        region: member.region.to_string(),
        account: member.account.as_ref().map(ToString::to_string),
        health,
        groups: rows.iter().map(group).collect(),
        security_groups: member.targets().iter().map(ToString::to_string).collect(),
    }
}

/// Every pair, each member with itself, too; those that may not reach each other are left out.
fn reach(mesh: &Mesh, world: &World) -> Vec<Reach> {
    let pairs = mesh.members.iter().flat_map(|from| mesh.members.iter().map(move |to| (from, to)));
    // Who has no group has no instances, and who has no target admits nobody.
    let pairs = pairs.filter(|(from, to)| !from.auto_scaling_groups.is_empty() && to.has_targets());
    let reach = pairs.map(|(from, to)| Reach {
        from: from.name.to_string(),
        to: to.name.to_string(),
        traffic: mesh
            .traffic(&from.name, &to.name, &itself(mesh, world, to))
            .iter()
            .map(ToString::to_string)
            .collect(),
    });
    reach.filter(|reach| !reach.traffic.is_empty()).collect()
}

/// What the member's targets open to themselves, for allowances that count on it.
fn itself(mesh: &Mesh, world: &World, member: &Member) -> BTreeSet<Traffic> {
    let rules = world.get(&member.name).and_then(|seen| seen.rules.as_ref().ok());
    rules.into_iter().flatten().flat_map(|(group, rules)| learned(mesh, group, rules)).collect()
}

fn targets(mesh: &Mesh, member: &Member, seen: &Seen) -> Vec<Target> {
    let target = |security_group: String, quota, rules| Target {
        member: member.name.to_string(),
        region: member.region.to_string(),
        security_group,
        quota,
        rules,
    };
    let Ok(groups) = &seen.rules else {
        let unread = member.targets().into_iter();
        return unread.map(|id| target(id.to_string(), None, None)).collect();
    };
    let targets = groups.iter().map(|(id, rules)| {
        let count = |family: fn((bool, bool)) -> bool| {
            rules.iter().filter(|rule| family(rule.counts())).count()
        };
        let room = rules.prefix_list().map_or(mesh.limits.rules_per_group, |list| list.max_entries);
        let limit = room as usize;
        let quota = Quota { ipv4: count(|f| f.0), ipv6: count(|f| f.1), limit };
        target(id.to_string(), Some(quota), Some(rules::rules(mesh, member, seen, id, rules)))
    });
    targets.collect()
}

fn finding(severity: Severity, subject: &impl ToString, detail: &impl ToString) -> Finding {
    Finding { severity, subject: subject.to_string(), detail: detail.to_string() }
}
