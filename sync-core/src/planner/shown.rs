//! The rules that a read showed, each once.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{MeshName, RuleId};
use crate::permission::Rule;

/// A group's rules as one read showed them. A list that comes in pages can show a rule on
/// two of them, and differently where someone changed it meanwhile.
pub(super) struct Shown<'a> {
    /// Every rule; one that was shown differently, in each way.
    pub(super) rules: Vec<&'a Rule>,
    /// Those that were shown differently: which way is true is unknown, so nothing of
    /// them may be revoked (promises 1 and 2).
    unclear: BTreeSet<&'a RuleId>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(actual: &'a [Rule]) -> Self {
        let mut shown = Self { rules: Vec::new(), unclear: BTreeSet::new() };
        let mut ways: BTreeMap<&RuleId, Vec<&Rule>> = BTreeMap::new();
        for rule in actual {
            let ways = ways.entry(&rule.id).or_default();
            if ways.contains(&rule) {
                continue;
            }
            if !ways.is_empty() {
                shown.unclear.insert(&rule.id);
            }
            ways.push(rule);
            shown.rules.push(rule);
        }
        shown
    }

    /// How many rules are the mesh's.
    pub(super) fn owned_by(&self, mesh: &MeshName) -> usize {
        let owned = self.rules.iter().filter(|rule| rule.is_owned_by(mesh));
        owned.map(|rule| &rule.id).collect::<BTreeSet<_>>().len()
    }

    /// Whether a rule was shown in one way only.
    pub(super) fn is_clear(&self, rule: &Rule) -> bool {
        !self.unclear.contains(&rule.id)
    }
}
