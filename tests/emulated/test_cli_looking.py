"""`sgsync status`, `explain` and `check --online`: what they say of a mesh that is well, and of one that is not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from product import BINARIES, EAST, WEST, Product, addresses
from rig import BASTION_CIDR, World

DONE, ERROR, PENDING, HELD = 0, 1, 2, 3
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def sgsync(product: Product, tmp_path: Path) -> Run:
    """Runs the command in a folder with the world's `mesh.toml`."""
    return lambda *arguments, **options: product.sgsync(*arguments, folder=tmp_path, **options)


def answer(done: CompletedProcess[str]) -> dict[str, Any]:
    return dict(json.loads(done.stdout))


def dead_letters(world: World, region: str, count: int) -> None:
    """The stack's queue, with so many messages in it."""
    sqs = world.rig.client("sqs", region)
    url = sqs.create_queue(QueueName=f"sgsync-{world.mesh}-dead-letters")["QueueUrl"]
    for _ in range(count):
        sqs.send_message(QueueUrl=url, MessageBody="{}")


def put_hooks(world: World, region: str, heartbeat_s: int = 300, ends: tuple[str, ...] = ("launch", "terminate")) -> None:
    """The hooks as the stack names them."""
    transitions = {"launch": "LAUNCHING", "terminate": "TERMINATING"}
    for end in ends:
        world.rig.client("autoscaling", region).put_lifecycle_hook(
            AutoScalingGroupName=world.members[region].group,
            LifecycleHookName=f"sgsync-{world.mesh}-{end}",
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transitions[end]}",
            HeartbeatTimeout=heartbeat_s,
        )


# -- status -----------------------------------------------------------------------------------------------------------


def test_a_mesh_that_is_well_fits_on_one_screen(world: World, sgsync: Run, product: Product) -> None:
    """Rows with instances, version and age; targets with owned, foreign and quota; nothing waits."""
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    product.synced()
    for region in (EAST, WEST):
        dead_letters(world, region, 0)
    world.rig.proxy.reset_counts()
    done = sgsync("status")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert f"{EAST}/{world.members[EAST].group}: 2 instances, version 1" in done.stdout
    assert done.stdout.count("in sync, 3 owned, 1 of others, 7% of the quota") == 2
    assert "everything is in sync" in done.stdout and "waiting" not in done.stdout
    assert len(done.stdout.splitlines()) < 15
    assert product.changes_made() == {}
    status = answer(sgsync("status", "--output", "json"))
    assert {row["same_document"] for row in status["rows"]} == {True}
    assert {queue["messages"] for queue in status["dead_letters"]} == {0}


def test_what_waits_and_what_is_missing_is_on_the_screen(world: World, sgsync: Run, product: Product) -> None:
    """A launch hook without an answer, a dead letter, and a rule that somebody removed."""
    world.seed(EAST, 2)
    product.synced()
    world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.mesh))
    (hook,) = product.launch(WEST, 1)
    dead_letters(world, EAST, 2)
    done = sgsync("status")
    assert done.returncode == PENDING, done.stdout
    waits = hook["detail"]["EC2InstanceId"]
    assert f"{waits} {WEST}/{world.members[WEST].group} is Pending:Wait" in done.stdout
    assert "not in sync, 1 owned, 1 of others, 4% of the quota, 1 to add" in done.stdout
    assert f"{EAST}: 2 in sgsync-{world.mesh}-dead-letters" in done.stdout
    assert f"{WEST}: no queue" in done.stdout


def test_a_region_that_is_away_is_not_in_sync(world: World, sgsync: Run, product: Product) -> None:
    """What was not seen is named; nothing is said of it (promise 2)."""
    world.seed(EAST, 1)
    product.synced()
    world.rig.proxy.cut(WEST, "refuse", caller="operator")
    done = sgsync("status")
    assert done.returncode == ERROR
    assert f"{WEST}/{world.members[WEST].group}: could not be read" in done.stdout, done.stdout
    assert "everything is in sync" not in done.stdout


