"""The rig itself: the proxy's faults and counts, the runtime API, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from rig import ACCOUNT, Fault, Function, Rig, World, wait_until
from rig.faults import Mode
from rig.names import CREDENTIALS

EAST, WEST = "us-east-1", "us-west-2"


def through_proxy(rig: Rig, service: str, region: str, caller: str) -> Any:
    config = Config(read_timeout=1, connect_timeout=1, retries={"total_max_attempts": 1})
    url = rig.proxy.url(caller)
    return boto3.client(service, region_name=region, endpoint_url=url, config=config, **CREDENTIALS)


def test_the_proxy_routes_and_counts(world: World) -> None:
    through_proxy(world.rig, "ec2", WEST, EAST).describe_vpcs()
    through_proxy(world.rig, "dynamodb", WEST, EAST).list_tables()
    assert through_proxy(world.rig, "sts", EAST, EAST).get_caller_identity()["Account"] == ACCOUNT
    assert world.rig.proxy.calls(EAST, WEST) == {"ec2:DescribeVpcs": 1, "dynamodb:ListTables": 1}
    assert world.rig.proxy.calls(WEST) == {}


def test_a_cut_hits_one_caller_and_heals(world: World) -> None:
    proxy = world.rig.proxy
    peer, local = (through_proxy(world.rig, "ec2", WEST, caller) for caller in (EAST, WEST))
    cut = proxy.cut(WEST, caller=EAST)
    with pytest.raises(ReadTimeoutError):
        peer.describe_vpcs()
    local.describe_vpcs()
    assert cut.hits == 1
    proxy.heal(cut)
    peer.describe_vpcs()


def test_faults_refuse_answer_and_lose_replies(world: World) -> None:
    proxy, ec2 = world.rig.proxy, through_proxy(world.rig, "ec2", EAST, EAST)
    proxy.add(Fault("refuse", times=1))
    with pytest.raises(ConnectionClosedError):
        ec2.describe_vpcs()
    proxy.add(Fault("error", action="DescribeVpcs", times=1, error_code="RequestLimitExceeded"))
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        ec2.describe_vpcs()
    proxy.add(Fault("lose-reply", action="CreateVpc", times=1))
    before = len(ec2.describe_vpcs()["Vpcs"])
    with pytest.raises(ReadTimeoutError):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1


def test_a_reply_that_is_reset_took_effect(world: World) -> None:
    ec2 = through_proxy(world.rig, "ec2", EAST, EAST)
    before = len(ec2.describe_vpcs()["Vpcs"])
    world.rig.proxy.add(Fault("reset-reply", action="CreateVpc"))
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1


@pytest.mark.parametrize(("mode", "made"), [("refuse", 0), ("reset-reply", 1)])
def test_a_fault_hits_the_call_it_is_meant_for_and_acts_before_or_after_it(world: World, mode: Mode, made: int) -> None:
    ec2 = through_proxy(world.rig, "ec2", EAST, EAST)
    past = world.rig.client("ec2", EAST)
    before, seen = len(past.describe_vpcs()["Vpcs"]), []
    act = Fault(mode, action="CreateVpc", skip=2, times=1, then=lambda: seen.append(len(past.describe_vpcs()["Vpcs"])))
    world.rig.proxy.add(act)
    for number in range(2):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.2.0.0/16")
    ec2.create_vpc(CidrBlock="10.3.0.0/16")
    assert seen == [before + 2 + made]
    assert act.hits == 1


def test_a_tape_has_every_request_of_its_caller(world: World) -> None:
    proxy = world.rig.proxy
    tape = proxy.tape(WEST)
    proxy.add(Fault("refuse", caller=WEST, action="DescribeSubnets"))
    through_proxy(world.rig, "ec2", EAST, EAST).describe_vpcs()
    own = through_proxy(world.rig, "ec2", EAST, WEST)
    own.create_vpc(CidrBlock="10.9.0.0/16")
    with pytest.raises(ConnectionClosedError):
        own.describe_subnets()
    assert [(request.call.region, request.call.action) for request in tape] == [
        (EAST, "CreateVpc"),
        (EAST, "DescribeSubnets"),
    ]
    assert b"CidrBlock=10.9.0.0%2F16" in tape[0].body
    assert proxy.tape(WEST) == []


def test_latency_is_added(world: World) -> None:
    world.rig.proxy.latency(WEST, 0.3)
    started = time.monotonic()
    through_proxy(world.rig, "ec2", WEST, EAST).describe_vpcs()
    assert 0.3 <= time.monotonic() - started < 0.9


#: A stand-in for a product binary: echoes the event and its surroundings, or misbehaves as the event says.
BINARY = f"#!{sys.executable}\n" + textwrap.dedent(
    """
    import json, os, sys, time, urllib.request
    api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
    def post(path, body):
        urllib.request.urlopen(urllib.request.Request(api + path, json.dumps(body).encode(), method="POST")).read()
    if os.environ.get("FAIL_INIT"):
        post("init/error", {"errorType": "Bad", "errorMessage": "mesh: nothing good"})
        sys.exit(1)
    while True:
        with urllib.request.urlopen(api + "invocation/next") as answer:
            event, headers = json.loads(answer.read()), answer.headers
        request = "invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
        print("handling", event, flush=True)
        if event == "crash":
            os._exit(3)
        if event == "hang":
            time.sleep(60)
        if event == "fail":
            post(request + "/error", {"errorType": "Oops", "errorMessage": "no"})
            continue
        left = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time()
        post(request + "/response", {
            "event": event, "arn": headers["Lambda-Runtime-Invoked-Function-Arn"], "left": left, "pid": os.getpid(),
            "mesh": os.environ.get("SGSYNC_MESH"), "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
            "ec2": os.environ.get("AWS_ENDPOINT_URL_EC2"), "region": os.environ["AWS_REGION"],
        })
    """
)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "bootstrap"
    path.write_text(BINARY)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def function(rig: Rig, binary: Path) -> Iterator[Function]:
    with rig.function(binary, WEST, mesh="the mesh", name="lifecycle") as started:
        yield started


def test_a_function_answers_and_stays_warm(rig: Rig, function: Function) -> None:
    first = function.invoke({"a": 1}, deadline_s=10)
    assert first.ok, first
    assert first.value["event"] == {"a": 1}
    assert first.value["arn"] == f"arn:aws:lambda:{WEST}:{ACCOUNT}:function:lifecycle"
    assert 9 < first.value["left"] <= 10
    assert (first.value["mesh"], first.value["region"]) == ("the mesh", WEST)
    assert first.value["endpoint"] == first.value["ec2"] == rig.proxy.url(WEST)
    assert first.logs == ["handling {'a': 1}"]
    second = function.invoke("again")
    assert second.value["pid"] == first.value["pid"]
    assert second.logs == ["handling again"]


@pytest.mark.parametrize(
    ("event", "kind"), [("fail", "Oops"), ("crash", "Runtime.ExitError"), ("hang", "Sandbox.Timedout")]
)
def test_a_failing_function_is_an_error_and_recovers(function: Function, event: str, kind: str) -> None:
    result = function.invoke(event, deadline_s=1)
    assert result.error is not None and result.error["errorType"] == kind
    assert function.invoke("fine").ok


def test_an_init_error_reaches_the_caller(rig: Rig, binary: Path) -> None:
    with rig.function(binary, EAST, env={"FAIL_INIT": "1"}) as function:
        for _ in range(2):
            result = function.invoke({}, deadline_s=10)
            assert result.error is not None and result.error["errorMessage"] == "mesh: nothing good"


def test_ten_functions_run_side_by_side(rig: Rig, binary: Path) -> None:
    functions = [rig.function(binary, EAST, name=f"f{number}") for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda function: function.invoke({}), functions))
    assert len({result.value["pid"] for result in results}) == 10


def test_a_deployed_function_runs_in_ministack(rig: Rig, binary: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "zipfile", "-c", str(tmp_path / "f.zip"), str(binary)], check=True)
    code = {"ZipFile": (tmp_path / "f.zip").read_bytes()}
    client, name = rig.client("lambda", WEST), f"deployed-{os.getpid()}"
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    client.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role, Code=code, Timeout=5,
        Environment={"Variables": {"SGSYNC_MESH": "deployed"}},
    )  # fmt: skip
    wait_until("the function", lambda: client.get_function(FunctionName=name)["Configuration"]["State"] == "Active")
    answers = [json.loads(client.invoke(FunctionName=name, Payload=b'{"n": 1}')["Payload"].read()) for _ in range(2)]
    assert answers[0]["pid"] == answers[1]["pid"]
    assert answers[0]["arn"].startswith(f"arn:aws:lambda:{WEST}:{ACCOUNT}:function:{name}")
    assert (answers[0]["mesh"], answers[0]["ec2"]) == ("deployed", rig.proxy.url(WEST))
    assert rig.ministack.function_log(name, WEST) == ["handling {'n': 1}"] * 2


@pytest.mark.parametrize("ending", ["leave", "raise", "kill"])
def test_no_process_outlives_the_rig(tmp_path: Path, ending: str) -> None:
    script = textwrap.dedent(
        f"""
        import os, pathlib, sys, time
        from rig import Rig
        with Rig(work_dir=pathlib.Path({str(tmp_path)!r})) as rig:
            print(rig.moto._child._process.pid, rig.ministack._child._process.pid, flush=True)
            if {ending!r} == "raise":
                raise SystemExit("as a failing test does")
            if {ending!r} == "kill":
                os.kill(os.getpid(), 9)
        """
    )
    env = {"PYTHONPATH": str(Path(__file__).parent), "PATH": os.environ["PATH"]}
    output = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60)
    pids = [int(pid) for pid in output.stdout.split()]
    assert len(pids) == 2, output.stderr
    wait_until("the emulators' end", lambda: not any(runs(pid) for pid in pids), 5)


def runs(pid: int) -> bool:
    """Whether a process still runs; one that ended and that nobody has waited for yet has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False
