"""A minute of the real BTC/USD book: 510 frames, each with the exchange's own checksum."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from benches.corpus import stream
from tests.oracle import SIDES, OracleBook

from kraken_connector.exceptions import ChecksumError

REPLAY = stream("replay-10")


def as_str(frame: bytes) -> str:
    return frame.decode()


FORMS: list[Callable[[bytes], Any]] = [bytes, as_str, bytearray, memoryview]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_checksum_verifies(core: Any, form: Callable[[bytes], Any]) -> None:
    engine = core.Engine()
    verified = [engine.feed(form(frame))[-1].verified for frame in REPLAY.frames]
    assert verified == [True] * 510
    counters = engine.counters()
    assert (counters["verified"], counters["mismatches"], counters["crossed"]) == (510, 0, 0)
    assert counters["bytes"] == sum(map(len, REPLAY.frames))


def test_both_sides_always_hold_ten_levels_and_never_cross(core: Any) -> None:
    engine = core.Engine()
    book = engine.book("BTC/USD")
    for frame in REPLAY.frames:
        engine.feed(frame)
        assert (len(book.bids), len(book.asks), book.crossed) == (10, 10, False)


def test_skipping_the_cut_breaks_the_book(core: Any) -> None:
    """At depth 1000 nothing is cut: the 60th update fails, as do most after it."""
    book = core.OrderBook("BTC/USD", depth=1000)
    data = [core.parse_message(frame).data[0] for frame in REPLAY.frames]
    book.apply_snapshot(data[0])
    failed = []
    for number, update in enumerate(data[1:], 1):
        try:
            book.apply_update(update)
        except ChecksumError:
            failed.append(number)
    assert failed[0] == 60
    assert len(failed) == 450


def test_lost_update_is_noticed_once_and_repaired_by_a_snapshot(core: Any) -> None:
    engine = core.Engine()
    book = engine.book("BTC/USD")
    for frame in (*REPLAY.frames[:100], *REPLAY.frames[105:]):
        events = engine.feed(frame)
        if len(events) > 1:
            break
    assert [type(event).__name__ for event in events] == ["BookChecksumEvent", "WSDataMessage"]
    assert (book.state, events[-1].verified) == ("stale", False)
    assert all(len(engine.feed(frame)) == 1 for frame in REPLAY.frames[200:])
    assert (book.mismatch_count, book.updates) == (1, engine.counters()["verified"] + 1)
    engine.feed(REPLAY.frames[0])
    assert book.is_valid


def test_recording_holds_the_traps_it_is_kept_for() -> None:
    """One update repeats a price; 22 add a level that is out of scope again by their end."""
    oracle, repeats, vanishing = OracleBook(10), 0, 0
    for frame in REPLAY.frames:
        (data,) = json.loads(frame, parse_float=str)["data"]
        known = {side: set(oracle.sides[side]) for side in SIDES}
        rows = {side: [(row["price"], row["qty"]) for row in data[side]] for side in SIDES}
        for side in SIDES:
            oracle.apply(side, rows[side])
        added = {(side, price) for side in SIDES for price in set(oracle.sides[side]) - known[side]}
        oracle.cut()
        vanishing += any(price not in oracle.sides[side] for side, price in added)
        repeats += any(len(rows[side]) > len(dict(rows[side])) for side in SIDES)
        assert oracle.checksum() == data["checksum"]
    assert (repeats, vanishing) == (1, 22)
