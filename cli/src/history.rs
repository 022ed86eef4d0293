//! `sgsync history`: what the functions changed, from the audit lines in their logs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context as _, bail};
use futures::future::join_all;
use jiff::{Span, SpanRelativeTo, Timestamp};
use serde::Serialize;
use sync_aws::{Aws, SystemClock, log_groups};
use sync_core::cidr::Cidr;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{AsgName, MemberName};
use sync_core::ports::{CallError, Called, Clock as _, Failure};

use crate::args::{Common, Output};
use crate::screen::{during, print, print_json};
use crate::{ERROR, OK};

mod line;
#[cfg(test)]
mod tests;
mod text;

use line::Change;

/// What to look for.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// An address, a rule id `sgr-…`, an instance id `i-…`, a security group id `sg-…` or an Auto
    /// Scaling group's name; without it every change
    #[arg(value_name = "ADDRESS|RULE|INSTANCE|GROUP")]
    pub what: Option<String>,

    /// How far to look back, such as `12h` or `30d`
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    pub since: Span,

    /// How many changes to show at most
    #[arg(long, value_name = "COUNT", default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
struct History {
    mesh: String,
    /// What was asked about; none for everything.
    asked: Option<String>,
    /// How far back was looked; later than was asked for where enough was found before.
    since: Timestamp,
    /// Newest first.
    changes: Vec<Change>,
    /// Whether there may be older ones: `limit` was reached.
    more: bool,
    /// What could not be read.
    errors: Vec<String>,
}

/// A log group in a region.
struct Log<'a> {
    member: &'a Member,
    group: String,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let word = options.what.as_deref().map(|what| word(mesh, what)).transpose()?;
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let mut history = History {
        mesh: mesh.name.to_string(),
        asked: options.what.clone(),
        since: SystemClock.now(),
        changes: Vec::new(),
        more: false,
        errors: Vec::new(),
    };
    let oldest = before(SystemClock.now(), options.since)?;
    let logs = logs(mesh);
    let reading = history.read(&aws, &logs, word.as_deref(), oldest, options.limit as usize);
    during("reading the functions' logs", reading).await;
    match common.output {
        Output::Text => print(&text::history(&history)),
        Output::Json => print_json(&history)?,
    }
    Ok(if history.errors.is_empty() { OK } else { ERROR })
}

/// An age, in jiff's notation.
fn age(text: &str) -> anyhow::Result<Span> {
    let span: Span = text.parse().ok().context("write it as 12h, 7d or 90d")?;
    if span.is_zero() || span.is_negative() {
        bail!("an age is more than nothing");
    }
    before(SystemClock.now(), span).map(|_| span)
}

fn before(now: Timestamp, age: Span) -> anyhow::Result<Timestamp> {
    let age = age.to_duration(SpanRelativeTo::days_are_24_hours());
    let at = age.and_then(|age| now.checked_sub(age));
    at.ok().context("no log is that old: write it as 12h, 7d or 90d")
}

/// What an audit line has to have in it, as it stands there.
fn word(mesh: &Mesh, what: &str) -> anyhow::Result<String> {
    if ["sgr-", "sg-", "i-"].iter().any(|prefix| what.starts_with(prefix)) {
        return Ok(what.to_owned());
    }
    let address = what.parse::<IpAddr>().ok().map(Cidr::host);
    if let Some(cidr) = address.or_else(|| what.parse().ok()) {
        return Ok(cidr.to_string());
    }
    let mut groups = mesh.members.iter().flat_map(|member| &member.auto_scaling_groups);
    if groups.any(|group| group.as_str() == what) {
        return Ok(what.to_owned());
    }
    let groups = mesh.members.iter().flat_map(|member| &member.auto_scaling_groups);
    let groups: BTreeSet<&str> = groups.map(AsgName::as_str).collect();
    bail!(
        "`{what}` is no address (198.51.100.7), no id (sgr-…, i-…, sg-…), and no Auto Scaling group \
         of mesh {}: those are {}",
        mesh.name,
        groups.into_iter().collect::<Vec<_>>().join(", ")
    )
}

/// Every log of the mesh: two of each member.
fn logs(mesh: &Mesh) -> Vec<Vec<Log<'_>>> {
    let of = |member| log_groups(mesh, member).map(|group| Log { member, group }).into();
    mesh.members.iter().map(of).collect()
}

impl History {
    /// Looks back in ever longer steps until enough is found: logs are told oldest first, and
    /// most questions are about today.
    async fn read(
        &mut self,
        aws: &Aws,
        logs: &[Vec<Log<'_>>],
        word: Option<&str>,
        oldest: Timestamp,
        limit: usize,
    ) {
        let (mut to, mut step) = (None, Span::new().hours(1));
        loop {
            let from = before(self.since, step).unwrap_or(oldest).max(oldest);
            let window = Window { word, from, to };
            let regions = logs.iter().map(|logs| window.read(aws, logs));
            let mut changes = Vec::new();
            for (found, errors) in join_all(regions).await {
                changes.extend(found);
                self.errors.extend(errors);
            }
            changes.sort_by_key(|change| std::cmp::Reverse(change.at));
            self.changes.extend(changes);
            self.since = from;
            if self.changes.len() >= limit {
                self.more = self.changes.len() > limit || from > oldest;
                self.changes.truncate(limit);
                return;
            }
            if from <= oldest || !self.errors.is_empty() {
                return;
            }
            to = from.checked_sub(Span::new().milliseconds(1)).ok();
            step = step.checked_add(step).unwrap_or(step);
        }
    }
}

/// A stretch of time of every log.
struct Window<'a> {
    word: Option<&'a str>,
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Window<'_> {
    /// The logs of one region, one after the other: it takes few such calls at once.
    async fn read(&self, aws: &Aws, logs: &[Log<'_>]) -> (Vec<Change>, Vec<String>) {
        let (mut changes, mut errors) = (Vec::new(), Vec::new());
        for log in logs {
            match self.read_log(aws, log).await {
                Ok(found) => changes.extend(found),
                Err(error) => errors.push(could_not(&log.member.name, &log.group, &error)),
            }
        }
        (changes, errors)
    }

    async fn read_log(&self, aws: &Aws, log: &Log<'_>) -> Called<Vec<Change>> {
        let mut terms = vec!["audit".to_owned()];
        // What needs no escaping in a pattern; every line is looked at once more anyway.
        let plain =
            |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:".contains(c));
        terms.extend(self.word.filter(plain).map(str::to_owned));
        let name = &log.member.name;
        let events = aws.log_events(name, &log.group, &terms, self.from, self.to).await?;
        let changes = events.into_iter().filter_map(|event| {
            let change = Change::read(&event, &log.member.region, &log.group)?;
            self.word.is_none_or(|word| change.has(word)).then_some(change)
        });
        Ok(changes.collect())
    }
}

fn could_not(member: &MemberName, group: &str, error: &CallError) -> String {
    if error.kind == Failure::NotFound {
        return format!("{member}: no log group {group}: is the stack there?");
    }
    format!("{member}: {group}: {error}")
}
