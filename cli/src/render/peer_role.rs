//! What the role of each member that has one is told: every parameter of `sam/peer-role.yaml`.

use std::collections::BTreeSet;

use sync_core::mesh::{Member, Mesh, Role};
use sync_core::names::MemberName;

use super::stack::{self, Stack, Template, Value};

/// The stack of every member's role. An account that nobody knows is left empty, for
/// [`super::limits`] to complain about.
pub(super) fn stacks(mesh: &Mesh, account: Option<&str>, operators: &str) -> Vec<Stack> {
    let stack = |member: &Member| {
        let role = member.role.as_ref()?;
        Some(Stack {
            name: format!("{}-peer-role", mesh.stack_name(member)),
            environment: format!("{}-peer-role", member.name),
            template: Template::PeerRole,
            region: member.region.clone(),
            parameters: parameters(mesh, member, role, account, operators),
        })
    };
    mesh.members.iter().filter_map(stack).collect()
}

fn parameters(
    mesh: &Mesh,
    member: &Member,
    role: &Role,
    account: Option<&str>,
    operators: &str,
) -> Vec<(&'static str, Value)> {
    let (path, name) = path_and_name(&role.arn);
    let others = || mesh.members.iter().filter(|other| other.name != member.name);
    let callers: BTreeSet<&str> =
        others().filter_map(|other| stack::account_of(other, account)).collect();
    let writers = others().map(|other| MemberName::to_string(&other.name)).collect();
    vec![
        ("MeshName", Value::Line(mesh.name.to_string())),
        ("RolePath", Value::Line(path.to_owned())),
        ("RoleName", Value::Line(name.to_owned())),
        ("CallerAccounts", Value::List(callers.into_iter().map(str::to_owned).collect())),
        ("ExternalId", Value::Line(role.external_id.clone().unwrap_or_default())),
        ("OperatorArns", Value::Line(operators.to_owned())),
        ("SecurityGroupArns", Value::List(stack::targets_of(member, account))),
        ("PrefixListArns", Value::List(stack::lists_of(member, account))),
        ("TableArn", Value::Line(stack::table_of(member, account))),
        ("Writers", Value::List(writers)),
    ]
}

/// The path, with its slashes, and the name in a role's ARN, whose form the mesh document's
/// reader has checked.
fn path_and_name(arn: &str) -> (&str, &str) {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path_and_name = resource.strip_prefix("role").unwrap_or_default();
    path_and_name.split_at(path_and_name.rfind('/').map_or(0, |slash| slash + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_arn_has_a_path_and_a_name() {
        for (arn, parts) in [
            ("arn:aws:iam::123456789012:role/peer", ("/", "peer")),
            ("arn:aws:iam::123456789012:role/sgsync/orders/peer", ("/sgsync/orders/", "peer")),
        ] {
            assert_eq!(path_and_name(arn), parts);
        }
    }
}
