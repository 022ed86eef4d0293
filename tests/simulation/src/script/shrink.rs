//! Makes a failing script small: leaves out whatever the failure does not need.

use super::{Action, Played, Script, Who, play};

/// How many shorter scripts are tried.
const TRIES: usize = 600;

/// The smallest script that was found to break one of the same promises. `played` is
/// what came of the script itself.
#[must_use]
pub fn shrink(script: &Script, played: &Played) -> Script {
    let broken = promises(&played.violations);
    let same = |played: &Played| {
        promises(&played.violations).iter().any(|promise| broken.contains(promise))
    };
    shrink_while(script, played, &same)
}

/// The smallest script that was found of which the same is true.
#[must_use]
pub fn shrink_while(script: &Script, played: &Played, same: &dyn Fn(&Played) -> bool) -> Script {
    let mut small = Shrinking { script: pin_down(script, played), same, tries: TRIES };
    if !small.fails(&small.script.clone()) {
        return script.clone();
    }
    loop {
        let before = small.script.clone();
        small.leave_out(
            |s| s.steps.len(),
            |s, from, to| {
                s.steps.drain(from..to);
            },
        );
        small.leave_out(
            |s| s.mishaps.calls.len(),
            |s, from, to| {
                drop_range(&mut s.mishaps.calls, from, to);
            },
        );
        small.leave_out(
            |s| s.mishaps.events.len(),
            |s, from, to| {
                drop_range(&mut s.mishaps.events, from, to);
            },
        );
        small.leave_out(
            |s| s.mishaps.kills.len(),
            |s, from, to| {
                drop_range(&mut s.mishaps.kills, from, to);
            },
        );
        if small.script == before || small.tries == 0 {
            return small.script;
        }
    }
}

/// The script with what chance decided written into it.
fn pin_down(script: &Script, played: &Played) -> Script {
    let mut pinned = script.clone();
    pinned.rates = crate::world::Rates::default();
    pinned.mishaps = played.happened.clone();
    for step in &mut pinned.steps {
        if let (Action::Do(_, who), Some(id)) = (&mut step.action, played.picked.get(&step.id)) {
            *who = Who::Named(id.clone());
        }
    }
    pinned
}

struct Shrinking<'a> {
    script: Script,
    same: &'a dyn Fn(&Played) -> bool,
    tries: usize,
}

impl Shrinking<'_> {
    /// Leaves out ever smaller pieces of one list, as long as it still fails.
    fn leave_out(
        &mut self,
        len: impl Fn(&Script) -> usize,
        drop: impl Fn(&mut Script, usize, usize),
    ) {
        let mut piece = len(&self.script).div_ceil(2);
        while piece > 0 {
            let mut from = 0;
            while from < len(&self.script) && self.tries > 0 {
                let mut shorter = self.script.clone();
                drop(&mut shorter, from, (from + piece).min(len(&self.script)));
                if self.fails(&shorter) {
                    self.script = shorter;
                } else {
                    from += piece;
                }
            }
            piece /= 2;
        }
    }

    fn fails(&mut self, script: &Script) -> bool {
        self.tries = self.tries.saturating_sub(1);
        (self.same)(&play(script))
    }
}

/// Which promises were broken, without the particulars.
fn promises(violations: &[String]) -> Vec<String> {
    let of = |text: &String| text.split(':').next().unwrap_or_default().to_owned();
    violations.iter().map(of).collect()
}

fn drop_range<K: Ord + Clone, V>(
    map: &mut std::collections::BTreeMap<K, V>,
    from: usize,
    to: usize,
) {
    let keys: Vec<K> = map.keys().skip(from).take(to - from).cloned().collect();
    map.retain(|key, _| !keys.contains(key));
}
