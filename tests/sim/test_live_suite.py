"""The opt-in suite for the real exchange, run against the simulated one."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from kraken_connector.sim import SimulatedExchange

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SYMBOLS = ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD"]


async def run_suite(**environment: str) -> tuple[int, str]:
    """Run the suite in a process of its own, one line of output to a test."""
    kept = {name: value for name, value in os.environ.items() if "KRAKEN_API" not in name}
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "pytest",
            "-v",
            "-p",
            "no:cacheprovider",
            "-m",
            "live",
            "tests/live",
        ),
        cwd=ROOT,
        env={**kept, "NO_PROXY": "*", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.timeout(180)
async def test_suite_passes_with_a_key() -> None:
    async with SimulatedExchange(symbols=SYMBOLS, hosts="three", rate=50) as sim:
        code, output = await run_suite(
            KRAKEN_LIVE_URL=sim.url,
            KRAKEN_LIVE_AUTH_URL=sim.auth_url,
            KRAKEN_LIVE_LEVEL3_URL=sim.level3_url,
            KRAKEN_LIVE_REST_URL=sim.rest_url,
            KRAKEN_LIVE_SECONDS="1",
            KRAKEN_LIVE_TRADING="1",
            KRAKEN_API_KEY=sim.api_key,
            KRAKEN_API_SECRET=sim.api_secret,
        )
        assert code == 0, output
        assert "SKIPPED" not in output
        assert sim.account.open_orders == []


@pytest.mark.timeout(120)
async def test_nothing_private_runs_without_a_key() -> None:
    async with SimulatedExchange(symbols=SYMBOLS, hosts="three", rate=50) as sim:
        code, output = await run_suite(
            KRAKEN_LIVE_URL=sim.url,
            KRAKEN_LIVE_AUTH_URL=sim.auth_url,
            KRAKEN_LIVE_LEVEL3_URL=sim.level3_url,
            KRAKEN_LIVE_SECONDS="0.5",
        )
        assert code == 0, output
        results = set(re.findall(r"^tests/live/test_(\w+)\.py::\S+ (\w+)", output, re.MULTILINE))
        assert results == {("private", "SKIPPED"), ("trading", "SKIPPED"), ("public", "PASSED")}
        assert sim.tokens.issued == 0
