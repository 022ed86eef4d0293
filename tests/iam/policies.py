"""Which role may do what, according to the template; and IAM's answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from expanded import ACCOUNT, Resources, documents_of, peer_role, transformed

HERE = Path(__file__).parent
MESH = "orders-db"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
#: Where the mesh's security groups are; the first member has a second one, with a second Auto Scaling group.
TARGETS = (*REGIONS, f"{REGIONS[0]}-batch")
#: Where it has prefix lists.
LISTS = REGIONS[:2]
#: A member of another account, reached through this role.
PEER_ROLE = "arn:aws:iam::210987654321:role/sgsync-peer"
#: What a role is called here, and in the template.
ROLES = {"lifecycle": "LifecycleRole", "trueup": "TrueupRole", "schedule": "TrueupFunctionScheduleRole", "peer": "Role"}

Document = dict[str, Any]
Policies = dict[str, Document]


def target(place: str) -> str:
    """The id of one of the mesh's security groups."""
    return f"sg-{TARGETS.index(place) + 1:017x}"


def target_arn(place: str) -> str:
    """The same as IAM knows it."""
    return f"arn:aws:ec2:{place.removesuffix('-batch')}:{ACCOUNT}:security-group/{target(place)}"


def prefix_list(region: str) -> str:
    """The id of a region's prefix list."""
    return f"pl-{LISTS.index(region) + 1:017x}"


def _list_arns(regions: Iterable[str]) -> str:
    return ",".join(f"arn:aws:ec2:{region}:{ACCOUNT}:prefix-list/{prefix_list(region)}" for region in regions)


@cache
def policies(role: str, home: str) -> Policies:
    """The documents of a role of the stack in `home`, by where they are written. `peer` is who comes in there through
    the role of sam/peer-role.yaml."""
    return documents_of(_peer_role(home) if role == "peer" else _stack(home), ROLES[role], home)


@cache
def _peer_role(home: str) -> Resources:
    return peer_role(
        **{
            "MeshName": MESH,
            "RolePath": f"/sgsync/{MESH}/",
            "RoleName": f"from-{home}",
            "CallerAccounts": "210987654321",
            "ExternalId": "",
            "OperatorArns": "",
            "SecurityGroupArns": ",".join(target_arn(place) for place in TARGETS if place.startswith(home)),
            "PrefixListArns": _list_arns(region for region in LISTS if region == home),
            "TableArn": f"arn:aws:dynamodb:{home}:{ACCOUNT}:table/sgsync-{MESH}",
            "Writers": ",".join(region for region in REGIONS if region != home),
            "AWS::Region": home,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
        }
    )


@cache
def beside(role: str, member: str) -> Policies:
    """The same for a second member in the first region, which has a name of its own."""
    home = REGIONS[0]
    own = {"Member": member, "NameSuffix": f"-{member}", "Table": f"sgsync-{MESH}-{member}"}
    group = f"{MESH}-{member}"
    arn = f"arn:aws:autoscaling:{home}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{group}"
    tables = [f"arn:aws:dynamodb:{r}:{ACCOUNT}:table/sgsync-{MESH}" for r in REGIONS]
    tables.append(f"arn:aws:dynamodb:{home}:{ACCOUNT}:table/{own['Table']}")
    resources = _stack(home, AutoScalingGroups=group, AutoScalingGroupArns=arn, TableArns=",".join(tables), **own)
    return documents_of(resources, ROLES[role], home)


@cache
def _stack(home: str, **own: str) -> Resources:
    """The stack of the member that is called by its region; `own` is what another one in the region has instead."""
    groups = [f"{MESH}-{place}" for place in TARGETS if place.startswith(home)]
    return transformed(
        **{
            "MeshName": MESH,
            "Regions": ",".join(REGIONS),
            "SecurityGroupArns": ",".join(target_arn(place) for place in TARGETS),
            "PrefixListArns": _list_arns(LISTS),
            "TableArns": ",".join(f"arn:aws:dynamodb:{r}:{ACCOUNT}:table/sgsync-{MESH}" for r in REGIONS),
            "PeerRoleArns": PEER_ROLE,
            "AutoScalingGroups": ",".join(groups),
            "AutoScalingGroupArns": ",".join(
                f"arn:aws:autoscaling:{home}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{group}" for group in groups
            ),
            "SecurityGroups": ",".join(target(place) for place in TARGETS if place.startswith(home)),
            "AWS::Region": home,
        }
        | own
    )


@dataclass(frozen=True)
class Question:
    """One call, as IAM is asked about it."""

    #: Who calls: a key of `ROLES`, and the region of the stack it belongs to.
    role: str
    home: str
    action: str
    resource: str
    context: dict[str, Any] = field(hash=False)
    #: Why it must be allowed or denied.
    why: str = field(default="", hash=False)

    def __str__(self) -> str:
        keys = ", ".join(f"{key}={value}" for key, value in self.context.items())
        return f"{self.role} in {self.home}: {self.action} on {self.resource} [{keys}] {self.why}".strip()


def ask(cases: Iterable[tuple[Policies, Question]]) -> list[bool]:
    """Whether IAM allows each question under its policies. A question that IAM does not know raises."""
    named: dict[int, tuple[str, Policies]] = {}
    questions = []
    for documents, question in cases:
        name, _ = named.setdefault(id(documents), (str(len(named)), documents))
        questions.append(
            {
                "policies": name,
                "action": question.action,
                "resource": question.resource,
                "context": question.context,
                "text": str(question),
            }
        )
    request = {
        "account": ACCOUNT,
        "policies": {name: list(documents.values()) for name, documents in named.values()},
        "questions": questions,
    }
    if not (HERE / "node_modules").exists():
        raise RuntimeError("IAM's simulator is not installed: run `npm ci` in tests/iam, or `make iam`")
    done = subprocess.run(
        ["node", "evaluate.mjs"], cwd=HERE, input=json.dumps(request), capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    answers = json.loads(done.stdout)
    for question, answer in zip(questions, answers, strict=True):
        if "error" in answer:
            raise ValueError(f"{question['text']}: {answer['error']}")
        # Else a condition on a key that the action does not support would look like one that holds.
        if unsupported := set(answer["ignored"]):
            raise ValueError(f"{question['text']}: the action does not support {sorted(unsupported)}")
    return [answer["result"] == "Allowed" for answer in answers]
