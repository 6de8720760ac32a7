"""The histogram of durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.ws.base.latency import LatencyHistogram


def filled(*durations: int) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for duration in durations:
        histogram.record(duration)
    return histogram


def test_an_empty_histogram_has_no_percentiles() -> None:
    empty = LatencyHistogram()
    assert empty.percentile(50) is None
    assert empty.summary() == {"count": 0, "p50": None, "p99": None, "p99.9": None, "max": None}


def test_percentiles_match_the_shares() -> None:
    histogram = filled(*[1_000] * 98, 1_000_000, 50_000_000)
    assert histogram.percentile(50) == pytest.approx(1e-6, rel=0.13)
    assert histogram.percentile(99) == pytest.approx(1e-3, rel=0.13)
    assert histogram.percentile(100) == 0.05


def test_a_clock_that_is_ahead_counts_as_no_time() -> None:
    assert filled(-5).summary()["max"] == 0


def test_durations_beyond_all_reason_count_as_the_longest() -> None:
    assert filled(2**70).summary()["max"] == (2**63 - 1) / 1e9


@given(st.integers(0, 2**62))
def test_a_percentile_is_never_too_small_and_at_most_an_eighth_too_large(duration: int) -> None:
    histogram = filled(duration, 2**63 - 1)
    found = histogram.percentile(50)
    assert found is not None
    assert duration / 1e9 <= found * (1 + 1e-12)
    assert found <= duration / 1e9 * 1.1251 + 1e-12


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_longer_percentiles_are_not_shorter(durations: list[int]) -> None:
    histogram = filled(*durations)
    found = [histogram.percentile(percent) or 0.0 for percent in (0, 10, 50, 90, 99, 100)]
    assert found == sorted(found)
    assert found[-1] == max(durations) / 1e9
