"""sam/peer-role.yaml: who may come in. What they may do then is tests/iam's business."""

from __future__ import annotations

from typing import Any

import pytest

from expanded import peer_role, transformed

#: As `sgsync render` fills them in.
PARAMETERS = {
    "MeshName": "orders-db",
    "RolePath": "/sgsync/orders-db/",
    "RoleName": "from-elsewhere",
    "CallerAccounts": "111122223333,444455556666",
    "ExternalId": "",
    "OperatorArns": "",
    "SecurityGroupArns": "arn:aws:ec2:us-west-2:210987654321:security-group/sg-1",
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


@pytest.mark.parametrize("groups", ["", PARAMETERS["SecurityGroupArns"]], ids=["sources-only", "targets"])
def test_a_member_without_targets_lets_nobody_change_rules(groups: str) -> None:
    role = present(peer_role(**PARAMETERS | {"SecurityGroupArns": groups})["Role"]["Properties"])
    said = {one["Sid"] for one in role["Policies"][0]["PolicyDocument"]["Statement"]}
    rules = {"ChangeRules", "NewRules", "TagNewRules"}
    assert said & rules == (rules if groups else set())
    assert said - rules == {"ReadRules", "ReadRows", "WriteTheCallersRows"}
