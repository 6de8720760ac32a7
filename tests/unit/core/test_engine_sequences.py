"""The message counters of the private channels."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kraken_connector.models import SequenceGapEvent


def private(channel: str, sequence: int | None, kind: str = "update") -> bytes:
    document = {"channel": channel, "type": kind, "data": []}
    return json.dumps(document if sequence is None else {**document, "sequence": sequence}).encode()


def unsubscribed(channel: str, *, success: bool = True) -> bytes:
    answer = {"method": "unsubscribe", "success": success, "time_in": "", "time_out": ""}
    return json.dumps({**answer, "result": {"channel": channel}, "error": None}).encode()


def gaps(engine: Any, *frames: bytes) -> list[tuple[int, int, str]]:
    events = [event for frame in frames for event in engine.feed(frame)]
    return [
        (event.expected, event.received, event.channel)
        for event in events
        if isinstance(event, SequenceGapEvent)
    ]


@pytest.fixture
def engine(core: Any) -> Any:
    return core.Engine()


def run(channel: str, *sequences: int) -> list[bytes]:
    return [private(channel, sequence) for sequence in sequences]


def test_unbroken_sequence_says_nothing(engine: Any) -> None:
    snapshot = private("executions", 1, "snapshot")
    assert gaps(engine, snapshot, *run("executions", 2, 3, 4)) == []


def test_gap_is_reported_before_the_message_that_shows_it(engine: Any) -> None:
    engine.feed(private("executions", 1, "snapshot"))
    gap, message = engine.feed(private("executions", 4), 99)
    assert gap == SequenceGapEvent(expected=2, received=4, channel="executions")
    assert gap.received_ns == message.received_ns == 99
    assert message.sequence == 4
    assert engine.counters()["sequence_gaps"] == 1


def test_gap_begins_a_new_count(engine: Any) -> None:
    assert gaps(engine, *run("balances", 1, 5, 6, 8)) == [(2, 5, "balances"), (7, 8, "balances")]


@pytest.mark.parametrize("received", [3, 2, 1])
def test_repeated_number_is_a_gap(engine: Any, received: int) -> None:
    assert gaps(engine, *run("executions", 3, received)) == [(4, received, "executions")]


def test_first_message_is_the_baseline(engine: Any) -> None:
    assert gaps(engine, *run("executions", 17, 18)) == []


def test_snapshot_is_a_baseline_whatever_came_before(engine: Any) -> None:
    frames = (*run("executions", 5), private("executions", 1, "snapshot"), *run("executions", 2))
    assert gaps(engine, *frames) == []


def test_further_messages_of_a_snapshot_go_on_with_its_count(engine: Any) -> None:
    parts = [private("balances", number, "snapshot") for number in (1, 2, 4)]
    assert gaps(engine, *parts, *run("balances", 5)) == [(3, 4, "balances")]


def test_first_message_of_a_snapshot_may_be_lost(engine: Any) -> None:
    assert gaps(engine, private("balances", 2, "snapshot"), *run("balances", 3)) == []


def test_channels_count_on_their_own(engine: Any) -> None:
    frames = [
        *run("executions", 1),
        *run("balances", 7),
        *run("executions", 2),
        *run("balances", 8),
    ]
    assert gaps(engine, *frames) == []


@pytest.mark.parametrize("channel", ["ticker", "news"])
def test_other_channels_are_not_counted(engine: Any, channel: str) -> None:
    assert gaps(engine, *run(channel, 1, 5)) == []


def test_message_without_number_changes_nothing(engine: Any) -> None:
    frames = (*run("executions", 1), private("executions", None), *run("executions", 2))
    assert gaps(engine, *frames) == []


def test_unsubscribing_forgets_the_count_of_that_channel(engine: Any) -> None:
    frames = (*run("executions", 5), *run("balances", 5), unsubscribed("executions"))
    assert gaps(engine, *frames, *run("executions", 1), *run("balances", 1)) == [(6, 1, "balances")]


def test_refused_unsubscribing_forgets_nothing(engine: Any) -> None:
    frames = (*run("executions", 5), unsubscribed("executions", success=False))
    assert gaps(engine, *frames, *run("executions", 1)) == [(6, 1, "executions")]


def test_reset_forgets_the_counts(engine: Any) -> None:
    gaps(engine, *run("executions", 5))
    engine.reset()
    assert gaps(engine, *run("executions", 1)) == []
