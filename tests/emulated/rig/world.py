"""A mesh of Auto Scaling groups in several emulated regions, with what a person would have set up by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .names import REGIONS

if TYPE_CHECKING:
    from . import Rig

#: A rule that was there before sgsync and that it must never touch.
BASTION_CIDR = "198.51.100.7/32"
LAUNCH_HOOK, TERMINATE_HOOK = "sgsync-launch", "sgsync-terminate"
_IMAGE = "ami-12c6146b"  # moto does not look images up
_T = TypeVar("_T")


class Rule(NamedTuple):
    """An ingress rule as EC2 holds it."""

    protocol: str
    from_port: int
    to_port: int
    cidr: str
    tags: frozenset[tuple[str, str]]
    id: str
    description: str

    @property
    def permission(self) -> tuple[str, int, int, str]:
        """What identifies it."""
        return (self.protocol, self.from_port, self.to_port, self.cidr)

    @property
    def mesh(self) -> str | None:
        """Who owns it; None: foreign."""
        return dict(self.tags).get("sgsync:mesh")


@dataclass(frozen=True)
class Member:
    """One region's part of the mesh."""

    region: str
    group: str
    security_group: str
    vpc: str
    subnet: str


class World:
    """Builds the mesh at once; everything it creates is in the emulators and goes with `Moto.reset` or the rig."""

    def __init__(
        self,
        rig: Rig,
        mesh: str = "orders-db",
        regions: Sequence[str] = REGIONS,
        *,
        ports: Sequence[tuple[str, int, int]] = (("tcp", 7000, 7001),),
        hooks: bool = True,
        heartbeat_s: int = 300,
        launch_default: str = "ABANDON",
        tables: bool = True,
        bastion: bool = True,
        max_size: int = 100,
    ) -> None:
        self.rig = rig
        self.mesh = mesh
        self.ports = list(ports)
        self.table = f"sgsync-{mesh}"
        self.members: dict[str, Member] = {}
        #: Further Auto Scaling groups and security groups of a member: (group, security group).
        self.pairs: dict[str, list[tuple[str, str]]] = {}
        for region in regions:
            self.add_member(region, bastion, max_size)
        if hooks:
            for region in regions:
                self.put_hooks(region, heartbeat_s, launch_default)
        if tables:
            for region in regions:
                self.create_table(region)

    # -- set-up -----------------------------------------------------------------------------------------------------

    def put_hooks(
        self,
        region: str,
        heartbeat_s: int = 300,
        launch_default: str = "ABANDON",
        names: tuple[str, str] = (LAUNCH_HOOK, TERMINATE_HOOK),
    ) -> None:
        """The two hooks, on the region's group in moto."""
        for name, transition, default in (
            (names[0], "autoscaling:EC2_INSTANCE_LAUNCHING", launch_default),
            (names[1], "autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"),
        ):
            self.rig.client("autoscaling", region).put_lifecycle_hook(
                AutoScalingGroupName=self.members[region].group,
                LifecycleHookName=name,
                LifecycleTransition=transition,
                HeartbeatTimeout=heartbeat_s,
                DefaultResult=default,
            )

    def copy_hooks(self, region: str) -> int:
        """Copies the hooks that a stack made in ministack to moto's groups of the same names; returns how many."""
        made = self.rig.client("autoscaling", region, emulator="ministack")
        keys = ("LifecycleHookName", "LifecycleTransition", "HeartbeatTimeout", "DefaultResult", "NotificationMetadata")
        copied = 0
        for group in self.groups(region):
            for hook in made.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]:
                given = {key: hook[key] for key in keys if hook.get(key) not in (None, "")}
                self.rig.client("autoscaling", region).put_lifecycle_hook(AutoScalingGroupName=group, **given)
                copied += 1
        return copied

    def create_table(self, region: str) -> None:
        """The region's mirror, in ministack."""
        self.rig.client("dynamodb", region).create_table(
            TableName=self.table,
            KeySchema=[
                {"AttributeName": "member", "KeyType": "HASH"},
                {"AttributeName": "asg", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "member", "AttributeType": "S"},
                {"AttributeName": "asg", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def mesh_toml(self, extra: str = "") -> str:
        """The mesh document; `extra` goes between the allows and the members."""
        parts = [f'name = "{self.mesh}"\n']
        for protocol, low, high in self.ports:
            ports = str(low) if low == high else f"{low}-{high}"
            parts.append(f'[[allow]]\nprotocol = "{protocol}"\nports = "{ports}"\n')
        if extra:
            parts.append(extra.rstrip() + "\n")
        for region in self.members:
            groups, targets = (json.dumps(names) for names in (self.groups(region), self.targets(region)))
            parts.append(
                f'[[member]]\nregion = "{region}"\nauto_scaling_groups = {groups}\nsecurity_groups = {targets}\n'
            )
        return "\n".join(parts)

    def add_member(self, region: str, bastion: bool = True, max_size: int = 100) -> Member:
        """Another region joins the mesh; hooks and table are for whoever adds it."""
        member = self.members[region] = self._build_member(region, bastion, max_size)
        # What is this world's own goes by one name in all worlds when calls are recorded.
        self.rig.proxy.recorder.call_it(
            {self.mesh: "<mesh>", self.table: "sgsync-<mesh>", member.group: f"<mesh>-{region}"}
            | {member.security_group: f"<target {region}>"}
        )
        return member

    def _build_member(self, region: str, bastion: bool, max_size: int) -> Member:
        ec2 = self.rig.client("ec2", region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zone = f"{region}a"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        # moto ignores a launch template's interfaces, so the subnet gives out the public addresses
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        name = f"{self.mesh}-{region}"
        group = self._build_groups(region, name, vpc, subnet, max_size)
        if bastion:
            ranges = [{"CidrIp": BASTION_CIDR, "Description": "bastion"}]
            permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        return Member(region, name, group, vpc, subnet)

    def add_pair(self, region: str, suffix: str) -> str:
        """A further Auto Scaling group of a member, with a security group of its own; returns the latter's id."""
        member = self.members[region]
        name = f"{member.group}-{suffix}"
        group = self._build_groups(region, name, member.vpc, member.subnet, max_size=100)
        self.pairs.setdefault(region, []).append((name, group))
        self.rig.proxy.recorder.call_it({name: f"<mesh>-{region}-{suffix}", group: f"<target {region}-{suffix}>"})
        return group

    def _build_groups(self, region: str, name: str, vpc: str, subnet: str, max_size: int) -> str:
        ec2 = self.rig.client("ec2", region)
        group = str(ec2.create_security_group(GroupName=name, Description="the mesh's target", VpcId=vpc)["GroupId"])
        data = {"ImageId": _IMAGE, "InstanceType": "t3.micro", "SecurityGroupIds": [group]}
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        self.rig.client("autoscaling", region).create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=max_size,
            DesiredCapacity=0,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
            VPCZoneIdentifier=subnet,
        )
        return group

    def groups(self, region: str) -> list[str]:
        """The member's Auto Scaling groups."""
        return [self.members[region].group, *(group for group, _ in self.pairs.get(region, []))]

    def targets(self, region: str) -> list[str]:
        """The member's security groups."""
        return [self.members[region].security_group, *(target for _, target in self.pairs.get(region, []))]

    # -- acting -----------------------------------------------------------------------------------------------------

    def scale(self, region: str, capacity: int, group: str | None = None) -> None:
        """Sets the desired capacity, as a person or a policy does; hooks run."""
        self.rig.client("autoscaling", region).set_desired_capacity(
            AutoScalingGroupName=group or self.members[region].group, DesiredCapacity=capacity
        )

    def seed(self, region: str, count: int) -> list[str]:
        """Instances that are in service at once, without hooks; returns their ids."""
        return self.rig.moto.seed(region, self.members[region].group, count)

    def terminate(self, instance_id: str, region: str, decrement: bool = True) -> None:
        """TerminateInstanceInAutoScalingGroup; hooks run."""
        self.rig.client("autoscaling", region).terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=decrement
        )

    def add_rule(self, region: str, cidr: str, port: int, tags: dict[str, str] | None = None) -> str:
        """Adds a rule by hand; returns its id."""
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
        given: dict[str, Any] = {}
        if tags:
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            given["TagSpecifications"] = [{"ResourceType": "security-group-rule", "Tags": listed}]
        answer = self.rig.client("ec2", region).authorize_security_group_ingress(
            GroupId=self.members[region].security_group, IpPermissions=[permission], **given
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def remove_rule(self, region: str, rule_id: str, group: str | None = None) -> None:
        """Removes a rule by hand."""
        self.rig.client("ec2", region).revoke_security_group_ingress(
            GroupId=group or self.members[region].security_group, SecurityGroupRuleIds=[rule_id]
        )

    # -- looking ----------------------------------------------------------------------------------------------------

    def instances(self, region: str, *states: str) -> list[dict[str, Any]]:
        """The member's instances (see `Moto.instances`), of these lifecycle states if any are given."""
        found = [one for group in self.groups(region) for one in self.rig.moto.instances(region, group)]
        return [instance for instance in found if not states or instance["lifecycle_state"] in states]

    def rules(self, region: str, group: str | None = None) -> set[Rule]:
        """The ingress rules of the region's (first) security group, foreign ones included."""
        answer = self.rig.client("ec2", region).describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [group or self.members[region].security_group]}]
        )
        return {_rule(rule) for rule in answer["SecurityGroupRules"] if not rule["IsEgress"]}

    def owned(self, region: str, group: str | None = None) -> set[tuple[str, int, int, str]]:
        """The permissions that sgsync holds there for this mesh."""
        return {rule.permission for rule in self.rules(region, group) if rule.mesh == self.mesh}

    def expected(self) -> set[tuple[str, int, int, str]]:
        """The permissions every region should hold: all ports for every listed instance that is not on its way out."""
        staying = [
            instance["public_ip"]
            for region in self.members
            for instance in self.instances(region)
            if not instance["lifecycle_state"].startswith("Terminat")
        ]
        return {(protocol, low, high, f"{ip}/32") for ip in staying for protocol, low, high in self.ports}

    def complete(self) -> bool:
        """Whether every region holds exactly what it should."""
        expected = self.expected()
        return all(self.owned(region, group) == expected for region in self.members for group in self.targets(region))

    def rows(self, region: str) -> list[dict[str, Any]]:
        """The member rows of the region's mirror, in DynamoDB's notation."""
        answer = self.rig.client("dynamodb", region).scan(TableName=self.table, ConsistentRead=True)
        return list(answer["Items"])

    def hook_event(self, region: str, instance_id: str) -> dict[str, Any]:
        """The latest hook event that went out for an instance; raises if there is none."""
        for event in reversed(self.rig.moto.lifecycle_events(region)):
            if event["detail"]["EC2InstanceId"] == instance_id:
                return event
        raise LookupError(f"no hook event for {instance_id}")


def wait_until(what: str, condition: Callable[[], _T], timeout_s: float = 20.0, every_s: float = 0.1) -> _T:
    """Waits for the condition to become true and returns what it gave; TimeoutError names what was awaited."""
    deadline = time.monotonic() + timeout_s
    while True:
        if outcome := condition():
            return outcome
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(every_s)


def _rule(rule: dict[str, Any]) -> Rule:
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId")
    source = source or str(rule.get("ReferencedGroupInfo"))
    tags = frozenset((tag["Key"], tag["Value"]) for tag in rule.get("Tags", []))
    ports = (rule.get("FromPort", -1), rule.get("ToPort", -1))
    return Rule(rule["IpProtocol"], *ports, source, tags, rule["SecurityGroupRuleId"], rule.get("Description", ""))
