"""sam/prerequisites.yaml, deployed in both regions: what it makes is what the deploy guide promises."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from product import EAST, WEST
from rig import ACCOUNT, BASTION_CIDR, Rig

TEMPLATE = Path(__file__).resolve().parents[2] / "sam" / "prerequisites.yaml"
TOOLS = Path(sys.executable).parent
IMAGE = "ami-12c6146b"
BOTH = pytest.mark.parametrize("region", [EAST, WEST])


class Made:
    """What a region's stack says it made, and the emulator that it is in: the other tests' groups are in moto."""

    def __init__(self, rig: Rig, region: str) -> None:
        client = rig.client("cloudformation", region)
        (stack,) = client.describe_stacks(StackName="orders")["Stacks"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        resources = client.describe_stack_resources(StackName="orders")["StackResources"]
        self.ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}
        self.ec2 = rig.client("ec2", region, emulator="ministack")
        self.auto_scaling = rig.client("autoscaling", region, emulator="ministack")

    def fleet(self) -> dict[str, Any]:
        """The Auto Scaling group."""
        names = [self.outputs["AutoScalingGroup"]]
        answer = self.auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)
        (fleet,) = answer["AutoScalingGroups"]
        return dict(fleet)


@pytest.fixture(scope="module")
def made(rig: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Made]]:
    """Both regions' stacks, as the guide has them made."""
    for region in (EAST, WEST):
        folder = tmp_path_factory.mktemp(region)
        # In AWS the default names a parameter that AWS keeps up to date.
        rig.client("ssm", region).put_parameter(Name="/orders/image", Value=IMAGE, Type="String", Overwrite=True)
        command = [
            *(TOOLS / "sam", "deploy", "--template-file", TEMPLATE, "--stack-name", "orders", "--region", region),
            *("--resolve-s3", "--no-confirm-changeset", "--parameter-overrides", "Image=/orders/image"),
        ]
        env = rig.deploy_env(region) | {"PATH": f"{TOOLS}:{os.environ.get('PATH', os.defpath)}", "HOME": str(folder)}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    yield {region: Made(rig, region) for region in (EAST, WEST)}
    for region in (EAST, WEST):
        rig.client("cloudformation", region).delete_stack(StackName="orders")


@BOTH
def test_a_network_that_reaches_the_internet(made: dict[str, Made], region: str) -> None:
    """Two public subnets, each with the route: members reach each other by their public addresses."""
    here = made[region]
    (vpc,) = here.ec2.describe_vpcs(VpcIds=[here.ids["Vpc"]])["Vpcs"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    answer = here.ec2.describe_internet_gateways(InternetGatewayIds=[here.ids["InternetGateway"]])
    (gateway,) = answer["InternetGateways"]
    assert [one["VpcId"] for one in gateway["Attachments"]] == [vpc["VpcId"]]

    (table,) = here.ec2.describe_route_tables(RouteTableIds=[here.ids["RouteTable"]])["RouteTables"]
    assert table["VpcId"] == vpc["VpcId"]
    outward = {route["DestinationCidrBlock"]: route.get("GatewayId") for route in table["Routes"]}
    assert outward["0.0.0.0/0"] == gateway["InternetGatewayId"]
    subnets = [here.ids["SubnetA"], here.ids["SubnetB"]]
    assert sorted(one["SubnetId"] for one in table["Associations"] if one.get("SubnetId")) == sorted(subnets)
    described = here.ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {subnet["VpcId"] for subnet in described} == {vpc["VpcId"]}
    assert {subnet["MapPublicIpOnLaunch"] for subnet in described} == {True}
    assert len({subnet["AvailabilityZone"] for subnet in described}) == 2
    assert all(subnet["AvailabilityZone"].startswith(region) for subnet in described)


@BOTH
def test_a_security_group_with_the_bastion_rule_and_no_other(made: dict[str, Made], region: str) -> None:
    here = made[region]
    (group,) = here.ec2.describe_security_groups(GroupIds=[here.outputs["SecurityGroup"]])["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 22, 22)
    assert [one["CidrIp"] for one in rule["IpRanges"]] == [BASTION_CIDR]
    assert (group["VpcId"], group["OwnerId"]) == (here.ids["Vpc"], ACCOUNT)


@BOTH
def test_a_group_that_launches_into_both(made: dict[str, Made], region: str) -> None:
    """Empty at first, from a launch template with the security group."""
    here = made[region]
    fleet = here.fleet()
    assert fleet["AutoScalingGroupName"] == f"orders-{region}"
    assert (fleet["MinSize"], fleet["MaxSize"], fleet["DesiredCapacity"]) == (0, 4, 0)
    assert sorted(fleet["VPCZoneIdentifier"].split(",")) == sorted([here.ids["SubnetA"], here.ids["SubnetB"]])
    assert fleet["LaunchTemplate"]["LaunchTemplateId"] == here.ids["LaunchTemplate"]
    answer = here.ec2.describe_launch_template_versions(LaunchTemplateId=here.ids["LaunchTemplate"])
    data = answer["LaunchTemplateVersions"][-1]["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (IMAGE, "t4g.nano")
    assert data["SecurityGroupIds"] == [here.outputs["SecurityGroup"]]


def test_the_regions_share_nothing(made: dict[str, Made]) -> None:
    """The ids for the mesh document are each region's own."""
    east, west = made[EAST], made[WEST]
    assert set(east.ids) == set(west.ids)
    assert not set(east.outputs.values()) & set(west.outputs.values())
