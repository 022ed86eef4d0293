//! The page, from top to bottom.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::picture::{Key, picture};
use crate::policy::policy;
use crate::snapshot::{Group, Health, Member, Severity, Snapshot};
use crate::tables::targets;
use crate::text::{Text, counted};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub(crate) fn page(snapshot: &Snapshot) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                // Before anything that it is to judge.
                meta http-equiv="Content-Security-Policy" content=(policy(STYLE, SCRIPT));
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (Text(&snapshot.mesh)) " at " (snapshot.at) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                nav aria-label="Parts of this page" {
                    a.skip href="#search" hidden { "To the search" }
                    a href="#mesh" { "Mesh" }
                    a href="#findings" { "Findings" }
                    a href="#rules" { "Rules" }
                }
                (header(snapshot))
                main { (mesh(snapshot)) (findings(snapshot)) (targets(snapshot)) }
                footer { p {
                    "Made by " (Text(&snapshot.tool)) " from one look at every region. It shows what was there at "
                    (time(snapshot.at)) ", and does not change."
                } }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn header(snapshot: &Snapshot) -> Markup {
    let count = |severity| snapshot.findings.iter().filter(|f| f.severity == severity).count();
    html! {
        header {
            h1 { "Mesh " (Text(&snapshot.mesh)) }
            p {
                "As seen at " (time(snapshot.at)) ": "
                (counted(snapshot.members.len(), "member")) ", "
                (counted(snapshot.targets.len(), "security group")) ", "
                (counted(count(Severity::Error), "error")) ", "
                (counted(count(Severity::Warning), "warning")) "."
            }
            p { "Mesh document " span.code { (Text(&snapshot.document)) } "." }
        }
    }
}

fn mesh(snapshot: &Snapshot) -> Markup {
    let key = Key::of(snapshot);
    html! {
        section #mesh aria-labelledby="mesh-heading" {
            h2 #mesh-heading { "Mesh" }
            (picture(snapshot, &key))
            dl.meanings {
                @for (letter, traffic) in key.entries() {
                    dt { span.letter { (letter) } }
                    dd {
                        span.code { (Text(&traffic.join(", "))) }
                        @if key.is_one() { ", and so is every arrow" }
                    }
                }
            }
            (members(snapshot))
            (reach(snapshot))
        }
    }
}

fn members(snapshot: &Snapshot) -> Markup {
    html! {
        h3 #members { "Members" }
        div.scroll role="region" tabindex="0" aria-labelledby="members" {
            table {
                thead { tr {
                    @for column in ["Member", "Region", "Account", "Seen", "Auto Scaling groups", "Security groups"] {
                        th scope="col" { (column) }
                    }
                } }
                tbody { @for member in &snapshot.members { (self::member(member, snapshot.at)) } }
            }
        }
        p {
            "Live: its region was read and all its rows are recent. Stale: a row is missing, not believed or old. "
            "Unreachable: something of its region could not be read."
        }
    }
}

fn member(member: &Member, at: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" { (Text(&member.name)) }
            td { (Text(&member.region)) }
            td { @if let Some(account) = &member.account { (Text(account)) } @else { "–" } }
            td { span class=(member.health.class()) { (member.health.word()) } }
            td { ul { @for group in &member.groups { li { (self::group(group, at, member.health)) } } } }
            td.code { ul { @for id in &member.security_groups { li { (Text(id)) } } } }
        }
    }
}

fn group(group: &Group, at: Timestamp, health: Health) -> Markup {
    let age = group.observed_at.map(|seen| at.duration_since(seen).as_secs().max(0) / 60);
    html! {
        span.code { (Text(&group.name)) } ": "
        @match group.instances {
            Some(count) => (counted(count, "instance")),
            None if health == Health::Unreachable => "not known",
            None => "no row that is believed",
        }
        @if let (Some(seen), Some(age)) = (group.observed_at, age) {
            ", observed " (time(seen)) " (" (age) " min before)"
        }
    }
}

fn reach(snapshot: &Snapshot) -> Markup {
    html! {
        h3 #reach { "Who may reach whom" }
        @if snapshot.reach.is_empty() { p { "Nobody may reach anybody." } }
        @else {
            div.scroll role="region" tabindex="0" aria-labelledby="reach" {
                table {
                    thead { tr { th scope="col" { "Instances of" } th scope="col" { "reach those of" } th scope="col" { "on" } } }
                    tbody {
                        @for reach in &snapshot.reach {
                            tr {
                                td { (Text(&reach.from)) }
                                td { (Text(&reach.to)) }
                                td.code { (Text(&reach.traffic.join(", "))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn findings(snapshot: &Snapshot) -> Markup {
    html! {
        section #findings aria-labelledby="findings-heading" {
            h2 #findings-heading { "Findings" }
            @if snapshot.findings.is_empty() { p { "None: everything was seen, and is as it should be." } }
            @else {
                ul.findings {
                    @for finding in &snapshot.findings {
                        li {
                            span class=(finding.severity.class()) { (finding.severity.word()) } " "
                            strong.code { (Text(&finding.subject)) } " " (Text(&finding.detail))
                        }
                    }
                }
            }
        }
    }
}

/// To the second: nothing was seen more exactly than that.
fn time(at: Timestamp) -> Markup {
    let shown = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at) { (shown) } }
}
