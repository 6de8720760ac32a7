"""Contenders take turns, are checked, and are compared with their neighbours."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from benches.timing import (
    LEAST_ROUNDS,
    Spread,
    Workload,
    alternate,
    interleave,
    middle_and_tail,
    nanoseconds,
    percentiles,
    ratio,
)


def test_contenders_take_turns_in_alternating_order() -> None:
    calls: list[str] = []

    def contender(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    rounds = interleave({"a": lambda: contender("a"), "b": lambda: contender("b")}, seconds=0.0)
    warm_up, counted = calls[:2], calls[2:]
    assert warm_up == ["a", "b"]
    assert counted == ["b", "a", "a", "b"] * (LEAST_ROUNDS // 2) + ["b", "a"] * (LEAST_ROUNDS % 2)
    assert [len(taken) for taken in rounds.values()] == [LEAST_ROUNDS] * 2


def test_turns_with_several_figures_alternate_too() -> None:
    calls: list[str] = []

    def turn(name: str) -> dict[str, float]:
        calls.append(name)
        return {"wall": len(calls), "cpu": -len(calls)}

    taken = alternate({"a": lambda: turn("a"), "b": lambda: turn("b")}, 2)
    assert calls == ["b", "a", "a", "b"]
    assert taken == {
        "wall": {"a": [2, 3], "b": [1, 4]},
        "cpu": {"a": [-2, -3], "b": [-1, -4]},
    }


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentiles(range(1000)) == {"p50": 500, "p99": 990, "p99.9": 999}
    assert middle_and_tail(lambda: range(0, 1_000_000, 1000))() == {"p50": 500, "p99": 990}


def test_the_collector_is_quiet_while_the_clock_runs_and_back_afterwards() -> None:
    seen: list[bool] = []
    interleave({"a": lambda: seen.append(gc.isenabled()) or 1.0}, seconds=0.0)
    assert set(seen) == {False}
    assert gc.isenabled()


def test_a_ratio_is_computed_round_by_round() -> None:
    rounds = {"ours": [1.0, 10.0, 2.0], "theirs": [2.0, 20.0, 4.0]}
    assert ratio(rounds, "ours", "theirs") == Spread(0.5, 0.5, 0.5)


def test_a_wrong_result_does_not_count() -> None:
    def check(_: Any, result: Any) -> None:
        assert result == 2

    measure = nanoseconds(Workload(operations=1, run=lambda _: 3, check=check))
    with pytest.raises(AssertionError):
        measure()


def test_workloads_share_no_adaptive_code() -> None:
    def run(_: None) -> None:
        return None

    one, other = (Workload(operations=1, run=run, check=lambda *_: None) for _ in range(2))
    assert one.run.__code__ is not other.run.__code__
