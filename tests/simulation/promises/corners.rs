//! The corners of an instance's life, as `docs/semantics.md` lists them: for each the body of
//! the event that AWS sends, read as a function reads it, and what the run makes of it.

use std::collections::BTreeSet;

use serde_json::Value;
use simulation::world::{Ask, EAST, WEST, World};
use sync_core::events::{Event, Expected, Transition, read};
use sync_core::names::{InstanceId, RuleId};
use sync_core::report::{FindingKind, HookResult, Report};

use super::{expect_finding, results};

/// An event's body, as AWS sends it.
macro_rules! body {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../sync-core/tests/events/",
            $name,
            ".json"
        ))
    };
}

const CONTINUE: [HookResult; 1] = [HookResult::Continue];

/// The instance that the bodies are about.
const THEIRS: &str = "i-017425ec54f22f994";

/// Two members, and an instance of the east in this state, which the bodies are about.
struct Corner {
    world: World,
    id: InstanceId,
}

impl Corner {
    /// Somebody who is in service, and admitted.
    async fn in_service() -> Self {
        let world = World::settled(2, 1).await;
        let id = world.state().place(&EAST.into()).members().into_keys().next();
        Self { world, id: id.expect("somebody is there") }
    }

    /// Somebody who has just been launched, and is nowhere admitted.
    async fn launched(state: &str) -> Self {
        let world = World::settled(1, 1).await;
        let id = world.in_service(EAST, 1).remove(0);
        let corner = Self { world, id };
        corner.is(state, Transition::Launch);
        corner
    }

    /// The instance is in this state, and waits there if the state says so.
    fn is(&self, word: &str, transition: Transition) {
        self.world.set_state(EAST, &self.id, word);
        if word.ends_with(":Wait") {
            // As the bodies have it.
            let token = match transition {
                Transition::Launch => "33965228-086a-4aeb-8c26-f82ed3bef495",
                Transition::Terminate => "87654321-4321-4321-4321-210987654321",
            };
            let waits = (self.id.clone(), transition);
            self.world.state().place(&EAST.into()).waiting.insert(waits, token.to_owned());
        }
    }

    /// EC2 shows the instance so.
    fn shown(&self, state: &str) {
        let mut world = self.world.state();
        let view = world.place(&EAST.into()).instances.get_mut(&self.id).expect("it is there");
        state.clone_into(&mut view.state);
        if state != "running" {
            view.public_ipv4.clear();
        }
    }

    /// Runs as the body asks for.
    async fn told(&self, body: &str) -> Report {
        let payload: Value =
            serde_json::from_str(&body.replace(THEIRS, self.id.as_str())).expect("JSON");
        let mesh = self.world.state().mesh.clone();
        let mut messages =
            read(&payload, Expected { member: &mesh.members[0], account: None }).messages;
        let ask = match messages.remove(0).event.expect("it is understood") {
            Event::Hook(hook) => {
                assert_eq!(hook.instance, self.id);
                Ask::hooks(EAST, &[hook])
            }
            Event::Changed { groups, .. } => Ask::changed(EAST, groups.unwrap_or_default()),
            Event::TrueUp { .. } => Ask::true_up(EAST),
            other => panic!("no run for {other:?}"),
        };
        self.world.run(ask).await
    }

    /// The rules of both members, by id.
    fn rules(&self) -> [BTreeSet<RuleId>; 2] {
        [EAST, WEST].map(|member| self.world.rules(member).into_iter().map(|r| r.id).collect())
    }

    /// How many rules each member has of the instances in the cluster, exactly.
    fn admits(&self, count: usize) {
        self.world.expect_exact();
        assert_eq!(self.rules().map(|rules| rules.len()), [count, count]);
    }
}

#[tokio::test(start_paused = true)]
async fn into_the_warm_pool_and_asleep_there_nobody_is_admitted() {
    let corner = Corner::launched("Warmed:Pending:Wait").await;
    assert_eq!(results(&corner.told(body!("eventbridge-launch-into-pool")).await), CONTINUE);
    corner.admits(2);
    for (word, state) in [
        ("Warmed:Running", "running"),
        ("Warmed:Stopped", "stopped"),
        ("Warmed:Hibernated", "stopped"),
    ] {
        corner.is(word, Transition::Launch);
        corner.shown(state);
        corner.told(body!("eventbridge-state-change")).await;
        corner.admits(2);
    }
}

#[tokio::test(start_paused = true)]
async fn out_of_the_warm_pool_it_is_admitted_by_its_new_address_before_the_answer() {
    let corner = Corner::launched("Warmed:Stopped").await;
    corner.shown("stopped");
    corner.world.true_up_everywhere().await;
    corner.admits(2);
    corner.is("Pending:Wait", Transition::Launch);
    corner.shown("running");
    corner.world.give_address(EAST, &corner.id, BTreeSet::from(["54.9.9.9".parse().expect("one")]));
    let held = "54.9.9.9/32".parse().expect("an address");
    corner.world.state().ever.insert((EAST.into(), held));
    assert_eq!(results(&corner.told(body!("eventbridge-launch-from-pool")).await), CONTINUE);
    corner.admits(3);
}

#[tokio::test(start_paused = true)]
async fn back_into_the_warm_pool_it_is_shut_out_before_the_answer() {
    let corner = Corner::in_service().await;
    corner.is("Warmed:Pending:Wait", Transition::Terminate);
    assert_eq!(results(&corner.told(body!("eventbridge-terminate-into-pool")).await), CONTINUE);
    corner.admits(2);
}

