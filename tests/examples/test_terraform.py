"""The Terraform examples: every block as the provider's schema has it, every reference to something that is there, and the
stack's parameters as `sgsync render` fills them in. `terraform validate` is not there to ask: see examples/README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from hcl import labelled, load, value

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "examples" / "terraform"
FOLDERS = [MAIN, MAIN / "inline"]
SGSYNC = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "sgsync"
CHECKOV = Path(os.environ.get("CHECKOV", ROOT / ".venv" / "checkov" / "bin" / "checkov"))
SCHEMA = json.loads((Path(__file__).parent / "provider.json").read_text())["resources"]
#: What Terraform itself knows in every resource, and in its `lifecycle`.
META = {"for_each", "count", "depends_on", "lifecycle", "provider"}
LIFECYCLE = {"ignore_changes", "prevent_destroy", "create_before_destroy", "replace_triggered_by"}
TEMPLATE = yaml_parse((ROOT / "sam" / "template.yaml").read_text())

folders = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def kind_of(kind: str) -> dict[str, Any]:
    assert kind in SCHEMA, f"{kind} is not in provider.json: add it to USED in schema.py, and run that"
    return SCHEMA[kind]


def wrong(where: str, body: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """What the schema does not know in a block, or misses."""
    known = {*schema["required"], *schema["optional"]}
    for key in body.keys() - known - META:
        yield f"{where}.{key} is not in the provider's schema"
    for key in set(schema["required"]) - body.keys():
        yield f"{where}.{key} is missing"
    for key, inner in body.items():
        for block in inner if isinstance(inner, list) else [inner]:
            if key in schema["blocks"] and isinstance(block, dict):
                yield from wrong(f"{where}.{key}", block, schema["blocks"][key])


def references(text: str) -> Iterator[tuple[str, str]]:
    """What an expression refers to, and the attribute it asks for."""
    text = re.sub(r'"[^"$]*"', '""', text)
    for kind, name, attribute in re.findall(r"\b(aws_\w+|data\.aws_\w+)\.(\w+)(?:\[[^]]*\])?(?:\.(\w+))?", text):
        yield f"{kind}.{name}", attribute
    for name in re.findall(r"\b((?:var|local)\.\w+)", text):
        yield name, ""


@folders
def test_every_block_is_as_the_provider_has_it(folder: Path) -> None:
    blocks = load(folder)
    found = []
    for prefix, kind in (("", "resource"), ("data_", "data")):
        for name, body in labelled(blocks.get(kind, [])).items():
            found += wrong(name, body, kind_of(prefix + name.split(".")[0]))
            for lifecycle in body.get("lifecycle", []):
                found += [f"{name}.lifecycle.{key}" for key in lifecycle.keys() - LIFECYCLE]
    assert found == []


@folders
def test_every_reference_leads_somewhere_and_nothing_is_unused(folder: Path) -> None:
    blocks = load(folder)
    things = labelled(blocks["resource"]) | {f"data.{name}": {} for name in labelled(blocks.get("data", []))}
    declared = {f"var.{name}" for name in labelled(blocks["variable"])}
    declared |= {f"local.{name}" for block in blocks.get("locals", []) for name in block}
    used = set()
    for name, attribute in references(json.dumps(blocks).replace('\\"', '"')):
        if name in things:
            kind = name.removeprefix("data.").split(".")[0]
            known = kind_of(f"data_{kind}" if name.startswith("data.") else kind)["attributes"]
            assert not attribute or attribute in known, f"{name}.{attribute}"
        else:
            assert name in declared, name
            used.add(name)
    assert declared - used == set()
    for name, body in labelled(blocks["resource"]).items():
        for lifecycle in body.get("lifecycle", []):
            schema = kind_of(name.split(".")[0])
            assert set(lifecycle.get("ignore_changes", [])) <= {*schema["required"], *schema["optional"]}


@folders
def test_no_tool_takes_the_meshs_rules_for_its_own(folder: Path) -> None:
    """The point of it all."""
    resources = labelled(load(folder)["resource"])
    assert not any(name.startswith("aws_vpc_security_group_rules_exclusive") for name in resources)
    for name, body in resources.items():
        if name.startswith("aws_security_group.") and ("ingress" in body or name.endswith(".mesh")):
            assert any("ingress" in lifecycle.get("ignore_changes", []) for lifecycle in body["lifecycle"]), name


def test_the_hooks_are_those_of_the_stack() -> None:
    hooks = {name: body for name, body in labelled(load(MAIN)["resource"]).items() if "_lifecycle_hook." in name}
    loop = next(body for name, body in TEMPLATE["Resources"].items() if name.startswith("Fn::ForEach::AutoScalingGroup"))
    assert len(hooks) == len(loop[2]) == 2
    for resource in loop[2].values():
        theirs = resource["Properties"]
        name = theirs["LifecycleHookName"]["Fn::Sub"].replace("${MeshName}", "${var.mesh}")
        ours, = (body for body in hooks.values() if body["name"].strip('"') == name)
        assert ours["lifecycle_transition"].strip('"') == theirs["LifecycleTransition"]
        assert ours["heartbeat_timeout"] == theirs["HeartbeatTimeout"]
        assert ours["default_result"].strip('"') == theirs["DefaultResult"]
        assert ours["depends_on"] == ["${aws_cloudformation_stack.sgsync}"]


ACCOUNT = "111122223333"
MEMBERS = ["us-east-1", "us-west-2"]


def world() -> dict[str, Any]:
    """What Terraform would know after it has made the groups of two members."""

    def each(make: Any) -> dict[str, SimpleNamespace]:
        return {region: SimpleNamespace(**make(region, place)) for place, region in enumerate(MEMBERS)}

    groups = each(lambda region, place: {
        "name": f"orders-db-{region}",
        "arn": f"arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/orders-db-{region}",
    })
    targets = each(lambda region, place: {
        "id": f"sg-0123456789abcdef{place}",
        "arn": f"arn:aws:ec2:{region}:{ACCOUNT}:security-group/sg-0123456789abcdef{place}",
    })
    caller, partition = SimpleNamespace(account_id=ACCOUNT), SimpleNamespace(partition="aws")
    return {
        "var": SimpleNamespace(mesh="orders-db", ports="7000-7001", alarm_email="", members=dict.fromkeys(MEMBERS)),
        "data": SimpleNamespace(
            aws_caller_identity=SimpleNamespace(current=caller), aws_partition=SimpleNamespace(current=partition)
        ),
        "aws_autoscaling_group": SimpleNamespace(orders=groups),
        "aws_security_group": SimpleNamespace(mesh=targets),
    }


def test_the_stack_gets_what_sgsync_render_would_give_it(tmp_path: Path) -> None:
    """The document is valid, and every parameter but two is the same; those two are said in the example."""
    blocks, names = load(MAIN), world()
    (local,) = blocks["locals"]
    names["local"] = SimpleNamespace(**{name: value(text, **names) for name, text in local.items()})
    (tmp_path / "mesh.json").write_text(names["local"].document)
    command = [SGSYNC, "--mesh", "mesh.json", "render", "--account", ACCOUNT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rendered = tomllib.loads((tmp_path / "samconfig.toml").read_text())
    stack = labelled(blocks["resource"])["aws_cloudformation_stack.sgsync"]
    assert value(stack["name"], **names) == rendered["us-east-1"]["global"]["parameters"]["stack_name"]
    defaults = {name: parameter.get("Default") for name, parameter in TEMPLATE["Parameters"].items()}
    for region in MEMBERS:
        names["each"] = SimpleNamespace(key=region)
        ours = {name: value(text, **names) for name, text in stack["parameters"].items()}
        deploy = rendered[region]["deploy"]["parameters"]
        theirs = {name: ",".join(v) if isinstance(v, list) else v for name, v in deploy["parameter_overrides"].items()}
        assert [value(text) for text in stack["capabilities"]] == deploy["capabilities"]
        assert ours.pop("CreateLifecycleHooks") == "false" and theirs.pop("CreateLifecycleHooks") == "true"
        assert json.loads(ours.pop("Mesh")) == json.loads(theirs.pop("Mesh"))
        assert {name for name, default in defaults.items() if default is None} <= stack["parameters"].keys()
        # What the stack makes of these two where they are empty.
        left_out = defaults | {"Member": region, "Table": "sgsync-orders-db"}
        assert ours == {name: theirs[name] for name in ours}
        assert {name: left_out[name] for name in theirs.keys() - ours.keys()} | ours == theirs


def test_the_template_fits_into_a_request() -> None:
    """`template_body` takes 51,200 bytes; `sam package` only changes two paths."""
    assert (ROOT / "sam" / "template.yaml").stat().st_size < 48_000


#: What checkov says of a group that is attached to instances in another file's words, or that is not for production.
SKIPPED = {
    "CKV2_AWS_5": "it does not see that a launch template attaches the groups",
    "CKV_AWS_124": "the stack tells of itself by alarms",
    "CKV_AWS_382": "what goes out is for each cluster to say; the example lets everything out",
}


@folders
def test_checkov_has_nothing_to_say(folder: Path) -> None:
    assert CHECKOV.exists(), "run `make examples`, or name another one in CHECKOV"
    files = [option for file in sorted(folder.glob("*.tf")) for option in ("--file", file)]
    command = [CHECKOV, "--framework", "terraform", *files, "--skip-download", "--quiet", "--compact"]
    done = subprocess.run([*command, "--skip-check", ",".join(SKIPPED)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
