"""The rig's moto, for meshes of 900 instances: with the quota that they need, and without writing everything anew.

moto takes some 4 ms of processor time to write an instance down, and 1 ms for a rule. With 50 in service that would be
most of what is measured, and with 900 no call would be answered before a client gives up. So what was written once is
kept for as long as the thing looks the same. The text is moto's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.security_groups import SecurityGroups
from rig import moto_fixes, moto_server

#: What AWS grants a group at most: the product of rules and groups of an interface is limited to it.
QUOTA = 1000
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15"

#: What was written, by what it was written from.
_written: dict[Any, str] = {}


def _write(response: Any, key: Any, name: str, things: list[Any], place: str) -> str:
    """The inside of a list of things, as moto writes it."""
    if key not in _written:
        _, _, body = response.serialized(ActionResult({name: things}))
        text = body.decode() if isinstance(body, bytes) else str(body)
        found = re.search(rf"<{place}>(.*)</{place}>", text, re.DOTALL)
        assert found is not None, text
        _written[key] = found[1]
    return _written[key]


def _answer(action: str, place: str, items: Iterable[str]) -> str:
    inside = f"<{place}>{''.join(items)}</{place}><requestId>request-id</requestId>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{action}Response xmlns="{_NAMESPACE}">{inside}</{action}Response>'


def _instances(slow: Callable[[InstanceResponse], Any]) -> Callable[[InstanceResponse], Any]:
    """DescribeInstances by id or by a filter of ids; each instance comes in a reservation of its own."""

    def describe(response: InstanceResponse) -> Any:
        filters, ids = response._filters_from_querystring(), response._get_param("InstanceIds", [])
        wanted = set(ids or filters.get("instance-id", []))
        shown = {
            instance.id: (reservation, instance)
            for reservation in response.ec2_backend.reservations.values()
            for instance in reservation.instances
            if instance.id in wanted
        }
        by_id = set(filters) == ({"instance-id"} if not ids else set())
        if not by_id or (ids and set(shown) != wanted) or len(shown) > QUOTA:
            return slow(response)
        return _answer("DescribeInstances", "reservationSet", (_instance(response, *one) for one in shown.values()))

    return describe


def _instance(response: InstanceResponse, reservation: Any, instance: Any) -> str:
    address = instance.public_ip if instance.nics else None
    key = (instance.id, instance._state.name, address, _tags(response, instance.id))
    return _write(response, key, "Reservations", [_Alone(reservation, instance)], "reservationSet")


class _Alone:
    """A reservation that shows one of its instances."""

    def __init__(self, reservation: Any, instance: Any) -> None:
        self._reservation = reservation
        self.instances = [instance]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reservation, name)


def _rules(slow: Callable[[SecurityGroups], Any]) -> Callable[[SecurityGroups], Any]:
    """DescribeSecurityGroupRules, page by page as the rig does it."""

    def describe(response: SecurityGroups) -> Any:
        page = slow(response).result
        if "NextToken" in page:
            return ActionResult(page)
        rules = (_rule(response, rule) for rule in page["SecurityGroupRules"])
        return _answer("DescribeSecurityGroupRules", "securityGroupRuleSet", rules)

    return describe


def _rule(response: SecurityGroups, rule: Any) -> str:
    key = (rule.id, _tags(response, rule.id))
    return _write(response, key, "SecurityGroupRules", [rule], "securityGroupRuleSet")


def _tags(response: Any, thing: str) -> tuple[tuple[str, str], ...]:
    """What `get_tags` says, which looks through every tag of the region for it."""
    return tuple(sorted(response.ec2_backend.tags.get(thing, {}).items()))


def install() -> None:
    """Once the rig's own changes are made, which it makes first."""
    moto_fixes.RULES_PER_GROUP = QUOTA
    InstanceResponse.describe_instances = _instances(InstanceResponse.describe_instances)
    SecurityGroups.describe_security_group_rules = _rules(SecurityGroups.describe_security_group_rules)


if __name__ == "__main__":
    fix = moto_fixes.install

    def fix_and_install(*arguments: Any) -> None:
        """The rig's changes, then these."""
        fix(*arguments)
        install()

    moto_fixes.install = fix_and_install
    moto_server.main()
