//! `sgsync status`: each member's rows, each target and what waits, on one screen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;

use jiff::Timestamp;
use serde::Serialize;
use sync_aws::{Aws, DeadLetters, SystemClock, dead_letter_queue};
use sync_core::ingress::Ingress;
use sync_core::mesh::{Member, Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId, MemberName, Region, SecurityGroupId};
use sync_core::permission::Rule;
use sync_core::planner::Plan;
use sync_core::ports::Clock as _;
use sync_core::row::{Stored, Version};
use tokio::time::{Duration, sleep};

use crate::args::{Common, Output};
use crate::screen::{during, print, print_json};
use crate::world::{Seen, World, look_with, next_plan};
use crate::{ERROR, HELD, OK, PENDING};

#[cfg(test)]
mod tests;
mod text;

/// How to show it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Show it anew every so many seconds, until you stop it
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub watch: Option<u64>,
}

/// The whole screen.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub mesh: String,
    pub at: Timestamp,
    pub rows: Vec<Row>,
    pub targets: Vec<Target>,
    /// Instances whose lifecycle hook waits for an answer.
    pub waiting: Vec<Waiting>,
    pub dead_letters: Vec<DeadLetterQueue>,
    /// What could not be seen.
    pub errors: Vec<String>,
}

/// The row of one Auto Scaling group, as its own member's table has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub member: MemberName,
    pub region: Region,
    pub asg: AsgName,
    /// How many instances the row has; none if there is no row that is believed.
    pub instances: Option<usize>,
    pub version: Option<Version>,
    pub observed_at: Option<Timestamp>,
    /// Whether it is older than `stale_after_minutes`.
    pub stale: bool,
    /// Whether it was written under this mesh document; none without a row.
    pub same_document: Option<bool>,
    /// How many instances Auto Scaling shows, in whatever state; none if it does not show the group.
    pub listed: Option<usize>,
    /// Members whose table has another version of it, or none.
    pub other_in: Vec<MemberName>,
    pub problem: Option<String>,
}

/// One security group, and what the next run would do by the rows that there are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Target {
    pub member: MemberName,
    pub region: Region,
    pub security_group: SecurityGroupId,
    pub in_sync: bool,
    pub owned: usize,
    pub foreign: usize,
    pub to_add: usize,
    pub to_revoke: usize,
    pub held: usize,
    pub frozen: usize,
    pub over_quota: usize,
    /// Percent of `rules_per_group` that the fuller address family uses, rounded up; of a spread,
    /// of all its groups together.
    pub quota_used_percent: usize,
}

/// An instance that waits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Waiting {
    pub member: MemberName,
    pub asg: AsgName,
    pub instance: InstanceId,
    pub state: String,
}

/// A member's dead letters.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeadLetterQueue {
    pub member: MemberName,
    pub queue: String,
    /// None if there is no such queue: the stack is not there.
    pub messages: Option<u64>,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    loop {
        let nobody = BTreeSet::new();
        let all = async { futures::join!(look_with(&aws, mesh, &nobody), aws.dead_letters(mesh)) };
        let (world, dead) = during("looking at every region", all).await;
        let status = status(mesh, &world, &dead, SystemClock.now());
        let clear = options.watch.is_some() && std::io::stdout().is_terminal();
        match common.output {
            // To the top, and away with what is left of the screen before.
            Output::Text if clear => print(&format!("\x1b[H\x1b[J{}", text::status(&status))),
            Output::Text => print(&text::status(&status)),
            Output::Json => print_json(&status)?,
        }
        match options.watch {
            None => return Ok(status.exit_code()),
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
        }
    }
}

/// What the screen shows.
pub(crate) fn status(mesh: &Mesh, world: &World, dead: &DeadLetters, now: Timestamp) -> Status {
    let mut status = Status {
        mesh: mesh.name.to_string(),
        at: now,
        rows: Vec::new(),
        targets: Vec::new(),
        waiting: Vec::new(),
        dead_letters: Vec::new(),
        errors: Vec::new(),
    };
    for member in &mesh.members {
        let Some(seen) = world.get(&member.name) else { continue };
        let errors = seen.errors().into_iter();
        status.errors.extend(errors.map(|error| format!("{}: {error}", member.name)));
        status.rows.extend(member.row_keys().map(|key| row(mesh, world, member, &key, now)));
        status.targets.extend(targets(mesh, member, seen));
        status.waiting.extend(waiting(member, seen));
        match dead.get(&member.name) {
            Some(Ok(messages)) => status.dead_letters.push(DeadLetterQueue {
                member: member.name.clone(),
                queue: dead_letter_queue(mesh, member),
                messages: *messages,
            }),
            Some(Err(error)) => status.errors.push(format!("{}: {error}", member.name)),
            None => {}
        }
    }
    status
}

