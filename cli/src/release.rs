//! `sgsync release`: lets go of rules of the mesh. Nothing is opened or closed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::bail;
use serde::Serialize;
use sync_aws::{Aws, SystemClock, TracingAuditLog};
use sync_core::adopt::RuleTagger;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{MemberName, RuleId, SecurityGroupId};
use sync_core::permission::{MEMBER_TAG, MESH_TAG, Rule};
use sync_core::ports::{AuditLine, AuditLog as _, Clock as _};

use crate::args::{Common, Output};
use crate::screen::{BAD, HEADING, OTHERS, during, paint, print, print_json};
use crate::world::{World, look};
use crate::{ERROR, OK, PENDING, hints};

/// What to release.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// This rule; can be given several times
    #[arg(long = "rule", value_name = "SGR-ID")]
    pub rules: Vec<String>,

    /// Every rule that admits this member's addresses; can be given several times
    #[arg(long = "member", value_name = "NAME")]
    pub members: Vec<String>,

    /// Every rule of the mesh
    #[arg(long)]
    pub all: bool,

    /// Do it; otherwise only say what would be done
    #[arg(short, long)]
    pub yes: bool,
}

/// What became of the rules.
#[derive(Clone, Debug, Serialize)]
struct Release {
    mesh: String,
    dry_run: bool,
    targets: Vec<Target>,
    errors: Vec<String>,
}

/// One security group.
#[derive(Clone, Debug, Serialize)]
struct Target {
    member: String,
    region: String,
    security_group: String,
    release: Vec<Line>,
    error: Option<String>,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
struct Line {
    id: RuleId,
    permission: String,
    released: bool,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    if options.rules.is_empty() && options.members.is_empty() && !options.all {
        bail!("say which rules to let go of: --rule SGR-ID, --member NAME, or --all");
    }
    let world = look(mesh, &BTreeSet::new(), common).await;
    refuse_strangers(mesh, &world, options)?;
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    let mut done = Release {
        mesh: mesh.name.to_string(),
        dry_run: !options.yes,
        targets: Vec::new(),
        errors: Vec::new(),
    };
    during("releasing", done.release(mesh, &world, options, &aws.taggers())).await;
    match common.output {
        Output::Text => print(&text(&done)),
        Output::Json => print_json(&done)?,
    }
    Ok(done.exit_code())
}

impl Options {
    fn means(&self, mesh: &Mesh, rule: &Rule) -> bool {
        let member = rule.member();
        let named = self.rules.iter().any(|id| *id == rule.id.as_str());
        let of = member.is_some_and(|member| self.members.iter().any(|m| *m == member.as_str()));
        rule.is_owned_by(&mesh.name) && (self.all || named || of)
    }
}

/// A rule that was named has to be there and the mesh's. Told before anything is done.
fn refuse_strangers(mesh: &Mesh, world: &World, options: &Options) -> anyhow::Result<()> {
    let rules: Vec<&Rule> =
        world.values().flat_map(|seen| &seen.rules).flat_map(|g| g.values().flatten()).collect();
    let all_seen = world.values().all(|seen| seen.rules.is_ok());
    for id in &options.rules {
        match rules.iter().find(|rule| rule.id.as_str() == id) {
            Some(rule) if !rule.is_owned_by(&mesh.name) => {
                bail!("{id} ({rule}) is not the mesh's: there is nothing to let go of");
            }
            None if all_seen => bail!("{id} is in none of the mesh's security groups"),
            _ => {}
        }
    }
    Ok(())
}

/// Takes the mesh's tags off one target's rules, those of one member in one call; without a
/// tagger only says which.
async fn release(
    mesh: &Mesh,
    member: &Member,
    group: &SecurityGroupId,
    chosen: &[&Rule],
    tagger: Option<&dyn RuleTagger>,
) -> Target {
    let mut target = Target {
        member: member.name.to_string(),
        region: member.region.to_string(),
        security_group: group.to_string(),
        release: Vec::new(),
        error: None,
    };
    if group.is_list() && !chosen.is_empty() {
        let why = "an entry is the mesh's by its description, and no call edits one: take the list \
                   out of `prefix_lists`, then add its entries anew as yours";
        target.error = Some(why.to_owned());
        return target;
    }
    let mut calls: BTreeMap<BTreeMap<String, String>, Vec<&Rule>> = BTreeMap::new();
    for rule in chosen {
        let ours = [MESH_TAG, MEMBER_TAG];
        let tags = rule.tags.iter().filter(|(key, _)| ours.contains(&key.as_str()));
        let tags = tags.map(|(key, value)| (key.clone(), value.clone())).collect();
        calls.entry(tags).or_default().push(rule);
    }
    for (tags, rules) in calls {
        let mut released = false;
        if let Some(tagger) = tagger {
            let ids: Vec<RuleId> = rules.iter().map(|rule| rule.id.clone()).collect();
            match tagger.untag(&ids, &tags).await {
                Ok(receipt) => {
                    released = true;
                    audit(mesh, member, group, &rules, receipt.request_id.as_deref());
                }
                Err(error) => target.error = Some(error.to_string()),
            }
        }
        target.release.extend(rules.into_iter().map(|rule| Line {
            id: rule.id.clone(),
            permission: rule.to_string(),
            released,
        }));
    }
    target
}

/// One line for every rule (promise 8).
fn audit(
    mesh: &Mesh,
    member: &Member,
    group: &SecurityGroupId,
    rules: &[&Rule],
    request_id: Option<&str>,
) {
    for rule in rules {
        TracingAuditLog.write(&AuditLine {
            who: format!("sgsync/{}", SystemClock.now()),
            trigger: "operator",
            member: member.name.clone(),
            instance: None,
            action: "release",
            target: format!("{}/{group}", member.region),
            permission: Some(rule.to_string()),
            before: format!("{} of {}", rule.id, mesh.name),
            after: "foreign".to_owned(),
            aws_request_id: request_id.map(str::to_owned),
        });
    }
}

impl Release {
    async fn release(
        &mut self,
        mesh: &Mesh,
        world: &World,
        options: &Options,
        taggers: &BTreeMap<MemberName, Arc<dyn RuleTagger>>,
    ) {
        for member in &mesh.members {
            let Some(seen) = world.get(&member.name) else { continue };
            let rules = match &seen.rules {
                Ok(rules) => rules,
                Err(error) => {
                    self.errors.push(format!("{}: {error}", member.name));
                    continue;
                }
            };
            for (group, rules) in rules {
                let chosen: Vec<&Rule> =
                    rules.iter().filter(|rule| options.means(mesh, rule)).collect();
                let tagger = options.yes.then(|| &*taggers[&member.name]);
                self.targets.push(release(mesh, member, group, &chosen, tagger).await);
            }
        }
    }

