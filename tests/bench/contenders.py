"""Who is measured: the product's real binaries, and the baseline. Both are processes behind a Lambda runtime API."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from product import EAST, Event, sqs
from rig import Function, Result, World

_TESTS = Path(__file__).resolve().parents[1]
ROOT = _TESTS.parent

#: The functions' timeouts in the stack; the baseline has what Lambda grants at most.
TIMEOUT_S = {"lifecycle": 15.0, "trueup": 60.0}


def binaries() -> Path:
    """Where the measured binaries are: SGSYNC_BIN_DIR, else the release build if there is one, else the dev build."""
    release = ROOT / "target" / "release"
    chosen = release if (release / "lifecycle").exists() else ROOT / "target" / "debug"
    return Path(os.environ.get("SGSYNC_BIN_DIR", chosen))


class Contender:
    """Processes of one kind for one world."""

    name: str
    #: Messages that one invocation takes.
    batch: int

    def __init__(self, world: World) -> None:
        self.world = world
        self._functions: dict[tuple[str, str, int], Function] = {}

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends its processes; what is asked of it next, new ones do."""
        for function in self._functions.values():
            function.stop()
        self._functions.clear()

    def function(self, number: int = 0, name: str = "lifecycle", region: str = EAST) -> Function:
        """One execution environment. Each is a caller of its own, with connections of its own."""
        key = (name, region, number)
        if key not in self._functions:
            options = {"caller": self.caller(number, region), "name": name, "env": self.env()}
            self._functions[key] = self.world.rig.function(self.command(name), region, **options)
        return self._functions[key]

    def caller(self, number: int = 0, region: str = EAST) -> str:
        """What the wire calls a process."""
        return f"{region}#{self.name}{number}"

    def command(self, name: str) -> list[str]:
        """How a process is started."""
        raise NotImplementedError

    def env(self) -> dict[str, str]:
        """What it needs to know beyond what Lambda tells it."""
        raise NotImplementedError

    def warm_up(self, number: int = 0) -> None:
        """Starts a process and lets it open its connections, changing nothing."""
        raise NotImplementedError

    def take(self, events: Sequence[Event], number: int = 0, patience_s: float = 900) -> tuple[Result, list[Event]]:
        """One invocation; its result, and the events that go back to the queue."""
        raise NotImplementedError


class Ours(Contender):
    """The product, as its stack runs it: behind a queue."""

    name, batch = "sgsync", 10

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._document = world.mesh_toml("[limits]\nrules_per_group = 1000")

    def command(self, name: str) -> list[str]:
        return [str(binaries() / name)]

    def env(self) -> dict[str, str]:
        return {"SGSYNC_MESH": self._document}

    def sync(self) -> None:
        """A true-up of every member: the other ones' rows are theirs to write."""
        for region in self.world.members:
            self.true_up(region)

    def true_up(self, region: str = EAST) -> dict[str, Any]:
        """A true-up by hand, and its report."""
        result = self.function(name="trueup", region=region).invoke({"trueup": True}, deadline_s=TIMEOUT_S["trueup"])
        if not result.ok:
            raise RuntimeError(f"{result.error}: {result.logs}")
        return dict(result.value)

    def warm_up(self, number: int = 0) -> None:
        # What happened in a group, without a hook: a run that finds everything in place.
        detail = {"AutoScalingGroupName": self.world.members[EAST].group, "EC2InstanceId": "i-0"}
        event = {"source": "aws.autoscaling", "detail-type": "EC2 Instance Launch Successful", "region": EAST}
        arn = {"account": "123456789012", "time": "2026-11-20T08:15:04Z", "id": "0", "version": "0", "resources": []}
        result, failed = self.take([event | arn | {"detail": detail}], number)
        if failed or not result.ok:
            raise RuntimeError(f"{result.error}: {result.logs}")

    def take(self, events: Sequence[Event], number: int = 0, patience_s: float = 900) -> tuple[Result, list[Event]]:
        records = sqs(*events)
        result = self.function(number).invoke(records, deadline_s=min(patience_s, TIMEOUT_S["lifecycle"]))
        if not result.ok:
            return result, list(events)
        failed = {failure["itemIdentifier"] for failure in result.value["batchItemFailures"]}
        pairs = zip(records["Records"], events, strict=True)
        return result, [event for record, event in pairs if record["messageId"] in failed]


class Baseline(Contender):
    """The six steps in Python, invoked by EventBridge: one event, one invocation."""

    name, batch = "baseline", 1

    def command(self, name: str) -> list[str]:
        return [sys.executable, "-m", "bench.baseline"]

    def env(self) -> dict[str, str]:
        members = self.world.members
        settings = {
            "targets": {region: member.security_group for region, member in members.items()},
            "table": self.world.table,
            "ports": self.world.ports,
        }
        return {"PYTHONPATH": str(_TESTS), "BASELINE": json.dumps(settings)}

    def warm_up(self, number: int = 0) -> None:
        # It knows hooks only, so this ends with a completion that nobody waits for.
        hook = {"LifecycleHookName": "none", "LifecycleActionToken": "0" * 36}
        self.take([{"detail": {"AutoScalingGroupName": self.world.members[EAST].group} | hook}], number)

    def take(self, events: Sequence[Event], number: int = 0, patience_s: float = 900) -> tuple[Result, list[Event]]:
        (event,) = events
        result = self.function(number).invoke(event, deadline_s=patience_s)
        return result, [] if result.ok else [event]
