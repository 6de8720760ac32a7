"""Counts per second."""

from __future__ import annotations

import pytest

from kraken_connector.ws.protocol.rates import RateMeter


def test_rates_need_two_samples() -> None:
    meter = RateMeter()
    assert meter.per_second("frames") == {"frames": 0.0}
    meter.add(0.0, {"frames": 5})
    assert meter.per_second("frames") == {"frames": 0.0}


def test_rates_are_those_of_the_window_alone() -> None:
    meter = RateMeter()
    for second in range(31):
        steady = 100 * second
        burst = 5_000 if second >= 5 else 0
        meter.add(float(second), {"frames": steady + burst, "bytes": second})
    assert meter.per_second("frames", "bytes") == pytest.approx({"frames": 100.0, "bytes": 1.0})


def test_samples_are_due_at_intervals() -> None:
    meter = RateMeter()
    assert meter.is_due(0.0)
    meter.add(0.0, {})
    assert not meter.is_due(RateMeter.INTERVAL - 0.1)
    assert meter.is_due(RateMeter.INTERVAL)
    meter.forget()
    assert meter.is_due(0.1)
