"""Latency quantiles and message rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.cli.meter import Latency, Rate


@given(st.lists(st.integers(1, 10**10), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_quantile_is_near_the_exact_one(values: list[int], share: float) -> None:
    latency = Latency()
    for value in values:
        latency.add(value)
    ranked = sorted(values)
    exact = next(v for i, v in enumerate(ranked, 1) if i >= share * len(values))
    assert latency.quantile(share) == pytest.approx(exact, rel=0.05, abs=1)


def test_quantile_of_nothing_is_none() -> None:
    assert Latency().quantile(0.5) is None


@pytest.mark.parametrize("ns", [0, -5_000])
def test_clocks_that_disagree_do_not_break_it(ns: int) -> None:
    latency = Latency()
    latency.add(ns)
    assert latency.count == 1
    assert latency.view().doublings == {0: 1}


def test_view_counts_by_doublings() -> None:
    latency = Latency()
    for ns in (1024, 1500, 2047, 2048, 5000):
        latency.add(ns)
    view = latency.view()
    assert view.doublings == {10: 3, 11: 1, 12: 1}
    assert view.largest == 5000


def test_rate_starts_at_the_beginning_and_covers_a_window() -> None:
    rate = Rate(100.0, window=3.0)
    assert rate.per_second(101.0, 50) == 50
    assert rate.per_second(102.0, 100) == 50
    for second in range(103, 110):
        slow = rate.per_second(float(second), 100)
    assert slow == 0


def test_rate_needs_time_to_pass() -> None:
    assert Rate(100.0).per_second(100.0, 7) == 0
