//! Promise 8: every change leaves one audit line.

use std::collections::BTreeSet;

use simulation::world::{Ask, EAST, WEST, World};

#[tokio::test(start_paused = true)]
async fn promise_8_every_change_leaves_one_line_that_says_all() {
    let world = World::settled(3, 2).await;
    let launch = world.launch(EAST);
    let leaving = world.state().place(&EAST.into()).members().into_keys().next().expect("somebody");
    let terminate = world.terminate(EAST, &leaving);
    let report = world.run(Ask::hooks(EAST, &[launch.clone(), terminate])).await;
    let state = world.state();
    let lines: BTreeSet<String> = state
        .audit
        .iter()
        .map(|line| {
            assert_eq!(line.who, format!("sgsync/{}", report.run_id));
            assert_eq!(line.trigger, "lifecycle");
            assert!(line.aws_request_id.as_deref().is_some_and(|id| id.starts_with("req-")));
            let instance = line.instance.as_ref().expect("each is about one");
            let whose = if *instance == launch.instance { "new" } else { "old" };
            let form = |text: &str| {
                if text.starts_with("sgr-") { "a rule".to_owned() } else { text.to_owned() }
            };
            let (before, after) = (form(&line.before), form(&line.after));
            format!("{} {} {whose}: {before} -> {after}", line.action, line.target)
        })
        .collect();
    assert_eq!(state.audit.len(), 6, "{lines:#?}");
    let expected = [
        "authorize us-east-1/sg-00000000000000000 new: absent -> a rule",
        "authorize us-west-2/sg-00000000000000001 new: absent -> a rule",
        "complete orders-us-east-1/sgsync-launch new: waiting to launch -> CONTINUE",
        "complete orders-us-east-1/sgsync-terminate old: waiting to terminate -> CONTINUE",
        "revoke us-east-1/sg-00000000000000000 old: a rule -> absent",
        "revoke us-west-2/sg-00000000000000001 old: a rule -> absent",
    ];
    assert_eq!(lines, expected.map(str::to_owned).into());
}

#[tokio::test(start_paused = true)]
async fn promise_8_lines_are_as_many_as_changes() {
    let world = World::settled(0, 0).await;
    for member in [EAST, WEST, EAST] {
        let hooks: Vec<_> = (0..3).map(|_| world.launch(member)).collect();
        world.run(Ask::hooks(member, &hooks)).await;
        let state = world.state();
        let rules: usize = state
            .places
            .values()
            .flat_map(|place| place.groups.values())
            .map(|group| group.changes.len())
            .sum();
        let lines = state.audit.iter().filter(|line| line.permission.is_some()).count();
        assert_eq!(lines, rules);
    }
}
