"""The rules of account streams, without a socket: what begins a stream, what counts, what heals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.ws.rig import Bench, RecordingSink

from kraken_connector import SequenceGapEvent
from kraken_connector.unified import (
    LedgersParams,
    MarginParams,
    PositionsParams,
    PreferencesParams,
)

#: Longer than the wait for a first message: twice the `request_timeout` of 10 s.
LONG = 60.0


def message(channel: str, kind: str, sequence: int | None = None) -> dict[str, Any]:
    number = {} if sequence is None else {"sequence": sequence}
    return {"channel": channel, "type": kind, "data": [{}], **number}


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        (MarginParams(token="t"), "multi_collateral"),
        (MarginParams(token="t"), "single_collateral"),
        (PositionsParams(token="t"), "snapshot"),
        (PositionsParams(token="t"), "update"),
        (PreferencesParams(token="t"), "snapshot"),
    ],
)
def test_a_first_message_of_its_kind_begins_a_stream(params: Any, kind: str) -> None:
    bench = Bench().open()
    bench.subscribed(params)
    bench.say(message(params.channel, kind))
    assert bench.session.is_stream_current(params.channel)
    bench.wait(LONG)
    assert "unsubscribe" not in [request["method"] for request in bench.sent()]
    assert bench.session.resyncs.count == 0


@pytest.mark.parametrize("params", [PositionsParams(token="t"), PreferencesParams(token="t")])
def test_a_stream_that_brings_nothing_is_subscribed_again(params: Any) -> None:
    bench = Bench(heartbeat_timeout=1000.0).open()
    bench.subscribed(params)
    bench.wait(30.0)
    assert "unsubscribe" in [request["method"] for request in bench.sent()]


def test_ledgers_and_streams_without_snapshot_are_not_waited_for() -> None:
    bench = Bench(heartbeat_timeout=1000.0).open()
    bench.subscribed(LedgersParams(token="t"))
    bench.subscribed(PositionsParams(token="t", snapshot=False))
    assert bench.session.is_stream_current("ledgers")
    bench.wait(LONG)
    assert {request["method"] for request in bench.sent()} <= {"ping"}


def gaps_of(numbers: list[int], sink: RecordingSink) -> list[tuple[int, int]]:
    events = [event for event in sink.events if isinstance(event, SequenceGapEvent)]
    return [(event.expected, event.received) for event in events]


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ([1, 2, 3], []),
        ([7, 8, 9], []),  # no page says that the first number is 1
        ([1, 2, 5, 6], [(3, 5)]),
        ([3, 3], [(4, 3)]),
    ],
)
def test_a_gap_in_the_numbers_of_ledgers_is_reported_once(
    numbers: list[int], gaps: list[tuple[int, int]]
) -> None:
    bench, sink = Bench().open(), RecordingSink()
    bench.subscribed(LedgersParams(token="t"), sink)
    for number in numbers:
        bench.say(message("ledgers", "update", number))
    assert gaps_of(numbers, sink) == gaps
    assert [m.sequence for m in sink.data] == numbers
    assert [gap.cause for gap in bench.outlet.gaps] == ["sequence"] * len(gaps)
    assert {request["method"] for request in bench.sent()} <= {"ping"}


def test_numbers_of_ledgers_go_on_after_a_new_subscription_and_not_after_a_new_socket() -> None:
    bench, sink = Bench().open(), RecordingSink()
    params = LedgersParams(token="t")
    bench.subscribed(params, sink)
    bench.say(message("ledgers", "update", 1))
    bench.session.unsubscribe(params, bench.now)
    bench.accept_all()
    bench.subscribed(params, sink)
    bench.say(message("ledgers", "update", 3))
    assert gaps_of([], sink) == [(2, 3)]
    bench.reconnect()
    bench.accept_all()
    bench.say(message("ledgers", "update", 1))
    assert gaps_of([], sink) == [(2, 3)]


def test_an_unreadable_ledger_message_is_a_gap_and_not_a_new_subscription() -> None:
    bench = Bench().open()
    bench.subscribed(LedgersParams(token="t"))
    bench.say(message("ledgers", "update", 1))
    bench.say('{"channel":"ledgers","type":7,"data":[]}')
    assert [gap.channels for gap in bench.outlet.gaps] == [["ledgers"]]
    assert {request["method"] for request in bench.sent()} <= {"ping"}


def test_messages_of_any_shape_are_delivered() -> None:
    bench, sink = Bench().open(), RecordingSink()
    bench.subscribed(MarginParams(token="t"), sink)
    for data in ({"a": 1}, [], [1], "text", 7):
        bench.say(json.dumps({"channel": "margin", "type": "new kind", "data": data}))
    assert [m.data for m in sink.data] == [{"a": 1}, [], [1], "text", 7]
    assert not bench.outlet.gaps
