"""sam/template.yaml: the linters' opinion, and what must hold in the template as AWS sees it after its transforms."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

TEMPLATE = Path(__file__).parents[2] / "sam" / "template.yaml"
TOOLS = Path(sys.executable).parent
GROUPS = ["orders-web", "orders-batch"]
HOOK_RULES = {
    "LaunchHook": ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"),
    "TerminateHook": ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"),
}
PARAMETERS = {
    "MeshName": "orders-db",
    "Mesh": 'name = "orders-db"',
    "Regions": "us-east-1,us-west-2",
    "SecurityGroupArns": "arn:aws:ec2:us-east-1:111122223333:security-group/sg-1,"
    "arn:aws:ec2:us-west-2:111122223333:security-group/sg-2",
    "AutoScalingGroups": ",".join(GROUPS),
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
}


def run(tool, *arguments):
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run([TOOLS / tool, *arguments], env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def template():
    return yaml_parse(TEMPLATE.read_text())


def transformed(template, **overrides):
    """Every resource after Fn::ForEach and SAM, with the parameters filled in."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    defaults = {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    parameters = defaults | PARAMETERS | overrides
    expanded = expand_language_extensions(template, parameters, enabled=True).expanded_template
    for resource in expanded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"  # what `sam deploy` makes of the folder

    class NoManagedPolicies:
        def load(self):
            return {}

    return transform(expanded, {}, NoManagedPolicies())["Resources"]


@pytest.fixture(scope="module")
def resources(template):
    return transformed(template)


