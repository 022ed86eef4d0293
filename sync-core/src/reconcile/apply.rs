//! Carries a plan out. Makes no choices: what to do, and in which order, is the plan's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::sleep;

use super::Run;
use super::dealing::{Turn, together};
use super::look::look;
use super::own::{Own, jittered};
use super::region::{Target, View};
use super::tell::{lay_over, lost, reflects};
use crate::names::{InstanceId, MemberName, RuleId, SecurityGroupId};
use crate::permission::{MEMBER_TAG, MESH_TAG, OwnedRule, Permission, Rule, Traffic};
use crate::planner::{Addition, NotWanted, Open, Origin, Plan, Removal, lets_go};
use crate::ports::{AuditLine, CallError, Called, Failure, Grant, Receipt, RuleWriter};

/// How often a target is read and planned anew because AWS found it other than the plan did.
const PLANS: usize = 4;

/// Rules in one call. AWS states no maximum; 1,000 is what one interface can hold.
const RULES_PER_CALL: usize = 200;

/// How many rules a run asks for one at a time in each target, beyond those that its own
/// hooks wait for. EC2 bears 50 such calls at once and 5 a second, in each account and
/// region (`facts/aws.md`, Throttling), and other runs want some of them.
const SINGLES: usize = 10;

/// How often a look that only shows what this run has done already is put down to
/// lagging reads, before AWS is asked rule by rule.
const LAGGING_LOOKS: u32 = 2;

impl Target {
    /// Applies the last plan; reads again and plans again where AWS finds the group
    /// other than the plan did. True if only a fresh look can tell how the group stands.
    pub(super) async fn apply(
        &mut self,
        run: &Run<'_>,
        own: &Own,
        region: View<'_>,
        group: &SecurityGroupId,
        mut turn: Turn,
    ) -> bool {
        let Some(writers) = run.writers(region.member) else { return false };
        if self.plan.is_empty() || self.is_broken() {
            return false;
        }
        let mut one_by_one = self.only_repeats();
        if one_by_one && self.lagging_looks < LAGGING_LOOKS {
            self.lagging_looks += 1;
            return true;
        }
        let mut pauses = jittered(Duration::from_millis(50), Duration::from_millis(500), PLANS);
        for round in 1.. {
            let blocks = self.plan.add.iter().map(|addition| addition.permission);
            let blocks = blocks.chain(self.plan.keep.iter().copied());
            let blocks = blocks.filter(|p| !self.wanted.contains_key(p)).collect();
            let site = Site { run, region, group, writer: writers.rules.as_ref(), blocks };
            let done = self.carry_out(&site, one_by_one, &mut turn).await;
            let Err(error) = done else { return true };
            let pause = pauses.next().filter(|_| error.kind.wants_new_plan());
            let Some(pause) = pause else {
                self.error = Some(error);
                return true;
            };
            sleep(pause).await;
            let before = self.plan.clone();
            let blind = match self.look_anew(run, own, region, group).await {
                Ok(Some(blind)) => blind,
                Ok(None) => return true,
                Err(error) => {
                    self.error = Some(error);
                    return true;
                }
            };
            // The same again: reads do not show what AWS has. Find out rule by rule.
            // And where others keep getting there first, so that their rules are no news.
            let others = round > 1;
            one_by_one |= others || self.plan == before || error.kind == Failure::QuotaExceeded;
            if self.plan.is_empty() || self.is_broken() {
                // A look of rules and rows after the row got here: as good as any later one.
                return blind || !self.consistent || self.is_broken();
            }
        }
        true
    }

    /// Looks and plans again. True if the own mirror could not be read for it; none where
    /// the mirror has lost an own row, or where only a look that all targets of a spread act
    /// on can go on.
    async fn look_anew(
        &mut self,
        run: &Run<'_>,
        own: &Own,
        region: View<'_>,
        group: &SecurityGroupId,
    ) -> Called<Option<bool>> {
        let fresh = look(run, region.member, &together(region.member, group)).await;
        let rules = fresh.rules?;
        let (mut rows, blind) = match fresh.rows {
            Ok(rows) => {
                let before = self.rows.as_ref().unwrap_or(region.rows);
                if lost(own, &region.member.name, before, &rows) {
                    self.consistent = false;
                    return Ok(None);
                }
                (self.rows.insert(rows).clone(), false)
            }
            Err(error) if !region.home => return Err(error),
            Err(_) => (self.rows.as_ref().unwrap_or(region.rows).clone(), true),
        };
        let consistent = own.seen().all(|seen| reflects(&rows, seen, region.first));
        let mut told = region.told.clone();
        own.learn(&mut told, &rows);
        let region = View { told: &told, anew: true, ..region };
        lay_over(&mut rows, own, &region.member.name);
        let policy = region.policy(run, own, &rows, blind);
        let refused =
            |of: &_, permission: Permission| of == group && self.refused.contains(&permission);
        let dealing = region.deal(run, own, (&rows, blind), &rules, &refused, &policy);
        self.see(group, &dealing, &rules, &policy, consistent);
        if blind {
            self.admit_only(own);
        }
        self.told = told;
        // Nothing goes here before that is added, and this target cannot add it (promise 4).
        let waits = self.plan.removals().next().is_some()
            && dealing.others_lack(group, &rules, &run.mesh().name);
        Ok((!waits).then_some(blind))
    }

