"""Random sequences of events: one outcome for each request, and never a wrong one."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.ws.rig import refusal
from tests.unit.ws.test_order_requests import TradingBench, limit, reply

from kraken_connector.exceptions import (
    ConnectionLost,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.ws.orders.replies import TradingReply
from kraken_connector.ws.protocol.order_requests import Command

#: Outcomes of requests that the exchange never received.
NEVER_LEFT = (ConnectionLost, RequestTimeout, TokenAcquisitionError)


class Orders(RuleBasedStateMachine):
    """One session; the model is the exchange: which requests it received, and its replies."""

    def __init__(self) -> None:
        super().__init__()
        quiet = {"ping_interval": 1e6, "ping_timeout": 1e6, "heartbeat_timeout": 1e6}
        self.bench = TradingBench(**quiet)
        self.is_open = True
        self.commands: list[Command] = []
        #: By `req_id`: requests that reached the exchange, and its answer if it gave one.
        self.arrived: dict[int, dict[str, Any]] = {}
        self.answered: dict[int, type] = {}
        self.at_answer: dict[int, Any] = {}
        self.finished: dict[int, int] = {}

    @precondition(lambda self: self.is_open)
    @rule()
    def trade(self) -> None:
        command = self.bench.trade(limit())
        self.commands.append(command)
        index = len(self.commands) - 1
        self.finished[index] = int(command.is_done)
        command.on_done = lambda: self.finished.update({index: self.finished[index] + 1})

    @precondition(lambda self: self.is_open)
    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        """The driver hands some frames to the socket."""
        frames = self.bench.session.outgoing
        kept = list(frames)[count:]
        for _ in kept:
            frames.pop()
        for request in self.bench.sent():
            assert request["req_id"] not in self.arrived
            self.arrived[request["req_id"]] = request
        frames.extend(kept)

    @precondition(lambda self: self.is_open and self.arrived)
    @rule(data=st.data(), fine=st.booleans())
    def answer(self, data: st.DataObject, fine: bool) -> None:
        """The exchange replies, in any order, late, or twice."""
        req_id = data.draw(st.sampled_from(sorted(self.arrived)))
        if self.answered.get(req_id, TradingReply if fine else TradingError) is not (
            TradingReply if fine else TradingError
        ):
            return
        request = self.arrived[req_id]
        (command,) = (c for c in self.commands if c.req_id == req_id)
        self.at_answer.setdefault(req_id, command.outcome)
        self.bench.say(
            reply(request, {"order_id": f"O{req_id}"}) if fine else refusal(request, "EOrder:no")
        )
        self.answered[req_id] = TradingReply if fine else TradingError

    @precondition(lambda self: self.is_open)
    @rule()
    def token(self) -> None:
        self.bench.session.set_token("tok", self.bench.now)

    @precondition(lambda self: self.is_open)
    @rule()
    def no_token(self) -> None:
        self.bench.session.token_failed(TokenAcquisitionError("no"), self.bench.now)

    @precondition(lambda self: self.is_open)
    @rule(seconds=st.sampled_from([0.1, 9.9, 10.1, 10.1]))
    def wait(self, seconds: float) -> None:
        self.bench.wait(seconds)

    @precondition(lambda self: self.commands)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        command = data.draw(st.sampled_from(self.commands))
        counted = command.on_done
        self.bench.session.trading.abandon(command, ConnectionLost("", "cancelled"))
        command.on_done = counted

    @precondition(lambda self: self.is_open and len(self.commands) > 4)
    @rule()
    def lose(self) -> None:
        self.bench.lose()
        self.is_open = False
        # Requests without a reply never get one.
        self.arrived.clear()

    @precondition(lambda self: not self.is_open)
    @rule(at_once=st.booleans())
    def connect(self, at_once: bool) -> None:
        self.bench.open()
        self.is_open = True
        if at_once:
            self.token()

    @invariant()
    def every_outcome_is_true(self) -> None:
        for index, command in enumerate(self.commands):
            assert self.finished[index] <= 1
            answer = self.answered.get(command.req_id)
            outcome = command.outcome
            if outcome is None:
                assert answer is None
                assert self.is_open
            elif isinstance(outcome, NEVER_LEFT):
                assert answer is None
                assert command.req_id not in self.arrived
            elif isinstance(outcome, OrderOutcomeUnknown):
                # It was unknown before the reply, if there was one.
                assert answer is None or self.at_answer[command.req_id] is outcome
            else:
                assert type(outcome) is answer

    @invariant()
    def the_account_says_the_same(self) -> None:
        for command in self.commands:
            (order,) = command.orders
            answer = self.answered.get(command.req_id)
            if answer is TradingReply:
                assert (order.status, order.order_id) == ("pending_new", f"O{command.req_id}")
            elif answer is TradingError:
                assert order.status == "rejected"
            elif isinstance(command.outcome, OrderOutcomeUnknown):
                assert order.status == "unknown"
            elif command.outcome is not None:
                assert (order.status, order.error) == ("rejected", command.outcome)
            else:
                assert order.status == "sending"

    @invariant()
    def nothing_is_forgotten_or_kept_for_ever(self) -> None:
        trading = self.bench.session.trading
        out = [c for c in self.commands if c.outcome is None]
        assert len(out) == len(trading._out) + len(trading._waiting)
        assert self.is_open or not (self.bench.session.outgoing or trading._late)


TestOrders = Orders.TestCase
TestOrders.settings = settings(stateful_step_count=60, max_examples=settings().max_examples * 2)