fn row(mesh: &Mesh, world: &World, member: &Member, key: &RowKey, now: Timestamp) -> Row {
    let stored = |name: &MemberName| {
        let rows = world.get(name).and_then(|seen| seen.rows.as_ref().ok());
        rows.and_then(|rows| rows.stored.get(key))
    };
    let own = stored(&member.name);
    let row = own.and_then(Stored::row);
    let version = row.map(|row| row.version);
    // What could not be read differs from nothing.
    let differs = |other: &&Member| {
        own.is_some()
            && stored(&other.name)
                .is_some_and(|stored| stored.row().map(|row| row.version) != version)
    };
    let groups = world.get(&member.name).and_then(|seen| seen.groups.as_ref().ok());
    let listed =
        groups.and_then(|groups| groups.get(&key.asg)).map(std::collections::BTreeMap::len);
    let problem = match own {
        Some(Stored::Missing) => Some("no row yet".to_owned()),
        Some(Stored::Rejected { why, .. }) => Some(format!("not believed: {why}")),
        _ if groups.is_some() && listed.is_none() => {
            Some("Auto Scaling shows no such group".to_owned())
        }
        _ => None,
    };
    let age = row.map(|row| now.duration_since(row.observed_at));
    Row {
        member: member.name.clone(),
        region: member.region.clone(),
        asg: key.asg.clone(),
        instances: row.map(|row| row.instances.len()),
        version,
        observed_at: row.map(|row| row.observed_at),
        stale: age
            .is_some_and(|age| !age.is_negative() && age.unsigned_abs() > mesh.limits.stale_after),
        same_document: row.map(|row| row.document == mesh.hash),
        listed,
        other_in: mesh.members.iter().filter(differs).map(|other| other.name.clone()).collect(),
        problem,
    }
}

fn targets(mesh: &Mesh, member: &Member, seen: &Seen) -> Vec<Target> {
    let targets = seen.rules.iter().flatten().filter_map(|(group, rules)| {
        let desired = seen.desired(mesh, member, group)?;
        let spread = member.spread && rules.list.is_none();
        let all = seen.rules.iter().flat_map(BTreeMap::values).filter(|one| one.list.is_none());
        let together: Vec<&Ingress> = if spread { all.collect() } else { vec![rules] };
        let used = used_percent(mesh, &together);
        Some(target(mesh, member, group, rules, used, &next_plan(mesh, &desired, rules)))
    });
    targets.collect()
}

fn used_percent(mesh: &Mesh, targets: &[&Ingress]) -> usize {
    let used = |rules: &&Ingress| {
        let of = |family: fn((bool, bool)) -> bool| {
            rules.iter().filter(|rule| family(rule.counts())).count()
        };
        of(|f| f.0).max(of(|f| f.1))
    };
    let room = |target: &&Ingress| {
        target.prefix_list().map_or(mesh.limits.rules_per_group, |list| list.max_entries) as usize
    };
    let limit = targets.iter().map(room).sum::<usize>();
    (targets.iter().map(used).sum::<usize>() * 100).div_ceil(limit.max(1))
}

fn target(
    mesh: &Mesh,
    member: &Member,
    group: &SecurityGroupId,
    rules: &[Rule],
    quota_used_percent: usize,
    plan: &Plan,
) -> Target {
    let owned = rules.iter().filter(|rule| rule.is_owned_by(&mesh.name)).count();
    Target {
        member: member.name.clone(),
        region: member.region.clone(),
        security_group: group.clone(),
        in_sync: plan.is_empty() && plan.held.is_empty() && plan.over_quota.is_empty(),
        owned,
        foreign: rules.len() - owned,
        to_add: plan.add.len(),
        to_revoke: plan.removals().count(),
        held: plan.held.len(),
        frozen: plan.frozen.len(),
        over_quota: plan.over_quota.len(),
        quota_used_percent,
    }
}

fn waiting(member: &Member, seen: &Seen) -> Vec<Waiting> {
    let groups = seen.groups.iter().flatten();
    let all = groups.flat_map(|(asg, group)| group.iter().map(move |(id, state)| (asg, id, state)));
    let waiting = all.filter(|(_, _, state)| state.is_waiting());
    waiting
        .map(|(asg, id, state)| Waiting {
            member: member.name.clone(),
            asg: asg.clone(),
            instance: id.clone(),
            state: state.as_str().to_owned(),
        })
        .collect()
}

impl Status {
    fn exit_code(&self) -> u8 {
        let pending = |row: &Row| row.problem.is_some() || !row.other_in.is_empty();
        if !self.errors.is_empty() {
            ERROR
        } else if self.targets.iter().any(|target| target.held > 0) {
            HELD
        } else if self.rows.iter().any(pending) || self.targets.iter().any(|t| !t.in_sync) {
            PENDING
        } else {
            OK
        }
    }
}
