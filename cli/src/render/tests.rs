use std::collections::{BTreeMap, BTreeSet};

use super::*;

pub(super) const ACCOUNT: Option<&str> = Some("111122223333");

pub(super) const DOCUMENT: &str = r#"name = "orders-db"

[[allow]]                  # what instances may reach on each other
protocol = "tcp"
ports = "7000-7001"

[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders-us-east-1", "orders-batch"]
security_groups = ["sg-0123456789abcdef0", "sg-0123456789abcdef1"]

[[member]]
name = "west"
region = "us-west-2"
auto_scaling_groups = ["orders-us-west-2"]
security_groups = ["sg-0fedcba9876543210"]
"#;

const TEMPLATE: &str = include_str!("../../../sam/template.yaml");

pub(super) fn options(account: Option<&str>, settings: &[&str]) -> Options {
    Options {
        output_file: "samconfig.toml".into(),
        force: false,
        account: account.map(str::to_owned),
        template: None,
        settings: settings.iter().map(|text| Setting::parse(text).expect("a setting")).collect(),
    }
}

fn rendered(document: &str, account: Option<&str>) -> Result<String, String> {
    Ok(again(document, &options(account, &[]), None)?.text)
}

/// Rendered over a file that is there.
pub(super) fn again(
    document: &str,
    options: &Options,
    there: Option<&str>,
) -> Result<Rendered, String> {
    let mesh = Mesh::parse(document).expect("a mesh");
    render(&mesh, document, options, there).map_err(|invalid| invalid.to_string())
}

/// The stacks of a document, as nobody has decided anything.
fn stacks(document: &str, account: Option<&str>) -> Vec<stack::Stack> {
    let mesh = Mesh::parse(document).expect("a mesh");
    let choices = Choices::make(&options(account, &[]), None);
    stack::stacks(&mesh, document, account, &choices)
}

/// The template's parameters.
fn template_parameters() -> BTreeMap<String, Option<String>> {
    parameters_of(TEMPLATE)
}

/// A template's parameters: name, and default where there is one.
fn parameters_of(template: &str) -> BTreeMap<String, Option<String>> {
    let section = template.split("\nParameters:\n").nth(1).expect("parameters");
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in section.lines().take_while(|line| line.is_empty() || line.starts_with(' ')) {
        if let Some(key) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'))
            && !key.starts_with([' ', '#'])
        {
            key.clone_into(&mut name);
            found.insert(name.clone(), None);
        } else if let Some(default) = line.strip_prefix("    Default: ") {
            found.insert(name.clone(), Some(default.trim_matches('"').to_owned()));
        }
    }
    found
}

#[test]
fn two_regions_are_two_environments() {
    let text = rendered(DOCUMENT, Some("111122223333")).expect("a samconfig");
    insta::assert_snapshot!(text);
    assert_eq!(rendered(DOCUMENT, Some("111122223333")), Ok(text), "the same every time");
}

#[test]
fn every_parameter_of_the_template_is_filled_in_and_no_other() {
    let stacks = stacks(DOCUMENT, Some("111122223333"));
    let template = template_parameters();
    for stack in &stacks {
        let given: Vec<_> = stack.parameters.iter().map(|(name, _)| *name).collect();
        let mut sorted = given.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, template.keys().map(String::as_str).collect::<Vec<_>>());
    }
    for (name, default) in stack::SETTINGS {
        assert_eq!(template[*name].as_deref(), Some(*default), "{name}");
    }
}

#[test]
fn the_deploy_guide_lists_every_parameter_with_its_default() {
    let guide = include_str!("../../../docs/deploy.md");
    let section = guide.split("\n## Parameters\n").nth(1).expect("a section");
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().trim_end_matches('`').to_owned();
        let default = match cells.next()?.trim() {
            "" => None,
            "empty" => Some(String::new()),
            text => Some(text.trim_matches('`').to_owned()),
        };
        Some((name, default))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), template_parameters());
}

