//! What a target should admit, from the rows of its region's mirror.

use super::{Desired, Origin};
use crate::mesh::{Member, Mesh};
use crate::row::Rows;

/// The union of all believed rows, as far as the document lets each member in.
#[must_use]
pub fn desired(mesh: &Mesh, target: &Member, rows: &Rows) -> Desired {
    let mut desired = Desired {
        members: mesh.members.iter().map(|member| member.name.clone()).collect(),
        ..Desired::default()
    };
    let mut differ = false;
    for (place, member) in mesh.members.iter().enumerate() {
        let between = mesh.between(&member.name, &target.name);
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
    if differ {
        let known = mesh.row_keys().filter_map(|key| rows.row(&key));
        desired.contested =
            known.flat_map(|row| row.instances.values().flatten()).copied().collect();
    }
    desired
}
