"""What `sgsync render` says about the sizes of policies and event patterns, against those of the transformed template: AWS
refuses what is too long only when the stack is launched."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from expanded import ACCOUNT, documents_of, transformed

SGSYNC = Path(__file__).resolve().parents[2] / "target" / "debug" / "sgsync"
#: More than AWS has in one partition, some with long names.
REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"),
    *("ap-northeast-2", "ap-northeast-3", "me-central-1", "af-south-1", "il-central-1"),
]
POLICIES = {"RulesPolicy": 6144, "RowsPolicy": 6144, "LifecycleRole": 10240}
PATTERNS = {"HookRule": 2048, "MembershipRule": 2048, "TamperRule": 2048}
ALLOWED = POLICIES | PATTERNS


def document(
    members: int, groups: int = 1, targets: int = 2, name: str = "orders-db", prefix_lists: int = 0, **more: str
) -> str:
    """A mesh of so many members, each with so many Auto Scaling groups, security groups and prefix lists."""
    parts = [f'name = "{name}"', '[[allow]]\nprotocol = "tcp"\nports = "7000"']
    for place, region in enumerate(REGIONS[:members]):
        keys = {key: value.format(region=region) for key, value in more.items()}
        lists = {
            "auto_scaling_groups": [f"{name}-{region}-{number}" for number in range(groups)],
            "security_groups": [f"sg-{place:08x}{number:09x}" for number in range(targets)],
            "prefix_lists": [f"pl-{place:08x}{number:09x}" for number in range(prefix_lists)],
        }
        values = {"region": region} | keys | lists
        parts.append("[[member]]\n" + "\n".join(f"{key}={json.dumps(value)}" for key, value in values.items()))
    return "\n".join(parts)


def render(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "mesh.toml").write_text(text)
    command = [SGSYNC, "render", "--account", ACCOUNT, "--output", "json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def said(folder: Path, text: str) -> dict[str, dict[str, int]]:
    """The sizes that `render` gives, by environment and resource."""
    done = render(folder, text)
    assert done.returncode == 0, done.stdout + done.stderr
    sizes: dict[str, dict[str, int]] = {}
    for one in json.loads(done.stdout)["sizes"]:
        assert one["allowed"] == ALLOWED[one["resource"]]
        sizes.setdefault(one["environment"], {})[one["resource"]] = one["characters"]
    return sizes


def real(folder: Path, region: str) -> dict[str, int]:
    """The sizes of what the stack of the rendered parameters sends to IAM and EventBridge."""
    config = tomllib.loads((folder / "samconfig.toml").read_text())
    given = config[region]["deploy"]["parameters"]["parameter_overrides"]
    parameters = {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items()}
    parameters |= {"AWS::Region": region, "AWS::Partition": given["TableArns"][0].split(":")[1]}
    resources = transformed(**parameters)
    documents = documents_of(resources, "LifecycleRole", region)
    managed = {name: _characters(documents.pop(name)) for name in ("RulesPolicy", "RowsPolicy")}
    # Without groups a pattern is short, and `render` does not count it.
    without = [] if parameters["AutoScalingGroups"] else ["HookRule", "MembershipRule"]
    without += [] if parameters["SecurityGroups"] else ["TamperRule"]
    patterns = {name: _characters(resources[name]["Properties"]["EventPattern"]) for name in PATTERNS}
    return managed | {"LifecycleRole": sum(map(_characters, documents.values()))} | patterns | dict.fromkeys(without, 0)


def _characters(policy: Any) -> int:
    return len("".join(json.dumps(policy).split()))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(document(2), id="two-members"),
        pytest.param(document(1, groups=0), id="targets-only"),
        pytest.param(document(2, prefix_lists=2), id="groups-and-lists"),
        pytest.param(document(2, targets=0, prefix_lists=1), id="lists-only"),
        pytest.param(document(3, groups=4, targets=1, table="rows-in-{region}"), id="several-groups"),
        pytest.param(document(2, name="x" * 48, role_arn=f"arn:aws:iam::{ACCOUNT}:role/r-{{region}}"), id="roles"),
        pytest.param(document(2).replace("us-east-", "cn-north-"), id="china"),
    ],
)
def test_render_counts_as_aws_does(tmp_path: Path, text: str) -> None:
    """To the character, in the first and the last region."""
    sizes = said(tmp_path, text)
    for region in (list(sizes)[0], list(sizes)[-1]):
        assert sizes[region] == real(tmp_path, region), region


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(document(15, targets=2), id="15x2"),
        pytest.param(document(15, targets=1, name="x" * 48), id="15x1-longest-name"),
        pytest.param(document(10, targets=4), id="10x4"),
    ],
)
def test_what_the_template_promises_fits(tmp_path: Path, text: str) -> None:
    """About fifteen members: more than one policy for rules and rows together could hold."""
    for one in said(tmp_path, text).values():
        assert one["RulesPolicy"] + one["RowsPolicy"] > 6000
        assert all(one[resource] <= allowed for resource, allowed in ALLOWED.items())


def test_more_security_groups_than_an_event_pattern_holds_are_refused(tmp_path: Path) -> None:
    """Thirty fit; EventBridge would refuse the rule only when the stack is launched."""
    assert said(tmp_path, document(1, targets=30))["us-east-1"]["TamperRule"] <= 2048
    done = render(tmp_path, document(1, targets=33))
    assert done.returncode == 1
    assert "the stack's TamperRule in us-east-1 would have an event pattern of " in done.stdout + done.stderr
    assert "characters; EventBridge allows 2048: use fewer" in done.stdout + done.stderr
