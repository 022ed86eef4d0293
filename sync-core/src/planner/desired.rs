//! What a target should admit, from the rows of its region's mirror.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Groups, Origin, Policy, deal};
use crate::mesh::{Member, Mesh};
use crate::names::SecurityGroupId;
use crate::permission::{Rule, Source, Traffic};
use crate::row::Rows;

/// The traffic that a group's rules open to the group itself, as one read showed them. Not
/// the mesh's own: it writes no such rules, and revokes what carries its tag.
#[must_use]
pub fn learned(mesh: &Mesh, group: &SecurityGroupId, rules: &[Rule]) -> BTreeSet<Traffic> {
    let itself = |rule: &&Rule| matches!(&rule.source, Source::Group(id) if id == group.as_str());
    let theirs = rules.iter().filter(itself).filter(|rule| !rule.is_owned_by(&mesh.name));
    theirs.map(|rule| rule.traffic).collect()
}

/// What each of a member's groups opens to itself, as one read showed them. Instances have
/// all groups of a spread, so what one of those opens, each of them does.
#[must_use]
pub fn learned_in(
    mesh: &Mesh,
    member: &Member,
    rules: &Groups,
) -> BTreeMap<SecurityGroupId, BTreeSet<Traffic>> {
    let of = |(id, rules): (&SecurityGroupId, &Vec<_>)| (id.clone(), learned(mesh, id, rules));
    let mut each: BTreeMap<_, _> = rules.iter().map(of).collect();
    if member.spread {
        let all: BTreeSet<Traffic> = each.values().flatten().copied().collect();
        for learned in each.values_mut() {
            learned.clone_from(&all);
        }
    }
    each
}

/// What each of a member's targets should admit by these rows, as a run would deal it out that
/// was shown these rules.
#[must_use]
pub fn shares(
    mesh: &Mesh,
    member: &Member,
    rows: &Rows,
    rules: &Groups,
    policy: &Policy,
) -> BTreeMap<SecurityGroupId, Desired> {
    let learned = learned_in(mesh, member, rules);
    if member.spread {
        let all = learned.into_values().next().unwrap_or_default();
        return deal(&desired(mesh, member, rows, &all), rules, &|_, _| false, policy);
    }
    learned.into_iter().map(|(id, it)| (id, desired(mesh, member, rows, &it))).collect()
}

/// The union of all believed rows, as far as the document lets each member in. `learned` is
/// what the target's rules open to itself; where the document counts on it and there is
/// none, nobody knows what is wanted of anyone (promise 2).
#[must_use]
pub fn desired(mesh: &Mesh, target: &Member, rows: &Rows, learned: &BTreeSet<Traffic>) -> Desired {
    let mut desired = Desired {
        members: mesh.members.iter().map(|member| member.name.clone()).collect(),
        ..Desired::default()
    };
    let mut differ = false;
    for (place, member) in mesh.members.iter().enumerate() {
        let between = mesh.between(&member.name, &target.name, learned);
        for key in member.row_keys() {
            let Some(row) = rows.row(&key) else {
                desired.unknown.insert(member.name.clone());
                continue;
            };
            // It may be of groups and open ports that this document does not know of:
            // regions get a new document at different times.
            if row.document != mesh.hash {
                desired.unknown.insert(member.name.clone());
                differ = true;
            }
            for (instance, cidrs) in &row.instances {
                let origin = Origin {
                    place,
                    member: member.name.clone(),
                    asg: key.asg.clone(),
                    instance: instance.clone(),
                };
                for permission in cidrs.iter().flat_map(|cidr| between.permissions(*cidr)) {
                    desired.wanted.entry(permission).or_insert_with(|| origin.clone());
                }
            }
        }
    }
    if mesh.learns(&target.name) && learned.is_empty() {
        desired.unknown.clone_from(&desired.members);
    }
    if differ {
        let known = mesh.row_keys().filter_map(|key| rows.row(&key));
        desired.contested =
            known.flat_map(|row| row.instances.values().flatten()).copied().collect();
    }
    desired
}
