"""`Engine.feed`: frame bytes to verified book, beside decoding the same frames with orjson."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from benches import corpus, workloads

Measure = Callable[..., None]
STREAMS = {**corpus.streams(), **corpus.captured()}
CROWD = 1000


@pytest.mark.parametrize("name", STREAMS)
def test_bench_feed(measure: Measure, core: Any, name: str) -> None:
    measure(workloads.feed(core, STREAMS[name]), f"book updates of {name}")


@pytest.mark.parametrize("name", STREAMS)
def test_bench_feed_baseline_orjson(measure: Measure, name: str) -> None:
    updates = STREAMS[name].frames[1:]
    measure(workloads.loads(orjson.loads, updates), f"book updates of {name}")


@pytest.mark.parametrize("name", STREAMS)
def test_bench_snapshot(measure: Measure, core: Any, name: str) -> None:
    measure(workloads.snapshot(core, STREAMS[name]), f"snapshot of {name}")


@pytest.mark.parametrize("name", STREAMS)
def test_bench_snapshot_baseline_orjson(measure: Measure, name: str) -> None:
    snapshots = STREAMS[name].frames[:1] * 10
    measure(workloads.loads(orjson.loads, snapshots), f"snapshot of {name}")


@pytest.mark.parametrize("symbols", [1, CROWD])
def test_bench_symbols(measure: Measure, core: Any, symbols: int) -> None:
    frames = corpus.crowd(symbols, 5 * CROWD // symbols)
    measure(workloads.feed_crowd(core, frames, symbols), "updates of one or many symbols")
