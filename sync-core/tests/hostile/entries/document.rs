//! Mesh documents, as TOML and as JSON.

use std::collections::BTreeSet;

use sync_core::mesh::{Allowed, Mesh, OnLaunchFailure};

use super::bounds;

/// Reads a text as a mesh document.
///
/// # Panics
/// If a valid mesh is not one, or a refusal gives no reason or more than a bounded one.
pub fn entry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Mesh::parse(&text) {
        Ok(mesh) => judge(&mesh),
        Err(invalid) => {
            assert!(!invalid.problems.is_empty(), "refused for no reason");
            assert!(invalid.problems.len() <= bounds::PROBLEMS, "{}", invalid.problems.len());
            for problem in &invalid.problems {
                bounds::line(&problem.to_string(), bounds::PROBLEM);
            }
        }
    }
}

/// What design section 3 says of every mesh.
fn judge(mesh: &Mesh) {
    let name = mesh.name.as_str();
    let name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!((1..=48).contains(&name.len()) && name.chars().all(name_char), "{name}");
    assert!(!mesh.allow.is_empty() && !mesh.members.is_empty() && !mesh.kinds.is_empty());
    let members: BTreeSet<_> = mesh.members.iter().map(|member| &member.name).collect();
    assert_eq!(members.len(), mesh.members.len(), "two members of one name");
    let targets: Vec<_> = mesh.members.iter().flat_map(|member| &member.security_groups).collect();
    assert_eq!(targets.iter().collect::<BTreeSet<_>>().len(), targets.len(), "a target twice");
    for member in &mesh.members {
        assert!(member.auto_scaling_groups.len() + member.security_groups.len() > 0, "{member:?}");
        let texts = [member.name.as_str(), member.region.as_str(), &member.table];
        let role = member.role.iter().flat_map(|role| [Some(&role.arn), role.external_id.as_ref()]);
        for text in texts.into_iter().chain(role.flatten().map(String::as_str)) {
            bounds::line(text, bounds::MESSAGE);
        }
        for asg in &member.auto_scaling_groups {
            bounds::line(asg.as_str(), bounds::MESSAGE);
        }
    }
    for allow in &mesh.allow {
        for names in [&allow.from, &allow.to].into_iter().flatten() {
            assert!(!names.is_empty() && names.iter().all(|name| members.contains(name)));
        }
        let Allowed::These(traffic) = allow.traffic else { continue };
        let ports = traffic.ec2_ports().filter(|_| traffic.protocol().has_ports());
        assert_eq!(ports.is_some(), traffic.protocol().has_ports(), "{traffic}");
        assert!(ports.is_none_or(|(from, to)| 0 <= from && from <= to && to <= 65_535));
    }
    for link in &mesh.links {
        assert!(!link.kinds.is_empty());
        for names in [&link.from, &link.to].into_iter().flatten() {
            assert!(!names.is_empty() && names.iter().all(|name| members.contains(name)));
        }
    }
    assert!(mesh.guard.max_removal_percent <= 100 && mesh.guard.max_removals <= 10_000);
    assert!((1..=1000).contains(&mesh.limits.rules_per_group));
    assert!((100..=60_000).contains(&mesh.limits.peer_budget.as_millis()));
    let answers = [OnLaunchFailure::Abandon, OnLaunchFailure::Continue];
    assert!(answers.contains(&mesh.on_launch_failure));
}
