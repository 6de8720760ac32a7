"""Permits that refill with time."""

from __future__ import annotations

import pytest

from kraken_connector.ws.base.pacing import Allowance, Pacer


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
    pacer = Pacer(rate=10.0, burst=5)
    assert pacer.slow_down(10.0) == 1.0
    assert pacer.slow_down(10.5) == 0.0
    assert pacer.next_permit(10.5) == 11.0
    pauses = [pacer.slow_down(now) for now in (11.0, 13.0, 17.0, 25.0, 41.0, 71.0)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    pacer.recovered()
    assert pacer.slow_down(101.0) == 1.0


def test_allowance_is_spent_within_a_window() -> None:
    allowance = Allowance(200)
    assert allowance.next_time(200, 10.0) == 10.0
    allowance.spend(150, 10.0)
    allowance.spend(50, 10.5)
    assert allowance.next_time(100, 10.5) == 10.0 + Allowance.WINDOW
    assert allowance.next_time(160, 10.5) == 10.5 + Allowance.WINDOW
    assert allowance.next_time(150, 11.25) == 11.25


def test_what_costs_nothing_waits_for_nothing() -> None:
    allowance = Allowance(10)
    allowance.spend(10, 1.0)
    allowance.slow_down(1.0)
    assert allowance.next_time(0, 1.0) == 1.0


def test_what_costs_more_than_the_allowance_takes_all_of_it() -> None:
    allowance = Allowance(50)
    assert allowance.next_time(100, 5.0) == 5.0
    allowance.spend(100, 5.0)
    assert allowance.next_time(5, 5.5) == 5.0 + Allowance.WINDOW


def test_refused_allowance_pauses_for_longer_each_time() -> None:
    allowance = Allowance(200)
    assert allowance.slow_down(10.0) == 1.0
    assert allowance.next_time(5, 10.0) == 11.0
    assert allowance.slow_down(11.0) == 2.0
    allowance.recovered()
    assert allowance.slow_down(20.0) == 1.0
