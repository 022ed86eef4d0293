//! What a member's stack is called.

use super::{Member, Mesh};

impl Mesh {
    /// The name of a member's stack (`sam/template.yaml`), with which the names of all that it
    /// makes begin. It depends on the member alone: no stack gets another name because a member
    /// comes or goes.
    #[must_use]
    pub fn stack_name(&self, member: &Member) -> String {
        format!("sgsync-{}{}", self.name, member.name_suffix())
    }
}

impl Member {
    /// What tells its stack from those of the region's other members: its name, if that is not
    /// the region's.
    #[must_use]
    pub fn name_suffix(&self) -> String {
        if self.name.as_str() == self.region.as_str() {
            String::new()
        } else {
            format!("-{}", self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_with_a_name_of_its_own_has_a_stack_of_that_name() {
        let member = |more: &str, group: char| {
            format!(
                "[[member]]\nregion = \"us-east-1\"\nauto_scaling_groups = [\"{group}\"]\n{more}"
            )
        };
        let second = member("name = \"blue\"\ntable = \"rows\"\n", 'b');
        let head = "name = \"orders\"\n[[allow]]\nprotocol = \"all\"\n";
        let mesh = Mesh::parse(&format!("{head}{}{second}", member("", 'a'))).expect("a mesh");
        let names: Vec<_> = mesh.members.iter().map(|one| mesh.stack_name(one)).collect();
        assert_eq!(names, ["sgsync-orders", "sgsync-orders-blue"]);
    }
}
