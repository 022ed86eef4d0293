//! What a target should admit, from the rows of its region's mirror.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, Groups, Origin, Policy, deal};
use crate::ingress::Ingress;
use crate::mesh::{Base, Member, Mesh};
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

/// What one read showed of each of a member's targets, as far as it bears on what is to be
/// admitted there. Instances have all groups of a spread, so what one of those opens to
/// itself, each of them does. A prefix list that could not be read is not in the answer.
#[must_use]
pub fn bases(mesh: &Mesh, member: &Member, rules: &Groups) -> BTreeMap<SecurityGroupId, Base> {
    let of = |(id, ingress): (&SecurityGroupId, &Ingress)| {
        let base = match &ingress.list {
            None => Base::of_group(learned(mesh, id, ingress)),
            Some(list) => Base::of_list(*list.as_ref().ok()?),
        };
        Some((id.clone(), base))
    };
    let mut each: BTreeMap<_, _> = rules.iter().filter_map(of).collect();
    if member.spread {
        let groups = || each.values().filter(|base| base.list.is_none());
        let all: BTreeSet<Traffic> = groups().flat_map(|base| &base.learned).copied().collect();
        for base in each.values_mut().filter(|base| base.list.is_none()) {
            base.learned.clone_from(&all);
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
    let (groups, alone) = spread_of(member, bases(mesh, member, rules));
    let mut shares = BTreeMap::new();
    if let Some(all) = groups.into_values().next() {
        shares = deal(&desired(mesh, member, rows, &all), &groups_of(rules), &|_, _| false, policy);
    }
    shares.extend(alone.into_iter().map(|(id, base)| (id, desired(mesh, member, rows, &base))));
    shares
}

/// Targets that are dealt out to, and those that have all of their own.
type Apart = (BTreeMap<SecurityGroupId, Base>, BTreeMap<SecurityGroupId, Base>);

/// Tells the groups of a spread from other targets.
#[must_use]
pub fn spread_of(member: &Member, bases: BTreeMap<SecurityGroupId, Base>) -> Apart {
    bases.into_iter().partition(|(_, base)| member.spread && base.list.is_none())
}

/// Those of a member's targets that are groups.
#[must_use]
pub fn groups_of(rules: &Groups) -> Groups {
    let groups = rules.iter().filter(|(_, ingress)| ingress.list.is_none());
    groups.map(|(id, ingress)| (id.clone(), ingress.clone())).collect()
}

/// The union of all believed rows, as far as the document lets each member in. Where the
/// document counts on what the target's rules open to itself, and there is nothing, nobody
/// knows what is wanted of anyone (promise 2).
#[must_use]
pub fn desired(mesh: &Mesh, target: &Member, rows: &Rows, base: &Base) -> Desired {
    let mut desired = Desired {
        members: mesh.members.iter().map(|member| member.name.clone()).collect(),
        ..Desired::default()
    };
    let mut differ = false;
    for (place, member) in mesh.members.iter().enumerate() {
        let between = mesh.between(&member.name, &target.name, base);
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
    if mesh.learns(&target.name) && base.learned.is_empty() {
        desired.unknown.clone_from(&desired.members);
    }
    if differ {
        let known = mesh.row_keys().filter_map(|key| rows.row(&key));
        desired.contested =
            known.flat_map(|row| row.instances.values().flatten()).copied().collect();
    }
    desired
}
