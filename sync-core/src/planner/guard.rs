//! The ceiling on removals: a plan that would empty a group is more often wrong than right.

use super::{NotWanted, Policy, Removal};

/// Splits removals into those to carry out and those to hold. Held are all but the
/// exempt ones, when there are more than the guard allows both in number and in
/// percent of the `owned` rules.
pub(super) fn hold(
    removals: Vec<Removal>,
    owned: usize,
    policy: &Policy,
) -> (Vec<Removal>, Vec<Removal>) {
    let exempt = |removal: &Removal| removal.why == NotWanted::Departed;
    let counted = removals.iter().filter(|removal| !exempt(removal)).count();
    let too_many = counted > policy.guard.max_removals as usize
        && counted * 100 > policy.guard.max_removal_percent as usize * owned;
    if !too_many || policy.allow_removals {
        return (removals, Vec::new());
    }
    removals.into_iter().partition(exempt)
}
