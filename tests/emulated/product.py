"""The product's real binaries, connected to a world: its two functions in every region, and the command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rig import ACCOUNT, Function, Result, World

EAST, WEST = "us-east-1", "us-west-2"

#: Where the binaries are; set SGSYNC_BIN_DIR to test others than those of the last `cargo build`.
BINARIES = Path(os.environ.get("SGSYNC_BIN_DIR", Path(__file__).resolve().parents[2] / "target" / "debug"))

#: The functions' timeouts in the stack.
TIMEOUT_S = {"lifecycle": 15.0, "trueup": 60.0}

#: How their log groups end, by binary.
LOGS = {"lifecycle": "hooks", "trueup": "trueup"}

#: How often SQS hands a message out before it is a dead letter, as in the stack.
RECEIVES = 5

Event = dict[str, Any]
Report = dict[str, Any]


class Product:
    """Everything that is installed for one world."""

    def __init__(self, world: World, document: str | None = None, callers: dict[str, str] | None = None) -> None:
        """`callers`: under which name the proxy knows the functions of a region, if not under the region's."""
        self.world = world
        self.document = document or world.mesh_toml()
        self._callers = callers or {}
        self._functions: dict[tuple[str, str, int], Function] = {}

    def __enter__(self) -> Product:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for function in self._functions.values():
            function.stop()

    def configure(self, extra: str) -> None:
        """Adds settings to the mesh document; for functions that have not started yet."""
        self.document = self.world.mesh_toml(extra)

    def deploy(self, region: str, timeout_s: int = 15, document: str | None = None) -> None:
        """The two functions as the stack sets them up, to be looked at: these are never invoked."""
        client, code = self.world.client("lambda", region), io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        for function, timeout in (("hooks", timeout_s), ("trueup", 60)):
            client.create_function(
                FunctionName=f"{self.world.members[region].stack(self.world.mesh)}-{function}",
                Runtime="provided.al2023",
                Handler="bootstrap",
                Role=f"arn:aws:iam::{ACCOUNT}:role/sgsync",
                Code={"ZipFile": code.getvalue()},
                Timeout=timeout,
                Environment={"Variables": {"SGSYNC_MESH": document or self.document}},
            )

    # -- functions --------------------------------------------------------------------------------------------------

    def function(self, name: str, region: str, number: int = 0) -> Function:
        """One execution environment of a function; further numbers are further processes."""
        key = (name, region, number)
        if key not in self._functions:
            member = self.world.members.get(region)
            env, label, place = {}, name, region
            if member is not None and not all(one.is_plain for one in self.world.members.values()):
                # tests/iam hears of what functions call where each has its region for itself.
                label, place = f"{name}-of-{self.world.mesh}-{member.name}", member.region
                env = {"AWS_ACCESS_KEY_ID": member.account}
            if member is not None and member.name != member.region:
                env["SGSYNC_MEMBER"] = member.name
            self._functions[key] = self.world.rig.function(
                BINARIES / name,
                place,
                mesh=self.document,
                name=label,
                caller=self._callers.get(region, region),
                env=env,
            )
        return self._functions[key]

    def invoke(self, event: Any, region: str = EAST, name: str = "lifecycle") -> Result:
        """Invokes a function directly."""
        return self.function(name, region).invoke(event, deadline_s=TIMEOUT_S[name])

    def ship_logs(self) -> None:
        """Puts what every function wrote into its log group, which has to be there, as Lambda does."""
        for (name, region, _), function in self._functions.items():
            logs = self.world.rig.client("logs", region)
            group = f"/aws/lambda/sgsync-{self.world.mesh}-{LOGS[name]}"
            stream = uuid.uuid4().hex
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            end = int(time.time() * 1000) - len(function.logs)
            events = [{"timestamp": end + at, "message": line} for at, line in enumerate(function.logs)]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def true_up(self, region: str = EAST, **wishes: Any) -> Report:
        """A true-up by hand; its report."""
        result = self.invoke({"trueup": True} | wishes, region, "trueup")
        assert result.ok, (result.error, result.logs)
        return dict(result.value)

    def synced(self) -> None:
        """True-ups of every region, after which everything has to be in place."""
        for region in self.world.members:
            self.true_up(region)
        assert self.world.complete()

    def receive(
        self, events: Iterable[Any], region: str = EAST, number: int = 0, deadline_s: float = TIMEOUT_S["lifecycle"]
    ) -> Delivery:
        """Hands a batch to the lifecycle function as SQS does, once."""
        batch = sqs(*events)
        result = self.function("lifecycle", region, number).invoke(batch, deadline_s=deadline_s)
        return Delivery(batch["Records"], result)

    def drain(self, events: Iterable[Any], region: str = EAST, number: int = 0) -> Delivery:
        """The same, and hands out again what comes back, as often as SQS would."""
        events = list(events)
        reports: list[Report] = []
        for _ in range(RECEIVES):
            delivery = self.receive(events, region, number)
            reports += delivery.reports
            events = delivery.failed
            if not events:
                break
        return Delivery(delivery.records, delivery.result, reports)

    # -- the command line -------------------------------------------------------------------------------------------

    def sgsync(
        self,
        *arguments: str,
        document: str | None = None,
        answer: str = "",
        env: Mapping[str, str] | None = None,
        folder: Path,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the operator's command in a folder with a `mesh.toml`; `answer` is what the operator types. `env` has what
        differs from the environment of an operator with credentials; what is empty is not there."""
        (folder / "mesh.toml").write_text(self.document if document is None else document)
        places = {"PATH": os.environ.get("PATH", ""), "AWS_REGION": "", "AWS_DEFAULT_REGION": ""}
        whole = self.world.rig.env(EAST, "operator") | places | dict(env or {})
        given = {name: value for name, value in whole.items() if value}
        command = [str(BINARIES / "sgsync"), *arguments]
        return subprocess.run(
            command, env=given, cwd=folder, input=answer, capture_output=True, text=True, timeout=90, check=False
        )

    # -- looking ----------------------------------------------------------------------------------------------------

    def hooks(self, region: str) -> list[Event]:
        """The events of the hooks that wait in a region, oldest first."""
        groups = self.world.groups(region)
        waiting = {action["token"] for action in self.world.rig.moto.actions() if action["group"] in groups}
        events = self.world.rig.moto.lifecycle_events(self.world.members[region].region)
        return [event for event in events if event["detail"]["LifecycleActionToken"] in waiting]

    def launch(self, region: str, count: int) -> list[Event]:
        """Scales out by so many, and returns the events of the hooks that wait."""
        before = {event["id"] for event in self.hooks(region)}
        capacity = len([i for i in self.world.instances(region) if not i["lifecycle_state"].startswith("Terminat")])
        self.world.scale(region, capacity + count)
        events = [event for event in self.hooks(region) if event["id"] not in before]
        assert len(events) == count
        return events

    def terminate(self, region: str, ids: Iterable[str]) -> list[Event]:
        """Takes instances out of the group, and returns the events of the hooks that wait."""
        ids = list(ids)
        for instance_id in ids:
            self.world.terminate(instance_id, region)
        return [event for event in self.hooks(region) if event["detail"]["EC2InstanceId"] in ids]

    def results(self) -> dict[str, list[str]]:
        """What every instance's hooks were answered."""
        answered: dict[str, list[str]] = {}
        for completion in self.world.rig.moto.completions():
            answered.setdefault(completion["instance"], []).append(completion["result"])
        return answered

    def changes_made(self) -> dict[str, int]:
        """Calls through the proxy that change something, the tests' own not counted."""
        reading = ("Describe", "Get", "BatchGet", "Query", "Scan")
        calls = self.world.rig.proxy.calls()
        return {call: count for call, count in calls.items() if not call.split(":")[1].startswith(reading)}


@dataclass(frozen=True)
class Delivery:
    """One batch and what the function answered."""

    records: list[Event]
    result: Result
    #: The reports in its log: of every time, where the batch was handed out more than once.
    reports: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.reports:
            object.__setattr__(self, "reports", reports_in(self.result.logs))

    @property
    def failed(self) -> list[Any]:
        """The bodies of the messages that go back to the queue; all of them if the function failed."""
        if not self.result.ok:
            return [decoded(record["body"]) for record in self.records]
        failures = {failure["itemIdentifier"] for failure in self.result.value["batchItemFailures"]}
        assert failures <= {record["messageId"] for record in self.records}
        return [decoded(record["body"]) for record in self.records if record["messageId"] in failures]

    @property
    def hooks(self) -> dict[str, str]:
        """Each hook's last result."""
        return {hook["instance"]: hook["result"] for report in self.reports for hook in report["hooks"]}


def decoded(body: str) -> Any:
    """A body as it was handed in: JSON, or text that is not."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def reports_in(logs: Iterable[str]) -> list[Report]:
    """The reports that a function wrote to its log."""
    return [json.loads(line)["report"] for line in logs if line.startswith('{"report":')]


def audit_in(logs: Iterable[str]) -> list[dict[str, Any]]:
    """The audit lines that a function wrote to its log."""
    lines = [json.loads(line) for line in logs if line.startswith("{")]
    return [line["fields"] for line in lines if line.get("target") == "audit"]


def findings(report: Report, kind: str) -> list[dict[str, str]]:
    """A report's findings of one kind."""
    return [finding for finding in report["findings"] if finding["kind"] == kind]


def target(report: Report, region: str) -> dict[str, Any]:
    """The only target of a region in a report."""
    (found,) = [one for one in report["targets"] if one["region"] == region]
    return dict(found)


def ids(events: Iterable[Event]) -> list[str]:
    """Whose hooks these are."""
    return [event["detail"]["EC2InstanceId"] for event in events]


def foreign(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every rule in every region's group that is not the mesh's, complete with id, tags and description."""
    found = {}
    for region, member in world.members.items():
        answer = world.client("ec2", region).describe_security_group_rules(
            Filters=[{"Name": "group-id", "Values": [member.security_group]}]
        )
        mine = {"Key": "sgsync:mesh", "Value": world.mesh}
        others = [rule for rule in answer["SecurityGroupRules"] if mine not in rule.get("Tags", [])]
        found[region] = sorted(others, key=lambda rule: str(rule["SecurityGroupRuleId"]))
    return found


def too_early(world: World) -> list[str]:
    """Hooks that were answered CONTINUE before their time (promise 3): launches while some region's group did not admit
    the address, terminations while some still did."""
    groups = {member.security_group: region for region, member in world.members.items()}
    return [
        f"{done['transition']} {done['instance']} in {region}"
        for done in world.rig.moto.completions()
        if done["result"] == "CONTINUE" and done["address"]
        for group, region in groups.items()
        if (f"{done['address']}/32" in done["admitted"].get(group, [])) != done["transition"].endswith("LAUNCHING")
    ]


def addresses(world: World, region: str) -> dict[str, str]:
    """The public addresses of a region's instances."""
    return {one["id"]: one["public_ip"] for one in world.instances(region)}


# -- wrappings --------------------------------------------------------------------------------------------------------


def text(body: Any) -> str:
    """A message's text; what is text already stays as it is."""
    return body if isinstance(body, str) else json.dumps(body)


def sqs(*bodies: Any) -> Event:
    """A batch as Lambda receives it from SQS."""
    records = [
        {
            "messageId": str(uuid.uuid4()),
            "receiptHandle": "handle",
            "body": text(body),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795342075000"},
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{EAST}:{ACCOUNT}:events",
            "awsRegion": EAST,
        }
        for body in bodies
    ]
    return {"Records": records}


def notification(body: Any) -> Event:
    """What SNS sends to a queue."""
    return {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": f"arn:aws:sns:{EAST}:{ACCOUNT}:events",
        "Subject": "Auto Scaling",
        "Message": text(body),
        "Timestamp": "2026-11-20T08:15:04.253Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
    }


def sns(body: Any) -> Event:
    """What SNS sends to a function."""
    record = {"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": notification(body)}
    return {"Records": [record | {"EventSubscriptionArn": f"arn:aws:sns:{EAST}:{ACCOUNT}:events:1"}]}
