"""The calls of an undisturbed run of each scenario, in a mesh of two members, seen from us-east-1.

Calls to the two regions run side by side, so the numbers are only names; what identifies a call is its action, its
region and the how-manieth of that kind it is. Within a region the order is the run's own: the matrix plays each
scenario undisturbed and compares, so no call of a run can be missing here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from product import EAST, WEST


class Scenario(StrEnum):
    """What a run is for."""

    LAUNCH = "launch"
    TERMINATE = "terminate"
    #: By hand, with an add and a removal due in both regions.
    TRUE_UP = "true-up"


class Role(StrEnum):
    """What a call is for; by it docs/semantics.md says what its failure means."""

    RULES = "the look's rules"
    ROWS = "the look's rows"
    OBSERVATION = "the observation"
    ROW = "the own row"
    CHANGE = "a change of rules"
    ANSWER = "the hook's answer"
    LATER_RULES = "the fresh look's rules"
    LATER_ROWS = "the fresh look's rows"


class Spot(NamedTuple):
    """One call of a run."""

    number: int
    service: str
    action: str
    region: str
    #: The how-manieth of this action in this region.
    occurrence: int
    role: Role

    def __str__(self) -> str:
        again = f"#{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.number:02}-{self.service}:{self.action}@{self.region}{again}"


_RULES = ("ec2", "DescribeSecurityGroupRules", Role.RULES)
_ROWS = ("dynamodb", "BatchGetItem", Role.ROWS)
_GROUPS = ("autoscaling", "DescribeAutoScalingGroups", Role.OBSERVATION)
_INSTANCES = ("ec2", "DescribeInstances", Role.OBSERVATION)
_ROW = ("dynamodb", "PutItem", Role.ROW)
_AUTHORIZE = ("ec2", "AuthorizeSecurityGroupIngress", Role.CHANGE)
_REVOKE = ("ec2", "RevokeSecurityGroupIngress", Role.CHANGE)
_ANSWER = ("autoscaling", "CompleteLifecycleAction", Role.ANSWER)
_LATER_RULES = ("ec2", "DescribeSecurityGroupRules", Role.LATER_RULES)
_LATER_ROWS = ("dynamodb", "BatchGetItem", Role.LATER_ROWS)

_OBSERVED = [(_RULES, EAST), (_RULES, WEST), (_ROWS, EAST), (_ROWS, WEST), (_GROUPS, EAST), (_INSTANCES, EAST)]
_TOLD = [(_ROW, EAST), (_ROW, WEST)]
_LOOKED = [(_LATER_RULES, EAST), (_LATER_RULES, WEST), (_LATER_ROWS, EAST), (_LATER_ROWS, WEST)]
_ADDED = [(_AUTHORIZE, EAST), (_AUTHORIZE, WEST)]
_REVOKED = [(_REVOKE, EAST), (_REVOKE, WEST)]


def _numbered(calls: list[tuple[tuple[str, str, Role], str]]) -> list[Spot]:
    spots: list[Spot] = []
    for number, ((service, action, role), region) in enumerate(calls, start=1):
        before = sum((spot.action, spot.region) == (action, region) for spot in spots)
        spots.append(Spot(number, service, action, region, before + 1, role))
    return spots


SPOTS: dict[Scenario, list[Spot]] = {
    Scenario.LAUNCH: _numbered([*_OBSERVED, *_TOLD, *_ADDED, (_ANSWER, EAST), *_LOOKED]),
    Scenario.TERMINATE: _numbered([*_OBSERVED, *_TOLD, *_REVOKED, (_ANSWER, EAST), *_LOOKED]),
    Scenario.TRUE_UP: _numbered([*_OBSERVED, *_TOLD, *_ADDED, *_REVOKED, *_LOOKED]),
}