    /// Room first if the plan says so, then adds, then removals. Where an add fails,
    /// only rules of instances that this run saw leave are still revoked. Of a spread, that
    /// goes for the adds in all of its targets.
    async fn carry_out(
        &mut self,
        site: &Site<'_>,
        one_by_one: bool,
        turn: &mut Turn,
    ) -> Called<()> {
        let plan = self.plan.clone();
        self.revoke(site, &plan.make_room, one_by_one).await?;
        let added = if one_by_one {
            self.add_one_by_one(site, &plan.add).await
        } else {
            self.add(site, &plan.add).await
        };
        let certain = |removal: &&Removal| removal.why == NotWanted::Departed;
        let (wanted, open) = (Open::of(self.wanted.keys()), self.open(&plan));
        let all_added = turn.added(added.is_ok()).await;
        let removals: Vec<Removal> = if all_added {
            // Not all adds may have found room, after all.
            plan.revoke.iter().filter(|r| lets_go(r, &wanted, &open)).cloned().collect()
        } else {
            plan.revoke.iter().filter(certain).cloned().collect()
        };
        let removals = self.replaced(site, &plan, removals).await?;
        let revoked = self.revoke(site, &removals, one_by_one).await;
        added.and(revoked)
    }

    /// What is open after a plan's adds, whatever it revokes.
    fn open(&self, plan: &Plan) -> Open {
        let made = |p: &&Permission| self.added.contains(*p) || self.present.contains(*p);
        let added = plan.add.iter().map(|addition| &addition.permission).filter(made);
        Open::of(plan.keep.iter().chain(&plan.foreign_satisfied).chain(added))
    }

    /// One call per member and traffic, side by side.
    async fn add(&mut self, site: &Site<'_>, additions: &[Addition]) -> Called<()> {
        let mut batches: BTreeMap<(&MemberName, Traffic), Vec<&Addition>> = BTreeMap::new();
        for addition in additions {
            let batch = (&addition.origin.member, addition.permission.traffic);
            batches.entry(batch).or_default().push(addition);
        }
        let calls: Vec<_> =
            batches.values().flat_map(|batch| batch.chunks(RULES_PER_CALL)).collect();
        let answers = join_all(calls.iter().map(|call| site.authorize(call))).await;
        let mut failed: Vec<CallError> = Vec::new();
        for (call, answer) in calls.into_iter().zip(answers) {
            match answer {
                Ok(_) => self.added.extend(call.iter().map(|addition| addition.permission)),
                Err(error) => failed.push(error),
            }
        }
        failed.sort_by_key(|error| !error.kind.wants_new_plan());
        failed.into_iter().next().map_or(Ok(()), Err)
    }

