//! Who an address or an instance is, and why the mesh does not want it, or not yet.

use std::collections::BTreeSet;

use sync_core::cidr::{AddressKind, Cidr};
use sync_core::mesh::{Member, Mesh, RowKey};
use sync_core::names::{AsgName, InstanceId};
use sync_core::observe::Belongs;
use sync_core::permission::Rule;
use sync_core::ports::{InstanceView, LifecycleState};
use sync_core::row::{MemberRow, Stored};

use super::judge::written_for;
use super::{Asked, Instance};
use crate::world::{Seen, World};

/// Every address that the mesh could admit of an instance: what EC2 shows, what any row
/// has, what any rule was written for.
pub(super) fn addresses(mesh: &Mesh, world: &World, id: &InstanceId) -> BTreeSet<Cidr> {
    let mut found = BTreeSet::new();
    for seen in world.values() {
        let shown = seen.instances.as_ref().ok().and_then(|shown| shown.get(id));
        found.extend(shown.into_iter().flat_map(|view| view.addresses(&mesh.kinds)));
        for row in rows(seen) {
            found.extend(row.instances.get(id).into_iter().flatten());
        }
        let rules = seen.rules.iter().flat_map(|groups| groups.values().flatten());
        let ours = rules.filter(|rule| rule.is_owned_by(&mesh.name));
        let of = ours.filter(|rule| written_for(rule).as_ref() == Some(id));
        found.extend(of.filter_map(Rule::permission).map(|permission| permission.cidr));
    }
    found
}

fn rows(seen: &Seen) -> impl Iterator<Item = &MemberRow> {
    seen.rows.iter().flat_map(|rows| rows.stored.values().filter_map(Stored::row))
}

/// Every instance that has one of the addresses or ids, in the regions where it lives.
pub(super) fn instances(
    mesh: &Mesh,
    world: &World,
    addresses: &BTreeSet<Cidr>,
    ids: &BTreeSet<InstanceId>,
) -> Vec<Instance> {
    let mut found = Vec::new();
    for member in &mesh.members {
        let Some(seen) = world.get(&member.name) else { continue };
        let mut here = BTreeSet::new();
        for (id, view) in seen.instances.iter().flatten() {
            if ids.contains(id) || every_address(view).iter().any(|a| addresses.contains(a)) {
                here.insert(id.clone());
            }
        }
        for row in rows(seen).filter(|row| row.member == member.name) {
            let has = |held: &BTreeSet<Cidr>| !held.is_disjoint(addresses);
            let ids = row.instances.iter().filter(|(id, held)| ids.contains(*id) || has(held));
            here.extend(ids.map(|(id, _)| id.clone()));
        }
        let groups = seen.groups.iter().flat_map(|groups| groups.values());
        here.extend(groups.flat_map(|group| group.keys()).filter(|id| ids.contains(*id)).cloned());
        found.extend(here.into_iter().map(|id| instance(mesh, member, seen, id)));
    }
    found
}

fn every_address(view: &InstanceView) -> BTreeSet<Cidr> {
    let all = [&view.public_ipv4, &view.private_ipv4, &view.ipv6];
    all.into_iter().flatten().map(|ip| Cidr::host(*ip)).collect()
}

fn listed<'a>(seen: &'a Seen, id: &InstanceId) -> Option<(&'a AsgName, &'a LifecycleState)> {
    let groups = seen.groups.as_ref().ok()?;
    groups.iter().find_map(|(asg, group)| group.get(id).map(|state| (asg, state)))
}

fn instance(mesh: &Mesh, member: &Member, seen: &Seen, id: InstanceId) -> Instance {
    let view = seen.instances.as_ref().ok().and_then(|shown| shown.get(&id));
    let listed = listed(seen, &id);
    let row = rows(seen).find(|row| row.member == member.name && row.instances.contains_key(&id));
    let remembered = row.and_then(|row| row.instances.get(&id)).cloned().unwrap_or_default();
    Instance {
        asg: listed.map(|(asg, _)| asg.clone()).or_else(|| row.map(|row| row.asg.clone())),
        lifecycle: listed.map(|(_, state)| state.as_str().to_owned()),
        state: view.map(|view| view.state.clone()),
        addresses: view.map_or(remembered, |view| view.addresses(&mesh.kinds)),
        member: member.name.clone(),
        instance: id,
    }
}

