"""What the benchmarks share: the cores that are installed, and how a workload is timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from benches.timing import Workload
from tests.conftest import core

__all__ = ["core", "measure"]

ROUNDS = 20


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
