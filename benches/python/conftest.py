"""What the benchmarks share: the cores that are there, and how a workload is timed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from benches.timing import Workload
from benches.workloads import cores

ROUNDS = 20


@pytest.fixture(params=["native", "pure"], scope="session")
def core(request: pytest.FixtureRequest) -> Any:
    """The module of one core."""
    module = cores().get(request.param)
    if module is None:
        reason = "the extension kraken_connector._native is not built"
        if os.environ.get("KRAKEN_CONNECTOR_REQUIRE_NATIVE"):
            pytest.fail(f"{reason}, but KRAKEN_CONNECTOR_REQUIRE_NATIVE is set")
        pytest.skip(reason)
    return module


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., None]:
    """Time a workload under a group's name, then check what it did."""

    def run(workload: Workload, group: str) -> None:
        last: list[Any] = [None]

        def setup() -> tuple[tuple[Any], dict[str, Any]]:
            last[0] = workload.prepare()
            return (last[0],), {}

        benchmark.group = f"{group}, {workload.operations} operations"
        result = benchmark.pedantic(workload.run, setup=setup, rounds=ROUNDS, warmup_rounds=1)
        workload.check(last[0], result)

    return run
