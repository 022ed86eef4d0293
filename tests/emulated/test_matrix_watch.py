"""The watch of the matrix itself: it objects to what no run may ask for, whether or not any harm is left to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from matrix.mesh import Mesh
from matrix.watch import Watch
from product import EAST, WEST, addresses
from rig import Rig, World
from rig.names import CREDENTIALS


@pytest.fixture
def mesh(world: World) -> Iterator[Mesh]:
    """A mesh as the matrix has them; `world` keeps the other tests' meshes out of the emulators."""
    built = Mesh(world.rig, f"{world.mesh}-watched")
    yield built
    built.stop()


def as_the_function(rig: Rig, mesh: Mesh, service: str, region: str) -> Any:
    """A client that the proxy takes for the mesh's function in us-east-1."""
    config = Config(retries={"total_max_attempts": 1})
    url = rig.proxy.url(mesh.caller)
    return boto3.client(service, region_name=region, endpoint_url=url, config=config, **CREDENTIALS)


def open_rule(mesh: Mesh, region: str, cidr: str, port: int = 7001, tag: str | None = None) -> str:
    """Adds a rule as a run would; returns its id."""
    tags = [{"Key": "sgsync:mesh", "Value": tag or mesh.world.mesh}]
    ranges = {"IpProtocol": "tcp", "FromPort": 7000, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
    answer = as_the_function(mesh.rig, mesh, "ec2", region).authorize_security_group_ingress(
        GroupId=mesh.world.members[region].security_group,
        IpPermissions=[ranges],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}],
    )
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def close_rule(mesh: Mesh, region: str, rule_id: str) -> None:
    """Revokes a rule as a run would."""
    as_the_function(mesh.rig, mesh, "ec2", region).revoke_security_group_ingress(
        GroupId=mesh.world.members[region].security_group, SecurityGroupRuleIds=[rule_id]
    )


def one(mesh: Mesh, region: str, owned: bool) -> dict[str, Any]:
    """A rule of the region's group, ours or of others."""
    return next(rule for rule in mesh.rules()[region] if mesh.owns(rule) == owned)


def test_what_is_wanted_may_be_opened_and_what_is_not_may_be_closed(mesh: Mesh) -> None:
    """So that the objections below are to what they say."""
    leaving = min(addresses(mesh.world, EAST))
    wanted = f"{addresses(mesh.world, EAST)[leaving]}/32"
    rule = next(rule for rule in mesh.rules()[WEST] if rule["CidrIpv4"] == wanted)
    mesh.world.remove_rule(WEST, rule["SecurityGroupRuleId"])
    watch = Watch(mesh)
    assert watch.inexact() == {WEST}
    rule_id = open_rule(mesh, WEST, wanted)
    watch.step()
    assert watch.inexact() == set()
    mesh.rig.moto.end(EAST, mesh.member.group, leaving)
    close_rule(mesh, WEST, rule_id)
    watch.step()
    assert watch.inexact() == {EAST}


@pytest.mark.parametrize(
    ("cidr", "port"), [("203.0.113.9/32", 7001), ("0.0.0.0/0", 7001), ("10.0.0.0/8", 7001), ("wanted", 7002)]
)
def test_it_objects_to_a_rule_that_nobody_asked_for(mesh: Mesh, cidr: str, port: int) -> None:
    """Even if it is gone when the step is over."""
    watch = Watch(mesh)
    wanted = f"{next(iter(addresses(mesh.world, EAST).values()))}/32"
    rule_id = open_rule(mesh, WEST, wanted if cidr == "wanted" else cidr, port)
    mesh.world.remove_rule(WEST, rule_id)
    with pytest.raises(AssertionError, match="opened what nobody asked for"):
        watch.step()


def test_it_objects_to_a_wanted_rule_that_is_closed(mesh: Mesh) -> None:
    """Even if it is there again when the step is over."""
    watch = Watch(mesh)
    rule = one(mesh, EAST, owned=True)
    close_rule(mesh, EAST, rule["SecurityGroupRuleId"])
    open_rule(mesh, EAST, rule["CidrIpv4"])
    with pytest.raises(AssertionError, match="revoked what is wanted"):
        watch.step()


def test_it_objects_to_a_rule_of_others_that_is_closed(mesh: Mesh) -> None:
    """With or without another mesh's tag."""
    watch = Watch(mesh)
    close_rule(mesh, WEST, one(mesh, WEST, owned=False)["SecurityGroupRuleId"])
    with pytest.raises(AssertionError, match="rules of others are not what they were"):
        watch.step()


def test_it_objects_to_a_rule_of_others_that_is_changed(mesh: Mesh) -> None:
    """Its tags are part of it: a tag of ours would make it ours."""
    watch = Watch(mesh)
    rule_id = one(mesh, EAST, owned=False)["SecurityGroupRuleId"]
    tag = {"Key": "sgsync:mesh", "Value": mesh.world.mesh}
    mesh.rig.client("ec2", EAST).create_tags(Resources=[rule_id], Tags=[tag])
    with pytest.raises(AssertionError, match="rules of others are not what they were"):
        watch.step()


def test_it_objects_to_the_row_of_another_member(mesh: Mesh) -> None:
    """Design section 4: only a member's own functions write its rows."""
    watch = Watch(mesh)
    item = next(row for row in mesh.world.rows(WEST) if row["member"]["S"] == WEST)
    as_the_function(mesh.rig, mesh, "dynamodb", WEST).put_item(TableName=mesh.world.table, Item=item)
    with pytest.raises(AssertionError):
        watch.step()


def test_it_objects_to_a_call_that_no_run_has_to_make(mesh: Mesh) -> None:
    """Whatever else changes something."""
    watch = Watch(mesh)
    as_the_function(mesh.rig, mesh, "ec2", EAST).create_security_group(GroupName="other", Description="other")
    with pytest.raises(AssertionError, match="CreateSecurityGroup is nothing"):
        watch.step()
