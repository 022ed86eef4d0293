use std::collections::BTreeMap;

use sync_aws::{FunctionSettings, HookSettings, Survey};
use sync_core::cidr::Cidr;
use sync_core::mesh::Mesh;
use sync_core::names::SecurityGroupId;
use sync_core::permission::{Protocol, Rule, Source, Traffic};
use sync_core::ports::{CallError, Failure};
use sync_core::row::{MemberRow, Rows, Version};

use super::*;

const DOCUMENT: &str = r#"
        name = "orders-db"
        [[allow]]
        protocol = "tcp"
        ports = "7000"
        [[member]]
        region = "us-east-1"
        auto_scaling_groups = ["orders"]
        security_groups = ["sg-0123456789abcdef0"]
        "#;
const GROUP: &str = "sg-0123456789abcdef0";

fn mesh() -> Mesh {
    Mesh::parse(DOCUMENT).expect("a mesh")
}

/// A function as the stack makes it.
fn function(timeout: i32, document: &str) -> FunctionSettings {
    let variables = [("SGSYNC_MESH".to_owned(), document.to_owned())].into();
    FunctionSettings { timeout, variables }
}

fn denied(call: &'static str, kind: Failure, code: &str) -> CallError {
    let (code, message) = (code.to_owned(), "no".to_owned());
    CallError { call, kind, code, message, request_id: None }
}

fn hook(name: &str, transition: &str, heartbeat: i32) -> HookSettings {
    let transition = format!("autoscaling:EC2_INSTANCE_{transition}");
    HookSettings { name: format!("sgsync-orders-db-{name}"), transition, heartbeat }
}

fn survey(hooks: Vec<HookSettings>, largest: i32) -> Survey {
    let group = SecurityGroupId::new("sg-0123456789abcdef0");
    Survey {
        security_groups: Ok([group.clone()].into()),
        max_sizes: Ok([("orders".into(), largest)].into()),
        hooks: [("orders".into(), Ok(hooks))].into(),
        may_change: [(group, Ok(()))].into(),
        rules_granted: Ok(60),
        functions: [
            ("sgsync-orders-db-hooks".to_owned(), Ok(function(15, DOCUMENT))),
            ("sgsync-orders-db-trueup".to_owned(), Ok(function(60, DOCUMENT))),
        ]
        .into(),
    }
}

fn row(document: &str) -> Rows {
    let mesh = mesh();
    let key = mesh.row_keys().next().expect("a key");
    let now = "2026-11-20T08:15:04Z".parse().expect("a time");
    let version = Version::next(None, now);
    let row = MemberRow::new(key, version, now, BTreeMap::new(), "us".to_owned(), document.into());
    Rows::read(&[row.to_item()], &mesh)
}

fn seen(rows: Rows) -> Seen {
    let nothing = || Ok(BTreeMap::new());
    Seen {
        rules: Ok([(SecurityGroupId::new(GROUP), Vec::new().into())].into()),
        rows: Ok(rows),
        groups: nothing(),
        instances: Ok(BTreeMap::new()),
    }
}

fn checked(seen: &Seen, survey: &Survey) -> String {
    let mesh = mesh();
    let members = || mesh.members.iter().map(|member| member.name.clone());
    let world = members().map(|name| (name, seen.clone())).collect();
    let surveys = members().map(|name| (name, survey.clone())).collect();
    anstream::adapter::strip_str(&shown(&mesh, &judged(&mesh, &world, &surveys))).to_string()
}

#[test]
fn what_is_as_it_should_be_is_said_too() {
    let hooks = vec![hook("launch", "LAUNCHING", 300), hook("terminate", "TERMINATING", 300)];
    let same = row(mesh().hash.as_str());
    insta::assert_snapshot!(checked(&seen(same), &survey(hooks, 48)));
}

#[test]
fn everything_that_is_wrong_is_named_with_what_to_do() {
    let hooks = vec![hook("launch", "TERMINATING", 15)];
    let mut bad = survey(hooks, 61);
    let call = "ec2:AuthorizeSecurityGroupIngress";
    let refused = denied(call, Failure::Denied, "UnauthorizedOperation");
    bad.may_change = [(GROUP.into(), Err(refused))].into();
    bad.rules_granted = Ok(50);
    let other = DOCUMENT.replace("7000", "7001");
    bad.functions.insert("sgsync-orders-db-hooks".to_owned(), Ok(function(20, &other)));
    bad.functions.insert("sgsync-orders-db-trueup".to_owned(), Ok(function(60, "name = 5")));
    insta::assert_snapshot!(checked(&seen(row("0123")), &bad));
}

