"""What goes wrong between an order, its reply and its reports, on command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import orjson

from .. import rules
from ..requests import TRADING_METHODS, Request
from ..rules import Held, Overtaken, Rule
from ..session import Outgoing, Session
from . import arrivals

if TYPE_CHECKING:
    from ..server import SimulatedExchange

R = TypeVar("R", bound=Rule[Any])

ErrorValue: TypeAlias = str | list[str] | None
"""An error of a reply: a text, as it should be, or what it should not be."""


class TradingFaults(ABC):
    """The part of the fault menu that is about requests of the order methods, and their replies.

    `method` aims at one order method; `times=None` lasts.
    """

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._arrivals: list[Rule[Request]] = []

    @abstractmethod
    def _send_by(self, rule: R) -> R:
        """Put a rule on outgoing messages in force, and return it."""

    @abstractmethod
    def _note(self, event: str, detail: str = "") -> None: ...

    # Requests.

    def lose_requests(
        self, times: int | None = 1, *, method: str | None = None, cut: bool = False
    ) -> Rule[Request]:
        """Let order requests not arrive: they are neither carried out nor answered.

        Args:
            times: how many; `None` for all of them.
            method: which.
            cut: whether the connection is reset in their place.
        """
        act = rules.abort if cut else rules.swallow
        return self._on_requests("lose_requests", act, times, method)

    def delay_requests(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Request]:
        """Let order requests arrive late; their deadline counts from when they were sent."""
        act = rules.delay(seconds, arrivals.take)
        return self._on_requests("delay_requests", act, times, method)

    def hold_requests(
        self, times: int | None = None, *, method: str | None = None
    ) -> Held[Request]:
        """Let order requests arrive only when `release()` of the result is called."""
        rule = Held(
            "hold_requests", _asks(method), rules.swallow, times=times, deliver=arrivals.take
        )
        return self._receive_by(rule)

    def strand_requests(
        self, seconds: float, times: int | None = 1, *, method: str | None = None
    ) -> Rule[Request]:
        """Lose the socket of order requests, and let them arrive late all the same.

        The connection is reset at once. What the path still held reaches the engine `seconds`
        later; a `deadline` in the request is kept, the exchange's own one of 5 seconds begins
        only then. `stall_connections` does so to everything that a socket was given.
        """
        act = arrivals.strand(seconds, self._exchange.clock)
        return self._on_requests("strand_requests", act, times, method)

    def overtake_requests(
        self, times: int | None = 1, *, method: str | None = None, wait: float = 1.0
    ) -> Overtaken[Request]:
        """Let order requests be overtaken by the next one of their connection.

        Args:
            times: how many are overtaken; `None` for all of them.
            method: which.
            wait: seconds after which one that nothing overtakes arrives all the same.
        """
        rule = Overtaken(
            "overtake_requests",
            _asks(method),
            rules.swallow,
            times=times,
            deliver=arrivals.take,
            passes=_asks(None),
            wait=wait,
        )
        return self._receive_by(rule)

    def scatter_requests(
        self,
        seconds: float,
        times: int | None = None,
        *,
        method: str | None = None,
        seed: int = 7,
    ) -> Rule[Request]:
        """Let each order request arrive after a time of its own, up to `seconds`, at random."""
        act = rules.scatter(seconds, seed, arrivals.take)
        return self._on_requests("scatter_requests", act, times, method)

    def refuse_orders(
        self,
        error: ErrorValue,
        times: int | None = 1,
        *,
        method: str | None = None,
        success: bool | None = False,
    ) -> Rule[Request]:
        """Refuse order requests with a text, for example `EGeneral:Internal error`.

        Nothing comes of them; `fail_replies` says the same of requests that are carried out.

        Args:
            error: what the reply says; a list or `None` is a reply of another shape.
            times: how many; `None` for all of them.
            method: which.
            success: what the reply says of it; `None` leaves it out.
        """
        act = arrivals.refuse(_failure(error, success))
        return self._on_requests("refuse_orders", act, times, method)

    def refuse_reported(
        self, error: str = "EGeneral:Internal error", times: int | None = 1
    ) -> Rule[Request]:
        """Report new orders as `pending_new`, then refuse them; they never live."""
        act = arrivals.refuse_reported(error)
        return self._on_requests("refuse_reported", act, times, "add_order")

    def break_batches(
        self, error: str = "EService:Busy", times: int | None = 1, *, placed: int = 1
    ) -> Rule[Request]:
        """Place the first orders of a batch, and answer it with an error as a whole.

        Args:
            error: what the reply says.
            times: how many batches; `None` for all of them.
            placed: how many of its orders live.
        """
        act = arrivals.break_batch(error, placed)
        return self._on_requests("break_batches", act, times, "batch_add")

    def reject_lines(
        self, *places: int, error: str = "EOrder:Insufficient funds", times: int | None = 1
    ) -> Rule[Request]:
        """Let orders of a batch fail in the engine; `batch_add_reply` says how they are told.

        Args:
            places: which, counted from 0.
            error: why.
            times: in how many batches; `None` for all of them.
        """
        act = arrivals.reject_lines(frozenset(places), error)
        return self._on_requests("reject_lines", act, times, "batch_add")

    def echo_requests(self, times: int | None = 1, *, method: str | None = None) -> Rule[Request]:
        """Refuse order requests with a text that repeats the request, its token included."""
        return self._on_requests("echo_requests", arrivals.echo, times, method)

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
        """Send replies to order requests only when `release()` of the result is called."""
        return self._hold("hold_replies", rules.reply(method), times)

    def overtake_replies(
        self, times: int | None = 1, *, method: str | None = None, wait: float = 1.0
    ) -> Overtaken[Outgoing]:
        """Let replies to order requests be overtaken by the next reply of their connection.

        Args:
            times: how many are overtaken; `None` for all of them.
            method: which.
            wait: seconds after which one that nothing overtakes leaves all the same.
        """
        rule = Overtaken(
            "overtake_replies",
            rules.reply(method),
            rules.swallow,
            times=times,
            deliver=rules.transmit,
            passes=rules.reply(None),
            wait=wait,
        )
        return self._send_by(rule)

    def scatter_replies(
        self,
        seconds: float,
        times: int | None = None,
        *,
        method: str | None = None,
        seed: int = 7,
    ) -> Rule[Outgoing]:
        """Send each reply to an order request after a time of its own, up to `seconds`."""
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
        """Carry order requests out, and answer with an error all the same.

        Args:
            error: what the reply says; a list or `None` is a reply of another shape.
            times: how many; `None` for all of them.
            method: which.
            success: what the reply says of it; `None` leaves it out.
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
        """Send what `change` makes of replies to order requests.

        Args:
            change: gets a reply as it is and returns what is sent in its place.
            times: how many; `None` for all of them.
            method: which.
        """
        return self._on_replies("change_replies", _rewritten(change), times, method)

    def deny_timer(self, times: int | None = 1) -> Rule[Outgoing]:
        """Set the dead man's timer, but say in the reply that it is off."""

        def deny(reply: dict[str, Any]) -> dict[str, Any]:
            times = reply.get("result", {})
            off = {key: "0" if "rigger" in key else value for key, value in times.items()}
            return {**reply, "result": off}

        act = _rewritten(deny)
        return self._on_replies("deny_timer", act, times, "cancel_all_orders_after")

    # What the exchange asks.

    def arriving(self, session: Session, request: Request) -> list[Request]:
        """Return the requests that arrive now in the place of one."""
        for rule in self._arrivals:
            if rule.meets(session, request):
                arriving = rule.apply(session, request)
                self._note(rule.name, request.method)
                return arriving
        return [request]

    def _receive_by(self, rule: R) -> R:
        """Put a rule on requests in force, and return it."""
        self._arrivals = [other for other in self._arrivals if not other.is_over]
        self._arrivals.append(rule)
        return rule

    def _on_requests(
        self, name: str, act: rules.Act[Request], times: int | None, method: str | None
    ) -> Rule[Request]:
        return self._receive_by(Rule(name, _asks(method), act, times=times))

    def _on_replies(
        self, name: str, act: rules.Act[Outgoing], times: int | None, method: str | None
    ) -> Rule[Outgoing]:
        return self._send_by(Rule(name, rules.reply(method), act, times=times))

    def _hold(
        self, name: str, matches: Callable[[Outgoing], bool], times: int | None
    ) -> Held[Outgoing]:
        rule = Held(name, matches, rules.swallow, times=times, deliver=rules.transmit)
        return self._send_by(rule)


_ENVELOPE = frozenset({"method", "req_id", "time_in", "time_out"})


def _asks(method: str | None) -> Callable[[Request], bool]:
    """Match requests of one order method, or of all."""
    return lambda request: request.method in TRADING_METHODS and method in (None, request.method)


def _failure(error: ErrorValue, success: bool | None) -> dict[str, Any]:
    return {"error": error} if success is None else {"error": error, "success": success}


def _rewritten(change: Callable[[dict[str, Any]], dict[str, Any]]) -> rules.Act[Outgoing]:
    """Send what `change` makes of a reply. Replies hold no number that a float would spoil."""

    def act(session: Session, message: Outgoing) -> list[Outgoing]:
        changed = change(orjson.loads(message.payload))
        payload = orjson.dumps(changed, option=orjson.OPT_SORT_KEYS)
        return [replace(message, payload=payload)]

    return act
