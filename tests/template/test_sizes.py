"""What `sgsync render` says about the policies' sizes, against the policies of the transformed template: IAM refuses what is
too long only when the stack is launched."""

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
ALLOWED = {"RulesPolicy": 6144, "RowsPolicy": 6144, "LifecycleRole": 10240}


def document(members: int, groups: int = 1, targets: int = 2, name: str = "orders-db", **more: str) -> str:
    """A mesh of so many members, each with so many Auto Scaling groups and security groups."""
    parts = [f'name = "{name}"', '[[allow]]\nprotocol = "tcp"\nports = "7000"']
    for place, region in enumerate(REGIONS[:members]):
        keys = {key: value.format(region=region) for key, value in more.items()}
        lists = {
            "auto_scaling_groups": [f"{name}-{region}-{number}" for number in range(groups)],
            "security_groups": [f"sg-{place:08x}{number:09x}" for number in range(targets)],
        }
        values = {"region": region} | keys | lists
        parts.append("[[member]]\n" + "\n".join(f"{key}={json.dumps(value)}" for key, value in values.items()))
    return "\n".join(parts)


def render(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "mesh.toml").write_text(text)
    command = [SGSYNC, "render", "--account", ACCOUNT, "--output", "json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def said(folder: Path, text: str) -> dict[str, dict[str, int]]:
    """The sizes that `render` gives, by environment and policy."""
    done = render(folder, text)
    assert done.returncode == 0, done.stdout + done.stderr
    sizes: dict[str, dict[str, int]] = {}
    for one in json.loads(done.stdout)["policies"]:
        assert one["allowed"] == ALLOWED[one["policy"]]
        sizes.setdefault(one["environment"], {})[one["policy"]] = one["characters"]
    return sizes


def real(folder: Path, region: str) -> dict[str, int]:
    """The sizes of what the stack of the rendered parameters sends to IAM."""
    config = tomllib.loads((folder / "samconfig.toml").read_text())
    given = config[region]["deploy"]["parameters"]["parameter_overrides"]
    parameters = {name: value if isinstance(value, str) else ",".join(value) for name, value in given.items()}
    parameters |= {"AWS::Region": region, "AWS::Partition": given["TableArns"][0].split(":")[1]}
    documents = documents_of(transformed(**parameters), "LifecycleRole", region)
    managed = {name: _characters(documents.pop(name)) for name in ("RulesPolicy", "RowsPolicy")}
    return managed | {"LifecycleRole": sum(map(_characters, documents.values()))}


def _characters(policy: Any) -> int:
    return len("".join(json.dumps(policy).split()))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(document(2), id="two-members"),
        pytest.param(document(1, groups=0), id="targets-only"),
        pytest.param(document(3, groups=4, targets=1, table="rows-in-{region}"), id="several-groups"),
        pytest.param(document(2, name="x" * 48, role_arn=f"arn:aws:iam::{ACCOUNT}:role/r-{{region}}"), id="roles"),
        pytest.param(document(2).replace("us-east-", "cn-north-"), id="china"),
    ],
)
def test_render_counts_as_iam_does(tmp_path: Path, text: str) -> None:
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
        assert all(one[policy] <= allowed for policy, allowed in ALLOWED.items())
