//! Everything that can be read of a mesh, read once: what `explain`, `status` and others judge.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use sync_aws::Aws;
use sync_core::ingress::Ingress;
use sync_core::mesh::{Base, Member, Mesh, RowKey};
use sync_core::names::{InstanceId, MemberName, SecurityGroupId};
use sync_core::planner::{Desired, Groups as Targets, Plan, Policy, bases, plan, shares};
use sync_core::ports::{CallError, Called, Groups, InstanceView, MemberReaders};
use sync_core::row::Rows;

use crate::args::Common;
use crate::screen::during;

#[cfg(test)]
pub(crate) mod sample;

/// Every member's region, as it was seen.
pub(crate) type World = BTreeMap<MemberName, Seen>;

/// One member's region.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// What the targets hold.
    pub rules: Called<Targets>,
    /// The mirror's rows, read after the rules: whatever rule was seen, the row that wants it
    /// was too.
    pub rows: Called<Rows>,
    /// Who is in the Auto Scaling groups.
    pub groups: Called<Groups>,
    /// What EC2 shows of those instances, and of those that the member's rows remember.
    pub instances: Called<BTreeMap<InstanceId, InstanceView>>,
}

/// Reads every member's region, side by side. `asked` are instances to ask EC2 for besides.
pub(crate) async fn look(mesh: &Mesh, asked: &BTreeSet<InstanceId>, common: &Common) -> World {
    let aws = Aws::connect_as(mesh, common.profile.as_deref()).await;
    during("looking at every region", look_with(&aws, mesh, asked)).await
}

/// The same with clients that are there already.
pub(crate) async fn look_with(aws: &Aws, mesh: &Mesh, asked: &BTreeSet<InstanceId>) -> World {
    let readers = aws.readers();
    let members = mesh.members.iter().map(|member| {
        let readers = &readers[&member.name];
        async move { (member.name.clone(), look_at(mesh, member, readers, asked).await) }
    });
    join_all(members).await.into_iter().collect()
}

async fn look_at(
    mesh: &Mesh,
    member: &Member,
    readers: &MemberReaders,
    asked: &BTreeSet<InstanceId>,
) -> Seen {
    let names = member.auto_scaling_groups.iter().cloned().collect();
    let region = async {
        let rules = if member.has_targets() {
            readers.rules.rules(&member.targets()).await
        } else {
            Ok(Targets::new())
        };
        let keys: Vec<RowKey> = mesh.row_keys().collect();
        let rows = readers.mirror.rows(&keys).await.map(|items| Rows::read(&items, mesh));
        (rules, rows)
    };
    let ((rules, rows), groups) = futures::join!(region, readers.observer.groups(&names));
    let mut ids = asked.clone();
    ids.extend(groups.iter().flat_map(BTreeMap::values).flat_map(|group| group.keys().cloned()));
    for key in member.row_keys() {
        let row = rows.as_ref().ok().and_then(|rows| rows.row(&key));
        ids.extend(row.into_iter().flat_map(|row| row.instances.keys().cloned()));
    }
    let instances =
        if ids.is_empty() { Ok(BTreeMap::new()) } else { readers.observer.instances(&ids).await };
    Seen { rules, rows, groups, instances }
}

impl Seen {
    /// What could not be read.
    pub(crate) fn errors(&self) -> Vec<&CallError> {
        let errors = [
            self.rules.as_ref().err(),
            self.rows.as_ref().err(),
            self.groups.as_ref().err(),
            self.instances.as_ref().err(),
        ];
        let lists = self.rules.iter().flatten().filter_map(|(_, target)| target.list.as_ref());
        errors.into_iter().flatten().chain(lists.filter_map(|list| list.as_ref().err())).collect()
    }

    /// What one of this member's targets should admit, by the rows of its mirror; of a spread
    /// its share.
    pub(crate) fn desired(
        &self,
        mesh: &Mesh,
        member: &Member,
        group: &SecurityGroupId,
    ) -> Option<Desired> {
        let (rules, rows) = (self.rules.as_ref().ok()?, self.rows.as_ref().ok()?);
        shares(mesh, member, rows, rules, &policy(mesh)).remove(group)
    }

    /// What a look tells of what one of this member's targets should admit.
    pub(crate) fn base(&self, mesh: &Mesh, member: &Member, target: &SecurityGroupId) -> Base {
        let rules = self.rules.as_ref().ok();
        rules.and_then(|rules| bases(mesh, member, rules).remove(target)).unwrap_or_default()
    }
}

/// What the next run would plan for a target by these rows, before it looks at who is there.
pub(crate) fn next_plan(mesh: &Mesh, desired: &Desired, target: &Ingress) -> Plan {
    let policy = policy(mesh);
    match target.prefix_list() {
        Some(list) => plan(desired, target, &policy.of_list(list)),
        None => plan(desired, target, &policy),
    }
}

/// What a run keeps to that saw nobody leave.
pub(crate) fn policy(mesh: &Mesh) -> Policy {
    Policy {
        mesh: mesh.name.clone(),
        guard: mesh.guard,
        rules_per_group: mesh.limits.rules_per_group,
        compact: mesh.limits.compact,
        departed: BTreeSet::new(),
        allow_removals: false,
    }
}
