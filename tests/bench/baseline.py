"""The baseline: the six steps of AWS's blog post of 2017, written down as they stand there, as a Lambda function.

Describe the group; describe each instance; update every region's table; compare and update the local group; then the
remote ones; complete the hook. One call after the other, with boto3 as it comes.

Run as a process it is a function: it takes its events from the Lambda runtime API.
"""

from __future__ import annotations

import http.client
import json
import os
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

HOME = os.environ["AWS_REGION"]
SETTINGS = json.loads(os.environ["BASELINE"])
#: Each region's security group.
TARGETS: dict[str, str] = SETTINGS["targets"]
REGIONS = [HOME, *(region for region in TARGETS if region != HOME)]
TABLE: str = SETTINGS["table"]
PORTS: list[tuple[str, int, int]] = [tuple(ports) for ports in SETTINGS["ports"]]

auto_scaling = boto3.client("autoscaling", region_name=HOME)
ec2 = {region: boto3.client("ec2", region_name=region) for region in REGIONS}
dynamodb = {region: boto3.client("dynamodb", region_name=region) for region in REGIONS}


def handler(event: dict[str, Any]) -> dict[str, Any]:
    """One hook event."""
    detail = event["detail"]
    addresses = addresses_of(detail["AutoScalingGroupName"])
    for region in REGIONS:
        try:
            update_table(region, detail["AutoScalingGroupName"], addresses)
        except (BotoCoreError, ClientError) as error:
            print(f"the table in {region}: {error}")
    wanted = all_addresses()
    for region in REGIONS:
        try:
            update_group(region, wanted)
        except (BotoCoreError, ClientError) as error:
            print(f"the group in {region}: {error}")
    auto_scaling.complete_lifecycle_action(
        AutoScalingGroupName=detail["AutoScalingGroupName"],
        LifecycleHookName=detail["LifecycleHookName"],
        LifecycleActionToken=detail["LifecycleActionToken"],
        LifecycleActionResult="CONTINUE",
    )
    return {"addresses": sorted(wanted)}


def addresses_of(group: str) -> list[str]:
    """Steps one and two: the group, then each of its instances."""
    described = auto_scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    addresses = []
    for instance in described["AutoScalingGroups"][0]["Instances"]:
        if instance["LifecycleState"].startswith("Terminat"):
            continue
        shown = ec2[HOME].describe_instances(InstanceIds=[instance["InstanceId"]])
        addresses.append(shown["Reservations"][0]["Instances"][0]["PublicIpAddress"])
    return addresses


def update_table(region: str, group: str, addresses: list[str]) -> None:
    """Step three, in one region."""
    item = {"member": {"S": HOME}, "asg": {"S": group}, "addresses": {"S": json.dumps(addresses)}}
    dynamodb[region].put_item(TableName=TABLE, Item=item)


def all_addresses() -> set[str]:
    """Every region's addresses, from the own table."""
    items = dynamodb[HOME].scan(TableName=TABLE, ConsistentRead=True)["Items"]
    return {f"{address}/32" for item in items for address in json.loads(item["addresses"]["S"])}


def update_group(region: str, wanted: set[str]) -> None:
    """Steps four and five, in one region."""
    group = ec2[region].describe_security_groups(GroupIds=[TARGETS[region]])["SecurityGroups"][0]
    added, revoked = [], []
    for protocol, low, high in PORTS:
        ranges = [
            given["CidrIp"]
            for permission in group["IpPermissions"]
            if (permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort")) == (protocol, low, high)
            for given in permission["IpRanges"]
        ]
        for changes, cidrs in ((added, wanted - set(ranges)), (revoked, set(ranges) - wanted)):
            if cidrs:
                listed = [{"CidrIp": cidr} for cidr in sorted(cidrs)]
                changes.append({"IpProtocol": protocol, "FromPort": low, "ToPort": high, "IpRanges": listed})
    try:
        if added:
            ec2[region].authorize_security_group_ingress(GroupId=TARGETS[region], IpPermissions=added)
        if revoked:
            ec2[region].revoke_security_group_ingress(GroupId=TARGETS[region], IpPermissions=revoked)
    except ClientError as error:  # another invocation was faster
        if error.response["Error"]["Code"] not in ("InvalidPermission.Duplicate", "InvalidPermission.NotFound"):
            raise


def serve() -> None:
    """Takes event after event from the runtime API."""
    api, prefix = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
    while True:
        api.request("GET", f"{prefix}next")
        answer = api.getresponse()
        event, request_id = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            verb, outcome = "response", handler(event)
        except Exception as error:  # noqa: BLE001  (as Lambda's own runtime does)
            verb, outcome = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        api.request("POST", f"{prefix}{request_id}/{verb}", json.dumps(outcome))
        api.getresponse().read()


if __name__ == "__main__":
    serve()
