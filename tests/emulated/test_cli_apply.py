"""`sgsync plan` and `sgsync apply` at a person's hand: who is asked, what is shown, and that nothing else is done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from product import BINARIES, EAST, WEST, Product, addresses, target
from rig import World

DONE, ERROR, PENDING = 0, 1, 2
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def sgsync(product: Product, tmp_path: Path) -> Run:
    """Runs the command in a folder with the world's `mesh.toml`."""
    return lambda *arguments, **options: product.sgsync(*arguments, folder=tmp_path, **options)


def test_a_plan_names_instance_group_and_reason(world: World, sgsync: Run, product: Product) -> None:
    """`+` with the instance and its group; `-` with the instance, the rule and why nobody wants it."""
    stays, goes = world.seed(EAST, 2)
    product.synced()
    (leaves,) = [rule for rule in world.rules(WEST) if rule.cidr == f"{addresses(world, EAST)[goes]}/32"]
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=[goes], ShouldDecrementDesiredCapacity=True
    )
    (comes,) = world.seed(EAST, 1)
    printed = sgsync("plan").stdout
    added = f"+ tcp 7000-7001 {addresses(world, EAST)[comes]}/32  {comes} of {EAST}/{world.members[EAST].group}\n"
    assert printed.count(added) == 2
    revoked = f"- tcp 7000-7001 {leaves.cidr}  {goes} of {EAST}, no row wants it any more, {leaves.id}\n"
    assert printed.count(revoked) == 1
    assert stays not in printed
    changes = target(json.loads(sgsync("plan", "--output", "json").stdout), WEST)["changes"]
    assert [(one["action"], one["why"], one["instance"]) for one in changes] == [
        ("add", "in-group", comes),
        ("revoke", "no-longer-desired", goes),
    ]


def test_apply_asks_and_takes_only_yes_for_it(world: World, sgsync: Run, product: Product) -> None:
    """Nothing is done for whoever says anything else, or nothing; what was shown is done for `yes`."""
    world.seed(EAST, 1)
    for answer in ("", "no\n", "y\n"):
        refused = sgsync("apply", answer=answer)
        assert refused.returncode == PENDING
        assert "+ tcp 7000-7001" in refused.stdout and "nothing was done" in refused.stderr
    assert product.changes_made() == {}
    done = sgsync("apply", answer="yes\n")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert "to add: 2" in done.stdout and "added: 2" in done.stdout
    assert world.complete()
    assert sgsync("apply").returncode == DONE, "with nothing to change there is nothing to ask"


def test_apply_for_programs_does_not_ask(sgsync: Run) -> None:
    """A question in the middle of JSON would be neither."""
    done = sgsync("apply", "--output", "json")
    assert done.returncode == ERROR
    assert "--yes" in done.stderr and done.stdout == ""


def test_what_was_not_shown_is_not_done(world: World, product: Product, tmp_path: Path) -> None:
    """An instance comes while the plan is being read: it is left out, by name, and with what to do."""
    world.seed(EAST, 1)
    (tmp_path / "mesh.toml").write_text(product.document)
    env = world.rig.env(EAST, "operator")
    with subprocess.Popen(
        [BINARIES / "sgsync", "apply"], env=env, cwd=tmp_path, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as asking:  # fmt: skip
        assert asking.stdout is not None
        shown = ""
        while "Apply this plan?" not in shown:
            shown += asking.stdout.read(1)
        assert "to add: 2" in shown
        (late,) = world.seed(WEST, 1)
        done, complaint = asking.communicate("yes\n", timeout=90)
    assert asking.returncode == ERROR, done + complaint
    assert "the world moved" in done and "`sgsync apply` again" in done
    missing = f"{addresses(world, WEST)[late]}/32"
    assert f"WorldMoved: the plan that was shown did not have tcp 7000-7001 {missing}" in done
    assert all(rule.cidr != missing for region in (EAST, WEST) for rule in world.rules(region))
    assert all(len(world.owned(region)) == 1 for region in (EAST, WEST)), "what was shown is done"


def test_one_members_groups_can_be_brought_up_alone(world: World, sgsync: Run, product: Product) -> None:
    """--member leaves the others' rules alone; everyone is observed and told all the same."""
    world.seed(EAST, 1)
    world.seed(WEST, 1)
    done = sgsync("apply", "--yes", "--member", WEST)
    assert done.returncode == DONE, done.stdout + done.stderr
    assert (len(world.owned(EAST)), len(world.owned(WEST))) == (0, 2)
    assert [len(world.rows(region)) for region in (EAST, WEST)] == [2, 2]
    assert world.members[EAST].security_group not in done.stdout
    stranger = sgsync("plan", "--member", "us-north-9")
    assert stranger.returncode == ERROR
    assert "us-north-9" in stranger.stderr and EAST in stranger.stderr


def test_refused_calls_have_their_request_id_under_v_and_say_what_to_do(world: World, sgsync: Run, product: Product) -> None:
    """The id is what AWS's support asks for; without -v it is not in the way."""
    world.seed(EAST, 1)
    document = product.document.replace(world.members[WEST].security_group, "sg-0123456789abcdef0")
    plain = sgsync("apply", "--yes", document=document)
    assert plain.returncode == ERROR
    assert "next: something that the document names is not there: `sgsync check --online`" in plain.stdout
    assert "InvalidGroup.NotFound" not in plain.stderr
    wordy = sgsync("apply", "--yes", "-v", document=document)
    line = next(line for line in wordy.stderr.splitlines() if "InvalidGroup.NotFound" in line)
    assert 'call="ec2:AuthorizeSecurityGroupIngress"' in line and "aws_request_id=" in line


def test_a_profile_that_is_not_there_says_so(world: World, sgsync: Run) -> None:
    """It is taken instead of the environment's, so one that nobody has is no credentials."""
    done = sgsync("plan", "--profile", "nobody", "--timeout", "10")
    assert done.returncode == ERROR
    assert "nobody" in done.stdout or "credentials" in done.stdout
