//! A run's plan for a target, and how it is carried out
//! (`sync-core/src/reconcile/{region,apply}.rs`).

use crate::model::{Model, State};
use crate::pieces::{is_certain, plan, wanted};
use crate::run::{Look, Region, Sight, Step};
use crate::world::{Address, Member, Set};

/// How often a target is planned anew in one look: `apply::PLANS`.
pub(crate) const PLANS: u8 = 4;

/// Looks put down to lagging reads: `apply::LAGGING_LOOKS`.
const LAGGING_LOOKS: u8 = 2;

impl Model {
    /// Plans from a look, and carries the plan out.
    pub(crate) fn plan(&self, state: &mut State, run: usize, place: Member) {
        self.make_plan(state, run, place);
        let region = state.region(run, place);
        let Look { add, revoke, .. } = region.look;
        if add.is_empty() && revoke.is_empty() {
            return self.applied_row_too(state, run, place, false);
        }
        let only_repeats = revoke.is_empty() && add.without(region.added).is_empty();
        if only_repeats && region.lagging < LAGGING_LOOKS {
            region.lagging += 1;
            return self.applied_row_too(state, run, place, true);
        }
        region.look.one_by_one = only_repeats;
        self.carry_out(state, run, place);
    }

    fn make_plan(&self, state: &mut State, run: usize, place: Member) {
        self.lay_over(state, run, place);
        let rows = state.region(run, place).look.rows;
        let wanted = wanted(&rows, &state.truth);
        let region = state.region(run, place);
        let (add, revoke) = plan(&wanted, &region.look.rules);
        region.look.add = add.without(region.present);
        region.look.revoke = revoke;
        region.look.to_add = region.look.add;
        region.look.to_revoke = revoke;
    }

    /// After a look that was taken because AWS found the target other than the plan did.
    pub(crate) fn plan_anew(&self, state: &mut State, run: usize, place: Member) {
        let Some(seen) = state.runs[run].own.seen() else { return };
        let member = self.member(run).index();
        let told = state.region(run, place).look.rows[member];
        let consistent = self.reflects(told, seen);
        let before = state.region(run, place).look;
        self.make_plan(state, run, place);
        let look = &mut state.region(run, place).look;
        look.consistent = consistent;
        look.confirms = consistent;
        let same = (look.add, look.revoke) == (before.add, before.revoke);
        look.one_by_one |= look.round > 1 || same;
        if look.add.is_empty() && look.revoke.is_empty() {
            self.applied_row_too(state, run, place, true);
        } else {
            self.carry_out(state, run, place);
        }
    }

    /// Adds first, then revokes.
    fn carry_out(&self, state: &mut State, run: usize, place: Member) {
        let region = state.region(run, place);
        if !region.look.to_add.is_empty() {
            region.step = Step::Add;
            return;
        }
        if region.look.failed {
            self.keep_certain(state, run, place);
        }
        let region = state.region(run, place);
        if region.look.to_revoke.is_empty() {
            self.carried_out(state, run, place);
        } else {
            region.step = Step::Revoke;
        }
    }

    /// Where an add failed, only rules of instances that this run saw leave go.
    fn keep_certain(&self, state: &mut State, run: usize, place: Member) {
        let Some(seen) = state.runs[run].own.seen() else { return };
        let (member, look) = (self.member(run), state.region(run, place).look);
        let certain =
            |at: &Address| is_certain(member, &seen, look.rules[at.index()], *at, &state.truth);
        let kept = look.to_revoke.iter().filter(certain).collect();
        state.region(run, place).look.to_revoke = kept;
    }

    fn carried_out(&self, state: &mut State, run: usize, place: Member) {
        let look = &mut state.region(run, place).look;
        if !look.failed {
            return self.applied_row_too(state, run, place, true);
        }
        let next = Look {
            round: look.round + 1,
            one_by_one: look.one_by_one,
            add: look.add,
            revoke: look.revoke,
            ..Look::default()
        };
        if next.round > PLANS {
            state.spent = true;
            state.region(run, place).step = Step::Done;
            return;
        }
        self.start_look(state, run, place);
        state.region(run, place).look = next;
    }