#[test]
fn the_limits_are_the_templates() {
    let limit = format!("MaxLength: {}", limits::MAX_DOCUMENT);
    assert!(TEMPLATE.contains(&limit), "{limit}");
    let longest = sync_core::names::MeshName::MAX_LEN;
    assert!(TEMPLATE.contains(&format!("AllowedPattern: \"[a-z0-9-]{{1,{longest}}}\"")));
    assert!(TEMPLATE.contains("TerminateHook&{Group}"));
    assert_eq!(limits::MAX_GROUP_LETTERS, 242);
}

#[test]
fn what_the_document_does_not_decide_can_be_set() {
    let set = options(Some("111122223333"), &["Architecture=arm64", "Architecture=x86_64"]);
    let text = again(DOCUMENT, &set, None).expect("a samconfig").text;
    assert_eq!(text.matches("Architecture = \"x86_64\"").count(), 2);
    assert!(Setting::parse("Mesh=x").is_err_and(|error| error.contains("mesh document")));
    assert!(Setting::parse("Memory=1").is_err_and(|error| error.contains("Architecture")));
    assert!(Setting::parse("Architecture").is_err());
    assert!(Setting::parse("Architecture=arm64").is_ok());
}

/// Two members in one region: nothing of one stack is called as in the other.
#[test]
fn members_of_one_region_have_stacks_of_their_own() {
    let member = "[[member]]\nname = \"second\"\nregion = \"us-east-1\"\ntable = \"rows\"\n\
        auto_scaling_groups = [\"c\"]\nsecurity_groups = [\"sg-0123456789abcdef3\"]\n";
    let document = format!("{DOCUMENT}{member}");
    let text = rendered(&document, ACCOUNT).expect("a samconfig");
    let file: toml::Table = text.parse().expect("TOML");
    for (environment, name, suffix, table) in [
        ("us-east-1", "sgsync-orders-db", "", "sgsync-orders-db"),
        ("west", "sgsync-orders-db-west", "-west", "sgsync-orders-db"),
        ("second", "sgsync-orders-db-second", "-second", "rows"),
    ] {
        let place = &file[environment]["global"]["parameters"];
        assert_eq!(place["stack_name"].as_str(), Some(name));
        let given = &file[environment]["deploy"]["parameters"]["parameter_overrides"];
        assert_eq!(given["NameSuffix"].as_str(), Some(suffix));
        assert_eq!(given["Table"].as_str(), Some(table));
        assert_eq!(given["Regions"].as_array().map(Vec::len), Some(2), "each region once");
    }
    assert_eq!(file["second"]["global"]["parameters"]["region"].as_str(), Some("us-east-1"));
}

#[test]
fn a_name_that_makes_a_functions_too_long_is_refused() {
    let named =
        |length: usize| DOCUMENT.replace("\"west\"", &format!("\"{}\"", "w".repeat(length)));
    // sgsync-orders-db-…-trueup
    assert!(rendered(&named(40), ACCOUNT).is_ok());
    let error = rendered(&named(41), ACCOUNT).expect_err("too long");
    assert!(error.contains("member[1].name: the function sgsync-orders-db-www"), "{error}");
}

