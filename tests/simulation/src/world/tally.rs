//! Totals of what was played.

use std::collections::BTreeMap;
use std::fmt;

use super::faults::Fault;

/// What happened how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Histories played.
    pub seeds: u64,
    /// Calls made.
    pub calls: u64,
    /// Steps by kind.
    pub steps: BTreeMap<&'static str, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Runs by how they came about and ended.
    pub runs: BTreeMap<&'static str, u64>,
    /// Events by what became of them.
    pub events: BTreeMap<&'static str, u64>,
    /// Hooks by result.
    pub hooks: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn fault(&mut self, fault: Fault) {
        *self.faults.entry(fault.name()).or_insert(0) += 1;
    }

    /// Adds another's totals.
    pub fn add(&mut self, other: &Self) {
        fn sum<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(key.clone()).or_insert(0) += count;
            }
        }
        self.seeds += other.seeds;
        self.calls += other.calls;
        sum(&mut self.steps, &other.steps);
        sum(&mut self.faults, &other.faults);
        sum(&mut self.runs, &other.runs);
        sum(&mut self.events, &other.events);
        sum(&mut self.hooks, &other.hooks);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn line<K: fmt::Display>(
            f: &mut fmt::Formatter<'_>,
            what: &str,
            counts: &BTreeMap<K, u64>,
        ) -> fmt::Result {
            let total: u64 = counts.values().sum();
            write!(f, "  {what} {total}:")?;
            for (key, count) in counts {
                write!(f, " {key} {count}")?;
            }
            writeln!(f)
        }
        writeln!(f, "{} seeds, {} calls", self.seeds, self.calls)?;
        line(f, "steps", &self.steps)?;
        line(f, "faults", &self.faults)?;
        line(f, "runs", &self.runs)?;
        line(f, "events", &self.events)?;
        line(f, "hooks", &self.hooks)
    }
}
