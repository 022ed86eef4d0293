"""`sgsync release` and `sgsync forget`: the mesh lets go of rules, and of a member that has left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from product import EAST, WEST, Product, foreign
from rig import World

DONE, ERROR, PENDING = 0, 1, 2
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def sgsync(product: Product, tmp_path: Path) -> Run:
    """Runs the command in a folder with the world's `mesh.toml`."""
    return lambda *arguments, **options: product.sgsync(*arguments, folder=tmp_path, **options)


def audit(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line)["fields"] for line in done.stderr.splitlines()]


def test_released_rules_stay_open_and_are_nobodys(world: World, sgsync: Run, product: Product) -> None:
    """Tags only: every rule keeps its id; runs leave them alone; adopting takes them back."""
    gone, _ = world.seed(EAST, 2)
    product.synced()
    before = {region: {rule.id for rule in world.rules(region)} for region in (EAST, WEST)}
    listed = sgsync("release", "--all")
    assert listed.returncode == PENDING and "to release: 4" in listed.stdout
    assert all(len(world.owned(region)) == 2 for region in (EAST, WEST)), "listing changes nothing"
    done = sgsync("release", "--all", "--yes", "--output", "json")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert [line["action"] for line in audit(done)] == ["release"] * 4
    assert all(line["aws_request_id"] for line in audit(done))
    assert {region: {rule.id for rule in world.rules(region)} for region in (EAST, WEST)} == before
    assert all(not rule.tags for region in (EAST, WEST) for rule in world.rules(region))
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=[gone], ShouldDecrementDesiredCapacity=True
    )
    product.true_up(EAST)
    assert {region: {rule.id for rule in world.rules(region)} for region in (EAST, WEST)} == before
    assert sgsync("adopt", "--yes").returncode == DONE
    assert all(len(world.owned(region)) == 1 for region in (EAST, WEST))


def test_one_rule_can_be_released_and_a_strangers_is_refused(world: World, sgsync: Run, product: Product) -> None:
    """By its id, wherever it is; what is not the mesh's cannot be let go of."""
    world.seed(EAST, 2)
    product.synced()
    one = next(rule for rule in world.rules(WEST) if rule.mesh)
    done = sgsync("release", "--rule", one.id, "--yes")
    assert done.returncode == DONE and "released: 1" in done.stdout
    assert (len(world.owned(EAST)), len(world.owned(WEST))) == (2, 1)
    others = foreign(world)
    refused = sgsync("release", "--rule", one.id, "--yes")
    assert refused.returncode == ERROR and "is not the mesh's" in refused.stderr
    missing = sgsync("release", "--rule", "sgr-0123456789abcdef0", "--yes")
    assert missing.returncode == ERROR and "in none of the mesh's security groups" in missing.stderr
    vague = sgsync("release", "--yes")
    assert vague.returncode == ERROR and "--all" in vague.stderr, "nobody lets go of everything by leaving a word out"
    assert foreign(world) == others


def test_a_member_that_left_is_forgotten(world: World, sgsync: Run, product: Product) -> None:
    """Its rows leave every table and its rules every group; those of the others stay."""
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    product.synced()
    named = sgsync("forget", WEST, "--yes")
    assert named.returncode == ERROR and f"the document names {WEST}" in named.stderr
    left = product.document.split("[[member]]")
    document = "[[member]]".join(part for part in left if f'"{WEST}"' not in part)
    alive = sgsync("forget", WEST, "--yes", document=document)
    assert alive.returncode == ERROR and "its functions still run" in alive.stdout
    assert len(world.owned(EAST)) == 3, "a member that only this document does not name yet looks the same"

    world.rig.client("dynamodb", EAST).update_item(
        TableName=f"sgsync-{world.mesh}",
        Key={"member": {"S": WEST}, "asg": {"S": world.members[WEST].group}},
        UpdateExpression="SET observed_at = :long_ago",
        ExpressionAttributeValues={":long_ago": {"S": "2020-01-01T00:00:00Z"}},
    )
    early = sgsync("forget", WEST, "--yes", document=document)
    assert early.returncode == ERROR and "written under another mesh document" in early.stdout
    assert len(world.owned(EAST)) == 3, "nothing is removed while others may still want it"

    assert sgsync("apply", "--yes", document=document).returncode == 3, "the guard holds the rules of who is not named"
    listed = sgsync("forget", WEST, document=document)
    assert listed.returncode == PENDING and "to remove: 2" in listed.stdout
    done = sgsync("forget", WEST, "--yes", "--output", "json", document=document)
    assert done.returncode == DONE, done.stdout + done.stderr
    assert [line["action"] for line in audit(done)] == ["forget"]
    assert len(world.owned(EAST)) == 2
    assert {row["member"]["S"] for row in world.rows(EAST)} == {EAST}
    again = sgsync("forget", WEST, document=document)
    assert again.returncode == DONE and "nothing is left of it" in again.stdout
    assert sgsync("plan", document=document).returncode == DONE


def test_completions_and_manual_pages_need_no_mesh(sgsync: Run, tmp_path: Path) -> None:
    """They come from the command line's own description."""
    done = sgsync("completions", "bash", "--mesh", "nowhere.toml")
    assert done.returncode == DONE and "complete -F _sgsync" in done.stdout
    page = sgsync("man", "--mesh", "nowhere.toml")
    assert page.returncode == DONE and page.stdout.count(".SH") > 3
    assert sgsync("man", "--folder", str(tmp_path / "man")).returncode == DONE
    assert {"sgsync.1", "sgsync-plan.1", "sgsync-explain.1"} <= {file.name for file in (tmp_path / "man").iterdir()}
