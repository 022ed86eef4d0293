"""sam/template.yaml and sam/prerequisites.yaml: the linters' opinion, and what must hold after AWS's transforms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from expanded import ACCOUNT, GROUPS, SAM, TEMPLATE, as_list, of_type, statements, transformed

PREREQUISITES = SAM / "prerequisites.yaml"
RETAINED = SAM / "retained.yaml"
PEER_ROLE = SAM / "peer-role.yaml"
TOOLS = Path(sys.executable).parent
#: In a virtualenv of its own: its requirements contradict those of the emulators.
CHECKOV = Path(os.environ.get("CHECKOV", SAM.parent / ".venv" / "checkov" / "bin" / "checkov"))
HOOK_RULES = {
    "LaunchHook": ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"),
    "TerminateHook": ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"),
}


def run(tool, *arguments):
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run([TOOLS / tool, *arguments], env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def template():
    return yaml_parse(TEMPLATE.read_text())


@pytest.fixture(scope="module")
def resources():
    return transformed()


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("sam", ["validate", "--lint", "--language-extensions", "--template", TEMPLATE]),
        ("sam", ["validate", "--lint", "--template", TEMPLATE]),
        ("sam", ["validate", "--lint", "--template", PREREQUISITES]),
        ("sam", ["validate", "--lint", "--template", RETAINED]),
        ("sam", ["validate", "--lint", "--template", PEER_ROLE]),
        ("cfn-lint", [TEMPLATE, PREREQUISITES, RETAINED, PEER_ROLE]),
    ],
    ids=[*(f"sam-validate-{what}" for what in ("expanded", "template", "prerequisites", "retained", "peer-role")), "cfn-lint"],
)
def test_linters_have_nothing_to_say(tool, arguments):
    result = run(tool, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", [TEMPLATE, PREREQUISITES, RETAINED, PEER_ROLE], ids=lambda file: file.stem)
def test_checkov_has_nothing_to_say(file):
    assert CHECKOV.exists(), "run `make template`, or name another one in CHECKOV"
    command = [CHECKOV, "--framework", "cloudformation", "--file", file, "--skip-download", "--quiet", "--compact"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", [TEMPLATE, PREREQUISITES, RETAINED, PEER_ROLE], ids=lambda file: file.stem)
def test_every_suppression_says_why(file):
    for name, resource in yaml_parse(file.read_text())["Resources"].items():
        metadata = resource.get("Metadata", {}) if isinstance(resource, dict) else {}
        assert not set(metadata) - {"checkov"}, name
        for suppression in metadata.get("checkov", {}).get("skip", []):
            assert len(suppression["comment"]) > 30, f"{name}, {suppression['id']}"


def test_every_name_fits_the_longest_mesh_name(template):
    assert template["Parameters"]["MeshName"]["AllowedPattern"] == "[a-z0-9-]{1,48}"  # as the mesh document has it
    peers = {"PeerRoleArns": f"arn:aws:iam::{ACCOUNT}:role/peer"}
    longest = transformed(MeshName="x" * 48, **{"AWS::Region": "ap-southeast-2"} | peers)
    # What AWS allows, by type and property.
    limits = {
        ("AWS::Lambda::Function", "FunctionName"): 64,
        ("AWS::Scheduler::Schedule", "Name"): 64,
        ("AWS::SQS::Queue", "QueueName"): 80,
        ("AWS::SNS::Topic", "TopicName"): 256,
        ("AWS::DynamoDB::Table", "TableName"): 255,
        ("AWS::CloudWatch::Alarm", "AlarmName"): 255,
        ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
        ("AWS::AutoScaling::LifecycleHook", "LifecycleHookName"): 255,
        ("AWS::Logs::LogGroup", "LogGroupName"): 512,
        ("AWS::IAM::Role", "Path"): 512,
        ("AWS::IAM::Policy", "PolicyName"): 128,
    }
    for (kind, key), limit in limits.items():
        names = [one[key] for one in of_type(longest, kind).values() if key in one]
        assert names and max(map(len, names)) <= limit, kind


def test_mesh_document_fits_a_parameter_and_an_environment(template):
    longest_name = 64  # docs/configuration.md
    others = len("SGSYNC_MESH") + len("SGSYNC_MEMBER") + longest_name
    assert template["Parameters"]["Mesh"]["MaxLength"] + others <= 4096


def test_functions_run_the_document_they_were_given(resources):
    functions = of_type(resources, "AWS::Lambda::Function")
    assert set(functions) == {"LifecycleFunction", "TrueupFunction"}
    for function in functions.values():
        # Which of the region's members it works for, too: there may be several.
        whose = {"Fn::If": ["MemberIsRegion", {"Ref": "AWS::Region"}, {"Ref": "Member"}]}
        assert function["Environment"]["Variables"] == {"SGSYNC_MESH": {"Ref": "Mesh"}, "SGSYNC_MEMBER": whose}
        assert (function["Runtime"], function["Handler"]) == ("provided.al2023", "bootstrap")


def test_mirror_survives_the_stack(resources):
    table = resources["Mirror"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["TableName"] == "sgsync-orders-db"
    assert [k["AttributeName"] for k in properties["KeySchema"]] == ["member", "asg"]
    assert properties["DeletionProtectionEnabled"] is True
    assert "SSESpecification" not in properties, "encrypted by a key of DynamoDB's: one in the account costs, and can fail"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_queue_waits_six_times_the_timeout_and_gives_up_into_dead_letters(resources):
    queue = resources["Events"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * resources["LifecycleFunction"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_logs_survive_the_stack_but_not_a_launch_that_failed(resources):
    logs = [one for one in resources.values() if one["Type"] == "AWS::Logs::LogGroup"]
    assert len(logs) == 2
    for log in logs:
        assert (log["DeletionPolicy"], log["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_what_is_imported_after_a_removal_is_what_the_stack_has(template):
    """To the letter, or the deployment that follows the import would change it; and all that is left, or it would fail."""
    retained = yaml_parse(RETAINED.read_text())
    kept = {name for name, one in template["Resources"].items() if isinstance(one, dict) and "DeletionPolicy" in one}
    assert set(retained["Resources"]) == kept == {"Mirror", "LifecycleLog", "TrueupLog"}
    for name, resource in retained["Resources"].items():
        assert resource == template["Resources"][name], name
    for name, condition in retained["Conditions"].items():
        assert condition == template["Conditions"][name], name
    for name, parameter in retained["Parameters"].items():
        assert parameter.get("Default") == template["Parameters"][name].get("Default"), name


def test_a_failed_message_fails_alone(resources):
    (mapping,) = of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Events", "Arn"]}
    assert mapping["FunctionName"] == {"Ref": "LifecycleFunction"}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert mapping.get("MaximumBatchingWindowInSeconds", 0) == 0
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_rules_match_these_groups_only_and_lose_nothing(resources):
    rules = of_type(resources, "AWS::Events::Rule")
    assert set(rules) == {"HookRule", "MembershipRule", "InstanceRule", "TamperRule"}
    for name, rule in rules.items():
        if name in ("HookRule", "MembershipRule"):
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


def test_hooks_come_after_all_that_answers_them(resources):
    """The road to the function, and what it may do, which is all in one piece with its role."""
    hooks = [one for one in resources.values() if one["Type"] == "AWS::AutoScaling::LifecycleHook"]
    assert len(hooks) == 2 * len(GROUPS)
    for hook in hooks:
        assert set(hook["DependsOn"]) == {"HookRule", "EventsPolicy", "EventsMapping"}
    assert resources["EventsMapping"]["Properties"]["FunctionName"] == {"Ref": "LifecycleFunction"}
    assert resources["LifecycleFunction"]["Properties"]["Role"] == {"Fn::GetAtt": ["LifecycleRole", "Arn"]}
    (run,) = resources["LifecycleRole"]["Properties"]["Policies"]
    assert "AnswerHooks" in {statement["Sid"] for statement in run["PolicyDocument"]["Statement"]}


def test_whatever_is_made_for_each_group_needs_a_group(template):
    """Where there is none, AWS may go round once with an empty name (cfn-language-discussion#102, #154)."""
    _, _, body = template["Resources"]["Fn::ForEach::AutoScalingGroup"]
    assert {one.get("Condition") for one in body.values()} == {"HooksWanted"}


def test_every_group_may_be_answered_and_no_other(resources):
    answering = [s for _, s in statements(resources) if "autoscaling:CompleteLifecycleAction" in as_list(s["Action"])]
    any_group = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/"
    assert [s["Resource"] for s in answering] == [[any_group + group for group in GROUPS]]


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
            assert arn in ({"Ref": "RulesPolicy"}, {"Ref": "RowsPolicy"}), name


def test_a_member_may_have_a_name_and_a_table_of_its_own():
    named = transformed(Member="virginia", Table="rows")
    assert named["Mirror"]["Properties"]["TableName"] == "rows"
    (written,) = [s for _, s in statements(named) if "dynamodb:PutItem" in as_list(s["Action"])]
    assert written["Condition"]["ForAllValues:StringEquals"] == {"dynamodb:LeadingKeys": ["virginia"]}


def test_a_member_may_have_no_groups_or_no_security_groups():
    """No hook, and patterns that nothing matches: an empty list is no pattern."""
    targets_only = transformed(AutoScalingGroups="", AutoScalingGroupArns="")
    assert of_type(targets_only, "AWS::AutoScaling::LifecycleHook") == {}
    assert not [s for _, s in statements(targets_only) if "autoscaling:CompleteLifecycleAction" in as_list(s["Action"])]
    assert targets_only["HookRule"]["Properties"]["EventPattern"]["detail"]["AutoScalingGroupName"] == ["(none)"]
    sources_only = transformed(SecurityGroups="")
    nothing = [
        {"requestParameters": {"groupId": ["(none)"]}},
        {"requestParameters": {"ModifySecurityGroupRulesRequest": {"GroupId": ["(none)"]}}},
    ]
    assert sources_only["TamperRule"]["Properties"]["EventPattern"]["detail"]["$or"] == nothing


def test_only_peers_behind_roles_bring_a_right_to_assume_them(resources):
    assert not any("sts:AssumeRole" in as_list(s["Action"]) for where, s in statements(resources) if "Peer" in where)
    role = "arn:aws:iam::210987654321:role/sgsync-peer"
    assert [s["Resource"] for where, s in statements(transformed(PeerRoleArns=role)) if "Peer" in where] == [[role]]


#: What has a name that we gave it, by type.
NAMED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
}
SECOND = {"Member": "blue", "NameSuffix": "-blue", "Table": "rows-blue"}


