"""The moto plugin: puts `Lifecycle` behind moto's Auto Scaling and adds the operations moto lacks."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.autoscaling.models import (
    AutoScalingBackend,
    DetachInstanceActivity,
    FakeAutoScalingGroup,
    InstanceState,
    LifecycleHook,
    TerminateInstanceActivity,
)
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from .lifecycle import Lifecycle


class ResourceInUse(AutoscalingClientError):
    """An ordinary delete of a group that still has instances."""

    code = "ResourceInUse"
    message = (
        "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
        "still in the group."
    )


def install(lifecycle: Lifecycle) -> None:
    """Replaces what moto does with instances of a group; once per process."""
    _install_capacity(lifecycle)
    _install_departures(lifecycle)
    _install_group_operations(lifecycle)
    _install_hook_operations(lifecycle)
    _install_completions(lifecycle)


def _install_capacity(lifecycle: Lifecycle) -> None:
    def set_desired_capacity(group: FakeAutoScalingGroup, capacity: int | None) -> None:
        group.desired_capacity = group.min_size if capacity is None else capacity
        lifecycle.balance(group)

    FakeAutoScalingGroup.set_desired_capacity = set_desired_capacity


def _install_departures(lifecycle: Lifecycle) -> None:
    def terminate_instance(backend: AutoScalingBackend, instance_id: str, decrement: bool) -> TerminateInstanceActivity:
        group, state = _find(backend, instance_id)
        original = group.desired_capacity
        lifecycle.terminate(group, state)
        group.set_desired_capacity(original - 1 if decrement else original)
        return TerminateInstanceActivity(state.instance, original)

    def notify_terminate_instances(backend: AutoScalingBackend, instance_ids: list[str]) -> None:
        # Terminated directly in EC2: the hook runs when the instance, and its address, are already gone.
        for group in list(backend.autoscaling_groups.values()):
            for state in [state for state in group.instance_states if state.instance_id in instance_ids]:
                lifecycle.terminate(group, state)
                lifecycle.balance(group)

    detach = AutoScalingBackend.detach_instances

    def detach_instances(
        backend: AutoScalingBackend, group_name: str, instance_ids: list[str], decrement: bool
    ) -> list[DetachInstanceActivity]:
        group = backend.autoscaling_groups[group_name]
        for state in [state for state in group.instance_states if state.instance_id in instance_ids]:
            lifecycle.drop_instance(state)
        activities = detach(backend, group_name, instance_ids, decrement)
        for instance_id in instance_ids:
            lifecycle.report(group, instance_id, "EC2 Instance Detach Successful", "Detaching EC2 instance")
        return activities

    AutoScalingBackend.terminate_instance = terminate_instance
    AutoScalingBackend.notify_terminate_instances = notify_terminate_instances
    AutoScalingBackend.detach_instances = detach_instances


def _install_group_operations(lifecycle: Lifecycle) -> None:
    create = AutoScalingResponse.create_auto_scaling_group

    def create_auto_scaling_group(response: AutoScalingResponse) -> ActionResult:
        # moto drops this list; the hooks must be there before the first instance is.
        specifications = response._get_param("LifecycleHookSpecificationList", [])
        name = response._get_param("AutoScalingGroupName")
        for specification in specifications:
            _put_hook(response.autoscaling_backend, name, specification)
        try:
            return create(response)
        except Exception:
            for specification in specifications:
                response.autoscaling_backend.delete_lifecycle_hook(name, specification["LifecycleHookName"])
            raise

    def delete_auto_scaling_group(response: AutoScalingResponse) -> EmptyResult:
        backend, name = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
        group = backend.autoscaling_groups.get(name)
        if group is None:
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        if group.instance_states and not response._get_bool_param("ForceDelete", False):
            raise ResourceInUse()
        lifecycle.forget_group(group)
        del backend.autoscaling_groups[name]
        for hook in backend.describe_lifecycle_hooks(name):
            backend.delete_lifecycle_hook(name, hook.name)
        return EmptyResult()

    AutoScalingResponse.create_auto_scaling_group = create_auto_scaling_group
    AutoScalingResponse.delete_auto_scaling_group = delete_auto_scaling_group


def _install_hook_operations(lifecycle: Lifecycle) -> None:
    def put_lifecycle_hook(response: AutoScalingResponse) -> EmptyResult:
        name = response._get_param("AutoScalingGroupName")
        if name not in response.autoscaling_backend.autoscaling_groups:
            raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
        _put_hook(response.autoscaling_backend, name, response._get_params())
        return EmptyResult()

    def delete_lifecycle_hook(response: AutoScalingResponse) -> EmptyResult:
        group, name = response._get_param("AutoScalingGroupName"), response._get_param("LifecycleHookName")
        hook = response.autoscaling_backend.lifecycle_hooks.pop(f"{group}_{name}", None)
        if hook is None:
            raise ValidationError("No Lifecycle Hook found")
        lifecycle.complete_hook(hook)
        return EmptyResult()

    AutoScalingResponse.put_lifecycle_hook = put_lifecycle_hook
    AutoScalingResponse.delete_lifecycle_hook = delete_lifecycle_hook


def _install_completions(lifecycle: Lifecycle) -> None:
    def _action(response: AutoScalingResponse) -> Any:
        return lifecycle.find(
            group=response._get_param("AutoScalingGroupName"),
            region=response.region,
            hook=response._get_param("LifecycleHookName"),
            token=response._get_param("LifecycleActionToken"),
            instance_id=response._get_param("InstanceId"),
        )

    def complete_lifecycle_action(response: AutoScalingResponse) -> EmptyResult:
        result = response._get_param("LifecycleActionResult")
        if result not in ("CONTINUE", "ABANDON"):
            raise ValidationError(f"Lifecycle action result {result} is not valid")
        lifecycle.complete(_action(response), result)
        return EmptyResult()

    def record_lifecycle_action_heartbeat(response: AutoScalingResponse) -> EmptyResult:
        _action(response).heartbeat()
        return EmptyResult()

    AutoScalingResponse.complete_lifecycle_action = complete_lifecycle_action
    AutoScalingResponse.record_lifecycle_action_heartbeat = record_lifecycle_action_heartbeat


def _find(backend: AutoScalingBackend, instance_id: str) -> tuple[FakeAutoScalingGroup, InstanceState]:
    for group in backend.autoscaling_groups.values():
        for state in group.instance_states:
            if state.instance_id == instance_id:
                return group, state
    raise ValidationError(f"Instance Id not found - No managed instance found for instance ID {instance_id}")


def _put_hook(backend: AutoScalingBackend, group: str, wanted: dict[str, Any]) -> LifecycleHook:
    """Creates a hook, or changes the given fields of an existing one."""
    name = wanted["LifecycleHookName"]
    hook = backend.lifecycle_hooks.get(f"{group}_{name}")
    if hook is None:
        hook = backend.create_lifecycle_hook(name, group, wanted.get("LifecycleTransition"), None, None)
        # moto invents a role and a notification target for every hook, and has no metadata.
        hook.role_arn = hook.notification_target_arn = hook.notification_metadata = None
    if wanted.get("HeartbeatTimeout") is not None:
        hook.heartbeat_timeout = int(wanted["HeartbeatTimeout"])
    for attribute, key in (
        ("default_result", "DefaultResult"),
        ("notification_metadata", "NotificationMetadata"),
        ("role_arn", "RoleARN"),
        ("notification_target_arn", "NotificationTargetARN"),
    ):
        if wanted.get(key) is not None:
            setattr(hook, attribute, wanted[key])
    return hook