def test_status_can_be_watched(world: World, product: Product, tmp_path: Path) -> None:
    """It is shown anew until it is stopped."""
    product.synced()
    (tmp_path / "mesh.toml").write_text(product.document)
    command = [BINARIES / "sgsync", "status", "--watch", "1"]
    env = world.rig.env(EAST, "operator")
    with subprocess.Popen(command, env=env, cwd=tmp_path, text=True, stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        screens = 0
        while screens < 2:
            screens += "everything is in sync" in watching.stdout.readline()
        assert watching.poll() is None
        watching.terminate()


# -- explain ----------------------------------------------------------------------------------------------------------


def test_an_address_is_explained_down_to_the_row(world: World, sgsync: Run, product: Product) -> None:
    """Admitted where, by which rule, because of which instance and row version, since when; asked in three ways."""
    (instance,) = world.seed(EAST, 1)
    product.synced()
    address = addresses(world, EAST)[instance]
    (rule,) = [rule for rule in world.rules(WEST) if rule.cidr == f"{address}/32"]
    done = sgsync("explain", address)
    assert done.returncode == DONE, done.stdout
    assert f"{instance} of {EAST}/{world.members[EAST].group} (InService, running): {address}/32" in done.stdout
    assert done.stdout.count(": admitted\n") == 2
    assert f"tcp 7000-7001 {address}/32 by {rule.id}, the mesh's" in done.stdout
    (row,) = [row for row in world.rows(WEST) if row["member"]["S"] == EAST]
    since = f"version {row['version']['N']}, observed {row['observed_at']['S']}"
    assert f"has {instance}: {since}" in done.stdout
    by_instance = answer(sgsync("explain", instance, "--output", "json"))
    assert [target["admitted"] for target in by_instance["targets"]] == [True, True]
    (only,) = answer(sgsync("explain", rule.id, "--output", "json"))["targets"]
    assert (only["member"], only["by"][0]["rule"], only["by"][0]["owned"]) == (WEST, rule.id, True)
    assert only["because"][0]["instance"] == instance


def test_why_something_is_not_admitted_is_explained(world: World, sgsync: Run, product: Product) -> None:
    """Not yet in a row; removed by somebody; in no group; nobody's; a stranger's rule."""
    (instance,) = world.seed(EAST, 1)
    product.synced()
    late = world.seed(EAST, 1)[0]
    done = sgsync("explain", late)
    assert done.returncode == PENDING
    assert f"does not have {late} yet: the next run writes it" in done.stdout
    address = addresses(world, EAST)[instance]
    world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.cidr == f"{address}/32"))
    missing = sgsync("explain", address)
    assert missing.returncode == PENDING
    assert "not admitted, and the mesh wants it" in missing.stdout and "the next run adds it" in missing.stdout
    nobody = sgsync("explain", "203.0.113.99")
    assert nobody.returncode == PENDING
    assert "no instance of the mesh's Auto Scaling groups has this address" in nobody.stdout
    bastion = next(rule.id for rule in world.rules(WEST) if rule.cidr == BASTION_CIDR)
    assert f"{bastion} is not the mesh's: no run will ever revoke it" in sgsync("explain", bastion).stdout
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=[late], ShouldDecrementDesiredCapacity=True
    )
    assert f"{late} is in no Auto Scaling group" in sgsync("explain", late).stdout
    unclear = sgsync("explain", "orders")
    assert unclear.returncode == ERROR and "is no address" in unclear.stderr


# -- check --online ---------------------------------------------------------------------------------------------------


def test_what_the_document_names_is_looked_for(world: World, sgsync: Run, product: Product) -> None:
    """Groups, hooks, tables and permission are there; the groups' largest sizes do not fit, and that is said."""
    for region in (EAST, WEST):
        put_hooks(world, region)
        product.deploy(region)
    product.synced()
    world.rig.proxy.reset_counts()
    rules = {region: world.rules(region) for region in (EAST, WEST)}
    done = sgsync("check", "--online")
    assert done.returncode == ERROR, done.stdout  # two groups of 100, 60 rules
    assert {region: world.rules(region) for region in (EAST, WEST)} == rules, "asking is a dry run"
    for said in ("is there, with both hooks", "every row is of this document", "you may add rules to it"):
        assert done.stdout.count(said) == 2, said
    assert done.stdout.count("is there, with this document") == 4
    assert done.stdout.count("AWS grants 60 inbound rules a group, and `rules_per_group` is 60") == 2
    assert done.stdout.count("needs 201 of 60 IPv4 rules") == 2
    assert world.rig.proxy.calls(caller="operator")["servicequotas:GetServiceQuota"] == 2
    for region in (EAST, WEST):
        world.rig.client("autoscaling", region).update_auto_scaling_group(
            AutoScalingGroupName=world.members[region].group, MaxSize=20
        )
    fits = sgsync("check", "--online", "--output", "json")
    assert fits.returncode == DONE, fits.stdout
    assert {finding["level"] for finding in answer(fits)["online"]} == {"ok"}


