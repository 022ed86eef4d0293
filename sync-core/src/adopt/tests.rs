use super::*;
use crate::permission::{Protocol, Source, Traffic};
use crate::planner::Origin;

fn mesh() -> Mesh {
    let members = [("us-east-1", 0), ("us-west-2", 1)].map(|(region, last)| {
        format!(
            "[[member]]\nregion = \"{region}\"\nauto_scaling_groups = [\"g\"]\n\
             security_groups = [\"sg-0123456789abcdef{last}\"]\n"
        )
    });
    let allow = "name = \"orders-db\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000-7001\"\n";
    Mesh::parse(&format!("{allow}{}", members.concat())).expect("a mesh")
}

fn rule(id: &str, ports: (u16, u16), cidr: &str, tag: Option<&str>) -> Rule {
    Rule {
        id: id.into(),
        traffic: Traffic::ports(Protocol::Tcp, ports.0, ports.1),
        source: Source::Cidr(cidr.parse().expect("a cidr")),
        description: None,
        tags: tag.map(|mesh| (MESH_TAG.to_owned(), mesh.to_owned())).into_iter().collect(),
    }
}

/// `198.51.100.7` of us-west-2 is wanted.
fn wanting() -> Desired {
    let wanted = rule("", (7000, 7001), "198.51.100.7/32", None).permission().expect("one");
    let origin =
        Origin { place: 1, member: "us-west-2".into(), asg: "g".into(), instance: "i-7".into() };
    Desired { wanted: BTreeMap::from([(wanted, origin)]), ..Desired::default() }
}

fn decided(rule: Rule, named: &[&str]) -> Option<Decision> {
    let (mesh, named) = (mesh(), named.iter().map(|id| RuleId::new(*id)).collect());
    let judged = judge(&mesh, (&mesh.members[0], &BTreeSet::new()), &[rule], &wanting(), &named);
    judged.into_iter().next().map(|candidate| candidate.decision)
}

#[test]
fn exactly_what_is_wanted_is_adopted_for_the_member_that_wants_it() {
    let wanted = Decision::Adopt("us-west-2".into());
    assert_eq!(decided(rule("sgr-1", (7000, 7001), "198.51.100.7/32", None), &[]), Some(wanted));
}

#[test]
fn what_is_not_exactly_wanted_is_adopted_only_by_name() {
    let stale = || rule("sgr-1", (7000, 7001), "198.51.100.8/32", None);
    let narrower = || rule("sgr-1", (7000, 7000), "198.51.100.7/32", None);
    let wide = || rule("sgr-1", (7000, 7001), "0.0.0.0/0", None);
    for unwanted in [stale, narrower, wide] {
        assert_eq!(decided(unwanted(), &[]), Some(Decision::Unwanted));
        assert_eq!(decided(unwanted(), &["sgr-2"]), Some(Decision::Unwanted));
        assert_eq!(decided(unwanted(), &["sgr-1"]), Some(Decision::AdoptToRevoke));
    }
}

#[test]
fn promise_1_other_ports_and_other_meshes_are_never_adopted_not_even_by_name() {
    for other in [
        rule("sgr-1", (22, 22), "198.51.100.7/32", None),
        rule("sgr-1", (7000, 7001), "198.51.100.7/32", Some("another")),
        rule("sgr-1", (7000, 7001), "198.51.100.8/32", Some("another")),
    ] {
        assert_eq!(decided(other, &["sgr-1"]), Some(Decision::Other));
    }
}

#[test]
fn what_is_the_meshs_already_is_no_candidate() {
    let owned = rule("sgr-1", (7000, 7001), "198.51.100.8/32", Some("orders-db"));
    assert_eq!(decided(owned, &["sgr-1"]), None);
}

#[test]
fn tags_name_the_mesh_and_the_member_that_wants_the_rule() {
    let tags = |decision| {
        let rule = rule("sgr-1", (7000, 7001), "198.51.100.7/32", None);
        Candidate { rule, decision }.tags(&mesh()).map(|tags| {
            tags.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        })
    };
    let mesh_tag = "sgsync:mesh=orders-db".to_owned();
    let member_tag = "sgsync:member=us-west-2".to_owned();
    let wanted = Decision::Adopt("us-west-2".into());
    assert_eq!(tags(wanted), Some(vec![member_tag, mesh_tag.clone()]));
    assert_eq!(tags(Decision::AdoptToRevoke), Some(vec![mesh_tag]));
    assert_eq!(tags(Decision::Unwanted), None);
    assert_eq!(tags(Decision::Other), None);
}
