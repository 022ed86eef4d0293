"""One mesh in the shared emulators, with processes and proxy listeners of its own, on which cases are played in turn.

Every case ends with everything exact, which it asserts; so the next one starts from there, and nothing is built anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from product import EAST, TIMEOUT_S, WEST, Delivery, Event, Product, addresses
from rig import LAUNCH_HOOK, TERMINATE_HOOK, Function, Request, Rig, World

from .spots import Scenario

#: More than any call's attempts take together, so that a busy machine never takes a peer that answers for one that
#: does not.
PATIENT_MS = 20_000
#: For cases in which a peer never answers.
HASTY_MS = 2_500

Permission = tuple[str, int, int, str]


@dataclass(frozen=True)
class Scene:
    """What a case begins with."""

    scenario: Scenario
    #: The hook's message, and whose hook it is; none for a true-up.
    events: list[Event]
    instance: str


class Mesh:
    """A mesh of two members, in sync, with rules of others in both groups."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig = rig
        self.world = World(rig, mesh=name)
        self.member = self.world.members[EAST]
        self.caller = f"{EAST}/{name}"
        self.products = {budget: self._install(budget) for budget in (PATIENT_MS, HASTY_MS)}
        self._crowd()
        self.world.seed(EAST, 2)
        self.world.seed(WEST, 1)
        self.products[PATIENT_MS].synced()

    def _install(self, budget_ms: int) -> Product:
        document = self.world.mesh_toml(f"[limits]\npeer_budget_ms = {budget_ms}")
        callers = {region: f"{region}/{self.world.mesh}" for region in self.world.members}
        return Product(self.world, document, callers)

    def _crowd(self) -> None:
        """Rules of others: on the mesh's ports, of another mesh, and with the tag of a member but of no mesh."""
        for region in self.world.members:
            self.world.add_rule(region, "203.0.113.70/32", 7000)
            self.world.add_rule(region, "203.0.113.71/32", 7000, {"sgsync:mesh": f"{self.world.mesh}-2"})
            self.world.add_rule(region, "203.0.113.72/32", 7001, {"sgsync:member": EAST})

    def stop(self) -> None:
        """Ends its processes."""
        for product in self.products.values():
            product.__exit__(None, None, None)

    # -- the scene --------------------------------------------------------------------------------------------------

    def set(self, scenario: Scenario) -> Scene:
        """Makes the scenario's run due."""
        if scenario is Scenario.TRUE_UP:
            # One instance left and another came, and no event said so.
            leaving = min(addresses(self.world, EAST))
            self.world.seed(EAST, 1)
            self.rig.moto.end(EAST, self.member.group, leaving)
            return Scene(scenario, [], leaving)
        if scenario is Scenario.LAUNCH:
            self.world.scale(EAST, self.size() + 1)
            (instance,) = [one["id"] for one in self.world.instances(EAST, "Pending:Wait")]
        else:
            instance = min(addresses(self.world, EAST))
            self.world.terminate(instance, EAST)
        events = self.rig.moto.lifecycle_events(EAST, self.member.group)
        found = [event for event in events if event["detail"]["EC2InstanceId"] == instance]
        return Scene(scenario, found[-1:], instance)

    def size(self) -> int:
        """How many instances its group has in us-east-1."""
        return len(self.world.instances(EAST))

    def suit(self, scenario: Scenario) -> None:
        """Keeps the group small, and never empty."""
        if scenario is Scenario.TERMINATE and self.size() < 2:
            self.world.seed(EAST, 1)
        elif scenario is Scenario.LAUNCH and self.size() > 3:
            for instance in sorted(addresses(self.world, EAST))[1:]:
                self.rig.moto.end(EAST, self.member.group, instance)
        else:
            return
        self.products[PATIENT_MS].true_up()

    def hold_replacements(self) -> None:
        """No replacement for a launch that is abandoned."""
        self._group("suspend_processes", ScalingProcesses=["Launch"])

    def let_replacements(self) -> None:
        """And none afterwards for those that were not."""
        self.world.scale(EAST, self.size())
        self._group("resume_processes")

    def answer_by_hand(self, scene: Scene) -> None:
        """Ends a hook that nobody came for, as its heartbeat would."""
        hook = LAUNCH_HOOK if scene.scenario is Scenario.LAUNCH else TERMINATE_HOOK
        answer = {"LifecycleHookName": hook, "LifecycleActionResult": "CONTINUE", "InstanceId": scene.instance}
        self._group("complete_lifecycle_action", **answer)

    def _group(self, operation: str, **wishes: Any) -> None:
        client = self.rig.client("autoscaling", EAST)
        getattr(client, operation)(AutoScalingGroupName=self.member.group, **wishes)

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, scene: Scene, budget_ms: int = PATIENT_MS, deadline_s: float = TIMEOUT_S["lifecycle"]) -> Delivery:
        """The scenario's run, once: of its message, or a true-up."""
        product = self.products[budget_ms]
        if scene.events:
            return product.receive(scene.events, deadline_s=deadline_s)
        return Delivery([], product.invoke({"trueup": True}, EAST, "trueup"))

    def function(self, scene: Scene, budget_ms: int = PATIENT_MS) -> Function:
        """The process that the scenario runs in."""
        return self.products[budget_ms].function("lifecycle" if scene.events else "trueup", EAST)

    def tape(self) -> list[Request]:
        """What its functions in us-east-1 ask for from now on."""
        return self.rig.proxy.tape(self.caller)

    # -- looking ----------------------------------------------------------------------------------------------------

    def rules(self) -> dict[str, list[dict[str, Any]]]:
        """Every ingress rule of every region's group, with all that EC2 says of it."""
        return self.rig.moto.rules({region: member.security_group for region, member in self.world.members.items()})

    def owns(self, rule: dict[str, Any]) -> bool:
        """Whether a rule carries the mesh's tag."""
        return {"Key": "sgsync:mesh", "Value": self.world.mesh} in rule.get("Tags", [])

    def waiting(self) -> list[str]:
        """Whose hooks wait."""
        return [one["instance"] for one in self.rig.moto.actions() if one["group"] == self.member.group]

    def answers(self, scene: Scene) -> list[dict[str, Any]]:
        """The answers that the scene's hook was given, with what was let in at that moment."""
        tokens = [event["detail"]["LifecycleActionToken"] for event in scene.events]
        return [one for one in self.rig.moto.completions(self.member.group) if one["token"] in tokens]

    def mirrors(self) -> dict[str, dict[str, dict[str, set[str]]]]:
        """Who is in the cluster by each region's mirror: member, instance, addresses."""
        return {
            region: {
                row["member"]["S"]: {
                    instance: {cidr["S"] for cidr in held["L"]} for instance, held in row["instances"]["M"].items()
                }
                for row in self.world.rows(region)
            }
            for region in self.world.members
        }

    def members(self) -> dict[str, dict[str, set[str]]]:
        """Who is in the cluster by Auto Scaling."""
        return {
            region: {
                one["id"]: {f"{one['public_ip']}/32"}
                for one in self.world.instances(region)
                if not one["lifecycle_state"].startswith("Terminat")
            }
            for region in self.world.members
        }


def permission_of(rule: dict[str, Any]) -> Permission:
    """What identifies a rule."""
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6") or "?"
    return (rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1), source)
