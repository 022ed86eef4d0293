"""What the guides tell people to run exists, and what they calculate is right."""

from __future__ import annotations

import ast
import importlib
import operator
import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import OperationModel, StructureShape

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [*sorted(ROOT.glob("*.md")), ROOT / "sam" / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Options of the AWS CLI itself, and whether each takes a value.
GLOBAL = {"--region": True, "--query": True, "--output": True, "--cli-binary-format": True, "--profile": True}
#: Commands that the AWS CLI has beside the services' own.
EXTRAS = {("cloudformation", "deploy"): {"--template-file", "--stack-name", "--capabilities", "--parameter-overrides"}}
_OPERATORS = {ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Add: operator.add}


def commands(guide: Path) -> list[list[str]]:
    """Every command of a guide's shell blocks, split into words; continued lines are one."""
    blocks = re.findall(r"^[ \t]*```sh\n(.*?)^[ \t]*```", guide.read_text(), re.DOTALL | re.MULTILINE)
    lines = (line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines())
    return [shlex.split(line, comments=True) for line in lines if line and not line.startswith(("#", "for ", "done"))]


def all_commands(program: str) -> list[list[str]]:
    return [words for guide in GUIDES for words in commands(guide) if words and words[0] == program]


@pytest.mark.parametrize("words", all_commands("aws"), ids=lambda words: " ".join(words[:3]))
def test_the_aws_cli_has_every_command_and_option(words: list[str]) -> None:
    """Judged by the services' models, from which the AWS CLI makes its commands."""
    service, command, *rest = words[1:]
    options = {word for word in rest if word.startswith("--") and word not in GLOBAL}
    if known := EXTRAS.get((service, command)):
        assert options <= known
        return
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    if command == "wait":
        waiters = session.get_waiter_model(service)
        names = {xform_name(name, "-"): waiters.get_waiter(name) for name in waiters.waiter_names}
        assert options <= _options(model.operation_model(names[rest[0]].operation)), words
        return
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert command in operations
    assert options <= _options(model.operation_model(operations[command])), words


def _options(operation: OperationModel) -> set[str]:
    shape = operation.input_shape
    assert isinstance(shape, StructureShape)
    found = set()
    for name, member in shape.members.items():
        found.add(f"--{xform_name(name, '-')}")
        if member.type_name == "boolean":
            found.add(f"--no-{xform_name(name, '-')}")
    return found


@pytest.mark.parametrize("words", all_commands("sam"), ids=lambda words: " ".join(words[:3]))
def test_the_sam_cli_has_every_command_and_option(words: list[str]) -> None:
    """Judged by the SAM CLI that the tests deploy with."""
    command = importlib.import_module(f"samcli.commands.{words[1]}.command").cli
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words[2:] if word.startswith("-")} <= known


def test_make_has_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for words in all_commands("make"):
        for target in (word for word in words[1:] if "=" not in word):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_guides_are_read_at_all() -> None:
    """The tests above would pass on guides without commands."""
    assert len(all_commands("aws")) > 8 and len(all_commands("make")) > 2 and len(all_commands("sam")) > 5


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    assert isinstance(node, ast.BinOp)
    return float(_OPERATORS[type(node.op)](_value(node.left), _value(node.right)))


def test_the_cost_is_what_the_arithmetic_says() -> None:
    """To the cent: every row, and the sum at the end of each table; and what stands in the text."""
    text = (ROOT / "docs" / "deploy.md").read_text().partition("\n## What it costs\n")[2]
    tables = [re.findall(r"^\| (.+?) \| (.*?) ?\| \$([\d.]+) \|$", part, re.M) for part in text.split("| --- | --- | --- |")]
    assert [len(rows) for rows in tables] == [0, 15, 4]
    for rows in tables[1:]:
        for what, arithmetic, price in rows[:-1]:
            assert round(_calculated(arithmetic), 2) == float(price), what
        assert rows[-1][0] == "total"
        assert round(sum(float(price) for _, _, price in rows[:-1]), 2) == float(rows[-1][2])
    written = re.findall(r"([\d.]+(?: [*/] [\d.]+)+) = \$?([\d,.]+\d)", text)
    assert len(written) == 2
    for arithmetic, result in written:
        assert round(_calculated(arithmetic), 2) == float(result.replace(",", "")), arithmetic


def _calculated(arithmetic: str) -> float:
    return _value(ast.parse(arithmetic, mode="eval").body)


def test_alarms_and_metrics_are_counted_right() -> None:
    """The numbers in the cost table are the template's and the code's."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    template = (ROOT / "sam" / "template.yaml").read_text()
    metrics = len(re.findall(r"^\| `\w+` \| (?:Count|Percent) \|", (ROOT / "docs" / "operations.md").read_text(), re.M))
    assert f"metrics, {metrics} a region" in text
    assert f"alarms, {_alarms(template)} a region" in text


def _alarms(template: str) -> int:
    """How many alarms the template makes: each, as often as the loops around it say."""
    count = 0
    loops: dict[int, int] = {}
    for line in template.splitlines():
        indent = len(line) - len(line.lstrip())
        loops = {depth: size for depth, size in loops.items() if depth < indent or not line.strip()}
        if items := re.match(r"\s+- \[([\w, -]+)\]$", line):
            loops[indent - 1] = len(items[1].split(","))
        if "Type: AWS::CloudWatch::Alarm" in line:
            product = 1
            for size in loops.values():
                product *= size
            count += product
    return count
