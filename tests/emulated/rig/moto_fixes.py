"""Where moto's EC2 differs from AWS so that tests of the product would lie, it is set right here.

Every entry is listed in docs/testing.md; the AWS behaviour is that of `facts/aws.md`, sections 1 and 4.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections import deque
from typing import Any

import moto.ec2.models.elastic_ip_addresses as elastic_addresses
import moto.ec2.models.elastic_network_interfaces as interfaces
import moto.ec2.models.instances as instances
from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidPermissionNotFoundError,
    InvalidSecurityGroupNotFoundError,
    InvalidSecurityGroupRuleIdNotFoundError,
    RulesPerSecurityGroupLimitExceededError,
)
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.resources.default_quotas.vpc import VPC_DEFAULT_QUOTAS

from .events import Event, Journal

#: Inbound rules per group and address family, AWS's default quota.
RULES_PER_GROUP = 60

#: What it is where AWS was asked for more, by region.
rules_granted: dict[str, int] = {}

#: Public addresses that the next launches get, before new ones are made: how a test reuses a released address.
next_addresses: deque[str] = deque()


def install(journal: Journal) -> None:
    """Replaces moto's behaviour; once per process."""
    _install_addresses()
    _install_state_changes(journal)
    ServiceQuotasBackend.get_service_quota = _get_service_quota
    SecurityGroups.authorize_security_group_ingress = _authorize
    SecurityGroups.revoke_security_group_ingress = _revoke
    SecurityGroups.describe_security_group_rules = _describe_rules
    SecurityGroupBackend._verify_group_will_respect_rule_count_limit = _no_limit


# -- addresses and state changes ------------------------------------------------------------------------------------


def _install_addresses() -> None:
    """moto draws addresses at random and hands some out twice; two instances must never share one."""
    public = (str(ipaddress.IPv4Address("54.210.0.1") + offset) for offset in itertools.count())
    draw_private = interfaces.random_private_ip
    drawn: set[str] = set()

    def public_ip() -> str:
        return next_addresses.popleft() if next_addresses else next(public)

    def private_ip(cidr: str | None = None, ipv6: bool = False) -> str:
        while (address := draw_private(cidr, ipv6)) in drawn:
            pass
        drawn.add(address)
        return address

    association = interfaces.NetworkInterface.association.fget
    # an interface without a public address has no Association; moto shows an empty one
    interfaces.NetworkInterface.association = property(lambda interface: association(interface) or None)
    # moto's Elastic IPs are loopback addresses, which nobody has for a public one
    interfaces.random_public_ip = elastic_addresses.random_ip = public_ip
    interfaces.random_private_ip = instances.random_private_ip = private_ip


def _install_state_changes(journal: Journal) -> None:
    """Publishes the state changes that moto makes silently."""

    def publish(backend: Any, instance_id: str, *states: str) -> None:
        arn = f"arn:aws:ec2:{backend.region_name}:{backend.account_id}:instance/{instance_id}"
        for state in states:
            detail = {"instance-id": instance_id, "state": state}
            kind = "EC2 Instance State-change Notification"
            journal.publish(Event(backend.region_name, "aws.ec2", kind, [arn], detail))

    def wrap(name: str, *states: str) -> None:
        original = getattr(InstanceBackend, name)

        def changed(backend: Any, instance_ids: list[str], *args: Any, **kwargs: Any) -> Any:
            result = original(backend, instance_ids, *args, **kwargs)
            for instance_id in instance_ids:
                publish(backend, instance_id, *states)
            return result

        setattr(InstanceBackend, name, changed)

    run = InstanceBackend.run_instances

    def run_instances(backend: Any, *args: Any, **kwargs: Any) -> Any:
        reservation = run(backend, *args, **kwargs)
        for instance in reservation.instances:
            publish(backend, instance.id, "pending", "running")
        return reservation

    InstanceBackend.run_instances = run_instances
    wrap("terminate_instances", "shutting-down", "terminated")
    wrap("stop_instances", "stopping", "stopped")
    wrap("start_instances", "pending", "running")


# -- quotas ---------------------------------------------------------------------------------------------------------


def _get_service_quota(backend: ServiceQuotasBackend, service_code: str, quota_code: str) -> dict[str, Any]:
    """moto has the default only; a quota that was raised is the region's own."""
    for quota in VPC_DEFAULT_QUOTAS:
        if (service_code, quota_code) == ("vpc", quota["QuotaCode"]):
            own = rules_granted.get(backend.region_name) if quota_code == "L-0EA8095F" else None
            return quota | ({"Value": float(own)} if own else {})
    raise NoSuchResource


# -- security group rules -------------------------------------------------------------------------------------------


def _no_limit(*_args: Any, **_kwargs: Any) -> None:
    """moto counts both address families together; `_check_quota` counts as AWS does."""


def _authorize(response: SecurityGroups) -> ActionResult:
    """All or nothing, canonical CIDRs, the duplicate named, the quota per family, every added rule in the reply."""
    response.error_on_dryrun()
    requests = list(response._process_rules_from_querystring())
    group = _group(response, requests[0]["group_name_or_id"])
    before = list(group.ingress_rules)
    added: list[SecurityGroupRule] = []
    try:
        for request in requests:
            request["ip_ranges"] = [_canonical(ip_range) for ip_range in request["ip_ranges"]]
            _check_new(response, group, added, request)
            rules, _ = response.ec2_backend.authorize_security_group_ingress(**request)
            added += rules
        _check_quota(group, response.region)
    except Exception:
        group.ingress_rules = before
        raise
    return ActionResult({"Return": True, "SecurityGroupRules": [shown(rule) for rule in added]})


