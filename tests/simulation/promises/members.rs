//! Meshes of many members: any number of them, two in one region, some that join or leave
//! while events flow, and one that is dark for hours.

use std::fmt::Write as _;
use std::time::Duration;

use simulation::world::{Ask, Fault, FaultRule, World, call};
use sync_core::events::Hook;
use sync_core::mesh::Mesh;
use sync_core::names::InstanceId;
use sync_core::permission::MEMBER_TAG;
use sync_core::report::{FindingKind, HookResult, Report};
use tokio::time::sleep;

use super::{expect_finding, results};

/// A document of this many members, `east-0` and so on, by twos in one region.
fn document(members: usize) -> String {
    let mut text = "name = \"orders-db\"\n[[allow]]\nprotocol = \"tcp\"\nports = 7000\n\
                    [limits]\nrules_per_group = 200\n"
        .to_owned();
    for place in 0..members {
        let (name, region) = (name(place), format!("us-east-{}", 1 + place / 2));
        let _ = write!(
            text,
            "[[member]]\nname = \"{name}\"\nregion = \"{region}\"\ntable = \"of-{name}\"\n\
             auto_scaling_groups = [\"orders-{name}\"]\nsecurity_groups = [\"sg-{place:017x}\"]\n"
        );
    }
    text
}

fn name(place: usize) -> String {
    format!("east-{place}")
}

fn mesh(members: usize) -> Mesh {
    Mesh::parse(&document(members)).expect("a mesh")
}

/// A world in which each member has this many instances, and all of them are admitted.
async fn settled(members: usize, each: usize) -> World {
    let world = World::of(&document(members));
    for place in 0..members {
        world.in_service(&name(place), each);
    }
    world.populated(&[]).await
}

fn somebody(world: &World, member: &str) -> InstanceId {
    let members = world.state().place(&member.into()).members();
    members.into_keys().next().expect("somebody")
}

/// A run that answers hooks, all of them CONTINUE.
async fn answers(world: &World, member: &str, hooks: &[Hook], document: &Mesh) -> Report {
    let report = world.run(Ask::hooks(member, hooks).under(document)).await;
    let expected = vec![HookResult::Continue; hooks.len()];
    assert_eq!(results(&report), expected, "{member}: {:#?}", report.findings);
    for hook in hooks.iter().filter(|hook| hook.name == "sgsync-terminate") {
        world.finish(member, &hook.instance);
    }
    report
}

/// A launch in a member, and the end of an instance.
async fn come_and_go(world: &World, member: &str, document: &Mesh) -> Report {
    let hooks = [world.launch(member), world.terminate(member, &somebody(world, member))];
    answers(world, member, &hooks, document).await
}

#[tokio::test(start_paused = true)]
async fn promise_3_everybody_reaches_everybody_at_2_3_8_and_20_members() {
    for members in [2, 3, 8, 20] {
        let world = settled(members, 2).await;
        for place in [0, members - 1] {
            world.forget();
            let launch = world.launch(&name(place));
            answers(&world, &name(place), &[launch], &mesh(members)).await;
            // Auto Scaling, EC2, the own row, the answer; the same for every region.
            let expected = 4 + 5 * members + (members - 1);
            assert_eq!(world.calls().len(), expected, "a launch among {members}");
            come_and_go(&world, &name(place), &mesh(members)).await;
        }
        world.expect_exact();
        assert_eq!(world.rules(&name(0)).len(), 2 * members + 2);
        world.forget();
        world.true_up_everywhere().await;
        assert!(!world.calls().iter().any(|call| call::WRITES.contains(call)), "all is told");
    }
}

#[tokio::test(start_paused = true)]
async fn two_members_of_one_region_are_told_apart_by_their_names() {
    let world = settled(2, 2).await;
    assert_eq!(mesh(2).members_in(&"us-east-1".into()).count(), 2);
    for member in ["east-0", "east-1"] {
        let report = come_and_go(&world, member, &mesh(2)).await;
        assert_eq!(report.member, member);
        let targets: Vec<_> = report.targets.iter().map(|t| t.member.to_string()).collect();
        assert_eq!(targets, ["east-0", "east-1"]);
        assert!(report.groups.iter().all(|group| group.member.as_str() == member));
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_member_joins_while_events_flow() {
    for members in [2, 7] {
        let (old, new) = (mesh(members), mesh(members + 1));
        let world = World::of(&document(members + 1));
        for place in 0..=members {
            world.in_service(&name(place), 2);
        }
        for place in 0..members {
            world.run(Ask::true_up(&name(place)).under(&old)).await;
        }
        // One region after the other gets the new document, the last one first.
        for deployed in (0..=members).rev() {
            world.run(Ask::true_up(&name(deployed)).under(&new)).await;
            for place in 0..=members {
                let document = if place >= deployed { &new } else { &old };
                if place < members || deployed < members {
                    come_and_go(&world, &name(place), document).await;
                }
            }
            world.expect_unbroken();
        }
        world.true_up_everywhere().await;
        world.true_up_everywhere().await;
        world.expect_exact();
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_member_leaves_while_events_flow() {
    let (old, new) = (mesh(4), mesh(3));
    let world = settled(4, 2).await;
    let theirs = |world: &World| {
        let rules = world.rules("east-0");
        rules.iter().filter(|rule| rule.tags[MEMBER_TAG] == "east-3").count()
    };
    for deployed in 0..3 {
        world.run(Ask::true_up(&name(deployed)).under(&new)).await;
        for place in 0..4 {
            let document = if place <= deployed { &new } else { &old };
            come_and_go(&world, &name(place), document).await;
        }
        assert!(theirs(&world) >= 2, "until a person says that it has left for good");
        world.expect_unbroken();
    }
    let report = world.run(Ask::true_up("east-0").under(&new)).await;
    expect_finding(&report, FindingKind::HeldRemovals);
    let allowed = Ask { allow_removals: true, ..Ask::operator().under(&new) };
    world.run(allowed).await;
    assert_eq!(theirs(&world), 0);
    assert_eq!(world.rules("east-0").len(), 6, "two instances of each who stays");
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_member_that_is_dark_for_hours_comes_back() {
    let world = settled(3, 2).await;
    let all = mesh(3);
    for fault in [Fault::Hang, Fault::Before(sync_core::ports::Failure::NoAnswer)] {
        world.fault(FaultRule::all(fault).at("east-2"));
        for _ in 0..6 {
            for member in ["east-0", "east-1"] {
                let report = come_and_go(&world, member, &all).await;
                expect_finding(&report, FindingKind::PeerUnreachable);
                world.run(Ask::true_up(member)).await;
            }
            sleep(Duration::from_mins(50)).await;
        }
        let gone = somebody(&world, "east-2");
        world.finish("east-2", &gone);
        let report = world.run(Ask::true_up("east-0")).await;
        expect_finding(&report, FindingKind::PeerStale);
        assert!(report.targets.iter().all(|target| target.revoked.is_empty()), "unknown, not gone");
        world.heal();
        world.in_service("east-2", 1);
        // Its own first true-up makes its group and everybody's exact.
        world.run(Ask::true_up("east-2")).await;
        world.run(Ask::true_up("east-0")).await;
        world.run(Ask::true_up("east-1")).await;
        world.expect_exact();
        let launch = world.launch("east-2");
        answers(&world, "east-2", &[launch], &all).await;
        world.expect_exact();
    }
}