def names(resources):
    return {name: one["Properties"][NAMED[one["Type"]]] for name, one in resources.items() if one["Type"] in NAMED}


def test_two_members_of_one_region_have_nothing_of_one_name(resources):
    """And nothing else has a name that is given: what CloudFormation names itself cannot collide."""
    first, second = names(resources), names(transformed(**SECOND))
    assert first.keys() == second.keys() and len(first) > 15
    assert set(first.values()).isdisjoint(second.values())
    assert all("orders-db-blue" in name for logical, name in second.items() if logical != "Mirror")
    given = {
        key
        for one in resources.values()
        for key in one.get("Properties", {})
        if key.endswith("Name") and one["Type"] not in NAMED and one["Type"] != "AWS::AutoScaling::LifecycleHook"
    }
    assert given <= {"FunctionName", "PolicyName"}  # the event source's, and policies inside a role


def test_the_alarms_topic_takes_the_alarms_of_its_own_stack(resources):
    for expansion in (resources, transformed(**SECOND)):
        (statement,) = expansion["AlarmsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        known = statement["Condition"]["ArnLike"]["aws:SourceArn"].removesuffix("*")
        alarms = [one["Properties"]["AlarmName"] for one in expansion.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
        assert alarms and all(f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}".startswith(known) for name in alarms)
