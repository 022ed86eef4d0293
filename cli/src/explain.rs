//! `sgsync explain`: where an address, an instance or a rule is admitted, and why or why not.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::bail;
use jiff::Timestamp;
use serde::Serialize;
use sync_aws::SystemClock;
use sync_core::cidr::Cidr;
use sync_core::mesh::Mesh;
use sync_core::names::{AsgName, InstanceId, MemberName, Region, RuleId, SecurityGroupId};
use sync_core::ports::Clock as _;
use sync_core::row::Version;

use crate::args::{Common, Output};
use crate::screen::{print, print_json};
use crate::{ERROR, OK, PENDING, world};

mod about;
mod judge;
#[cfg(test)]
mod tests;
mod text;

/// What to explain.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// An address, an instance id `i-…`, or a rule id `sgr-…`
    #[arg(value_name = "ADDRESS|INSTANCE|RULE")]
    pub what: String,
}

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Address(Cidr),
    Instance(InstanceId),
    Rule(RuleId),
}

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
struct Explanation {
    mesh: String,
    asked: String,
    /// Every instance that it may be about.
    instances: Vec<Instance>,
    /// Why the mesh does not want it, or not yet; empty if there is nothing to say.
    why_not: Vec<String>,
    /// Each target that could be judged.
    targets: Vec<Target>,
    /// What could not be seen.
    errors: Vec<String>,
}

/// An instance, as the mesh's regions show it.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the key in the JSON, as in every other one")]
struct Instance {
    instance: InstanceId,
    member: MemberName,
    /// Its group in the mesh, if it is in one.
    asg: Option<AsgName>,
    /// Auto Scaling's word for where it is in its life.
    lifecycle: Option<String>,
    /// EC2's word.
    state: Option<String>,
    /// Addresses that the mesh admits.
    addresses: BTreeSet<Cidr>,
}

/// One security group's part of the answer.
#[derive(Clone, Debug, Serialize)]
struct Target {
    member: MemberName,
    region: Region,
    security_group: SecurityGroupId,
    /// Whether all of what the mesh wants is admitted, or, where it wants nothing, anything.
    admitted: bool,
    /// What the mesh wants admitted here.
    wanted: Vec<String>,
    /// The rules that admit the address.
    by: Vec<ByRule>,
    /// The rows that want it admitted.
    because: Vec<Because>,
    /// What is not as it should be here, or not as one might think.
    notes: Vec<String>,
}

/// A rule that admits the address.
#[derive(Clone, Debug, Serialize)]
struct ByRule {
    rule: RuleId,
    permission: String,
    /// Whether it is the mesh's.
    owned: bool,
    description: Option<String>,
}

/// A row that has the address.
#[derive(Clone, Debug, Serialize)]
struct Because {
    member: MemberName,
    asg: AsgName,
    instance: InstanceId,
    row_version: Version,
    observed_at: Timestamp,
    writer: String,
}

/// Runs the command; its exit code.
pub(crate) async fn run(mesh: &Mesh, options: &Options, common: &Common) -> anyhow::Result<u8> {
    let asked = parse(&options.what)?;
    let instance = match &asked {
        Asked::Instance(id) => BTreeSet::from([id.clone()]),
        Asked::Address(_) | Asked::Rule(_) => BTreeSet::new(),
    };
    let world = world::look(mesh, &instance, common).await;
    let explanation = judge::explain(mesh, &world, &asked, &options.what);
    match common.output {
        Output::Text => print(&text::explanation(&explanation, SystemClock.now())),
        Output::Json => print_json(&explanation)?,
    }
    Ok(explanation.exit_code())
}

fn parse(what: &str) -> anyhow::Result<Asked> {
    if what.starts_with("sgr-") {
        return Ok(Asked::Rule(RuleId::new(what)));
    }
    if what.starts_with("i-") {
        let id = InstanceId::new(what);
        if !id.is_plausible() {
            bail!("`{what}` is no instance id: i- and up to 17 hexadecimal digits, in lower case");
        }
        return Ok(Asked::Instance(id));
    }
    if let Ok(address) = what.parse::<IpAddr>() {
        return Ok(Asked::Address(Cidr::host(address)));
    }
    match what.parse::<Cidr>() {
        Ok(cidr) if cidr.is_host_route() => Ok(Asked::Address(cidr)),
        Ok(_) => {
            bail!("`{what}` is more than one address; explain takes one, such as 198.51.100.7")
        }
        Err(_) => {
            bail!("`{what}` is no address (198.51.100.7), instance id (i-…) or rule id (sgr-…)")
        }
    }
}

impl Explanation {
    fn exit_code(&self) -> u8 {
        let wanted = self.targets.iter().any(|target| !target.wanted.is_empty());
        let missing =
            self.targets.iter().any(|target| !target.wanted.is_empty() && !target.admitted);
        if !self.errors.is_empty() {
            ERROR
        } else if wanted && !missing {
            OK
        } else {
            PENDING
        }
    }
}
