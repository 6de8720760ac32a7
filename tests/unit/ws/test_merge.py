"""One book from two connections, of which each may lag behind, fail and come back."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_connector import Engine, WSDataMessage
from kraken_connector.models import GapEvent
from kraken_connector.ws.protocol.merge import Merge

BTC = "BTC/USD"
MILLISECOND = 1_000_000

Level = tuple[int, int]


def checksum_of(bids: dict[int, int], asks: dict[int, int]) -> int:
    rows = sorted(asks.items())[:10] + sorted(bids.items(), reverse=True)[:10]
    return zlib.crc32("".join(f"{price}{qty}" for price, qty in rows).encode())


class Exchange:
    """The messages of one book: one for each step, and the whole book after each.

    Prices and quantities are integers, so that their digits are those of the checksum.
    """

    def __init__(self, steps: Iterable[Level]) -> None:
        self.bids = {100: 1}
        self.asks = {200: 1}
        self.wholes = [self._whole(0)]
        self.updates: list[str] = [""]
        for number, (offset, qty) in enumerate(steps, 1):
            side, price = (self.bids, 100 - offset) if offset % 2 else (self.asks, 200 + offset)
            side[price] = qty
            if not qty:
                del side[price]
            rows = {"bids" if offset % 2 else "asks": [{"price": price, "qty": qty}]}
            self.updates.append(self._message("update", number, rows))
            self.wholes.append(self._whole(number))

    def time(self, number: int) -> str:
        return f"2026-09-25T17:48:{number // 1000:02}.{number % 1000:03}000Z"

    def snapshot(self, number: int, *, with_time: bool = True) -> str:
        """Return the book after a step as a snapshot."""
        message = json.loads(self.wholes[number])
        if not with_time:
            del message["data"][0]["timestamp"]
        return json.dumps(message)

    def merged(self, first: int, last: int) -> str:
        """Return several steps as the one message that another connection might get."""
        rows: dict[str, list[Any]] = {"bids": [], "asks": []}
        for update in self.updates[first : last + 1]:
            item = json.loads(update)["data"][0]
            for side in ("bids", "asks"):
                rows[side] += item.get(side, [])
        item = json.loads(self.wholes[last])["data"][0]
        item |= rows
        return json.dumps({"channel": "book", "type": "update", "data": [item]})

    def _whole(self, number: int) -> str:
        rows = {
            "bids": [{"price": p, "qty": q} for p, q in sorted(self.bids.items(), reverse=True)],
            "asks": [{"price": p, "qty": q} for p, q in sorted(self.asks.items())],
        }
        return self._message("snapshot", number, rows)

    def _message(self, kind: str, number: int, rows: dict[str, Any]) -> str:
        item = {
            "symbol": BTC,
            "bids": [],
            "asks": [],
            **rows,
            "checksum": checksum_of(self.bids, self.asks),
            "timestamp": self.time(number),
        }
        return json.dumps({"channel": "book", "type": kind, "data": [item]})


#: The messages of most tests: four updates.
FEED = Exchange([(1, 5), (2, 5), (3, 5), (4, 5)])


class Line:
    """One connection of the two, with its own engine."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.engine = Engine()
        self.engine.books.expect(BTC, 10)
        self.source = stage.merge.add_source(self.engine.book)

    def say(self, *frames: str) -> None:
        """Receive frames of the exchange, as one read."""
        self.stage.clock += MILLISECOND
        events = [event for frame in frames for event in self.engine.feed(frame, self.stage.clock)]
        for event in events:
            if isinstance(event, WSDataMessage):
                self.stage.deliver(self.source.admit(event))
            elif self.source.on_invalid(event.symbol, self.stage.clock):  # type: ignore[union-attr]
                self.stage.alarms.append(event)

    def lose(self) -> None:
        self.stage.clock += MILLISECOND
        self.source.connection_lost(self.stage.clock, "disconnect")
        self.engine.reset()


