"""A region that does not answer: local scaling goes on, the report says what was missed, and a later run heals it."""

from __future__ import annotations

import pytest

from product import EAST, WEST, Delivery, Product, addresses, findings, foreign, ids, target, too_early
from rig import Fault, World
from rig.faults import Mode

#: The issue's own bound on how long a hook may take with the peer silent.
HOOK_BOUND_S = 6.0

#: A short budget, for tests that are not about how long it is.
SHORT_BUDGET = "[limits]\npeer_budget_ms = 600"


def go_on_without_peer(world: World, delivery: Delivery, expected: list[str]) -> None:
    """Asserts promise 6: every hook answered CONTINUE, the peer unreachable and said so, the own group exact."""
    assert delivery.failed == []
    (report,) = delivery.reports
    assert delivery.hooks == dict.fromkeys(expected, "CONTINUE")
    assert [found["subject"] for found in findings(report, "peer-unreachable")] == [WEST]
    assert target(report, WEST)["status"] == "unreachable"
    assert target(report, WEST)["error"]
    assert [mirror["row"] for mirror in report["mirrors"]] == ["unreachable"]
    assert target(report, EAST)["status"] == "changed"
    assert world.owned(EAST) == world.expected()


def test_the_hook_is_answered_within_six_seconds_while_the_peer_swallows_every_packet(
    world: World, product: Product
) -> None:
    """Promise 6 with the default budget of 4 s; the process is warm."""
    world.seed(EAST, 2)
    product.synced()
    product.receive(product.launch(EAST, 1))
    world.rig.proxy.cut(WEST, "swallow", caller=EAST)
    events = product.launch(EAST, 1)
    delivery = product.receive(events)
    go_on_without_peer(world, delivery, ids(events))
    assert delivery.result.duration_s < HOOK_BOUND_S


@pytest.mark.parametrize("mode", ["swallow", "refuse", "error"])
def test_a_peer_that_is_away_does_not_hold_up_launches_and_terminations(
    world: World, product: Product, mode: Mode
) -> None:
    """Promise 6, however the peer fails; and nothing of it is removed meanwhile."""
    product.configure(SHORT_BUDGET)
    leaving, *_ = world.seed(EAST, 3)
    world.seed(WEST, 2)
    product.synced()
    there = world.rules(WEST)
    world.rig.proxy.cut(WEST, mode, caller=EAST)
    events = product.launch(EAST, 2) + product.terminate(EAST, [leaving])
    go_on_without_peer(world, product.receive(events), ids(events))
    assert world.rules(WEST) == there


def test_a_peer_that_comes_back_is_told_by_the_members_next_true_up(world: World, product: Product) -> None:
    """Promise 6: what could not be done is healed by the next run."""
    product.configure(SHORT_BUDGET)
    leaving, *_ = world.seed(EAST, 3)
    product.synced()
    world.rig.proxy.cut(WEST, "swallow", caller=EAST)
    product.receive(product.launch(EAST, 2) + product.terminate(EAST, [leaving]))
    assert not world.complete()
    world.rig.proxy.heal()
    report = product.true_up(EAST)
    assert world.complete()
    assert (len(target(report, WEST)["added"]), len(target(report, WEST)["revoked"])) == (2, 1)


def test_the_peers_true_up_undoes_nothing_before_it_is_told(world: World, product: Product) -> None:
    """Promise 5: a run of the other member, in between. Its mirror has the older row, and only the member that scaled
    may write the newer one there (design section 4): that member's next run heals it."""
    product.configure(SHORT_BUDGET)
    leaving, *_ = world.seed(EAST, 3)
    product.synced()
    world.rig.proxy.cut(WEST, "swallow", caller=EAST)
    product.receive(product.launch(EAST, 2) + product.terminate(EAST, [leaving]))
    own = world.owned(EAST)
    world.rig.proxy.heal()
    product.true_up(WEST)
    assert world.owned(EAST) == own == world.expected()
    product.true_up(EAST)
    assert world.complete()


def test_a_region_cut_off_from_everybody_still_admits_its_own(world: World, product: Product) -> None:
    """Both members scale while neither reaches the other; afterwards both true-ups bring both groups together."""
    product.configure(SHORT_BUDGET)
    world.seed(EAST, 1)
    world.seed(WEST, 1)
    product.synced()
    before = foreign(world)
    world.rig.proxy.cut(WEST, "refuse", caller=EAST)
    world.rig.proxy.cut(EAST, "swallow", caller=WEST)
    for region in (EAST, WEST):
        events = product.launch(region, 1)
        delivery = product.receive(events, region)
        assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
        assert {f"{ip}/32" for ip in addresses(world, region).values()} <= {rule.cidr for rule in world.rules(region)}
    world.rig.proxy.heal()
    product.true_up(EAST)
    product.true_up(WEST)
    assert world.complete()
    assert foreign(world) == before


def test_a_peers_mirror_that_is_away_keeps_rules_out_of_its_group(world: World, product: Product) -> None:
    """Design section 5, row before rule: without the row there, the region counts as unreachable."""
    product.configure(SHORT_BUDGET)
    world.seed(EAST, 1)
    product.synced()
    there = world.rules(WEST)
    world.rig.proxy.add(Fault("refuse", region=WEST, service="dynamodb"))
    events = product.launch(EAST, 1)
    go_on_without_peer(world, product.receive(events), ids(events))
    assert world.rules(WEST) == there


