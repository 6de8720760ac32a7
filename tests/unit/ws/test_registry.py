"""The registry of subscriptions."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import RecordingSink

from kraken_connector.exceptions import ConnectionLost, SubscriptionError
from kraken_connector.models import WSErrorResponse, WSResponse
from kraken_connector.ws.protocol.registry import (
    PendingRequest,
    Registry,
    SubscribeCall,
    Topic,
    entries_of,
)
from kraken_connector.ws.subscribe import BookParams, InstrumentParams, TickerParams

A, B, C = "A/USD", "B/USD", "C/USD"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def topic(symbol: str) -> Topic:
    return Topic("ticker", "trades", symbol)


def confirm(registry: Registry) -> None:
    for subscription in registry:
        subscription.state = "confirmed"


def test_adding_returns_what_is_new(registry: Registry) -> None:
    topics, fresh = registry.add(TickerParams(symbol=[A, B]), RecordingSink())
    assert topics == [topic(A), topic(B)] == [entry.topic for entry in fresh]
    topics, fresh = registry.add(TickerParams(symbol=[B, C]), RecordingSink())
    assert topics == [topic(B), topic(C)]
    assert [entry.topic for entry in fresh] == [topic(C)]


def test_subscriptions_keep_their_arguments_for_one_symbol(registry: Registry) -> None:
    registry.add(TickerParams(symbol=[A, B], snapshot=False), RecordingSink())
    held = registry.get(topic(B))
    assert held is not None
    assert held.params == TickerParams(symbol=[B], snapshot=False)


def test_rejected_topic_is_new_again(registry: Registry) -> None:
    (_, (held,)) = registry.add(TickerParams(symbol=[A]), RecordingSink())
    held.state = "rejected"
    assert len(registry.add(TickerParams(symbol=[A]), RecordingSink())[1]) == 1


def test_release_returns_the_topics_that_no_subscription_has(registry: Registry) -> None:
    registry.add(TickerParams(symbol=[A, B]), RecordingSink())
    registry.add(TickerParams(symbol=[B, C]), RecordingSink())
    confirm(registry)
    assert [entry.topic for entry in registry.release(TickerParams(symbol=[A, B]))] == [topic(A)]


def test_released_topics_are_listed_until_dropped(registry: Registry) -> None:
    registry.add(InstrumentParams(), RecordingSink())
    (leaving,) = registry.release(InstrumentParams())
    leaving.state = "unsubscribing"
    (entry,) = entries_of([registry]).values()
    assert entry.states == {"instrument": "unsubscribing"}
    registry.drop(leaving)
    assert not registry
    assert entries_of([registry]) == {}


def test_dropping_an_old_subscription_spares_its_successor(registry: Registry) -> None:
    registry.add(TickerParams(symbol=[A]), RecordingSink())
    (leaving,) = registry.release(TickerParams(symbol=[A]))
    leaving.state = "unsubscribing"
    registry.add(TickerParams(symbol=[A]), RecordingSink())
    registry.drop(leaving)
    assert registry.get(topic(A)) is not None
    assert registry.get(topic(A)) is not leaving


def test_narrowed_subscription_does_not_replace_an_equal_one() -> None:
    registry, wide, narrow = Registry(), RecordingSink(), RecordingSink()
    registry.add(TickerParams(symbol=[A, B]), wide)
    registry.add(TickerParams(symbol=[A]), narrow)
    confirm(registry)
    (leaving,) = registry.release(TickerParams(symbol=[B]))
    registry.drop(leaving)
    assert list(entries_of([registry])) == [
        (("channel", "ticker"), ("symbol", (A,))),
    ]
    assert registry.sinks(topic(A)) == [narrow]


def test_each_sink_gets_a_topic_once() -> None:
    registry, sink, other = Registry(), RecordingSink(), RecordingSink()
    registry.add(TickerParams(symbol=[A]), sink)
    registry.add(TickerParams(symbol=[A, B]), sink)
    registry.add(TickerParams(symbol=[A, C]), other)
    assert registry.sinks(topic(A)) == [sink, other]


def test_books_have_one_depth(registry: Registry) -> None:
    registry.add(BookParams(symbol=[A, B], depth=25), RecordingSink())
    with pytest.raises(SubscriptionError) as caught:
        registry.add(BookParams(symbol=[B, C], depth=100), RecordingSink())
    assert set(caught.value.rejected) == {B}
    assert registry.book(C) is None
    with pytest.raises(KeyError):
        registry.release(BookParams(symbol=[B], depth=100))


def test_pruning_forgets_what_was_wholly_refused(registry: Registry) -> None:
    registry.add(TickerParams(symbol=[A]), RecordingSink())
    registry.add(TickerParams(symbol=[B, C]), RecordingSink())
    for symbol in (A, B):
        held = registry.get(topic(symbol))
        assert held is not None
        held.state = "rejected"
    registry.prune()
    (entry,) = entries_of([registry]).values()
    assert entry.states == {B: "rejected", C: "pending"}
    assert registry.get(topic(A)) is None


def ack(symbol: str) -> WSResponse:
    return WSResponse("subscribe", {"channel": "ticker", "symbol": symbol}, True, "in", "out", 7)


def test_request_reports_once_that_it_is_done() -> None:
    calls = []
    pending = PendingRequest("subscribe", [topic(A), topic(B)])
    pending.outstanding = {topic(A), topic(B)}
    pending.on_done = lambda: calls.append(1)
    pending.answer(topic(B), ack(B))
    assert not pending.done
    pending.answer(topic(A), ack(A))
    pending.fail(ConnectionLost("url", "late"))
    assert calls == [1]
    assert [entry.result["symbol"] for entry in pending.result().acks] == [A, B]


def test_request_reports_who_did_not_answer() -> None:
    pending = PendingRequest("subscribe", [topic(A), topic(B)])
    pending.outstanding = {topic(B)}
    error = pending.overdue(1.5)
    assert error.unanswered == (B,)
    assert "1.5 s" in str(error)


def test_request_with_a_refusal_raises_it() -> None:
    pending = PendingRequest("subscribe", [topic(A), topic(B)])
    pending.outstanding = {topic(A), topic(B)}
    pending.answer(topic(A), ack(A))
    pending.answer(topic(B), WSErrorResponse("subscribe", "no", False, "in", "out", 7, symbol=B))
    with pytest.raises(SubscriptionError, match="B/USD: no") as caught:
        pending.result()
    assert (caught.value.accepted, caught.value.rejected) == ((A,), {B: "no"})


def test_call_on_two_connections_is_one_entry() -> None:
    one, two = Registry(), Registry()
    whole = TickerParams(symbol=[A, B, C])
    call = SubscribeCall(whole)
    one.add(TickerParams(symbol=[A, C]), RecordingSink(), call)
    two.add(TickerParams(symbol=[B]), RecordingSink(), call)
    (entry,) = entries_of([one, two]).values()
    assert entry.params == whole
    assert list(entry.states) == [A, B, C]
    assert one.missing(TickerParams(symbol=[A, C]), whole) == []
    assert one.missing(TickerParams(symbol=[A, B])) == [B]


def test_symbol_that_goes_leaves_the_call_on_all_connections() -> None:
    one, two = Registry(), Registry()
    call = SubscribeCall(TickerParams(symbol=[A, B, C]))
    one.add(TickerParams(symbol=[A, C]), RecordingSink(), call)
    two.add(TickerParams(symbol=[B]), RecordingSink(), call)
    (gone,) = one.release(TickerParams(symbol=[C]))
    one.drop(gone)
    (entry,) = entries_of([one, two]).values()
    assert entry.params == TickerParams(symbol=[A, B])
    assert two.release(TickerParams(symbol=[B]), TickerParams(symbol=[A, B]))


def test_part_that_equals_another_call_is_not_released_with_it() -> None:
    one = Registry()
    one.add(TickerParams(symbol=[A]), RecordingSink(), SubscribeCall(TickerParams(symbol=[A, B])))
    one.add(TickerParams(symbol=[A]), RecordingSink())
    confirm(one)
    assert one.release(TickerParams(symbol=[A]), TickerParams(symbol=[A, B])) == []
    assert len(one.release(TickerParams(symbol=[A]))) == 1


def test_what_one_part_accepted_is_accepted() -> None:
    topics = [topic(A), topic(B)]
    parts = [PendingRequest("subscribe", topics), PendingRequest("subscribe", topics)]
    for part in parts:
        part.outstanding.update(topics)
    parts[0].fail(ConnectionLost("ws://x", "reset"))
    parts[1].answer(topic(A), WSResponse("subscribe", {"symbol": A}, True, "t", "t"))
    whole = PendingRequest.joined(topics, parts)
    assert not whole.is_accepted
    parts[1].answer(topic(B), WSResponse("subscribe", {"symbol": B}, True, "t", "t"))
    whole = PendingRequest.joined(topics, parts)
    assert whole.is_accepted
    assert whole.result().symbols == [A, B]


def test_part_that_fails_fails_what_it_alone_was_about() -> None:
    parts = [PendingRequest("subscribe", [topic(A)]), PendingRequest("subscribe", [topic(B)])]
    for part in parts:
        part.outstanding.update(part.topics)
    parts[0].fail(ConnectionLost("ws://x", "reset"))
    parts[1].answer(topic(B), WSResponse("subscribe", {"symbol": B}, True, "t", "t"))
    with pytest.raises(ConnectionLost):
        PendingRequest.joined([topic(A), topic(B)], parts).result()