def of_type(resources, resource_type):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == resource_type}


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(resources):
    """Every IAM statement in the stack: (where it is, statement)."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if not resource["Type"].startswith("AWS::IAM::"):
            continue
        for policy in properties.get("Policies", [properties]):
            for statement in as_list(policy.get("PolicyDocument", {}).get("Statement", [])):
                yield f"{name}.{statement.get('Sid', '')}", statement


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("sam", ["validate", "--lint", "--language-extensions", "--template", TEMPLATE]),
        ("sam", ["validate", "--lint", "--template", TEMPLATE]),
        ("cfn-lint", [TEMPLATE]),
    ],
    ids=["sam-validate-expanded", "sam-validate", "cfn-lint"],
)
def test_linters_have_nothing_to_say(tool, arguments):
    result = run(tool, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_name_fits_the_longest_mesh_name(template):
    pattern = template["Parameters"]["MeshName"]["AllowedPattern"]
    longest = int(pattern.split(",")[1].rstrip("}"))
    assert len("sgsync--lifecycle") + longest <= 64  # AWS::Lambda::Function, FunctionName


def test_mesh_document_fits_a_parameter_and_an_environment(template):
    assert template["Parameters"]["Mesh"]["MaxLength"] + len("SGSYNC_MESH") <= 4096


def test_functions_run_the_document_they_were_given(resources):
    functions = of_type(resources, "AWS::Lambda::Function")
    assert set(functions) == {"LifecycleFunction", "TrueupFunction"}
    for function in functions.values():
        assert function["Environment"]["Variables"] == {"SGSYNC_MESH": {"Ref": "Mesh"}}
        assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")


def test_mirror_survives_the_stack(resources):
    table = resources["Mirror"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["TableName"] == "sgsync-orders-db"
    assert [k["AttributeName"] for k in properties["KeySchema"]] == ["member", "asg"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_queue_waits_six_times_the_timeout_and_gives_up_into_dead_letters(resources):
    queue = resources["Events"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * resources["LifecycleFunction"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_a_failed_message_fails_alone(resources):
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert mapping.get("MaximumBatchingWindowInSeconds", 0) == 0
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_rules_match_these_groups_only_and_lose_nothing(resources):
    rules = of_type(resources, "AWS::Events::Rule")
    assert set(rules) == {"HookRule", "MembershipRule"}
    for rule in rules.values():
        assert rule["EventPattern"]["detail"]["AutoScalingGroupName"] == GROUPS
        (target,) = rule["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["Events", "Arn"]}
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["Undelivered", "Arn"]}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_rules_may_send_to_the_queue_and_to_their_dead_letter_queue(resources):
    senders = [{"Fn::GetAtt": [rule, "Arn"]} for rule in of_type(resources, "AWS::Events::Rule")]
    policies = of_type(resources, "AWS::SQS::QueuePolicy")
    assert sorted(p["Queues"][0]["Ref"] for p in policies.values()) == ["Events", "Undelivered"]
    for policy in policies.values():
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == senders


def test_only_hooks_of_this_mesh_are_answered(resources):
    hooks = of_type(resources, "AWS::AutoScaling::LifecycleHook")
    names = {hook["LifecycleHookName"] for hook in hooks.values()}
    assert names == set(resources["HookRule"]["Properties"]["EventPattern"]["detail"]["LifecycleHookName"])


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("kind", HOOK_RULES)
def test_every_group_has_both_hooks(resources, kind, group):
    hook = resources[kind + group.replace("-", "")]
    properties = hook["Properties"]
    assert properties["AutoScalingGroupName"] == group
    assert properties["HeartbeatTimeout"] == 300
    assert (properties["LifecycleTransition"], properties["DefaultResult"]) == HOOK_RULES[kind]
    assert hook["Condition"] == "HooksWanted"
    assert set(hook["DependsOn"]) <= set(resources)


def test_every_group_may_be_answered_and_no_other(resources):
    answering = [s for _, s in statements(resources) if "autoscaling:CompleteLifecycleAction" in as_list(s["Action"])]
    any_group = "arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:*:autoScalingGroupName/"
    assert [s["Resource"] for s in answering] == [any_group + group for group in GROUPS]


def test_the_trueup_runs_on_a_schedule_of_its_own_name(resources):
    (schedule,) = of_type(resources, "AWS::Scheduler::Schedule").values()
    assert schedule["Name"] == "sgsync-orders-db-trueup"
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Target"]["Input"] == '{"trueup": true, "scheduled": true}'
    assert schedule["Target"]["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["Undelivered", "Arn"]}


def test_star_is_for_describe_only_and_bounded_by_region(resources):
    for where, statement in statements(resources):
        assert all("*" not in action for action in as_list(statement["Action"])), where
        if "*" in as_list(statement["Resource"]):
            assert all(":Describe" in action for action in as_list(statement["Action"])), where
            assert "aws:RequestedRegion" in statement["Condition"]["StringEquals"], where


def test_roles_bring_no_policy_written_elsewhere(resources):
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for arn in role.get("ManagedPolicyArns", []):
            assert arn == {"Ref": "ReconcilePolicy"}, name


def test_rules_change_only_in_the_groups_of_the_mesh(resources):
    groups = PARAMETERS["SecurityGroupArns"].split(",")
    new_rules = "arn:aws:ec2:*:111122223333:security-group-rule/*"
    allowed = {}
    for _, statement in statements(resources):
        for action in as_list(statement["Action"]):
            if action.startswith("ec2:") and ":Describe" not in action:
                allowed.setdefault(action, []).extend(as_list(statement["Resource"]))
    assert allowed == {
        "ec2:AuthorizeSecurityGroupIngress": [*groups, new_rules],
        "ec2:RevokeSecurityGroupIngress": groups,
        "ec2:CreateTags": [new_rules],
    }


def test_a_named_member_writes_under_its_name(template):
    named = transformed(template, Member="virginia")
    assert written_keys(named) == ["virginia"]


def written_keys(resources):
    (keys,) = [
        s["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
        for _, s in statements(resources)
        if "dynamodb:PutItem" in as_list(s["Action"])
    ]
    return keys


def test_only_own_rows_are_written(resources):
    assert written_keys(resources) == ["us-east-1"]
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    (statement,) = [s for _, s in statements(resources) if writes & set(as_list(s["Action"]))]
    assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}
    actions = {a for _, s in statements(resources) for a in as_list(s["Action"]) if a.startswith("dynamodb:")}
    assert actions == {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"} | writes
