"""What the functions tell CloudWatch: one line a run, in the embedded metric format, among everything else they log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from product import EAST, Product
from rig import World


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
    assert line["PeersStale"] == line["RemovalsHeld"] == line["HooksAbandoned"] == line["HooksRetried"] == 0


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
