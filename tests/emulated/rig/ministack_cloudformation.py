"""What ministack's CloudFormation lacks and deploying sam/template.yaml needs. `install()` adds it, in its process.

It never changes the template that is deployed: what happens here happens inside AWS for a real stack.

1. The transform AWS::LanguageExtensions (Fn::ForEach). ministack knows the SAM transform only. The expansion is SAM
   CLI's own; `sam deploy --language-extensions` uses it to find code to upload, and uploads the template as it is.
2. `Ref` of a CommaDelimitedList parameter is a list. In ministack it is the text. (The same expansion resolves it.)
3. RedrivePolicy of AWS::SQS::Queue. ministack's SQS honours it, its CloudFormation drops it, so nothing would ever
   reach a dead-letter queue.
4. DeletionPolicy Retain, and AlreadyExists for a table that was retained.
"""

import json
from contextvars import ContextVar

from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, sqs
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks
from ministack.services.cloudformation.helpers import _extract_members, _p
from samcli.lib.cfn_language_extensions.sam_integration import (
    check_using_language_extension,
    expand_language_extensions,
)

# The request being answered: ministack parses a template without its parameters, which Fn::ForEach needs.
_request: ContextVar[dict] = ContextVar("request")
_parse = engine._parse_template
_provision = stacks._provision_resource
_delete = stacks._delete_resource


def _parse_and_expand(body: str) -> dict:
    template = _parse(body)
    if not check_using_language_extension(template):
        return template
    request = _request.get(None)
    if request is None:  # GetTemplateSummary knows no parameters
        resources = {k: v for k, v in template["Resources"].items() if not k.startswith("Fn::ForEach")}
        return template | {"Resources": resources}
    stack = cloudformation._stacks.get(_p(request, "StackName")) or {}
    resolved = engine._resolve_parameters(
        template, _extract_members(request, "Parameters"), stack.get("_resolved_params")
    )
    values = {name: parameter["Value"] for name, parameter in resolved.items()}
    pseudo = {
        "AWS::Region": get_region(),
        "AWS::AccountId": get_account_id(),
        "AWS::StackName": _p(request, "StackName"),
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    return expand_language_extensions(template, values | pseudo, enabled=True).expanded_template


def _remembering_request(answer):
    def wrapped(params):
        token = _request.set(params)
        try:
            return answer(params)
        finally:
            _request.reset(token)

    return wrapped


def _provision_as_aws(resource_type, logical_id, props, stack_name):
    if resource_type == "AWS::DynamoDB::Table" and props.get("TableName") in dynamodb._tables:
        raise ValueError(f"{props['TableName']} already exists")
    physical_id, attributes = _provision(resource_type, logical_id, props, stack_name)
    if resource_type == "AWS::SQS::Queue" and "RedrivePolicy" in props:
        sqs._queues[physical_id]["attributes"]["RedrivePolicy"] = json.dumps(props["RedrivePolicy"])
    return physical_id, attributes


def _delete_as_aws(resource_type, physical_id, props, stack_name=None, logical_id=None):
    stack = cloudformation._stacks.get(stack_name) or {}
    resource = stack.get("_template", {}).get("Resources", {}).get(logical_id, {})
    if resource.get("DeletionPolicy") != "Retain":
        _delete(resource_type, physical_id, props, stack_name, logical_id)


def install() -> None:
    """Call before ministack serves. Import this module after the environment is set: ministack reads it then."""
    for module in (changesets, handlers):
        module._parse_template = _parse_and_expand
    for action in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        handlers._ACTION_HANDLERS[action] = _remembering_request(handlers._ACTION_HANDLERS[action])
    stacks._provision_resource = _provision_as_aws
    stacks._delete_resource = _delete_as_aws


if __name__ == "__main__":
    from ministack.app import main

    install()
    main()
