//! `[[member]]`: who is in the mesh, each thing in one member only.

use std::collections::BTreeMap;

use crate::names::{AccountId, AsgName, MemberName, MeshName, Region, SecurityGroupId};

use super::fields::{Place, Table, each};
use super::problems::quoted;
use super::{Limits, Member, Role, spelling};

/// What members have claimed so far, with the path of each claim: nothing may be in two members.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) names: BTreeMap<String, String>,
    targets: BTreeMap<SecurityGroupId, String>,
    auto_scaling_groups: BTreeMap<(Region, AsgName), Vec<Claim>>,
    tables: BTreeMap<(Region, String), Vec<Claim>>,
}

/// The account, if it is known, and the path of a claim.
type Claim = (Option<AccountId>, String);

/// Claims something that may be in one region twice only if it is known to be in two
/// accounts; the path of who has it already.
fn claim<'c>(
    claims: &'c mut Vec<Claim>,
    place: &Place<'_>,
    account: Option<&AccountId>,
) -> Option<&'c str> {
    let same = |other: &Option<AccountId>| match (other, account) {
        (Some(other), Some(account)) => other == account,
        _ => true,
    };
    if let Some(first) = claims.iter().position(|(other, _)| same(other)) {
        return Some(&claims[first].1);
    }
    claims.push((account.cloned(), place.path().to_owned()));
    None
}

impl Seen {
    fn name(&mut self, place: &Place<'_>, defaulted: bool) {
        let Some(name) = place.as_text() else { return };
        match self.names.get(name) {
            None => drop(self.names.insert(name.to_owned(), place.path().to_owned())),
            Some(first) if defaulted => place.problem(format!(
                "{} is already a member's name, at {first}; give members of one region a `name` each",
                quoted(name)
            )),
            Some(first) => {
                place.problem(format!("{} is already a member's name, at {first}", quoted(name)));
            }
        }
    }

    fn target(&mut self, place: &Place<'_>, id: &SecurityGroupId) {
        match self.targets.get(id) {
            None => drop(self.targets.insert(id.clone(), place.path().to_owned())),
            Some(first) => place.problem(format!("`{id}` is already at {first}")),
        }
    }

    /// Groups of one name in one region are one group, unless they are known to
    /// be in two accounts.
    fn auto_scaling_group(
        &mut self,
        place: &Place<'_>,
        region: &Region,
        account: Option<&AccountId>,
        asg: &AsgName,
    ) {
        let claims = self.auto_scaling_groups.entry((region.clone(), asg.clone())).or_default();
        if let Some(first) = claim(claims, place, account) {
            let shown = quoted(asg.as_str());
            place.problem(format!("{shown} in {region} is already at {first}"));
        }
    }

    /// So are tables. Each member has a mirror of its own: one that two of them wrote would
    /// be neither's.
    fn table(
        &mut self,
        place: &Place<'_>,
        region: &Region,
        account: Option<&AccountId>,
        (table, defaulted): (&str, bool),
    ) {
        let claims = self.tables.entry((region.clone(), table.to_owned())).or_default();
        if let Some(first) = claim(claims, place, account) {
            let hint = if defaulted { "; give members of one region a `table` each" } else { "" };
            let shown = quoted(table);
            place.problem(format!("the table {shown} in {region} is already at {first}{hint}"));
        }
    }
}

const KEYS: [&str; 10] = [
    "name",
    "region",
    "auto_scaling_groups",
    "security_groups",
    "prefix_lists",
    "spread",
    "table",
    "account",
    "role_arn",
    "external_id",
];

/// What makes a member one: who is there, and who may come in.
const LISTS: [&str; 3] = ["auto_scaling_groups", "security_groups", "prefix_lists"];

