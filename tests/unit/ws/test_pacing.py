"""Permits that refill with time."""

from __future__ import annotations

import pytest

from kraken_connector.ws.pacing import Pacer


def test_burst_then_rate() -> None:
    pacer = Pacer(rate=10.0, burst=3)
    assert [pacer.take(100.0) for _ in range(4)] == [True, True, True, False]
    due = pacer.next_permit(100.0)
    assert due == pytest.approx(100.1)
    assert not pacer.take(100.05)
    assert pacer.take(due)


def test_permits_are_not_saved_beyond_the_burst() -> None:
    pacer = Pacer(rate=10.0, burst=2)
    assert [pacer.take(1000.0) for _ in range(3)] == [True, True, False]


def test_next_permit_is_always_a_permit() -> None:
    pacer, now = Pacer(rate=7.0, burst=1), 0.1
    for _ in range(1000):
        now = pacer.next_permit(now)
        assert pacer.take(now)


def test_pauses_double_and_recover() -> None:
    pacer = Pacer(rate=10.0, burst=5, pause=1.0, longest=3.0)
    assert pacer.slow_down(10.0) == 1.0
    assert pacer.slow_down(10.5) == 0.0
    assert pacer.next_permit(10.5) == 11.0
    assert [pacer.slow_down(now) for now in (11.0, 13.0, 16.0)] == [2.0, 3.0, 3.0]
    pacer.recovered()
    assert pacer.slow_down(20.0) == 1.0
