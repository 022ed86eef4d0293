//! The core of sgsync: who is in the cluster, what each security group should
//! therefore admit, and how to get there without ever shutting out a live instance.
//!
//! No AWS client lives here. Planner, rows and events are pure; the reconcile
//! loop reaches the world through the traits in [`ports`].

pub mod adopt;
pub mod cidr;
pub mod events;
pub mod ingress;
pub mod mesh;
pub mod names;
pub mod observe;
pub mod permission;
pub mod planner;
pub mod ports;
pub mod reconcile;
pub mod report;
pub mod row;
