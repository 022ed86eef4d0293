//! Which addresses are admitted between whom.

use super::*;
use crate::cidr::Cidr;

const THIRD: &str = "[[member]]\nregion = \"eu-west-1\"\nauto_scaling_groups = [\"a\"]\n";

fn with(more: &str) -> String {
    format!("{SHORT}{THIRD}{more}")
}

fn kinds(mesh: &Mesh, from: &str) -> Vec<&'static str> {
    mesh.kinds_of(&from.into()).into_iter().map(AddressKind::as_str).collect()
}

fn opens(mesh: &Mesh, from: &str, to: &str, cidr: &str) -> Vec<String> {
    let cidr: Cidr = cidr.parse().expect(cidr);
    let permissions = mesh.between(&from.into(), &to.into(), &Base::default());
    permissions.permissions(cidr).map(|permission| permission.to_string()).collect()
}

const EAST: &str = "us-east-1";
const WEST: &str = "us-west-2";
const IRELAND: &str = "eu-west-1";

#[test]
fn without_a_link_every_pair_has_the_meshs_kinds() {
    let mesh = mesh(&with("[addresses]\nkinds = [\"private-ipv4\", \"ipv6\"]"));
    for from in [EAST, WEST, IRELAND] {
        assert_eq!(kinds(&mesh, from), ["private-ipv4", "ipv6"]);
        assert!(!mesh.is_told_apart(&from.into()));
    }
    // A VPC may have addresses from public ranges; here they are wanted as private ones.
    assert_eq!(opens(&mesh, EAST, WEST, "54.0.0.1/32"), ["tcp 7000-7001 54.0.0.1/32"]);
    assert_eq!(opens(&mesh, EAST, WEST, "54.0.0.0/28"), [] as [&str; 0]);
}

#[test]
fn a_link_says_which_addresses_its_pairs_admit_and_no_others() {
    let mesh = mesh(&with(
        "[[link]]\nfrom = [\"us-east-1\"]\nto = [\"us-west-2\"]\nkinds = [\"private-ipv4\", \"ipv4-prefix\"]\n",
    ));
    assert_eq!(kinds(&mesh, EAST), ["public-ipv4", "private-ipv4", "ipv4-prefix"]);
    assert_eq!(kinds(&mesh, WEST), ["public-ipv4"]);
    assert_eq!(mesh.between(&EAST.into(), &WEST.into(), &Base::default()).kinds.len(), 2);
    let [public, private, prefix] = ["54.0.0.1/32", "10.0.0.1/32", "10.0.0.16/28"];
    assert_eq!(opens(&mesh, EAST, WEST, private), ["tcp 7000-7001 10.0.0.1/32"]);
    assert_eq!(opens(&mesh, EAST, WEST, prefix), ["tcp 7000-7001 10.0.0.16/28"]);
    assert_eq!(opens(&mesh, EAST, EAST, public), ["tcp 7000-7001 54.0.0.1/32"]);
    let none =
        [(EAST, WEST, public), (EAST, EAST, private), (EAST, EAST, prefix), (WEST, EAST, private)];
    for (from, to, cidr) in none {
        assert_eq!(opens(&mesh, from, to, cidr), [] as [&str; 0], "{from} to {to}: {cidr}");
    }
    assert!(mesh.is_told_apart(&EAST.into()) && !mesh.is_told_apart(&WEST.into()));
}

#[test]
fn only_pairs_with_traffic_and_a_target_ask_for_a_kind() {
    let to_ireland = "[[link]]\nto = [\"eu-west-1\"]\nkinds = [\"ipv6\"]\n";
    assert_eq!(kinds(&mesh(&with(to_ireland)), EAST), ["public-ipv4"], "it has no target");
    let one_way = with("[[link]]\nto = [\"us-east-1\"]\nkinds = [\"ipv6\"]\n")
        .replace("ports = \"7000-7001\"", "ports = \"7000-7001\"\nto = [\"us-east-1\"]");
    assert_eq!(kinds(&mesh(&one_way), WEST), ["ipv6"], "nobody admits its public address");
    let nobody = with("[[link]]\nfrom = [\"us-east-1\"]\nkinds = [\"ipv6\"]\n")
        .replace("ports = \"7000-7001\"", "ports = \"7000-7001\"\nfrom = [\"us-east-1\"]");
    assert_eq!(kinds(&mesh(&nobody), EAST), ["ipv6"]);
    assert_eq!(kinds(&mesh(&nobody), WEST), ["public-ipv4"], "what a member without links has");
}

#[test]
fn icmp_may_have_its_kind_by_a_link_and_prefixes_are_addresses_too() {
    let icmpv6 = |kinds: &str| {
        with(&format!(
            "[[allow]]\nprotocol = \"icmpv6\"\n[[link]]\nto = [\"us-west-2\"]\nkinds = [{kinds}]\n"
        ))
    };
    mesh(&icmpv6("\"ipv6\""));
    mesh(&icmpv6("\"ipv6-prefix\""));
    assert!(problems(&icmpv6("\"ipv4-prefix\"")).contains("icmpv6 needs `ipv6`"));
}

#[test]
fn what_is_wrong_with_links_is_said_all_at_once_with_paths() {
    let text = with(
        r#"
[[link]]
from = ["us-east-1", "mars"]
kinds = ["public_ipv4"]
[[link]]
to = []
colour = "red"
[[link]]
from = ["us-east-1"]
kinds = ["ipv6"]
[[link]]
from = ["us-east-1", "us-west-2"]
to = ["us-west-2"]
kinds = ["private-ipv4", "private-ipv4"]
[[link]]
to = ["us-east-1"]
kinds = []
"#,
    );
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn a_link_that_nothing_flows_over_is_a_mistake() {
    let text = with("[[link]]\nfrom = [\"us-west-2\"]\nto = [\"us-east-1\"]\nkinds = [\"ipv6\"]\n")
        .replace("ports = \"7000-7001\"", "ports = \"7000-7001\"\nfrom = [\"us-east-1\"]");
    assert_eq!(
        problems(&text),
        "the mesh document has 1 problem:\n  link[0]: is between members that no `[[allow]]` \
         lets reach each other this way"
    );
}

#[test]
fn two_links_about_one_pair_are_refused() {
    for (one, other, pair) in [
        ("", "", Some("`eu-west-1` may reach `eu-west-1`")),
        (
            "to = [\"us-west-2\"]",
            "from = [\"us-east-1\"]",
            Some("`us-east-1` may reach `us-west-2`"),
        ),
        ("from = [\"us-west-2\"]", "from = [\"us-east-1\"]", None),
        ("from = [\"us-west-2\"]\nto = [\"us-west-2\"]", "to = [\"us-east-1\"]", None),
    ] {
        let link = |names: &str| format!("[[link]]\n{names}\nkinds = [\"ipv6\"]\n");
        let text = with(&(link(one) + &link(other)));
        match pair {
            Some(pair) => {
                let said = format!("link[1]: says of which kinds {pair}, and so does link[0]");
                assert!(problems(&text).contains(&said), "{}", problems(&text));
            }
            None => drop(mesh(&text)),
        }
    }
}
