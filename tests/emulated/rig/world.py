"""A mesh of Auto Scaling groups in several emulated regions, with what a person would have set up by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .names import ACCOUNT, REGIONS

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
    """One region's part of the mesh, or one of several parts in a region."""

    name: str
    region: str
    account: str
    group: str
    security_group: str
    vpc: str
    subnet: str
    table: str
    #: Through which the others reach it, if they do not as themselves.
    role: str | None = None

    @property
    def is_plain(self) -> bool:
        """Called by its region, in the one account that most tests have."""
        return (self.name, self.account, self.role) == (self.region, ACCOUNT, None)

    def stack(self, mesh: str) -> str:
        """What its stack is called, and what the names of all in it begin with."""
        return f"sgsync-{mesh}" + ("" if self.name == self.region else f"-{self.name}")

    def toml(self, groups: list[str], targets: list[str]) -> str:
        """Its part of the mesh document."""
        entries = {"name": self.name, "region": self.region, "table": self.table, "role_arn": self.role}
        if self.is_plain:
            entries = {"region": self.region}
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in entries.items() if value]
        lines += [f"auto_scaling_groups = {json.dumps(groups)}\n", f"security_groups = {json.dumps(targets)}\n"]
        return "[[member]]\n" + "".join(lines)


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
            self.client("autoscaling", region).put_lifecycle_hook(
                AutoScalingGroupName=self.members[region].group,
                LifecycleHookName=name,
                LifecycleTransition=transition,
                HeartbeatTimeout=heartbeat_s,
                DefaultResult=default,
            )

    def copy_hooks(self, region: str) -> int:
        """Copies the hooks that a stack made in ministack to moto's groups of the same names; returns how many."""
        member = self.members[region]
        made = self.rig.client("autoscaling", member.region, "ministack", member.account)
        keys = ("LifecycleHookName", "LifecycleTransition", "HeartbeatTimeout", "DefaultResult", "NotificationMetadata")
        copied = 0
        for group in self.groups(region):
            for hook in made.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]:
                given = {key: hook[key] for key in keys if hook.get(key) not in (None, "")}
                self.client("autoscaling", region).put_lifecycle_hook(AutoScalingGroupName=group, **given)
                copied += 1
        return copied

    def create_table(self, region: str) -> None:
        """The region's mirror, in ministack."""
        self.client("dynamodb", region).create_table(
            TableName=self.members[region].table,
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
        for name, member in self.members.items():
            parts.append(member.toml(self.groups(name), self.targets(name)))
        return "\n".join(parts)

    def add_member(
        self,
        name: str,
        bastion: bool = True,
        max_size: int = 100,
        *,
        region: str | None = None,
        account: str = ACCOUNT,
        role: str | None = None,
    ) -> Member:
        """Another member joins the mesh; hooks and table are for whoever adds it. Everywhere else in here it goes by its
        name, which is its region's unless one is given."""
        region = region or name
        table = self.table if name == region else f"{self.table}-{name}"
        member = self._build_member(name, region, account, bastion, max_size, table, role)
        if not member.is_plain:
            self.rig.proxy.recorder.leave_out(self.mesh)
        # What is this world's own goes by one name in all worlds when calls are recorded.
        self.rig.proxy.recorder.call_it(
            {self.mesh: "<mesh>", self.table: "sgsync-<mesh>", member.group: f"<mesh>-{name}"}
            | {member.security_group: f"<target {name}>"}
        )
        return member

    def client(self, service: str, name: str) -> Any:
        """A client in a member's region and account."""
        member = self.members.get(name)
        if member is None:
            return self.rig.client(service, name)
        return self.rig.client(service, member.region, account=member.account)

    def _build_member(
        self, name: str, region: str, account: str, bastion: bool, max_size: int, table: str, role: str | None
    ) -> Member:
        ec2 = self.rig.client("ec2", region, account=account)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zone = f"{region}a"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        # moto ignores a launch template's interfaces, so the subnet gives out the public addresses
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        label = f"{self.mesh}-{name}"
        group = self._build_groups((region, account), label, vpc, subnet, max_size)
        if bastion:
            ranges = [{"CidrIp": BASTION_CIDR, "Description": "bastion"}]
            permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ranges}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        member = Member(name, region, account, label, group, vpc, subnet, table, role)
        self.members[name] = member
        return member

    def add_pair(self, region: str, suffix: str) -> str:
        """A further Auto Scaling group of a member, with a security group of its own; returns the latter's id."""
        member = self.members[region]
        name = f"{member.group}-{suffix}"
        place = (member.region, member.account)
        group = self._build_groups(place, name, member.vpc, member.subnet, max_size=100)
        self.pairs.setdefault(region, []).append((name, group))
        self.rig.proxy.recorder.call_it({name: f"<mesh>-{region}-{suffix}", group: f"<target {region}-{suffix}>"})
        return group

    def _build_groups(self, place: tuple[str, str], name: str, vpc: str, subnet: str, max_size: int) -> str:
        region, account = place
        ec2 = self.rig.client("ec2", region, account=account)
        group = str(ec2.create_security_group(GroupName=name, Description="the mesh's target", VpcId=vpc)["GroupId"])
        data = {"ImageId": _IMAGE, "InstanceType": "t3.micro", "SecurityGroupIds": [group]}
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        self.rig.client("autoscaling", region, account=account).create_auto_scaling_group(
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
        self.client("autoscaling", region).set_desired_capacity(
            AutoScalingGroupName=group or self.members[region].group, DesiredCapacity=capacity
        )

    def seed(self, region: str, count: int) -> list[str]:
        """Instances that are in service at once, without hooks; returns their ids."""
        member = self.members[region]
        return self.rig.moto.seed(member.region, member.group, count, member.account)

    def terminate(self, instance_id: str, region: str, decrement: bool = True) -> None:
        """TerminateInstanceInAutoScalingGroup; hooks run."""
        self.client("autoscaling", region).terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=decrement
        )

    def add_rule(self, region: str, cidr: str, port: int, tags: dict[str, str] | None = None) -> str:
        """Adds a rule by hand; returns its id."""
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}
        given: dict[str, Any] = {}
        if tags:
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            given["TagSpecifications"] = [{"ResourceType": "security-group-rule", "Tags": listed}]
        answer = self.client("ec2", region).authorize_security_group_ingress(
            GroupId=self.members[region].security_group, IpPermissions=[permission], **given
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def remove_rule(self, region: str, rule_id: str, group: str | None = None) -> None:
        """Removes a rule by hand."""
        self.client("ec2", region).revoke_security_group_ingress(
            GroupId=group or self.members[region].security_group, SecurityGroupRuleIds=[rule_id]
        )

    # -- looking ----------------------------------------------------------------------------------------------------

    def instances(self, region: str, *states: str) -> list[dict[str, Any]]:
        """The member's instances (see `Moto.instances`), of these lifecycle states if any are given."""
        member = self.members[region]
        found = [
            one
            for group in self.groups(region)
            for one in self.rig.moto.instances(member.region, group, member.account)
        ]
        return [instance for instance in found if not states or instance["lifecycle_state"] in states]

    def rules(self, region: str, group: str | None = None) -> set[Rule]:
        """The ingress rules of the region's (first) security group, foreign ones included."""
        answer = self.client("ec2", region).describe_security_group_rules(
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
        answer = self.client("dynamodb", region).scan(TableName=self.members[region].table, ConsistentRead=True)
        return list(answer["Items"])

    def hook_event(self, region: str, instance_id: str) -> dict[str, Any]:
        """The latest hook event that went out for an instance; raises if there is none."""
        for event in reversed(self.rig.moto.lifecycle_events(self.members[region].region)):
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