def test_what_is_not_there_is_named(world: World, sgsync: Run, product: Product) -> None:
    """Before the stack was launched, and with a group and a table that nobody has."""
    member = world.members[WEST]
    document = product.document.replace(member.security_group, "sg-0123456789abcdef0")
    document = document.replace(f'"{member.group}"', '"nobody"')
    world.rig.client("dynamodb", WEST).delete_table(TableName=f"sgsync-{world.mesh}")
    done = sgsync("check", "--online", document=document)
    assert done.returncode == ERROR
    for said in (
        f"{WEST}: sg-0123456789abcdef0: {WEST} has no such security group",
        f"{WEST}: nobody: {WEST} has no such Auto Scaling group",
        f"{WEST}: sgsync-{world.mesh}: {WEST} has no such table: launch the stack there",
        f"{WEST}: sgsync-{world.mesh}-hooks: {WEST} has no such function: launch the stack there",
        f"{WEST}: sgsync-{world.mesh}-trueup: {WEST} has no such function: launch the stack there",
    ):
        assert f"error: {said}" in done.stdout, done.stdout


def test_a_hook_that_gives_up_too_soon_is_named(world: World, sgsync: Run, product: Product) -> None:
    """The heartbeat has to be longer than the function's timeout."""
    put_hooks(world, EAST, heartbeat_s=40)
    put_hooks(world, WEST, heartbeat_s=40, ends=("launch",))
    product.deploy(EAST, timeout_s=40)
    product.deploy(WEST, timeout_s=39)
    done = sgsync("check", "--online")
    assert f"{WEST}: {world.members[WEST].group}: has no lifecycle hook sgsync-{world.mesh}-terminate" in done.stdout
    for end in ("launch", "terminate"):
        assert f"its hook sgsync-{world.mesh}-{end} gives up after 40 s, and the function may take 40 s" in done.stdout
    assert done.stdout.count("gives up after") == 2, "39 s are less"


def test_a_function_with_another_document_is_named(world: World, sgsync: Run, product: Product) -> None:
    """A region that was not deployed yet, and one whose document nobody can read any more."""
    product.deploy(EAST, document=product.document + "\n# the same\n")
    product.deploy(WEST, document=product.document.replace("7001", "7002"))
    done = sgsync("check", "--online")
    for function in ("hooks", "trueup"):
        assert f"ok: {EAST}: sgsync-{world.mesh}-{function}: is there, with this document" in done.stdout
        assert f"error: {WEST}: sgsync-{world.mesh}-{function}: runs with another document" in done.stdout
    assert done.returncode == ERROR


def test_the_quota_of_each_region_is_compared_with_the_document(world: World, sgsync: Run, product: Product) -> None:
    """Less than the document counts on is an error; more in every region is worth saying; AWS's number bounds the forecast."""
    world.rig.moto.grant_rules(EAST, 100)
    world.rig.moto.grant_rules(WEST, 50)
    done = sgsync("check", "--online")
    assert f"ok: {EAST}: quota L-0EA8095F: AWS grants 100 inbound rules a group" in done.stdout
    assert f"error: {WEST}: quota L-0EA8095F: AWS grants 50 inbound rules a group, and `rules_per_group` is 60" in done.stdout
    assert "needs 201 of 60 IPv4 rules" in done.stdout and "needs 201 of 50 IPv4 rules" in done.stdout
    world.rig.moto.grant_rules(WEST, 70)
    assert sgsync("check", "--online").stdout.count("raise it to 70, which every region has") == 2