"""When a stream is resynced, and when no further attempt is made."""

from __future__ import annotations

from kraken_connector.ws.protocol.registry import Topic
from kraken_connector.ws.protocol.resync_policy import ResyncPolicy

BOOK = Topic("book", None, "BTC/USD")
OTHER = Topic("book", None, "ETH/USD")


def test_first_attempt_is_at_once_and_the_next_ones_wait_longer() -> None:
    policy = ResyncPolicy(9)
    pauses = []
    for _ in range(9):
        entry = policy.begin(BOOK, "resync", 1, 100.0)
        assert entry is not None
        pauses.append(entry.deadline - 100.0)
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert policy.begin(BOOK, "resync", 1, 100.0) is None


def test_streams_do_not_count_for_each_other() -> None:
    policy = ResyncPolicy(1)
    assert policy.begin(BOOK, "resync", 1, 0.0)
    assert policy.begin(OTHER, "resync", 1, 0.0)


def test_gap_begins_with_the_first_failure() -> None:
    policy = ResyncPolicy(3)
    policy.begin(BOOK, "resync", 1, 0.0)
    entry = policy.begin(BOOK, "resync", 2, 1.0)
    assert entry is not None
    assert entry.since_ns == 1
    policy.finish(entry, 2.0)
    again = policy.begin(BOOK, "resync", 3, 3.0)
    assert again is not None
    assert again.since_ns == 3


def test_stream_that_fails_soon_after_a_repair_adds_up_its_attempts() -> None:
    policy = ResyncPolicy(2)
    for _ in range(2):
        entry = policy.begin(BOOK, "resync", 1, 0.0)
        assert entry is not None
        policy.finish(entry, 0.0)
    assert policy.begin(BOOK, "resync", 1, 59.0) is None
    assert policy.begin(BOOK, "resync", 1, 61.0) is not None


def test_only_what_is_being_repaired_is_listed() -> None:
    policy = ResyncPolicy(3)
    entry = policy.begin(BOOK, "resync", 1, 0.0)
    assert entry is not None
    assert list(policy) == [entry]
    policy.finish(entry, 1.0)
    assert list(policy) == []
    assert policy.get(BOOK) is None
    policy.forget(BOOK)
    assert policy.entry(BOOK) is None
