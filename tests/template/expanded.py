"""sam/template.yaml as AWS sees it: after Fn::ForEach and SAM, with parameters, conditions and ARNs filled in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

SAM = Path(__file__).parents[2] / "sam"
TEMPLATE = SAM / "template.yaml"
PEER_ROLE = SAM / "peer-role.yaml"
ACCOUNT = "123456789012"
GROUPS = ["orders-web", "orders-batch"]
#: A mesh of two regions, as its stack in the first one is told.
PARAMETERS = {
    "MeshName": "orders-db",
    "Mesh": 'name = "orders-db"',
    "Regions": "us-east-1,us-west-2",
    "SecurityGroupArns": f"arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-1,"
    f"arn:aws:ec2:us-west-2:{ACCOUNT}:security-group/sg-2",
    "PrefixListArns": f"arn:aws:ec2:us-west-2:{ACCOUNT}:prefix-list/pl-1",
    "TableArns": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/sgsync-orders-db,"
    f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/sgsync-orders-db",
    "AutoScalingGroups": ",".join(GROUPS),
    "AutoScalingGroupArns": ",".join(
        f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{group}" for group in GROUPS
    ),
    "SecurityGroups": "sg-1",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
}

Resources = dict[str, dict[str, Any]]


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def expanded(**overrides: str) -> dict[str, Any]:
    """The template after AWS::LanguageExtensions and before SAM, as AWS checks it in between."""
    template = yaml_parse(TEMPLATE.read_text())
    found: dict[str, Any] = expand_language_extensions(
        template, _parameters(template, overrides), enabled=True
    ).expanded_template
    return found


def peer_role(**parameters: str) -> Resources:
    """The resources of sam/peer-role.yaml with these parameters."""
    # The transform is for this reader alone: it resolves references and conditions.
    template = yaml_parse(PEER_ROLE.read_text()) | {"Transform": "AWS::LanguageExtensions"}
    expansion = expand_language_extensions(template, parameters, enabled=True)
    resources: Resources = expansion.expanded_template["Resources"]
    return resources


def _parameters(template: dict[str, Any], overrides: dict[str, str]) -> dict[str, str]:
    defaults = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    return defaults | PARAMETERS | overrides


def transformed(**overrides: str) -> Resources:
    """Every resource that the stack makes; a false condition takes its resource away."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    between = expanded(**overrides)
    for resource in between["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # what `sam deploy` makes of the folder
    parameters = _parameters(yaml_parse(TEMPLATE.read_text()), overrides)
    resources: Resources = transform(between, {}, _NoManagedPolicies())["Resources"]
    false = {name for name, holds in _conditions(parameters).items() if not holds}
    return {name: one for name, one in resources.items() if one.get("Condition") not in false}


def _conditions(parameters: dict[str, str]) -> dict[str, bool]:
    """What the template's conditions on resources come to, in Python's words."""
    return {
        "HooksWanted": parameters["CreateLifecycleHooks"] == "true" and parameters["AutoScalingGroups"] != "",
        "MailWanted": parameters["AlarmEmail"] != "",
        "PeersBehindRoles": parameters["PeerRoleArns"] != "",
    }


def of_type(resources: Resources, resource_type: str) -> Resources:
    """The properties of every resource of a type."""
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == resource_type}


def as_list(value: Any) -> list[Any]:
    """IAM takes one value where it takes a list of one."""
    return value if isinstance(value, list) else [value]


def documents(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every IAM policy of the stack, inline or not: (where it is, document)."""
    for name, resource in resources.items():
        if resource["Type"].startswith("AWS::IAM::"):
            properties = resource["Properties"]
            for policy in properties.get("Policies", [properties]):
                yield f"{name}.{policy.get('PolicyName', '')}", policy["PolicyDocument"]


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every IAM statement of the stack: (where it is, statement)."""
    for where, document in documents(resources):
        for statement in document["Statement"]:
            yield f"{where}.{statement.get('Sid', '')}", statement


def documents_of(resources: Resources, role: str, region: str) -> dict[str, dict[str, Any]]:
    """The policies of one role, wherever they are written, with ARNs instead of references."""
    properties = resources[role]["Properties"]
    found = {f"{role}.{one['PolicyName']}": one["PolicyDocument"] for one in properties.get("Policies", [])}
    for arn in properties.get("ManagedPolicyArns", []):
        found[arn["Ref"]] = resources[arn["Ref"]]["Properties"]["PolicyDocument"]
    for name, policy in of_type(resources, "AWS::IAM::Policy").items():
        if {"Ref": role} in policy["Roles"]:
            found[name] = policy["PolicyDocument"]
    return {name: _with_arns(document, resources, region) for name, document in found.items()}


def _with_arns(value: Any, resources: Resources, region: str) -> Any:
    if isinstance(value, list):
        return [_with_arns(one, resources, region) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::GetAtt"]:
        return _arn(value["Fn::GetAtt"][0], resources, region)
    return {key: _with_arns(one, resources, region) for key, one in value.items()}


def _arn(name: str, resources: Resources, region: str) -> str:
    properties = resources[name]["Properties"]
    partition = "aws-cn" if region.startswith("cn-") else "aws"
    match resources[name]["Type"]:
        case "AWS::SQS::Queue":
            service, rest = "sqs", properties["QueueName"]
        case "AWS::Logs::LogGroup":
            service, rest = "logs", f"log-group:{properties['LogGroupName']}:*"
        case "AWS::Lambda::Function":
            service, rest = "lambda", f"function:{properties['FunctionName']}"
        case other:
            raise NotImplementedError(f"the ARN of a {other}")
    return f"arn:{partition}:{service}:{region}:{ACCOUNT}:{rest}"

