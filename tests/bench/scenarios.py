"""The rows of the table, measured. Each scenario builds worlds of its own and yields values for its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import median

from product import EAST, WEST
from rig import TERMINATE_HOOK, World

from . import processes
from .contenders import Baseline, Contender, Ours
from .measure import Measured, launch, run, settled, wire_of
from .rows import IN_SERVICE, MANY, MEMBERS, Value
from .wire import LOCAL_S, PEER_S, WireRig

REGIONS = (EAST, WEST, "eu-west-1", "ap-southeast-2", "eu-central-1")
#: Warm launches whose medians count.
LAUNCHES = 5
STORM = 25
#: In service where it is not said.
FEW = 9
CHURN = 100
READING = ("Describe", "Get", "BatchGet", "Query", "Scan")

Values = Iterator[tuple[str, Value]]
#: What one contender took, by the row's key.
Figures = dict[str, float | None]


class Scenarios:
    """All of them, over one rig."""

    def __init__(self, rig: WireRig, patience_s: float) -> None:
        self._rig = rig
        self._patience_s = patience_s
        self._worlds = 0

    def all(self) -> dict[str, Callable[[], Values]]:
        """By name."""
        return {
            "launch": self.launches,
            "many": self.many,
            "storm": self.storm,
            "members": self.members,
            "swallow": self.swallow,
            "idle": self.idle,
            "start": self.start,
            "memory": self.memory,
            "zip": processes.zipped,
            "planner": processes.planner,
        }

    # -- worlds -----------------------------------------------------------------------------------------------------

    def _world(self, in_service: int, members: int) -> World:
        self._rig.moto.reset()
        self._rig.proxy.heal()
        self._rig.proxy.stand(0, 0)
        self._worlds += 1
        world = World(self._rig, mesh=f"bench-{self._worlds}", regions=REGIONS[:members], max_size=1000)
        world.seed(EAST, in_service)
        return world

    def _contenders(self, in_service: int, members: int = 2) -> Iterator[Contender]:
        """The baseline, then ours, each in a world of its own, synced and warm, with no distance yet."""
        with Baseline(self._world(in_service, members)) as baseline:
            baseline.warm_up()
            yield baseline
        with Ours(self._world(in_service, members)) as ours:
            ours.sync()
            ours.warm_up()
            yield ours

    # -- launches ---------------------------------------------------------------------------------------------------

    def launches(self) -> Values:
        """One launch after the other, with 0, 9 and 50 in service before the first of them."""
        for in_service in IN_SERVICE:
            yield from _paired({one.name: _launched(one, in_service) for one in self._contenders(in_service)})

    def many(self) -> Values:
        """One launch with 900 in service, for its calls; without distance, because the emulators are slow enough."""
        found: dict[str, Figures] = {}
        for make in (Baseline, Ours):
            with make(self._world(MANY, 2)) as contender:
                _admit_all(contender.world)
                if isinstance(contender, Ours):
                    contender.sync()
                found[contender.name] = {f"calls-{MANY}": _one(contender).calls}
        yield from _paired(found)

    def members(self) -> Values:
        """A launch in meshes of several members."""
        for members in MEMBERS:
            found = {}
            for contender in self._contenders(FEW, members):
                _at_a_distance(contender)
                warm = [_one(contender) for _ in range(LAUNCHES)]
                calls, answered = _calls(warm), _middle(one.answered_s for one in warm)
                found[contender.name] = {f"members-{members}": calls, f"members-time-{members}": answered}
            yield from _paired(found)

    def storm(self) -> Values:
        """25 launches at once. The baseline has as many warm processes, one event each; ours takes batches of ten."""
        found: dict[str, Figures] = {}
        for contender in self._contenders(0):
            for number in range(1, -(-STORM // contender.batch)):
                contender.warm_up(number)
            _at_a_distance(contender)
            events = launch(contender.world, STORM)
            measured = run(contender, events)
            settled(contender.world, events)
            found[contender.name] = {"storm-calls": measured.calls, "storm-time": measured.answered_s}
        yield from _paired(found)

    def swallow(self) -> Values:
        """A launch while the peer takes packets and answers none."""
        taken: Figures = {}
        for contender in self._contenders(FEW):
            _at_a_distance(contender)
            _one(contender)
            wire_of(contender.world).cut(WEST, "swallow", caller=contender.caller())
            taken[contender.name] = run(contender, launch(contender.world, 1), self._patience_s).answered_s
        baseline = taken["baseline"]
        yield "swallowed", Value(taken["sgsync"], baseline or self._patience_s, at_least=baseline is None)

    # -- the rest ---------------------------------------------------------------------------------------------------

    def idle(self) -> Values:
        """True-ups that find nothing to do."""
        writes = 0
        for members in MEMBERS:
            with Ours(self._world(FEW, members)) as ours:
                ours.sync()
                wire = wire_of(ours.world)
                wire.forget()
                ours.true_up()
                calls = wire.calls()
            writes += sum(count for call, count in calls.items() if not call.split(":")[1].startswith(READING))
            yield f"idle-{members}", Value(sum(calls.values()))
        yield "idle-writes", Value(writes)

    def start(self) -> Values:
        """From the start of a process to its first poll."""
        found = {}
        for contender in self._contenders(0):
            contender.stop()
            found[contender.name] = processes.start_ms(contender)
        yield "start", Value(found["sgsync"], found["baseline"])

    def memory(self) -> Values:
        """100 launches by one process; after each another instance leaves, so that 50 stay in service."""
        found = {}
        for contender in self._contenders(50):
            world = contender.world
            group, leaving = world.members[EAST].group, [one["id"] for one in world.instances(EAST)]
            hooks = world.rig.client("autoscaling", EAST)
            hooks.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName=TERMINATE_HOOK)
            for _ in range(CHURN):
                events = launch(world, 1)
                run(contender, events)
                leaving.append(events[0]["detail"]["EC2InstanceId"])
                world.terminate(leaving.pop(0), EAST)
            found[contender.name] = processes.most_memory_mb(contender)
        yield "memory", Value(found["sgsync"], found["baseline"])


def _admit_all(world: World) -> None:
    """Puts every address into every group as a true-up would, and has the emulator write everything down once: more of
    it than any contender's patience lasts for."""
    addresses = {one["id"]: one["public_ip"] for one in world.instances(EAST)}
    tags = [{"Key": "sgsync:mesh", "Value": world.mesh}, {"Key": "sgsync:member", "Value": EAST}]
    given = [{"ResourceType": "security-group-rule", "Tags": tags}]
    ranges = [{"CidrIp": f"{ip}/32", "Description": f"sgsync {world.mesh} {id_}"} for id_, ip in addresses.items()]
    instances = [{"Name": "instance-id", "Values": list(addresses)}]
    world.rig.client("ec2", EAST).describe_instances(Filters=instances, MaxResults=1000)
    for region, member in world.members.items():
        ec2 = world.rig.client("ec2", region)
        for protocol, low, high in world.ports:
            ports = {"IpProtocol": protocol, "FromPort": low, "ToPort": high}
            for start in range(0, len(ranges), 100):
                permissions = [ports | {"IpRanges": ranges[start : start + 100]}]
                ec2.authorize_security_group_ingress(
                    GroupId=member.security_group, IpPermissions=permissions, TagSpecifications=given
                )
        world.rules(region)


