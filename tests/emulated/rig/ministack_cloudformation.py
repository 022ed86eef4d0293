"""What ministack's CloudFormation lacks and deploying sam/template.yaml needs. `install()` adds it, in its process.

It never changes the template that is deployed: what happens here happens inside AWS for a real stack.

1. The transform AWS::LanguageExtensions (Fn::ForEach). ministack knows the SAM transform only. The expansion is SAM
   CLI's own; `sam deploy --language-extensions` uses it to find code to upload, and uploads the template as it is.
2. `Ref` of a CommaDelimitedList parameter is a list. In ministack it is the text. (The same expansion resolves it.)
3. RedrivePolicy of AWS::SQS::Queue. ministack's SQS honours it, its CloudFormation drops it, so nothing would ever
   reach a dead-letter queue.
4. DeletionPolicy: Retain, and RetainExceptOnCreate; AlreadyExists for a table or log group that was retained; change sets
   of type IMPORT, which take such resources into a new stack.
5. An update of AWS::Scheduler::Schedule. ministack's Scheduler has it, its CloudFormation drops it.
"""

import json
from contextvars import ContextVar

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs, dynamodb, scheduler, sqs
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks
from ministack.services.cloudformation.helpers import _error, _extract_members, _p
from samcli.lib.cfn_language_extensions.sam_integration import (
    check_using_language_extension,
    expand_language_extensions,
)

# The request being answered: ministack parses a template without its parameters, which Fn::ForEach needs.
_request: ContextVar[dict] = ContextVar("request")
_parse = engine._parse_template
_provision = stacks._provision_resource
_delete = stacks._delete_resource

#: What is there under a name, and the name, of the types that a stack leaves behind.
_RETAINED = {
    "AWS::DynamoDB::Table": ("TableName", dynamodb._tables),
    "AWS::Logs::LogGroup": ("LogGroupName", cloudwatch_logs._log_groups),
}
#: What change sets of type IMPORT take into a stack: (region, stack) -> {logical id: name}.
_imports: dict[tuple[str, str], dict[str, str]] = {}


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


def _importing(answer):
    """An import is a creation that finds every resource there already, and has to name all of them."""

    def wrapped(params):
        if _p(params, "ChangeSetType") != "IMPORT":
            return answer(params)
        named = {}
        while logical_id := _p(params, f"ResourcesToImport.member.{len(named) + 1}.LogicalResourceId"):
            at = f"ResourcesToImport.member.{len(named) + 1}.ResourceIdentifier.entry.1.value"
            named[logical_id] = _p(params, at)
        resources = set(_parse(_p(params, "TemplateBody"))["Resources"])
        if resources != set(named):
            return _error("ValidationError", f"to import: {sorted(named)}, in the template: {sorted(resources)}")
        _imports[(get_region(), _p(params, "StackName"))] = named
        return answer(params | {"ChangeSetType": "CREATE"})

    return wrapped


def _provision_as_aws(resource_type, logical_id, props, stack_name):
    if resource_type in _RETAINED:
        key, there = _RETAINED[resource_type]
        imported = _imports.get((get_region(), stack_name), {}).pop(logical_id, None)
        if imported is not None:
            return _adopt(resource_type, imported, props.get(key), there)
        if props.get(key) in there:
            raise ValueError(f"{props[key]} already exists")
    physical_id, attributes = _provision(resource_type, logical_id, props, stack_name)
    if resource_type == "AWS::SQS::Queue" and "RedrivePolicy" in props:
        sqs._queues[physical_id]["attributes"]["RedrivePolicy"] = json.dumps(props["RedrivePolicy"])
    return physical_id, attributes


def _adopt(resource_type, imported, name, there):
    if imported != name or name not in there:
        raise ValueError(f"{imported} cannot be imported as {name}")
    service, rest = ("dynamodb", f"table/{name}") if "Table" in resource_type else ("logs", f"log-group:{name}:*")
    return name, {"Arn": f"arn:aws:{service}:{get_region()}:{get_account_id()}:{rest}"}


def _delete_as_aws(resource_type, physical_id, props, stack_name=None, logical_id=None):
    stack = cloudformation._stacks.get(stack_name) or {}
    policy = stack.get("_template", {}).get("Resources", {}).get(logical_id, {}).get("DeletionPolicy")
    rolling_back = "ROLLBACK" in stack.get("StackStatus", "")
    if policy != "Retain" and (policy != "RetainExceptOnCreate" or rolling_back):
        _delete(resource_type, physical_id, props, stack_name, logical_id)


def _update_schedule(physical_id, old_props, props, stack_name):
    scheduler._update_schedule(physical_id, props)
    return physical_id, {"Arn": scheduler._schedule_arn(props.get("GroupName", "default"), physical_id)}


def install() -> None:
    """Call before ministack serves. Import this module after the environment is set: ministack reads it then."""
    for module in (changesets, handlers):
        module._parse_template = _parse_and_expand
    for action in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        handlers._ACTION_HANDLERS[action] = _remembering_request(handlers._ACTION_HANDLERS[action])
    handlers._ACTION_HANDLERS["CreateChangeSet"] = _importing(handlers._ACTION_HANDLERS["CreateChangeSet"])
    provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]["update"] = _update_schedule
    stacks._provision_resource = _provision_as_aws
    stacks._delete_resource = _delete_as_aws


if __name__ == "__main__":
    from ministack.app import main

    install()
    main()
