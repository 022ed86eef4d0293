//! Which addresses permissions open together: a block opens what its parts would.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use crate::cidr::Cidr;
use crate::permission::{Permission, Traffic};

/// What a set of permissions opens, for each traffic.
#[derive(Clone, Debug, Default)]
pub struct Open(BTreeMap<Traffic, BTreeSet<Cidr>>);

impl Open {
    /// What these permissions open.
    pub fn of<'p>(permissions: impl IntoIterator<Item = &'p Permission>) -> Self {
        let mut open = Self::default();
        open.extend(permissions);
        open
    }

    /// Adds what these permissions open.
    pub fn extend<'p>(&mut self, permissions: impl IntoIterator<Item = &'p Permission>) {
        for permission in permissions {
            self.0.entry(permission.traffic).or_default().insert(permission.cidr);
        }
    }

    /// Whether every address of the permission's block is open for its traffic.
    #[must_use]
    pub fn admits(&self, permission: Permission) -> bool {
        let Some(blocks) = self.0.get(&permission.traffic) else { return false };
        let mut around = successors(Some(permission.cidr), |cidr| cidr.wider());
        around.any(|cidr| blocks.contains(&cidr)) || holds_all_parts(blocks, permission.cidr)
    }

    /// The parts of the permission's block that are open for its traffic, as they are here.
    pub fn within(&self, permission: Permission) -> impl Iterator<Item = Permission> {
        let Permission { traffic, cidr } = permission;
        let blocks = self.0.get(&traffic).into_iter().flat_map(move |blocks| blocks.range(cidr..));
        // In order a block comes right before its parts.
        let parts = blocks.take_while(move |block| cidr.contains(**block));
        parts.map(move |cidr| Permission { traffic, cidr: *cidr })
    }
}

/// Whether some address, given as it is in an ordered set, is in a block.
pub(super) fn touches(addresses: &BTreeSet<Cidr>, block: Cidr) -> bool {
    addresses.range(block..).next().is_some_and(|address| block.contains(*address))
}

/// Whether blocks that are smaller than this one hold every address of it.
fn holds_all_parts(blocks: &BTreeSet<Cidr>, cidr: Cidr) -> bool {
    let halves = cidr.halves().filter(|_| touches(blocks, cidr));
    halves.is_some_and(|halves| {
        halves.into_iter().all(|half| blocks.contains(&half) || holds_all_parts(blocks, half))
    })
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
