"""Every name that sam/template.yaml relies on exists when AWS looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from expanded import GROUPS, as_list, expanded

#: What AWS knows without being told.
PSEUDO = {"AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::NoValue", "AWS::StackName", "AWS::URLSuffix"}


def references(value: Any) -> Iterator[str]:
    """Every name that a part of a template relies on: Ref, GetAtt, Sub and DependsOn. (SAM CLI's expansion leaves a text
    where some names of a Sub are known and others are not.)"""
    if isinstance(value, str):
        yield from (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", value))
    elif isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner.split(".")[0] if isinstance(inner, str) else inner[0]
            elif key == "Fn::Sub":
                text, variables = inner if isinstance(inner, list) else (inner, {})
                yield from (name for name in references(text) if name not in variables)
                yield from references(variables)
            elif key == "DependsOn":
                yield from as_list(inner)
            elif key != "Metadata":
                yield from references(inner)


@pytest.mark.parametrize("groups", [",".join(GROUPS), ""], ids=["groups", "no groups"])
def test_every_name_resolves_before_sam_makes_resources_of_its_own(groups: str) -> None:
    """AWS::LanguageExtensions checks the template when it has expanded the loops (serverless-application-model#2778): what
    only SAM will make does not exist yet."""
    between = expanded(AutoScalingGroups=groups)
    assert not any(name.startswith("Fn::ForEach") for name in between["Resources"])
    known = set(between["Resources"]) | set(between["Parameters"]) | PSEUDO
    relied_on = set(references({key: between[key] for key in ("Globals", "Resources", "Conditions", "Outputs")}))
    assert relied_on - known == set()
    assert {"Events", "EventsMapping", "LifecycleRole", "Mesh"} <= relied_on, "the test looks at nothing"
