//! Blocks that open the addresses of several instances (decision 31).

use super::assemble::list;
use super::region::Target;
use crate::planner::{Addition, Desired, NotWanted, Open, lets_go};
use crate::report::FindingKind;

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
