"""Starts and stops the moto process, and speaks to its control endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .children import Child
from .names import ACCOUNT, CREDENTIALS_ENV

_TIMEOUT_S = 60


class Moto:
    """EC2, Auto Scaling, STS and Service Quotas with lifecycle hooks, in a process of its own."""

    def __init__(self, work_dir: Path) -> None:
        # the stock images are not needed, and reading them costs a second at every reset
        options = {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        self._child = Child("rig.moto_server", work_dir, CREDENTIALS_ENV | options)
        self.url = ""

    def start(self) -> None:
        """Returns at once; see `wait_ready`."""
        self._child.start()

    def wait_ready(self) -> None:
        """Waits until it serves."""
        self.url = f"http://127.0.0.1:{self._child.wait_ready()['port']}"

    def stop(self) -> None:
        """Ends it; its state is gone."""
        self._child.stop()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines it wrote."""
        return self._child.log_tail(lines)

    # -- control ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Empties every region, the journal and the counts."""
        self._control("reset")

    def deliver_events_to(self, endpoint: str | None) -> None:
        """Sends events from now on to the EventBridge at this URL; None stops it."""
        self._control("deliver_to", endpoint=endpoint)

    def events(self, region: str | None = None, since: int = 0, group: str | None = None) -> list[dict[str, Any]]:
        """Events as a rule's target would receive them, oldest first."""
        return list(self._control("events", region=region, since=since, group=group))

    def lifecycle_events(self, region: str | None = None, group: str | None = None) -> list[dict[str, Any]]:
        """Only the hook events."""
        events = self.events(region, group=group)
        return [event for event in events if event["detail-type"].endswith("Lifecycle Action")]

    def clear_events(self) -> None:
        """Empties the journal."""
        self._control("clear_events")

    def calls(self, region: str | None = None, reset: bool = False) -> dict[str, int]:
        """AWS calls that reached moto, by action, the tests' own included (the proxy counts callers apart)."""
        counts: dict[str, int] = {}
        for row in self._control("calls", reset=reset):
            if region in (None, row["region"]):
                counts[row["action"]] = counts.get(row["action"], 0) + row["count"]
        return counts

    def actions(self) -> list[dict[str, Any]]:
        """Lifecycle actions that wait: region, group, hook, instance, transition, token."""
        return list(self._control("actions"))

    def completions(self, group: str | None = None) -> list[dict[str, Any]]:
        """Lifecycle actions that were answered: as `actions`, with `result`, the instance's `address`, and `admitted`:
        what each security group let in at that very moment."""
        return list(self._control("completions", group=group))

    def instances(self, region: str, group: str | None = None, account: str = ACCOUNT) -> list[dict[str, Any]]:
        """Instances listed in groups: id, group, lifecycle_state, ec2_state, public_ip, private_ip."""
        return list(self._control("instances", region=region, group=group, account=account))

    def rules(self, groups: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
        """The ingress rules of one security group of each of these regions, as DescribeSecurityGroupRules shows them,
        without the cost of asking it."""
        return dict(self._control("rules", groups=groups))

    def seed(self, region: str, group: str, count: int, account: str = ACCOUNT) -> list[str]:
        """Adds instances that are in service at once, without hooks; raises the capacity; returns their ids."""
        return list(self._control("seed", region=region, group=group, count=count, account=account))

    def end(self, region: str, group: str, instance: str) -> None:
        """Terminates an instance at once, without hooks; lowers the capacity."""
        self._control("end", region=region, group=group, instance=instance)

    def answer_for_role(self, role_arn: str, account: str) -> None:
        """Lets STS give credentials of another account than the role's, until `reset`."""
        self._control("answer_for_role", role_arn=role_arn, account=account)

    def grant_rules(self, region: str, rules: int) -> None:
        """Raises or lowers the region's quota of inbound rules per security group, until `reset`."""
        self._control("grant_rules", region=region, rules=rules)

    def next_addresses(self, *addresses: str) -> None:
        """Public addresses for the next launches, e.g. one that was just released."""
        self._control("next_addresses", addresses=list(addresses))

    def _control(self, name: str, **arguments: Any) -> Any:
        request = Request(f"{self.url}/_rig/{name}", json.dumps(arguments).encode(), method="POST")
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise RuntimeError(error.read().decode()) from error
