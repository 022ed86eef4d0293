//! `sgsync adopt`: which rules of others the mesh wants, and taking those over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use futures::future::join_all;
use serde::Serialize;
use sync_aws::{Aws, SystemClock, TracingAuditLog};
use sync_core::adopt::{Candidate, Decision, RuleTagger, judge};
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{MeshName, RuleId, SecurityGroupId};
use sync_core::planner::{Groups, bases, shares};
use sync_core::ports::{AuditLine, AuditLog, CallError, Called, Clock as _, MemberReaders};
use sync_core::row::{Rows, Stored};

use crate::args::{Common, Output};
use crate::screen::{during, print, print_json};
use crate::world::policy;
use crate::{ERROR, OK, PENDING};

mod text;

/// What to adopt.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Do it; otherwise only say what would be done
    #[arg(short, long)]
    pub yes: bool,

    /// Also take over this rule, which nobody wants, so that the next apply revokes it; it must
    /// open what the mesh manages; can be given several times
    #[arg(long = "rule", value_name = "SGR-ID")]
    pub rules: Vec<String>,
}

/// What became of the foreign rules of every target.
#[derive(Debug, Serialize)]
struct Adoption {
    mesh: MeshName,
    dry_run: bool,
    targets: Vec<Target>,
}

/// One target, or a member's targets where the region did not answer.
#[derive(Debug, Serialize)]
struct Target {
    member: String,
    region: String,
    security_group: String,
    /// Foreign rules that the mesh wants, or that were named.
    adopt: Vec<Line>,
    /// Foreign rules that open what the mesh manages, and that nobody wants.
    unwanted: Vec<Line>,
    /// How many other foreign rules there are.
    others: usize,
    /// Groups whose row is missing: what they want is not known.
    unknown: Vec<String>,
    error: Option<String>,
}

/// One rule.
#[derive(Debug, Serialize)]
struct Line {
    id: RuleId,
    permission: String,
    /// Who wants it; nobody if it was named.
    member: Option<String>,
    adopted: bool,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let (readers, taggers) = (aws.readers(), aws.taggers());
    let named: BTreeSet<RuleId> = options.rules.iter().map(RuleId::new).collect();
    let looks = mesh.members.iter().map(|member| {
        let readers = &readers[&member.name];
        async move { (member, look(mesh, member, readers).await) }
    });
    let seen = during("looking at every region", join_all(looks)).await;
    refuse_strangers(mesh, &seen, &named)?;
    let adopting = async {
        let mut targets = Vec::new();
        for (member, look) in &seen {
            let tagger = options.yes.then(|| &*taggers[&member.name]);
            match look {
                Ok(look) => targets.extend(adopt_all(mesh, member, look, &named, tagger).await),
                Err(error) => targets.push(unreachable_member(member, error)),
            }
        }
        targets
    };
    let targets = during("adopting", adopting).await;
    let adoption = Adoption { mesh: mesh.name.clone(), dry_run: !options.yes, targets };
    match common.output {
        Output::Text => print(&text::adoption(&adoption)),
        Output::Json => print_json(&adoption)?,
    }
    Ok(adoption.exit_code())
}

/// A region's rules, then its mirror's rows: whatever rule is seen, the row that wants it
/// is too.
struct Look {
    rules: Groups,
    rows: Rows,
}

async fn look(mesh: &Mesh, member: &Member, readers: &MemberReaders) -> Called<Look> {
    let rules = readers.rules.rules(&member.security_groups).await?;
    let keys: Vec<_> = mesh.row_keys().collect();
    let rows = Rows::read(&readers.mirror.rows(&keys).await?, mesh);
    Ok(Look { rules, rows })
}

/// Every foreign rule of a group, and what is to become of it.
fn candidates(
    mesh: &Mesh,
    member: &Member,
    group: &SecurityGroupId,
    look: &Look,
    named: &BTreeSet<RuleId>,
) -> Vec<Candidate> {
    let rules = look.rules.get(group).map(|target| &**target).unwrap_or_default();
    let base = bases(mesh, member, &look.rules).remove(group).unwrap_or_default();
    let mut shares = shares(mesh, member, &look.rows, &look.rules, &policy(mesh));
    let desired = shares.remove(group).unwrap_or_default();
    judge(mesh, (member, &base.learned), rules, &desired, named)
}

/// A rule that was named has to be there, and to be one that may be taken over. Told
/// before anything is done.
fn refuse_strangers(
    mesh: &Mesh,
    seen: &[(&Member, Called<Look>)],
    named: &BTreeSet<RuleId>,
) -> anyhow::Result<()> {
    let mut missing = named.clone();
    for (member, look) in seen {
        let Ok(look) = look else { continue };
        for (group, rules) in &look.rules {
            for rule in rules {
                missing.remove(&rule.id);
            }
            for Candidate { rule, decision } in candidates(mesh, member, group, look, named) {
                if decision == Decision::Other && named.contains(&rule.id) {
                    bail!(
                        "{} ({rule}) is another mesh's, or on ports that this mesh does not \
                         manage; sgsync has no business with it",
                        rule.id
                    );
                }
            }
        }
    }
    match missing.first() {
        Some(id) if seen.iter().all(|(_, look)| look.is_ok()) => {
            bail!("{id} is in none of the mesh's security groups")
        }
        _ => Ok(()),
    }
}

