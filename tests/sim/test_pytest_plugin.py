"""The fixture `simulated_exchange`, in a project of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["kraken_connector.sim.pytest_plugin"]'

TESTS = """
import json

import pytest
from websockets.asyncio.client import connect


async def test_fixture_runs_an_exchange(simulated_exchange):
    async with connect(simulated_exchange.url, proxy=None) as socket:
        assert json.loads(await socket.recv())["channel"] == "status"


@pytest.mark.simulated_exchange(symbols=["ETH/USD"], rate=0)
async def test_marker_passes_options(simulated_exchange):
    assert simulated_exchange.symbols == ["ETH/USD"]
"""


def test_fixture_and_marker(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\naddopts = --strict-markers\nasyncio_mode = auto\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
