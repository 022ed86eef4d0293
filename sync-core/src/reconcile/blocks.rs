//! Blocks that open the addresses of several instances (decision 31).

use std::collections::BTreeSet;

use super::apply::Site;
use super::assemble::list;
use super::region::Target;
use crate::permission::Permission;
use crate::planner::{Addition, Desired, NotWanted, Open, Plan, Removal, lets_go};
use crate::ports::{Called, Failure};
use crate::report::FindingKind;

/// How many rules are asked for again in one round; the next look goes on.
const SINGLES: usize = 10;

impl Target {
    /// Leaves out what AWS has no room for, whatever the document's limit says. What was to
    /// go once it is open stays.
    pub(super) fn leave_out(&mut self, refused: Vec<Addition>, desired: &Desired) {
        if refused.is_empty() {
            return;
        }
        let plan = &mut self.plan;
        let wanted = Open::of(desired.wanted.keys());
        let mut open = Open::of(plan.keep.iter().chain(&plan.foreign_satisfied));
        open.extend(plan.add.iter().map(|addition| &addition.permission).chain(&self.present));
        let revoke = plan.revoke.drain(..);
        let (revoke, stay): (Vec<_>, Vec<_>) = revoke.partition(|r| lets_go(r, &wanted, &open));
        plan.revoke = revoke;
        plan.postponed.extend(stay);
        let stay = plan.postponed.iter().filter_map(|removal| removal.rule.rule().permission());
        open.extend(&stay.collect::<Vec<_>>());
        let left_out = refused.into_iter().filter(|addition| !open.admits(addition.permission));
        plan.over_quota.extend(left_out);
    }

    /// Of these removals those that shut nobody out by AWS's own word. A read may be minutes
    /// old and show a rule beside the one that has long replaced it, either way round: so
    /// what replaces a rule is asked for again, one by one, before the rule goes.
    pub(super) async fn replaced(
        &mut self,
        site: &Site<'_>,
        plan: &Plan,
        mut removals: Vec<Removal>,
    ) -> Called<Vec<Removal>> {
        let wanted = Open::of(self.wanted.keys());
        let stay: BTreeSet<Permission> =
            plan.keep.union(&plan.foreign_satisfied).copied().collect();
        let stay: Vec<_> = stay.into_iter().chain(plan.add.iter().map(|a| a.permission)).collect();
        let mut asked = 0;
        for removal in &removals {
            let Some(gone) = removal.rule.rule().permission() else { continue };
            if lets_go(removal, &wanted, &self.sure(&stay)) {
                continue;
            }
            for permission in stay.iter().filter(|p| gone.covers(**p) || p.covers(gone)) {
                if self.said(permission) || asked == SINGLES {
                    continue;
                }
                asked += 1;
                let meets = |p: &Permission| permission.covers(*p) || p.covers(*permission);
                let mut of = self.wanted.iter().filter(|(p, _)| meets(p));
                let Some((_, origin)) = of.next() else { continue };
                let again = Addition { permission: *permission, origin: origin.clone() };
                match site.authorize(&[&again]).await {
                    Ok(_) => drop(self.added.insert(*permission)),
                    Err(error) if error.kind == Failure::Duplicate => {
                        self.present.insert(*permission);
                    }
                    Err(error) if error.kind == Failure::QuotaExceeded => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let sure = self.sure(&stay);
        removals.retain(|removal| lets_go(removal, &wanted, &sure));
        Ok(removals)
    }

    /// What of these permissions is open by AWS's own word.
    fn sure(&self, stay: &[Permission]) -> Open {
        Open::of(stay.iter().filter(|permission| self.said(permission)))
    }

    fn said(&self, permission: &Permission) -> bool {
        self.added.contains(permission) || self.present.contains(permission)
    }

    /// Says which blocks are open, and which of them could not be split.
    pub(super) fn tell_blocks(&self, found: &mut impl FnMut(FindingKind, String) -> bool) {
        let plan = &self.plan;
        let opened = plan.keep.iter().chain(plan.add.iter().map(|addition| &addition.permission));
        let blocks: Vec<_> = opened.filter(|p| !self.wanted.contains_key(p)).collect();
        if !blocks.is_empty() {
            found(
                FindingKind::Compacted,
                format!("several addresses by one rule: {}", list(blocks)),
            );
        }
        let stuck = plan.postponed.iter().filter(|removal| removal.why != NotWanted::Superseded);
        let stuck: Vec<_> = stuck.map(|removal| removal.rule.rule()).collect();
        if plan.is_empty() && !stuck.is_empty() {
            let detail = format!(
                "the group is full: no room to open what is left of {}, which stays as a whole \
                 although somebody in it is gone",
                list(stuck)
            );
            found(FindingKind::OverQuota, detail);
        }
    }
}
