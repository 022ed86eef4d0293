"""From `sgsync init` to `sgsync forget`, as a new user goes; docs/session.md shows the first part of the way."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import readme
import terminal
from product import BINARIES, EAST, WEST, Product
from rig import Rig, World

DONE, ERROR, PENDING, HELD = 0, 1, 2, 3
PAGE = Path(__file__).resolve().parents[2] / "docs" / "session.md"
BEGIN, END = "<!-- output of a session -->\n```text\n", "```\n<!-- end of output -->"


class Operator:
    """Somebody at a terminal, in a folder of their own, with credentials. What they see is written down."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        self._env = world.rig.env(EAST, "operator") | {"PATH": os.environ.get("PATH", ""), "TERM": "xterm"}
        del self._env["AWS_REGION"], self._env["AWS_DEFAULT_REGION"]
        self.seen: list[str] = []

    def types(self, command: str, *answers: tuple[str, str], code: int = DONE) -> str:
        """Runs a command line, continued ones too; returns the screen."""
        words = command.replace("\\\n", " ").split()
        screen = terminal.run([str(BINARIES / words[0]), *words[1:]], self._env, self.folder, answers)
        assert screen.code == code, screen.text
        self.seen += [f"$ {command}", screen.text]
        return screen.text

    def notes(self, what: str) -> None:
        """What happens meanwhile."""
        self.seen += [f"# {what}"]

    @property
    def session(self) -> str:
        """Everything so far, one block for each command."""
        out = ""
        for part in self.seen:
            out += ("\n" if out and part.startswith(("$", "#")) else "") + part.rstrip("\n") + "\n"
        return out


@pytest.fixture
def world(rig: Rig) -> Iterator[World]:
    """Two regions with groups and instances, and nothing of sgsync's."""
    rig.proxy.heal()
    rig.moto.reset()
    rig.moto.next_addresses("198.51.100.11", "198.51.100.12", "203.0.113.21")
    world = World(rig, mesh="orders-db", hooks=False, tables=False, max_size=20)
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    yield world
    rig.proxy.heal()
    for region in world.members:
        for service, call, name in (
            ("dynamodb", "delete_table", {"TableName": world.table}),
            ("sqs", "delete_queue", {"QueueUrl": _queue(world, region)}),
            ("lambda", "delete_function", {"FunctionName": f"sgsync-{world.mesh}-hooks"}),
            ("lambda", "delete_function", {"FunctionName": f"sgsync-{world.mesh}-trueup"}),
            ("logs", "delete_log_group", {"logGroupName": f"/aws/lambda/sgsync-{world.mesh}-hooks"}),
            ("logs", "delete_log_group", {"logGroupName": f"/aws/lambda/sgsync-{world.mesh}-trueup"}),
        ):
            with contextlib.suppress(ClientError):  # a test that failed early made less
                getattr(rig.client(service, region), call)(**name)


def _queue(world: World, region: str) -> str:
    """The stack's queue of dead letters."""
    return str(world.rig.client("sqs", region).create_queue(QueueName=f"sgsync-{world.mesh}-dead-letters")["QueueUrl"])


def launch_stack(world: World, region: str, document: str) -> None:
    """What the stack makes, as far as the command line looks at it. The stack itself is test_stacks.py's."""
    Product(world, document).deploy(region)
    world.create_table(region)
    _queue(world, region)
    world.put_hooks(region, names=tuple(f"sgsync-{world.mesh}-{end}" for end in ("launch", "terminate")))
    for function in ("hooks", "trueup"):
        world.rig.client("logs", region).create_log_group(logGroupName=f"/aws/lambda/sgsync-{world.mesh}-{function}")


def look_around(operator: Operator, world: World) -> None:
    """`init`, by looking; then what `check` says before and after the stack is there."""
    question = "nothing for none: "
    document = operator.types(
        "sgsync init --name orders-db --allow tcp:7000-7001 \\\n    --region us-east-1 --region us-west-2",
        (question, "1"), (question, "3"), (question, "1"), (question, "3"),
    )  # fmt: skip
    for region, member in world.members.items():
        assert f"1 {member.group}" in document
        assert f"{member.security_group}  {member.group}" in document
    text = (operator.folder / "mesh.toml").read_text()
    assert all(member.security_group in text and member.group in text for member in world.members.values())
    operator.types("sgsync check")
    before = operator.types("sgsync check --online", code=ERROR)
    assert before.count("has no such table") == before.count("has no lifecycle hook sgsync-orders-db-launch") == 2


def bring_up(operator: Operator, world: World) -> None:
    """The stack, the first plan, and a person's yes."""
    operator.notes("the stack is launched in both regions, as docs/deploy.md says")
    for region in world.members:
        launch_stack(world, region, (operator.folder / "mesh.toml").read_text())
    ready = operator.types("sgsync check --online")
    assert "errors: 0, warnings: 4" in ready and ready.count("has no row") == 4
    planned = operator.types("sgsync plan", code=PENDING)
    assert planned.count("+ tcp 7000-7001") == 6
    operator.types("sgsync apply", ("Only `yes` is taken for it: ", "yes"))
    assert world.complete()