pub(super) fn member(
    place: &Place<'_>,
    mesh: Option<&MeshName>,
    seen: &mut Seen,
) -> Option<Member> {
    let table = place.table(&KEYS)?;
    let region_place = table.required("region", "each member has one");
    let region = region_place.as_ref().and_then(|region| region.text(spelling::region));
    let name = match (table.optional("name"), &region_place) {
        (Some(name), _) => {
            seen.name(&name, false);
            name.text(spelling::member_name)
        }
        (None, Some(place)) => {
            seen.name(place, true);
            region.as_ref().map(|region| MemberName::new(region.as_str()))
        }
        (None, None) => None,
    };
    let account = table.optional("account").and_then(|account| account.text(spelling::account));
    let role = role(&table, account.as_ref());
    let account = account.or_else(|| role.as_ref().map(|role| role.account.clone()));
    let auto_scaling_groups = sources(&table, region.as_ref(), account.as_ref(), seen);
    let [security_groups, prefix_lists] = targets(&table, seen);
    if !LISTS.iter().any(|key| table.optional(key).is_some_and(|list| !list.is_empty_list())) {
        table
            .place()
            .problem("has none of `auto_scaling_groups`, `security_groups`, `prefix_lists`");
    }
    let spread = spread(&table, security_groups.as_deref());
    let table_place = table.optional("table");
    let table = match &table_place {
        Some(table) => table.text(spelling::table),
        None => mesh.map(|mesh| format!("sgsync-{mesh}")),
    };
    if let (Some(region), Some(table)) = (&region, &table) {
        let claimed = (table.as_str(), table_place.is_none());
        seen.table(table_place.as_ref().unwrap_or(place), region, account.as_ref(), claimed);
    }
    Some(Member {
        name: name?,
        region: region?,
        auto_scaling_groups: auto_scaling_groups?,
        security_groups: security_groups?,
        prefix_lists: prefix_lists?,
        spread,
        table: table?,
        account,
        role,
    })
}

/// A member's sources. One with sources only is in the cluster but admits nobody by itself
/// (its groups are managed elsewhere), one with targets only is a client of it: both are
/// real. One with neither is a mistake.
fn sources(
    table: &Table<'_>,
    region: Option<&Region>,
    account: Option<&AccountId>,
    seen: &mut Seen,
) -> Option<Vec<AsgName>> {
    let Some(place) = table.optional("auto_scaling_groups") else { return Some(Vec::new()) };
    each(&place.list("Auto Scaling group names")?, |place| {
        let asg = place.text(spelling::auto_scaling_group)?;
        if let Some(region) = region {
            seen.auto_scaling_group(place, region, account, &asg);
        }
        Some(asg)
    })
}

/// A member's targets: its groups, and its prefix lists.
fn targets(table: &Table<'_>, seen: &mut Seen) -> [Option<Vec<SecurityGroupId>>; 2] {
    let mut ids = |key, of, spelled: fn(&str) -> Result<SecurityGroupId, String>| {
        let Some(place) = table.optional(key) else { return Some(Vec::new()) };
        each(&place.list(of)?, |place| {
            let id = place.text(spelled)?;
            seen.target(place, &id);
            Some(id)
        })
    };
    let groups = ids("security_groups", "security group ids", spelling::security_group);
    [groups, ids("prefix_lists", "prefix list ids", spelling::prefix_list)]
}

/// The most groups of one interface (`facts/aws.md`, Quotas).
const GROUPS_PER_INTERFACE: usize = 16;

/// The most rules of one interface, in all its groups (`facts/aws.md`, Quotas).
const RULES_PER_INTERFACE: usize = 1000;

/// Whether what is admitted is dealt out over the targets, which instances then have together.
fn spread(table: &Table<'_>, groups: Option<&[SecurityGroupId]>) -> bool {
    let Some(place) = table.optional("spread") else { return false };
    let spread = place.boolean() == Some(true);
    match groups {
        Some(groups) if spread && groups.len() < 2 => {
            place.problem("takes two or more `security_groups` to spread rules over");
        }
        Some(groups) if spread && groups.len() > GROUPS_PER_INTERFACE => place.problem(format!(
            "is over {} `security_groups`, and one interface takes {GROUPS_PER_INTERFACE} at most",
            groups.len()
        )),
        _ => {}
    }
    spread
}

/// Whether one interface takes all groups of a spread at this many rules each.
pub(super) fn spread_fits(member: &Member, limits: &Limits, place: &Place<'_>) {
    let (groups, rules) = (member.security_groups.len(), limits.rules_per_group as usize);
    let possible = groups <= GROUPS_PER_INTERFACE;
    if member.spread && possible && groups * rules > RULES_PER_INTERFACE {
        place.problem(format!(
            "spreads over {groups} groups of {rules} rules each, and one interface takes \
             {RULES_PER_INTERFACE} rules in all its groups at most; lower `limits.rules_per_group`"
        ));
    }
}

/// The role that reaches a member, with what belongs to it.
fn role(table: &Table<'_>, account: Option<&AccountId>) -> Option<Role> {
    let id_place = table.optional("external_id");
    let external_id = id_place.as_ref().and_then(|id| id.text(spelling::external_id));
    let Some(place) = table.optional("role_arn") else {
        if let Some(id) = id_place {
            id.problem("says nothing without `role_arn`: it is for the role's trust policy");
        }
        return None;
    };
    let (arn, of) = place.text(spelling::role_arn)?;
    if let Some(account) = account
        && *account != of
    {
        place.problem(format!("is a role of account {of}, but `account` is {account}"));
    }
    Some(Role { arn, account: of, external_id })
}
