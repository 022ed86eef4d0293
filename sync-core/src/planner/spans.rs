//! Addresses as spans of numbers, for the check: what it says about blocks must not follow
//! from how the planner reckons with them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Desired;
use crate::cidr::Cidr;
use crate::permission::{Permission, Traffic};

/// The addresses that permissions open: first and last of each span, for each traffic and
/// address family, in order, with gaps between them.
#[derive(Debug, Default)]
pub(super) struct Spans(BTreeMap<(Traffic, bool), Vec<(u128, u128)>>);

impl Spans {
    pub(super) fn of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        let mut spans: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for permission in permissions {
            spans.entry(key(permission)).or_default().push(span(permission.cidr));
        }
        for spans in spans.values_mut() {
            *spans = joined(std::mem::take(spans));
        }
        Self(spans)
    }

    /// What is wanted, as far as a row could have said it: hosts and delegated prefixes.
    pub(super) fn wanted(desired: &Desired) -> Self {
        let one = |p: &&Permission| p.cidr.is_host_route() || p.cidr.is_delegated();
        Self::of(desired.wanted.keys().filter(one).copied())
    }

    /// Whether every address of a permission is in them.
    pub(super) fn hold(&self, permission: Permission) -> bool {
        let (first, last) = span(permission.cidr);
        self.around(permission, first).is_some_and(|span| span.0 <= first && last <= span.1)
    }

    /// Whether some address of a permission is in them.
    pub(super) fn meet(&self, permission: Permission) -> bool {
        let (first, last) = span(permission.cidr);
        self.around(permission, first).is_some_and(|span| span.0 <= last)
    }

    /// The first span that does not end before an address.
    fn around(&self, permission: Permission, address: u128) -> Option<(u128, u128)> {
        let spans = self.0.get(&key(permission))?;
        spans.get(spans.partition_point(|span| span.1 < address)).copied()
    }
}

fn key(permission: Permission) -> (Traffic, bool) {
    (permission.traffic, permission.cidr.is_ipv4())
}

fn span(cidr: Cidr) -> (u128, u128) {
    let number = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    (number(cidr.address()), number(cidr.last_address()))
}

fn joined(mut spans: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    spans.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::with_capacity(spans.len());
    for (first, last) in spans {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}