class Stage:
    """A merge with two sources, and a subscriber who keeps a book of what it gets."""

    def __init__(self, *steps: Level, patience: float = 0.0) -> None:
        self.exchange = Exchange(steps) if steps else FEED
        self.clock = 1_000 * MILLISECOND
        self.gaps: list[GapEvent] = []
        self.alarms: list[Any] = []
        self.merge = Merge(
            "ws://exchange.test/v2",
            self.gaps.append,
            patience=patience,
            now=lambda: self.clock / 1e9,
        )
        self.merge.expect(BTC, 10)
        self.book = self.merge.engine.book(BTC)
        self.one, self.two = Line(self), Line(self)
        self.delivered: list[WSDataMessage] = []
        self.subscriber = Engine()
        self.subscriber.books.expect(BTC, 10)

    def deliver(self, events: Iterable[Any]) -> None:
        for event in events:
            if isinstance(event, WSDataMessage):
                assert event.verified
                self.delivered.append(event)
                assert event.raw is not None
                self.subscriber.feed(event.raw)
                # A copy that is kept from the messages equals the client's book.
                assert self.subscriber.book(BTC).bids == self.book.bids
                assert self.subscriber.book(BTC).asks == self.book.asks

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock + int(seconds * 1e9)
        for line in (self.one, self.two):
            while (due := line.source.deadline()) <= end / 1e9:
                self.clock = max(self.clock, int(due * 1e9) + 1)
                self.deliver(line.source.overdue())
        self.clock = end

    def both(self, *frames: str) -> None:
        self.one.say(*frames)
        self.two.say(*frames)

    def shows(self, number: int) -> bool:
        """Return whether the book equals the exchange's after a step."""
        item = json.loads(self.exchange.wholes[number])["data"][0]
        rows = [
            [(row["price"], row["qty"]) for row in item[side]][:10] for side in ("bids", "asks")
        ]
        return [list(self.book.bids), list(self.book.asks)] == rows


@pytest.fixture
def patience() -> float:
    return 0.0


@pytest.fixture
def stage(patience: float) -> Stage:
    """A stage whose sources have both brought the first snapshot."""
    stage = Stage(patience=patience)
    stage.both(FEED.snapshot(0))
    return stage


patient = pytest.mark.parametrize("patience", [0.1])


def test_each_message_is_delivered_once_and_by_the_first(stage: Stage) -> None:
    stage.one.say(FEED.updates[1])
    stage.two.say(FEED.updates[1])
    stage.two.say(FEED.updates[2], FEED.updates[3])
    stage.one.say(FEED.updates[2])
    assert stage.shows(3)
    assert [message.type for message in stage.delivered] == ["snapshot"] + ["update"] * 3
    assert stage.merge.duplicates == 3
    assert stage.merge.switches == 0


def test_source_that_is_lost_leaves_no_gap(stage: Stage) -> None:
    stage.one.say(FEED.updates[1], FEED.updates[2])
    stage.one.lose()
    assert stage.book.is_valid
    assert stage.shows(2)
    stage.two.say(FEED.updates[1])
    assert stage.shows(2), "an older state was presented"
    stage.two.say(FEED.updates[2], FEED.updates[3])
    assert stage.shows(3)
    stage.one.say(FEED.snapshot(3))
    stage.one.say(FEED.updates[4])
    stage.two.say(FEED.updates[4])
    assert stage.shows(4)
    assert len(stage.delivered) == 5
    assert stage.gaps == []


@pytest.mark.parametrize("with_time", [True, False])
def test_snapshot_of_an_older_state_is_not_presented(with_time: bool) -> None:
    stage = Stage()
    stage.one.say(FEED.snapshot(0), FEED.updates[1], FEED.updates[2], FEED.updates[3])
    stage.two.say(FEED.snapshot(1, with_time=with_time))
    assert stage.shows(3)
    stage.two.say(FEED.updates[2], FEED.updates[3], FEED.updates[4])
    assert stage.shows(4)
    assert stage.merge.switches == 0
    assert len(stage.delivered) == 5


def test_snapshot_of_a_newer_state_is_presented() -> None:
    stage = Stage()
    stage.one.say(FEED.snapshot(0))
    stage.two.say(FEED.snapshot(2))
    assert stage.shows(2)
    stage.one.say(FEED.updates[1])
    assert stage.shows(2)
    stage.one.say(FEED.updates[2])
    stage.one.say(FEED.updates[3])
    assert stage.shows(3)
    assert [message.type for message in stage.delivered] == ["snapshot", "snapshot", "update"]