# -- the own mirror ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["refuse", "error"])
def test_a_launch_is_admitted_and_continued_without_the_own_mirror(
    world: World, product: Product, mode: Mode
) -> None:
    """Design section 7: adds still happen; CONTINUE if confirmed; a finding."""
    world.seed(EAST, 2)
    world.seed(WEST, 2)
    product.synced()
    world.rig.proxy.add(Fault(mode, region=EAST, service="dynamodb"))
    events = product.launch(EAST, 1)
    delivery = product.receive(events)
    assert delivery.failed == []
    assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert findings(delivery.reports[0], "mirror-unavailable")
    assert delivery.reports[0]["groups"][0]["row"] == "unavailable"
    assert too_early(world) == []
    assert world.complete()


@pytest.mark.parametrize("mode", ["refuse", "error"])
def test_a_termination_revokes_what_is_certain_without_the_own_mirror(
    world: World, product: Product, mode: Mode
) -> None:
    """Design section 7: CONTINUE after revoking the address that leaves; everything else stays."""
    leaving, *_ = world.seed(EAST, 3)
    world.seed(WEST, 2)
    product.synced()
    world.rig.proxy.add(Fault(mode, region=EAST, service="dynamodb"))
    events = product.terminate(EAST, [leaving])
    delivery = product.receive(events)
    assert delivery.hooks == {leaving: "CONTINUE"}
    assert findings(delivery.reports[0], "mirror-unavailable")
    assert too_early(world) == []
    assert world.owned(EAST) == world.expected()
    world.rig.proxy.heal()
    product.true_up()
    assert world.complete()


def test_a_mirror_that_was_lost_and_made_again_fills_up_and_nothing_is_removed(world: World, product: Product) -> None:
    """Promise 2: a row that does not exist is unknown, not empty."""
    world.seed(EAST, 2)
    world.seed(WEST, 2)
    product.synced()
    rules = {region: world.rules(region) for region in (EAST, WEST)}
    world.rig.client("dynamodb", EAST).delete_table(TableName=world.table)
    world.create_table(EAST)
    product.true_up(EAST)
    assert {region: world.rules(region) for region in (EAST, WEST)} == rules
    product.true_up(WEST)
    assert len(world.rows(EAST)) == 2
    assert {region: world.rules(region) for region in (EAST, WEST)} == rules


# -- the own region's other services ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "action", "code", "status"),
    [
        ("ec2", "DescribeSecurityGroupRules", "RequestLimitExceeded", 503),
        ("ec2", "AuthorizeSecurityGroupIngress", "InternalError", 500),
        ("ec2", "DescribeInstances", "Unavailable", 503),
        ("autoscaling", "DescribeAutoScalingGroups", "Throttling", 400),
        ("autoscaling", "CompleteLifecycleAction", "Throttling", 400),
    ],
)
def test_a_local_failure_that_may_pass_sends_the_message_back(
    world: World, product: Product, service: str, action: str, code: str, status: int
) -> None:
    """Design section 7: the hook keeps waiting, and the message comes back and succeeds."""
    product.synced()
    events = product.launch(EAST, 1)
    fault = Fault("error", region=EAST, service=service, action=action, error_code=code, status=status)
    world.rig.proxy.add(fault)
    delivery = product.receive(events)
    assert delivery.failed == events
    assert delivery.hooks == dict.fromkeys(ids(events), "RETRY")
    assert len(world.instances(EAST, "Pending:Wait")) == 1
    world.rig.proxy.heal()
    assert product.receive(events).failed == []
    assert too_early(world) == []
    assert world.complete()


@pytest.mark.parametrize(("setting", "answer"), [("abandon", "ABANDON"), ("continue", "CONTINUE")])
def test_a_local_failure_that_will_not_pass_is_answered_as_the_document_says(
    world: World, product: Product, setting: str, answer: str
) -> None:
    """Design section 7: denied; `on_launch_failure` decides, and a finding says why."""
    product.configure(f'[hooks]\non_launch_failure = "{setting}"')
    product.synced()
    events = product.launch(EAST, 1)
    denied = {"error_code": "UnauthorizedOperation", "status": 403}
    world.rig.proxy.add(Fault("error", region=EAST, action="AuthorizeSecurityGroupIngress", **denied))
    delivery = product.receive(events)
    assert delivery.failed == []
    assert delivery.hooks == dict.fromkeys(ids(events), answer)
    (compromised,) = findings(delivery.reports[0], "hook-compromised")
    assert "UnauthorizedOperation" in compromised["detail"]


def test_a_termination_that_cannot_revoke_goes_on_and_says_what_is_stale(world: World, product: Product) -> None:
    """Design section 7: denied; an instance that ends must not wait for rules, and the finding says so."""
    leaving, *_ = world.seed(EAST, 2)
    product.synced()
    events = product.terminate(EAST, [leaving])
    denied = {"error_code": "UnauthorizedOperation", "status": 403}
    world.rig.proxy.add(Fault("error", region=EAST, action="RevokeSecurityGroupIngress", **denied))
    delivery = product.receive(events)
    assert delivery.hooks == {leaving: "CONTINUE"}
    (compromised,) = findings(delivery.reports[0], "hook-compromised")
    assert compromised["subject"] == leaving
    world.rig.proxy.heal()
    product.true_up()
    assert world.complete()
