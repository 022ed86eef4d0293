"""`make demo`: two emulated regions, the real stacks, the real binaries, and what happens to the security groups."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rig import BASTION_CIDR, Rig, World, wait_until

from .screen import Screen
from .stack import deploy

EAST, WEST = "us-east-1", "us-west-2"
Checks = list[tuple[str, bool]]


class Demo:
    """The steps, in order; each returns what it checked."""

    def __init__(self, rig: Rig, world: World, work_dir: Path) -> None:
        self.rig, self.world, self.work_dir = rig, world, work_dir

    def deploy(self) -> Checks:
        deploy(self.rig, self.world, self.work_dir)
        hooks = [self.rig.client("autoscaling", region) for region in (EAST, WEST)]
        names = [
            client.describe_lifecycle_hooks(AutoScalingGroupName=self.world.members[region].group)["LifecycleHooks"]
            for client, region in zip(hooks, (EAST, WEST), strict=True)
        ]
        return [
            ("sam deploy made the same stack in both regions", True),
            ("each group has a launch hook and a terminate hook", all(len(made) == 2 for made in names)),
        ]

    def scale(self, region: str, capacity: int) -> Checks:
        """Scales a group and waits until its hooks are answered; then everything has to be in place already."""
        gone = {instance["public_ip"] for instance in self.world.instances(region)}
        self.world.scale(region, capacity)
        self._wait_for_capacity(region, capacity)
        gone -= {instance["public_ip"] for instance in self.world.instances(region)}
        checks = [(f"{region} has {_count(capacity)} in service", True), *self._all_exact()]
        if gone:
            left = {rule.cidr for place in self.world.members for rule in self.world.rules(place)}
            checks.append(("the addresses that left are in no group", not left & {f"{ip}/32" for ip in gone}))
        return checks

    def tamper(self) -> Checks:
        """A person deletes one of our rules and adds one that nobody asked for."""
        victim = min(rule for rule in self.world.rules(WEST) if rule.mesh == self.world.mesh)
        self.world.remove_rule(WEST, victim.id)
        stray = self.world.add_rule(WEST, "203.0.113.99/32", 7000)
        missing = victim.permission not in self.world.owned(WEST)
        report = self._true_up(WEST)
        found = [f["detail"] for f in report["findings"] if f["kind"] == "foreign-rule"]
        return [
            (f"a person deleted {victim.cidr} and opened 7000 to 203.0.113.99/32", missing),
            ("the true-up put the deleted rule back", victim.permission in self.world.owned(WEST)),
            (f"it reported the stray one: {found[0] if found else 'no'}", any(stray in text for text in found)),
            ("and left it alone", any(rule.id == stray for rule in self.world.rules(WEST))),
            *self._bastion(),
        ]

    def outage(self) -> Checks:
        """The peer swallows every packet from here; local scaling must not care."""
        self.rig.proxy.cut(WEST, "swallow", caller=EAST)
        before = self.world.owned(WEST)
        self.world.scale(EAST, 4)
        self._wait_for_capacity(EAST, 4)
        local = self.world.owned(EAST) == self.world.expected()
        return [
            (f"{WEST} answers nothing from {EAST}; {EAST} has 4 instances in service all the same", True),
            (f"{EAST}'s own group lists them", local),
            (f"{WEST}'s group could not be told yet", self.world.owned(WEST) == before),
            *self._bastion(),
        ]

    def recover(self) -> Checks:
        """The road is open again; the next true-up heals what was missed."""
        self.rig.proxy.heal()
        self._true_up(EAST)
        return self._all_exact()

    # -- looking ----------------------------------------------------------------------------------------------------

    def _wait_for_capacity(self, region: str, capacity: int) -> None:
        def settled() -> bool:
            listed = self.world.instances(region)
            return len(listed) == capacity and all(i["lifecycle_state"] == "InService" for i in listed)

        wait_until(f"{capacity} instances in service in {region}", settled, timeout_s=30)

    def _all_exact(self) -> Checks:
        expected = self.world.expected()
        exact = all(self.world.owned(region) == expected for region in self.world.members)
        return [(f"both groups list exactly the {_count(len(expected))} of the cluster", exact), *self._bastion()]

    def _bastion(self) -> Checks:
        rules = [rule for place in self.world.members for rule in self.world.rules(place) if rule.from_port == 22]
        untouched = len(rules) == 2 and all(rule.cidr == BASTION_CIDR and not rule.tags for rule in rules)
        return [("the bastion rule on port 22 is still there, untouched", untouched)]

    def _true_up(self, region: str) -> dict[str, Any]:
        answer = self.rig.client("lambda", region).invoke(
            FunctionName=f"sgsync-{self.world.mesh}-trueup", Payload=json.dumps({"trueup": True})
        )
        report = json.loads(answer["Payload"].read())
        if "findings" not in report:
            raise RuntimeError(f"the true-up function failed: {report}")
        return report


def _count(number: int) -> str:
    return f"{number} instance{'' if number == 1 else 's'}"


def main() -> int:
    """Runs the demo; the exit code says whether every check passed."""
    screen = Screen()
    with tempfile.TemporaryDirectory(prefix="sgsync-demo-") as folder, Rig((EAST, WEST)) as rig:
        world = World(rig, hooks=False, tables=False)
        demo = Demo(rig, world, Path(folder))
        print("sgsync: one cluster, two regions. AWS is emulated on this machine; stacks and binaries are the real ones.")
        for title, act in (
            ("Deploy the stack in both regions", demo.deploy),
            (f"{EAST} scales from 0 to 3", lambda: demo.scale(EAST, 3)),
            (f"{WEST} scales from 0 to 2", lambda: demo.scale(WEST, 2)),
            (f"{EAST} scales in to 2", lambda: demo.scale(EAST, 2)),
            (f"Somebody tampers with {WEST}'s group", demo.tamper),
            (f"{WEST} is cut off while {EAST} scales to 4", demo.outage),
            (f"{WEST} is back", demo.recover),
        ):
            screen.step(title, act)
            screen.groups(world)
        return screen.finish()


if __name__ == "__main__":
    sys.exit(main())
