//! What each member's stack is told: every parameter of `sam/template.yaml`.

use std::collections::BTreeSet;

use sync_core::mesh::{Member, Mesh};
use sync_core::names::{AccountId, AsgName, Region, SecurityGroupId};

use super::choices::Choices;

/// Parameters that the mesh document does not decide, with what they are unless `--set`, or
/// the file that is there, says otherwise: the template's own defaults, held equal by a test.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("CreateLifecycleHooks", "true"),
    ("TrueupSchedule", "rate(5 minutes)"),
    ("AlarmEmail", ""),
    ("Architecture", "arm64"),
];

/// The same of `sam/peer-role.yaml`.
pub(super) const ROLE_SETTINGS: &[(&str, &str)] = &[("OperatorArns", "")];

/// Parameters that come from the mesh document and from nowhere else.
const DERIVED: [&str; 13] = [
    "MeshName",
    "Mesh",
    "Regions",
    "SecurityGroupArns",
    "PrefixListArns",
    "TableArns",
    "PeerRoleArns",
    "Member",
    "NameSuffix",
    "AutoScalingGroups",
    "AutoScalingGroupArns",
    "SecurityGroups",
    "Table",
];

/// A parameter given by `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Of `SETTINGS`.
    pub name: &'static str,
    /// What it is to be.
    pub value: String,
}

impl Setting {
    /// Reads `NAME=VALUE`.
    ///
    /// # Errors
    /// A name that is no parameter, or one that the document decides.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
        if DERIVED.contains(&name) {
            return Err(format!("{name} comes from the mesh document; change it there"));
        }
        let all = || SETTINGS.iter().chain(ROLE_SETTINGS);
        let known = all().find(|(known, _)| *known == name);
        let (name, _) = known.ok_or_else(|| {
            let names: Vec<_> = all().map(|(name, _)| *name).collect();
            format!("the stack has no such parameter; there are {}", names.join(", "))
        })?;
        if !value.is_ascii() {
            return Err(format!("`{value}`: CloudFormation takes ASCII only"));
        }
        Ok(Self { name, value: value.to_owned() })
    }
}

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text of one line.
    Line(String),
    /// A text of several lines.
    Lines(String),
    /// A list; CloudFormation gets it joined by commas.
    List(Vec<String>),
}

impl Value {
    /// As CloudFormation gets it.
    pub(super) fn as_sent(&self) -> String {
        match self {
            Self::Line(text) | Self::Lines(text) => text.clone(),
            Self::List(items) => items.join(","),
        }
    }
}

/// Which of the templates a stack is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    /// `template.yaml`.
    Member,
    /// `peer-role.yaml`.
    PeerRole,
}

/// One member's stack.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    /// Its name.
    pub name: String,
    /// The name of its environment.
    pub environment: String,
    pub template: Template,
    /// Where it is launched.
    pub region: Region,
    /// Every parameter of the template, in the template's order.
    pub parameters: Vec<(&'static str, Value)>,
}

impl Stack {
    /// A parameter's value.
    pub(super) fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The partition that it is launched in.
    pub(super) fn partition(&self) -> &'static str {
        partition(&self.region)
    }
}

/// The stack of every member. An account that nobody knows is left empty in the ARNs,
/// for [`super::limits`] to complain about.
pub(super) fn stacks(
    mesh: &Mesh,
    document: &str,
    account: Option<&str>,
    choices: &Choices,
) -> Vec<Stack> {
    let stack = |member: &Member| Stack {
        name: mesh.stack_name(member),
        environment: member.name.to_string(),
        template: Template::Member,
        region: member.region.clone(),
        parameters: parameters(mesh, document, member, account, choices),
    };
    mesh.members.iter().map(stack).collect()
}

