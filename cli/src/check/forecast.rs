//! Whether every target has room when every group is as large as it may become.

use std::collections::BTreeMap;

use sync_aws::Survey;
use sync_core::ingress::PrefixList;
use sync_core::mesh::{Base, Compact, Member, Mesh};
use sync_core::names::{MemberName, SecurityGroupId};
use sync_core::permission::Rule;

use super::{Finding, Level, Notes};
use crate::world::{Seen, World};

/// How full a group may get before the check says so: 80%, as for the alarm.
const NEARLY_FULL_PERCENT: u64 = 80;

/// Rules by address family, which AWS counts apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rules {
    ipv4: u64,
    ipv6: u64,
}

/// What every target of the mesh will need; nothing where some group's largest size is not known.
pub(super) fn forecast(
    mesh: &Mesh,
    world: &World,
    surveys: &BTreeMap<MemberName, Survey>,
    findings: &mut Vec<Finding>,
) {
    let known = |member: &Member| {
        let sizes = surveys.get(&member.name)?.max_sizes.as_ref().ok()?.values();
        let instances = sizes.map(|size| u64::try_from(*size).unwrap_or(0)).sum();
        Some((member.name.clone(), instances))
    };
    let Some(largest) = mesh.members.iter().map(known).collect::<Option<BTreeMap<_, u64>>>() else {
        return;
    };
    for member in &mesh.members {
        let (Some(survey), Some(seen)) = (surveys.get(&member.name), world.get(&member.name))
        else {
            continue;
        };
        let mut notes = Notes { member, findings };
        // What AWS does not grant is no room, whatever the document says.
        let granted = survey.rules_granted.as_ref().copied().unwrap_or(u32::MAX);
        let limit = u64::from(granted.min(mesh.limits.rules_per_group));
        let rules = match &seen.rules {
            Ok(rules) => rules,
            Err(error) => {
                notes.could_not("rules of the security groups", error);
                continue;
            }
        };
        let groups = member.security_groups.iter().filter(|group| rules.contains_key(*group));
        let groups: Vec<&SecurityGroupId> = groups.collect();
        // A spread has the room of all its groups.
        let together = if member.spread { groups.len() } else { 1 };
        for groups in groups.chunks(together.max(1)) {
            let room = Room { limit: limit * groups.len() as u64, list: None };
            one_target(mesh, seen, groups, &largest, room, &mut notes);
        }
        for (at, list) in member.prefix_lists.iter().enumerate() {
            if let Some(room) = prefix_list(mesh, seen, (at, list), &mut notes) {
                one_target(mesh, seen, &[list], &largest, room, &mut notes);
            }
        }
    }
}

/// What a target holds at most.
#[derive(Clone, Copy)]
struct Room {
    limit: u64,
    /// Whether it is a prefix list.
    list: Option<PrefixList>,
}

/// A prefix list's room, if it is there and of a family that some address here is of.
fn prefix_list(
    mesh: &Mesh,
    seen: &Seen,
    (at, id): (usize, &SecurityGroupId),
    notes: &mut Notes<'_>,
) -> Option<Room> {
    let ingress = seen.rules.as_ref().ok()?.get(id)?;
    let list = match ingress.list.as_ref()? {
        Ok(list) => *list,
        Err(error) => {
            notes.could_not(id, error);
            return None;
        }
    };
    let base = Base::of_list(list);
    let mut between =
        mesh.members.iter().map(|from| mesh.between(&from.name, &notes.member.name, &base));
    if !between.any(|between| between.kinds.iter().any(|kind| kind.is_ipv4() == list.ipv4)) {
        let place = mesh.members.iter().position(|member| member.name == notes.member.name)?;
        let family = if list.ipv4 { "IPv4" } else { "IPv6" };
        let detail = format!(
            "member[{place}].prefix_lists[{at}]: holds {family} addresses, and nobody who reaches {} \
             has any by the document's kinds",
            notes.member.name
        );
        notes.say(Level::Error, id, detail);
        return None;
    }
    notes.say(Level::Ok, id, "is there");
    Some(Room { limit: list.max_entries.into(), list: Some(list) })
}

fn one_target(
    mesh: &Mesh,
    seen: &Seen,
    groups: &[&SecurityGroupId],
    largest: &BTreeMap<MemberName, u64>,
    room: Room,
    notes: &mut Notes<'_>,
) {
    let limit = room.limit;
    let group = groups.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    let base = groups.first().map(|id| seen.base(mesh, notes.member, id)).unwrap_or_default();
    let rules = groups.iter().filter_map(|id| seen.rules.as_ref().ok()?.get(*id)).flatten();
    if mesh.learns(&notes.member.name) && base.learned.is_empty() {
        let detail = "the document takes ports from the rules that open the group to itself, and it \
                      has none: add one, or name the ports in `allow`";
        return notes.say(Level::Error, &group, detail);
    }
    let others = of_others(mesh, rules);
    for (family, ipv4, others) in [("IPv4", true, others.ipv4), ("IPv6", false, others.ipv6)] {
        let Some(ours) = of_mesh(mesh, notes.member, &base, largest, ipv4) else { continue };
        let needed = ours + others;
        let (level, advice) = judge(mesh, needed, room);
        let besides =
            if others > 0 { format!(", {others} of them for others") } else { String::new() };
        let what = if room.list.is_some() { "entries" } else { "rules" };
        let detail = format!(
            "needs {needed} of {limit} {family} {what} when every group has its largest size{besides}\
             {advice}"
        );
        notes.say(level, &group, detail);
    }
}

/// How many rules of one family a member's target needs for everybody; nothing where nobody has
/// such addresses.
fn of_mesh(
    mesh: &Mesh,
    to: &Member,
    base: &Base,
    largest: &BTreeMap<MemberName, u64>,
    ipv4: bool,
) -> Option<u64> {
    let of_one = |(from, instances): (&MemberName, &u64)| {
        let between = mesh.between(from, &to.name, base);
        // One address of each kind: instances with more need more.
        let kinds = between.kinds.iter().filter(|kind| kind.is_ipv4() == ipv4).count() as u64;
        let rules = kinds * between.rules_of_one(ipv4) as u64;
        (rules > 0).then_some(instances * rules)
    };
    largest.iter().filter_map(of_one).reduce(|sum, more| sum + more)
}

/// The rules that are there and not the mesh's: they take up room, too.
fn of_others<'a>(mesh: &Mesh, rules: impl Iterator<Item = &'a Rule>) -> Rules {
    let others = rules.filter(|rule| !rule.is_owned_by(&mesh.name)).map(Rule::counts);
    others.fold(Rules::default(), |sum, (ipv4, ipv6)| Rules {
        ipv4: sum.ipv4 + u64::from(ipv4),
        ipv6: sum.ipv6 + u64::from(ipv6),
    })
}

fn judge(mesh: &Mesh, needed: u64, room: Room) -> (Level, &'static str) {
    if needed * 100 <= room.limit * NEARLY_FULL_PERCENT {
        return (Level::Ok, "");
    }
    let blocks = mesh.limits.compact != Compact::Off && room.list.is_none();
    let level = if needed > room.limit && !blocks { Level::Error } else { Level::Warning };
    let advice = if room.list.is_some() {
        ": raise its MaxEntries; every group that refers to it needs room for as many"
    } else if blocks {
        ": it fits only as far as adjacent addresses become blocks (`compact`), which no group \
         promises: ask AWS for a higher quota (L-0EA8095F) and raise `rules_per_group`"
    } else {
        ": ask AWS for a higher quota (L-0EA8095F) and raise `rules_per_group`, or open fewer port \
         ranges"
    };
    (level, advice)
}