#[test]
fn what_is_not_there_is_named() {
    let none = || Err(denied("lambda:GetFunctionConfiguration", Failure::NotFound, "NotFound"));
    let nothing = Survey {
        security_groups: Ok(BTreeSet::new()),
        max_sizes: Ok(BTreeMap::new()),
        hooks: BTreeMap::new(),
        may_change: BTreeMap::new(),
        rules_granted: Err(denied("servicequotas:GetServiceQuota", Failure::Denied, "Denied")),
        functions: [("sgsync-orders-db-hooks".to_owned(), none())].into(),
    };
    let mut seen = seen(Rows::read(&[], &mesh()));
    seen.rules = Ok(BTreeMap::new());
    insta::assert_snapshot!(checked(&seen, &nothing));
}

#[test]
fn a_document_that_is_not_in_the_environment_is_asked_for() {
    let mut survey = survey(vec![], 1);
    for (function, variables) in [
        ("sgsync-orders-db-hooks", BTreeMap::new()),
        (
            "sgsync-orders-db-trueup",
            [("SGSYNC_MESH_FILE".to_owned(), "mesh.toml".to_owned())].into(),
        ),
    ] {
        let settings = FunctionSettings { timeout: 15, variables };
        survey.functions.insert(function.to_owned(), Ok(settings));
    }
    let said = checked(&seen(row(mesh().hash.as_str())), &survey);
    for (function, of_it) in [
        ("error: us-east-1: sgsync-orders-db-hooks", "has neither SGSYNC_MESH"),
        ("warning: us-east-1: sgsync-orders-db-trueup", "has its document in a file, mesh.toml"),
    ] {
        assert!(said.contains(&format!("{function}: {of_it}")), "{said}");
    }
}

#[test]
fn a_function_that_works_for_another_member_is_named() {
    let second = "[[member]]\nname = \"blue\"\nregion = \"us-east-1\"\ntable = \"rows\"\n\
        auto_scaling_groups = [\"b\"]\n";
    for (document, set, said) in [
        (DOCUMENT.to_owned(), None, None),
        (DOCUMENT.to_owned(), Some("us-east-1"), None),
        (DOCUMENT.to_owned(), Some("blue"), Some("works for `blue` (SGSYNC_MEMBER), not for")),
        (format!("{DOCUMENT}{second}"), Some("us-east-1"), None),
        (format!("{DOCUMENT}{second}"), None, Some("does not know which of the members in")),
    ] {
        let mesh = Mesh::parse(&document).expect("a mesh");
        let mut settings = function(15, &document);
        let set = set.map(|name| ("SGSYNC_MEMBER".to_owned(), name.to_owned()));
        settings.variables.extend(set);
        let functions = [("sgsync-orders-db-hooks".to_owned(), Ok(settings))].into();
        let mut findings = Vec::new();
        let mut notes = Notes { member: &mesh.members[0], findings: &mut findings };
        functions::functions(&mesh, &Survey { functions, ..survey(vec![], 1) }, &mut notes);
        let wrong = findings[0].level == Level::Error;
        assert_eq!(wrong, said.is_some(), "{findings:?}");
        assert!(findings[0].detail.contains(said.unwrap_or("with this document")), "{findings:?}");
    }
}

/// The findings on quotas and room of a mesh with these lines, where AWS grants so many rules
/// and each group has at most so many instances; and where the group holds these rules.
fn room(extra: &str, granted: &[u32], largest: i32, rules: &[Rule]) -> Vec<String> {
    let west = "[[member]]\nregion = \"us-west-2\"\nauto_scaling_groups = [\"others\"]\n";
    let mesh = Mesh::parse(&format!("{DOCUMENT}\n{west}\n{extra}")).expect("a mesh");
    let mut world = World::new();
    let mut surveys = BTreeMap::new();
    for (member, granted) in mesh.members.iter().zip(granted) {
        let mut seen = seen(row(mesh.hash.as_str()));
        seen.rules = Ok([(SecurityGroupId::new(GROUP), rules.to_vec().into())].into());
        world.insert(member.name.clone(), seen);
        let survey = Survey { rules_granted: Ok(*granted), ..survey(vec![], largest) };
        surveys.insert(member.name.clone(), survey);
    }
    let mut findings = Vec::new();
    quotas::quotas(&mesh, &surveys, &mut findings);
    forecast::forecast(&mesh, &world, &surveys, &mut findings);
    findings.iter().map(|one| format!("{:?} {}: {}", one.level, one.member, one.detail)).collect()
}

fn rule(source: Source, traffic: Traffic) -> Rule {
    Rule { id: "sgr-0".into(), traffic, source, description: None, tags: BTreeMap::new() }
}

