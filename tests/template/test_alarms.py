"""Who is told when something is wrong, and of what."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from expanded import Resources, of_type, transformed

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
#: The functions' own metrics: above what, for how many of how many periods, and what a period without a run means.
MESH_METRICS = {
    "PeersStale": (0, 1, 1, "ignore"),
    "RemovalsHeld": (0, 1, 1, "ignore"),
    "Failures": (0, 2, 3, "ignore"),
    "HooksAbandoned": (0, 1, 1, "notBreaching"),
    "QuotaUsedPercent": (80, 1, 1, "ignore"),
}


@pytest.fixture(scope="module")
def resources() -> Resources:
    return transformed()


def test_everything_that_needs_a_person_has_an_alarm(resources: Resources) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    watched = {(a["Namespace"], a["MetricName"], str(a["Dimensions"][0]["Value"])) for a in alarms}
    queue, function = "ApproximateNumberOfMessagesVisible", "sgsync-orders-db-"
    assert watched == {
        ("AWS/SQS", queue, "sgsync-orders-db-dead-letters"),
        ("AWS/SQS", queue, "sgsync-orders-db-undelivered"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", str({"Fn::GetAtt": ["Events", "QueueName"]})),
        *(("AWS/Lambda", metric, function + name) for metric in ("Errors", "Throttles") for name in ("hooks", "trueup")),
        *(("sgsync", metric, "orders-db") for metric in MESH_METRICS),
    }


def test_names_that_alarms_derive_are_those_of_the_resources(resources: Resources) -> None:
    """Alarms name queues and functions by text, so that a loop can make them."""
    named = {queue["QueueName"] for queue in of_type(resources, "AWS::SQS::Queue").values()}
    named |= {function["FunctionName"] for function in of_type(resources, "AWS::Lambda::Function").values()}
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        value = alarm["Dimensions"][0]["Value"]
        assert alarm["Namespace"] == "sgsync" or isinstance(value, dict) or value in named


def test_the_functions_own_metrics_are_those_that_alarms_read(resources: Resources) -> None:
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        if alarm["Namespace"] == "sgsync":
            assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {"mesh": "orders-db", "member": "us-east-1"}
            keys = ("Threshold", "DatapointsToAlarm", "EvaluationPeriods", "TreatMissingData")
            assert tuple(alarm[key] for key in keys) == MESH_METRICS[alarm["MetricName"]], alarm["MetricName"]
    named = of_type(transformed(Member="virginia"), "AWS::CloudWatch::Alarm")["PeersStaleAlarm"]
    assert {"Name": "member", "Value": "virginia"} in named["Dimensions"]


def test_every_alarm_says_what_to_do_and_reaches_the_topic(resources: Resources) -> None:
    for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values():
        assert len(alarm["AlarmDescription"]) > 40
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Alarms"}]
        assert alarm["Namespace"] == "sgsync" or alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmName"].startswith("sgsync-orders-db-"), "the topic's policy knows alarms by this"


def test_mail_is_for_those_who_asked(resources: Resources) -> None:
    assert of_type(resources, "AWS::SNS::Subscription") == {}
    (subscription,) = of_type(transformed(AlarmEmail="ops@example.com"), "AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_the_dashboard_is_json_and_shows_every_metric(resources: Resources) -> None:
    body = of_type(resources, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]
    text = body["Fn::Sub"][0] if isinstance(body, dict) else body
    widgets = json.loads(text)["widgets"]
    shown = {metric[1] for widget in widgets for metric in widget["properties"]["metrics"] if metric[0] == "sgsync"}
    assert shown == set(MESH_METRICS) | {"HooksRetried", "Findings"}


def test_operations_says_what_every_alarm_means(resources: Resources) -> None:
    """And of no other."""
    section = OPERATIONS.read_text().partition("\n## Alarms\n")[2].partition("\n### ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([\w-]+)`", row[1])}
    alarms = of_type(resources, "AWS::CloudWatch::Alarm").values()
    assert explained == {alarm["AlarmName"].removeprefix("sgsync-orders-db-") for alarm in alarms}
    assert all(len(row[3].strip()) > 40 for row in rows)
