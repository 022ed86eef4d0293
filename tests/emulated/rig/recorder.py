"""Writes down what IAM would be asked for every call that a function makes: action, resource and condition keys.

The proxy hands every call in; those of the tests themselves and of the command line are left out. A function is known
by its session token, which the rig sets to the function's name. What differs from run to run (the mesh's name, ids) is
replaced by placeholders, so that the list of one run is the list of every run; tests/iam judges it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from .faults import Call
from .names import ACCOUNT

#: What a function of the stack, or of a test, may be called at its end.
_ROLES = {"hooks": "lifecycle", "lifecycle": "lifecycle", "trueup": "trueup"}
#: What IAM knows no resource for, so that a policy can say `*` only.
_ANY = "*"

_Question = tuple[str, str, dict[str, Any]]  # action, resource, condition keys


class Recorder:
    """Every distinct question to IAM, as one line of JSON each."""

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._names: dict[str, str] = {}
        self._left_out: set[str] = set()
        self._lock = threading.Lock()

    def call_it(self, names: dict[str, str]) -> None:
        """Placeholders for names and ids, exact matches only."""
        with self._lock:
            self._names |= names

    def leave_out(self, mesh: str) -> None:
        """A mesh whose stacks are not those that tests/iam judges: their functions carry its name."""
        with self._lock:
            self._left_out.add(mesh)

    def note(self, call: Call, token: str, body: bytes) -> None:
        """One call, on behalf of the function with this session token."""
        role = _ROLES.get(token.rsplit("-", 1)[-1])
        if role is None or any(mesh in token for mesh in self._left_out):
            return
        for action, resource, context in self._questions(call, body):
            home = call.caller.split("/")[0]  # a caller of a test's own is REGION/NAME
            asked = {"function": role, "home": home, "action": action, "resource": resource}
            asked["context"] = {"aws:RequestedRegion": call.region} | context
            with self._lock:
                self._lines.add(json.dumps(asked))

    def lines(self) -> list[str]:
        """What was asked so far, sorted."""
        with self._lock:
            return sorted(self._lines)

    def write(self, path: Path) -> None:
        """One line per question."""
        path.write_text("".join(f"{line}\n" for line in self.lines()))

    def _questions(self, call: Call, body: bytes) -> Iterator[_Question]:
        action = f"{call.service}:{call.action}"
        if call.service == "dynamodb":
            return self._dynamodb(action, call.region, json.loads(body))
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if call.action.startswith("Describe"):
            return iter([(action, _ANY, {})])
        if call.service == "ec2":
            return self._ec2(action, call, form)
        if call.service == "autoscaling":
            group = self._name(form.get("AutoScalingGroupName", "?"))
            arn = f"arn:aws:autoscaling:{call.region}:{ACCOUNT}:autoScalingGroup:uuid:autoScalingGroupName/{group}"
            return iter([(action, arn, {})])
        return iter([(action, form.get("RoleArn", "?"), {})])  # sts

    def _ec2(self, action: str, call: Call, form: dict[str, str]) -> Iterator[_Question]:
        place = f"arn:aws:ec2:{call.region}:{ACCOUNT}"
        if "PrefixListId" in form:
            yield action, f"{place}:prefix-list/{self._name(form['PrefixListId'])}", {}
            return
        yield action, f"{place}:security-group/{self._name(form.get('GroupId', '?'))}", {}
        if call.action != "AuthorizeSecurityGroupIngress":
            return
        # A rule that is made is a resource of the call as well, and its tags are a call of their own.
        yield action, f"{place}:security-group-rule/<new>", {}
        tags = self._tags(form)
        if tags:
            context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
            context |= {"aws:TagKeys": sorted(tags), "ec2:CreateAction": call.action}
            yield "ec2:CreateTags", f"{place}:security-group-rule/<new>", context

    def _tags(self, form: dict[str, str]) -> dict[str, str]:
        prefix = "TagSpecification.1.Tag."
        keys = [name for name in form if name.startswith(prefix) and name.endswith(".Key")]
        values = {form[name]: form.get(name.removesuffix("Key") + "Value", "") for name in keys}
        return {key: self._name(value) for key, value in sorted(values.items())}

    def _dynamodb(self, action: str, region: str, request: dict[str, Any]) -> Iterator[_Question]:
        asked = request.get("RequestItems") or {request.get("TableName", "?"): {"Keys": [request.get("Item", {})]}}
        for table, part in asked.items():
            arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{self._name(table)}"
            members = sorted({key.get("member", {}).get("S", "?") for key in part["Keys"]})
            yield action, arn, {"dynamodb:LeadingKeys": members}

    def _name(self, name: str) -> str:
        with self._lock:
            return self._names.get(name, name)
