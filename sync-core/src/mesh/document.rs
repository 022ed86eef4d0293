//! The mesh document's shape: design section 3, key by key.

use std::collections::BTreeMap;

use crate::names::{DocumentHash, MeshName};

use super::allow::allow;
use super::fields::{Place, Table, each};
use super::link::{idle_links, link};
use super::members::{Seen, member};
use super::problems::Problems;
use super::value::Value;
use super::{Invalid, Mesh, hash, settings};

/// Reads a mesh document, TOML or JSON.
pub(super) fn parse(text: &str) -> Result<Mesh, Invalid> {
    let value = Value::read(text)?;
    let problems = Problems::default();
    let mesh = mesh(&Place::root(&value, &problems), hash::hash(&value));
    problems.unless_any(mesh)
}

const KEYS: [&str; 9] =
    ["name", "allow", "member", "addresses", "link", "guard", "limits", "hooks", "foreign"];

fn mesh(document: &Place<'_>, hash: DocumentHash) -> Option<Mesh> {
    let table = document.table(&KEYS)?;
    let name = table
        .required("name", "it becomes the tag of every rule")
        .and_then(|name| name.text(MeshName::parse));
    let mut seen = Seen::default();
    let members = each(&some_of(&table, "member", "member tables"), |place| {
        member(place, name.as_ref(), &mut seen)
    });
    let kinds = settings::kinds(&table);
    let link_places = table.optional("link").map_or(Some(Vec::new()), |l| l.list("link tables"));
    let mut earlier = Vec::new();
    let links = link_places
        .as_ref()
        .and_then(|places| each(places, |place| link(place, &seen, &mut earlier)));
    let named = earlier.iter().flat_map(|(link, _)| &link.kinds).chain(&kinds);
    let all_kinds = named.copied().collect();
    let mut entries = BTreeMap::new();
    let allow = each(&some_of(&table, "allow", "allow tables"), |place| {
        allow(place, &seen, &all_kinds, &mut entries)
    });
    if let (Some(allow), Some(places), Some(links)) = (&allow, &link_places, &links) {
        idle_links(allow, links, places);
    }
    let guard = settings::guard(&table);
    let limits = settings::limits(&table);
    let on_launch_failure = settings::on_launch_failure(&table);
    if let Some(foreign) = table.optional("foreign") {
        // The only choice so far: what to do with rules of others on the mesh's ports.
        foreign.word(&[("report", ())]);
    }
    Some(Mesh {
        name: name?,
        hash,
        allow: allow?,
        members: members?,
        kinds,
        links: links?,
        guard,
        limits,
        on_launch_failure,
    })
}

/// The items of a list that must have some.
fn some_of<'v>(table: &Table<'v>, key: &str, of: &str) -> Vec<Place<'v>> {
    let why = format!("a mesh has at least one `[[{key}]]`");
    let Some(place) = table.required(key, &why) else { return Vec::new() };
    let items = place.list(of);
    if items.as_ref().is_some_and(Vec::is_empty) {
        place.problem(format!("is empty; {why}"));
    }
    items.unwrap_or_default()
}
