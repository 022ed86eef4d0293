"""What holds for every command of `sgsync`: outputs, colour, progress, profiles, errors, and the calls that it makes."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import terminal
from product import BINARIES, EAST, WEST, Product
from rig import CREDENTIALS_ENV, Fault, World

DONE, ERROR, PENDING, HELD = 0, 1, 2, 3
Run = Callable[..., "CompletedProcess[str]"]
CALLS = "| command | calls |\n| --- | --- |\n"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

#: Every command that asks AWS something, in a world where each has something to say.
ASKING = {
    "init": "init --force --name orders-db --allow tcp:7000 --region us-west-2",
    "check --online": "check --online",
    "plan": "plan",
    "status": "status",
    "explain": "explain 198.51.100.7",
    "report": "report --html report.html",
    "history": "history",
    "apply": "apply --yes",
    "adopt": "adopt --yes",
    "forget": "forget eu-west-1 --yes",
    "release": "release --all --yes",
}
#: Those that neither ask nor write a file.
LOOKING = {name: line for name, line in ASKING.items() if name not in ("init", "apply", "report")}


@pytest.fixture
def sgsync(product: Product, tmp_path: Path) -> Run:
    """Runs a command line in a folder with the world's `mesh.toml`."""
    return lambda line, **options: product.sgsync(*shlex.split(line), folder=tmp_path, **options)


@pytest.fixture
def env(world: World) -> dict[str, str]:
    """What an operator has at a terminal."""
    return world.rig.env(EAST, "operator") | {"PATH": os.environ.get("PATH", ""), "TERM": "xterm"}


@pytest.fixture
def at_terminal(product: Product, env: dict[str, str], tmp_path: Path) -> Callable[..., terminal.Screen]:
    """The same on a terminal."""
    (tmp_path / "mesh.toml").write_text(product.document)

    def run(line: str, **more: str) -> terminal.Screen:
        return terminal.run([str(BINARIES / "sgsync"), *shlex.split(line)], env | more, tmp_path)

    return run


@pytest.fixture
def everything(world: World, product: Product) -> Iterator[World]:
    """Something of every kind: to add, to revoke, of others, waiting, dead, written down, and left by a member."""
    stays, goes, _ = world.seed(EAST, 3)
    product.synced()
    for region in world.members:
        logs, sqs = world.rig.client("logs", region), world.rig.client("sqs", region)
        product.deploy(region)
        sqs.create_queue(QueueName=f"sgsync-{world.mesh}-dead-letters")
        for function in ("hooks", "trueup"):
            logs.create_log_group(logGroupName=f"/aws/lambda/sgsync-{world.mesh}-{function}")
    product.ship_logs()
    world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.mesh))
    world.add_rule(WEST, "203.0.113.99/32", 7000)
    world.rig.client("ec2", EAST).delete_tags(
        Resources=[next(rule.id for rule in world.rules(EAST) if stays in rule.description)], Tags=[{"Key": "sgsync:mesh"}]
    )
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=[goes], ShouldDecrementDesiredCapacity=True
    )
    product.launch(WEST, 1)
    gone = {"sgsync:mesh": world.mesh, "sgsync:member": "eu-west-1"}
    world.add_rule(WEST, "198.51.100.99/32", 7000, gone)
    row = world.rows(WEST)[0] | {"member": {"S": "eu-west-1"}, "observed_at": {"S": "2020-01-01T00:00:00Z"}}
    world.rig.client("dynamodb", WEST).put_item(TableName=world.table, Item=row)
    yield world


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASKING)
def test_what_aws_refuses_is_named_with_what_to_do_and_its_id_under_v(world: World, sgsync: Run, name: str) -> None:
    """Exit 1, the code, a next step; the request id only where it was asked for."""
    world.rig.proxy.add(Fault("error", region=WEST, error_code="AccessDenied", status=403, caller="operator"))
    done = sgsync(ASKING[name])
    assert done.returncode == ERROR, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert re.search(r"(ec2|autoscaling|dynamodb|sqs|logs|lambda|servicequotas):\w+: AccessDenied", said), said
    assert said.count("next: AWS denied a call that is named above") == 1, said
    assert "aws_request_id" not in said
    refused = [line for line in sgsync(f"{ASKING[name]} -v").stderr.splitlines() if "refused" in line]
    denied = [line for line in refused if 'code="AccessDenied"' in line]
    assert denied and all('aws_request_id="rig"' in line for line in denied)
    assert "DryRunOperation" not in "".join(refused), "a dry run that would be done is not refused"


