use super::super::tests::{ACCOUNT, DOCUMENT, again, options};
use super::*;

fn kept(name: &'static str, value: &str) -> Kept {
    Kept { name, value: value.to_owned() }
}

fn changed(name: &'static str, from: &str, to: &str) -> Changed {
    Changed { name, from: from.to_owned(), to: to.to_owned() }
}

/// A file of a first rendering, with an address for alarms and another processor.
fn first() -> String {
    let given = options(ACCOUNT, &["AlarmEmail=oncall@example.com", "Architecture=x86_64"]);
    again(DOCUMENT, &given, None).expect("a samconfig").text
}

#[test]
fn what_was_set_once_stays_until_it_is_set_otherwise() {
    let rendered = again(DOCUMENT, &options(ACCOUNT, &[]), Some(&first())).expect("a samconfig");
    assert_eq!(rendered.text, first(), "not a byte differs");
    let lasting = [kept("AlarmEmail", "oncall@example.com"), kept("Architecture", "x86_64")];
    assert_eq!(rendered.choices.kept, lasting);
    assert_eq!(rendered.choices.changed, []);

    let given = options(ACCOUNT, &["Architecture=arm64", "CreateLifecycleHooks=false"]);
    let rendered = again(DOCUMENT, &given, Some(&first())).expect("a samconfig");
    assert_eq!(rendered.text.matches("AlarmEmail = \"oncall@example.com\"").count(), 2);
    assert_eq!(rendered.text.matches("Architecture = \"arm64\"").count(), 2);
    assert_eq!(rendered.choices.kept, lasting[..1]);
    let expected = [
        changed("CreateLifecycleHooks", "true", "false"),
        changed("Architecture", "x86_64", "arm64"),
    ];
    assert_eq!(rendered.choices.changed, expected);
}

#[test]
fn a_setting_can_be_taken_back() {
    let given = options(ACCOUNT, &["AlarmEmail="]);
    let rendered = again(DOCUMENT, &given, Some(&first())).expect("a samconfig");
    assert!(rendered.text.contains("AlarmEmail = \"\""));
    assert_eq!(rendered.choices.changed, [changed("AlarmEmail", "oncall@example.com", "")]);
}

#[test]
fn a_region_that_joins_gets_what_the_others_have() {
    let member =
        "[[member]]\nregion = \"eu-west-1\"\nsecurity_groups = [\"sg-00000000000000001\"]\n";
    let grown = format!("{DOCUMENT}{member}");
    let rendered = again(&grown, &options(ACCOUNT, &[]), Some(&first())).expect("a samconfig");
    assert_eq!(rendered.text.matches("AlarmEmail = \"oncall@example.com\"").count(), 3);
}

#[test]
fn the_template_lasts_too() {
    let given =
        Options { template: Some("../sam/template.yaml".to_owned()), ..options(ACCOUNT, &[]) };
    let first = again(DOCUMENT, &given, None).expect("a samconfig").text;
    let rendered = again(DOCUMENT, &options(ACCOUNT, &[]), Some(&first)).expect("a samconfig");
    assert_eq!(rendered.text, first);
    assert_eq!(rendered.choices.kept, [kept("--template", "../sam/template.yaml")]);
}

/// Such a file is overwritten with `--force` only, and what it said is told.
#[test]
fn what_somebody_else_wrote_is_not_believed() {
    let edited = first().replace("rate(5 minutes)", "rate(1 minute)");
    let rendered = again(DOCUMENT, &options(ACCOUNT, &[]), Some(&edited)).expect("a samconfig");
    assert_eq!(rendered.choices.kept, []);
    let expected = [
        changed("TrueupSchedule", "rate(1 minute)", "rate(5 minutes)"),
        changed("AlarmEmail", "oncall@example.com", ""),
        changed("Architecture", "x86_64", "arm64"),
    ];
    assert_eq!(rendered.choices.changed, expected);
    for nothing in ["", "no toml at all", "version = 0.1\n"] {
        let rendered = again(DOCUMENT, &options(ACCOUNT, &[]), Some(nothing)).expect("a samconfig");
        assert_eq!((rendered.choices.kept.len(), rendered.choices.changed.len()), (0, 0));
    }
}

#[test]
fn what_lasts_and_what_changes_is_printed() {
    let given = options(ACCOUNT, &["CreateLifecycleHooks=false"]);
    let rendered = again(DOCUMENT, &given, Some(&first())).expect("a samconfig");
    let (choices, regions) = (rendered.choices, ["us-east-1".to_owned()]);
    let text = super::super::outcome_text(
        super::super::Outcome::Written,
        "samconfig.toml",
        &choices,
        &regions,
    );
    insta::assert_snapshot!(text, @r"
    samconfig.toml is written
      kept: AlarmEmail=oncall@example.com
      kept: Architecture=x86_64
      changed: CreateLifecycleHooks=false, was true
      sam deploy --config-env us-east-1
    ");
}
