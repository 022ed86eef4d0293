//! Kinds of addresses: each link admits its own, and a launch waits for all of them.

use std::collections::BTreeSet;

use simulation::world::{Ask, EAST, WEST, World};
use sync_core::cidr::Cidr;
use sync_core::names::InstanceId;
use sync_core::report::{FindingKind, HookResult, Report};

use super::results;

const BOTH: &str = "[addresses]\nkinds = [\"public-ipv4\", \"ipv6\"]";

const LINK: &str = "[[link]]\nfrom = [\"us-east-1\"]\nto = [\"us-west-2\"]\n\
                    kinds = [\"private-ipv4\", \"ipv4-prefix\", \"ipv6-prefix\"]";

fn sources(world: &World, member: &str) -> BTreeSet<String> {
    world.rules(member).iter().map(|rule| rule.source.to_string()).collect()
}

fn unanswered(report: &Report) -> String {
    let of_hook = report.findings.iter().filter(|f| f.kind == FindingKind::HookUnanswered);
    of_hook.map(|finding| finding.detail.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_launch_waits_until_every_kind_of_address_is_shown() {
    let world = World::new(2, BOTH).populated(&[(EAST, 1), (WEST, 1)]).await;
    let launch = world.launch(EAST);
    let id = &launch.instance;
    let hidden = {
        let mut state = world.state();
        let view = state.place(&EAST.into()).instances.get_mut(id).expect("it is there");
        std::mem::take(&mut view.ipv6)
    };
    let report = world.run(Ask::hooks(EAST, std::slice::from_ref(&launch))).await;
    assert_eq!(results(&report), [HookResult::Retry]);
    assert_eq!(unanswered(&report), "EC2 shows no ipv6 address of it yet");
    let public = world.state().places[&EAST.into()].instances[id].public_ipv4.clone();
    let public = format!("{}/32", public.first().expect("it has one"));
    assert!(sources(&world, WEST).contains(&public), "what is shown is admitted already");
    world.state().place(&EAST.into()).instances.get_mut(id).expect("it is there").ipv6 = hidden;
    let report = world.run(Ask::hooks(EAST, &[launch])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    world.expect_exact();
}

#[tokio::test(start_paused = true)]
async fn promise_7_each_link_admits_its_own_kinds_and_prefixes_as_they_were_delegated() {
    let world = World::new(2, LINK).populated(&[(EAST, 1), (WEST, 1)]).await;
    let east = sources(&world, EAST);
    assert!(east.iter().all(|source| source.starts_with("54.")), "{east:?}");
    assert_eq!(east.len(), 2);
    let west = sources(&world, WEST);
    let of_east = ["10.0.0.1/32", "10.0.1.0/28", "2600:1f18:0:1:1::/80"];
    assert!(of_east.iter().all(|source| west.contains(*source)), "{west:?}");
    assert_eq!(west.len(), 4, "{west:?}");
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_is_delegated_later_is_admitted_and_goes_with_its_instance() {
    let world = World::new(2, LINK).populated(&[(EAST, 1), (WEST, 1)]).await;
    let id = world.state().places[&EAST.into()].members().into_keys().next().expect("somebody");
    let prefix: Cidr = "10.0.2.16/28".parse().expect("a prefix");
    {
        let mut state = world.state();
        let view = state.place(&EAST.into()).instances.get_mut(&id).expect("it is there");
        view.prefixes.insert(prefix);
        state.ever.insert((EAST.into(), prefix));
    }
    world.true_up_everywhere().await;
    world.expect_exact();
    assert!(sources(&world, WEST).contains("10.0.2.16/28"));
    let hook = world.terminate(EAST, &id);
    let report = world.run(Ask::hooks(EAST, &[hook])).await;
    assert_eq!(results(&report), [HookResult::Continue]);
    assert_eq!(sources(&world, WEST).len(), 1, "all of it is gone");
    world.expect_unbroken();
}

/// Gives an instance of the west the private address of one of the east.
fn overlap(world: &World, west: &InstanceId, east: &InstanceId) {
    let mut state = world.state();
    let shared = state.places[&EAST.into()].instances[east].private_ipv4.clone();
    let view = state.place(&WEST.into()).instances.get_mut(west).expect("it is there");
    view.private_ipv4.clone_from(&shared);
    state.ever.extend(shared.into_iter().map(|ip| (WEST.into(), Cidr::host(ip))));
}

#[tokio::test(start_paused = true)]
async fn an_address_of_two_members_stays_open_while_anyone_wants_it() {
    let world = World::new(2, "[addresses]\nkinds = [\"private-ipv4\"]");
    let [east, west] = [EAST, WEST].map(|member| world.in_service(member, 1).remove(0));
    overlap(&world, &west, &east);
    let world = world.populated(&[]).await;
    assert_eq!((sources(&world, EAST).len(), sources(&world, WEST).len()), (1, 1));
    for (member, id, left) in [(EAST, &east, 1), (WEST, &west, 0)] {
        let hook = world.terminate(member, id);
        let report = world.run(Ask::hooks(member, &[hook])).await;
        assert_eq!(results(&report), [HookResult::Continue], "{member}");
        assert_eq!(sources(&world, EAST).len(), left, "after {member}");
        assert_eq!(sources(&world, WEST).len(), left, "after {member}");
        world.expect_exact();
    }
}