    fn left(&self) -> usize {
        let rules = self.targets.iter().flat_map(|target| &target.release);
        rules.filter(|line| !line.released).count()
    }

    /// What went wrong.
    fn failures(&self) -> impl Iterator<Item = &str> {
        let targets = self.targets.iter().filter_map(|target| target.error.as_deref());
        self.errors.iter().map(String::as_str).chain(targets)
    }

    fn exit_code(&self) -> u8 {
        if self.failures().next().is_some() {
            ERROR
        } else if self.left() > 0 {
            PENDING
        } else {
            OK
        }
    }
}

fn text(release: &Release) -> String {
    let mut out = format!("release for mesh {}\n", release.mesh);
    for target in &release.targets {
        let group = paint(HEADING, &target.security_group);
        let _ = writeln!(out, "\n{group} in {}", target.region);
        for line in &target.release {
            let mark = paint(OTHERS, format_args!("~ {}  {}", line.id, line.permission));
            let fate = if release.dry_run || line.released {
                "stays open; no run revokes it any more"
            } else {
                "not released"
            };
            let _ = writeln!(out, "  {mark}  {fate}");
        }
        if let Some(error) = &target.error {
            let _ = writeln!(out, "  {} {error}", paint(BAD, "error:"));
        }
    }
    for error in &release.errors {
        let _ = writeln!(out, "\n{} {error}", paint(BAD, "error:"));
    }
    let all: usize = release.targets.iter().map(|target| target.release.len()).sum();
    let summary = match (release.dry_run, release.left(), all) {
        (_, _, 0) if !release.errors.is_empty() => {
            "nothing to release in what could be seen".to_owned()
        }
        (_, _, 0) => "nothing to release".to_owned(),
        (true, left, _) => format!("to release: {left}; the same with --yes does it"),
        (false, 0, all) => format!("released: {all}"),
        (false, left, all) => format!("released: {}, not released: {left}", all - left),
    };
    out + "\n" + &summary + "\n" + &hints::next(release.failures())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(dry_run: bool, error: Option<&str>) -> Release {
        let line = |id: &str, released| Line {
            id: id.into(),
            permission: "tcp 7000-7001 198.51.100.7/32".to_owned(),
            released,
        };
        let done = !dry_run;
        let target = Target {
            member: "us-east-1".to_owned(),
            region: "us-east-1".to_owned(),
            security_group: "sg-0123456789abcdef0".to_owned(),
            release: vec![line("sgr-1", done), line("sgr-2", done && error.is_none())],
            error: error.map(str::to_owned),
        };
        Release { mesh: "orders-db".to_owned(), dry_run, targets: vec![target], errors: Vec::new() }
    }

    fn shown(release: &Release) -> String {
        anstream::adapter::strip_str(&text(release)).to_string()
    }

    #[test]
    fn a_listing_says_that_nothing_is_closed() {
        insta::assert_snapshot!(shown(&sample(true, None)));
        assert_eq!(sample(true, None).exit_code(), PENDING);
    }

    #[test]
    fn what_could_not_be_released_is_said() {
        let failed = sample(false, Some("ec2:DeleteTags: UnauthorizedOperation: no"));
        insta::assert_snapshot!(shown(&failed));
        assert_eq!(failed.exit_code(), ERROR);
        assert_eq!(sample(false, None).exit_code(), OK);
    }
}
