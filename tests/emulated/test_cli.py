"""The operator's command line against both regions: what it does, what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from product import EAST, WEST, Product, addresses, findings, foreign, target
from rig import Fault, World

IN_SYNC, ERROR, PENDING, HELD = 0, 1, 2, 3
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def sgsync(product: Product, tmp_path: Path) -> Run:
    """Runs the command in a folder with the world's `mesh.toml`."""
    return lambda *arguments, **options: product.sgsync(*arguments, folder=tmp_path, **options)


def report_of(done: CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(done.stdout))


def test_check_asks_aws_nothing_and_shows_what_it_read(world: World, sgsync: Run) -> None:
    """Exit 0; mesh, ports, groups and targets as the document has them."""
    done = sgsync("check")
    assert done.returncode == IN_SYNC
    member = world.members[EAST]
    for word in (world.mesh, "7000-7001", EAST, WEST, member.group, member.security_group):
        assert word in done.stdout
    assert json.loads(sgsync("check", "--output", "json").stdout) == {
        "valid": True,
        "mesh": world.mesh,
        "problems": [],
    }
    assert world.rig.proxy.calls() == {}


def test_check_of_a_bad_document_lists_problems_as_json_too(sgsync: Run) -> None:
    """Exit 1, and one JSON document on standard output for programs."""
    done = sgsync("check", "--output", "json", document="name = 5")
    assert done.returncode == ERROR
    answer = json.loads(done.stdout)
    assert answer["valid"] is False
    assert [problem["path"] for problem in answer["problems"]] == ["name", "member", "allow"]
    assert all(problem["detail"] for problem in answer["problems"])


def test_plan_says_what_apply_would_do_and_changes_nothing(world: World, sgsync: Run, product: Product) -> None:
    """Exit 2, every permission named, and no call that changes anything."""
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    world.rig.proxy.reset_counts()
    done = sgsync("plan")
    assert done.returncode == PENDING
    for ip in [*addresses(world, EAST).values(), *addresses(world, WEST).values()]:
        assert done.stdout.count(f"+ tcp 7000-7001 {ip}/32") == 2
    assert "sgsync apply" in done.stdout
    assert product.changes_made() == {}
    assert world.rows(EAST) == world.rows(WEST) == []
    report = report_of(sgsync("plan", "--output", "json"))
    assert (report["dry_run"], report["trigger"], report["member"]) == (True, "operator", "all")
    assert len(target(report, WEST)["added"]) == 3


def test_apply_converges_from_nothing_and_plan_then_has_nothing_to_say(world: World, sgsync: Run) -> None:
    """One command brings a mesh up: every member's rows in every mirror, and every group."""
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    done = sgsync("apply", "--yes")
    assert done.returncode == IN_SYNC, done.stderr
    assert world.complete()
    assert [len(world.rows(region)) for region in (EAST, WEST)] == [2, 2]
    after = sgsync("plan")
    assert after.returncode == IN_SYNC
    assert "nothing to change" in after.stdout
    again = report_of(sgsync("apply", "--yes", "--output", "json"))
    assert {one["status"] for one in again["targets"]} == {"in-sync"}


def test_apply_heals_drift_and_leaves_others_alone(world: World, sgsync: Run, product: Product) -> None:
    """Somebody removed one rule of ours and added one of their own."""
    world.seed(EAST, 2)
    product.synced()
    world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.mesh))
    stray = world.add_rule(WEST, "203.0.113.99/32", 7000)
    others = foreign(world)
    assert sgsync("plan").returncode == PENDING
    done = sgsync("apply", "--yes")
    assert done.returncode == IN_SYNC
    assert stray in done.stdout
    assert world.complete()
    assert foreign(world) == others


def test_every_change_of_an_operator_is_on_the_record(world: World, sgsync: Run) -> None:
    """Promise 8: one audit line each, apart from what is printed for people."""
    world.seed(EAST, 1)
    done = sgsync("apply", "--yes", "--output", "json")
    lines = [json.loads(line)["fields"] for line in done.stderr.splitlines()]
    assert [(line["action"], line["trigger"]) for line in lines] == [("authorize", "operator")] * 2
    assert {line["target"].split("/")[0] for line in lines} == {EAST, WEST}
    assert "aws_request_id" not in done.stdout
    world.seed(EAST, 1)
    lines = sgsync("apply", "--yes").stderr.splitlines()
    assert ["audit: change who=" in line and "authorize" in line for line in lines] == [True] * 2


