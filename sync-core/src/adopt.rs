//! Taking over rules of others that the mesh wants anyway: a migration that opens and
//! closes nothing.
//!
//! A rule becomes the mesh's by its tag (promise 1), so adopting one is tagging it. What
//! is adopted is revoked when nobody wants it any more, which is why a person asks for it
//! and no function can.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::mesh::{Member, Mesh};
use crate::names::{MemberName, RuleId};
use crate::permission::{MEMBER_TAG, MESH_TAG, Rule, Traffic};
use crate::planner::Desired;
use crate::ports::{Called, Receipt};

#[cfg(test)]
mod tests;

/// Takes rules over by tagging them, and lets go of them. Apart from [`crate::ports::RuleWriter`], because no
/// function has this: an operator does.
#[async_trait]
pub trait RuleTagger: Send + Sync {
    /// Puts tags on rules, in one call. A tag that is there already gets the new value.
    async fn tag(&self, rules: &[RuleId], tags: &BTreeMap<String, String>) -> Called<Receipt>;

    /// Takes tags off rules, in one call; only those that have these values.
    async fn untag(&self, rules: &[RuleId], tags: &BTreeMap<String, String>) -> Called<Receipt>;
}

/// What is to become of one foreign rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It grants exactly what the mesh wants for this member: taken over, and kept.
    Adopt(MemberName),
    /// A person named it. Nobody wants it: taken over, and the next apply revokes it.
    AdoptToRevoke,
    /// Nobody wants it, but it opens what the mesh manages. Left alone unless it is named.
    Unwanted,
    /// It is on ports that the mesh does not manage, or another mesh's. Left alone.
    Other,
}

/// A foreign rule, and what is to become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The rule.
    pub rule: Rule,
    /// What is to become of it.
    pub decision: Decision,
}

impl Candidate {
    /// The tags that make the rule the mesh's; none if it is left alone.
    ///
    /// A rule that nobody wants gets no member's tag: it is then revoked only when every
    /// member is known, like any owned rule that does not say whose it is.
    #[must_use]
    pub fn tags(&self, mesh: &Mesh) -> Option<BTreeMap<String, String>> {
        let mut tags = BTreeMap::from([(MESH_TAG.to_owned(), mesh.name.to_string())]);
        match &self.decision {
            Decision::Adopt(member) => {
                tags.insert(MEMBER_TAG.to_owned(), member.to_string());
                Some(tags)
            }
            Decision::AdoptToRevoke => Some(tags),
            Decision::Unwanted | Decision::Other => None,
        }
    }
}

/// Judges every foreign rule of one target, in the order of their ids. `learned` is what
/// the target was seen to open to itself, `named` are the
/// rules that a person wants taken over although nobody wants them.
#[must_use]
pub fn judge(
    mesh: &Mesh,
    (target, learned): (&Member, &BTreeSet<Traffic>),
    actual: &[Rule],
    desired: &Desired,
    named: &BTreeSet<RuleId>,
) -> Vec<Candidate> {
    let managed = mesh.members.iter();
    let managed = managed.flat_map(|from| mesh.traffic(&from.name, &target.name, learned));
    let managed: BTreeSet<Traffic> = managed.collect();
    let mut candidates: Vec<Candidate> = actual
        .iter()
        .filter(|rule| !rule.is_owned_by(&mesh.name))
        .map(|rule| Candidate {
            rule: rule.clone(),
            decision: decide(&managed, rule, desired, named),
        })
        .collect();
    candidates.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
    candidates
}

fn decide(
    managed: &BTreeSet<Traffic>,
    rule: &Rule,
    desired: &Desired,
    named: &BTreeSet<RuleId>,
) -> Decision {
    if rule.tags.contains_key(MESH_TAG) {
        return Decision::Other;
    }
    if let Some(origin) = rule.permission().and_then(|wanted| desired.wanted.get(&wanted)) {
        return Decision::Adopt(origin.member.clone());
    }
    let managed = managed.iter().any(|traffic| traffic.overlaps(rule.traffic));
    match (managed, named.contains(&rule.id)) {
        (true, true) => Decision::AdoptToRevoke,
        (true, false) => Decision::Unwanted,
        (false, _) => Decision::Other,
    }
}