def test_losing_both_is_one_gap(stage: Stage) -> None:
    stage.one.lose()
    since = stage.clock + MILLISECOND
    stage.two.lose()
    assert stage.book.state == "awaiting_snapshot"
    assert stage.gaps == []
    stage.one.say(FEED.snapshot(2))
    assert stage.shows(2)
    (gap,) = stage.gaps
    assert (gap.cause, gap.start_ns, gap.end_ns) == ("disconnect", since, stage.clock)
    assert (gap.channels, gap.symbols) == (["book"], [BTC])


def test_wrong_checksum_on_one_source_is_not_the_users(stage: Stage) -> None:
    stage.one.say(FEED.updates[2])  # the first is missing
    assert stage.alarms == []
    assert stage.book.is_valid
    stage.two.say(FEED.updates[1], FEED.updates[2])
    assert stage.shows(2)
    assert stage.gaps == []


def test_wrong_checksum_on_the_only_source_is(stage: Stage) -> None:
    stage.two.lose()
    stage.one.say(FEED.updates[2])
    assert len(stage.alarms) == 1
    assert stage.book.state == "stale"
    stage.one.engine.books.expect(BTC, 10)
    stage.one.say(FEED.snapshot(2))
    assert stage.shows(2)
    assert [gap.cause for gap in stage.gaps] == ["resync"]


def test_other_cut_of_the_same_events_is_followed_by_whole_books(stage: Stage) -> None:
    stage.one.say(FEED.updates[1])
    stage.two.say(FEED.merged(1, 2))
    assert stage.shows(2)
    assert stage.merge.switches == 1
    stage.one.say(FEED.updates[2])
    stage.one.say(FEED.updates[3])
    assert stage.shows(3)
    stage.two.say(FEED.merged(3, 4))
    assert stage.shows(4)


def test_read_that_is_further_than_its_messages_goes_back_to_none_of_them(stage: Stage) -> None:
    stage.one.say(FEED.updates[1])
    # When the first of these is processed, the source's book has all of them.
    stage.two.say(FEED.merged(1, 2), FEED.updates[3], FEED.updates[4])
    assert stage.shows(4)
    assert stage.merge.switches == 1
    assert [message.type for message in stage.delivered] == ["snapshot", "update", "snapshot"]


def test_book_is_given_up_when_both_sources_have(stage: Stage) -> None:
    stage.one.source.on_invalid(BTC, stage.clock)
    assert not stage.one.source.on_quarantined(BTC)
    assert stage.book.is_valid
    stage.two.source.on_invalid(BTC, stage.clock)
    assert stage.two.source.on_quarantined(BTC)
    assert stage.book.state == "quarantined"
    assert [gap.end_ns for gap in stage.gaps] == [None]
    stage.two.engine.books.expect(BTC, 10)
    stage.two.say(FEED.snapshot(2))
    assert stage.shows(2)


def test_unsubscribed_book_is_presented_no_more(stage: Stage) -> None:
    stage.merge.forget(BTC)
    assert not stage.book.is_valid
    assert stage.gaps == []


STEPS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=8, max_size=30)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "lose", "merge"]), st.booleans(), st.integers(1, 3)
    ),
    max_size=60,
)


@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(steps=STEPS, moves=MOVES)
def test_no_state_is_presented_after_a_later_one(steps: list[Level], moves: list[Any]) -> None:
    stage = Stage(*steps)
    last = len(steps)
    lines = [stage.one, stage.two]
    at = [-1, -1]
    shown = -1
    for kind, which, count in moves:
        line, position = lines[which], at[which]
        if kind == "lose":
            line.lose()
            at[which] = -1
        elif position < 0:
            # A reconnecting source begins at the furthest state of the two, or before it.
            at[which] = max(0, max(at) - count + 1)
            line.say(stage.exchange.snapshot(at[which]))
        elif position < last:
            at[which] = min(position + count, last)
            if kind == "merge":
                line.say(stage.exchange.merged(position + 1, at[which]))
            else:
                line.say(*stage.exchange.updates[position + 1 : at[which] + 1])
        if max(at) < 0:
            assert not stage.book.is_valid
            shown = -1
            continue
        assert stage.book.is_valid
        # The furthest source's state, or a later one of a source that is lost.
        shown = max(shown, *at)
        assert stage.shows(shown)
    opened = [gap for gap in stage.gaps if gap.end_ns is None]
    assert opened == []


