//! The rules that a read showed, each once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::names::{MeshName, RuleId};
use crate::permission::Rule;

/// A group's rules as one read showed them. A list that comes in pages can show a rule on
/// two of them, and differently where someone changed it meanwhile.
pub(super) struct Shown<'a> {
    /// Every rule, and whether it is the mesh's; one that was shown differently, in each way.
    pub(super) rules: Vec<(&'a Rule, bool)>,
    /// Those that were shown differently, in every way: which is true is unknown, so
    /// nothing of them may be revoked (promises 1 and 2).
    unclear: BTreeMap<&'a RuleId, Vec<&'a Rule>>,
}

impl<'a> Shown<'a> {
    /// One walk through the rules as they lie in memory: with many of them, going back and
    /// forth is what takes the time.
    pub(super) fn of(actual: &'a [Rule], mesh: &MeshName) -> Self {
        let mut shown = Self { rules: Vec::with_capacity(actual.len()), unclear: BTreeMap::new() };
        // Asked, never walked through: its order is not stable, and nothing depends on it.
        let mut first: HashMap<&RuleId, &Rule> = HashMap::with_capacity(actual.len());
        for rule in actual {
            match first.entry(&rule.id) {
                Entry::Vacant(place) => {
                    place.insert(rule);
                }
                Entry::Occupied(place) if *place.get() == rule => continue,
                Entry::Occupied(place) => {
                    let ways = shown.unclear.entry(&rule.id).or_insert_with(|| vec![place.get()]);
                    if ways.contains(&rule) {
                        continue;
                    }
                    ways.push(rule);
                }
            }
            shown.rules.push((rule, rule.is_owned_by(mesh)));
        }
        shown
    }

    /// How many rules are the mesh's.
    pub(super) fn owned(&self) -> usize {
        let owned = self.rules.iter().filter(|(_, owned)| *owned).map(|(rule, _)| *rule);
        let (clear, unclear): (Vec<_>, Vec<_>) = owned.partition(|rule| self.is_clear(rule));
        let unclear: BTreeSet<_> = unclear.into_iter().map(|rule| &rule.id).collect();
        clear.len() + unclear.len()
    }

    /// Whether a rule was shown in one way only.
    pub(super) fn is_clear(&self, rule: &Rule) -> bool {
        !self.unclear.contains_key(&rule.id)
    }
}
