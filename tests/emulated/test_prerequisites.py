"""sam/prerequisites.yaml, deployed: what it makes is what the README promises."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rig import ACCOUNT, BASTION_CIDR, Rig

TEMPLATE = Path(__file__).resolve().parents[2] / "sam" / "prerequisites.yaml"
TOOLS = Path(sys.executable).parent
REGION = "us-east-1"


def test_the_prerequisites_deploy(rig: Rig, tmp_path: Path) -> None:
    """A network, a group and a security group with the bastion rule and nothing else."""
    # In AWS the default names a parameter that AWS keeps up to date.
    rig.client("ssm", REGION).put_parameter(Name="/orders/image", Value="ami-12c6146b", Type="String")
    command = [
        *(TOOLS / "sam", "deploy", "--template-file", TEMPLATE, "--stack-name", "orders", "--region", REGION),
        *("--resolve-s3", "--no-confirm-changeset", "--parameter-overrides", "Image=/orders/image"),
    ]
    env = rig.deploy_env(REGION) | {"PATH": f"{TOOLS}:{os.environ.get('PATH', os.defpath)}", "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    # They are in ministack, the emulator that deploys; the other tests' groups are in moto.
    (stack,) = rig.client("cloudformation", REGION).describe_stacks(StackName="orders")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    ec2 = rig.client("ec2", REGION, emulator="ministack")
    (group,) = ec2.describe_security_groups(GroupIds=[outputs["SecurityGroup"]])["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 22, 22)
    assert [one["CidrIp"] for one in rule["IpRanges"]] == [BASTION_CIDR]

    auto_scaling = rig.client("autoscaling", REGION, emulator="ministack")
    (fleet,) = auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[outputs["AutoScalingGroup"]])[
        "AutoScalingGroups"
    ]
    assert fleet["AutoScalingGroupName"] == f"orders-{REGION}"
    assert (fleet["MinSize"], fleet["MaxSize"]) == (0, 4)
    assert len(fleet["VPCZoneIdentifier"].split(",")) == 2
    subnets = ec2.describe_subnets(SubnetIds=fleet["VPCZoneIdentifier"].split(","))["Subnets"]
    assert {subnet["VpcId"] for subnet in subnets} == {group["VpcId"]}
    assert group["OwnerId"] == ACCOUNT
