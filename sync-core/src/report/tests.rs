use super::*;

fn report() -> Report {
    Report {
        mesh: MeshName::parse("orders-db").expect("a name"),
        member: "us-east-1".to_owned(),
        trigger: Trigger::Schedule,
        dry_run: false,
        run_id: "r".to_owned(),
        duration_ms: 1,
        groups: Vec::new(),
        mirrors: Vec::new(),
        targets: vec![target()],
        hooks: Vec::new(),
        findings: Vec::new(),
    }
}

fn target() -> TargetReport {
    TargetReport {
        member: "us-east-1".into(),
        region: "us-east-1".into(),
        security_group: "sg-1".into(),
        status: TargetStatus::InSync,
        added: Vec::new(),
        revoked: Vec::new(),
        held: Vec::new(),
        over_quota: Vec::new(),
        frozen: Vec::new(),
        kept: 1,
        foreign: 1,
        quota_used_percent: Some(2),
        error: None,
        changes: Vec::new(),
    }
}

/// What a report says, as exit codes and alarms ask: changes, held removals, errors.
fn says(report: &Report) -> (bool, bool, bool) {
    (report.has_changes(), report.has_held(), report.has_errors())
}

#[test]
fn a_report_in_which_nothing_happened_says_so() {
    assert_eq!(says(&report()), (false, false, false));
}

#[test]
fn each_change_is_one_and_what_is_held_is_none() {
    let permission = || vec!["tcp 22 54.0.0.1/32".to_owned()];
    for (target, expected) in [
        (TargetReport { added: permission(), ..target() }, (true, false, false)),
        (TargetReport { revoked: permission(), ..target() }, (true, false, false)),
        (TargetReport { held: permission(), ..target() }, (false, true, false)),
        (TargetReport { error: Some("denied".to_owned()), ..target() }, (false, false, true)),
    ] {
        assert_eq!(says(&Report { targets: vec![target], ..report() }), expected);
    }
}

#[test]
fn findings_are_errors_if_they_are_severe_and_not_about_held_removals() {
    for (kind, is_error) in [
        (FindingKind::PlanRefused, true),
        (FindingKind::OverQuota, true),
        (FindingKind::HeldRemovals, false),
        (FindingKind::ForeignRule, false),
        (FindingKind::RowMissing, false),
    ] {
        let findings = vec![Finding::new(kind, "sg-1", "x")];
        let report = Report { findings, ..report() };
        assert_eq!(report.has_errors(), is_error, "{kind:?}");
    }
}

#[test]
fn only_hooks_to_be_tried_again_are_unanswered() {
    let hook =
        |result| HookReport { instance: "i-1".into(), transition: Transition::Launch, result };
    let results = [HookResult::Continue, HookResult::Retry, HookResult::Abandon, HookResult::Gone];
    let report = Report { hooks: results.map(hook).into(), ..report() };
    let unanswered: Vec<_> = report.unanswered().map(|hook| hook.result).collect();
    assert_eq!(unanswered, [HookResult::Retry]);
}

#[test]
fn a_trigger_has_one_word_in_reports_and_audit_lines() {
    for trigger in
        [Trigger::Lifecycle, Trigger::Change, Trigger::Schedule, Trigger::TrueUp, Trigger::Operator]
    {
        assert_eq!(serde_json::to_value(trigger).expect("a word"), trigger.as_str());
    }
}
