"""Fixtures for every emulated test: one rig for the whole run, one fresh world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

pytest.register_assert_rewrite("matrix.play", "matrix.watch")

from matrix.arena import Arena  # noqa: E402
from product import Product  # noqa: E402
from rig import REGIONS, Rig, World  # noqa: E402

#: A region that joins a mesh later.
THIRD = "eu-west-1"
_CALLS = Path(__file__).resolve().parents[2] / "target" / "iam-calls.jsonl"
_numbers = count(1)


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """The emulators and the proxy; started once, ended with the run, which leaves the functions' calls to tests/iam."""
    with Rig((*REGIONS, THIRD)) as started:
        yield started
        _CALLS.parent.mkdir(exist_ok=True)
        started.proxy.recorder.write(_CALLS)


@pytest.fixture
def world(rig: Rig) -> Iterator[World]:
    """A mesh of two regions under a name of its own, in an empty moto and with no fault in force."""
    rig.proxy.heal()
    rig.moto.reset()
    rig.proxy.reset_counts()
    yield World(rig, mesh=f"mesh-{next(_numbers)}")
    rig.proxy.heal()


@pytest.fixture
def product(world: World) -> Iterator[Product]:
    """The product's binaries, installed for the world; their processes end with the test."""
    with Product(world) as installed:
        yield installed


@pytest.fixture(scope="module")
def arena(rig: Rig, request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Plays the module's cases side by side, in the background; only those that are asked for."""
    items = [item for item in request.session.items if item.path == request.path]
    with Arena(rig) as arena:
        arena.begin(item.callspec.params["case"] for item in items if isinstance(item, pytest.Function))
        yield arena