@pytest.mark.parametrize("name", ASKING)
def test_without_credentials_the_first_thing_said_is_how_to_get_them(world: World, sgsync: Run, name: str, tmp_path: Path) -> None:
    """Nothing of what could not be asked is shown as empty."""
    nothing = {key: "" for key in CREDENTIALS_ENV} | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    done = sgsync(ASKING[name], env=nothing)
    assert done.returncode == ERROR, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert said.count("next: no credentials were found: sign in") == 1, said
    assert "in sync" not in said.replace("not in sync", "")


@pytest.mark.parametrize("name", ASKING)
def test_a_profile_is_taken_by_every_command(everything: World, sgsync: Run, tmp_path: Path, name: str) -> None:
    """From the AWS configuration, where the environment has no keys at all."""
    keys = "\n".join(f"{key.lower()} = {value}" for key, value in CREDENTIALS_ENV.items())
    (tmp_path / "config").write_text(f"[profile ops]\n{keys}\n")
    place = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    place |= {key: "" for key in CREDENTIALS_ENV}
    done = sgsync(f"{ASKING[name]} --profile ops", env=place, answer="\n\n")
    assert "NoCredentials" not in done.stdout + done.stderr
    assert "NoCredentials" in str(sgsync(ASKING[name], env=place, answer="\n\n"))


# -- outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOOKING)
def test_colour_is_for_terminals_and_never_where_no_color_is_set(
    everything: World, at_terminal: Callable[..., terminal.Screen], sgsync: Run, name: str
) -> None:
    """Programs and files get none."""
    line = ASKING[name].removesuffix(" --yes")
    assert COLOUR.search(at_terminal(line).raw)
    assert not COLOUR.search(at_terminal(line, NO_COLOR="1").raw)
    assert not COLOUR.search(at_terminal(f"{line} --output json").raw)
    piped = sgsync(line)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_an_error_and_a_help_text_have_colour_on_a_terminal_only(at_terminal: Callable[..., terminal.Screen]) -> None:
    """What clap prints, and what main does."""
    for line in ("--help", "plan --nonsense", "plan --mesh nowhere.toml"):
        assert COLOUR.search(at_terminal(line).raw), line
        assert not COLOUR.search(at_terminal(line, NO_COLOR="1").raw), line


@pytest.mark.parametrize("name", [name for name in ASKING if name != "init"])
def test_work_over_a_second_says_so_on_a_terminal_and_leaves_no_trace(
    everything: World, at_terminal: Callable[..., terminal.Screen], sgsync: Run, name: str
) -> None:
    """On standard error, overwritten by what comes after; a file gets none."""
    everything.rig.proxy.latency(WEST, 1.2, caller="operator")
    line = ASKING[name].removesuffix(" --yes") + (" --yes" if name == "apply" else "")
    screen = at_terminal(line)
    progress = re.compile(r"(checking|looking at|reading|planning|applying)[\w ']*: [1-9]\d* s")
    assert progress.search(screen.raw), screen.raw
    assert not progress.search(screen.text), screen.text
    piped = sgsync(line)
    assert not progress.search(piped.stdout + piped.stderr)


@pytest.mark.parametrize("name", ["check", *LOOKING])
def test_another_document_is_read_where_mesh_says(world: World, sgsync: Run, product: Product, tmp_path: Path, name: str) -> None:
    """Before and after the command's own words; the one in the folder is not looked at."""
    (tmp_path / "other.toml").write_text(product.document)
    line = ASKING.get(name, name).removesuffix(" --yes")
    for command in (f"--mesh other.toml {line}", f"{line} --mesh other.toml"):
        done = sgsync(command, document="name = 5")
        assert world.mesh in done.stdout, done.stdout + done.stderr


# -- what the reference page says --------------------------------------------------------------------------------------