fn parameters(
    mesh: &Mesh,
    document: &str,
    member: &Member,
    account: Option<&str>,
    choices: &Choices,
) -> Vec<(&'static str, Value)> {
    let groups = member.auto_scaling_groups.iter().map(AsgName::to_string).collect();
    let targets = member.security_groups.iter().map(SecurityGroupId::to_string).collect();
    let mut parameters = vec![
        ("MeshName", Value::Line(mesh.name.to_string())),
        ("Mesh", Value::Lines(document.to_owned())),
        ("Regions", Value::List(regions(mesh))),
        ("SecurityGroupArns", Value::List(security_group_arns(mesh, account))),
        ("PrefixListArns", Value::List(prefix_list_arns(mesh, account))),
        ("TableArns", Value::List(table_arns(mesh, account))),
        ("PeerRoleArns", Value::List(peer_role_arns(mesh, member))),
        ("Member", Value::Line(member.name.to_string())),
        ("NameSuffix", Value::Line(member.name_suffix())),
        ("AutoScalingGroups", Value::List(groups)),
        ("AutoScalingGroupArns", Value::List(group_arns(member, account))),
        ("SecurityGroups", Value::List(targets)),
        ("Table", Value::Line(member.table.clone())),
    ];
    let chosen = SETTINGS.iter().map(|(name, _)| (*name, Value::Line(choices.of(name).to_owned())));
    parameters.extend(chosen);
    parameters
}

/// Every region once, in the document's order.
fn regions(mesh: &Mesh) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let regions = mesh.members.iter().map(|member| &member.region);
    regions.filter(|region| seen.insert(*region)).map(Region::to_string).collect()
}

/// The ARN of every prefix list of every member.
fn prefix_list_arns(mesh: &Mesh, account: Option<&str>) -> Vec<String> {
    mesh.members.iter().flat_map(|member| lists_of(member, account)).collect()
}

/// The ARN of each of a member's prefix lists.
pub(super) fn lists_of(member: &Member, account: Option<&str>) -> Vec<String> {
    let list = |list| arn("ec2", member, account, &format!("prefix-list/{list}"));
    member.prefix_lists.iter().map(list).collect()
}

/// The ARN of every group of every member.
fn security_group_arns(mesh: &Mesh, account: Option<&str>) -> Vec<String> {
    mesh.members.iter().flat_map(|member| targets_of(member, account)).collect()
}

/// The ARN of each of a member's groups.
pub(super) fn targets_of(member: &Member, account: Option<&str>) -> Vec<String> {
    let target = |group| arn("ec2", member, account, &format!("security-group/{group}"));
    member.security_groups.iter().map(target).collect()
}

/// The ARN of each of the member's groups. Auto Scaling makes the id in the middle with the
/// group, so it cannot be known here.
fn group_arns(member: &Member, account: Option<&str>) -> Vec<String> {
    let group = |name: &AsgName| {
        let resource = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
        arn("autoscaling", member, account, &resource)
    };
    member.auto_scaling_groups.iter().map(group).collect()
}

/// The ARN of every member's table.
fn table_arns(mesh: &Mesh, account: Option<&str>) -> Vec<String> {
    mesh.members.iter().map(|member| table_of(member, account)).collect()
}

/// The ARN of a member's table.
pub(super) fn table_of(member: &Member, account: Option<&str>) -> String {
    arn("dynamodb", member, account, &format!("table/{}", member.table))
}

/// The roles through which the other members are reached.
fn peer_role_arns(mesh: &Mesh, own: &Member) -> Vec<String> {
    let peers = mesh.members.iter().filter(|member| member.name != own.name);
    let roles: BTreeSet<&String> =
        peers.filter_map(|member| Some(&member.role.as_ref()?.arn)).collect();
    roles.into_iter().cloned().collect()
}

fn arn(service: &str, member: &Member, account: Option<&str>, resource: &str) -> String {
    let (region, account) = (&member.region, account_of(member, account).unwrap_or_default());
    format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
}

/// A member's account: the document's word, else `--account`.
pub(super) fn account_of<'a>(member: &'a Member, given: Option<&'a str>) -> Option<&'a str> {
    member.account.as_ref().map(AccountId::as_str).or(given)
}

/// The partition that a region belongs to, by its name.
fn partition(region: &Region) -> &'static str {
    match region.as_str() {
        china if china.starts_with("cn-") => "aws-cn",
        government if government.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