def ask_why(operator: Operator, world: World) -> None:
    """What stands on the screen at 3 a.m."""
    assert "everything is in sync" in operator.types("sgsync status")
    said = operator.types("sgsync explain 203.0.113.21")
    assert said.count(": admitted\n") == 2
    assert operator.types("sgsync explain 192.0.2.1", code=PENDING).count("not admitted") == 2


def shapes(session: str) -> list[str]:
    """What stays the same from run to run. The regions are worked on side by side, so their audit lines come in any order."""
    lines = [re.sub(r'aws_request_id="[^"]*"', "aws_request_id", line) for line in session.splitlines()]
    audits = iter(sorted(readme.shape(line) for line in lines if line.startswith("audit: ")))
    return [next(audits) if line.startswith("audit: ") else readme.shape(line) for line in lines]


def test_the_way_from_init_to_explain_is_the_one_in_the_docs(world: World, tmp_path: Path) -> None:
    """Every line of it, in both directions; SGSYNC_RECORD=1 writes it down anew."""
    operator = Operator(world, tmp_path)
    look_around(operator, world)
    bring_up(operator, world)
    ask_why(operator, world)
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    recorded, tail = rest.split(END)
    if os.environ.get("SGSYNC_RECORD"):
        PAGE.write_text(head + BEGIN + operator.session + END + tail)
        return
    assert shapes(recorded) == shapes(operator.session), "docs/session.md shows another session; SGSYNC_RECORD=1 writes it anew"


def test_the_rest_of_the_way(world: World, tmp_path: Path) -> None:
    """Letting go and taking back, what the functions did, and a member that leaves."""
    operator = Operator(world, tmp_path)
    look_around(operator, world)
    bring_up(operator, world)
    with Product(world, (tmp_path / "mesh.toml").read_text()) as product:
        let_go_and_take_back(operator, world)
        see_what_happened(operator, world, product)
        part_with_a_region(operator, world)


def let_go_and_take_back(operator: Operator, world: World) -> None:
    """Tags only: the rules stay what they are."""
    before = {region: {rule.id for rule in world.rules(region)} for region in world.members}
    assert "to release: 6" in operator.types("sgsync release --all", code=PENDING)
    operator.types("sgsync release --all --yes")
    assert all(world.owned(region) == set() for region in world.members)
    assert "nothing to change" in operator.types("sgsync plan"), "what others grant need not be granted again"
    assert "to adopt: 6" in operator.types("sgsync adopt", code=PENDING)
    operator.types("sgsync adopt --yes")
    assert world.complete()
    assert {region: {rule.id for rule in world.rules(region)} for region in world.members} == before


def see_what_happened(operator: Operator, world: World, product: Product) -> None:
    """An instance comes and goes; the functions do it all, and their logs say so, newest first."""
    world.rig.moto.next_addresses("203.0.113.22")
    events = product.launch(WEST, 1)
    assert product.receive(events, WEST).failed == []
    (came,) = [event["detail"]["EC2InstanceId"] for event in events]
    assert product.receive(product.terminate(WEST, [came]), WEST).failed == []
    product.ship_logs()
    told = operator.types("sgsync history 203.0.113.22")
    assert re.findall(r"^\d.*Z  (\S \w+) tcp", told, re.MULTILINE) == ["- revoke"] * 2 + ["+ authorize"] * 2
    assert told.count(f"for {came}, trigger lifecycle, by lifecycle/") == 4
    assert "~ complete in" in operator.types(f"sgsync history {came}")
    group = world.members[EAST].security_group
    assert operator.types(f"sgsync history {group}").count(f"{EAST}/{group}") == 2
    (rule,) = set(re.findall(rf"{group}: absent -> (sgr-\w+)", told))
    answer = json.loads(operator.types(f"sgsync history {rule} --output json"))
    assert [change["line"]["action"] for change in answer["changes"]] == ["revoke", "authorize"]
    assert "nothing in the functions' logs" in operator.types("sgsync history 192.0.2.1")
    assert "the newest 1" in operator.types("sgsync history --limit 1")


def part_with_a_region(operator: Operator, world: World) -> None:
    """The document without it, its stack gone, its row old: then nothing of it is left."""
    document = operator.folder / "mesh.toml"
    parts = document.read_text().split("[[member]]")
    tail = parts[-1].split("\n\n", 1)[1]
    document.write_text("[[member]]".join(part for part in parts if WEST not in part) + "\n" + tail)
    world.rig.client("dynamodb", EAST).update_item(
        TableName=world.table,
        Key={"member": {"S": WEST}, "asg": {"S": world.members[WEST].group}},
        UpdateExpression="SET observed_at = :long_ago",
        ExpressionAttributeValues={":long_ago": {"S": "2020-01-01T00:00:00Z"}},
    )
    operator.types("sgsync apply --yes", code=HELD)
    assert "to remove: 2" in operator.types(f"sgsync forget {WEST}", code=PENDING)
    operator.types(f"sgsync forget {WEST} --yes")
    assert "nothing is left of it" in operator.types(f"sgsync forget {WEST}")
    assert len(world.owned(EAST)) == 2
    assert operator.types("sgsync plan").count("in sync") == 1