def test_the_reference_pages_table_of_calls_is_what_is_called(everything: World, sgsync: Run) -> None:
    """What an operator's credentials need: no call is missing, none is named in vain; SGSYNC_RECORD=1 writes it anew."""
    made = []
    for name in ASKING:  # in this order each finds something to do
        everything.rig.proxy.reset_counts()
        sgsync(ASKING[name], answer="\n\n")
        calls = sorted(everything.rig.proxy.calls(caller="operator"))
        made.append(f"| `{name}` | {' '.join(f'`{call}`' for call in calls)} |\n")
    head, rest = PAGE.read_text().split(CALLS)
    told, tail = rest.split("\n\n", 1)
    if os.environ.get("SGSYNC_RECORD"):
        PAGE.write_text(head + CALLS + "".join(made) + "\n" + tail)
    else:
        assert told + "\n" == "".join(made)


#: How each command's JSON is made: in a world with everything, and in one with an error.
JSON = {
    "init": "init --force --name orders-db --allow tcp:7000-7001 --member us-east-1=orders/sg-0123456789abcdef0",
    "check": "check",
    "check --online": "check --online",
    "plan": "plan",
    "status": "status",
    "explain": "explain {instance}",
    "history": "history --limit 1",
    "report": "report --html report.html",
    "adopt": "adopt",
    "release": "release --all",
    "forget": "forget eu-west-1",
    "render": "render --account 111122223333 --output-file samconfig.toml",
}


def shape(value: Any) -> Any:
    """Keys and types; what may be null has no type, a list has what all its elements have."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [merged([shape(inner) for inner in value])] if value else []
    return None if value is None else type(value).__name__


def merged(shapes: list[Any]) -> Any:
    """One shape that fits all of them."""
    found = [one for one in shapes if one not in (None, [])]
    if not found:
        return shapes[0]
    if isinstance(found[0], dict):
        keys = {key for one in found for key in one}
        return {key: merged([one[key] for one in found if key in one]) for key in sorted(keys)}
    if isinstance(found[0], list):
        return [merged([inner for one in found for inner in one])]
    assert len(set(found)) == 1, found
    return found[0]


def differences(real: Any, told: Any, at: str = "") -> list[str]:
    """Where two shapes do not fit; null and an empty list fit everything."""
    if real in (None, []) or told in (None, []):
        return []
    if isinstance(real, dict) and isinstance(told, dict):
        unequal = [f"{at}.{key}" for key in sorted(real.keys() ^ told.keys())]
        both = real.keys() & told.keys()
        return unequal + [found for key in both for found in differences(real[key], told[key], f"{at}.{key}")]
    if isinstance(real, list) and isinstance(told, list):
        return differences(real[0], told[0], f"{at}[]")
    return [] if real == told else [f"{at}: {real} is not {told}"]


def first_of_each(value: Any) -> Any:
    """Lists with one element only, which has what the page is to show."""
    if isinstance(value, dict):
        return {key: first_of_each(inner) for key, inner in value.items()}
    if isinstance(value, list) and value:
        return [first_of_each(max(value, key=lambda inner: len(str(inner))))]
    return value


def test_the_reference_pages_json_is_what_is_printed(everything: World, sgsync: Run) -> None:
    """The same keys and types, in both directions; SGSYNC_RECORD=1 writes the examples anew."""
    instance = everything.instances(EAST)[0]["id"]
    page = PAGE.read_text()
    for name, line in JSON.items():
        done = sgsync(f"{line.format(instance=instance)} --output json")
        real = json.loads(done.stdout)
        begin, end = f"<!-- json of sgsync {name} -->\n```json\n", "```\n"
        assert begin in page, f"docs/cli.md has no JSON of `sgsync {name}`"
        head, rest = page.split(begin)
        told, tail = rest.split(end, 1)
        if os.environ.get("SGSYNC_RECORD"):
            example = json.dumps(first_of_each(real), indent=2).replace(everything.mesh, "orders-db")
            page = head + begin + example + "\n" + end + tail
            PAGE.write_text(page)
        else:
            assert differences(shape(real), shape(json.loads(told))) == [], name
