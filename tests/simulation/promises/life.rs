//! Promises 2 and 3 through the turns of an instance's life that hooks do not tell of
//! plainly: warm pools, standby, answers of EC2 with an address missing.

use simulation::world::{Ask, EAST, Fault, FaultRule, WEST, World, call};
use sync_core::events::{Hook, Transition};
use sync_core::names::InstanceId;
use sync_core::ports::Failure;
use sync_core::report::{FindingKind, HookResult};

use super::{expect_finding, results};

const CONTINUE: [HookResult; 1] = [HookResult::Continue];

fn hook(id: &InstanceId, transition: Transition) -> Hook {
    let (name, asg) = ("a-hook".to_owned(), "orders-us-east-1".into());
    Hook { name, asg, instance: id.clone(), transition, token: None }
}

fn somebody(world: &World) -> InstanceId {
    world.state().place(&EAST.into()).members().into_keys().next().expect("somebody is there")
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_into_the_warm_pool_goes_on_and_admits_nobody() {
    let world = World::settled(2, 2).await;
    let before = [EAST, WEST].map(|member| world.rules(member));
    let id = InstanceId::new("i-77");
    assert!(world.state().launch(&EAST.into(), &"orders-us-east-1".into(), &id, true, 99));
    let report = world.run(Ask::hooks(EAST, &[hook(&id, Transition::Launch)])).await;
    assert_eq!(results(&report), CONTINUE);
    assert_eq!([EAST, WEST].map(|member| world.rules(member)), before);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_3_back_to_the_warm_pool_is_out_of_the_cluster_before_the_answer() {
    for row_is_read in [true, false] {
        let world = World::settled(2, 2).await;
        let id = somebody(&world);
        assert!(world.state().to_pool(&EAST.into(), &id));
        if !row_is_read {
            let fails = FaultRule::all(Fault::Before(Failure::NoAnswer)).at(EAST).on(call::ROWS);
            world.fault(fails.window(0, 1));
        }
        let report = world.run(Ask::hooks(EAST, &[hook(&id, Transition::Terminate)])).await;
        assert_eq!(results(&report), CONTINUE);
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_who_leaves_for_the_warm_pool_unseen_waits() {
    // Neither the own row nor Auto Scaling says anything of it.
    let world = World::settled(2, 2).await;
    let id = somebody(&world);
    assert!(world.state().to_pool(&EAST.into(), &id));
    for name in [call::ROWS, call::STATE] {
        world.fault(FaultRule::all(Fault::Before(Failure::Unavailable)).at(EAST).on(name));
    }
    let leaves = [hook(&id, Transition::Terminate)];
    assert_eq!(results(&world.run(Ask::hooks(EAST, &leaves)).await), [HookResult::Retry]);
    world.heal();
    assert_eq!(results(&world.run(Ask::hooks(EAST, &leaves)).await), CONTINUE);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_2_back_from_standby_nobody_is_shut_out_on_the_way() {
    let world = World::settled(2, 2).await;
    let id = somebody(&world);
    let before = [EAST, WEST].map(|member| world.rules(member));
    world.set_state(EAST, &id, "Standby");
    assert!(world.state().exit_standby(&EAST.into(), &id));
    world.run(Ask::true_up(EAST)).await;
    assert_eq!([EAST, WEST].map(|member| world.rules(member)), before);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_2_an_address_that_is_missing_beside_one_of_another_kind_stays() {
    let kinds = "[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]\n";
    let world = World::new(2, kinds).populated(&[(EAST, 2), (WEST, 1)]).await;
    let before = [EAST, WEST].map(|member| world.rules(member));
    world.fault(FaultRule::all(Fault::Hide).on(call::INSTANCES));
    let report = world.run(Ask::true_up(EAST)).await;
    expect_finding(&report, FindingKind::NoAddress);
    assert_eq!([EAST, WEST].map(|member| world.rules(member)), before);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_5_who_is_unlisted_and_cannot_be_asked_for_keeps_nobody_else_waiting() {
    let world = World::settled(2, 2).await;
    let id = somebody(&world);
    assert!(world.state().to_pool(&EAST.into(), &id));
    let before = world.rules(WEST).len();
    let fails = Fault::Before(Failure::Unavailable);
    world.fault(FaultRule::all(fails).at(EAST).on(call::STATE));
    world.in_service(EAST, 1);
    let report = world.run(Ask::true_up(EAST)).await;
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!(world.rules(WEST).len(), before + 1, "it stays, and somebody has come");
}