def updates_of(stage: Stage) -> list[str]:
    """Return which messages were delivered, by their time."""
    return [json.loads(message.raw or b"")["data"][0]["timestamp"] for message in stage.delivered]


@patient
def test_with_patience_a_newer_snapshot_waits_for_the_other_connection(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2), FEED.updates[3])
    assert stage.shows(0)
    stage.two.say(FEED.updates[1])
    assert stage.shows(1)
    # Kept messages are delivered as soon as the other connection has reached them.
    stage.two.say(FEED.updates[2])
    assert stage.shows(3)
    stage.one.say(FEED.updates[4])
    stage.two.say(FEED.updates[3], FEED.updates[4])
    assert updates_of(stage) == [FEED.time(number) for number in range(5)]
    assert stage.gaps == []
    assert stage.merge.switches == 0
    assert stage.one.source.deadline() == stage.two.source.deadline() == math.inf


@patient
def test_when_patience_runs_out_the_newer_book_is_presented_with_its_gap(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2), FEED.updates[3])
    stage.wait(0.05)
    assert stage.shows(0)
    stage.wait(0.06)
    assert stage.shows(3)
    (gap,) = stage.gaps
    assert (gap.cause, gap.symbols) == ("resync", [BTC])
    assert [message.type for message in stage.delivered] == ["snapshot", "snapshot", "update"]
    stage.two.say(FEED.updates[1], FEED.updates[2], FEED.updates[3], FEED.updates[4])
    assert stage.shows(4)
    assert updates_of(stage) == [FEED.time(number) for number in (0, 2, 3, 4)]


@patient
def test_snapshot_that_arrives_after_the_other_connection_passed_it_is_no_lead(
    stage: Stage,
) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(3, with_time=False))
    stage.two.say(FEED.updates[1], FEED.updates[2], FEED.updates[3], FEED.updates[4])
    stage.one.say(FEED.updates[4])
    stage.wait(1)
    assert stage.gaps == []
    assert len(stage.delivered) == 5


@patient
def test_snapshot_of_another_time_is_recognised_by_its_content(stage: Stage) -> None:
    stage.one.lose()
    later = FEED.snapshot(2).replace(FEED.time(2), FEED.time(2).replace("000Z", "500Z"))
    stage.one.say(later)
    stage.two.say(FEED.updates[1], FEED.updates[2])
    stage.wait(1)
    stage.one.say(FEED.updates[3])
    assert stage.shows(3)
    assert stage.gaps == []
    assert len(stage.delivered) == 4


@patient
def test_other_cut_waits_too(stage: Stage) -> None:
    stage.one.say(FEED.updates[1])
    stage.two.say(FEED.merged(1, 2))
    assert stage.shows(1)
    stage.one.say(FEED.updates[2])
    assert stage.shows(2)
    stage.two.say(FEED.updates[3])
    assert stage.shows(3)
    stage.one.say(FEED.updates[3])
    assert (stage.gaps, stage.merge.switches) == ([], 0)
    stage.two.say(FEED.merged(4, 4))
    stage.wait(1)
    assert stage.shows(4)


@patient
def test_other_cut_that_the_second_connection_never_reaches_is_published_whole(
    stage: Stage,
) -> None:
    stage.one.say(FEED.updates[1])
    stage.two.say(FEED.merged(1, 2), FEED.updates[3])
    stage.wait(1)
    assert stage.shows(3)
    assert stage.merge.switches == 1
    assert len(stage.gaps) == 1


