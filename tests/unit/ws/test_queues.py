"""The queues of a client: their order and their bounds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from kraken_connector import WSDataMessage
from kraken_connector.exceptions import NotConnected
from kraken_connector.models import BookCrossedEvent, GapEvent
from kraken_connector.ws.delivery import queues as inbox_module
from kraken_connector.ws.delivery.queues import (
    BURST,
    IN_A_ROW,
    LONGEST_TURN,
    PASSES,
    PATIENCE,
    REPORTED_AT_ONCE,
    TURN,
    Inbox,
    StoppingQueue,
)


def message(number: int, symbol: str = "BTC/USD", channel: str = "trade") -> WSDataMessage:
    data = [{"symbol": symbol, "trade_id": number, "side": "buy", "qty": 1.0, "price": 1.0,
             "ord_type": "limit", "timestamp": "t"}]  # fmt: skip
    return WSDataMessage.from_dict({"channel": channel, "type": "update", "data": data})


def private(sequence: int) -> WSDataMessage:
    plain = {"channel": "executions", "type": "update", "data": [], "sequence": sequence}
    return WSDataMessage.from_dict(plain)


def crossed(received_ns: int) -> BookCrossedEvent:
    """Return an event with a time of arrival, which messages made by a test do not have."""
    return BookCrossedEvent("BTC/USD", 1, 1, received_ns=received_ns)  # type: ignore[arg-type]


@pytest.fixture
def gaps() -> list[GapEvent]:
    return []


class Clock:
    """A clock that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(gaps: list[GapEvent], clock: Clock) -> Inbox:
    made = Inbox(bound=4, private_bound=4, on_gap=gaps.append, clock=clock)
    made.open()
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a consumer count as too slow as soon as more than the bound wait."""
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.0)


async def drain(inbox: Inbox) -> list[Any]:
    return [await inbox.get() for _ in range(len(inbox))]


async def test_private_comes_first_then_notes_then_market(inbox: Inbox) -> None:
    inbox.dropping.put("market")
    inbox.notes.put("note")
    inbox.private.put("private")
    assert await drain(inbox) == ["private", "note", "market"]


async def test_market_queues_are_merged_by_arrival(inbox: Inbox) -> None:
    events = [crossed(n) for n in range(6)]
    for event, queue in zip(
        events,
        [inbox.blocking, inbox.dropping, inbox.disconnecting] * 2,
        strict=True,
    ):
        queue.put(event)
    assert [event.received_ns for event in await drain(inbox)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("impatient")
async def test_dropping_forgets_the_oldest_and_reports_it(
    inbox: Inbox, gaps: list[GapEvent]
) -> None:
    for number in range(10):
        inbox.dropping.put(message(number))
    assert inbox.dropped == 6
    kept = await drain(inbox)
    assert [item.data[0].trade_id for item in kept] == [6, 7, 8, 9]
    (gap,) = gaps
    assert (gap.cause, gap.dropped, gap.channels, gap.symbols) == (
        "overflow",
        6,
        ["trade"],
        ["BTC/USD"],
    )


@pytest.mark.usefixtures("impatient")
async def test_one_slow_phase_is_one_report(inbox: Inbox, gaps: list[GapEvent]) -> None:
    for number in range(100):
        inbox.dropping.put(message(number))
        if number % 3 == 0:
            await inbox.get()
    await drain(inbox)
    assert len(gaps) == 1


@pytest.mark.usefixtures("impatient")
async def test_loss_is_reported_at_the_end_at_the_latest(
    inbox: Inbox, gaps: list[GapEvent]
) -> None:
    for number in range(5):
        inbox.dropping.put(message(number))
    assert gaps == []
    inbox.end(RuntimeError("over"))
    assert [gap.dropped for gap in gaps] == [1]


async def test_conflating_keeps_the_latest_at_the_position_of_the_first(inbox: Inbox) -> None:
    for number in range(100):
        inbox.conflating.put(message(number, "BTC/USD"))
        inbox.conflating.put(message(number, "ETH/USD"))
        inbox.conflating.put(message(number, "BTC/USD", "other"))
    found = await drain(inbox)
    assert [(item.channel, item.symbol) for item in found[:2]] == [
        ("trade", "BTC/USD"),
        ("trade", "ETH/USD"),
    ]
    assert len(found) == 3
    assert found[0].data[0].trade_id == 99
    assert inbox.conflated == 297


async def test_stopping_queues_keep_everything_and_report_room(inbox: Inbox) -> None:
    sizes = []
    for number in range(6):
        inbox.blocking.put(number)
    assert len(inbox.blocking) == 6 > inbox.blocking.bound
    inbox.blocking.when_drained(lambda: sizes.append(len(inbox.blocking)))
    received = [await inbox.get() for _ in range(6)]
    assert received == [0, 1, 2, 3, 4, 5]
    assert sizes == [2]


async def test_existing_room_is_reported_at_once(inbox: Inbox) -> None:
    calls: list[int] = []
    inbox.blocking.when_drained(lambda: calls.append(1))
    assert calls == [1]


def test_full_private_queue_keeps_the_oldest_and_counts_the_rest(
    inbox: Inbox, gaps: list[GapEvent]
) -> None:
    queue = inbox.private
    calls: list[str] = []

    def record() -> None:
        calls.append("room")

    for number in range(6):
        queue.offer(private(number), record)
    queue.offer(crossed(1), lambda: calls.append("other"))
    assert (len(queue), queue.dropped, inbox.dropped) == (4, 3, 3)
    assert gaps == calls == []
    inbox.pop()
    queue.offer(message(7), lambda: None)
    assert (len(queue), queue.dropped) == (3, 4)
    inbox.pop()
    (gap,) = gaps
    assert (gap.cause, gap.dropped) == ("overflow", 4)
    assert gap.channels == ["BookCrossedEvent", "executions", "trade"]
    assert calls == ["room", "other"]
    queue.offer(message(8), lambda: None)
    assert len(queue) == 3


def test_gap_of_a_private_stream_stands_between_its_messages() -> None:
    reported: list[GapEvent] = []
    inbox = Inbox(4, 4, reported.append)
    inbox.on_gap = inbox.notes.put
    inbox.open()
    for number in range(5):
        inbox.private.offer(private(number), lambda: None)
    received = [inbox.pop(), inbox.pop()]
    inbox.private.offer(private(9), lambda: None)
    while (event := inbox.pop()) is not None:
        received.append(event)
    assert [type(event) for event in received] == [WSDataMessage] * 4 + [GapEvent, WSDataMessage]


def test_private_loss_is_reported_at_the_end_at_the_latest(
    inbox: Inbox, gaps: list[GapEvent]
) -> None:
    for number in range(5):
        inbox.private.offer(message(number), gaps.clear)
    inbox.end(RuntimeError("over"))
    assert [gap.dropped for gap in gaps] == [1]
    inbox.open()
    assert inbox.private.has_room


def test_unread_private_queue_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    inbox = Inbox(4, 40, lambda _: None, lambda: now)
    for number in range(39):
        inbox.private.offer(message(number), lambda: None)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "not read" in caplog.text
    for minute in range(3):
        now = minute * 60.0
        for number in range(10):
            inbox.private.offer(message(number), lambda: None)
    assert [record.levelno for record in caplog.records[1:]] == [logging.ERROR] * 3


async def test_interruption_is_raised_after_the_queued_messages(inbox: Inbox) -> None:
    inbox.dropping.put("market")
    inbox.private.put("private")
    inbox.interrupt(RuntimeError("no market"))
    assert await drain(inbox) == ["private", "market"]
    with pytest.raises(RuntimeError, match="no market"):
        await inbox.get()
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.private.put("fill")
    assert await waiting == "fill"


async def test_interruption_is_raised_in_all_waiting_tasks(inbox: Inbox) -> None:
    waiting = [asyncio.create_task(inbox.get()) for _ in range(3)]
    await asyncio.sleep(0)
    inbox.interrupt(RuntimeError("no market"))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError] * 3
    inbox.private.put("fill")
    assert await inbox.get() == "fill"


async def test_get_waits(inbox: Inbox) -> None:
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.notes.put("late")
    assert await waiting == "late"


async def test_queued_messages_are_delivered_after_the_end(inbox: Inbox) -> None:
    inbox.dropping.put("left")
    inbox.end(RuntimeError("over"))
    inbox.end(RuntimeError("later"))
    assert await inbox.get() == "left"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="over"):
            await inbox.get()


async def test_end_wakes_all_who_wait(inbox: Inbox) -> None:
    waiting = [asyncio.create_task(inbox.get()) for _ in range(3)]
    await asyncio.sleep(0)
    inbox.end(RuntimeError("over"))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [RuntimeError] * 3


async def test_inbox_is_closed_until_opened_and_empty_when_opened_again(inbox: Inbox) -> None:
    fresh = Inbox(4, 4, lambda _: None)
    with pytest.raises(NotConnected):
        await fresh.get()
    inbox.conflating.put(message(1))
    inbox.private.put("old")
    inbox.end(RuntimeError("over"))
    inbox.open()
    assert len(inbox) == 0
    inbox.conflating.put(message(2))
    assert (await inbox.get()).data[0].trade_id == 2


async def test_cancelled_waiter_consumes_nothing(inbox: Inbox) -> None:
    first, second = (asyncio.create_task(inbox.get()) for _ in range(2))
    await asyncio.sleep(0)
    inbox.notes.put("only")
    first.cancel()
    assert await asyncio.wait_for(second, 5) == "only"
    assert first.cancelled() or await asyncio.wait([first])


@pytest.mark.usefixtures("impatient")
async def test_loss_without_end_is_reported_on_the_way(inbox: Inbox, gaps: list[GapEvent]) -> None:
    for number in range(4 + 2 * REPORTED_AT_ONCE):
        inbox.dropping.put(message(number))
    assert [gap.dropped for gap in gaps] == [REPORTED_AT_ONCE] * 2
    assert inbox.dropped == 2 * REPORTED_AT_ONCE


@pytest.mark.usefixtures("impatient")
async def test_bounds_are_kept_and_waiters_woken_when_several_were_appended(
    inbox: Inbox, gaps: list[GapEvent]
) -> None:
    waiting = [asyncio.create_task(inbox.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(2):
        inbox.conflating.append(message(number, str(number)))
    for number in range(6):
        inbox.dropping.append(message(number))
    inbox.settle()
    received = [event.data[0].trade_id for event in await asyncio.gather(*waiting)]
    assert received == [2, 3, 4]
    assert inbox.dropped == 2
    assert len(inbox) == 3


def run_of(inbox: Inbox) -> list[Any]:
    inbox.settle()
    return list(inbox.run)


def test_run_is_the_only_queue_in_use(inbox: Inbox) -> None:
    assert run_of(inbox) == []
    for queue in (inbox.dropping, inbox.blocking):
        queue.put("market")
        assert run_of(inbox) == ["market"]
        assert inbox.pop() == "market"
    inbox.dropping.put("one")
    inbox.blocking.put(crossed(1))
    assert run_of(inbox) == []


@pytest.mark.parametrize("other", ["private", "events", "conflate", "disconnect"])
def test_nothing_is_consumed_past_what_comes_first(inbox: Inbox, other: str) -> None:
    for queue in (inbox.dropping, inbox.blocking):
        queue.put(message(1))
        inbox.queues[other].put(crossed(1))
        assert run_of(inbox) == []
        inbox.open()


@pytest.mark.usefixtures("impatient")
def test_pop_that_has_consequences_is_no_run(inbox: Inbox, gaps: list[GapEvent]) -> None:
    for number in range(5):
        inbox.dropping.put(message(number))
        inbox.blocking.put(number)
    calls: list[int] = []
    inbox.blocking.when_drained(lambda: calls.append(1))
    for _ in range(4):
        assert run_of(inbox) == []
        inbox.dropping.pop()
    assert [gap.dropped for gap in gaps] == [1]
    while not calls:
        run_of(inbox)
        assert inbox.reserve == 3  # the pop of the third from the end has consequences
        inbox.blocking.pop()
    assert (list(inbox.run), inbox.reserve) == ([3, 4], 0)


def arrive(inbox: Inbox, count: int, received_ns: int = 0) -> None:
    """Let messages of market data arrive with one read."""
    for _ in range(count):
        inbox.dropping.append(crossed(received_ns))
    inbox.settle()


def consume(inbox: Inbox, count: int) -> None:
    for _ in range(count):
        assert inbox.pop() is not None


def test_read_that_brings_more_than_the_bound_loses_nothing(inbox: Inbox) -> None:
    arrive(inbox, BURST * 4)
    assert (len(inbox), inbox.dropped) == (BURST * 4, 0)


def test_more_than_memory_allows_is_dropped_at_once(inbox: Inbox, gaps: list[GapEvent]) -> None:
    arrive(inbox, BURST * 4 + 1)
    assert (len(inbox), inbox.dropped) == (4, BURST * 4 - 3)
    consume(inbox, 4)
    assert [gap.dropped for gap in gaps] == [BURST * 4 - 3]


def test_consumer_that_consumes_nothing_is_too_slow_in_the_end(inbox: Inbox, clock: Clock) -> None:
    for read in range(8):
        arrive(inbox, 5, read)
        assert inbox.dropped == 0
        clock.now += PATIENCE / 8
    arrive(inbox, 5, 8)
    assert (len(inbox), inbox.dropped) == (4, 41)


def test_consumer_that_consumes_less_than_arrives_is_too_slow(inbox: Inbox, clock: Clock) -> None:
    reads = 0
    while not inbox.dropped:
        arrive(inbox, 10, reads)
        consume(inbox, 4)
        clock.now += PATIENCE / 20
        reads += 1
    # It falls behind by 6 a read, so for some time all that waited is received within `PATIENCE`.
    assert 20 < reads < 60


def test_consumer_that_empties_the_queue_is_not_too_slow(inbox: Inbox, clock: Clock) -> None:
    for read in range(100):
        arrive(inbox, 20, read)
        clock.now += PATIENCE / 4
        consume(inbox, 20)
    assert inbox.dropped == 0


def test_consumer_that_catches_up_with_a_burst_is_not_too_slow(inbox: Inbox, clock: Clock) -> None:
    arrive(inbox, 500)
    for read in range(1, 60):
        clock.now += PATIENCE / 4
        consume(inbox, min(len(inbox), len(inbox) // 10 + 3))
        arrive(inbox, 1, read)
    assert inbox.dropped == 0


def test_time_in_which_nothing_ran_is_not_held_against_the_consumer(
    inbox: Inbox, clock: Clock
) -> None:
    arrive(inbox, 5)
    clock.now += 3600
    arrive(inbox, 5, 1)
    assert inbox.dropped == 0


@pytest.mark.parametrize("name", ["drop_oldest", "disconnect"])
def test_wall_clock_that_is_set_back_makes_no_consumer_too_slow(
    inbox: Inbox, clock: Clock, name: str
) -> None:
    queue = inbox.queues[name]
    for read in range(100):
        received_ns = read + (1_000_000 if read < 20 else 0)
        for _ in range(20):
            queue.append(crossed(received_ns))
        inbox.settle()
        assert not (isinstance(queue, StoppingQueue) and queue.must_stop())
        consume(inbox, 20)
        clock.now += PATIENCE / 4
    assert inbox.dropped == 0


async def test_slow_consumer_keeps_its_bound_until_it_has_caught_up(
    inbox: Inbox, clock: Clock
) -> None:
    for read in range(9):
        arrive(inbox, 5, read)
        clock.now += PATIENCE / 8
    dropped = inbox.dropped
    assert dropped
    arrive(inbox, 50, 9)
    assert (len(inbox), inbox.dropped) == (4, dropped + 50)
    while inbox.pop() is not None:
        pass
    waiting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    arrive(inbox, 50, 10)
    await waiting
    assert (len(inbox), inbox.dropped) == (49, dropped + 50)


def test_slow_consumer_is_logged_once_a_minute(
    inbox: Inbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for minute in range(3):
        clock.now += 60.0
        for _ in range(10):
            arrive(inbox, BURST * 4 + 1)
            consume(inbox, 4)
        assert len(caplog.records) == minute + 1
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def count_turns(turns: list[int]) -> None:
    while True:
        turns[0] += 1
        await asyncio.sleep(0)


async def test_others_get_a_turn_when_a_consumer_has_had_its_own(
    inbox: Inbox, clock: Clock
) -> None:
    turns = [0]
    counting = asyncio.create_task(count_turns(turns))
    arrive(inbox, 30)
    await inbox.get()
    for _ in range(10):
        before = turns[0]
        await inbox.get()
        assert turns[0] == before
        clock.now += 2 * TURN
        await inbox.get()
        assert turns[0] >= before + PASSES
    counting.cancel()


async def test_private_message_that_comes_in_a_turn_of_others_is_next(
    inbox: Inbox, clock: Clock
) -> None:
    arrive(inbox, 3)
    await inbox.get()
    clock.now += 2 * TURN
    asyncio.get_running_loop().call_soon(inbox.private.put, "fill")
    assert await inbox.get() == "fill"


async def test_consumer_that_is_cancelled_in_a_turn_of_others_consumes_nothing(
    inbox: Inbox,
) -> None:
    arrive(inbox, 3)
    getting = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting
    assert len(inbox) == 3


@pytest.mark.parametrize("rows", [1, 20, 1000])
async def test_turn_of_others_goes_on_while_more_is_there_to_read(
    inbox: Inbox, clock: Clock, rows: int
) -> None:
    inbox.private.bound = rows * IN_A_ROW
    read = 0

    async def read_rows() -> None:
        nonlocal read
        for _ in range(rows):
            for _ in range(IN_A_ROW):
                inbox.private.put(crossed(1))
            clock.now += LONGEST_TURN / 50
            read += 1
            await asyncio.sleep(0)

    arrive(inbox, 1)
    reading = asyncio.create_task(read_rows())
    await inbox.get()
    assert read == rows or 50 <= read <= 51
    reading.cancel()


async def test_consumer_that_only_polls_gets_what_waits(inbox: Inbox, clock: Clock) -> None:
    arrive(inbox, 100)
    received = polls = 0
    while received < 100:
        polls += 1
        assert polls <= 200
        clock.now += 2 * TURN
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await inbox.get()
                received += 1
    assert len(inbox) == 0


async def test_consumer_goes_on_after_a_turn_that_was_cut_short(inbox: Inbox, clock: Clock) -> None:
    turns = [0]
    counting = asyncio.create_task(count_turns(turns))
    arrive(inbox, 20)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await inbox.get()
    before = turns[0]
    await drain(inbox)
    assert turns[0] == before > 0
    assert inbox.turn_ends == clock.now + TURN
    counting.cancel()


async def test_consumer_gets_as_long_as_the_others_took(inbox: Inbox, clock: Clock) -> None:
    def read() -> None:
        clock.now += 3 * TURN

    arrive(inbox, 2)
    asyncio.get_running_loop().call_soon(read)
    await inbox.get()
    assert inbox.turn_ends == clock.now + 3 * TURN
