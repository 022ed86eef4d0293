"""What must hold after every step of every case, whatever went wrong in it: nothing foreign is touched, and nothing is
opened or closed that the mesh does not ask for. Both what is there and what was asked for are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from rig import Request

from .mesh import Mesh, Permission, permission_of

_READING = ("Describe", "BatchGet")
_RANGE = re.compile(r"IpPermissions\.(\d+)\.(?:IpRanges|Ipv6Ranges)\.\d+\.CidrIp(?:v6)?$")


class Watch:
    """One mesh while one case is played on it."""

    def __init__(self, mesh: Mesh) -> None:
        """From now on; what is wanted is what the groups have now."""
        self._mesh = mesh
        self._tape = mesh.tape()
        self._read = 0
        self._wanted = mesh.world.expected()
        self._rules = mesh.rules()
        self._foreign = self._others()
        #: Every rule that was ever there, by id.
        self._known = self._by_id()

    def step(self) -> None:
        """Judges what happened since the step before."""
        before, self._wanted = self._wanted, self._mesh.world.expected()
        self._rules = self._mesh.rules()
        assert self._others() == self._foreign, "rules of others are not what they were"
        requests, self._read = self._tape[self._read :], len(self._tape)
        for request in requests:
            self._judge(request, before)
        self._known |= self._by_id()

    def inexact(self) -> set[str]:
        """Regions whose group, at the last step, did not hold exactly what is wanted."""
        return {
            region
            for region, rules in self._rules.items()
            if {permission_of(rule) for rule in rules if self._mesh.owns(rule)} != self._wanted
        }

    def asked(self) -> list[Request]:
        """Every request so far."""
        return list(self._tape)

    def _others(self) -> dict[str, list[dict[str, Any]]]:
        return {
            region: [rule for rule in rules if not self._mesh.owns(rule)] for region, rules in self._rules.items()
        }

    def _by_id(self) -> dict[str, dict[str, Any]]:
        return {str(rule["SecurityGroupRuleId"]): rule for rules in self._rules.values() for rule in rules}

    # -- what was asked for -----------------------------------------------------------------------------------------

    def _judge(self, request: Request, wanted: set[Permission]) -> None:
        action = request.call.action
        if action.startswith(_READING):
            return
        judges = {
            "AuthorizeSecurityGroupIngress": self._authorize,
            "RevokeSecurityGroupIngress": self._revoke,
            "PutItem": self._put,
            "CompleteLifecycleAction": self._complete,
        }
        assert action in judges, f"{action} is nothing that a run has to call"
        judges[action](request, wanted)

    def _authorize(self, request: Request, wanted: set[Permission]) -> None:
        """Only the mesh's groups, its own tag, and what it wanted when the step began."""
        form = _form(request)
        self._is_target(request, form)
        assert _tags(form)["sgsync:mesh"] == self._mesh.world.mesh
        opened = set(_permissions(form))
        assert opened, form
        assert opened <= wanted, f"opened what nobody asked for: {opened - wanted}"
        assert not [name for name in form if "Groups" in name or "PrefixList" in name], form

    def _revoke(self, request: Request, _wanted: set[Permission]) -> None:
        """Only by id, and only own rules that nothing wanted when the step was over."""
        form = _form(request)
        self._is_target(request, form)
        assert not list(_permissions(form)), "revoked by properties"
        ids = [value for name, value in form.items() if name.startswith("SecurityGroupRuleId.")]
        assert ids, form
        for rule_id in ids:
            assert rule_id in self._known, f"revoked {rule_id}, which was there at no step"
            rule = self._known[rule_id]
            assert self._mesh.owns(rule), f"revoked a rule of others: {rule}"
            assert permission_of(rule) not in self._wanted, f"revoked what is wanted: {rule}"

    def _put(self, request: Request, _wanted: set[Permission]) -> None:
        """Only the own row (design section 4), under a condition."""
        body = json.loads(request.body)
        own = (self._mesh.member.region, self._mesh.member.group)
        assert (body["Item"]["member"]["S"], body["Item"]["asg"]["S"]) == own, body
        assert body["TableName"] == self._mesh.world.table
        assert body["ConditionExpression"]

    def _complete(self, request: Request, _wanted: set[Permission]) -> None:
        assert _form(request)["AutoScalingGroupName"] == self._mesh.member.group

    def _is_target(self, request: Request, form: dict[str, str]) -> None:
        assert form["GroupId"] == self._mesh.world.members[request.call.region].security_group, form


def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def _tags(form: dict[str, str]) -> dict[str, str]:
    keys = [name for name in form if name.startswith("TagSpecification.1.Tag.") and name.endswith(".Key")]
    return {form[name]: form[name.removesuffix("Key") + "Value"] for name in keys}


def _permissions(form: dict[str, str]) -> Iterator[Permission]:
    for name, cidr in form.items():
        if found := _RANGE.match(name):
            prefix = f"IpPermissions.{found.group(1)}."
            low, high = (int(form.get(prefix + end, -1)) for end in ("FromPort", "ToPort"))
            yield (form[prefix + "IpProtocol"], low, high, cidr)
