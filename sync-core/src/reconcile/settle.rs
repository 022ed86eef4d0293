//! Fresh looks, until one asks for nothing (design section 5).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Run;
use super::look::{look, no_answer};
use super::own::{Own, jittered};
use super::region::{RegionRun, Target};
use super::tell::{lay_over, lost, reflects};
use crate::names::SecurityGroupId;
use crate::ports::Called;
use crate::report::RowStatus;

/// How many fresh looks a run takes before it leaves the rest to the next run.
const LOOKS: usize = 8;

impl<'a> RegionRun<'a> {
    /// Looks again after the hooks are answered, as far as anything is left to find out.
    pub(super) async fn settle_fully(&mut self, run: &Run<'a>, own: &Own) {
        if !self.look_again || self.lost || self.unreachable.is_some() {
            return;
        }
        let patience = run.patience(self.member);
        let until = Instant::now() + patience;
        match timeout(patience, self.look_until_settled(run, own, until, false)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(&error),
            Err(_) => self.fail(&no_answer("look", self.member)),
        }
    }

    /// Looks, plans and applies until a look asks for nothing, a few times at most and
    /// not past `until`; `for_hooks`, no longer than their answers need it.
    pub(super) async fn look_until_settled(
        &mut self,
        run: &Run<'a>,
        own: &Own,
        until: Instant,
        for_hooks: bool,
    ) -> Called<()> {
        let mut pauses = jittered(Duration::from_millis(150), Duration::from_secs(2), LOOKS);
        for _ in 0..LOOKS {
            if self.settle_once(run, own).await? {
                self.look_again = false;
                return Ok(());
            }
            if for_hooks && self.confirms_all_hooks(run, own) {
                return Ok(());
            }
            match pauses.next() {
                Some(pause) if Instant::now() + pause < until => sleep(pause).await,
                _ => break,
            }
        }
        self.unsettled = true;
        Ok(())
    }

    /// Takes one fresh look, plans and applies. True when it asked for nothing.
    async fn settle_once(&mut self, run: &Run<'a>, own: &Own) -> Called<bool> {
        let groups: Vec<SecurityGroupId> = self.settling();
        if groups.is_empty() {
            return Ok(true);
        }
        let fresh = look(run, self.member, &groups).await;
        let rules = fresh.rules?;
        match fresh.rows {
            Ok(rows) => {
                self.lost = lost(own, &self.member.name, &self.rows, &rows);
                own.learn(&mut self.told, &rows);
                (self.rows, self.blind) = (rows, false);
                if self.lost {
                    self.confirm_nothing_seen();
                    return Ok(true);
                }
            }
            Err(error) if !self.home => return Err(error),
            Err(_) => self.blind = true,
        }
        let consistent = own.seen().all(|seen| {
            let unwritten = self.home && (self.blind || seen.status == RowStatus::Unavailable);
            unwritten || reflects(&self.rows, seen, &self.first)
        });
        self.tell(run, own).await?;
        lay_over(&mut self.rows, own, &self.member.name);
        self.look_again = !consistent;
        self.plan_and_apply(run, own, rules, consistent).await;
        self.unsettled = self.blind;
        Ok(!self.look_again)
    }

    /// Takes back what looks have shown of the targets: only what this run did itself counts.
    fn confirm_nothing_seen(&mut self) {
        for target in self.targets.values_mut() {
            target.consistent = false;
        }
    }

    /// The targets in which nothing has gone wrong.
    fn settling(&self) -> Vec<SecurityGroupId> {
        let sound = self.targets.iter().filter(|(_, target)| !target.is_broken());
        sound.map(|(group, _)| group.clone()).collect()
    }
}

impl Target {
    /// Whether all the plan asks for is what this run has done already: reads lag
    /// behind writes, sometimes by minutes (`facts/aws.md`, section 1), or another run
    /// has undone it.
    pub(super) fn only_repeats(&self) -> bool {
        !self.plan.is_empty()
            && self.plan.add.iter().all(|a| self.added.contains(&a.permission))
            && self.plan.removals().all(|r| self.revoked.contains_key(&r.rule.rule().id))
    }
}