    /// One call per permission. A lone Duplicate says that the permission is there; a
    /// full group leaves out this instance and those after it.
    async fn add_one_by_one(&mut self, site: &Site<'_>, additions: &[Addition]) -> Called<()> {
        let waits = |addition: &Addition| {
            site.run.request.hooks.iter().any(|hook| hook.instance == addition.origin.instance)
        };
        let (mut others, mut left) = (0, Vec::new());
        for (place, addition) in additions.iter().enumerate() {
            others += usize::from(!waits(addition));
            if others > SINGLES && !waits(addition) {
                left.push(addition);
                continue;
            }
            match site.authorize(&[addition]).await {
                Ok(_) => {
                    self.added.insert(addition.permission);
                }
                Err(error) if error.kind == Failure::Duplicate => {
                    self.present.insert(addition.permission);
                }
                Err(error) if error.kind == Failure::QuotaExceeded => {
                    left.extend(&additions[place..]);
                    self.refused.extend(left.iter().map(|addition| addition.permission));
                    self.plan.add.retain(|a| !self.refused.contains(&a.permission));
                    self.plan.over_quota.extend(left.into_iter().cloned());
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        if left.is_empty() { Ok(()) } else { Err(too_many(left.len())) }
    }

    async fn revoke(
        &mut self,
        site: &Site<'_>,
        removals: &[Removal],
        one_by_one: bool,
    ) -> Called<()> {
        let (mut others, mut left) = (0, 0);
        for call in removals.chunks(if one_by_one { 1 } else { RULES_PER_CALL }) {
            let waited_for = !site.run.request.hooks.is_empty()
                && call.iter().any(|removal| removal.why == NotWanted::Departed);
            others += usize::from(one_by_one && !waited_for);
            if others > SINGLES && !waited_for {
                left += 1;
                continue;
            }
            match site.revoke(call).await {
                Ok(()) => self.revoked.extend(call.iter().map(|removal| {
                    let rule = removal.rule.rule();
                    (rule.id.clone(), rule.clone())
                })),
                // A lone NotFound says that the rule is gone.
                Err(error) if one_by_one && error.kind == Failure::NotFound => {
                    self.gone.extend(call.iter().map(|removal| removal.rule.rule().id.clone()));
                }
                Err(error) => return Err(error),
            }
        }
        if left == 0 { Ok(()) } else { Err(too_many(left)) }
    }
}

/// Why rules are left for the next run, which may see what this one was not shown.
fn too_many(left: usize) -> CallError {
    CallError {
        call: "ec2:DescribeSecurityGroupRules",
        kind: Failure::Throttled,
        code: "OneByOne".to_owned(),
        message: format!(
            "what it shows and what EC2 says of changes differ; {left} rules are left for the \
             next run, so as not to use up the region's calls one rule at a time"
        ),
        request_id: None,
    }
}

/// What AWS says to a permission that is asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insisted {
    Added,
    Present,
    NoRoom,
}

/// Where rules are changed.
pub(super) struct Site<'a> {
    run: &'a Run<'a>,
    region: View<'a>,
    group: &'a SecurityGroupId,
    writer: &'a dyn RuleWriter,
    /// Permissions that open the addresses of several instances at once.
    blocks: BTreeSet<Permission>,
}

impl Site<'_> {
    /// Adds permissions of one member and traffic.
    pub(super) async fn authorize(&self, additions: &[&Addition]) -> Called<Receipt> {
        let mesh = &self.run.mesh().name;
        let Some(first) = additions.first() else { return Ok(Receipt::default()) };
        let grant = Grant {
            group: self.group.clone(),
            tags: BTreeMap::from([
                (MESH_TAG.to_owned(), mesh.to_string()),
                (MEMBER_TAG.to_owned(), first.origin.member.to_string()),
            ]),
            permissions: additions
                .iter()
                .map(|a| {
                    let whose = self.instance(a).map_or("several", InstanceId::as_str);
                    (a.permission, format!("sgsync {mesh} {whose}"))
                })
                .collect(),
        };
        let receipt = self.writer.authorize(&grant).await?;
        for addition in additions {
            let id = receipt.rules.get(&addition.permission);
            let after = id.map_or_else(|| "present".to_owned(), ToString::to_string);
            let instance = self.instance(addition).cloned();
            let permission = addition.permission.to_string();
            let change = ("authorize", permission, "absent".to_owned(), after);
            self.write_down(change, instance, receipt.request_id.as_ref());
        }
        Ok(receipt)
    }

    /// The same in another group, where these permissions open several instances' addresses.
    pub(super) fn at<'g>(
        &'g self,
        group: &'g SecurityGroupId,
        blocks: BTreeSet<Permission>,
    ) -> Site<'g> {
        Site { group, blocks, ..*self }
    }

    /// Asks for a permission alone, whatever reads show.
    pub(super) async fn insist(&self, permission: Permission, origin: &Origin) -> Called<Insisted> {
        let again = Addition { permission, origin: origin.clone() };
        match self.authorize(&[&again]).await {
            Ok(_) => Ok(Insisted::Added),
            Err(error) if error.kind == Failure::Duplicate => Ok(Insisted::Present),
            Err(error) if error.kind == Failure::QuotaExceeded => Ok(Insisted::NoRoom),
            Err(error) => Err(error),
        }
    }

    /// The one instance whose address a permission opens.
    fn instance<'i>(&self, addition: &'i Addition) -> Option<&'i InstanceId> {
        (!self.blocks.contains(&addition.permission)).then_some(&addition.origin.instance)
    }

    /// Revokes rules by id.
    async fn revoke(&self, removals: &[Removal]) -> Called<()> {
        let rules = || removals.iter().map(|removal| removal.rule.rule());
        let ids: Vec<RuleId> = rules().map(|rule| rule.id.clone()).collect();
        let receipt = self.writer.revoke(self.group, &ids).await?;
        for removal in removals {
            let rule = removal.rule.rule();
            let change = ("revoke", rule.to_string(), rule.id.to_string(), "absent".to_owned());
            self.write_down(change, instance_of(&removal.rule), receipt.request_id.as_ref());
        }
        Ok(())
    }

    fn write_down(
        &self,
        (action, permission, before, after): (&'static str, String, String, String),
        instance: Option<InstanceId>,
        request: Option<&String>,
    ) {
        self.run.engine.audit.write(&AuditLine {
            who: self.run.who(),
            trigger: self.run.request.trigger.as_str(),
            member: self.run.by(&self.region.member.name),
            instance,
            action,
            target: format!("{}/{}", self.region.member.region, self.group),
            permission: Some(permission),
            before,
            after,
            aws_request_id: request.cloned(),
        });
    }
}

/// The instance that an owned rule's description names, for people only.
pub(super) fn instance_of(rule: &OwnedRule) -> Option<InstanceId> {
    let Rule { description, .. } = rule.rule();
    let word = description.as_deref()?.rsplit(' ').next()?;
    word.starts_with("i-").then(|| InstanceId::new(word))
}