    /// One Authorize: one member's permissions, or only one.
    pub(crate) fn authorize(&self, state: &mut State, run: usize, place: Member, batch: Member) {
        let look = state.region(run, place).look;
        let wanted = wanted(&look.rows, &state.truth);
        let of_batch = |at: &Address| wanted[at.index()].is_some_and(|i| i.member() == batch);
        let call: Set<Address> = if look.one_by_one {
            look.to_add.iter().min_by_key(|at| wanted[at.index()]).into_iter().collect()
        } else {
            look.to_add.iter().filter(of_batch).collect()
        };
        let (there, region) = state.place_and_region(run, place);
        let duplicate = call.iter().any(|at| there.rules[at.index()].is_some());
        region.look.to_add = look.to_add.without(call);
        if !duplicate {
            call.iter().for_each(|at| there.rules[at.index()] = wanted[at.index()]);
            region.added = region.added.and(call);
        } else if look.one_by_one {
            region.present = region.present.and(call);
        } else {
            region.look.failed = true;
        }
        self.carry_out(state, run, place);
    }

    /// One Revoke, by rule id: of everything that goes, or of one rule.
    pub(crate) fn revoke(&self, state: &mut State, run: usize, place: Member) {
        let look = state.region(run, place).look;
        let count = if look.one_by_one { 1 } else { usize::MAX };
        let call: Set<Address> = look.to_revoke.iter().take(count).collect();
        let gone = call.iter().any(|at| !matches!(look.rules[at.index()], Sight::Rule(_)));
        if gone && !look.one_by_one {
            state.region(run, place).look.failed = true;
            return self.carried_out(state, run, place);
        }
        state.region(run, place).look.to_revoke = look.to_revoke.without(call);
        if !gone {
            state.revoked_live |= call.iter().any(|at| could_see(state, &look, place, at));
            let region = state.region(run, place);
            region.revoked = region.revoked.and(call);
            call.iter().for_each(|at| state.remove_rule(place, at));
        }
        self.carry_out(state, run, place);
    }

    /// The plan is carried out. Naive: only now is the mirror told.
    fn applied_row_too(&self, state: &mut State, run: usize, place: Member, changed: bool) {
        let member = self.member(run);
        let seen = state.runs[run].own.seen().unwrap_or_default();
        let stored = state.places[place.index()].rows[member.index()];
        let region = state.region(run, place);
        if !self.protocol.row_first && place != member && self.has_news(stored.into(), seen.row) {
            region.step = Step::Tell;
        } else {
            self.applied(state, run, place, changed);
        }
    }

    /// The plan is carried out, and the mirror knows.
    pub(crate) fn applied(&self, state: &mut State, run: usize, place: Member, changed: bool) {
        state.region(run, place).look_again |= changed;
        self.after_look(state, run, place);
    }
}

/// Whether a run could see that an address belongs to somebody who is in the cluster:
/// the rule that it saw was added for that instance, or its row was in the mirror by
/// the time the look was complete.
fn could_see(state: &State, look: &Look, place: Member, at: Address) -> bool {
    let Some(holder) = state.truth.live_holder(at) else { return false };
    state.places[place.index()].rules[at.index()] == Some(holder) || look.shown.has(holder)
}

impl State {
    /// Takes a rule away. Whoever has seen it has seen a rule that is no more.
    fn remove_rule(&mut self, place: Member, at: Address) {
        self.places[place.index()].rules[at.index()] = None;
        for run in &mut self.runs {
            let Region { look, .. } = &mut run.regions[place.index()];
            let sight = &mut look.rules[at.index()];
            if let Sight::Rule(member) = *sight {
                *sight = Sight::Dead(member);
            }
        }
    }
}
