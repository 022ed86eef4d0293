"""The life of an instance in an Auto Scaling group, with the waiting that lifecycle hooks add to it.

This is the model only; `lifecycle_hooks` wires it into moto. Nothing here locks: the server handles one request at a
time, and the ticker takes the same lock.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState
from moto.ec2.models import ec2_backends

from .events import Event, Journal

LAUNCH = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATE = "autoscaling:EC2_INSTANCE_TERMINATING"

#: States that count towards the desired capacity.
_CAPACITY_STATES = {"Pending", "Pending:Wait", "Pending:Proceed", "InService"}

#: Auto Scaling slows launches down if they keep being abandoned; it publishes no figures, these keep tests short.
_FIRST_REPLACEMENT_DELAY_S = 1.0
_LONGEST_REPLACEMENT_DELAY_S = 30.0


@dataclass
class Action:
    """One lifecycle action: one instance waiting for one hook."""

    group: FakeAutoScalingGroup
    state: InstanceState
    hook: Any
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)
    expires: float = 0.0

    def __post_init__(self) -> None:
        self.heartbeat()

    def heartbeat(self) -> None:
        """Starts the timeout anew, within 100 heartbeats or 48 hours in all."""
        timeout = self.hook.heartbeat_timeout
        self.expires = min(time.monotonic() + timeout, self.started + min(100 * timeout, 172_800))

    def describe(self) -> dict[str, Any]:
        """For the control endpoint."""
        return {
            "region": self.group.region,
            "group": self.group.name,
            "hook": self.hook.name,
            "instance": self.state.instance_id,
            "transition": self.hook.lifecycle_transition,
            "token": self.token,
        }


class Lifecycle:
    """All groups of the server: launches, terminations, and the actions that hold them up."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._completions: list[dict[str, Any]] = []
        self._actions: list[Action] = []
        self._abandoned: dict[str, int] = defaultdict(int)
        self._replacements: list[tuple[float, FakeAutoScalingGroup]] = []

    # -- capacity ---------------------------------------------------------------------------------------------------

    def balance(self, group: FakeAutoScalingGroup) -> None:
        """Launches or terminates until the group has its desired capacity."""
        counted = [state for state in group.instance_states if state.lifecycle_state in _CAPACITY_STATES]
        missing = (group.desired_capacity or 0) - len(counted)
        suspended = "Launch" in [process["ProcessName"] for process in group.suspended_processes]
        if missing > 0 and not suspended:
            self.launch(group, missing)
        elif missing < 0:
            free = [state for state in counted if not state.protected_from_scale_in]
            in_service_first = sorted(free, key=lambda state: state.lifecycle_state != "InService")
            for state in in_service_first[:-missing]:
                self.terminate(group, state)

    def launch(self, group: FakeAutoScalingGroup, count: int, hooks: bool = True) -> list[InstanceState]:
        """Starts instances; with a launch hook they wait, else they are in service at once."""
        before = len(group.instance_states)
        group.replace_autoscaling_group_instances(count, group.get_propagated_tags())
        launched = group.instance_states[before:]
        for state in launched:
            if hooks and self._wait(group, state, LAUNCH):
                state.lifecycle_state = "Pending:Wait"
            else:
                self._in_service(group, state)
        return launched

    def terminate(self, group: FakeAutoScalingGroup, state: InstanceState, hooks: bool = True) -> None:
        """Takes an instance out of the group; with a terminate hook it waits first, running and addressed as before."""
        if state.lifecycle_state.startswith("Terminat"):
            return
        self._drop_actions(state)
        if hooks and self._wait(group, state, TERMINATE):
            state.lifecycle_state = "Terminating:Wait"
        else:
            self._terminated(group, state)

    def forget_group(self, group: FakeAutoScalingGroup) -> None:
        """Force-delete: instances end without hooks."""
        for state in list(group.instance_states):
            self._drop_actions(state)
            self._terminated(group, state)

    def forget_everything(self) -> None:
        """The server was reset."""
        self._completions.clear()
        self._actions.clear()
        self._abandoned.clear()
        self._replacements.clear()

    # -- actions ----------------------------------------------------------------------------------------------------

    def actions(self) -> list[dict[str, Any]]:
        """What waits at this moment."""
        return [action.describe() for action in self._actions]

    def completions(self) -> list[dict[str, Any]]:
        """What was answered since the last reset, each with what every security group let in at that very moment."""
        return list(self._completions)

    def find(self, group: str, region: str, hook: str, token: str | None, instance_id: str | None) -> Action:
        """The active action a request means, or the ValidationError that Auto Scaling answers (facts, section 3)."""
        for action in self._actions:
            named = action.group.name == group and action.group.region == region and action.hook.name == hook
            if named and (token == action.token if token else instance_id == action.state.instance_id):
                return action
        if token:
            raise ValidationError(f"No active Lifecycle Action found with token {token}")
        raise ValidationError(f"No active Lifecycle Action found with instance ID {instance_id}")

    def complete(self, action: Action, result: str) -> None:
        """Ends one action; the instance goes on when it was the last one, or at once on ABANDON."""
        self._actions.remove(action)
        instance, admitted = action.state.instance, _admitted()
        address = instance.public_ip if instance.nics else None
        self._completions.append(action.describe() | {"result": result, "address": address, "admitted": admitted})
        if result == "ABANDON":
            self._drop_actions(action.state)
        elif any(other.state is action.state for other in self._actions):
            return
        if action.hook.lifecycle_transition == TERMINATE:
            self._terminated(action.group, action.state)
        elif result == "ABANDON":
            self._launch_abandoned(action.group, action.state)
        else:
            self._abandoned.pop(action.group.arn, None)
            self._in_service(action.group, action.state)

    def complete_hook(self, hook: Any) -> None:
        """A hook is deleted: its launches are abandoned, its terminations go on."""
        for action in [action for action in self._actions if action.hook is hook]:
            if action in self._actions:
                self.complete(action, "ABANDON" if hook.lifecycle_transition == LAUNCH else "CONTINUE")

    def drop_instance(self, state: InstanceState) -> None:
        """The instance left the group in another way (detached): nothing waits for it any more."""
        self._drop_actions(state)

    def tick(self) -> None:
        """Ends overdue actions with their default result and replaces abandoned launches; called often."""
        now = time.monotonic()
        for action in [action for action in self._actions if action.expires <= now]:
            if action in self._actions:
                self.complete(action, action.hook.default_result)
        due = [group for at, group in self._replacements if at <= now]
        self._replacements = [waiting for waiting in self._replacements if waiting[0] > now]
        for group in due:
            self.balance(group)

    # -- transitions ------------------------------------------------------------------------------------------------

    def _wait(self, group: FakeAutoScalingGroup, state: InstanceState, transition: str) -> bool:
        hooks = group.autoscaling_backend.describe_lifecycle_hooks(group.name)
        hooks = [hook for hook in hooks if hook.lifecycle_transition == transition]
        for hook in hooks:
            action = Action(group, state, hook)
            self._actions.append(action)
            self._announce(action)
        return bool(hooks)

    def _drop_actions(self, state: InstanceState) -> None:
        self._actions = [action for action in self._actions if action.state is not state]

    def _in_service(self, group: FakeAutoScalingGroup, state: InstanceState) -> None:
        state.lifecycle_state = "InService"
        self.report(group, state.instance_id, "EC2 Instance Launch Successful", "Launching a new EC2 instance")

    def _terminated(self, group: FakeAutoScalingGroup, state: InstanceState) -> None:
        state.lifecycle_state = "Terminated"
        group.instance_states = [other for other in group.instance_states if other is not state]
        if state.instance._state.name != "terminated":
            group.ec2_backend.terminate_instances([state.instance_id])
        self.report(group, state.instance_id, "EC2 Instance Terminate Successful", "Terminating EC2 instance")

    def _launch_abandoned(self, group: FakeAutoScalingGroup, state: InstanceState) -> None:
        self.report(group, state.instance_id, "EC2 Instance Launch Unsuccessful", "Launching a new EC2 instance")
        self._terminated(group, state)
        failures = self._abandoned[group.arn]
        self._abandoned[group.arn] += 1
        delay = min(_FIRST_REPLACEMENT_DELAY_S * 2**failures, _LONGEST_REPLACEMENT_DELAY_S)
        self._replacements.append((time.monotonic() + delay, group))

    # -- events -----------------------------------------------------------------------------------------------------

    def _announce(self, action: Action) -> None:
        launching = action.hook.lifecycle_transition == LAUNCH
        detail = {
            "LifecycleActionToken": action.token,
            "AutoScalingGroupName": action.group.name,
            "LifecycleHookName": action.hook.name,
            "EC2InstanceId": action.state.instance_id,
            "LifecycleTransition": action.hook.lifecycle_transition,
            "Origin": "EC2" if launching else "AutoScalingGroup",
            "Destination": "AutoScalingGroup" if launching else "EC2",
        }
        if action.hook.notification_metadata is not None:  # absent, not empty, when the hook has none
            detail["NotificationMetadata"] = action.hook.notification_metadata
        kind = "launch" if launching else "terminate"
        self._publish(action.group, f"EC2 Instance-{kind} Lifecycle Action", [action.group.arn], detail)

    def report(self, group: FakeAutoScalingGroup, instance_id: str, detail_type: str, description: str) -> None:
        """Publishes what became of an instance."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        instance_arn = f"arn:aws:ec2:{group.region}:{group.account_id}:instance/{instance_id}"
        detail = {
            "StatusCode": "InProgress",  # even on success (facts, section 3)
            "Description": f"{description}: {instance_id}",
            "AutoScalingGroupName": group.name,
            "ActivityId": str(uuid.uuid4()),
            "RequestId": str(uuid.uuid4()),
            "EC2InstanceId": instance_id,
            "Cause": "",
            "Details": {},
            "StatusMessage": "",
            "StartTime": now,
            "EndTime": now,
        }
        self._publish(group, detail_type, [group.arn, instance_arn], detail)

    def _publish(self, group: FakeAutoScalingGroup, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
        self.journal.publish(Event(group.region, "aws.autoscaling", kind, resources, detail))


def _admitted() -> dict[str, list[str]]:
    """The IPv4 sources of every security group of every account and region, by group."""
    return {
        group.id: sorted({rule.cidr_ipv4 for rule in group.ingress_rules if rule.cidr_ipv4})
        for account in ec2_backends.values()
        for backend in account.values()
        for groups in backend.groups.values()
        for group in groups.values()
        if group.ingress_rules
    }