def test_held_removals_are_shown_and_need_a_persons_word(world: World, sgsync: Run, product: Product) -> None:
    """Design section 6: the guard holds them, whatever the adds do, until --allow-removals."""
    product.configure("[guard]\nmax_removals = 2")
    leaving = world.seed(EAST, 4)
    product.synced()
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=leaving, ShouldDecrementDesiredCapacity=True
    )
    world.seed(WEST, 1)
    assert sgsync("plan").returncode == HELD
    held = sgsync("apply", "--yes")
    assert held.returncode == HELD
    assert "--allow-removals" in held.stdout
    assert held.stdout.count("held") >= 8
    assert [len(world.owned(region)) for region in (EAST, WEST)] == [5, 5]
    allowed = sgsync("apply", "--yes", "--allow-removals")
    assert allowed.returncode == IN_SYNC
    assert world.complete()


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_region_that_is_away_is_an_error_and_not_an_empty_one(
    world: World, sgsync: Run, product: Product, command: str
) -> None:
    """Promise 2 on the screen: nothing is said about what was not seen, and nothing of it is removed."""
    world.seed(EAST, 1)
    world.seed(WEST, 2)
    product.synced()
    before = {region: world.rules(region) for region in (EAST, WEST)}
    world.rig.proxy.cut(WEST, "refuse", caller="operator")
    done = sgsync(command, "--timeout", "10", *(["--yes"] if command == "apply" else []))
    assert done.returncode == ERROR
    assert f"{world.members[WEST].group} has 0 instances" not in done.stdout
    assert "unreachable" in done.stdout
    assert not done.stdout.rstrip().endswith("nothing to change")
    assert {region: world.rules(region) for region in (EAST, WEST)} == before


def test_an_error_of_aws_is_shown_once_with_its_code(world: World, sgsync: Run) -> None:
    """Denied: exit 1, the call and the code, nothing printed twice over."""
    world.seed(EAST, 1)
    denied = {"error_code": "UnauthorizedOperation", "status": 403}
    world.rig.proxy.add(Fault("error", region=WEST, action="AuthorizeSecurityGroupIngress", **denied))
    done = sgsync("apply", "--yes", "--output", "json")
    assert done.returncode == ERROR
    report = report_of(done)
    error = target(report, WEST)["error"]
    assert error.count("UnauthorizedOperation") <= 2  # the code, and the rig's message that repeats it
    assert "AuthorizeSecurityGroupIngress" in error
    assert [found["subject"] for found in findings(report, "target-failed")] == [world.members[WEST].security_group]
    assert target(report, EAST)["status"] == "changed"


def test_a_full_group_is_named_with_whoever_is_left_out(world: World, sgsync: Run) -> None:
    """60 rules, the bastion's among them: two of 61 instances are left out, and the screen says which."""
    world.seed(EAST, 61)
    done = sgsync("apply", "--yes")
    assert done.returncode == ERROR
    left_out = {
        f"{ip}/32" for ip in addresses(world, EAST).values() if f"{ip}/32" not in {r.cidr for r in world.rules(EAST)}
    }
    assert len(left_out) == 2
    for cidr in left_out:
        assert f"! tcp 7000-7001 {cidr}" in done.stdout


def test_help_names_the_commands_and_the_exit_codes(sgsync: Run) -> None:
    """A stranger's first call."""
    top = sgsync("--help")
    assert top.returncode == 0
    for word in ("check", "plan", "apply", "--mesh", "--output", "mesh.toml"):
        assert word in top.stdout
    plan = sgsync("plan", "--help").stdout
    assert "0" in plan and "2 if changes are pending" in plan and "1 on an error" in plan
    assert "--allow-removals" in sgsync("apply", "--yes", "--help").stdout
    assert sgsync("--version").stdout.startswith("sgsync ")


@pytest.mark.parametrize("arguments", [(), ("frobnicate",), ("plan", "--output", "yaml"), ("plan", "--colour", "blue")])
def test_wrong_usage_is_no_pending_change(sgsync: Run, arguments: tuple[str, ...]) -> None:
    """2 is `plan`'s word: a misspelled call must not look like one."""
    done = sgsync(*arguments)
    assert done.returncode == ERROR
    assert "Usage" in done.stderr or "--help" in done.stderr


def test_a_document_that_is_not_there_is_named(sgsync: Run) -> None:
    """With the option that names another one."""
    done = sgsync("plan", "--mesh", "nowhere.toml")
    assert done.returncode == ERROR
    assert "nowhere.toml" in done.stderr and "--mesh" in done.stderr
