//! The arrows between members.

use super::Key;
use super::places::Place;
use crate::snapshot::Snapshot;

/// An arrow from one box to another, or between them in both directions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrow {
    from: (f64, f64),
    /// What a bent one leans towards.
    bend: (f64, f64),
    to: (f64, f64),
    /// Whether the other direction is the same.
    pub(super) both: bool,
    /// What the key has as its traffic.
    pub(super) letter: String,
}

/// How far two arrows between the same boxes lean away from each other.
const LEAN: f64 = 46.0;
/// Where on its way an arrow has its letter: not in the middle, where those of many members cross.
const LABEL: f64 = 0.42;

/// Every arrow, in the members' order.
pub(crate) fn arrows(snapshot: &Snapshot, key: &Key, places: &[Place]) -> Vec<Arrow> {
    let members: Vec<_> = snapshot.members.iter().zip(places).collect();
    let mut arrows = Vec::new();
    for (index, (one, here)) in members.iter().enumerate() {
        for (other, there) in &members[index + 1..] {
            let letter = |from, to| key.letter(snapshot, from, to);
            match (letter(&one.name, &other.name), letter(&other.name, &one.name)) {
                (Some(out), Some(back)) if out == back => {
                    arrows.push(Arrow::new(here, there, 0.0, true, out));
                }
                (Some(out), Some(back)) => {
                    arrows.push(Arrow::new(here, there, LEAN, false, out));
                    arrows.push(Arrow::new(there, here, LEAN, false, back));
                }
                (Some(out), None) => arrows.push(Arrow::new(here, there, 0.0, false, out)),
                (None, Some(back)) => arrows.push(Arrow::new(there, here, 0.0, false, back)),
                (None, None) => {}
            }
        }
    }
    arrows
}

impl Arrow {
    fn new(from: &Place, to: &Place, lean: f64, both: bool, letter: String) -> Self {
        let middle = (f64::midpoint(from.x, to.x), f64::midpoint(from.y, to.y));
        let way = (to.x - from.x, to.y - from.y);
        let length = way.0.hypot(way.1).max(1.0);
        let bend =
            ((-way.1 / length).mul_add(lean, middle.0), (way.0 / length).mul_add(lean, middle.1));
        Self { from: from.edge(bend), bend, to: to.edge(bend), both, letter }
    }

    /// As SVG draws it.
    pub(super) fn path(&self) -> String {
        let [from, bend, to] = [self.from, self.bend, self.to];
        format!("M{:.0} {:.0}Q{:.0} {:.0} {:.0} {:.0}", from.0, from.1, bend.0, bend.1, to.0, to.1)
    }

    /// The point on the curve that has the letter.
    pub(super) fn label_at(&self) -> (f64, f64) {
        let rest = 1.0 - LABEL;
        let on = |from: f64, bend: f64, to: f64| {
            rest * rest * from + 2.0 * rest * LABEL * bend + LABEL * LABEL * to
        };
        (on(self.from.0, self.bend.0, self.to.0), on(self.from.1, self.bend.1, self.to.1))
    }
}