/// Goes through a member's targets.
async fn adopt_all(
    mesh: &Mesh,
    member: &Member,
    look: &Look,
    named: &BTreeSet<RuleId>,
    tagger: Option<&dyn RuleTagger>,
) -> Vec<Target> {
    let mut targets = Vec::new();
    for group in look.rules.keys() {
        let candidates = candidates(mesh, member, group, look, named);
        targets.push(adopt(mesh, member, group, &candidates, &look.rows, tagger).await);
    }
    targets
}

/// Takes one target's rules over, all of a member in one call; without a tagger only says
/// which.
async fn adopt(
    mesh: &Mesh,
    member: &Member,
    group: &SecurityGroupId,
    candidates: &[Candidate],
    rows: &Rows,
    tagger: Option<&dyn RuleTagger>,
) -> Target {
    let mut target = Target::new(member, group.as_str());
    target.unknown = unknown(rows);
    let mut calls: BTreeMap<BTreeMap<String, String>, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        match (candidate.tags(mesh), &candidate.decision) {
            (Some(tags), _) => calls.entry(tags).or_default().push(candidate),
            (None, Decision::Unwanted) => target.unwanted.push(line(candidate, false)),
            (None, _) => target.others += 1,
        }
    }
    for (tags, candidates) in calls {
        let mut adopted = false;
        if let Some(tagger) = tagger {
            let ids: Vec<RuleId> = candidates.iter().map(|c| c.rule.id.clone()).collect();
            match tagger.tag(&ids, &tags).await {
                Ok(receipt) => {
                    adopted = true;
                    audit(member, group, &candidates, receipt.request_id.as_deref());
                }
                Err(error) => target.error = Some(error.to_string()),
            }
        }
        target.adopt.extend(candidates.into_iter().map(|candidate| line(candidate, adopted)));
    }
    target
}

/// One line for every rule (promise 8).
fn audit(
    member: &Member,
    group: &SecurityGroupId,
    candidates: &[&Candidate],
    request_id: Option<&str>,
) {
    for candidate in candidates {
        TracingAuditLog.write(&AuditLine {
            who: format!("sgsync/{}", SystemClock.now()),
            trigger: "operator",
            member: member.name.clone(),
            instance: None,
            action: "adopt",
            target: format!("{}/{group}", member.region),
            permission: Some(candidate.rule.to_string()),
            before: "foreign".to_owned(),
            after: candidate.rule.id.to_string(),
            aws_request_id: request_id.map(str::to_owned),
        });
    }
}

fn line(candidate: &Candidate, adopted: bool) -> Line {
    let member = match &candidate.decision {
        Decision::Adopt(member) => Some(member.to_string()),
        _ => None,
    };
    let rule = &candidate.rule;
    Line { id: rule.id.clone(), permission: rule.to_string(), member, adopted }
}

/// The groups whose row is not there or not believed.
fn unknown(rows: &Rows) -> Vec<String> {
    let unknown = rows.stored.iter().filter(|(_, stored)| !matches!(stored, Stored::Row(_)));
    unknown.map(|(key, _)| format!("{}/{}", key.member, key.asg)).collect()
}

fn unreachable_member(member: &Member, error: &CallError) -> Target {
    let groups: Vec<_> = member.security_groups.iter().map(SecurityGroupId::as_str).collect();
    Target { error: Some(error.to_string()), ..Target::new(member, &groups.join(", ")) }
}

impl Target {
    fn new(member: &Member, security_group: &str) -> Self {
        Self {
            member: member.name.to_string(),
            region: member.region.to_string(),
            security_group: security_group.to_owned(),
            adopt: Vec::new(),
            unwanted: Vec::new(),
            others: 0,
            unknown: Vec::new(),
            error: None,
        }
    }
}

impl Adoption {
    /// What went wrong.
    fn failures(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().filter_map(|target| target.error.as_deref())
    }

    /// Whether every rule and every row could be seen.
    fn all_known(&self) -> bool {
        self.targets.iter().all(|target| target.error.is_none() && target.unknown.is_empty())
    }

    fn exit_code(&self) -> u8 {
        if !self.all_known() {
            ERROR
        } else if self.left() > 0 {
            PENDING
        } else {
            OK
        }
    }

    /// How many rules are still to be adopted.
    fn left(&self) -> usize {
        let rules = self.targets.iter().flat_map(|target| &target.adopt);
        rules.filter(|line| !line.adopted).count()
    }
}
