//! The targets: how full each is, and every rule.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::snapshot::{Quota, Rule, Snapshot, Standing, Target};
use crate::text::{Text, counted};

/// Every target's rules, with the field that searches them.
pub(crate) fn targets(snapshot: &Snapshot) -> Markup {
    html! {
        section #rules aria-labelledby="rules-heading" {
            h2 #rules-heading { "Rules" }
            // Shown by the script, which does the searching.
            form.search role="search" hidden {
                label for="search" { "Search all rules" }
                input #search type="search" autocomplete="off" spellcheck="false" aria-describedby="search-help";
                p #search-help { "Every word must occur in a rule: part of an address, instance, port, description or standing." }
                p #found role="status" {}
            }
            @for (index, target) in snapshot.targets.iter().enumerate() { (self::target(target, index)) }
            (standings())
        }
    }
}

fn target(target: &Target, index: usize) -> Markup {
    let heading = format!("target-{index}");
    html! {
        div.target {
            h3 id=(heading) { (Text(&target.security_group)) " of " (Text(&target.member)) }
            p { "In " (Text(&target.region)) ". " (counts(target)) }
            @if let Some(quota) = &target.quota { (self::quota(quota, index)) }
            @match &target.rules {
                None => p.bad { "Its rules could not be read." },
                Some(rules) if rules.is_empty() => p { "It has no rules, and should have none." },
                Some(rules) => (table(rules, &heading)),
            }
        }
    }
}

/// How many rules there are of each standing.
fn counts(target: &Target) -> String {
    let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
    for rule in target.rules.iter().flatten() {
        *counts.entry(rule.standing).or_default() += 1;
    }
    let counts = counts.iter().map(|(standing, count)| format!("{count} {}", standing.word()));
    counts.collect::<Vec<_>>().join(", ")
}

fn quota(quota: &Quota, index: usize) -> Markup {
    html! {
        div.quotas {
            @for (family, used) in [("IPv4", quota.ipv4), ("IPv6", quota.ipv6)] {
                @let id = format!("quota-{index}-{family}");
                @let high = quota.limit * 8 / 10;
                label for=(id) { (family) ": " (counted(used, "rule")) " of " (quota.limit) }
                meter id=(id) min="0" max=(quota.limit) high=(high) optimum="0" value=(used.min(quota.limit)) { (used) " of " (quota.limit) }
            }
        }
    }
}

fn table(rules: &[Rule], heading: &str) -> Markup {
    html! {
        // Reached by keyboard, because it scrolls on a narrow screen.
        div.scroll role="region" tabindex="0" aria-labelledby=(heading) {
            table.rules {
                thead { tr {
                    @for column in ["Standing", "Admits", "From", "Whose", "Rule", "Description"] {
                        th scope="col" { (column) }
                    }
                } }
                tbody { @for rule in rules { (row(rule)) } }
            }
            p.none hidden { "No rule of this group matches." }
        }
    }
}

fn row(rule: &Rule) -> Markup {
    html! {
        tr {
            td { span class=(rule.standing.class()) { (rule.standing.word()) } }
            td.code { (Text(&rule.traffic)) }
            td.code { (Text(&rule.source)) }
            td {
                @if let Some(member) = &rule.member { bdi { (Text(member)) } " " }
                @if let Some(instance) = &rule.instance { bdi.code { (Text(instance)) } }
            }
            td.code { @if let Some(id) = &rule.id { (Text(id)) } @else { "–" } }
            td { @if let Some(description) = &rule.description { bdi { (Text(description)) } } }
        }
    }
}

/// What the words of the first column mean.
fn standings() -> Markup {
    html! {
        h3 { "What the standings mean" }
        dl.meanings {
            @for standing in Standing::ALL {
                dt { span class=(standing.class()) { (standing.word()) } }
                dd { (standing.meaning()) }
            }
        }
    }
}
