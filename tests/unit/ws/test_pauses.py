"""A suspended process, and reading that was paused."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import SECOND, Bench, book

from kraken_connector.exceptions import RequestTimeout
from kraken_connector.models import GapEvent
from kraken_connector.ws.protocol.pauses import PauseWatch
from kraken_connector.ws.subscribe import BookParams, TickerParams, TradeParams

BTC = "BTC/USD"


def at(seconds: float) -> tuple[float, int]:
    return seconds, int((seconds + 5000) * SECOND)


def test_checks_within_the_bound_are_no_pause() -> None:
    watch = PauseWatch()
    assert watch.due == float("inf")
    assert [watch.check(*at(moment)) for moment in (10.0, 10.5, 11.5, 11.5)] == [None] * 4
    assert watch.due == 12.0


def test_late_check_returns_when_the_last_one_was() -> None:
    watch = PauseWatch()
    watch.check(*at(10.0))
    assert watch.check(*at(11.1)) == at(10.0)[1]
    assert watch.check(*at(11.2)) is None


def test_clock_that_stood_still_shows_by_the_other_one() -> None:
    watch = PauseWatch()
    watch.check(10.0, 5000 * SECOND)
    assert watch.check(10.1, 5060 * SECOND) == 5000 * SECOND


def test_wall_clock_that_is_set_back_is_no_pause() -> None:
    watch = PauseWatch()
    watch.check(10.0, 5000 * SECOND)
    assert watch.check(10.5, 4000 * SECOND) is None


def test_first_check_of_a_connection_is_no_pause() -> None:
    watch = PauseWatch()
    watch.check(*at(10.0))
    watch.forget()
    assert watch.check(*at(99.0)) is None


@pytest.fixture
def bench() -> Bench:
    """A session that has a book."""
    bench = Bench().open()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.wait(0.1)
    bench.check_pause()
    return bench


def test_suspended_process_is_a_gap_of_everything(bench: Bench) -> None:
    bench.subscribed(TradeParams(symbol=["ETH/USD"]))
    before_ns = int(bench.now * SECOND)
    bench.now += 5.0
    bench.check_pause()
    (gap,) = bench.outlet.gaps
    assert gap == GapEvent(
        "pause",
        before_ns,
        int(bench.now * SECOND),
        ["book", "trade"],
        [BTC, "ETH/USD"],
        bench.session.url,
        epoch=1,
    )


def test_frames_read_first_after_a_pause_change_nothing(bench: Bench) -> None:
    """The loop may serve the socket before the timer."""
    before_ns = int(bench.now * SECOND)
    bench.now += 5.0
    bench.say(book(BTC, "update"))
    bench.check_pause()
    assert bench.outlet.gaps[0].start_ns == before_ns


def test_suspended_process_is_no_silence_of_the_exchange(bench: Bench) -> None:
    bench.now += 100.0
    bench.check_pause()
    bench.session.tick(bench.now)
    assert bench.session.failure is None


def test_session_that_is_ticked_on_time_has_no_pause(bench: Bench) -> None:
    for _ in range(20):
        bench.say({"channel": "heartbeat"})
        bench.wait(1.0)
    assert bench.outlet.gaps == []


def test_wall_clock_that_jumps_moves_no_deadline(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    for jump in (-3600.0, 3600.0):
        bench.wall_offset += jump
        bench.check_pause()
        bench.session.tick(bench.now)
    assert (bench.session.failure, pending.done) == (None, False)
    assert [gap.cause for gap in bench.outlet.gaps] == ["pause"]


def test_nothing_subscribed_misses_nothing() -> None:
    bench = Bench().open()
    bench.check_pause()
    bench.now += 50.0
    bench.check_pause()
    assert bench.outlet.gaps == []


def test_paused_reading_beyond_the_bound_is_a_gap(bench: Bench) -> None:
    last_ns = bench.session.last_received_ns
    bench.session.pause()
    bench.wait(3.0)
    bench.session.resume(bench.now)
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.start_ns) == ("pause", last_ns)
    assert gap.end_ns == pytest.approx(int(bench.now * SECOND), abs=1000)


def test_process_that_stands_still_while_reading_is_paused_is_in_the_same_gap(bench: Bench) -> None:
    last_ns = bench.session.last_received_ns
    bench.session.pause()
    bench.wait(2.0)
    for _ in range(3):
        bench.now += 20.0
        bench.check_pause()
        bench.session.tick(bench.now)
    bench.wait(2.0)
    bench.session.resume(bench.now)
    (gap,) = bench.outlet.gaps
    assert gap.start_ns == last_ns
    assert gap.end_ns == pytest.approx(int(bench.now * SECOND), abs=1000)


def test_process_that_stood_still_before_reading_paused_is_a_gap(bench: Bench) -> None:
    before_ns = int(bench.now * SECOND)
    bench.now += 5.0
    bench.say(book(BTC, "update"))
    bench.session.pause()
    bench.check_pause()
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.start_ns) == ("pause", before_ns)


def test_short_pause_of_reading_is_none(bench: Bench) -> None:
    bench.session.pause()
    bench.wait(0.5)
    bench.session.resume(bench.now)
    assert bench.outlet.gaps == []


def test_request_ends_although_reading_is_paused(bench: Bench) -> None:
    """The task that awaits the reply may be the one whose unread messages stop the reading."""
    bench.session.pause()
    pending = bench.subscribe(TradeParams(symbol=[BTC]))
    bench.wait(11.0)
    assert pending.done
    with pytest.raises(RequestTimeout):
        pending.result()
    assert bench.session.failure is None