def _revoke(response: SecurityGroups) -> ActionResult:
    """All or nothing; an unknown rule id has its own error; the reply lists what was revoked.

    Unknown *properties* always give InvalidPermission.NotFound, as in a non-default VPC.
    """
    response.error_on_dryrun()
    requests = list(response._process_rules_from_querystring())
    group = _group(response, requests[0]["group_name_or_id"])
    revoked: list[SecurityGroupRule] = []
    for request in requests:
        revoked += _named_rules(response, group, request)
    group.ingress_rules = [rule for rule in group.ingress_rules if rule.id not in {gone.id for gone in revoked}]
    return ActionResult({"Return": True, "RevokedSecurityGroupRules": [shown(rule) for rule in revoked]})


def _describe_rules(response: SecurityGroups) -> ActionResult:
    """moto ignores MaxResults and NextToken."""
    response.error_on_dryrun()
    ids = response._get_param("SecurityGroupRuleIds", [])
    rules = response.ec2_backend.describe_security_group_rules(ids, response._filters_from_querystring())
    size, token = response._get_param("MaxResults"), response._get_param("NextToken")
    if size is None:
        return ActionResult({"SecurityGroupRules": rules})
    if not 5 <= int(size) <= 1000:
        raise EC2ClientError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid.")
    start, end = int(token or 0), int(token or 0) + int(size)
    page: dict[str, Any] = {"SecurityGroupRules": rules[start:end]}
    if end < len(rules):
        page["NextToken"] = str(end)
    return ActionResult(page)


def _group(response: SecurityGroups, group_id: str) -> SecurityGroup:
    group = response.ec2_backend.get_security_group_by_name_or_id(group_id)
    if group is None:
        raise InvalidSecurityGroupNotFoundError(group_id)
    return group


def _rules_of(response: SecurityGroups, group: SecurityGroup, request: dict[str, Any]) -> list[SecurityGroupRule]:
    backend = response.ec2_backend
    keys = ("ip_protocol", "from_port", "to_port", "ip_ranges", "prefix_list_ids")
    sources = backend._add_source_group(request["source_groups"], None)
    wanted = {key: request[key] for key in keys}
    return list(backend._iterate_security_rules(group_id=group.id, source_groups=sources, **wanted))


def _check_new(
    response: SecurityGroups, group: SecurityGroup, added: list[SecurityGroupRule], request: dict[str, Any]
) -> None:
    seen = list(added)
    for rule in _rules_of(response, group, request):
        if rule in seen:
            raise EC2ClientError("InvalidParameterValue", "The same permission must not appear multiple times")
        if rule in group.ingress_rules:
            peer = rule.cidr_ipv4 or rule.cidr_ipv6 or rule.prefix_list_id or rule.source_group.get("GroupId")
            ports = f"from port: {rule.from_port}, to port: {rule.to_port}"
            named = f"peer: {peer}, {str(rule.ip_protocol).upper()}, {ports}, ALLOW"
            raise EC2ClientError("InvalidPermission.Duplicate", f'the specified rule "{named}" already exists')
        seen.append(rule)


def _check_quota(group: SecurityGroup, region: str) -> None:
    """References to groups and prefix lists count in both families; a list counts once here, not with its size."""
    v4 = sum(1 for rule in group.ingress_rules if rule.cidr_ipv4)
    v6 = sum(1 for rule in group.ingress_rules if rule.cidr_ipv6)
    references = len(group.ingress_rules) - v4 - v6
    if references + max(v4, v6) > rules_granted.get(region, RULES_PER_GROUP):
        raise RulesPerSecurityGroupLimitExceededError


def _named_rules(response: SecurityGroups, group: SecurityGroup, request: dict[str, Any]) -> list[SecurityGroupRule]:
    if ids := request["security_rule_ids"]:
        by_id = {rule.id: rule for rule in group.ingress_rules}
        for rule_id in ids:
            if rule_id not in by_id:
                raise InvalidSecurityGroupRuleIdNotFoundError(rule_id)
        return [by_id[rule_id] for rule_id in ids]
    request["ip_ranges"] = [_canonical(ip_range) for ip_range in request["ip_ranges"]]
    named = []
    for rule in _rules_of(response, group, request):
        if rule not in group.ingress_rules:
            raise InvalidPermissionNotFoundError()
        named.append(group.ingress_rules[group.ingress_rules.index(rule)])
    return named


def _canonical(ip_range: dict[str, str]) -> dict[str, str]:
    """AWS clears host bits and keeps one spelling; what does not parse is left for moto to refuse."""
    canonical = dict(ip_range)
    for key in ("CidrIp", "CidrIpv6"):
        try:
            if key in canonical:
                canonical[key] = str(ipaddress.ip_network(canonical[key], strict=False))
        except ValueError:
            pass
    return canonical


def shown(rule: SecurityGroupRule) -> dict[str, Any]:
    """An ingress rule as DescribeSecurityGroupRules shows it."""
    attributes = {
        "SecurityGroupRuleId": rule.id,
        "GroupId": rule.group_id,
        "GroupOwnerId": rule.owner_id,
        "IsEgress": False,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.cidr_ipv4,
        "CidrIpv6": rule.cidr_ipv6,
        "PrefixListId": rule.prefix_list_id,
        "Description": rule.description,
        "Tags": rule.get_tags(),
    }
    return {key: value for key, value in attributes.items() if value is not None}