def _at_a_distance(contender: Contender) -> None:
    wire_of(contender.world).stand(LOCAL_S, PEER_S)


def _one(contender: Contender) -> Measured:
    events = launch(contender.world, 1)
    measured = run(contender, events)
    settled(contender.world, events)
    return measured


def _launched(contender: Contender, in_service: int) -> Figures:
    """Warm launches at a distance; where 50 are in service also without, and with a new process."""
    _at_a_distance(contender)
    warm = [_one(contender) for _ in range(LAUNCHES)]
    answered = _middle(one.answered_s for one in warm)
    figures: Figures = {f"calls-{in_service}": _calls(warm), f"answered-{in_service}": answered}
    if in_service != 50:
        return figures
    contender.stop()
    wire_of(contender.world).hang_up()
    cold = _one(contender)
    wire_of(contender.world).stand(0, 0)
    near = [_one(contender) for _ in range(LAUNCHES)]
    return figures | {
        "served-50": median(one.served_s for one in warm),
        "path-50": max(one.peer_round_trips for one in warm),
        "ended-50": _middle(one.ended_s for one in warm),
        "cold-50": cold.answered_s,
        "near-50": _middle(one.answered_s for one in near),
    }


def _calls(launches: list[Measured]) -> float:
    """Of the first: each launch leaves one more in service. Of the worst, where that makes no difference."""
    counts = [one.calls for one in launches]
    steady = counts != list(range(counts[0], counts[0] + len(counts)))
    return max(counts) if steady else counts[0]


def _middle(times: Iterable[float | None]) -> float | None:
    measured = list(times)
    known = [time for time in measured if time is not None]
    return median(known) if len(known) == len(measured) else None


def _paired(found: Mapping[str, Figures]) -> Values:
    for key, ours in found["sgsync"].items():
        yield key, Value(ours, found["baseline"].get(key))
