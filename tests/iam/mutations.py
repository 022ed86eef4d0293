"""Every way to drop a piece of a policy, and every way to widen one that the proof has to notice."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from expanded import as_list
from policies import Document, Policies

Mutant = tuple[str, Policies]


def _with(policies: Policies, name: str, index: int, statement: Document | None) -> Policies:
    """The same policies with one statement exchanged, or left out."""
    document = copy.deepcopy(policies[name])
    document["Statement"] = as_list(document["Statement"])
    document["Statement"][index : index + 1] = [statement] if statement else []
    others = {other: kept for other, kept in policies.items() if other != name}
    return others | ({name: document} if document["Statement"] else {})


def _statements(policies: Policies) -> Iterator[tuple[str, str, int, Document]]:
    for name, document in policies.items():
        for index, statement in enumerate(as_list(document["Statement"])):
            yield f"{name}.{statement.get('Sid', index)}", name, index, statement


def dropped(policies: Policies) -> Iterator[Mutant]:
    """Each statement left out; each of several actions or resources left out of its statement."""
    for where, name, index, statement in _statements(policies):
        yield f"{where} dropped", _with(policies, name, index, None)
        for key in ("Action", "Resource"):
            values = as_list(statement[key])
            for value in values if len(values) > 1 else []:
                rest = [other for other in values if other != value]
                yield f"{where} without {value}", _with(policies, name, index, statement | {key: rest})


def widened(policies: Policies) -> Iterator[Mutant]:
    """Each statement with all actions of its service, with all resources, and without each of its conditions."""
    for where, name, index, statement in _statements(policies):
        services = sorted({action.split(":")[0] for action in as_list(statement["Action"])})
        # A condition on ec2:CreateAction holds in ec2:CreateTags only: further actions would not allow a single call.
        for service in services if "ec2:CreateAction" not in str(statement.get("Condition")) else []:
            wide = statement | {"Action": f"{service}:*"}
            yield f"{where} with {service}:*", _with(policies, name, index, wide)
        if statement["Resource"] != "*":
            yield f"{where} on *", _with(policies, name, index, statement | {"Resource": "*"})
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                rest = {other: value for other, value in keys.items() if other != key}
                conditions = {o: k for o, k in statement["Condition"].items() if o != operator}
                conditions |= {operator: rest} if rest else {}
                changed = {k: v for k, v in statement.items() if k != "Condition"}
                changed |= {"Condition": conditions} if conditions else {}
                yield f"{where} without {operator} {key}", _with(policies, name, index, changed)
