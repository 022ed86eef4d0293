//! Goes through every target and says who is admitted there, by what, because of what.

use std::collections::BTreeSet;

use ipnet::IpNet;
use sync_core::cidr::Cidr;
use sync_core::ingress::Ingress;
use sync_core::mesh::{Member, Mesh};
use sync_core::names::{InstanceId, RuleId, SecurityGroupId};
use sync_core::permission::{Permission, Rule, Source};
use sync_core::planner::{Desired, Plan, Removal};
use sync_core::row::Rows;

use super::{Asked, Because, ByRule, Explanation, Target, about};
use crate::world::{Seen, World, next_plan};

/// Explains what was asked about.
pub(super) fn explain(mesh: &Mesh, world: &World, asked: &Asked, what: &str) -> Explanation {
    let mut why_not = Vec::new();
    let (addresses, ids) = match asked {
        Asked::Address(cidr) => (BTreeSet::from([*cidr]), BTreeSet::new()),
        Asked::Instance(id) => (about::addresses(mesh, world, id), BTreeSet::from([id.clone()])),
        Asked::Rule(id) => (of_rule(world, id, &mut why_not), BTreeSet::new()),
    };
    let instances = about::instances(mesh, world, &addresses, &ids);
    let rule = match asked {
        Asked::Rule(id) => Some(id),
        Asked::Address(_) | Asked::Instance(_) => None,
    };
    if why_not.is_empty() {
        why_not = about::why_not(mesh, world, &addresses, &instances, asked);
    }
    let mut targets = Vec::new();
    for member in &mesh.members {
        let Some(seen) = world.get(&member.name) else { continue };
        let (Ok(rules), Ok(rows)) = (&seen.rules, &seen.rows) else { continue };
        for (group, rules) in rules {
            if rule.is_none_or(|id| rules.iter().any(|rule| rule.id == *id)) {
                let place = Place { mesh, member, seen, rows, group, rules };
                targets.push(place.target(&addresses, rule));
            }
        }
    }
    let errors = world.iter().flat_map(|(name, seen)| {
        let errors = seen.errors().into_iter();
        errors.map(move |error| format!("{name} could not be seen whole: {error}"))
    });
    Explanation {
        mesh: mesh.name.to_string(),
        asked: what.to_owned(),
        instances,
        why_not,
        targets,
        errors: errors.collect(),
    }
}

/// The address that a rule admits.
fn of_rule(world: &World, id: &RuleId, why_not: &mut Vec<String>) -> BTreeSet<Cidr> {
    let rules = world.values().filter_map(|seen| seen.rules.as_ref().ok());
    match rules.flat_map(|groups| groups.values().flatten()).find(|rule| rule.id == *id) {
        Some(Rule { source: Source::Cidr(cidr), .. }) => BTreeSet::from([*cidr]),
        Some(rule) => {
            why_not.push(format!(
                "{id} admits {}, which is no address; the mesh writes rules for addresses only",
                rule.source
            ));
            BTreeSet::new()
        }
        None => {
            why_not.push(format!(
                "no security group of the mesh that could be read has a rule {id}: it was revoked, \
                 or is in another group"
            ));
            BTreeSet::new()
        }
    }
}

/// Where a target is, and what was seen of it.
struct Place<'a> {
    mesh: &'a Mesh,
    member: &'a Member,
    seen: &'a Seen,
    rows: &'a Rows,
    group: &'a SecurityGroupId,
    rules: &'a Ingress,
}

