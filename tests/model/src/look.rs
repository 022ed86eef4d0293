//! A run's looks at a region, and what it tells the mirror
//! (`sync-core/src/reconcile/{look,region,settle,tell}.rs`).

use crate::bounds::Order;
use crate::model::{Model, State};
use crate::own::goes_backwards;
use crate::pieces::reflects;
use crate::run::{Brief, Look, Own, Seen, Sight, Stage, Step};
use crate::world::{Instance, Member, Row, Set};

/// How many fresh looks a run takes in a region: `settle::LOOKS`.
pub(crate) const LOOKS: u8 = 8;

impl Model {
    /// Reads a region's rules.
    pub(crate) fn read_rules(&self, state: &mut State, run: usize, place: Member) {
        let (there, region) = state.place_and_region(run, place);
        for (sight, rule) in region.look.rules.iter_mut().zip(there.rules) {
            *sight = rule.map_or(Sight::Nothing, |origin| Sight::Rule(origin.member()));
        }
        region.look.shown = shown(there.rows.map(Brief::from));
        match self.protocol.look {
            Order::RulesFirst => region.step = Step::Rows,
            Order::RowsFirst => self.looked(state, run, place),
        }
    }

    /// Reads a region's mirror.
    pub(crate) fn read_rows(&self, state: &mut State, run: usize, place: Member) {
        let (there, region) = state.place_and_region(run, place);
        region.look.rows = there.rows.map(Brief::from);
        region.look.shown = shown(region.look.rows);
        if state.runs[run].own == Own::Waits && self.member(run) == place {
            let old = state.runs[run].regions[place.index()].look.rows[place.index()];
            state.runs[run].own = Own::List { old };
        }
        match self.protocol.look {
            Order::RulesFirst => self.looked(state, run, place),
            Order::RowsFirst => state.region(run, place).step = Step::Rules,
        }
    }

    /// Both are read.
    fn looked(&self, state: &mut State, run: usize, place: Member) {
        let region = state.region(run, place);
        if region.look.round > 0 {
            return self.plan_anew(state, run, place);
        }
        region.step = Step::Ready;
        // Otherwise `progress` goes on as soon as the observation is there.
        if region.stage != Stage::First {
            self.begin(state, run, place);
        }
    }

    /// The look is complete, and so is the observation.
    pub(crate) fn begin(&self, state: &mut State, run: usize, place: Member) {
        let member = self.member(run);
        let Some(seen) = state.runs[run].own.seen() else { return };
        if place == member && state.runs[run].aged {
            state.runs[run].aged = false;
            self.start_look(state, run, place);
            return;
        }
        let region = state.region(run, place);
        let told = region.look.rows[member.index()];
        region.look.consistent = self.reflects(told, seen);
        region.look_again = !region.look.consistent;
        // Before the first look nobody knows whether the row is there.
        let known = region.stage != Stage::First || self.protocol.first_look;
        region.look.confirms = region.look.consistent && known;
        if self.has_news(told, seen.row) && place != member && self.protocol.row_first {
            region.step = Step::Tell;
        } else {
            self.plan(state, run, place);
        }
    }

    /// Whether a mirror's row already says what the own row says.
    pub(crate) fn reflects(&self, told: Brief, seen: Seen) -> bool {
        let same = told.instances == seen.row.instances;
        if self.protocol.versioned && self.protocol.right_before {
            reflects(told, seen)
        } else {
            same || (self.protocol.versioned && told.version >= seen.row.version)
        }
    }

    /// Whether a peer's mirror is to be told.
    pub(crate) fn has_news(&self, told: Brief, own: Row) -> bool {
        told.version != own.version || (!self.protocol.versioned && told.instances != own.instances)
    }

    /// Puts the own row into a peer's mirror, over any older one.
    pub(crate) fn tell(&self, state: &mut State, run: usize, place: Member) {
        let member = self.member(run);
        let Some(seen) = state.runs[run].own.seen() else { return };
        let stored = &mut state.places[place.index()].rows[member.index()];
        let newer = stored.version >= seen.row.version && self.protocol.versioned;
        if !newer {
            state.backwards |= goes_backwards(*stored, seen.row);
            *stored = seen.row;
        }
        let region = state.region(run, place);
        if !self.protocol.row_first {
            self.applied(state, run, place, true);
        } else if newer {
            region.step = Step::Reread;
        } else {
            region.look.rows[member.index()] = seen.row.into();
            self.plan(state, run, place);
        }
    }

    /// Reads the mirror again, because it has a newer row than the own one.
    pub(crate) fn reread(&self, state: &mut State, run: usize, place: Member) {
        let (there, region) = state.place_and_region(run, place);
        region.look.rows = there.rows.map(Brief::from);
        region.look.shown = shown(region.look.rows);
        self.plan(state, run, place);
    }

    /// Lays the own row over those of a mirror, unless a newer one is there.
    pub(crate) fn lay_over(&self, state: &mut State, run: usize, place: Member) {
        let member = self.member(run);
        let Some(seen) = state.runs[run].own.seen() else { return };
        let told = &mut state.region(run, place).look.rows[member.index()];
        if told.version <= seen.row.version || !self.protocol.versioned {
            *told = seen.row.into();
        }
    }

    /// Starts a look from its beginning.
    pub(crate) fn start_look(&self, state: &mut State, run: usize, place: Member) {
        let region = state.region(run, place);
        region.look = Look::default();
        region.step = match self.protocol.look {
            Order::RulesFirst => Step::Rules,
            Order::RowsFirst => Step::Rows,
        };
    }

    /// Naive: reads the mirror, and is content if no version has changed.
    pub(crate) fn compare_versions(&self, state: &mut State, run: usize, place: Member) {
        let (there, region) = state.place_and_region(run, place);
        let versions = |rows: [Brief; 2]| rows.map(|row| row.version);
        if versions(there.rows.map(Brief::from)) == versions(region.look.rows) {
            region.look_again = false;
            region.look.consistent = true;
            region.look.confirms = true;
            self.after_look(state, run, place);
        } else {
            self.start_look(state, run, place);
        }
    }
}

fn shown(rows: [Brief; 2]) -> Set<Instance> {
    rows[0].instances.and(rows[1].instances)
}
