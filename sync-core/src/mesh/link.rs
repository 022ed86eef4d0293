//! `[[link]]`: which addresses of some members the targets of some members admit.

use std::collections::BTreeSet;

use crate::names::MemberName;

use super::allow::member_names;
use super::fields::Place;
use super::members::Seen;
use super::problems::quoted;
use super::{Allow, Link, settings};

/// Whom an entry is about: none means every member.
type Names = Option<BTreeSet<MemberName>>;

/// Reads one entry. `earlier` are those before it, each with its path: a pair of members
/// in two of them would leave it open which one counts.
pub(super) fn link(
    place: &Place<'_>,
    seen: &Seen,
    earlier: &mut Vec<(Link, String)>,
) -> Option<Link> {
    let table = place.table(&["from", "to", "kinds"])?;
    let from = table.optional("from").map(|from| member_names(&from, seen));
    let to = table.optional("to").map(|to| member_names(&to, seen));
    let kinds = table
        .required("kinds", "a link is there to say which addresses it is about")
        .and_then(|kinds| settings::kind_list(&kinds));
    // A key that is there and has no names is a list that was refused.
    let (from, to) = (unless_refused(from)?, unless_refused(to)?);
    let link = Link { from, to, kinds: kinds? };
    let first = earlier.iter().find_map(|(other, path)| {
        let from = common(&link.from, &other.from, seen)?;
        let to = common(&link.to, &other.to, seen)?;
        Some((path, from, to))
    });
    if let Some((path, from, to)) = first {
        place.problem(format!(
            "says of which kinds {} may reach {}, and so does {path}",
            quoted(&from),
            quoted(&to)
        ));
        return None;
    }
    earlier.push((link.clone(), place.path().to_owned()));
    Some(link)
}

/// Notes links between members none of whom may reach another: somebody took one
/// direction for the other.
pub(super) fn idle_links(allow: &[Allow], links: &[Link], places: &[Place<'_>]) {
    let meet = |one: &Names, other: &Names| match (one, other) {
        (Some(one), Some(other)) => !one.is_disjoint(other),
        _ => true,
    };
    for (link, place) in links.iter().zip(places) {
        let opened = |allow: &Allow| meet(&link.from, &allow.from) && meet(&link.to, &allow.to);
        if !allow.iter().any(opened) {
            place.problem("is between members that no `[[allow]]` lets reach each other this way");
        }
    }
}

#[allow(clippy::option_option, reason = "left out, refused, and given are three")]
fn unless_refused(names: Option<Names>) -> Option<Names> {
    names.map_or(Some(None), |names| names.map(Some))
}

/// A member that two lists of names share.
fn common(one: &Names, other: &Names, seen: &Seen) -> Option<String> {
    let first = |names: &BTreeSet<MemberName>| names.first().map(ToString::to_string);
    match (one, other) {
        (Some(one), Some(other)) => one.intersection(other).next().map(ToString::to_string),
        (Some(names), None) | (None, Some(names)) => first(names),
        (None, None) => seen.names.keys().next().cloned(),
    }
}
