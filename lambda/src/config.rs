//! What a function is told by its environment. The only place that reads it.

use anyhow::{Context, bail};
use sync_core::mesh::Mesh;
use sync_core::names::{MemberName, Region};

/// A function's configuration.
pub(crate) struct Config {
    /// The mesh.
    pub mesh: Mesh,
    /// The member that this function works for.
    pub home: MemberName,
    /// The function's name, for rows and audit lines.
    pub function: String,
}

impl Config {
    /// Reads `SGSYNC_MESH` or `SGSYNC_MESH_FILE`, `AWS_REGION` and, where two members
    /// share a region, `SGSYNC_MEMBER`.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let mesh = Mesh::parse(&document()?)?;
        let region = variable("AWS_REGION").context("AWS_REGION is not set")?;
        let home = home(&mesh, &Region::new(region), variable("SGSYNC_MEMBER"))?;
        let function = variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "sgsync".to_owned());
        Ok(Self { mesh, home, function })
    }
}

impl Config {
    /// The mesh as this function reaches it: its own member with its own credentials. A
    /// member's `role_arn` is for the others.
    pub(crate) fn as_reached_from_home(&self) -> Mesh {
        let mut mesh = self.mesh.clone();
        for member in mesh.members.iter_mut().filter(|member| member.name == self.home) {
            member.role = None;
        }
        mesh
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn document() -> anyhow::Result<String> {
    match (variable("SGSYNC_MESH"), variable("SGSYNC_MESH_FILE")) {
        (Some(text), None) => Ok(text),
        (None, Some(path)) => std::fs::read_to_string(&path)
            .with_context(|| format!("SGSYNC_MESH_FILE names {path}, which cannot be read")),
        (Some(_), Some(_)) => bail!("both SGSYNC_MESH and SGSYNC_MESH_FILE are set; set one"),
        (None, None) => bail!(
            "neither SGSYNC_MESH (the mesh document's text) nor SGSYNC_MESH_FILE (its path) is set"
        ),
    }
}

/// Finds the function's own member by its region.
fn home(mesh: &Mesh, region: &Region, named: Option<String>) -> anyhow::Result<MemberName> {
    let here: Vec<&MemberName> = mesh.members_in(region).map(|member| &member.name).collect();
    let list = |names: &[&MemberName]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    match (here.as_slice(), named) {
        ([], _) => {
            let regions: Vec<_> = mesh.members.iter().map(|m| m.region.as_str()).collect();
            bail!(
                "the mesh document of `{}` has no member in {region}, where this function runs; \
                 its members are in {}",
                mesh.name,
                regions.join(", ")
            )
        }
        ([one], None) => Ok((*one).clone()),
        (several, None) => bail!(
            "the mesh document has {} members in {region} ({}): set SGSYNC_MEMBER to this function's",
            several.len(),
            list(several)
        ),
        (several, Some(named)) => several
            .iter()
            .find(|name| name.as_str() == named)
            .map(|name| (*name).clone())
            .with_context(|| {
                format!("SGSYNC_MEMBER is `{named}`; the members in {region} are {}", list(several))
            }),
    }
}

#[cfg(test)]
mod tests {
    use sync_core::mesh::Role;

    use super::*;

    fn mesh(members: &[(&str, &str)]) -> Mesh {
        let mut text = "name = \"m\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\n".to_owned();
        text.extend(members.iter().enumerate().map(|(place, (name, region))| {
            format!(
                "[[member]]\nname = \"{name}\"\nregion = \"{region}\"\ntable = \"rows-{name}\"\n\
                 auto_scaling_groups = [\"g{place}\"]\n\
                 security_groups = [\"sg-0000000000000000{place}\"]\n"
            )
        }));
        Mesh::parse(&text).expect("a mesh")
    }

    fn found(
        members: &[(&str, &str)],
        region: &str,
        named: Option<&str>,
    ) -> Result<String, String> {
        home(&mesh(members), &region.into(), named.map(str::to_owned))
            .map(|name| name.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_own_member_is_the_one_in_the_functions_region() {
        let members = [("east", "us-east-1"), ("west", "us-west-2")];
        assert_eq!(found(&members, "us-west-2", None), Ok("west".to_owned()));
        assert_eq!(found(&members, "us-west-2", Some("west")), Ok("west".to_owned()));
    }

    #[test]
    fn a_region_without_a_member_or_with_two_says_what_to_do() {
        let members = [("a", "us-east-1"), ("b", "us-east-1")];
        let error = found(&members, "eu-west-1", None).expect_err("no member");
        assert!(error.contains("no member in eu-west-1"), "{error}");
        let error = found(&members, "us-east-1", None).expect_err("two members");
        assert!(error.contains("set SGSYNC_MEMBER"), "{error}");
        assert_eq!(found(&members, "us-east-1", Some("b")), Ok("b".to_owned()));
        let error = found(&members, "us-east-1", Some("c")).expect_err("not that one");
        assert!(error.contains("`a`, `b`"), "{error}");
    }

    #[test]
    fn the_own_member_is_reached_without_its_role() {
        let mut mesh = mesh(&[("east", "us-east-1"), ("west", "us-west-2")]);
        for member in &mut mesh.members {
            member.role = Some(Role {
                arn: "arn:aws:iam::111122223333:role/r".to_owned(),
                account: "111122223333".into(),
                external_id: None,
            });
        }
        let config = Config { mesh, home: "west".into(), function: "f".to_owned() };
        let reached = config.as_reached_from_home();
        let roles: Vec<_> = reached.members.iter().map(|member| member.role.is_some()).collect();
        assert_eq!(roles, [true, false]);
    }
}
