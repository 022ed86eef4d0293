"""The CloudFormation example: the linters' opinion, and that it is the set-up that it says it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ROOT / "examples" / "cloudformation" / "groups.yaml"
CHECKOV = Path(os.environ.get("CHECKOV", ROOT / ".venv" / "checkov" / "bin" / "checkov"))


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)


def test_linters_have_nothing_to_say() -> None:
    done = run(Path(sys.executable).parent / "cfn-lint", GROUPS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert CHECKOV.exists(), "run `make examples`, or name another one in CHECKOV"
    done = run(CHECKOV, "--framework", "cloudformation", "--file", GROUPS, "--skip-download", "--quiet", "--compact")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_meshs_group_is_its_own() -> None:
    """No inbound rule of the template's, kept when the stack goes, and on the instances beside the people's group."""
    resources = yaml_parse(GROUPS.read_text())["Resources"]
    group = resources["MeshGroup"]
    assert "SecurityGroupIngress" not in group["Properties"]
    assert group["DeletionPolicy"] == group["UpdateReplacePolicy"] == "Retain"
    assert not any(resource["Type"] == "AWS::EC2::SecurityGroupIngress" for resource in resources.values())
    attached = resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["SecurityGroupIds"]
    assert attached == [{"Ref": "MeshGroup"}, {"Ref": "PeopleGroup"}]


def test_the_outputs_are_what_a_mesh_document_takes() -> None:
    outputs = yaml_parse(GROUPS.read_text())["Outputs"]
    assert outputs["AutoScalingGroup"]["Value"] == {"Ref": "AutoScalingGroup"}
    assert outputs["SecurityGroup"]["Value"] == {"Fn::GetAtt": ["MeshGroup", "GroupId"]}