impl Place<'_> {
    fn target(&self, addresses: &BTreeSet<Cidr>, only: Option<&RuleId>) -> Target {
        let desired = self.seen.desired(self.mesh, self.member, self.group).unwrap_or_default();
        let plan = next_plan(self.mesh, &desired, self.rules);
        let admits: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| only.is_none_or(|id| rule.id == *id))
            .filter(|rule| addresses.iter().any(|cidr| admits(rule, *cidr)))
            .collect();
        let wanted: Vec<Permission> = desired
            .wanted
            .keys()
            .filter(|wanted| addresses.contains(&wanted.cidr))
            .filter(|wanted| {
                only.is_none() || admits.iter().any(|rule| rule.permission() == Some(**wanted))
            })
            .copied()
            .collect();
        let missing: Vec<&Permission> = wanted
            .iter()
            .filter(|wanted| !admits.iter().any(|rule| rule.permission() == Some(**wanted)))
            .collect();
        let because = self.because(addresses);
        let mut notes = self.missing_notes(&missing, &plan);
        notes.extend(admits.iter().filter_map(|rule| self.rule_note(rule, &desired, &plan)));
        notes.extend(self.closed_notes(&because));
        Target {
            member: self.member.name.clone(),
            region: self.member.region.clone(),
            security_group: self.group.clone(),
            admitted: !admits.is_empty() && missing.is_empty(),
            wanted: wanted.iter().map(ToString::to_string).collect(),
            by: admits.into_iter().map(|rule| self.by(rule)).collect(),
            because,
            notes,
        }
    }

    fn by(&self, rule: &Rule) -> ByRule {
        ByRule {
            rule: rule.id.clone(),
            permission: rule.to_string(),
            owned: rule.is_owned_by(&self.mesh.name),
            description: rule.description.clone(),
        }
    }

    /// The rows of this mirror that have one of the addresses.
    fn because(&self, addresses: &BTreeSet<Cidr>) -> Vec<Because> {
        let rows = self.rows.stored.values().filter_map(|stored| stored.row());
        rows.flat_map(|row| {
            let has = row.instances.iter().filter(|(_, held)| !held.is_disjoint(addresses));
            has.map(|(instance, _)| Because {
                member: row.member.clone(),
                asg: row.asg.clone(),
                instance: instance.clone(),
                row_version: row.version,
                observed_at: row.observed_at,
                writer: row.writer.clone(),
            })
        })
        .collect()
    }

    fn missing_notes(&self, missing: &[&Permission], plan: &Plan) -> Vec<String> {
        let full = |permission: &Permission| {
            plan.over_quota.iter().any(|left_out| left_out.permission == *permission)
        };
        let note = |permission: &Permission| {
            let limit = self.mesh.limits.rules_per_group;
            if full(permission) {
                format!(
                    "{permission} is wanted and left out: the group is full ({limit} rules); ask \
                     AWS for a higher quota (L-0EA8095F), then raise `rules_per_group`"
                )
            } else {
                format!(
                    "{permission} is wanted and not there: the next run adds it, or `sgsync apply` \
                     does now"
                )
            }
        };
        missing.iter().map(|permission| note(permission)).collect()
    }

    /// What there is to say of a rule that nothing wants.
    fn rule_note(&self, rule: &Rule, desired: &Desired, plan: &Plan) -> Option<String> {
        let (id, wanted) = (&rule.id, rule.permission());
        if !rule.is_owned_by(&self.mesh.name) {
            return Some(format!("{id} is not the mesh's: no run will ever revoke it"));
        }
        if wanted.is_some_and(|permission| desired.wanted.contains_key(&permission)) {
            return None;
        }
        let among = |list: &[Removal]| list.iter().any(|removal| removal.rule.rule().id == *id);
        let fate = if among(&plan.held) {
            "the guard holds it until `sgsync apply --allow-removals`"
        } else if among(&plan.frozen) {
            "it stays, because its member is not fully known here"
        } else {
            "the next run revokes it"
        };
        let elsewhere = wanted.and_then(|permission| desired.elsewhere.get(&permission));
        Some(match elsewhere {
            Some(other) => format!("{} opens what {id} does, too: {fate}", other.group),
            None => format!("nothing wants {id} any more: {fate}"),
        })
    }

    /// Members whose row has the address, and to whom the document opens nothing here.
    fn closed_notes(&self, because: &[Because]) -> Vec<String> {
        let members: BTreeSet<_> = because.iter().map(|row| &row.member).collect();
        let base = self.seen.base(self.mesh, self.member, self.group);
        let closed = members
            .into_iter()
            .filter(|from| self.mesh.traffic(from, &self.member.name, &base.learned).is_empty());
        closed
            .map(|from| {
                format!(
                    "the document's `from` and `to` let nothing of {from} reach {} here",
                    self.member.name
                )
            })
            .collect()
    }
}

/// Whether a rule lets an address in, on whatever ports.
pub(super) fn admits(rule: &Rule, cidr: Cidr) -> bool {
    let Source::Cidr(block) = rule.source else { return false };
    let block: Option<IpNet> = block.to_string().parse().ok();
    block.is_some_and(|block| block.contains(&cidr.address())) && rule.traffic.fits(cidr)
}

/// The instance that a rule of the mesh was written for.
pub(super) fn written_for(rule: &Rule) -> Option<InstanceId> {
    let word = rule.description.as_deref()?.rsplit(' ').next()?;
    let id = InstanceId::new(word);
    id.is_plausible().then_some(id)
}
