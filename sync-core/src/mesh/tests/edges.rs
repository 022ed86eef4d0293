//! The edges of what a mesh document may say, and what a mesh answers.

use super::*;

/// The problems of the short document with something added, one line each.
fn added(more: &str) -> Vec<String> {
    match Mesh::parse(&format!("{SHORT}{more}\n")) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_setting_has_a_first_and_a_last_value() {
    for (section, key, first, last) in [
        ("guard", "max_removals", 0, 10_000),
        ("guard", "max_removal_percent", 0, 100),
        ("limits", "rules_per_group", 1, 1000),
        ("limits", "peer_budget_ms", 100, 60_000),
        ("limits", "stale_after_minutes", 1, 10_080),
    ] {
        let with = |value: i64| added(&format!("[{section}]\n{key} = {value}"));
        assert_eq!((with(first), with(last)), (vec![], vec![]), "{key}");
        for value in [first - 1, last + 1] {
            let said = format!("{section}.{key}: {value} is not from {first} to {last}");
            assert_eq!(with(value), [said]);
        }
    }
}

#[test]
fn stale_minutes_are_minutes_and_a_budget_is_milliseconds() {
    let mesh = mesh(&format!("{SHORT}[limits]\nstale_after_minutes = 3\npeer_budget_ms = 250\n"));
    assert_eq!(mesh.limits.stale_after, Duration::from_mins(3));
    assert_eq!(mesh.limits.peer_budget, Duration::from_millis(250));
}

#[test]
fn each_icmp_needs_its_kind_of_address() {
    for (protocol, kinds, needed) in [
        ("icmp", "\"ipv6\"", Some("icmp needs `public-ipv4` or `private-ipv4`")),
        ("icmp", "\"ipv6\", \"private-ipv4\"", None),
        ("icmp", "\"public-ipv4\"", None),
        ("icmpv6", "\"private-ipv4\"", Some("icmpv6 needs `ipv6`")),
        ("icmpv6", "\"ipv6\"", None),
    ] {
        let more = format!("[[allow]]\nprotocol = \"{protocol}\"\n[addresses]\nkinds = [{kinds}]");
        let said: Vec<String> = needed
            .map(|needed| format!("allow[1].protocol: {needed} among `addresses.kinds`"))
            .into_iter()
            .collect();
        assert_eq!(added(&more), said, "{protocol} {kinds}");
    }
}

#[test]
fn a_name_given_twice_is_told_from_a_region_given_twice() {
    let member = |more: &str| {
        format!("[[member]]\nregion = \"eu-west-1\"\nsecurity_groups = [\"sg-01234567\"]\n{more}")
    };
    assert_eq!(
        added(&member("name = \"us-east-1\"")),
        ["member[2].name: `us-east-1` is already a member's name, at member[0].region"]
    );
    let region = member("").replace("eu-west-1", "us-east-1");
    assert_eq!(
        added(&region),
        [
            "member[2].region: `us-east-1` is already a member's name, at member[0].region; \
          give members of one region a `name` each",
            "member[2]: the table `sgsync-orders-db` in us-east-1 is already at member[0]; \
          give members of one region a `table` each"
        ]
    );
}

#[test]
fn a_table_is_one_members_unless_it_is_in_two_accounts() {
    let member = |more: &str| {
        let member = "[[member]]\nname = \"b\"\nregion = \"us-east-1\"";
        added(&format!("{member}\nsecurity_groups = [\"sg-01234567\"]\n{more}"))
    };
    let same = "the table `sgsync-orders-db` in us-east-1 is already at member[0]";
    assert_eq!(
        member(""),
        [format!("member[2]: {same}; give members of one region a `table` each")]
    );
    assert_eq!(
        member("table = \"sgsync-orders-db\"\naccount = \"123456789012\""),
        [format!("member[2].table: {same}")],
        "nobody says in which account member[0] is"
    );
    assert_eq!(member("table = \"mirror-b\""), Vec::<String>::new());
    let both = |one: &str, other: &str| {
        let member = |name, account, id| {
            format!(
                "[[member]]\nname = \"{name}\"\nregion = \"eu-west-1\"\naccount = \"{account}\"\n\
                 security_groups = [\"sg-0123456{id}\"]\n"
            )
        };
        added(&(member("b", one, 1) + &member("c", other, 2)))
    };
    assert_eq!(both("123456789012", "210987654321"), Vec::<String>::new());
    assert_eq!(both("123456789012", "123456789012").len(), 1);
}

#[test]
fn what_is_wrong_between_members_is_said_all_at_once_with_paths() {
    let member = "[[member]]\nname = \"us-east-1\"\nregion = \"us-east-1\"\n\
                  security_groups = [\"sg-0123456789abcdef0\"]\n\
                  auto_scaling_groups = [\"orders-us-east-1\"]\n\
                  [[link]]\nfrom = [\"mars\"]\nkinds = [\"ipv6\"]";
    insta::assert_snapshot!(added(member).join("\n"));
}

#[test]
fn a_mesh_knows_its_members_by_name_and_by_region() {
    let mesh = mesh(LONG);
    let name = |member: &Member| member.name.to_string();
    assert_eq!(mesh.member(&"east-blue".into()).map(name).as_deref(), Some("east-blue"));
    assert_eq!(mesh.member(&"us-west-2".into()).map(name).as_deref(), Some("us-west-2"));
    assert_eq!(mesh.member(&"us-east-1".into()), None);
    let in_region = |region: &str| mesh.members_in(&region.into()).map(name).collect::<Vec<_>>();
    assert_eq!(in_region("us-east-1"), ["east-blue"]);
    assert_eq!(in_region("us-west-2"), ["us-west-2"]);
    assert_eq!(in_region("east-blue"), Vec::<String>::new());
}

#[test]
fn traffic_goes_from_whom_and_to_whom_the_document_says() {
    let mesh = mesh(LONG);
    let traffic = |from: &str, to: &str| {
        let traffic = mesh.traffic(&from.into(), &to.into(), &BTreeSet::new());
        traffic.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(traffic("east-blue", "us-west-2"), ["tcp 9042", "icmpv6", "50"]);
    assert_eq!(traffic("east-blue", "east-blue"), ["tcp 9042", "icmpv6", "50"]);
    assert_eq!(traffic("us-west-2", "east-blue"), ["icmpv6", "50"]);
    let one_way = LONG.replace("to = [\"us-west-2\", \"east-blue\"]", "to = [\"us-west-2\"]");
    let one_way = super::mesh(&one_way);
    assert_eq!(
        one_way.traffic(&"east-blue".into(), &"east-blue".into(), &BTreeSet::new()).len(),
        2
    );
    assert_eq!(
        one_way.traffic(&"east-blue".into(), &"us-west-2".into(), &BTreeSet::new()).len(),
        3
    );
}

#[test]
fn a_word_is_suggested_if_a_third_of_it_may_be_mistyped() {
    for (key, said) in [
        ("gard", "did you mean `guard`?"),
        ("limt", "did you mean `limits`?"),
        ("gad", "known are `name`, "),
        ("xyz", "known are `name`, "),
    ] {
        let said = format!("{key}: unknown key; {said}");
        let problems = added(&format!("[{key}]"));
        assert!(problems.len() == 1 && problems[0].starts_with(&said), "{problems:?}");
    }
}

#[test]
fn a_document_is_read_up_to_its_longest() {
    let padded = |length: usize| format!("{SHORT}#{}", "x".repeat(length - SHORT.len() - 1));
    assert_eq!(mesh(&padded(256 * 1024)), mesh(SHORT));
    assert!(Mesh::parse(&padded(256 * 1024 + 1)).is_err());
}

#[test]
fn of_many_errors_of_syntax_the_first_are_shown_and_the_rest_counted() {
    let problems = |lines: usize| {
        let line = |line| format!("a{line} = ?\n");
        let text = (0..lines).map(line).collect::<Vec<_>>().concat();
        let problems = Mesh::parse(&text).expect_err("no TOML").problems;
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(problems(10).len(), 10);
    assert!(problems(10).iter().all(|problem| problem.starts_with("not TOML: line ")));
    assert_eq!(problems(13).len(), 11);
    assert_eq!(problems(13)[10], "not TOML: and 3 more errors of syntax");
}

#[test]
fn reading_stops_after_very_many_problems_in_a_list_or_a_table() {
    let keys: Vec<String> = (0..200).map(|at| format!("\"k{at}\": 1")).collect();
    let items = vec!["0"; 200].join(", ");
    for text in [format!("{{{}}}", keys.join(", ")), format!("{{\"member\": [{items}]}}")] {
        let problems = Mesh::parse(&text).expect_err("nothing but problems").problems;
        assert_eq!(problems.len(), 101);
        assert_eq!(problems[100].to_string(), "and more; reading stopped after 100 problems");
    }
}

#[test]
fn compaction_is_off_until_the_document_says_otherwise() {
    let compact =
        |word: &str| mesh(&format!("{SHORT}[limits]\ncompact = \"{word}\"\n")).limits.compact;
    assert_eq!(mesh(SHORT).limits.compact, Compact::Off);
    let words =
        [("off", Compact::Off), ("when-needed", Compact::WhenNeeded), ("always", Compact::Always)];
    assert!(words.into_iter().all(|(word, meaning)| compact(word) == meaning));
    assert_eq!(
        added("[limits]\ncompact = \"never\""),
        ["limits.compact: `never` is not known here; known are `off`, `when-needed`, `always`"]
    );
}

#[test]
fn ports_are_learned_where_the_document_says_so() {
    let west = "[[allow]]\nports = \"self-reference\"\nto = [\"us-west-2\"]\n";
    let mesh = mesh(&format!("{SHORT}{west}"));
    let [east, west] = ["us-east-1", "us-west-2"].map(MemberName::new);
    assert!(mesh.learns(&west) && !mesh.learns(&east));
    let ssh = BTreeSet::from([Traffic::ports(Protocol::Tcp, 22, 22)]);
    assert_eq!(
        (mesh.traffic(&east, &west, &ssh).len(), mesh.traffic(&west, &east, &ssh).len()),
        (2, 1)
    );
    assert_eq!(
        added("[[allow]]\nports = \"self-reference\"\nprotocol = \"tcp\""),
        [
            "allow[1].protocol: comes with the rules that reference the group itself; leave the key out"
        ]
    );
    let again = "[[allow]]\nports = \"self-reference\"\n[[allow]]\nports = \"self-reference\"";
    assert_eq!(added(again), ["allow[2]: says the same as allow[1]"]);
    assert!(
        added("[[allow]]\nports = \"self-referenc\"\nprotocol = \"tcp\"")[0]
            .starts_with("allow[1].ports: ")
    );
}

#[test]
fn a_key_is_shown_bare_where_it_may_be_written_bare() {
    let long = "k".repeat(64);
    for (key, shown) in [
        ("under_score-dash", "under_score-dash".to_owned()),
        (long.as_str(), long.clone()),
        ("\"\"", "``".to_owned()),
        ("\"a b\"", "`a b`".to_owned()),
    ] {
        let said = added(&format!("[limits]\n{key} = 1")).join("\n");
        assert!(said.starts_with(&format!("limits.{shown}: ")), "{said}");
    }
}