/// Every reason why the mesh does not want what was asked about, or cannot know it.
pub(super) fn why_not(
    mesh: &Mesh,
    world: &World,
    addresses: &BTreeSet<Cidr>,
    instances: &[Instance],
    asked: &Asked,
) -> Vec<String> {
    let mut reasons = Vec::new();
    for found in instances {
        let (Some(member), Some(seen)) = (mesh.member(&found.member), world.get(&found.member))
        else {
            continue;
        };
        reasons.extend(of_instance(mesh, member, seen, found, addresses));
    }
    if instances.is_empty() && world.values().all(|seen| seen.errors().is_empty()) {
        reasons.push(match asked {
            Asked::Instance(id) => format!(
                "no region of the mesh shows {id}, and no row has it: it was terminated some time \
                 ago, or is in another region or account"
            ),
            Asked::Address(_) | Asked::Rule(_) => {
                "no instance of the mesh's Auto Scaling groups has this address, and no row has it"
                    .to_owned()
            }
        });
    }
    reasons.extend(unknown_rows(mesh, world));
    reasons
}

/// Why an instance is not in its member's row, or should not be.
fn of_instance(
    mesh: &Mesh,
    member: &Member,
    seen: &Seen,
    found: &Instance,
    asked: &BTreeSet<Cidr>,
) -> Option<String> {
    let id = &found.instance;
    let view = seen.instances.as_ref().ok().and_then(|shown| shown.get(id));
    if let Some(view) = view
        && view.is_dead()
    {
        return Some(format!(
            "EC2 says that {id} is {}: its address is not its own any more",
            view.state
        ));
    }
    let Some((asg, state)) = listed(seen, id) else {
        return Some(unlisted(member, id, view));
    };
    match state.belongs() {
        Belongs::No => {
            return Some(format!(
                "Auto Scaling says that {id} is {state:?}: not in the cluster, or not any more"
            ));
        }
        Belongs::Unheard => {
            return Some(format!(
                "Auto Scaling says that {id} is {state:?}, which this release has not heard of: its \
                 row stays as it is"
            ));
        }
        Belongs::Yes => {}
    }
    if found.addresses.is_empty() {
        return Some(format!(
            "EC2 shows no address of {id} that the mesh admits ({})",
            kinds(mesh)
        ));
    }
    if !asked.is_empty() && found.addresses.is_disjoint(asked) {
        return Some(format!("{id} has the address, but the mesh admits only its {}", kinds(mesh)));
    }
    let key = RowKey { member: member.name.clone(), asg: asg.clone() };
    let rows = seen.rows.as_ref().ok()?;
    let row = rows.row(&key)?;
    (!row.instances.contains_key(id)).then(|| {
        format!(
            "the row {}/{asg} (version {}, observed {}) does not have {id} yet: the next run \
             writes it, or `sgsync apply` does now",
            member.name, row.version, row.observed_at
        )
    })
}

fn unlisted(member: &Member, id: &InstanceId, view: Option<&InstanceView>) -> String {
    match view.and_then(|view| view.asg.as_ref()) {
        _ if view.is_none() => {
            format!(
                "{id} is in the row of {} and EC2 does not show it: the next run drops it",
                member.name
            )
        }
        Some(asg) if member.auto_scaling_groups.contains(asg) => format!(
            "{id} has the tag of {asg}, and Auto Scaling does not list it there: it is on its way in \
             or out"
        ),
        Some(asg) => {
            format!("{id} is in the Auto Scaling group {asg}, which the document does not name")
        }
        None => format!("{id} is in no Auto Scaling group: detached, or launched by hand"),
    }
}

fn kinds(mesh: &Mesh) -> String {
    let all = AddressKind::ALL.iter().filter(|(_, kind)| mesh.kinds.contains(kind));
    all.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Rows that are not there, not believed, or of another document: what they want is not known.
fn unknown_rows(mesh: &Mesh, world: &World) -> Vec<String> {
    let mut reasons = Vec::new();
    for (name, seen) in world {
        for (key, stored) in seen.rows.iter().flat_map(|rows| &rows.stored) {
            let row = format!("the row {}/{} in {name}'s table", key.member, key.asg);
            match stored {
                Stored::Missing => reasons.push(format!(
                    "{row} is missing, so what it wants is not known there; {}'s next run, or \
                     `sgsync apply`, writes it",
                    key.member
                )),
                Stored::Rejected { why, .. } => {
                    reasons.push(format!("{row} is not believed, and opens nothing: {why}"));
                }
                Stored::Row(row_there) if row_there.document != mesh.hash => reasons.push(format!(
                    "{row} was written under another mesh document ({}, here {}): nothing of {} is \
                     revoked there",
                    row_there.document, mesh.hash, key.member
                )),
                Stored::Row(_) => {}
            }
        }
    }
    reasons
}
