"""Emulated AWS for sgsync: two emulators, one world, faults, and a Lambda runtime API; all on 127.0.0.1.

    with Rig() as rig:
        world = World(rig)
        world.scale("us-east-1", 3)

Semantics come from AWS's documentation, not from the emulators; docs/testing.md lists where they differ.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from .faults import Fault, Request
from .ministack import Ministack
from .moto import Moto
from .names import ACCOUNT, CREDENTIALS, CREDENTIALS_ENV, OTHER_ACCOUNT, REGIONS
from .region_proxy import RegionProxy
from .runtime_api import Function, Result
from .world import BASTION_CIDR, LAUNCH_HOOK, TERMINATE_HOOK, Member, Rule, World, wait_until

__all__ = [
    "ACCOUNT", "BASTION_CIDR", "CREDENTIALS_ENV", "Fault", "Function", "LAUNCH_HOOK", "Member", "OTHER_ACCOUNT", "REGIONS",
    "Request", "Result", "Rig", "Rule", "TERMINATE_HOOK", "World", "wait_until",
]  # fmt: skip

#: The proxy's caller name for whoever has none: the `sgsync` command line, functions of an unknown region.
ANYONE = "anyone"


class Rig:
    """moto, ministack and the proxy in front of them; a context manager that ends everything it started."""

    def __init__(
        self, regions: tuple[str, ...] = REGIONS, *, ministack: bool = True, work_dir: Path | None = None
    ) -> None:
        """`work_dir` keeps the logs; without it they go when the rig stops. Without ministack there are no tables."""
        self._own_dir = None if work_dir else Path(tempfile.mkdtemp(prefix="sgsync-rig-"))
        self.work_dir = work_dir or self._own_dir or Path()
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self.regions = regions
        self.moto = Moto(self.work_dir)
        self.proxy = RegionProxy()
        self._with_ministack = ministack
        self._ministack: Ministack | None = None
        self._functions: list[Function] = []
        self._clients: dict[tuple[str, str, str, str], Any] = {}
        self._client_lock = threading.Lock()

    @property
    def ministack(self) -> Ministack:
        """The ministack process."""
        if self._ministack is None:
            raise RuntimeError("this rig runs without ministack")
        return self._ministack

    def start(self) -> Rig:
        """Starts both emulators side by side and connects them."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends functions, proxy and emulators."""
        for function in self._functions:
            function.stop()
        self._functions.clear()
        self.proxy.stop()
        if self._ministack:
            self._ministack.stop()
        self.moto.stop()
        if self._own_dir:
            shutil.rmtree(self._own_dir, ignore_errors=True)

    def __enter__(self) -> Rig:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        self.proxy.start()
        self.moto.start()
        if self._with_ministack:
            callers = {region: self.endpoints(region) for region in self.regions}
            self._ministack = Ministack(self.work_dir, callers | {"*": self.endpoints(ANYONE)})
            self._ministack.start()
        self.moto.wait_ready()
        if self._ministack:
            self._ministack.wait_ready()
            self.moto.deliver_events_to(self._ministack.url)
        self.proxy.forward_to(self.moto.url, self._ministack.url if self._ministack else self.moto.url)

    # -- for processes ----------------------------------------------------------------------------------------------

    def endpoints(self, caller: str = ANYONE) -> dict[str, str]:
        """The variables that send an AWS SDK to this caller's proxy listener."""
        url = self.proxy.url(caller)
        return {"AWS_ENDPOINT_URL": url, "AWS_ENDPOINT_URL_EC2": url, "AWS_ENDPOINT_URL_AUTO_SCALING": url}

    def env(self, region: str, caller: str | None = None) -> dict[str, str]:
        """Endpoints, region and credentials for a process; the caller is its region unless named."""
        places = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        return self.endpoints(caller or region) | CREDENTIALS_ENV | places

    def deploy_env(self, region: str) -> dict[str, str]:
        """For tools that deploy (`sam deploy`): straight to ministack, past the proxy, so nothing is counted or cut."""
        places = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "SAM_CLI_TELEMETRY": "0"}
        return {"AWS_ENDPOINT_URL": self.ministack.url} | CREDENTIALS_ENV | places

    def function(
        self, binary: str | Path | list[str], region: str, mesh: str = "", caller: str | None = None, **options: Any
    ) -> Function:
        """A function from a binary, connected to this rig; ends with it. `options` go to `Function`."""
        env = self.env(region, caller) | ({"SGSYNC_MESH": mesh} if mesh else {}) | options.pop("env", {})
        function = Function(binary, region=region, env=env, **options)
        self._functions.append(function)
        return function

    # -- for tests --------------------------------------------------------------------------------------------------

    def client(self, service: str, region: str, emulator: str | None = None, account: str = ACCOUNT) -> Any:
        """A boto3 client past the proxy: what tests do themselves is neither counted nor cut."""
        emulator = emulator or ("moto" if service in ("ec2", "autoscaling", "sts", "service-quotas") else "ministack")
        key = (service, region, emulator, account)
        with self._client_lock:  # making clients is not thread-safe in boto3; using them is
            if key not in self._clients:
                import boto3
                from botocore.config import Config

                url = self.moto.url if emulator == "moto" else self.ministack.url
                config = Config(max_pool_connections=50, retries={"total_max_attempts": 1})
                keys = CREDENTIALS | {"aws_access_key_id": account}
                self._clients[key] = boto3.client(service, region_name=region, endpoint_url=url, config=config, **keys)
            return self._clients[key]