@patient
def test_other_cut_that_was_passed_meanwhile_is_not_gone_back_to(stage: Stage) -> None:
    stage.one.say(FEED.updates[1])
    stage.two.say(FEED.merged(1, 2))
    stage.one.say(FEED.merged(2, 3))
    assert stage.shows(3)
    stage.wait(1)
    assert stage.shows(3)
    stage.two.say(FEED.merged(3, 4))
    stage.one.say(FEED.updates[4])
    stage.wait(1)
    assert stage.shows(4)
    assert stage.gaps == []


@patient
def test_losing_the_slower_connection_ends_the_wait(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2))
    stage.two.lose()
    assert stage.book.is_valid
    stage.one.say(FEED.updates[3])
    assert stage.shows(3)
    assert [gap.cause for gap in stage.gaps] == ["resync"]


@patient
def test_losing_the_slower_connection_on_a_quiet_market_ends_the_wait_in_time(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2))
    stage.two.lose()
    stage.wait(1.1)
    assert stage.shows(2)


@patient
def test_losing_the_connection_that_waits_and_then_the_other_is_a_gap(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2))
    stage.two.lose()
    stage.one.lose()
    assert not stage.book.is_valid
    stage.two.say(FEED.snapshot(3))
    assert stage.shows(3)
    assert [gap.cause for gap in stage.gaps] == ["disconnect"]


@patient
def test_unsubscribed_book_keeps_nothing_back(stage: Stage) -> None:
    stage.one.lose()
    stage.one.say(FEED.snapshot(2))
    stage.merge.forget(BTC)
    assert stage.one.source.deadline() == math.inf


@patient
def test_kept_messages_have_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_connector.ws.protocol.merge.REMEMBERED", 3)
    stage.one.lose()
    stage.one.say(FEED.snapshot(1), FEED.updates[2])
    assert stage.shows(0)
    stage.one.say(FEED.updates[3])
    assert stage.shows(3)
    assert len(stage.gaps) == 1


PATIENT_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "lose", "merge"]),
        st.booleans(),
        st.integers(1, 4),
    ),
    max_size=80,
)


@settings(max_examples=settings().max_examples * 3, deadline=None)
@given(
    offsets=st.lists(st.integers(1, 6), min_size=8, max_size=30),
    moves=PATIENT_MOVES,
    patience=st.sampled_from([0.0, 0.002, 0.01, 1e6]),
)
def test_with_enough_patience_every_update_comes_once_and_in_order(
    offsets: list[int], moves: list[Any], patience: float
) -> None:
    # Each changes the book: an update that changes nothing cannot be distinguished from none.
    steps = [(offset, number) for number, offset in enumerate(offsets, 2)]
    stage = Stage(*steps, patience=patience)
    say, last = stage.exchange, len(steps)
    lines = [stage.one, stage.two]
    at = [0, 0]
    stage.both(say.snapshot(0))

    def advance(which: int, count: int, *, is_merged: bool = False) -> None:
        if at[which] < 0:
            # Its snapshot may be ahead of the other connection or behind it.
            at[which] = min(max(at) + count - 2, last)
            at[which] = max(at[which], 0)
            lines[which].say(say.snapshot(at[which]))
        else:
            end = min(at[which] + count, last)
            if is_merged and end > at[which]:
                lines[which].say(say.merged(at[which] + 1, end))
            else:
                lines[which].say(*say.updates[at[which] + 1 : end + 1])
            at[which] = end

    for kind, which, count in moves:
        stands = [line.source.has_position(BTC) for line in lines]
        if kind == "lose" and all(stands):
            lines[which].lose()
            at[which] = -1
        else:
            advance(which, count, is_merged=kind == "merge")
        assert stage.book.is_valid
        stage.wait(0.001)
    for _ in range(last + 1):
        for which in (0, 1):
            advance(which, 1)
    are_cut_alike = not any(kind == "merge" for kind, _, _ in moves)
    if not are_cut_alike:
        stage.wait(patience + 1)
    assert stage.shows(last)
    times = updates_of(stage)
    assert times == sorted(times)
    if patience > 1 and are_cut_alike:
        assert times == [say.time(number) for number in range(last + 1)]
        assert stage.gaps == []
