"""What the functions tell CloudWatch: one line a run, in the embedded metric format, among everything else they log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from product import EAST, Product
from rig import Fault, World


def metrics_in(logs: Iterable[str]) -> list[dict[str, Any]]:
    """The lines that CloudWatch takes for metrics."""
    return [line for text in logs if text.startswith("{") and "_aws" in (line := json.loads(text))]


def test_a_true_up_reports_how_full_the_fullest_group_is(world: World) -> None:
    """Three instances and the bastion's rule are four of ten; nothing else is worth a word."""
    world.seed(EAST, 3)
    with Product(world, world.mesh_toml("[limits]\nrules_per_group = 10")) as product:
        product.true_up()
        result = product.invoke({"trueup": True}, EAST, "trueup")
    (line,) = metrics_in(result.logs)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("sgsync", [["mesh", "member"]])
    assert (line["mesh"], line["member"]) == (world.mesh, EAST)
    assert line["QuotaUsedPercent"] == 40
    quiet = ("PeersStale", "RemovalsHeld", "Failures", "HooksAbandoned", "HooksRetried")
    assert {name: line[name] for name in quiet} == dict.fromkeys(quiet, 0)


def test_a_launch_that_does_not_fit_moves_the_metric_of_its_alarm(world: World) -> None:
    """The group is full; the hook is answered ABANDON."""
    world.seed(EAST, 3)
    with Product(world, world.mesh_toml("[limits]\nrules_per_group = 4")) as product:
        product.true_up()
        delivery = product.drain(product.launch(EAST, 1))
        assert set(delivery.hooks.values()) == {"ABANDON"}
        (line,) = metrics_in(delivery.result.logs)
    assert line["HooksAbandoned"] == 1
    assert line["QuotaUsedPercent"] == 100
    assert line["Findings"] > 0


def test_a_target_that_keeps_failing_moves_a_metric_though_the_function_ends_well(world: World) -> None:
    """Lambda's own Errors stays 0: the answer is a report."""
    world.seed(EAST, 1)
    with Product(world) as product:
        denied = {"error_code": "UnauthorizedOperation", "status": 403}
        fault = world.rig.proxy.add(Fault("error", region=EAST, action="AuthorizeSecurityGroupIngress", **denied))
        for _ in range(2):
            result = product.invoke({"trueup": True}, EAST, "trueup")
            assert result.ok
            assert {one["region"]: one["status"] for one in result.value["targets"]}[EAST] == "failed"
            (line,) = metrics_in(result.logs)
            assert line["Failures"] > 0
        world.rig.proxy.heal(fault)
        (line,) = metrics_in(product.invoke({"trueup": True}, EAST, "trueup").logs)
        assert line["Failures"] == 0
