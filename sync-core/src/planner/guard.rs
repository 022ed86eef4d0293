//! The ceiling on removals: a plan that would empty a group is more often wrong than right.

use super::{NotWanted, Policy, Removal};

/// Splits removals into those to carry out and those to hold until a person allows them.
///
/// Rules of a member that the document does not name are held whatever their number: a
/// region that has just joined looks the same from where the new document has not been
/// deployed yet. Of the others, all but the exempt ones are held when there are more
/// than the guard allows both in number and in percent of the `owned` rules.
pub(super) fn hold(
    removals: Vec<Removal>,
    owned: usize,
    policy: &Policy,
) -> (Vec<Removal>, Vec<Removal>) {
    if policy.allow_removals {
        return (removals, Vec::new());
    }
    let exempt = |removal: &Removal| removal.why.is_certain();
    let unnamed = |removal: &Removal| removal.why == NotWanted::MemberRemoved;
    let counted = removals.iter().filter(|removal| !exempt(removal) && !unnamed(removal)).count();
    let too_many = counted > policy.guard.max_removals as usize
        && counted * 100 > policy.guard.max_removal_percent as usize * owned;
    removals.into_iter().partition(|r| exempt(r) || (!too_many && !unnamed(r)))
}
