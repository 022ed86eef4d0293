//! The text of a new mesh document.

use std::fmt::Write as _;

/// What a member has.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Where it is.
    pub region: String,
    /// Its Auto Scaling groups.
    pub groups: Vec<String>,
    /// Its security groups.
    pub ids: Vec<String>,
}

const HEAD: &str = "\
# The mesh document of sgsync: one cluster that spans regions. The same text is deployed to every
# region. docs/configuration.md has every key; `sgsync check` says what is wrong with this one.

# Becomes the tag of every rule: rules under another name are not this mesh's any more.
";

/// What holds unless it is changed; `#: ` begins a line that could be taken as it is.
const TAIL: &str = r#"
# What follows holds unless you take the `#: ` away and change it.

# Which addresses of an instance are admitted: public-ipv4, private-ipv4, ipv6.
#: [addresses]
#: kinds = ["public-ipv4"]

# A plan that would remove more rules than both of these waits for `sgsync apply --allow-removals`.
#: [guard]
#: max_removals = 10
#: max_removal_percent = 50

#: [limits]
# Inbound rules that a security group holds (quota L-0EA8095F).
#: rules_per_group = 60
# How long a run works on the other regions before it answers without them.
#: peer_budget_ms = 4000
# The age from which another region's news are reported as stale.
#: stale_after_minutes = 20

# What a launch is answered with that can never be admitted: abandon or continue.
#: [hooks]
#: on_launch_failure = "abandon"
"#;

/// A document with these members.
pub(super) fn document(name: &str, allow: &[String], members: &[Chosen]) -> String {
    let mut out = HEAD.to_owned();
    let _ = writeln!(out, "name = {}", quoted(name));
    let _ = writeln!(out, "\n# What members may reach on each other.");
    for entry in allow {
        let (protocol, ports) = match entry.split_once(':') {
            Some((protocol, ports)) => (protocol, Some(ports)),
            None => (entry.as_str(), None),
        };
        let _ = writeln!(out, "[[allow]]\nprotocol = {}", quoted(protocol));
        if let Some(ports) = ports {
            let _ = writeln!(out, "ports = {}", quoted(ports));
        }
    }
    let _ = writeln!(
        out,
        "\n# Whose instances are in the cluster, and which security groups admit all of them. A member in\n\
         # another account has `account`, `role_arn` and `external_id` too."
    );
    for member in members {
        let list =
            |words: &[String]| words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "[[member]]\nregion = {}", quoted(&member.region));
        let _ = writeln!(out, "auto_scaling_groups = [{}]", list(&member.groups));
        let _ = writeln!(out, "security_groups = [{}]", list(&member.ids));
    }
    out + TAIL
}

/// A text as TOML's basic strings and JSON's both have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
