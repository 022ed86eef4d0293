"""The control endpoint of the moto process: what tests need and AWS does not offer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import moto.core.model_instances as model_instances
from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends

from . import accounts, moto_fixes
from .events import Journal
from .lifecycle import Lifecycle
from .names import ACCOUNT


class Control:
    """One method per path below `/_rig/`; arguments come from the query string or a JSON body."""

    def __init__(self, lifecycle: Lifecycle, journal: Journal) -> None:
        self._lifecycle = lifecycle
        self._journal = journal
        self._calls: Counter[tuple[str, str, str]] = Counter()

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Runs the method `do_NAME`."""
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise LookupError(f"no such control: {name}")
        return method(**arguments)

    def count(self, region: str, service: str, action: str) -> None:
        """Notes one AWS call."""
        self._calls[(region, service, action)] += 1

    def do_health(self) -> dict[str, Any]:
        """Answers when the server serves."""
        return {"ok": True}

    def do_reset(self) -> dict[str, Any]:
        """Empties every region, the journal and the counts; event delivery stays as it is."""
        self._lifecycle.forget_everything()
        for backends in (autoscaling_backends, ec2_backends):
            backends.reset()
        model_instances.reset_model_data()
        moto_fixes.next_addresses.clear()
        moto_fixes.rules_granted.clear()
        accounts.instead.clear()
        self._journal.clear()
        self._calls.clear()
        return {"ok": True}

    def do_calls(self, reset: bool = False) -> list[dict[str, Any]]:
        """AWS calls so far, by region, service and action."""
        rows = [
            {"region": region, "service": service, "action": action, "count": count}
            for (region, service, action), count in sorted(self._calls.items())
        ]
        if reset:
            self._calls.clear()
        return rows

    def do_events(
        self, region: str | None = None, since: int | str = 0, group: str | None = None
    ) -> list[dict[str, Any]]:
        """Events of the journal from position `since` (counted over all regions), of one group if it is named."""
        found = self._journal.read(region, int(since))
        return [event for event in found if group in (None, event["detail"].get("AutoScalingGroupName"))]

    def do_clear_events(self) -> dict[str, Any]:
        """Empties the journal."""
        self._journal.clear()
        return {"ok": True}

    def do_deliver_to(self, endpoint: str | None) -> dict[str, Any]:
        """Sends events from now on to the EventBridge at this URL."""
        self._journal.deliver_to(endpoint)
        return {"ok": True}

    def do_actions(self) -> list[dict[str, Any]]:
        """Lifecycle actions that wait for an answer."""
        return self._lifecycle.actions()

    def do_completions(self, group: str | None = None) -> list[dict[str, Any]]:
        """Lifecycle actions that were answered, with what security groups let in at that moment."""
        return [done for done in self._lifecycle.completions() if group in (None, done["group"])]

    def do_instances(self, region: str, group: str | None = None, account: str = ACCOUNT) -> list[dict[str, Any]]:
        """Instances listed in the region's groups, with their addresses as EC2 has them."""
        groups = autoscaling_backends[account][region].autoscaling_groups
        return [
            {
                "id": state.instance_id,
                "group": name,
                "lifecycle_state": state.lifecycle_state,
                "ec2_state": state.instance._state.name,
                "public_ip": state.instance.public_ip if state.instance.nics else None,
                "private_ip": state.instance.private_ip if state.instance.nics else None,
            }
            for name, found in groups.items()
            if group in (None, name)
            for state in found.instance_states
        ]

    def do_rules(self, groups: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
        """The ingress rules of one security group of each of these regions, as EC2 shows them, ordered by id."""
        found = {}
        for region, group_id in groups.items():
            group = ec2_backends[ACCOUNT][region].get_security_group_from_id(group_id)
            rules = [moto_fixes.shown(rule) for rule in group.ingress_rules] if group else []
            for rule in rules:
                rule["Tags"] = [{"Key": tag["key"], "Value": tag["value"]} for tag in rule["Tags"]]
            found[region] = sorted(rules, key=lambda rule: str(rule["SecurityGroupRuleId"]))
        return found

    def do_seed(self, region: str, group: str, count: int, account: str = ACCOUNT) -> list[str]:
        """Adds instances that are in service at once, without hooks; returns their ids."""
        found = autoscaling_backends[account][region].autoscaling_groups[group]
        found.desired_capacity = (found.desired_capacity or 0) + count
        found.max_size = max(found.max_size or 0, found.desired_capacity)
        return [state.instance_id for state in self._lifecycle.launch(found, count, hooks=False)]

    def do_end(self, region: str, group: str, instance: str, account: str = ACCOUNT) -> dict[str, Any]:
        """Terminates an instance at once, without hooks; lowers the capacity."""
        found = autoscaling_backends[account][region].autoscaling_groups[group]
        (state,) = [state for state in found.instance_states if state.instance_id == instance]
        self._lifecycle.terminate(found, state, hooks=False)
        found.desired_capacity = (found.desired_capacity or 1) - 1
        return {"ok": True}

    def do_answer_for_role(self, role_arn: str, account: str) -> dict[str, Any]:
        """Lets STS give credentials of another account than the role's."""
        accounts.instead[role_arn] = account
        return {"ok": True}

    def do_grant_rules(self, region: str, rules: int) -> dict[str, Any]:
        """Raises or lowers the quota of inbound rules per security group (L-0EA8095F)."""
        moto_fixes.rules_granted[region] = rules
        return {"ok": True}

    def do_next_addresses(self, addresses: list[str]) -> dict[str, Any]:
        """Public addresses for the next launches, in order, e.g. one that was released."""
        moto_fixes.next_addresses.extend(addresses)
        return {"ok": True}
