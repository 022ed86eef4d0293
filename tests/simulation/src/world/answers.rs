//! Promises 3, 6 and 8: what must be so when a hook is answered, and when a run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::events::{Hook, Transition};
use sync_core::mesh::{Compact, OnLaunchFailure, RowKey};
use sync_core::names::{InstanceId, MemberName, SecurityGroupId};
use sync_core::permission::{Permission, Rule};
use sync_core::ports::{Failure, HookAnswer};
use sync_core::report::{FindingKind, HookResult, Report};
use tokio::time::Instant;

use super::faults::Fault;
use super::group::Group;
use super::known::{RunState, View};
use super::runs::{Ask, RunId};
use super::state::State;
use super::truth::{kind_of, opened_by};

/// The most parts that a block of this world's few addresses splits into.
const PARTS: usize = 4;

/// One permission of one target, and the hook it matters to.
struct Question<'a> {
    run: RunId,
    home: &'a MemberName,
    hook: &'a Hook,
    place: &'a MemberName,
    target: &'a SecurityGroupId,
    permission: Permission,
}

impl State {
    /// Promise 3: admitted, or revoked, in every target that can be reached; and
    /// promise 6: not long after the home was ready.
    pub(super) fn watch_completion(
        &mut self,
        run: RunId,
        home: &MemberName,
        hook: &Hook,
        answer: HookAnswer,
    ) {
        let waited = Instant::now() - self.runs[&run].last_home;
        let budget = self.mesh.limits.peer_budget + Duration::from_millis(500);
        if waited > budget && !self.runs[&run].faulted.contains_key(home) {
            self.broken(6, format!("{run:?} let {hook:?} wait {waited:?} for its peers"));
        }
        if answer == HookAnswer::Abandon {
            return;
        }
        let member = self.places[home].members().contains_key(&hook.instance);
        if (hook.transition == Transition::Launch) != member {
            return; // A root volume is replaced, or a launch has been given up.
        }
        let unseen = self.unseen_kind(run, home, hook);
        let text = |kind| format!("{run:?} let {hook:?} go before it was shown its {kind}");
        let mut suspects: Vec<_> = unseen
            .map(|kind| (home.clone(), hook.instance.clone(), text(kind)))
            .into_iter()
            .collect();
        for place in &self.runs[&run].members {
            for cidr in self.concerned(run, home, hook) {
                let launch = hook.transition == Transition::Launch;
                for target in self.places[place].groups.keys() {
                    let together = self.together(place, target);
                    // To be admitted in one target of a spread is enough.
                    let any = launch && together.len() > 1;
                    if any && together.first() != Some(target) {
                        continue;
                    }
                    let learned = if launch {
                        &self.runs[&run].always(place, target) & &self.learned(place, target)
                    } else {
                        self.runs[&run].ever(place, target)
                    };
                    for permission in self.opens(home, (place, target), &learned, cidr) {
                        let wrong = |target: &SecurityGroupId| {
                            self.wrong(&Question { run, home, hook, place, target, permission })
                        };
                        let wrong: Option<Vec<_>> = if any {
                            together.iter().map(wrong).collect()
                        } else {
                            wrong(target).map(|text| vec![text])
                        };
                        let texts = wrong.into_iter().flatten();
                        suspects
                            .extend(texts.map(|text| (place.clone(), hook.instance.clone(), text)));
                    }
                }
            }
        }
        self.run(run).suspects.extend(suspects);
    }

