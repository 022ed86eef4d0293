use super::*;

#[test]
fn a_failure_may_pass_or_wants_a_new_plan_or_neither() {
    for (failure, may_pass, wants_new_plan) in [
        (Failure::NoAnswer, true, false),
        (Failure::Throttled, true, false),
        (Failure::Unavailable, true, false),
        (Failure::Denied, false, false),
        (Failure::NotFound, false, true),
        (Failure::Duplicate, false, true),
        (Failure::QuotaExceeded, false, true),
        (Failure::NoActiveAction, false, false),
        (Failure::Refused, false, false),
    ] {
        assert_eq!(failure.may_pass(), may_pass, "{failure:?}");
        assert_eq!(failure.wants_new_plan(), wants_new_plan, "{failure:?}");
    }
}

#[test]
fn an_instance_waits_in_the_states_that_say_so() {
    for (word, waits) in [
        ("Pending:Wait", true),
        ("Terminating:Wait", true),
        ("Warmed:Pending:Wait", true),
        ("Pending", false),
        ("Pending:Proceed", false),
        ("Waiting", false),
    ] {
        let state = LifecycleState::new(word);
        assert_eq!(state.is_waiting(), waits, "{word}");
        assert_eq!((state.as_str(), format!("{state:?}").as_str()), (word, word));
    }
}

#[test]
fn answers_are_spelled_as_auto_scaling_does() {
    assert_eq!(HookAnswer::Continue.as_str(), "CONTINUE");
    assert_eq!(HookAnswer::Abandon.as_str(), "ABANDON");
}
