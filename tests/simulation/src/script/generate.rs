//! Scripts by chance.

use fastrand::Rng;
use sync_core::ports::Failure;

use super::{Action, Deed, Script, Shape, Step, Who};
use crate::world::{Fault, Mishaps, Rates, Scope, chance};

impl Script {
    /// The script of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = chance::rng(seed, "script");
        let shape = richer(shape(&mut rng), &mut chance::rng(seed, "mesh"));
        let rates = rates(&mut rng);
        let (mut steps, mut at) = (Vec::new(), 0);
        for id in 1..=rng.u64(10..26) {
            // Bursts, and now and then a pause in which things end.
            at += match rng.u8(0..10) {
                0..=5 => rng.u64(0..900),
                6..=8 => rng.u64(500..6000),
                _ => rng.u64(5000..60_000),
            };
            let place = rng.usize(..shape.regions().len());
            let groups = shape.groups(place);
            let asg = groups[rng.usize(..groups.len())].as_str().into();
            let member = shape.regions()[place].into();
            let action = match action(&mut rng) {
                Action::PersonAdds(pick) if shape.base == 1 => Action::EditsBase(pick),
                action => action,
            };
            steps.push(Step { id, at, member, asg, action });
        }
        Self { seed, shape, rates, steps, mishaps: Mishaps::default() }
    }
}

fn one_in(rng: &mut Rng, n: u64) -> u64 {
    u64::from(rng.u64(0..n) == 0)
}

fn shape(rng: &mut Rng) -> Shape {
    let members = [2, 2, 2, 2, 2, 2, 3, 3, 3, 4][rng.usize(..10)];
    let limit = if rng.u8(0..5) == 0 { 6 + members } else { 0 };
    let each = rng.u64(1..=2);
    Shape {
        members,
        double: one_in(rng, 4),
        allow: [0, 0, 0, 0, 1, 2][rng.usize(..6)],
        base: 0,
        kinds: [0, 0, 0, 0, 0, 1, 2][rng.usize(..7)],
        limit,
        compact: 0,
        spread: 0,
        lists: 0,
        guard: one_in(rng, 10),
        lenient: one_in(rng, 8),
        each,
        pool: members * each + rng.u64(3..8),
        window: [0, 0, 300, 2000][rng.usize(..4)],
        deaf: one_in(rng, 2),
    }
}

/// Some meshes have more than the plain ones.
fn richer(mut shape: Shape, rng: &mut Rng) -> Shape {
    match rng.u8(0..16) {
        kinds @ (3 | 4) => (shape.kinds, shape.limit) = (kinds.into(), 0),
        // So small that blocks are needed where addresses happen to be neighbours.
        5 => (shape.compact, shape.allow, shape.limit) = (1, 0, 6 + shape.members),
        6 | 7 => shape.compact = 2,
        8 => (shape.members, shape.each, shape.pool, shape.limit) = (8, 1, 13, 0),
        9 => (shape.base, shape.limit) = (1, 0),
        10 | 11 => {
            (shape.double, shape.spread) = (0, rng.u64(2..=3));
            if rng.bool() {
                shape.limit = 6 + shape.members;
            }
            shape.base = one_in(rng, 8);
            shape.compact = [0, 0, 0, 1, 2][rng.usize(..5)];
        }
        12 | 13 => {
            shape.lists = rng.u64(1..=2);
            if shape.lists == 1 && rng.u8(0..4) == 0 {
                (shape.double, shape.spread) = (0, 2);
            }
            shape.base = one_in(rng, 6);
        }
        _ => {}
    }
    shape
}

fn rates(rng: &mut Rng) -> Rates {
    let (calls, events, kills) = [
        (0, 0, 0),
        (0, 200, 50),
        (15, 100, 30),
        (40, 200, 50),
        (40, 200, 50),
        (100, 300, 100),
        (200, 300, 100),
    ][rng.usize(..7)];
    Rates { calls, events, kills }
}

fn action(rng: &mut Rng) -> Action {
    let pick = rng.usize(..1000);
    match rng.u8(0..100) {
        0..=19 => Action::Launch(rng.usize(1..=2)),
        20..=24 => Action::Attach,
        25..=28 => Action::IntoPool,
        29..=69 => Action::Do(deed(rng), Who::Pick(pick)),
        70 | 71 => Action::StrangerComes,
        72 => Action::StrangerGoes,
        73..=75 => Action::PersonAdds(pick),
        76 => Action::PersonRemoves(pick),
        77..=79 => Action::Drift(pick),
        80 => Action::LoseTable,
        81 => Action::FillsUp(pick),
        82..=85 => fails(rng),
        86..=94 => Action::TrueUp,
        95..=97 => Action::TrueUps,
        _ => Action::Operator,
    }
}

fn deed(rng: &mut Rng) -> Deed {
    match rng.u8(0..30) {
        0..=8 => Deed::Terminate,
        9 | 10 => Deed::Detach,
        11 | 12 => Deed::EnterStandby,
        13..=15 => Deed::ExitStandby,
        16 | 17 => Deed::Refresh,
        18 | 19 => Deed::ReplaceRoot,
        20 | 21 => Deed::FromPool,
        22 => Deed::ToPool,
        23 => Deed::Stop,
        24 | 25 => Deed::Start,
        26 | 27 => Deed::Readdress,
        _ => Deed::EndInEc2,
    }
}

fn fails(rng: &mut Rng) -> Action {
    let scope = [Scope::Far, Scope::Far, Scope::Mirror, Scope::Rules, Scope::All][rng.usize(..5)];
    let fault = [
        Fault::Hang,
        Fault::Before(Failure::Unavailable),
        Fault::Before(Failure::Throttled),
        Fault::Before(Failure::NoAnswer),
        Fault::HangAfter,
    ][rng.usize(..5)];
    Action::Fails(scope, fault, rng.u64(2000..40_000))
}