    /// A kind of address that a launching instance has from the start and somebody admits,
    /// and of which the run was shown none, by EC2 or by a row.
    fn unseen_kind(&self, run: RunId, home: &MemberName, hook: &Hook) -> Option<&'static str> {
        let known = &self.runs[&run];
        let held = |kind: AddressKind| {
            let mut told = known.saw.iter().chain(&known.remembered);
            told.any(|(id, cidr)| *id == hook.instance && kind_of(*cidr) == kind)
        };
        let needed = [AddressKind::PublicIpv4, AddressKind::PrivateIpv4, AddressKind::Ipv6];
        let mut needed = needed.into_iter().filter(|kind| self.places[home].kinds.contains(kind));
        let here = self.places[home].instances.get(&hook.instance);
        let alive =
            here.is_some_and(|view| view.state != "shutting-down" && view.state != "terminated");
        let launch = hook.transition == Transition::Launch && alive;
        needed.find(|kind| launch && !held(*kind)).map(AddressKind::as_str)
    }

    /// The addresses that a hook is about, as far as the run could know them.
    fn concerned(&self, run: RunId, home: &MemberName, hook: &Hook) -> BTreeSet<Cidr> {
        let known = &self.runs[&run];
        let mut now = self.places[home].addresses(&hook.instance);
        now.retain(|cidr| known.saw.contains(&(hook.instance.clone(), *cidr)));
        if hook.transition == Transition::Terminate {
            let known = known.remembered.iter().filter(|(id, _)| *id == hook.instance);
            now.extend(known.map(|(_, cidr)| *cidr));
        }
        now
    }

    /// What is wrong, unless the run could not help it.
    fn wrong(&self, question: &Question<'_>) -> Option<String> {
        let Question { run, home, hook, place, target, permission } = question;
        let group = &self.places[*place].groups[*target];
        let launch = hook.transition == Transition::Launch;
        let known = &self.runs[run];
        // Somebody else's by now, and so the rule.
        let others = claimed(known, question)
            || self.may_be_others(question, group)
            || self.said_of_another(question);
        if !launch && (others || !self.alive(&permission.cidr).is_empty()) {
            return None;
        }
        let helpless = if launch {
            self.opens_together(place, target, *permission)
        } else {
            !self.has_owned(group, permission)
                || !known.views.get(&((*place).clone(), (*target).clone())).is_some_and(|view| {
                    // Reads of rules lag: what was not shown could not be revoked.
                    opened_by(&view.seen, *permission) || opened_by(&view.there, *permission)
                }) && self.read_late(question)
        };
        // Reads of rules lag: what was shown seemed to be there.
        let misled = launch && self.read_late(question);
        if !self.proven(question, group) {
            let hook = format!("{run:?} of {home} let {hook:?} go");
            return Some(format!("{hook} without proof of {permission} in {place} {target}"));
        }
        if helpless || misled || self.undone_by_an_older_view(question, group) {
            return None;
        }
        let what = if launch { "lacks" } else { "has" };
        Some(format!("{run:?} of {home} let {hook:?} go: {place} {target} {what} {permission}"))
    }

    /// Whether the run made sure, as decision 8 has it: it made the change itself, AWS said
    /// that it was made, or a look showed both the rules and the row that they follow.
    fn proven(&self, question: &Question<'_>, group: &Group) -> bool {
        let Question { run, home, hook, place, target, permission } = question;
        let known = &self.runs[run];
        let Some(view) = known.views.get(&((*place).clone(), (*target).clone())) else {
            return false;
        };
        let launch = hook.transition == Transition::Launch;
        let rows = known.rows.get(*place).into_iter().flat_map(|(_, rows)| rows.values());
        let mut ours = rows.filter(|row| row.member == **home);
        let said = ours.any(|row| {
            let held = row.instances.get(&hook.instance);
            held.is_some_and(|held| held.contains(&permission.cidr))
        });
        let mut changes = group.changes.iter().filter(|c| c.permission.covers(*permission));
        changes.any(|change| change.run == *run && change.added == launch)
            || (launch && opened_by(&view.there, *permission))
            || (said == launch && (!launch || opened_by(&view.seen, *permission)))
            || (*place == *home && known.may_have_lost(home))
    }

    /// Whether the rule may be another group's, whose row is missing in the place: unknown
    /// is not empty (promise 2).
    fn may_be_others(&self, question: &Question<'_>, group: &Group) -> bool {
        let of_it = |rule: &&Rule| {
            rule.permission().is_some_and(|opened| opened.covers(question.permission))
        };
        let member = group.rules().find(of_it).and_then(Rule::member);
        let lost = self.places[question.place].mirror.lost.keys();
        let rows = self.runs[&question.run].rows.get(question.place);
        let other = |key: &RowKey| key.asg != question.hook.asg;
        let missing = |member: &MemberName| {
            { lost }.any(|key| key.member == *member && other(key))
                || self.mesh.row_keys().any(|key| {
                    let read = rows.is_some_and(|(_, rows)| rows.contains_key(&key));
                    key.member == *member && other(&key) && !read
                })
        };
        member.is_some_and(|member| missing(&member))
    }

    /// Whether a row in the place says by now that the address is another instance's.
    fn said_of_another(&self, question: &Question<'_>) -> bool {
        let wanted = self.places[question.place].mirror.wanted.values();
        wanted
            .flat_map(BTreeMap::keys)
            .any(|(cidr, id)| *cidr == question.permission.cidr && *id != question.hook.instance)
    }

    /// Whether some read of the place showed the run what had been there before.
    fn read_late(&self, question: &Question<'_>) -> bool {
        let faults = self.runs[&question.run].faulted.get(question.place);
        faults.into_iter().flatten().any(|fault| matches!(fault, Fault::Lag(_)))
    }

    /// Whether another run whose rows were read before this one's row was there, or a
    /// person, changed the permission after this run had made sure of it. Such a run
    /// looks again, and puts it right (design section 5).
    fn undone_by_an_older_view(&self, question: &Question<'_>, group: &Group) -> bool {
        let Question { run, home, hook, place, target, permission } = question;
        let launch = hook.transition == Transition::Launch;
        let view = self.runs[run].views.get(&((*place).clone(), (*target).clone()));
        let covers = |of_it: &&Permission| of_it.covers(*permission);
        let added = view.into_iter().flat_map(|view| &view.added_at);
        let added = added.filter(|(p, _)| covers(p)).map(|(_, at)| *at).max().unwrap_or(0);
        // A look that does not show what AWS said is there says nothing (decision 8).
        let shown = |view: &&View| !launch || opened_by(&view.seen, *permission);
        let sure = view.filter(shown).map_or(added, |view| view.at.max(added));
        if group.meddled.iter().any(|(p, at)| covers(&p) && *at >= sure) {
            return true;
        }
        let mirror = &self.places[*place].mirror;
        let told = if launch {
            let held = (permission.cidr, hook.instance.clone());
            mirror.wanted.values().find_map(|wanted| wanted.get(&held)).copied()
        } else {
            let held = (permission.cidr, hook.instance.clone());
            let said = mirror.wanted.values().any(|wanted| wanted.contains_key(&held));
            mirror.unwanted.get(&((*home).clone(), permission.cidr)).copied().filter(|_| !said)
        };
        let mut since = group.changes.iter().rev().filter(|c| covers(&&c.permission));
        since.next().is_some_and(|last| {
            let older = told.is_none_or(|told| last.rows_read < told);
            last.run != *run && last.added != launch && last.tick > sure && older
        })
    }

    fn has_owned(&self, group: &Group, permission: &Permission) -> bool {
        let mut owned = group.rules().filter(|rule| rule.is_owned_by(&self.mesh.name));
        owned.any(|rule| rule.permission().is_some_and(|opened| opened.covers(*permission)))
    }

    /// What a run's end says of what it did.
    pub(super) fn watch_end(&mut self, run: RunId, ask: &Ask, report: Option<&Report>) {
        self.count_run(ask, report);
        for (place, instance, text) in std::mem::take(&mut self.run(run).suspects) {
            if !self.explained(run, &place, &instance, report) {
                self.broken(3, text);
            }
        }
        let Some(report) = report else { return };
        if report.findings.iter().any(|finding| finding.kind == FindingKind::PlanRefused) {
            self.broken(4, format!("{run:?}: its own check refused a plan"));
        }
        if let Some(text) = self.left_unseen(run, report) {
            self.broken(5, text);
        }
        for hook in report.unanswered() {
            if let Some(text) = self.held_up(run, report, &hook.instance) {
                self.broken(6, text);
            }
        }
    }

    /// Promise 5: a target that a run has changed, or whose mirror it has told something,
    /// and that the report says nothing against, has been looked at after that (design
    /// section 5).
    fn left_unseen(&self, run: RunId, report: &Report) -> Option<String> {
        let known = &self.runs[&run];
        let calm = |place: &MemberName| {
            let findings = &report.findings;
            !known.faulted.contains_key(place)
                && !known.home.iter().any(|home| known.faulted.contains_key(home))
                && !findings.iter().any(|finding| finding.subject == place.as_str())
        };
        report.targets.iter().filter(|target| target.error.is_none()).find_map(|target| {
            let (place, group) = (target.member.clone(), target.security_group.clone());
            let ours = self.places[&place].groups.get(&group)?.changes.iter();
            let ours = ours.filter(|change| change.run == run).map(|change| change.tick);
            let last = ours.chain(known.told.get(&place).copied()).max();
            let last = last.filter(|_| calm(&place))?;
            let looked = known.views.get(&(place.clone(), group)).map_or(0, |view| view.at);
            (looked < last).then(|| format!("{run:?} left {place} without a last look"))
        })
    }

    /// Whether the report owns up to a target that is not as a hook needs it, and
    /// something happened that allows it to.
    fn explained(
        &self,
        run: RunId,
        place: &MemberName,
        instance: &InstanceId,
        report: Option<&Report>,
    ) -> bool {
        let known = &self.runs[&run];
        let at_home = known.home.as_ref() == Some(place);
        let unreachable = report.is_none_or(|report| {
            let mut there = report.targets.iter().filter(|target| target.member == *place);
            there.any(|target| target.error.is_some())
        });
        let mirror_away = known.home.iter().any(|home| known.may_have_lost(home));
        if !at_home && unreachable && (known.may_have_lost(place) || mirror_away) {
            return true;
        }
        let compromised = report.is_none_or(|report| {
            let of_it = |subject: &str| subject == instance.as_str();
            let mut findings = report.findings.iter();
            // The answer's own answer may have been lost.
            let kinds = [FindingKind::HookCompromised, FindingKind::HookUnanswered];
            findings.any(|f| kinds.contains(&f.kind) && of_it(&f.subject))
        });
        let denied = |fault: &Fault| {
            matches!(fault, Fault::Before(failure) | Fault::After(failure)
                if !failure.may_pass() && *failure != Failure::Duplicate)
        };
        let mut faults = known.home.iter().filter_map(|home| known.faulted.get(home)).flatten();
        let lets_go = self.mesh.on_launch_failure == OnLaunchFailure::Continue;
        // A block cannot be split where AWS has no room for its parts (decision 31).
        let mut groups = self.places[place].groups.values();
        let mut views = known.views.iter().filter(|((of, _), _)| of == place);
        let stuck = self.mesh.limits.compact != Compact::Off
            && (groups.any(|g| g.room() < PARTS) || views.any(|(_, view)| view.no_room));
        compromised && (lets_go || stuck || faults.any(denied))
    }

    /// Promise 6: a hook that waits although only peers failed, and nobody else was at work.
    fn held_up(&self, run: RunId, report: &Report, instance: &InstanceId) -> Option<String> {
        let known = &self.runs[&run];
        let home = known.home.as_ref()?;
        if known.faulted.contains_key(home) {
            return None;
        }
        let finding = report.findings.iter().find(|finding| {
            finding.kind == FindingKind::HookUnanswered && finding.subject == instance.as_str()
        })?;
        let peers = self.places.keys().filter(|place| *place != home);
        let blamed = peers.filter(|peer| finding.detail.starts_with(peer.as_str()));
        let idle = |peer: &&MemberName| {
            let groups = self.places[*peer].groups.values();
            let mut changes = groups.flat_map(|group| &group.changes);
            !changes.any(|change| change.run != run && change.tick >= known.began)
                && !self.places[*peer].mirror.newest.values().any(|(_, at)| *at >= known.began)
                && !self.places[*peer].mirror.lost.values().any(|at| *at >= known.began)
        };
        let blamed: Vec<_> = blamed.filter(idle).collect();
        (!blamed.is_empty())
            .then(|| format!("{run:?} let {instance} wait for {blamed:?}: {}", finding.detail))
    }

    fn count_run(&mut self, ask: &Ask, report: Option<&Report>) {
        let kind = match (report, ask.hooks.len()) {
            (None, _) => "cut-off",
            (_, 0) if ask.home.is_none() => "operator",
            (_, 0) if ask.changed.is_empty() => "true-up",
            (_, 0) => "change",
            (_, 1) => "hook",
            _ => "batch-of-hooks",
        };
        *self.tally.runs.entry(kind).or_insert(0) += 1;
        for hook in report.into_iter().flat_map(|report| &report.hooks) {
            let result = match hook.result {
                HookResult::Continue => "CONTINUE",
                HookResult::Abandon => "ABANDON",
                HookResult::Retry => "RETRY",
                HookResult::Gone => "GONE",
            };
            let result = format!("{:?}-{result}", hook.transition).to_lowercase();
            *self.tally.hooks.entry(result).or_insert(0) += 1;
        }
    }

    /// Promise 8: as many audit lines as changes that runs were told of.
    pub fn watch_audit(&mut self) {
        let lines = self.audit.iter().filter(|line| line.permission.is_some()).count();
        if lines != self.lines {
            let told = self.lines;
            self.broken(8, format!("{told} changes left {lines} audit lines"));
        }
    }
}

/// Whether a row that the run knows of, or EC2, says that the address is another
/// instance's: its member could not tell of its going yet, so the rule stays.
fn claimed(known: &RunState, question: &Question<'_>) -> bool {
    let (leaving, cidr) = (&question.hook.instance, question.permission.cidr);
    if known.saw.iter().any(|(id, held)| id != leaving && *held == cidr) {
        return true;
    }
    let rows = known.knows(question.place).into_values();
    rows.flat_map(|row| &row.instances).any(|(id, held)| id != leaving && held.contains(&cidr))
}