#[test]
fn an_account_that_nobody_knows_says_what_to_do() {
    let error = rendered(DOCUMENT, None).expect_err("no account");
    insta::assert_snapshot!(error, @r#"
    the mesh document has 2 problems:
      member[0].account: nobody says in which account `us-east-1` is, and the ARNs that IAM needs contain it: run `sgsync render --account ID` with the ID that `aws sts get-caller-identity` shows, or add `account = "ID"` to the member
      member[1].account: nobody says in which account `west` is, and the ARNs that IAM needs contain it: run `sgsync render --account ID` with the ID that `aws sts get-caller-identity` shows, or add `account = "ID"` to the member
    "#);
    let documented = DOCUMENT.replace("region = ", "account = \"111122223333\"\nregion = ");
    let text = rendered(&documented, None).expect("a samconfig");
    assert!(
        text.contains("arn:aws:ec2:us-west-2:111122223333:security-group/sg-0fedcba9876543210")
    );
}

#[test]
fn what_the_stack_cannot_do_is_said_at_once() {
    let document = format!(
        "name = \"orders\"\n[[allow]]\nprotocol = \"tcp\"\nports = \"7000\"\n{}{}# a \\\" \n#{}",
        "[[member]]\nname = \"a\"\nregion = \"us-east-1\"\naccount = \"111122223333\"\n\
         auto_scaling_groups = [\"a-b\", \"a.b\", \"with space\"]\n\
         security_groups = [\"sg-0123456789abcdef0\"]\n",
        "[[member]]\nname = \"b.c\"\nregion = \"us-east-1\"\n\
         auto_scaling_groups = [\"c\"]\nsecurity_groups = [\"sg-0123456789abcdef1\"]\n\
         role_arn = \"arn:aws:iam::444455556666:role/r\"\n",
        "x".repeat(4000),
    );
    insta::assert_snapshot!(rendered(&document, None).expect_err("problems"), @r"
    the mesh document has 6 problems:
      the document is 4392 bytes long; the stack takes 3900 (a function's environment holds 4096): remove comments and blank lines, or write it as JSON on one line
      line 17: a backslash before a space or a quote, which `sam deploy` drops on its way to CloudFormation; write it without
      member[0].role_arn: missing: the members are in several accounts (111122223333, 444455556666), so the others reach `a` through a role
      member[0].auto_scaling_groups[1]: `a.b` and `a-b` differ in punctuation only, which one stack cannot tell apart
      member[0].auto_scaling_groups[2]: `with space`: the stack takes letters, digits and `+=.@_-` only
      member[1].name: `b.c`: the stack, which carries the name, takes letters, digits and `-` only
    ");
}

/// `CloudFormation` gives such characters back as question marks.
#[test]
fn what_is_not_ascii_is_refused_wherever_it_is() {
    let comment = DOCUMENT.replace("# what", "# größer als");
    insta::assert_snapshot!(rendered(&comment, Some("111122223333")).expect_err("refused"), @r"
    the mesh document has 1 problem:
      line 3: `ö`: CloudFormation shows such characters as `?` when it is asked for the stack; write it in ASCII (in a string, as \u00f6)
    ");
    assert!(Setting::parse("AlarmEmail=dienst@größer.example").is_err());
}

#[test]
fn tables_and_roles_of_the_document_become_arns() {
    let document = DOCUMENT
        .replace("region = \"us-east-1\"", "region = \"us-east-1\"\ntable = \"rows\"\nrole_arn = \"arn:aws:iam::111122223333:role/sgsync/east\"")
        .replace("region = \"us-west-2\"", "region = \"us-west-2\"\nrole_arn = \"arn:aws:iam::444455556666:role/sgsync/west\"");
    let stacks = stacks(&document, None);
    let given =
        |place: usize, wanted: &str| stacks[place].parameter(wanted).expect(wanted).as_sent();
    let tables = "arn:aws:dynamodb:us-east-1:111122223333:table/rows,\
                  arn:aws:dynamodb:us-west-2:444455556666:table/sgsync-orders-db";
    assert_eq!(given(0, "TableArns"), tables);
    assert_eq!(
        (given(0, "Table"), given(1, "Table")),
        ("rows".to_owned(), "sgsync-orders-db".to_owned())
    );
    assert_eq!(given(0, "PeerRoleArns"), "arn:aws:iam::444455556666:role/sgsync/west");
    assert_eq!(given(1, "PeerRoleArns"), "arn:aws:iam::111122223333:role/sgsync/east");
    assert!(rendered(&document, None).is_ok(), "each is reached through its role");
}

/// Two accounts: each member is reached through its role, which the others may assume.
const TWO_ACCOUNTS: &str = r#"name = "orders-db"
[[allow]]
protocol = "tcp"
ports = "7000-7001"
[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders-us-east-1"]
security_groups = ["sg-0123456789abcdef0"]
role_arn = "arn:aws:iam::111122223333:role/sgsync/orders-db/east"
[[member]]
name = "west"
region = "us-west-2"
table = "rows"
auto_scaling_groups = ["orders-us-west-2"]
security_groups = ["sg-0fedcba9876543210"]
role_arn = "arn:aws:iam::444455556666:role/peer"
external_id = "our-mesh"
"#;

#[test]
fn members_with_roles_have_an_environment_for_each_role() {
    let text = rendered(TWO_ACCOUNTS, None).expect("a samconfig");
    let roles = text.split_once("\n[us-east-1-peer-role.global").expect("a role").1;
    insta::assert_snapshot!(format!("[us-east-1-peer-role.global{roles}"));
    assert!(!rendered(DOCUMENT, ACCOUNT).expect("a samconfig").contains("peer-role"));
}

#[test]
fn every_parameter_of_the_roles_template_is_filled_in_and_no_other() {
    let template = parameters_of(include_str!("../../../sam/peer-role.yaml"));
    let mesh = Mesh::parse(TWO_ACCOUNTS).expect("a mesh");
    let stacks = peer_role::stacks(&mesh, None, "");
    assert_eq!(stacks.len(), 2);
    for stack in &stacks {
        let given: BTreeSet<_> = stack.parameters.iter().map(|(name, _)| *name).collect();
        assert_eq!(given, template.keys().map(String::as_str).collect());
    }
    for (name, default) in stack::ROLE_SETTINGS {
        assert_eq!(template[*name].as_deref(), Some(*default), "{name}");
    }
}

#[test]
fn operators_of_roles_are_a_choice_that_lasts() {
    let operators = "OperatorArns=arn:aws:iam::111122223333:role/ops";
    let first = again(TWO_ACCOUNTS, &options(None, &[operators]), None).expect("a samconfig");
    let line = "OperatorArns = \"arn:aws:iam::111122223333:role/ops\"";
    assert_eq!(first.text.matches(line).count(), 2);
    let second = again(TWO_ACCOUNTS, &options(None, &[]), Some(&first.text)).expect("again");
    assert_eq!(second.text, first.text);
}

#[test]
fn however_the_document_was_saved_the_text_is_the_same() {
    let plain = rendered(DOCUMENT, Some("111122223333"));
    let saved = format!("\u{feff}\n{}\n\n", DOCUMENT.replace('\n', "\r\n"));
    assert_eq!(rendered(&saved, Some("111122223333")), plain);
}

#[test]
fn the_document_survives_its_way_through_toml() {
    for extra in ["# it's '''quoted'''", "# \"quoted\" \\n", "# tab\there"] {
        let document = format!("{extra}\n{DOCUMENT}");
        let text = rendered(&document, Some("111122223333")).expect("a samconfig");
        let read: toml::Table = text.parse().expect("TOML");
        let given = &read["west"]["deploy"]["parameters"]["parameter_overrides"];
        assert_eq!(given["Mesh"].as_str(), Some(document.as_str()), "{extra}");
        assert_eq!(given["Member"].as_str(), Some("west"));
    }
}

#[test]
fn a_file_is_overwritten_only_if_it_is_renders_own() {
    let text = rendered(DOCUMENT, Some("111122223333")).expect("a samconfig");
    assert_eq!(samconfig::author(&text), samconfig::Author::Render);
    assert_eq!(samconfig::author(&text.replace("arm64", "x86_64")), samconfig::Author::Edited);
    assert_eq!(samconfig::author("version = 0.1\n"), samconfig::Author::Other);
    assert_eq!(samconfig::author(""), samconfig::Author::Other);
}

#[test]
fn places_a_file_once_and_leaves_edits_alone() {
    let folder = std::env::temp_dir().join(format!("sgsync-render-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = rendered(DOCUMENT, Some("111122223333")).expect("a samconfig");
    let mut to = Options { output_file: folder.join("samconfig.toml"), ..options(None, &[]) };

    let put = |to: &Options| place(&text, to, there(to).expect("readable").as_deref());
    assert_eq!(put(&to).expect("written"), Outcome::Written);
    assert_eq!(put(&to).expect("there"), Outcome::Unchanged);
    std::fs::write(&to.output_file, text.replace("arm64", "x86_64")).expect("an edit");
    let error = put(&to).expect_err("an edited file");
    assert!(error.to_string().contains("was edited since"), "{error}");
    to.force = true;
    assert_eq!(put(&to).expect("forced"), Outcome::Written);

    std::fs::remove_dir_all(&folder).expect("gone");
}
