"""The pure core's fast path has the results of its general reader, and reads no other frames."""

from __future__ import annotations

import pytest
from benches import corpus

from kraken_connector._pure import Engine
from kraken_connector._pure.fast_path import LONGEST, read_update


@pytest.mark.parametrize("name", ["replay-10", "synthetic-25", "synthetic-1000"])
def test_both_readers_have_the_same_result(name: str) -> None:
    stream = corpus.stream(name)
    fast, general = Engine(), Engine()
    for engine in (fast, general):
        engine.books.expect(stream.symbol, stream.depth)
    assert sum(read_update(frame) is not None for frame in stream.frames) == len(stream.frames) - 1
    for frame in stream.frames:
        # A space is enough for the general reader.
        spaced = frame.replace(b",", b", ", 1)
        assert read_update(spaced) is None
        (one,), (other,) = fast.feed(frame), general.feed(spaced)
        assert one == other
        assert (one.symbol, one.timestamp_ns) == (other.symbol, other.timestamp_ns)
        assert one.verified
        assert other.verified
    one_book, other_book = fast.book(stream.symbol), general.book(stream.symbol)
    assert (one_book.bids, one_book.asks) == (other_book.bids, other_book.asks)


UPDATE = (
    '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[%s],"asks":[],'
    '"checksum":%s,"timestamp":"2026-01-01T00:00:00.000000Z"}]}'
)
ROW = '{"price":%s,"qty":%s}'


def rows(price: str, qty: str = "1") -> bytes:
    return (UPDATE % (ROW % (price, qty), "1")).encode()


def test_rows_are_integers_with_their_decimals() -> None:
    update = read_update(rows("64000.10", "0.00500000"))
    assert update is not None
    assert update[1] == [(6400010, 2, 500000, 8)]
    assert read_update(rows("5")) is not None


@pytest.mark.parametrize(
    "number", ["-1", "01", "1.", ".5", "1e3", "1.5E2", '"1"', "null", "1" * 19]
)
def test_other_numbers_are_left_to_the_general_reader(number: str) -> None:
    assert read_update(rows(number)) is None
    assert read_update(rows("1", number)) is None


@pytest.mark.parametrize("checksum", ["4294967296", "-1", "01", "1.0", "null", '"1"', "1e3"])
def test_other_checksums_are_left_to_the_general_reader(checksum: str) -> None:
    assert read_update((UPDATE % ("", checksum)).encode()) is None
    assert read_update((UPDATE % ("", "4294967295")).encode()) is not None


def test_what_follows_is_left_to_the_general_reader() -> None:
    frame = rows("1")
    assert read_update(frame) is not None
    for other in (frame + b" ", frame + b"\n", frame[:-1], frame.replace(b"BTC", b"B\\u0054C")):
        assert read_update(other) is None


def test_a_long_update_is_left_to_the_general_reader() -> None:
    row = ROW % ("1.0", "1.0")
    assert read_update((UPDATE % (",".join([row] * 200), "1")).encode()) is None
    assert 200 * len(row) > LONGEST
