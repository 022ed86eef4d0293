//! A history in words: one line a step.

use crate::bounds::Slot;
use crate::model::{Action, Model, Part, State};
use crate::run::{Brief, Hook, Own, Step};
use crate::world::{Address, Instance, Member, Phase, Row, Set, Truth, all_addresses};

impl Model {
    /// What a run is called: `A's run 1`, `B's true-up`.
    #[must_use]
    pub fn name(&self, run: usize) -> String {
        let slot = self.bounds.slot(run);
        let member = slot.member();
        if !slot.kinds().1 {
            return format!("{member:?}'s true-up");
        }
        let same = |other: &&Slot| **other == slot;
        let number = self.bounds.runs[..=run].iter().filter(same).count();
        format!("{member:?}'s run {number}")
    }

    /// The world in which a history begins.
    #[must_use]
    pub fn beginning(&self, state: &State) -> String {
        let members = Member::ALL.map(|member| {
            let live = state.truth.in_phase(member, Phase::Live);
            format!("{member:?} has {}", people(live, &state.truth))
        });
        let admits = self.bounds.targets().map(|place| {
            let place_state = &state.places[place.index()];
            format!("{place:?}'s group admits {}", place_state.admitted())
        });
        let parts: Vec<_> = members.into_iter().chain(admits).collect();
        format!("{}.", parts.join("; "))
    }

    /// What happens in a step, in words.
    #[must_use]
    pub fn tell_step(&self, before: &State, action: Action, after: &State) -> String {
        let truth = &after.truth;
        match action {
            Action::Launch(i, at) => {
                format!("{i} of {:?} is launched with address {at}.", i.member())
            }
            Action::Terminate(i) => {
                format!(
                    "{i} is told to terminate; its hook waits, and it still has {}.",
                    truth.address(i)
                )
            }
            Action::Die(i) => format!("{i} is gone; its address {} is free.", truth.address(i)),
            Action::Crash(run) => format!("**{}** dies.", self.name(run)),
            Action::GiveUp(run, place) => format!("**{}** gives {place:?} up.", self.name(run)),
            Action::Start { run, hook, part, aged } => {
                let mut started = before.clone();
                self.start(&mut started, run, hook, aged);
                let why = hook.map_or(String::new(), |hook| format!(" (for {})", hook_words(hook)));
                let call = self.call_words(&started, run, part, after);
                format!("**{}**{why} starts: it {call}.", self.name(run))
            }
            Action::Call { run, part, .. } => {
                format!("**{}** {}.", self.name(run), self.call_words(before, run, part, after))
            }
        }
    }

    fn call_words(&self, before: &State, run: usize, part: Part, after: &State) -> String {
        let member = self.member(run);
        match part {
            Part::Own => own_words(before, run, member, after),
            Part::Answer => {
                let hook = before.runs[run].hook.map_or(String::new(), hook_words);
                let waits = before.runs[run].hook.is_some_and(|hook| Self::waits(before, hook));
                let result = if waits { "CONTINUE" } else { "and is told that nothing waits" };
                format!("answers {hook} {result}")
            }
            Part::In(place) => Self::region_words(before, run, place, member, after),
        }
    }

    fn region_words(
        before: &State,
        run: usize,
        place: Member,
        member: Member,
        after: &State,
    ) -> String {
        let region = &before.runs[run].regions[place.index()];
        let there = &before.places[place.index()];
        let told = there.rows[member.index()];
        match region.step {
            Step::Rules => format!("reads the rules of {place:?}: {}", there.admitted()),
            Step::Rows | Step::Reread => {
                let rows =
                    Member::ALL.map(|m| row_words(m, there.rows[m.index()].into(), &before.truth));
                format!("reads the mirror of {place:?}: {}", rows.join(", "))
            }
            Step::Versions => format!(
                "reads the versions in the mirror of {place:?}: {}",
                Member::ALL.map(|m| format!("{m:?} v{}", there.rows[m.index()].version)).join(", ")
            ),
            Step::Tell => {
                let now = after.places[place.index()].rows[member.index()];
                if now == told {
                    format!(
                        "puts its row into the mirror of {place:?}, and is refused: v{} is there",
                        told.version
                    )
                } else {
                    let row = row_words(member, now.into(), &before.truth);
                    format!("puts its row into the mirror of {place:?}: {row}")
                }
            }
            Step::Add => {
                let new = after.places[place.index()].admitted().without(there.admitted());
                if new.is_empty() {
                    format!("adds to {place:?} what is there already: Duplicate")
                } else {
                    format!("adds {} in {place:?}", list(new))
                }
            }
            Step::Revoke => {
                let gone = there.admitted().without(after.places[place.index()].admitted());
                if gone.is_empty() {
                    format!("revokes in {place:?} what is gone already: NotFound")
                } else {
                    format!("revokes {} in {place:?}", list(gone))
                }
            }
            Step::Off | Step::Ready | Step::Settled | Step::Done => "does nothing".to_owned(),
        }
    }

    /// What is wrong in the end.
    #[must_use]
    pub fn verdict(&self, state: &State) -> String {
        let mut found = Vec::new();
        for place in self.bounds.targets() {
            let admitted = state.places[place.index()].admitted();
            for at in all_addresses() {
                match (admitted.has(at), state.truth.live_holder(at)) {
                    (true, None) => {
                        found.push(format!("{place:?} still admits {at}, which nobody has."));
                    }
                    (false, Some(who)) => {
                        found.push(format!("{place:?} does not admit {at}, and {who} has it."));
                    }
                    _ => {}
                }
            }
        }
        found.join(" ")
    }
}

fn own_words(before: &State, run: usize, member: Member, after: &State) -> String {
    let stored = before.places[member.index()].rows[member.index()];
    let now: Row = after.places[member.index()].rows[member.index()];
    match before.runs[run].own {
        Own::Version => {
            format!("reads its own row: {}", row_words(member, stored.into(), &before.truth))
        }
        Own::List { .. } | Own::Show { .. } => {
            let live = before.truth.in_phase(member, Phase::Live);
            let leaving = before.truth.in_phase(member, Phase::Leaving);
            let leaving = if leaving.is_empty() {
                String::new()
            } else {
                format!(", {} leaving", people(leaving, &before.truth))
            };
            format!("observes its group: {}{leaving}", people(live, &before.truth))
        }
        Own::Put { .. } if now == stored => {
            format!("writes its row, and is refused: v{} is there", stored.version)
        }
        Own::Put { .. } => {
            format!("writes its row: {}", row_words(member, now.into(), &before.truth))
        }
        Own::Idle | Own::Waits | Own::Seen(_) | Own::Finished => "does nothing".to_owned(),
    }
}

fn hook_words(hook: Hook) -> String {
    format!("{}'s {} hook", hook.instance, if hook.launch { "launch" } else { "termination" })
}

fn row_words(member: Member, row: Brief, truth: &Truth) -> String {
    format!("{member:?} v{} {}", row.version, people(row.instances, truth))
}

/// Instances with their addresses.
fn people(instances: Set<Instance>, truth: &Truth) -> String {
    let each: Vec<_> = instances.iter().map(|i| format!("{i} at {}", truth.address(i))).collect();
    if each.is_empty() { "nobody".to_owned() } else { each.join(" and ") }
}

fn list(addresses: Set<Address>) -> String {
    addresses.iter().map(|at| at.to_string()).collect::<Vec<_>>().join(" and ")
}
