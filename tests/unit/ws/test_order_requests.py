"""Trading requests without sockets: their outcomes, certain or unknown."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any, TypeVar

import pytest
from tests.unit.ws.rig import TIMES, Bench, refusal

from kraken_connector.exceptions import (
    ConnectionLost,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
    UnexpectedReply,
)
from kraken_connector.models.trading import TradingParams
from kraken_connector.ws.base.exchange_clock import ExchangeClock
from kraken_connector.ws.orders import Order, Orders
from kraken_connector.ws.protocol import order_requests as trading_requests
from kraken_connector.ws.protocol.order_requests import Command
from kraken_connector.ws.subscribe import ExecutionsParams
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    ConditionalClose,
    EditOrderParams,
)
from kraken_connector.ws.trading.rate_counter import RateCounter
from kraken_connector.ws.trading.rate_limiter import RateLimiter
from kraken_connector.ws.trading.trader import Trader, client_names

BTC = "BTC/USD"
E = TypeVar("E", bound=Exception)


class TradingBench(Bench):
    """A session for orders, which has its token unless it is given `None`.

    Attributes:
        orders: the orders of the account.
        story: the statuses of each order, in the order of the calls.
    """

    def __init__(self, token: str | None = "tok", **options: Any) -> None:
        self.exchange = ExchangeClock()
        self.orders = Orders(lambda: self.now, self.exchange)
        self.story: dict[Order, list[str]] = {}
        self.orders.on_change(self._write_down)
        parts = {"orders": self.orders, "exchange": self.exchange}
        super().__init__(has_token_source=True, **parts, **options)
        counter = RateCounter(self.orders, None, lambda: int(self.now * 1e9))
        self.trader = Trader(
            _no_connection,
            has_tokens=True,
            orders=self.orders,
            checks=None,
            limiter=RateLimiter(counter, "report"),
            exchange=self.exchange,
        )
        self.open()
        if token is not None:
            self.session.set_token(token, self.now)

    def _write_down(self, order: Order) -> None:
        story = self.story.setdefault(order, [])
        if story[-1:] != [order.status]:
            story.append(order.status)

    @property
    def stories(self) -> list[list[str]]:
        """The statuses of each order after its first one, in the order of the calls."""
        return [story[1:] for story in self.story.values()]

    def sent(self) -> list[dict[str, Any]]:
        """Take what the session wants to send, pings apart."""
        return [request for request in super().sent() if request["method"] != "ping"]

    def trade(self, params: TradingParams) -> Command:
        command = self.trader._command(self.trader.prepare(params))
        return self.session.trading.send(command, self.now)

    def request(self, params: TradingParams) -> tuple[Command, dict[str, Any]]:
        """Send a request that leaves at once."""
        command = self.trade(params)
        (request,) = self.sent()
        return command, request


@pytest.fixture
def bench() -> TradingBench:
    return TradingBench()


async def _no_connection(_: str) -> Any:
    raise AssertionError("the session is driven by hand")


def limit(qty: str = "1.5", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price="100.0", **options)


def reply(request: dict[str, Any], result: Any, **more: Any) -> dict[str, Any]:
    return {
        "method": request["method"],
        "req_id": request["req_id"],
        "success": True,
        "result": result,
        **TIMES,
        **more,
    }


def expect_failure(command: Command, kind: type[E]) -> E:
    """Check that a request failed with an error of a kind, and return the error."""
    with pytest.raises(kind) as caught:
        command.result()
    return caught.value


# What leaves.


def test_request_leaves_at_once_with_token_and_id(bench: TradingBench) -> None:
    bench.trade(limit("0.10", cl_ord_id="mine"))
    (frame,) = bench.session.outgoing
    head, deadline, tail = frame.partition(b',"deadline":"')
    assert head == (
        b'{"method":"add_order","params":{"token":"tok","symbol":"BTC/USD","side":"buy",'
        b'"order_type":"limit","order_qty":0.10,"limit_price":100.0,"cl_ord_id":"mine"'
    )
    assert deadline
    assert re.fullmatch(rb'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"},"req_id":\d+}', tail)


def test_deadline_is_by_the_clock_of_the_exchange(bench: TradingBench) -> None:
    _, request = bench.request(limit())
    bench.say(reply(request, {"order_id": "O1"}))
    bench.now += 10
    _, request = bench.request(limit())
    assert request["params"]["deadline"] == "2026-09-25T17:48:39.746Z"


def test_request_without_parameters_is_json_too(bench: TradingBench) -> None:
    _, request = bench.request(CancelAllParams())
    assert request["params"] == {"token": "tok"}


def test_order_without_a_name_gets_one(bench: TradingBench) -> None:
    names = [bench.request(limit())[1]["params"]["cl_ord_id"] for _ in range(3)]
    assert len(set(names)) == 3
    assert all(len(name) == 18 and name.isascii() for name in names)
    assert [order.cl_ord_id for order in bench.story] == names


@pytest.mark.parametrize(
    "options", [{"order_userref": 7}, {"conditional": ConditionalClose("limit", 90)}]
)
def test_order_that_allows_no_name_gets_none(bench: TradingBench, options: dict[str, Any]) -> None:
    _, request = bench.request(limit(**options))
    assert request["params"].keys() >= options.keys()
    assert "cl_ord_id" not in request["params"]


def test_every_order_of_a_batch_has_a_name(bench: TradingBench) -> None:
    batch = BatchAddParams(BTC, orders=[limit(), limit(cl_ord_id="b"), limit(order_userref=1)])
    _, request = bench.request(batch)
    first, second, third = request["params"]["orders"]
    assert len(first["cl_ord_id"]) == 18
    assert second["cl_ord_id"] == "b"
    assert "cl_ord_id" not in third
    assert [o.cl_ord_id for o in bench.story] == [first["cl_ord_id"], "b", None]


def test_names_do_not_repeat_between_clients() -> None:
    one, other = client_names(), client_names()
    assert len({next(one), next(one), next(other), next(other)}) == 4


def test_orders_do_not_wait_behind_subscribes() -> None:
    bench = TradingBench(token=None)
    bench.subscribe(ExecutionsParams())
    while bench.session.requests._queue.pacer.take(bench.now):
        pass
    bench.session.set_token("tok", bench.now)
    bench.trade(limit())
    assert [request["method"] for request in bench.sent()] == ["add_order"]


# Answers.

ANSWERS = [
    (limit(cl_ord_id="a"), {"order_id": "O1", "cl_ord_id": "a"}, "order_id", "O1"),
    (AmendOrderParams("O1", limit_price=1), {"amend_id": "T1", "order_id": "O1"}, "amend_id", "T1"),
    (
        EditOrderParams("O1", BTC, order_qty=1),
        {"order_id": "O2", "original_order_id": "O1"},
        "original_order_id",
        "O1",
    ),
    (CancelOrderParams(order_id=["O1"]), {"order_id": "O1"}, "order_id", "O1"),
    (CancelAllParams(), {"count": 3}, "count", 3),
    (
        CancelAllOrdersAfterParams(timeout=60),
        {"currentTime": "2023-09-21T15:49:29Z", "triggerTime": "2023-09-21T15:51:09Z"},
        "trigger_time",
        "2023-09-21T15:51:09Z",
    ),
    (BatchCancelParams(orders=["1", "2"]), {"count": 2}, "count", 2),
]


@pytest.mark.parametrize(("params", "result", "field", "value"), ANSWERS)
def test_answer_is_plain_and_typed(
    bench: TradingBench, params: Any, result: Any, field: str, value: Any
) -> None:
    command, request = bench.request(params)
    assert not command.is_done
    bench.say(reply(request, result))
    answer = command.result()
    assert answer.result == result
    assert getattr(answer.typed, field) == value
    assert (answer.success, answer.req_id) == (True, request["req_id"])
    assert bench.session.trading.deadline(bench.now) == float("inf")
    assert bench.outlet.replies == []


def test_count_beside_the_envelope_is_understood(bench: TradingBench) -> None:
    command, request = bench.request(BatchCancelParams(orders=["1", "2"]))
    answer = reply(request, None, orders_cancelled=2)
    del answer["result"]
    bench.say(answer)
    assert command.result().typed.count == 2


@pytest.mark.parametrize(
    "result",
    [
        [{"order_id": "O1"}, {"error": "EOrder:Insufficient funds"}],
        {
            "orders": [
                {"order_id": "O1", "success": True},
                {"success": False, "error": "EOrder:Insufficient funds"},
            ]
        },
        [{"order_id": "O1"}, {"status": "EOrder:Insufficient funds"}],
    ],
)
@pytest.mark.parametrize("success", [True, False])
def test_one_order_of_a_batch_may_be_refused(
    bench: TradingBench, result: Any, success: bool
) -> None:
    command, request = bench.request(BatchAddParams(BTC, orders=[limit(), limit()]))
    bench.say(reply(request, result, success=success))
    answer = command.result()
    assert answer.typed.rejected == {1: "EOrder:Insufficient funds"}
    assert [order.is_refused for order in answer.typed.orders] == [False, True]
    assert answer.orders == tuple(bench.story)
    assert bench.stories == [["pending_new"], ["rejected"]]


def test_refusal_is_certain(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    bench.say(refusal(request, "EOrder:Insufficient funds"))
    error = expect_failure(command, TradingError)
    assert error.error == error.venue_error == "EOrder:Insufficient funds"
    assert (error.method, error.req_id) == ("add_order", request["req_id"])
    assert error.cl_ord_id == request["params"]["cl_ord_id"]
    assert str(error) == f"add_order ({error.cl_ord_id}) was refused: EOrder:Insufficient funds"
    assert error.order is next(iter(bench.story))
    assert (error.order.status, error.order.error) == ("rejected", error)


def test_refused_batch_refuses_every_order(bench: TradingBench) -> None:
    command, request = bench.request(BatchAddParams(BTC, orders=[limit(), limit()]))
    bench.say(refusal(request, "EGeneral:Invalid arguments:volume minimum not met"))
    expect_failure(command, TradingError)
    assert bench.stories == [["rejected"]] * 2


@pytest.mark.parametrize(
    ("params", "result"),
    [
        (limit(), {}),
        (limit(), None),
        (limit(), []),
        (limit(), {"order_id": None}),
        (AmendOrderParams("O1", limit_price=1), "fine"),
        (CancelAllParams(), {"count": "3"}),
        (CancelAllParams(), {"count": True}),
        (CancelAllParams(), {"count": -1}),
        (BatchAddParams(BTC, orders=[limit(), limit()]), [{"order_id": "O1"}]),
        (BatchAddParams(BTC, orders=[limit(), limit()]), {"order_id": "O1"}),
        (BatchAddParams(BTC, orders=[limit(), limit()]), ["O1", "O2"]),
        # About another order.
        (limit(cl_ord_id="mine"), {"order_id": "O1", "cl_ord_id": "theirs"}),
        (AmendOrderParams("O1", limit_price=1), {"amend_id": "T1", "order_id": "O2"}),
        (AmendOrderParams(cl_ord_id="a", limit_price=1), {"amend_id": "T1", "cl_ord_id": "b"}),
        (EditOrderParams("O1", BTC, order_qty=1), {"order_id": "O3", "original_order_id": "O2"}),
        (CancelOrderParams(order_id=["O1"]), {"order_id": "O2"}),
        (CancelOrderParams(cl_ord_id=["a"]), {"cl_ord_id": "b"}),
    ],
)
def test_reply_that_does_not_fit_its_request_leaves_the_outcome_unknown(
    bench: TradingBench, params: Any, result: Any
) -> None:
    command, request = bench.request(params)
    bench.say(reply(request, result))
    error = expect_failure(command, OrderOutcomeUnknown)
    assert isinstance(error.__cause__, UnexpectedReply)
    assert error.__cause__.reply.result == result
    assert all(story == ["unknown"] for story in bench.stories)


@pytest.mark.parametrize("spelling", ["2C6BE801-1F53-4F79-A0BB-4EA1C95DFAE9", None])
def test_reply_may_spell_the_name_of_its_order_otherwise(
    bench: TradingBench, spelling: str | None
) -> None:
    name = "2c6be801-1f53-4f79-a0bb-4ea1c95dfae9"
    command, request = bench.request(CancelOrderParams(cl_ord_id=[name]))
    bench.say(reply(request, {"order_id": "O1"} if spelling is None else {"cl_ord_id": spelling}))
    assert command.result().success


def test_two_new_orders_never_have_one_order_id(bench: TradingBench) -> None:
    first, request = bench.request(limit())
    bench.say(reply(request, {"order_id": "O1"}))
    assert first.result().order.order_id == "O1"
    second, request = bench.request(limit())
    bench.say(reply(request, {"order_id": "O1"}))
    expect_failure(second, OrderOutcomeUnknown)
    batch, request = bench.request(BatchAddParams(BTC, orders=[limit(), limit()]))
    bench.say(reply(request, [{"order_id": "O1"}, {"order_id": "O2"}]))
    expect_failure(batch, OrderOutcomeUnknown)
    assert bench.stories == [["pending_new"], ["unknown"], ["unknown"], ["pending_new"]]


def test_order_whose_reply_is_not_read_has_an_unknown_outcome(bench: TradingBench) -> None:
    """The task that awaits the reply may be the one whose unread messages stop the reading."""
    bench.session.pause()
    command, _ = bench.request(limit())
    bench.wait(11.0)
    expect_failure(command, OrderOutcomeUnknown)
    assert bench.session.failure is None


def test_success_of_another_method_is_no_answer(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    bench.say(reply({**request, "method": "cancel_order"}, {"order_id": "O1"}))
    error = expect_failure(command, OrderOutcomeUnknown)
    assert isinstance(error.__cause__, UnexpectedReply)


def test_validation_is_no_order_whatever_its_result(bench: TradingBench) -> None:
    for result in ({}, None, {"order_id": "O1"}, []):
        command, request = bench.request(limit(validate=True))
        bench.say(reply(request, result))
        assert command.result().success
    assert bench.story == {}


def test_answers_to_others_are_left_alone(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    bench.say(reply({"method": "add_order", "req_id": 7}, {"order_id": "O1"}))
    bench.say(refusal({"method": "error", "req_id": None}, "Malformed request"))
    assert not command.is_done
    assert len(bench.outlet.replies) == 2
    bench.say(reply(request, {"order_id": "O2"}))
    assert command.result().typed.order_id == "O2"
    bench.say(reply(request, {"order_id": "O2"}))
    assert len(bench.outlet.replies) == 3


# What has no answer.


def test_sent_and_unanswered_is_unknown(bench: TradingBench) -> None:
    command, _ = bench.request(limit(cl_ord_id="mine"))
    bench.wait(9.9)
    assert not command.is_done
    bench.wait(0.1)
    error = expect_failure(command, OrderOutcomeUnknown)
    assert not isinstance(error, TimeoutError | ConnectionError)
    assert (error.method, error.cl_ord_id) == ("add_order", "mine")
    assert error.order.status == "unknown"
    assert bench.sent() == []


def test_request_ends_although_bookkeeping_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("bookkeeping")

    bench = TradingBench()
    first, request = bench.request(limit())
    second, _ = bench.request(limit())
    third, _ = bench.request(limit())
    for name in ("acknowledged", "outcome_unknown", "refused"):
        monkeypatch.setattr(bench.orders, name, fail)
    bench.say(reply(request, {"order_id": "O1"}))
    expect_failure(first, OrderOutcomeUnknown)
    bench.wait(10)
    expect_failure(second, OrderOutcomeUnknown)
    expect_failure(third, OrderOutcomeUnknown)
    last = bench.trade(limit())
    bench.lose()
    expect_failure(last, ConnectionLost)


@pytest.mark.parametrize(
    ("said", "is_named"),
    [
        ({"error": "Exceeded msg rate", "method": "add_order", "success": False}, True),
        ({"error": "Exceeded msg rate", "method": "add_order", "req_id": "1"}, True),
        ({"error": "Exceeded msg rate"}, True),
        ({"event": "error", "errorMessage": "Exceeded msg rate"}, True),
        ({"error": "Exceeded msg rate", "method": "error", "success": False}, True),
        ({"error": "Exceeded msg rate", "method": "subscribe", "success": False}, False),
        ({"error": "Exceeded msg rate", "method": "add_order", "req_id": 5}, False),
    ],
)
def test_error_that_names_no_request_is_part_of_the_unknown_outcome(
    bench: TradingBench, said: dict[str, Any], is_named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    command, _ = bench.request(limit())
    bench.say(said)
    later, _ = bench.request(limit())
    is_about_a_request = "req_id" in said and isinstance(said["req_id"], int)
    assert ("Exceeded msg rate" in caplog.text) is not is_about_a_request
    bench.wait(10)
    assert ("'Exceeded msg rate'" in str(expect_failure(command, OrderOutcomeUnknown))) is is_named
    assert "Exceeded" not in str(expect_failure(later, OrderOutcomeUnknown))
    assert [reply.error for reply in bench.outlet.replies] == ["Exceeded msg rate"]


def test_late_answer_still_updates_the_order(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    other, other_request = bench.request(limit())
    bench.wait(10)
    expect_failure(command, OrderOutcomeUnknown)
    bench.say(reply(request, {"order_id": "O1"}))
    bench.say(refusal(other_request, "EOrder:Insufficient funds"))
    expect_failure(command, OrderOutcomeUnknown)
    expect_failure(other, OrderOutcomeUnknown)
    assert bench.stories == [["unknown", "pending_new"], ["unknown", "rejected"]]
    assert bench.outlet.replies == []


def test_only_so_many_late_answers_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading_requests, "LATE_KEPT", 2)
    bench = TradingBench()
    requests = [bench.request(limit())[1] for _ in range(3)]
    bench.wait(10)
    for index, request in enumerate(requests):
        bench.say(reply(request, {"order_id": f"O{index}"}))
    assert [order.order_id for order in bench.story] == [None, "O1", "O2"]
    assert len(bench.outlet.replies) == 1


def test_lost_after_sending_is_unknown(bench: TradingBench) -> None:
    command, _ = bench.request(AmendOrderParams("O1", limit_price=1))
    bench.lose("reset by peer")
    error = expect_failure(command, OrderOutcomeUnknown)
    assert "reset by peer" in str(error)
    assert (error.method, error.order_id) == ("amend_order", "O1")


def test_lost_before_sending_is_certain(bench: TradingBench) -> None:
    command = bench.trade(limit())
    bench.lose()
    expect_failure(command, ConnectionLost)
    (order,) = bench.story
    assert bench.stories == [["rejected"]]
    assert isinstance(order.error, ConnectionLost)
    assert bench.sent() == []


def test_nothing_is_sent_again(bench: TradingBench) -> None:
    bench.request(limit())
    bench.trade(limit())
    bench.reconnect()
    bench.session.set_token("new", bench.now)
    bench.wait(60)
    assert bench.sent() == []


def test_request_never_sent_by_the_driver_is_a_plain_timeout(bench: TradingBench) -> None:
    command = bench.trade(limit())
    other = bench.trade(CancelAllParams())
    bench.session.outgoing.pop()
    bench.wait(10)
    expect_failure(command, RequestTimeout)
    expect_failure(other, OrderOutcomeUnknown)
    assert bench.stories == [["rejected"]]
    assert bench.sent() == []


def test_without_a_socket_nothing_is_sent(bench: TradingBench) -> None:
    bench.lose()
    with pytest.raises(NotConnected):
        bench.trade(limit())
    assert bench.sent() == []


def test_abandoned_request_that_left_still_updates_the_order(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    bench.session.trading.abandon(command, ConnectionLost("", "cancelled"))
    bench.say(reply(request, {"order_id": "O1"}))
    assert bench.stories == [["pending_new"]]


def test_abandoned_request_that_did_not_leave_never_will(bench: TradingBench) -> None:
    command = bench.trade(limit())
    bench.session.trading.abandon(command, ConnectionLost("", "cancelled"))
    assert bench.sent() == []
    (order,) = bench.story
    assert bench.stories == [["rejected"]]
    assert isinstance(order.error, ConnectionLost)


def test_our_own_stall_costs_no_patience(bench: TradingBench) -> None:
    command, request = bench.request(limit())
    bench.session.pause()
    bench.now += 30
    bench.session.resume(bench.now)
    bench.session.tick(bench.now)
    assert not command.is_done
    bench.say(reply(request, {"order_id": "O1"}))
    assert command.result().typed.order_id == "O1"


# The token.


def test_request_waits_for_the_token() -> None:
    bench = TradingBench(token=None)
    assert bench.session.token_deadline == float("inf")
    command = bench.trade(limit())
    assert bench.sent() == []
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("tok", bench.now)
    (request,) = bench.sent()
    assert request["params"]["token"] == "tok"
    bench.say(reply(request, {"order_id": "O1"}))
    assert command.result().order is next(iter(bench.story))


def test_without_a_token_it_never_leaves() -> None:
    bench = TradingBench(token=None)
    failed, patient = bench.trade(limit()), TradingBench(token=None)
    bench.session.token_failed(TokenAcquisitionError("no"), bench.now)
    expect_failure(failed, TokenAcquisitionError)
    assert bench.session.token_deadline == float("inf")
    waiting = patient.trade(limit())
    patient.wait(10)
    expect_failure(waiting, RequestTimeout)
    patient.session.set_token("tok", patient.now)
    assert patient.sent() == []


def test_refused_token_is_replaced_but_the_order_is_not_sent_again() -> None:
    bench = TradingBench(token="old")
    command, request = bench.request(limit())
    bench.say(refusal(request, "ESession:Invalid session"))
    expect_failure(command, TradingError)
    assert bench.session.tokens.is_refused
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("new", bench.now)
    assert bench.sent() == []
    again, request = bench.request(limit())
    assert request["params"]["token"] == "new"
    bench.say(reply(request, {"order_id": "O1"}))
    assert again.result().success
    assert not bench.session.tokens.is_refused


def test_several_requests_with_the_refused_token_fetch_one_new_one() -> None:
    bench = TradingBench(token="old")
    (first, one), (second, two) = bench.request(limit()), bench.request(limit())
    bench.say(refusal(one, "ESession:Invalid session"))
    bench.session.set_token("new", bench.now)
    bench.say(refusal(two, "ESession:Invalid session"))
    expect_failure(first, TradingError)
    expect_failure(second, TradingError)
    _, request = bench.request(limit())
    assert request["params"]["token"] == "new"


def test_token_of_the_parameters_serves_without_a_source() -> None:
    trading, bench = TradingBench(), Bench().open()
    command = trading.trader._command(trading.trader.prepare(limit(token="mine")))
    bench.session.trading.send(command, bench.now)
    (frame,) = [frame for frame in bench.session.outgoing if b"add_order" in frame]
    assert json.loads(frame)["params"]["token"] == "mine"


def test_trader_that_reconnects_has_its_token_fetched_at_once(bench: TradingBench) -> None:
    bench.request(limit())
    bench.reconnect()
    assert bench.session.token_deadline <= bench.now


# A number that several orders share.


def test_answers_about_a_number_are_collected(bench: TradingBench) -> None:
    command, request = bench.request(CancelOrderParams(order_userref=[7]))
    bench.say(reply(request, {"order_id": "O1"}))
    bench.wait(0.2)
    bench.say(reply(request, {"order_id": "O2"}))
    bench.wait(0.2)
    assert not command.is_done
    bench.wait(0.1)
    assert [ack.result["order_id"] for ack in command.result().acks] == ["O1", "O2"]
    bench.say(reply(request, {"order_id": "O3"}))
    assert bench.outlet.replies == []


def test_unknown_number_is_refused(bench: TradingBench) -> None:
    command, request = bench.request(CancelOrderParams(order_userref=[7]))
    bench.say(refusal(request, "EOrder:Unknown order"))
    expect_failure(command, TradingError)


@pytest.mark.parametrize("indexes", [(0,), (2,), (0, 2)])
def test_order_of_a_number_that_is_not_cancelled_is_reported(
    bench: TradingBench, indexes: tuple[int, ...]
) -> None:
    command, request = bench.request(CancelOrderParams(order_userref=[7]))
    for index in range(3):
        done = reply(request, {"order_id": f"O{index}"})
        bench.say(refusal(request, "EOrder:Rate limit exceeded") if index in indexes else done)
        assert not command.is_done
    bench.wait(0.3)
    error = expect_failure(command, TradingError)
    assert error.error == f"{len(indexes)} of 3 orders of 7: EOrder:Rate limit exceeded"
    assert str(error) == f"cancel_order was refused: {error.error}"
    assert error.venue_error == "EOrder:Rate limit exceeded"
    assert error.rejected == {"7": "EOrder:Rate limit exceeded"}
    assert error.accepted == tuple(f"O{index}" for index in range(3) if index not in indexes)
    bench.say(refusal(request, "EOrder:Rate limit exceeded"))
    assert bench.outlet.replies == []


@pytest.mark.parametrize(
    "params",
    [
        CancelOrderParams(order_id=["O1"]),
        CancelOrderParams(order_userref=[7]),
        CancelAllParams(),
        BatchCancelParams(orders=["O1", "O2"]),
        CancelAllOrdersAfterParams(timeout=60),
    ],
)
def test_request_that_may_be_done_twice_is_sent_again_with_a_new_token(params: Any) -> None:
    bench = TradingBench(token="old")
    command, request = bench.request(params)
    bench.say(refusal(request, "EAPI:Invalid token"))
    assert not command.is_done
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("new", bench.now)
    (again,) = bench.sent()
    assert again["req_id"] != request["req_id"]
    assert again["params"] == {**request["params"], "token": "new"}
    # Once only: the second refusal counts.
    bench.say(refusal(again, "EAPI:Invalid token"))
    error = expect_failure(command, TradingError)
    assert (error.kind, error.retryable) == ("session", True)


def test_request_whose_second_token_cannot_be_fetched_was_refused() -> None:
    bench = TradingBench(token="old")
    command, request = bench.request(CancelAllParams())
    bench.say(refusal(request, "EAPI:Invalid token"))
    bench.session.token_failed(TokenAcquisitionError("no"), bench.now)
    error = expect_failure(command, TradingError)
    assert error.venue_error == "EAPI:Invalid token"


def test_cancel_of_a_number_has_an_unknown_outcome_after_a_lost_connection(
    bench: TradingBench,
) -> None:
    command, request = bench.request(CancelOrderParams(order_userref=[7]))
    bench.say(reply(request, {"order_id": "O1"}))
    bench.lose()
    expect_failure(command, OrderOutcomeUnknown)


def test_outcomes_can_be_pickled_without_the_order(bench: TradingBench) -> None:
    (refused, first), (unknown, _) = bench.request(limit()), bench.request(limit())
    (fine, third) = bench.request(limit())
    bench.say(refusal(first, "EOrder:Insufficient funds"), reply(third, {"order_id": "O1"}))
    bench.wait(10)
    outcomes = (refused, TradingError), (unknown, OrderOutcomeUnknown)
    for error in (expect_failure(command, kind) for command, kind in outcomes):
        assert error.order is not None  # type: ignore[attr-defined]
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
        assert again.__dict__ == {**error.__dict__, "orders": ()}
    answer = pickle.loads(pickle.dumps(fine.result()))
    assert answer == fine.result()
    assert (answer.typed, answer.orders) == (fine.result().typed, ())
