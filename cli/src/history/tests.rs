use serde_json::json;
use sync_aws::LogEvent;

use super::*;
use crate::world::sample;

fn written(second: i64, message: &serde_json::Value) -> Option<Change> {
    let at = Timestamp::from_second(1_795_342_075 + second).expect("a time");
    let event = LogEvent { at, message: message.to_string() };
    Change::read(&event, &"us-west-2".into(), "/aws/lambda/sgsync-orders-db-hooks")
}

fn authorize() -> Change {
    let line = json!({"level": "INFO", "target": "audit", "fields": {
        "message": "change", "who": "sgsync-orders-db-hooks/1d62eae0", "trigger": "lifecycle",
        "member": "us-east-1", "instance": "i-0a1", "action": "authorize",
        "target": "us-west-2/sg-0123456789abcdef0", "permission": "tcp 7000-7001 198.51.100.7/32",
        "before": "absent", "after": "sgr-0a1", "aws_request_id": "8f9e"}});
    written(0, &line).expect("an audit line")
}

fn sample(changes: Vec<Change>, more: bool, errors: Vec<String>) -> History {
    History {
        mesh: "orders-db".to_owned(),
        asked: Some("198.51.100.7".to_owned()),
        since: "2026-11-20T08:00:00Z".parse().expect("a time"),
        changes,
        more,
        errors,
    }
}

fn shown(history: &History) -> String {
    anstream::adapter::strip_str(&text::history(history)).to_string()
}

#[test]
fn a_history_says_what_was_done_for_whom_by_whom() {
    let revoked = written(
        60,
        &json!({"target": "audit", "fields": {
        "who": "sgsync-orders-db-trueup/2", "trigger": "schedule", "action": "revoke",
        "target": "us-west-2/sg-0123456789abcdef0", "permission": "tcp 7000-7001 198.51.100.7/32",
        "before": "sgr-0a1", "after": "absent"}}),
    );
    let answered = written(
        1,
        &json!({"target": "audit", "fields": {
        "who": "sgsync-orders-db-hooks/1", "trigger": "lifecycle", "action": "complete",
        "instance": "i-0a1", "target": "orders/sgsync-orders-db-launch",
        "before": "waiting to launch", "after": "CONTINUE"}}),
    );
    let changes = [revoked, answered, Some(authorize())].into_iter().flatten().collect();
    insta::assert_snapshot!(shown(&sample(changes, false, Vec::new())));
}

#[test]
fn an_empty_history_says_where_else_to_look() {
    insta::assert_snapshot!(shown(&sample(Vec::new(), false, Vec::new())));
    let failed = could_not(
        &"us-west-2".into(),
        "/aws/lambda/sgsync-orders-db-hooks",
        &CallError {
            call: "logs:FilterLogEvents",
            kind: Failure::NotFound,
            code: "ResourceNotFoundException".to_owned(),
            message: "The specified log group does not exist.".to_owned(),
            request_id: None,
        },
    );
    insta::assert_snapshot!(shown(&sample(vec![authorize()], true, vec![failed])));
}

#[test]
fn a_line_is_found_by_whole_words_only() {
    let line = authorize();
    for word in ["198.51.100.7/32", "i-0a1", "sgr-0a1", "sg-0123456789abcdef0"] {
        assert!(line.has(word), "{word}");
    }
    for other in ["98.51.100.7/32", "198.51.100.7/3", "i-0a", "sgr-0a", "i-0a11", "sg-01"] {
        assert!(!line.has(other), "{other}");
    }
}

#[test]
fn lines_of_later_versions_and_of_other_things_are_read_for_what_they_are() {
    let later = json!({"target": "audit", "fields": {"action": "quarantine", "schema": 2,
        "rules": [{"id": "sgr-0b2"}], "why": "drift"}});
    let later = written(0, &later).expect("an audit line");
    assert!(later.has("sgr-0b2"), "wherever the word stands");
    assert_eq!(later.line["schema"], 2, "programs get what was written");
    insta::assert_snapshot!(shown(&sample(vec![later], false, Vec::new())));
    let flat = json!({"target": "audit", "action": "authorize"});
    assert_eq!(written(0, &flat).expect("without fields").get("action"), Some("authorize"));
    for other in [json!({"target": "sgsync", "fields": {}}), json!({"report": {}}), json!("audit")]
    {
        assert_eq!(written(0, &other), None);
    }
}

#[test]
fn what_is_asked_for_is_written_as_the_log_writes_it() {
    let mesh = sample::mesh();
    for (what, as_written) in [
        ("198.51.100.7", "198.51.100.7/32"),
        ("2001:DB8::7", "2001:db8::7/128"),
        ("198.51.100.7/32", "198.51.100.7/32"),
        ("sgr-0a1", "sgr-0a1"),
        ("orders", "orders"),
    ] {
        assert_eq!(word(&mesh, what).expect("a word"), as_written);
    }
    insta::assert_snapshot!(word(&mesh, "invoices").expect_err("no such group"));
}

#[test]
fn an_age_is_more_than_nothing_and_less_than_ever() {
    assert!(age("90d").is_ok() && age("12h").is_ok());
    for wrong in ["", "soon", "0h", "-7d", "99999y", "7"] {
        assert!(age(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_member_has_logs_of_its_own() {
    let mut mesh = sample::mesh();
    mesh.members[1].region = mesh.members[0].region.clone();
    let groups: Vec<_> = logs(&mesh).into_iter().flatten().map(|log| log.group).collect();
    let [first, second] = [0, 1].map(|place| log_groups(&mesh, &mesh.members[place]));
    assert_eq!(groups, [first.clone(), second].concat());
    assert_eq!(
        first,
        ["hooks", "trueup"].map(|it| format!("/aws/lambda/sgsync-{}-{it}", mesh.name))
    );
    assert_ne!(groups[0], groups[2]);
}
