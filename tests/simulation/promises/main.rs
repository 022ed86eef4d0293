//! Each promise of design section 2, held by the real reconcile loop over the
//! in-memory world; then the hook table of section 7, and what runs cost.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking, and so may what they share"
)]
#![allow(unreachable_pub, reason = "a test has no outside")]

mod answers;
mod audit;
mod base;
mod calls;
mod compact;
mod completing;
mod corners;
mod faraway;
mod foreign;
mod hooks;
mod life;
mod links;
mod lists;
mod members;
mod nothing_else;
mod order;
mod overtaken;
mod recovery;
mod reports;
mod rollout;
mod seeds;
mod spread;
mod storm;
mod time;
mod unknown;
mod waiting;

use simulation::world::{EAST, WEST};
use sync_core::names::InstanceId;
use sync_core::report::{FindingKind, HookResult, Report};

/// Whether a run found something of this kind.
fn found(report: &Report, kind: FindingKind) -> bool {
    report.findings.iter().any(|finding| finding.kind == kind)
}

/// A run must have found something of this kind.
fn expect_finding(report: &Report, kind: FindingKind) {
    assert!(found(report, kind), "no {kind:?} in {:#?}", report.findings);
}

/// What became of each hook of a run.
fn results(report: &Report) -> Vec<HookResult> {
    report.hooks.iter().map(|hook| hook.result).collect()
}

/// An instance that is nowhere.
fn nobody() -> InstanceId {
    InstanceId::new("i-nobody")
}

/// A document of two members with this traffic; the east has this many targets.
fn document(allow: &str, targets: usize) -> String {
    let member = |region, count| {
        let target = |number| format!("\"sg-{region:0>2}{number:015x}\"");
        let targets: Vec<_> = (0..count).map(target).collect();
        let name = [EAST, WEST][region];
        let groups = format!("auto_scaling_groups = [\"orders-{name}\"]");
        let targets = targets.join(", ");
        format!("[[member]]\nregion = \"{name}\"\n{groups}\nsecurity_groups = [{targets}]\n")
    };
    format!("name = \"orders-db\"\n[[allow]]\n{allow}\n{}{}", member(0, targets), member(1, 1))
}
