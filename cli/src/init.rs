//! `sgsync init`: a commented mesh document to begin with, from options or by looking.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::json;
use sync_aws::Catalog;
use sync_core::mesh::{Invalid, Mesh};
use sync_core::names::Region;

use crate::args::{Common, Output};
use crate::screen::{during, print, print_json};
use crate::{ERROR, OK};

mod document;
mod pick;

use document::{Chosen, document};
use pick::{Choice, pick};

/// For a stranger who has just installed it.
const EXAMPLES: &str = "\
Examples:
  sgsync init --name orders-db --allow tcp:7000-7001 --region us-east-1 --region us-west-2
  sgsync init --name orders-db --allow tcp:7000-7001 \\
      --member us-east-1=orders-us-east-1/sg-0123456789abcdef0 \\
      --member us-west-2=orders-us-west-2/sg-0fedcba9876543210";

/// What to begin with.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Options {
    /// The mesh's name: it becomes the tag of every rule
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// What members may reach on each other, such as `tcp:7000-7001`; can be given several times
    #[arg(long = "allow", value_name = "PROTOCOL[:PORTS]", required = true)]
    pub allow: Vec<String>,

    /// A member: its region, Auto Scaling groups and security groups; can be given several times
    #[arg(long = "member", value_name = "REGION=GROUP,…/SG-ID,…")]
    pub members: Vec<String>,

    /// A region to look at, to choose its groups from what is there; can be given several times
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,

    /// Overwrite a document that is there already
    #[arg(long)]
    pub force: bool,
}

/// Runs the command; its exit code.
pub(crate) async fn run(options: &Options, common: &Common) -> anyhow::Result<u8> {
    let path = common.mesh.as_path();
    if path.exists() && !options.force {
        bail!("{} is there already; --force overwrites it, --mesh names another", path.display());
    }
    let mut members = Vec::new();
    for text in &options.members {
        members.push(member(text)?);
    }
    if !options.regions.is_empty() && common.output == Output::Json {
        bail!("`init --output json` has nobody to ask: give --member instead of --region");
    }
    if members.is_empty() && options.regions.is_empty() {
        bail!("a mesh has members: give --member for each, or --region to choose what is there");
    }
    // What is wrong already is said before anybody is asked to choose.
    let to_be_chosen = options.regions.iter().map(|region| Chosen {
        region: region.clone(),
        groups: vec!["to-be-chosen".to_owned()],
        ids: Vec::new(),
    });
    let draft: Vec<Chosen> = members.iter().cloned().chain(to_be_chosen).collect();
    if let Err(invalid) = Mesh::parse(&document(&options.name, &options.allow, &draft)) {
        return refused(&invalid, common).map(|()| ERROR);
    }
    for region in &options.regions {
        members.push(Box::pin(choose(region, common)).await?);
    }
    let text = document(&options.name, &options.allow, &members);
    match Mesh::parse(&text) {
        Ok(mesh) => {
            std::fs::write(path, &text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            written(path, &mesh, common)?;
            Ok(OK)
        }
        Err(invalid) => refused(&invalid, common).map(|()| ERROR),
    }
}

fn written(path: &Path, mesh: &Mesh, common: &Common) -> anyhow::Result<()> {
    let path = path.display().to_string();
    match common.output {
        Output::Json => print_json(&json!({ "written": path, "mesh": mesh.name, "problems": [] })),
        Output::Text => {
            print(&format!(
                "{path} is written\nnext: `sgsync check --online` looks whether it fits what is \
                 there, `sgsync plan` says what it would change\n"
            ));
            Ok(())
        }
    }
}

fn refused(invalid: &Invalid, common: &Common) -> anyhow::Result<()> {
    let problems = invalid.problems.iter();
    match common.output {
        Output::Json => {
            let problems: Vec<_> = problems
                .map(|problem| json!({ "path": problem.path, "detail": problem.detail }))
                .collect();
            print_json(&json!({ "written": null, "problems": problems }))
        }
        Output::Text => bail!("the options make no valid document, so none was written: {invalid}"),
    }
}

/// A member as an option says it.
fn member(text: &str) -> anyhow::Result<Chosen> {
    let parts = text.split_once('=').and_then(|(region, rest)| {
        // A group's name may have a slash, an id has none.
        rest.rsplit_once('/').map(|(groups, ids)| (region, groups, ids))
    });
    let Some((region, groups, ids)) = parts else {
        bail!("`{text}` is no member: write it as us-east-1=orders/sg-0123456789abcdef0");
    };
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    Ok(Chosen { region: region.to_owned(), groups: list(groups), ids: list(ids) })
}

/// A member as a person chooses it from what its region has.
async fn choose(region: &str, common: &Common) -> anyhow::Result<Chosen> {
    let place = Region::new(region);
    let looking = Box::pin(Catalog::of(&place, common.profile.as_deref()));
    let catalog = during(&format!("looking at {region}"), looking)
        .await
        .with_context(|| format!("{region} could not be looked at"))?;
    let groups: Vec<_> = catalog
        .auto_scaling_groups
        .iter()
        .map(|group| Choice { name: group.to_string(), about: String::new() })
        .collect();
    let mut ids: Vec<_> = catalog
        .security_groups
        .iter()
        .map(|(id, name)| Choice { name: id.to_string(), about: name.clone() })
        .collect();
    // A person looks for a name.
    ids.sort_by(|one, other| one.about.cmp(&other.about));
    let mut answers = std::io::stdin().lock();
    Ok(Chosen {
        region: region.to_owned(),
        groups: pick(&format!("Auto Scaling groups of {region}"), &groups, &mut answers)?,
        ids: pick(&format!("security groups of {region} to admit the mesh"), &ids, &mut answers)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_region_and_what_it_has_there() {
        let chosen = member("us-east-1=a/b, c/sg-0123456789abcdef0").expect("a member");
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(chosen.region, "us-east-1");
        assert_eq!(chosen.groups, words(&["a/b", "c"]));
        assert_eq!(chosen.ids, words(&["sg-0123456789abcdef0"]));
        assert!(member("us-east-1=a/").expect("sources only").ids.is_empty());
        assert!(member("us-east-1").is_err());
    }

    #[test]
    fn a_document_is_commented_and_valid() {
        let members = [member("us-east-1=a/sg-0123456789abcdef0").expect("a member")];
        let text =
            document("orders-db", &["tcp:7000-7001".to_owned(), "icmp".to_owned()], &members);
        insta::assert_snapshot!(text);
        let mesh = Mesh::parse(&text).expect("a mesh");
        // What stands there as a comment is what holds without it.
        let uncommented: String = text
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let explicit = Mesh::parse(&uncommented).expect("a mesh");
        assert_eq!((mesh.guard, mesh.limits), (explicit.guard, explicit.limits));
        assert_eq!(mesh.kinds, explicit.kinds);
        assert_eq!(mesh.on_launch_failure, explicit.on_launch_failure);
        assert_ne!(text, uncommented);
    }

    #[test]
    fn nothing_that_is_given_escapes_its_quotes() {
        let odd = Chosen {
            region: "us-east-1".to_owned(),
            groups: vec!["a\"]\nname = \"b".to_owned()],
            ids: Vec::new(),
        };
        let text = document("orders-db", &["tcp:1".to_owned()], &[odd]);
        let invalid = Mesh::parse(&text).expect_err("a control character");
        assert_eq!(invalid.problems[0].path, "member[0].auto_scaling_groups[0]");
    }
}
