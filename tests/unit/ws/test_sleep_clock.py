"""A clock that goes on while the machine sleeps."""

from __future__ import annotations

import pytest

from kraken_connector.ws.base.sleep_clock import SleepClock


class Clocks:
    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 1_790_337_600.0
        self.clock = SleepClock(lambda: self.monotonic, lambda: int(self.wall * 1e9))
        self.began = self.clock.now()

    def after(self, monotonic: float, wall: float) -> float:
        """Move both clocks, and return how much time has passed since the beginning."""
        self.monotonic += monotonic
        self.wall += wall
        return self.clock.now() - self.began


def test_it_follows_the_monotonic_clock() -> None:
    assert Clocks().after(5.0, 5.0) == pytest.approx(5.0)


def test_time_counts_during_which_the_monotonic_clock_stood_still() -> None:
    clocks = Clocks()
    assert clocks.after(1.0, 61.0) == pytest.approx(61.0)
    assert clocks.after(1.0, 1.0) == pytest.approx(62.0)


def test_wall_clock_that_is_set_back_changes_nothing() -> None:
    clocks = Clocks()
    assert clocks.after(1.0, -3600.0) == pytest.approx(1.0)
    assert clocks.after(1.0, 9.0) == pytest.approx(9.0 + 1.0)


def test_wall_clock_that_gains_a_little_at_a_time_counts_in_the_end() -> None:
    clocks = Clocks()
    passed = [clocks.after(1.0, 1.01) for _ in range(1000)]
    assert 1009.8 < passed[-1] <= 1010.1


def test_jitter_of_reading_two_clocks_adds_up_to_nothing() -> None:
    clocks = Clocks()
    passed = [clocks.after(0.001, 0.001 + (0.05 if i % 2 else -0.05)) for i in range(10_000)]
    assert passed[-1] == pytest.approx(10.0, abs=0.11)


def test_no_two_readings_are_equal() -> None:
    clocks = Clocks()
    assert 0 < clocks.after(0.0, 0.0) < clocks.after(0.0, 0.0) < clocks.after(0.0, -1.0) < 1e-9
