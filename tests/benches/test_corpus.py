"""The inputs of the benchmarks have the stated properties."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benches import corpus

from kraken_connector import Engine


def verified(frames: tuple[bytes, ...]) -> int:
    engine = Engine()
    for frame in frames:
        engine.feed(frame)
    counters = engine.counters()
    assert counters["mismatches"] == counters["invalid_frames"] == counters["sequence_gaps"] == 0
    return counters["verified"]


@pytest.mark.parametrize("name", ["replay-10", "synthetic-25"])
def test_the_updates_of_an_endless_stream_lead_back_to_its_snapshot(name: str) -> None:
    snapshot, *updates = corpus.endless(name).frames
    assert verified((snapshot, *updates, *updates)) == 1 + 2 * len(updates)


def test_every_pair_of_a_crowd_has_its_own_verified_book() -> None:
    frames = corpus.crowd(60, 2)
    assert verified(frames) == len(frames) == 60 * 3
    assert len({corpus.crowd_symbol(number) for number in range(1000)}) == 1000


def test_one_pair_and_many_get_frames_of_like_size() -> None:
    one, many = corpus.crowd(1, 400), corpus.crowd(200, 2)
    sizes = [sum(map(len, frames[-400:])) for frames in (one, many)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)


@pytest.mark.parametrize("channel", ["ticker", "trade", "ohlc", "executions"])
def test_plain_messages_are_observed_ones_without_gaps(channel: str) -> None:
    frames = corpus.plain(channel, 30)
    engine = Engine()
    events: list[Any] = [event for frame in frames for event in engine.feed(frame)]
    assert [event.channel for event in events] == [channel] * 30


def test_captures_are_read_from_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = corpus.synthetic(25, 30)
    ack = b'{"method":"subscribe","result":{"channel":"book","depth":25},"success":true}'
    (tmp_path / "short.jsonl").write_bytes(b"\n".join((ack, *stream.frames[:25])))
    (tmp_path / "long.jsonl").write_bytes(b"\n".join((ack, *stream.frames)))
    (tmp_path / "no-ack.jsonl").write_bytes(b"\n".join(stream.frames))
    monkeypatch.setenv("KRAKEN_CONNECTOR_CAPTURES", str(tmp_path))
    assert corpus.captured.__wrapped__() == {"BTC/USD-25": stream}


@pytest.mark.long
def test_held_out_streams_are_not_those_of_the_profile() -> None:
    trained = {frame for stream in corpus.streams().values() for frame in stream.frames[1:]}
    for name, stream in corpus.held_out().items():
        assert verified(stream.frames) == len(stream.frames)
        assert trained.isdisjoint(stream.frames), name


def test_a_wrong_book_is_noticed() -> None:
    stream = corpus.endless("replay-10")
    right = corpus.book_after(stream.depth, stream.frames)
    bids, asks = right.levels("bids"), right.levels("asks")
    count = len(stream.frames)
    corpus.check_book("replay-10", count, bids, asks)
    corpus.check_book("replay-10", 1, bids, asks)  # the last update leads back to the snapshot
    with pytest.raises(AssertionError, match="bids"):
        corpus.check_book("replay-10", count, bids[1:], asks)
    with pytest.raises(AssertionError, match="asks"):
        corpus.check_book("replay-10", count, bids, [(asks[0][0], "1"), *asks[1:]])
