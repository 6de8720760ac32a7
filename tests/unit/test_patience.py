"""Patience counts the time in which the process could run, and no other."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from tests import patience
from tests.patience import LONGEST_STEP, PatientClock


class Source:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_seconds_between_readings_count() -> None:
    source = Source()
    clock = PatientClock(source)
    start = clock.read()
    for _ in range(10):
        source.now += LONGEST_STEP / 2
        clock.read()
    assert clock.read() - start == 5 * LONGEST_STEP
    assert clock.lost == 0


def test_requested_waits_count() -> None:
    source = Source()
    clock = PatientClock(source)
    start = clock.read()
    clock.wait(30)
    source.now += 30
    assert clock.read() - start == 30


def test_standstill_does_not_count() -> None:
    source = Source()
    clock = PatientClock(source)
    start = clock.read()
    clock.wait(2)
    source.now += 3600
    assert clock.read() - start == 2 + LONGEST_STEP
    assert clock.lost == 3600 - 2 - LONGEST_STEP


def test_timeouts_outlast_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monotonic, skipped = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + skipped)

    async def main() -> bool:
        nonlocal skipped
        skipped = 0.0
        async with asyncio.timeout(10):
            skipped = 3600.0
            await asyncio.sleep(0.001)
        return patience.stood_still()

    assert patience.run(main())
    with pytest.raises(TimeoutError):
        asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="its loops for sockets start no processes")
async def test_tests_have_patience() -> None:
    assert isinstance(asyncio.get_running_loop(), patience.PatientLoop)
    assert not patience.stood_still()