#[test]
fn the_quota_is_compared_with_what_the_document_counts_on() {
    for (granted, levels) in [
        ([60, 60], ["Ok", "Ok"]),
        ([60, 100], ["Ok", "Ok"]),
        ([50, 100], ["Error", "Ok"]),
        ([80, 100], ["Warning", "Warning"]),
    ] {
        let said = room("", &granted, 1, &[]);
        for (line, level) in said.iter().zip(levels) {
            assert!(line.starts_with(level), "{granted:?}: {said:?}");
        }
    }
    assert!(room("", &[80, 100], 1, &[])[1].contains("raise it to 80"));
}

#[test]
fn room_is_told_by_family_kinds_links_and_what_others_have() {
    let tcp = |port| Traffic::ports(Protocol::Tcp, port, port);
    let host: Cidr = "198.51.100.7/32".parse().expect("an address");
    let bastion = rule(Source::Cidr(host), tcp(22));
    let itself = rule(Source::Group(GROUP.to_owned()), tcp(9042));
    let both = "[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]";
    let icmp = format!("{both}\n[[allow]]\nprotocol = \"icmpv6\"");
    let link = "[[link]]\nfrom = [\"us-west-2\"]\nto = [\"us-east-1\"]\nkinds = [\"ipv6\"]";
    let learned = "[[allow]]\nports = \"self-reference\"";
    for (extra, rules, ipv4, ipv6) in [
        ("", vec![], Some(20), None),
        ("", vec![bastion.clone()], Some(21), None),
        (both, vec![bastion], Some(21), Some(20)),
        (&icmp, vec![], Some(20), Some(40)),
        (link, vec![], Some(10), Some(10)),
        (learned, vec![itself.clone()], Some(41), None),
        ("[limits]\ncompact = \"always\"", vec![itself], Some(21), None),
    ] {
        let said = room(extra, &[60, 60], 10, &rules);
        for (family, needed) in [("IPv4", ipv4), ("IPv6", ipv6)] {
            let found = said.iter().find(|line| line.contains(family));
            let needed = needed.map(|needed| format!("needs {needed} of 60 {family} rules"));
            let fits = found.map(|line| needed.as_ref().is_some_and(|text| line.contains(text)));
            assert_eq!(fits, needed.as_ref().map(|_| true), "{extra}: {said:?}");
        }
    }
    let unknown = room(learned, &[60, 60], 10, &[]);
    assert!(unknown[2].starts_with("Error us-east-1: the document takes ports"), "{unknown:?}");
}

#[test]
fn what_does_not_fit_is_an_error_unless_blocks_may_make_it_fit() {
    let level = |extra: &str, granted: u32, largest: i32| {
        let said = room(extra, &[granted, granted], largest, &[]);
        said.last().and_then(|line| line.split(' ').next().map(str::to_owned)).unwrap_or_default()
    };
    let blocks = "[limits]\ncompact = \"when-needed\"";
    assert_eq!(level("", 60, 24), "Ok");
    assert_eq!(level("", 60, 25), "Warning");
    assert_eq!(level("", 60, 31), "Error");
    assert_eq!(level(blocks, 60, 31), "Warning");
    assert_eq!(level("", 20, 11), "Error", "what AWS does not grant is no room");
}

#[test]
fn a_spread_has_the_room_of_all_its_groups() {
    let of = |spread: bool| {
        let mut mesh = mesh();
        mesh.members[0].security_groups.push(SecurityGroupId::new("sg-00000001"));
        mesh.members[0].spread = spread;
        let mut seen = seen(row(mesh.hash.as_str()));
        let groups = mesh.members[0].security_groups.iter();
        seen.rules = Ok(groups.map(|group| (group.clone(), Vec::new().into())).collect());
        let (world, mut findings) = ([("us-east-1".into(), seen)].into(), Vec::new());
        let surveys = [("us-east-1".into(), survey(Vec::new(), 80))].into();
        forecast::forecast(&mesh, &world, &surveys, &mut findings);
        findings.into_iter().map(|one| (one.level, one.subject, one.detail)).collect::<Vec<_>>()
    };
    let levels = |said: &[(Level, String, String)]| -> Vec<Level> {
        said.iter().map(|(level, ..)| *level).collect()
    };
    assert_eq!(levels(&of(false)), [Level::Error, Level::Error], "each for itself");
    let [(level, subject, detail)] = of(true).try_into().expect("one for all of them");
    assert_eq!((level, subject.matches("sg-").count()), (Level::Ok, 2));
    assert!(detail.starts_with("needs 80 of 120 IPv4 rules"), "{detail}");
}
