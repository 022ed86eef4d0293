//! `docs/protocol.md`: what is written by hand, with what is generated in between.

use std::fmt::Write as _;

use crate::configurations::Configuration;
use crate::variants::{History, Variant};

/// A history, as the page shows it.
#[must_use]
pub fn tell(variant: &Variant, history: &History) -> String {
    let model = &variant.model;
    let mut told = String::new();
    let Some((first, _)) = history.first() else { return told };
    let _ = writeln!(told, "{}\n", model.beginning(first));
    for (number, pair) in history.windows(2).enumerate() {
        if let [(before, Some(action)), (after, _)] = pair {
            let step = model.tell_step(before, *action, after);
            let _ = writeln!(told, "{}. {step}", number + 1);
        }
    }
    let end = history.last().map(|(state, _)| model.verdict(state)).unwrap_or_default();
    let _ = writeln!(told, "\n**{end}** Broken: \"{}\".", variant.property);
    told
}

/// Puts what was generated between its two markers. None if the page has no such place.
#[must_use]
pub fn put(page: &str, name: &str, generated: &str) -> Option<String> {
    let (from, to) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
    let start = page.find(&from)? + from.len();
    let end = start + page[start..].find(to)?;
    Some(format!("{}\n{generated}\n{}", &page[..start], &page[end..]))
}

/// What was explored, as the page shows it.
#[must_use]
pub fn table(configurations: &[Configuration], states: &[usize]) -> String {
    let mut table = "| runs | regions | events | faults | also | states |\n".to_owned();
    table.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (configuration, count) in configurations.iter().zip(states) {
        let _ = writeln!(table, "| {} | {} |", configuration.words(), thousands(*count));
    }
    let _ = write!(table, "\n{} states in all.\n", thousands(states.iter().sum()));
    table
}

fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let grouped: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let grouped = grouped.into_iter().map(String::from_utf8_lossy);
    grouped.collect::<Vec<_>>().join(",")
}
