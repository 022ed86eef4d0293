"""sam/peer-role.yaml: who may come in. What they may do then is tests/iam's business."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from expanded import as_list, peer_role, transformed

#: As `sgsync render` fills them in.
PARAMETERS = {
    "MeshName": "orders-db",
    "RolePath": "/sgsync/orders-db/",
    "RoleName": "from-elsewhere",
    "CallerAccounts": "111122223333,444455556666",
    "ExternalId": "",
    "OperatorArns": "",
    "SecurityGroupArns": "arn:aws:ec2:us-west-2:210987654321:security-group/sg-1",
    "PrefixListArns": "",
    "TableArn": "arn:aws:dynamodb:us-west-2:210987654321:table/sgsync-orders-db",
    "Writers": "us-east-1,eu-west-1",
    "AWS::Region": "us-west-2",
    "AWS::AccountId": "210987654321",
    "AWS::Partition": "aws",
}
FUNCTIONS = "arn:aws:iam::*:role/sgsync/orders-db/*"


def present(value: Any) -> Any:
    """Without what CloudFormation leaves out."""
    nothing = {"Ref": "AWS::NoValue"}
    if isinstance(value, dict):
        return {key: present(one) for key, one in value.items() if one != nothing}
    return [present(one) for one in value if one != nothing] if isinstance(value, list) else value


def trust(**parameters: str) -> list[dict[str, Any]]:
    """The statements of the trust policy."""
    role = peer_role(**PARAMETERS | parameters)["Role"]["Properties"]
    statements: list[dict[str, Any]] = present(role["AssumeRolePolicyDocument"]["Statement"])
    return statements


def test_the_other_accounts_functions_come_in_and_nobody_else() -> None:
    (statement,) = trust()
    assert statement["Principal"] == {"AWS": ["111122223333", "444455556666"]}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"ArnLike": {"aws:PrincipalArn": FUNCTIONS}}


def test_the_functions_roles_have_the_path_that_is_trusted() -> None:
    """Both sides of the same name: template.yaml gives it, peer-role.yaml asks for it."""
    roles = transformed(MeshName="orders-db")
    for name in ("LifecycleRole", "TrueupRole"):
        path = roles[name]["Properties"]["Path"]
        assert f"arn:aws:iam::*:role{path}*" == FUNCTIONS


def test_an_external_id_is_asked_of_everybody() -> None:
    statements = trust(ExternalId="our-mesh", OperatorArns="arn:aws:iam::111122223333:role/ops")
    assert len(statements) == 2
    for statement in statements:
        assert statement["Condition"]["StringEquals"] == {"sts:ExternalId": "our-mesh"}


def test_operators_come_in_if_they_are_named() -> None:
    arns = "arn:aws:iam::111122223333:role/ops,arn:aws:iam::444455556666:user/ann"
    functions, operators = trust(OperatorArns=arns)
    assert functions["Condition"] == {"ArnLike": {"aws:PrincipalArn": FUNCTIONS}}
    assert operators["Condition"] == {"ArnLike": {"aws:PrincipalArn": arns.split(",")}}
    assert operators["Principal"] == functions["Principal"]


def _allowed(**parameters: str) -> dict[str, dict[str, Any]]:
    role = present(peer_role(**PARAMETERS | parameters)["Role"]["Properties"])
    return {one["Sid"]: one for one in role["Policies"][0]["PolicyDocument"]["Statement"]}


def test_operators_look_and_change_nothing_more_than_functions_do() -> None:
    with_them, without = _allowed(OperatorArns="arn:aws:iam::111122223333:role/ops"), _allowed()
    more = {sid: with_them[sid] for sid in with_them.keys() - without.keys()}
    assert more.keys() == {"OperatorsLook", "OperatorsLookAtTheStack"}
    actions = [action.split(":")[1] for one in more.values() for action in one["Action"]]
    assert all(action.startswith(("Describe", "Get", "Filter")) for action in actions), actions
    assert more["OperatorsLook"]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-west-2"}}
    assert all(":sgsync-" in arn or "/sgsync-" in arn for arn in more["OperatorsLookAtTheStack"]["Resource"])


def test_the_command_line_calls_nothing_to_look_that_operators_may_not() -> None:
    """By the table of calls in docs/cli.md, which the emulated tests record."""
    table = (Path(__file__).parents[2] / "docs/cli.md").read_text()
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    calls = {name.strip(" `"): set(re.findall(r"`(\w+:\w+)`", called)) for name, called in rows}
    looking = set().union(*(calls[name] for name in ("check --online", "plan", "status", "explain", "report", "history")))
    statements = _allowed(OperatorArns="arn:aws:iam::111122223333:role/ops").values()
    allowed = {action for one in statements for action in as_list(one["Action"])}
    assert looking and looking <= allowed, looking - allowed


@pytest.mark.parametrize("lists", ["", "arn:aws:ec2:us-west-2:210987654321:prefix-list/pl-1"], ids=["none", "lists"])
def test_prefix_lists_are_changed_where_there_are_some(lists: str) -> None:
    allowed = _allowed(PrefixListArns=lists)
    assert ("ChangeLists" in allowed) == ("DescribeLists" in allowed) == bool(lists)
    if lists:
        assert allowed["ChangeLists"]["Resource"] == [lists]


@pytest.mark.parametrize("groups", ["", PARAMETERS["SecurityGroupArns"]], ids=["sources-only", "targets"])
def test_a_member_without_targets_lets_nobody_change_rules(groups: str) -> None:
    role = present(peer_role(**PARAMETERS | {"SecurityGroupArns": groups})["Role"]["Properties"])
    said = {one["Sid"] for one in role["Policies"][0]["PolicyDocument"]["Statement"]}
    rules = {"ChangeRules", "NewRules", "TagNewRules"}
    assert said & rules == (rules if groups else set())
    assert said - rules == {"ReadRules", "ReadRows", "WriteTheCallersRows"}
