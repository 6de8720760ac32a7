"""Faults on the requests of order methods and on their replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import orjson

from .. import rules
from ..active_rules import ActiveRules
from ..requests import TRADING_METHODS, Request
from ..rules import Held, Overtaken, Rule
from ..session import Session
from ..writer import Outgoing
from . import request_acts
from .order_methods import OrderMethods
from .stream import PrivateStream

ErrorValue: TypeAlias = str | list[str] | None
"""The `error` of a reply; on the exchange it is a string."""


class TradingFaults(ActiveRules):
    """Faults on the requests of order methods and on their replies.

    `method` selects one order method; `times=None` has no limit.
    """

    def __init__(
        self, clock: Callable[[], int], methods: OrderMethods, stream: PrivateStream
    ) -> None:
        self._clock = clock
        self._methods = methods
        self._stream = stream

    # Requests.

    def lose_requests(
        self, times: int | None = 1, *, method: str | None = None, cut: bool = False
    ) -> Rule[Request]:
        """Drop order requests: they are neither carried out nor answered.

        Args:
            times: how many; `None` for all of them.
            method: which.
            cut: whether the connection is reset too.
        """
        act = rules.abort if cut else rules.swallow
        return self._on_requests("lose_requests", act, times, method)

    def delay_requests(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Request]:
        """Let order requests arrive late; their deadline counts from the time of sending."""
        act = rules.delay(seconds, request_acts.handle)
        return self._on_requests("delay_requests", act, times, method)

    def hold_requests(
        self, times: int | None = None, *, method: str | None = None
    ) -> Held[Request]:
        """Hold order requests until `release()` of the result is called."""
        rule = Held("hold_requests", _requests(method), times=times, deliver=request_acts.handle)
        return self._add_request_rule(rule)

    def strand_requests(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Request]:
        """Reset the connection of order requests, and let the requests arrive late.

        A `deadline` in the request still counts from the time of sending; the exchange's own
        deadline of 5 seconds begins on arrival. `stall_connections` does the same to everything
        that was written to a socket.
        """
        act = request_acts.strand(seconds, self._clock)
        return self._on_requests("strand_requests", act, times, method)

    def overtake_requests(
        self, times: int | None = 1, *, method: str | None = None, wait: float = 1.0
    ) -> Overtaken[Request]:
        """Let the next order request of a connection overtake order requests.

        Args:
            times: how many are overtaken; `None` for all of them.
            method: which.
            wait: seconds until a request arrives that nothing overtakes.
        """
        rule = Overtaken(
            "overtake_requests",
            _requests(method),
            times=times,
            deliver=request_acts.handle,
            passes=_requests(None),
            wait=wait,
        )
        return self._add_request_rule(rule)

    def scatter_requests(
        self,
        seconds: float,
        times: int | None = None,
        *,
        method: str | None = None,
        seed: int = 7,
    ) -> Rule[Request]:
        """Let each order request arrive after a random time of up to `seconds`."""
        act = rules.scatter(seconds, seed, request_acts.handle)
        return self._on_requests("scatter_requests", act, times, method)

    def refuse_orders(
        self,
        error: ErrorValue,
        times: int | None = 1,
        *,
        method: str | None = None,
        success: bool | None = False,
    ) -> Rule[Request]:
        """Refuse order requests with an error, for example `EGeneral:Internal error`.

        The requests are not carried out; `fail_replies` answers so to requests that are.

        Args:
            error: the `error` of the reply; a list or `None` for a reply of another shape.
            times: how many; `None` for all of them.
            method: which.
            success: the `success` of the reply; `None` leaves it out.
        """
        act = request_acts.refuse(_failure(error, success))
        return self._on_requests("refuse_orders", act, times, method)

    def refuse_reported(
        self, error: str = "EGeneral:Internal error", times: int | None = 1
    ) -> Rule[Request]:
        """Report new orders as `pending_new`, then refuse them; they never become live."""
        act = request_acts.refuse_reported(self._methods, error)
        return self._on_requests("refuse_reported", act, times, "add_order")

    def break_batches(
        self, error: str = "EService:Busy", times: int | None = 1, *, placed: int = 1
    ) -> Rule[Request]:
        """Place the first orders of a batch, and answer the whole batch with one error.

        Args:
            error: the error of the reply.
            times: how many batches; `None` for all of them.
            placed: how many orders of the batch are placed.
        """
        act = request_acts.break_batch(self._methods, self._stream, error, placed)
        return self._on_requests("break_batches", act, times, "batch_add")

    def reject_lines(
        self, *indexes: int, error: str = "EOrder:Insufficient funds", times: int | None = 1
    ) -> Rule[Request]:
        """Let orders of a batch fail in the matching engine.

        The argument `batch_add_reply` of the exchange sets how the reply shows them.

        Args:
            indexes: which orders, counted from 0.
            error: the error of these orders.
            times: in how many batches; `None` for all of them.
        """
        act = request_acts.reject_lines(self._methods, frozenset(indexes), error)
        return self._on_requests("reject_lines", act, times, "batch_add")

    def echo_requests(self, times: int | None = 1, *, method: str | None = None) -> Rule[Request]:
        """Refuse order requests with an error that repeats the request, its token included."""
        return self._on_requests("echo_requests", request_acts.echo, times, method)

    # Replies.

    def lose_replies(self, times: int | None = 1, *, method: str | None = None) -> Rule[Outgoing]:
        """Carry order requests out without a reply."""
        return self._on_replies("lose_replies", rules.swallow, times, method)

    def delay_replies(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Outgoing]:
        """Send replies to order requests late; reports overtake them."""
        act = rules.delay(seconds, rules.transmit)
        return self._on_replies("delay_replies", act, times, method)

    def hold_replies(
        self, times: int | None = None, *, method: str | None = None
    ) -> Held[Outgoing]:
        """Hold replies to order requests until `release()` of the result is called."""
        rule = Held("hold_replies", rules.reply(method), times=times, deliver=rules.transmit)
        return self._add_message_rule(rule)

    def overtake_replies(
        self, times: int | None = 1, *, method: str | None = None, wait: float = 1.0
    ) -> Overtaken[Outgoing]:
        """Let the next reply of a connection overtake replies to order requests.

        Args:
            times: how many are overtaken; `None` for all of them.
            method: which.
            wait: seconds until a reply is sent that nothing overtakes.
        """
        rule = Overtaken(
            "overtake_replies",
            rules.reply(method),
            times=times,
            deliver=rules.transmit,
            passes=rules.reply(None),
            wait=wait,
        )
        return self._add_message_rule(rule)

    def scatter_replies(
        self,
        seconds: float,
        times: int | None = None,
        *,
        method: str | None = None,
        seed: int = 7,
    ) -> Rule[Outgoing]:
        """Send each reply to an order request after a random time of up to `seconds`."""
        act = rules.scatter(seconds, seed, rules.transmit)
        return self._on_replies("scatter_replies", act, times, method)

    def duplicate_replies(
        self, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Outgoing]:
        """Send replies to order requests twice."""
        return self._on_replies("duplicate_replies", rules.double, times, method)

    def cut_before_reply(
        self, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Outgoing]:
        """Carry order requests out, and reset the connection instead of replying."""
        return self._on_replies("cut_before_reply", rules.abort, times, method)

    def fail_replies(
        self,
        error: ErrorValue = "EService:Busy",
        times: int | None = 1,
        *,
        method: str | None = None,
        success: bool | None = False,
    ) -> Rule[Outgoing]:
        """Carry order requests out, but answer with an error.

        Args:
            error: the `error` of the reply; a list or `None` for a reply of another shape.
            times: how many; `None` for all of them.
            method: which.
            success: the `success` of the reply; `None` leaves it out.
        """
        failed = _failure(error, success)

        def fail(reply: dict[str, Any]) -> dict[str, Any]:
            kept = {key: value for key, value in reply.items() if key in _ENVELOPE}
            return {**kept, **failed}

        return self._on_replies("fail_replies", _rewritten(fail), times, method)

    def change_replies(
        self,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        times: int | None = 1,
        *,
        method: str | None = None,
    ) -> Rule[Outgoing]:
        """Change replies to order requests.

        Args:
            change: gets a reply and returns the one that is sent.
            times: how many; `None` for all of them.
            method: which.
        """
        return self._on_replies("change_replies", _rewritten(change), times, method)

    def deny_timer(self, times: int | None = 1) -> Rule[Outgoing]:
        """Set the dead man's timer, but reply that it is off."""

        def deny(reply: dict[str, Any]) -> dict[str, Any]:
            times = reply.get("result", {})
            off = {key: "0" if "rigger" in key else value for key, value in times.items()}
            return {**reply, "result": off}

        act = _rewritten(deny)
        return self._on_replies("deny_timer", act, times, "cancel_all_orders_after")

    def _on_requests(
        self, name: str, act: rules.Act[Request], times: int | None, method: str | None
    ) -> Rule[Request]:
        return self._add_request_rule(Rule(name, _requests(method), act, times=times))

    def _on_replies(
        self, name: str, act: rules.Act[Outgoing], times: int | None, method: str | None
    ) -> Rule[Outgoing]:
        return self._on_messages(name, rules.reply(method), act, times)


_ENVELOPE = frozenset({"method", "req_id", "time_in", "time_out"})


def _requests(method: str | None) -> Callable[[Request], bool]:
    """Match requests of one order method, or of all."""
    return lambda request: request.method in TRADING_METHODS and method in (None, request.method)


def _failure(error: ErrorValue, success: bool | None) -> dict[str, Any]:
    return {"error": error} if success is None else {"error": error, "success": success}


def _rewritten(change: Callable[[dict[str, Any]], dict[str, Any]]) -> rules.Act[Outgoing]:
    """Send a changed reply. Replies have no number that loses digits as a float."""

    def act(session: Session, message: Outgoing) -> list[Outgoing]:
        changed = change(orjson.loads(message.payload))
        payload = orjson.dumps(changed, option=orjson.OPT_SORT_KEYS)
        return [replace(message, payload=payload)]

    return act
