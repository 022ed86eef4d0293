"""The rig itself: what the product relies on in EC2 and DynamoDB is as AWS documents it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rig import Rig, World

EAST = "us-east-1"


def permission(*cidrs: str, port: int = 7000) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr} for cidr in cidrs]}


def authorize(world: World, *permissions: dict[str, Any], **more: Any) -> Any:
    return world.rig.client("ec2", EAST).authorize_security_group_ingress(
        GroupId=world.members[EAST].security_group, IpPermissions=list(permissions), **more
    )


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_rules_carry_the_tags_of_their_call(world: World) -> None:
    tags = [{"Key": "sgsync:mesh", "Value": world.mesh}]
    specification = [{"ResourceType": "security-group-rule", "Tags": tags}]
    answer = authorize(world, permission("1.2.3.4/32", "1.2.3.5/32"), TagSpecifications=specification)
    assert [rule["Tags"] for rule in answer["SecurityGroupRules"]] == [tags, tags]
    assert world.owned(EAST) == {("tcp", 7000, 7000, "1.2.3.4/32"), ("tcp", 7000, 7000, "1.2.3.5/32")}


def test_a_duplicate_rejects_the_whole_call(world: World) -> None:
    authorize(world, permission("1.2.3.4/32"))
    before = world.rules(EAST)
    with pytest.raises(ClientError, match="peer: 1.2.3.4/32, TCP, from port: 7000, to port: 7000, ALLOW") as error:
        authorize(world, permission("9.9.9.9/32", port=7001), permission("1.2.3.4/32"))
    assert code_of(error) == "InvalidPermission.Duplicate"
    assert world.rules(EAST) == before


def test_the_same_permission_twice_in_a_call_is_refused(world: World) -> None:
    with pytest.raises(ClientError, match="must not appear multiple times") as error:
        authorize(world, permission("1.2.3.0/24", "1.2.3.4/24"))
    assert code_of(error) == "InvalidParameterValue"


def test_the_quota_of_rules_is_one_for_each_region(world: World) -> None:
    """Service Quotas says what Authorize goes by."""
    world.rig.moto.grant_rules(EAST, 3)
    quotas = {
        region: world.rig.client("service-quotas", region).get_service_quota(ServiceCode="vpc", QuotaCode="L-0EA8095F")
        for region in world.members
    }
    assert {region: quota["Quota"]["Value"] for region, quota in quotas.items()} == {EAST: 3.0, "us-west-2": 60.0}
    authorize(world, permission("1.2.3.4/32", "1.2.3.5/32"))  # and the bastion's
    with pytest.raises(ClientError) as error:
        authorize(world, permission("1.2.3.6/32"))
    assert code_of(error) == "RulesPerSecurityGroupLimitExceeded"


def test_the_sixty_first_rule_of_a_family_is_refused(world: World) -> None:
    authorize(world, permission(*(f"1.2.3.{last}/32" for last in range(59))))  # and the bastion's
    ipv6 = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "2001:db8::1/128"}]}
    authorize(world, ipv6)
    with pytest.raises(ClientError) as error:
        authorize(world, permission("1.2.4.1/32"))
    assert code_of(error) == "RulesPerSecurityGroupLimitExceeded"


def test_rules_are_described_in_pages(world: World) -> None:
    authorize(world, permission(*(f"1.2.3.{last}/32" for last in range(11))))
    filters = [{"Name": "group-id", "Values": [world.members[EAST].security_group]}]
    pages = (
        world.rig.client("ec2", EAST)
        .get_paginator("describe_security_group_rules")
        .paginate(Filters=filters, PaginationConfig={"PageSize": 5})
    )
    sizes = [len(page["SecurityGroupRules"]) for page in pages]
    assert sizes == [5, 5, 3]  # the bastion's and the egress rule too


def test_revoke_by_id_is_all_or_nothing(world: World) -> None:
    rule = authorize(world, permission("1.2.3.4/32"))["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2, group = world.rig.client("ec2", EAST), world.members[EAST].security_group
    with pytest.raises(ClientError) as error:
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule, "sgr-00000000000000000"])
    assert code_of(error) == "InvalidSecurityGroupRuleId.NotFound"
    answer = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])
    assert [gone["SecurityGroupRuleId"] for gone in answer["RevokedSecurityGroupRules"]] == [rule]
    assert [left.from_port for left in world.rules(EAST)] == [22]


def test_concurrent_authorize_calls_lose_nothing(world: World) -> None:
    cidrs = [f"1.2.3.{last}/32" for last in range(50)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda cidr: authorize(world, permission(cidr)), cidrs))
    assert {rule.cidr for rule in world.rules(EAST) if rule.from_port == 7000} == set(cidrs)


def test_no_two_instances_share_an_address(world: World) -> None:
    for region in world.members:
        world.seed(region, 100)
    instances = [instance for region in world.members for instance in world.instances(region)]
    assert len({instance["public_ip"] for instance in instances}) == 200
    world.rig.moto.next_addresses("54.1.2.3")
    world.seed(EAST, 1)
    assert world.instances(EAST)[-1]["public_ip"] == "54.1.2.3"


def put(rig: Rig, table: str, version: int) -> None:
    rig.client("dynamodb", EAST).put_item(
        TableName=table,
        Item={"member": {"S": EAST}, "asg": {"S": "a"}, "version": {"N": str(version)}},
        ConditionExpression="attribute_not_exists(#m) OR version < :v",
        ExpressionAttributeNames={"#m": "member"},
        ExpressionAttributeValues={":v": {"N": str(version)}},
    )


def test_dynamodb_writes_on_condition(world: World) -> None:
    put(world.rig, world.table, 9)
    put(world.rig, world.table, 10)  # numbers compare as numbers
    for version in (9, 10):
        with pytest.raises(ClientError) as error:
            put(world.rig, world.table, version)
        assert code_of(error) == "ConditionalCheckFailedException"
    key = {"member": {"S": EAST}, "asg": {"S": "a"}}
    missing = {"member": {"S": EAST}, "asg": {"S": "b"}}
    request = {world.table: {"Keys": [key, missing], "ConsistentRead": True}}
    answer = world.rig.client("dynamodb", EAST).batch_get_item(RequestItems=request)
    assert [item["version"]["N"] for item in answer["Responses"][world.table]] == ["10"]
    assert answer["UnprocessedKeys"] == {}


def test_dynamodb_lets_one_of_many_concurrent_writers_win(world: World) -> None:
    def won(version: int) -> bool:
        try:
            put(world.rig, world.table, version)
        except ClientError:
            return False
        return True

    for version in range(1, 11):
        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(won, [version] * 20)) == 1