/// So do instance refresh, maximum lifetime and capacity rebalancing: one comes, then one goes.
#[tokio::test(start_paused = true)]
async fn who_is_replaced_goes_after_the_new_one_has_come() {
    let corner = Corner::launched("Pending:Wait").await;
    assert_eq!(results(&corner.told(body!("eventbridge-launch")).await), CONTINUE);
    corner.admits(3);
    corner.is("Terminating:Wait", Transition::Terminate);
    assert_eq!(results(&corner.told(body!("eventbridge-terminate")).await), CONTINUE);
    corner.admits(2);
}

#[tokio::test(start_paused = true)]
async fn a_new_root_volume_changes_no_rule() {
    let corner = Corner::in_service().await;
    let before = corner.rules();
    corner.is("ReplacingRootVolume:Wait", Transition::Terminate);
    assert_eq!(results(&corner.told(body!("eventbridge-replace-root-volume")).await), CONTINUE);
    for word in ["ReplacingRootVolume", "RootVolumeReplaced"] {
        corner.is(word, Transition::Terminate);
        corner.told(body!("scheduled-rule")).await;
    }
    corner.is("Pending:Wait", Transition::Launch);
    assert_eq!(results(&corner.told(body!("eventbridge-launch-root-replaced")).await), CONTINUE);
    assert_eq!(corner.rules(), before);
    corner.world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn standby_changes_no_rule() {
    let corner = Corner::in_service().await;
    let before = corner.rules();
    for word in ["EnteringStandby", "Standby", "InService"] {
        corner.is(word, Transition::Launch);
        corner.told(body!("scheduled-rule")).await;
        assert_eq!(corner.rules(), before, "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_detached_goes_with_the_event_and_who_is_attached_comes_with_the_true_up() {
    let corner = Corner::in_service().await;
    corner.is("Detaching", Transition::Terminate);
    corner.told(body!("scheduled-rule")).await;
    corner.admits(3);
    corner.world.detach(EAST, &corner.id);
    corner.told(body!("eventbridge-detach-successful")).await;
    corner.admits(2);
    corner.world.in_service(EAST, 1);
    corner.told(body!("scheduled-rule")).await;
    corner.admits(3);
}

#[tokio::test(start_paused = true)]
async fn spot_takes_an_instance_whether_its_hook_comes_in_time_or_not() {
    for hook_comes in [true, false] {
        let corner = Corner::in_service().await;
        corner.shown("shutting-down");
        if hook_comes {
            corner.is("Terminating:Wait", Transition::Terminate);
            assert_eq!(results(&corner.told(body!("eventbridge-terminate")).await), CONTINUE);
        } else {
            corner.told(body!("eventbridge-state-change-shutting-down")).await;
        }
        let rules = corner.rules().map(|rules| rules.len());
        assert_eq!(rules, [2, 2]);
        corner.world.expect_unbroken();
    }
}

#[tokio::test(start_paused = true)]
async fn another_address_is_followed_by_the_true_up_and_none_at_all_keeps_the_old_one() {
    let corner = Corner::in_service().await;
    let old = corner.world.take_address(EAST, &corner.id);
    let before = corner.rules();
    let report = corner.told(body!("scheduled-rule")).await;
    expect_finding(&report, FindingKind::NoAddress);
    assert_eq!(corner.rules(), before);
    corner.world.give_address(EAST, &corner.id, BTreeSet::from(["54.9.9.9".parse().expect("one")]));
    let held = "54.9.9.9/32".parse().expect("an address");
    corner.world.state().ever.insert((EAST.into(), held));
    corner.told(body!("scheduled-rule")).await;
    corner.admits(3);
    let old = old.into_iter().next().expect("it had one").to_string();
    let opens = |rule: &sync_core::permission::Rule| rule.source.to_string().starts_with(&old);
    assert!(!corner.world.rules(WEST).iter().any(opens), "the old one is gone");
}

#[tokio::test(start_paused = true)]
async fn who_stops_has_given_its_address_back_and_who_starts_has_another() {
    let corner = Corner::in_service().await;
    corner.shown("stopped");
    corner.told(body!("eventbridge-state-change")).await;
    corner.admits(2);
    corner.shown("running");
    corner.world.give_address(EAST, &corner.id, BTreeSet::from(["54.9.9.9".parse().expect("one")]));
    let held = "54.9.9.9/32".parse().expect("an address");
    corner.world.state().ever.insert((EAST.into(), held));
    corner.told(body!("eventbridge-state-change-running")).await;
    corner.admits(3);
}

#[tokio::test(start_paused = true)]
async fn who_is_retained_is_let_in_again_until_it_ends() {
    let corner = Corner::in_service().await;
    corner.is("Terminating:Wait", Transition::Terminate);
    assert_eq!(results(&corner.told(body!("eventbridge-terminate")).await), CONTINUE);
    corner.admits(2);
    corner.is("Terminating:Retained", Transition::Terminate);
    corner.told(body!("scheduled-rule")).await;
    corner.admits(3);
    corner.shown("shutting-down");
    corner.told(body!("eventbridge-state-change-shutting-down")).await;
    assert_eq!(corner.rules().map(|rules| rules.len()), [2, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_deleted_with_force_is_not_found_and_its_rules_stay() {
    let corner = Corner::in_service().await;
    let before = corner.rules();
    corner.world.state().place(&EAST.into()).asgs.clear();
    corner.shown("shutting-down");
    let report = corner.told(body!("eventbridge-state-change-shutting-down")).await;
    expect_finding(&report, FindingKind::GroupMissing);
    assert_eq!(corner.rules(), before);
}
