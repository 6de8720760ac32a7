"""The trading requests of one connection, from the call to the outcome.

Like the whole session this has no socket and no clock. A request is sent once. Only a cancel and
the dead man's switch are sent a second time if their token was refused: they were certainly not
executed, and executing them twice does no harm.

When a request times out or the socket is lost, its frame is searched in `outgoing`. If it is still
there, the request was not sent and fails. If not, the request was sent and, without a readable
answer, ends with `OrderOutcomeUnknown`. An answer that comes later still updates its orders.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Any, Literal

from ...exceptions import (
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TradingError,
    TransportError,
    UnexpectedReply,
)
from ...models import WSErrorResponse, WSResponse
from ...models.timestamps import timestamp_ns
from ...models.trading import TradingParams
from ...models.trading_results import AddOrderResult, BatchAddResult, EditOrderResult
from ...refusals import classify, is_stale_token
from ..base.exchange_clock import ExchangeClock, milliseconds_json
from ..base.isolation import isolated
from ..orders import Order, Orders
from ..orders.order import Change
from ..orders.replies import TradingReply, check_subject, read_result, rows_of
from .order_frames import OrderFrames
from .part import Part
from .token_requests import TokenRequests

__all__ = ["Command", "OrderRequests"]

logger = logging.getLogger(__name__)

#: Seconds to wait for further answers to a cancel by `order_userref`, which several orders may
#: share: Kraken does not say how many answers come.
USERREF_QUIET = 0.25
#: How many overdue requests are remembered, in case their answers come late.
LATE_KEPT = 10_000
#: Methods that can be executed twice: they are sent again if their token was refused.
REPEATABLE = frozenset({"cancel_order", "cancel_all", "batch_cancel", "cancel_all_orders_after"})
#: Methods with a deadline after which the exchange rejects the request (pages "Add Order", "Amend
#: Order", "Edit Order" and "Batch Add").
TIMED = frozenset({"add_order", "amend_order", "edit_order", "batch_add"})

#: `waiting` for a token, `sent` (or about to be), `done`.
CommandState = Literal["waiting", "sent", "done"]


class Command:
    """One trading request, from the call to its outcome.

    Attributes:
        method: the trading method.
        body: the parameters without token and deadline as JSON, each after a comma.
        params: the parameters; of a prepared request, all but its numbers.
        orders: the orders that it creates.
        changes: the changes that it makes to existing orders.
        state: whether it waits for a token, was sent, or is done.
        req_id: its id, 0 until it is sent.
        frame: the frame that was sent.
        sent_at: when it was sent, monotonic seconds.
        token: the token in the frame; before it is sent, the token of the parameters.
        deadline: when it times out.
        answers: all replies and refusals, of a request that gets several.
        outcome: the reply, or the exception to raise; `None` until it is done.
        on_done: called when it is done.
        refused_token: the exchange's error, if its token was refused and it is sent again.
        is_withdrawn: whether it is certain that it was never sent.
        remark: text to add to its timeout error.
    """

    state: CommandState = "waiting"
    req_id = 0
    frame = b""
    sent_at: float | None = None
    deadline = inf
    outcome: TradingReply[Any] | Exception | None = None
    on_done: Callable[[], None] | None = None
    refused_token: str | None = None
    is_withdrawn = False
    remark = ""

    def __init__(
        self,
        method: str,
        body: bytes,
        params: TradingParams,
        orders: Sequence[Order] = (),
        changes: Sequence[Change] = (),
    ) -> None:
        self.method = method
        self.body = body
        self.params = params
        self.orders = orders
        self.changes = changes
        self.token = params.token
        self.answers: list[WSResponse | WSErrorResponse] = []

    @property
    def is_done(self) -> bool:
        """Whether it has an outcome."""
        return self.outcome is not None

    def is_due(self, now: float) -> bool:
        """Return whether it needs a token that is to be fetched, or times out before `now`."""
        return self.state == "waiting" or self.deadline < now

    @property
    def has_several_answers(self) -> bool:
        """Whether it may get more than one answer."""
        return self.method == "cancel_order" and bool(getattr(self.params, "order_userref", None))

    @property
    def is_validation(self) -> bool:
        """Whether the exchange only validates it."""
        return bool(getattr(self.params, "validate", None))

    @property
    def about(self) -> list[Order]:
        """The known orders that it creates or changes."""
        return [*self.orders, *(change.order for change in self.changes)]

    @property
    def identifiers(self) -> dict[str, str | None]:
        """The `cl_ord_id` and `order_id` of its order, `None` if it is about several."""
        names = {
            name: _only(getattr(self.params, name, None)) for name in ("cl_ord_id", "order_id")
        }
        if len(self.orders) == 1:
            names["cl_ord_id"] = self.orders[0].cl_ord_id
        return names

    def result(self) -> TradingReply[Any]:
        """Return the reply of a command that is done, or raise its error."""
        assert self.outcome is not None
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def finish(self, outcome: TradingReply[Any] | Exception) -> None:
        """Set the outcome, unless there is one."""
        self.state = "done"
        if self.outcome is None:
            self.outcome = outcome
            if self.on_done is not None:
                self.on_done()


class OrderRequests(Part):
    """The trading requests of one connection.

    Args:
        url: the URL of the host.
        outgoing: the frames to send; the driver removes each frame that it sends.
        tokens: the token of the connection.
        new_id: returns a new request id.
        timeout: seconds to wait for a token, and then for an answer.
        orders: the orders of the account.
        exchange: the estimate of the exchange's clock.
        wall_ns: returns the local wall clock's time, nanoseconds since the epoch; used for
            deadlines until a reply of the exchange has come.
        order_deadline: seconds after sending until which the exchange may accept a request.
        shared: parameters that every request carries.
    """

    def __init__(
        self,
        url: str,
        outgoing: deque[bytes],
        tokens: TokenRequests,
        new_id: Callable[[], int],
        *,
        timeout: float,
        orders: Orders,
        exchange: ExchangeClock,
        wall_ns: Callable[[], int],
        order_deadline: float,
        shared: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._url = url
        self._outgoing = outgoing
        self._tokens = tokens
        self._new_id = new_id
        self._timeout = timeout
        self._orders = orders
        self._exchange = exchange
        self._wall_ns = wall_ns
        self._deadline_ns = int(order_deadline * 1e9)
        self._is_open = False
        self._is_used = False
        self._waiting: list[Command] = []
        # Both in order of their deadlines, as all have the same timeout.
        self._out: dict[int, Command] = {}
        self._collecting: dict[int, Command] = {}
        self._late: dict[int, Command] = {}
        self._frames = OrderFrames(tokens.mask, shared)

    # Calls of users.

    def send(self, command: Command, now: float) -> Command:
        """Send a request, or hold it until there is a token.

        Raises:
            NotConnected: there is no socket; nothing was sent.
        """
        if not self._is_open:
            raise NotConnected(f"send {command.method}", "reconnecting")
        self._is_used = True
        command.deadline = now + self._timeout
        for change in command.changes:
            self._orders.changing(change.order, change)
        self._send_or_wait(command, now)
        return command

    def abandon(self, command: Command, error: Exception) -> None:
        """End a request whose caller no longer waits; it is withdrawn if it was not sent yet.

        If it was sent, its answer still updates its orders.
        """
        command.on_done = None
        if not command.is_done and not self._was_sent(command):
            self._end_unsent(command, error)

    # The socket.

    def connection_made(self, now: float) -> None:
        """Begin with a new socket; if orders were sent before, its token is fetched at once."""
        self._is_open = True
        if self._is_used and self._tokens.has_source:
            self._tokens.set_wanted()

    def connection_lost(self, error: TransportError) -> None:
        """End all requests; `outgoing` must still have the frames that were not sent."""
        self._is_open = False
        for command in list(self._commands()):
            if self._was_sent(command):
                self._end_unknown(command, f"{error}{command.remark}")
            else:
                self._end_unsent(command, error)
        self._waiting.clear()
        self._late.clear()

    # Time.

    def deadline(self, now: float) -> float:
        firsts = (next(iter(group.values()), None) for group in (self._out, self._collecting))
        times = [command.deadline for command in firsts if command is not None]
        times += [command.deadline for command in self._waiting[:1]]
        return min(times, default=inf)

    def tick(self, now: float) -> None:
        """Time out requests."""
        for command in [c for c in self._collecting.values() if now >= c.deadline]:
            self._end_collecting(command)
        for command in [c for c in self._commands() if now >= c.deadline]:
            if self._was_sent(command):
                text = f"no answer within {self._timeout:g} s{command.remark}"
                self._end_unknown(command, text)
                self._expect_late(command)
            else:
                self._time_out_unsent(command, now)

    def remark(self, method: str | None, remark: str) -> None:
        """Add a remark to the timeout errors of requests, as `Requests.remark` does."""
        for command in (*self._out.values(), *self._collecting.values()):
            if self._was_sent(command) and method in (None, command.method):
                command.remark = remark

    def remark_on(self, method: str) -> str:
        """Return the last remark on a pending request of a method, empty if there is none."""
        remarks = [c.remark for c in self._out.values() if c.method == method and c.remark]
        return remarks[-1] if remarks else ""

    def excuse(self, now: float, grace: float) -> None:
        for command in self._commands():
            command.deadline = max(command.deadline, now + grace)

    def token_arrived(self, now: float) -> None:
        """Send the requests that waited for the token."""
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._send(command, now)

    def token_failed(self, error: Exception) -> None:
        """Fail the requests that wait for the token; they were never sent."""
        self._tokens.set_wanted(False)
        for command in list(self._waiting):
            self._end_unsent(command, error)

    # Answers.

    def handle(self, response: WSResponse | WSErrorResponse, now: float) -> bool:
        """Handle a response; return false if it answers no trading request."""
        req_id = response.req_id
        if not isinstance(req_id, int):
            return False
        command = self._out.get(req_id) or self._collecting.get(req_id) or self._late.get(req_id)
        if command is None:
            return False
        self._exchange.learn(response.time_in, response.time_out, command.sent_at, now)
        try:
            self._handle_answer(command, response, now)
        except Exception as error:
            # Even an answer that cannot be handled must end the wait of the caller.
            logger.exception("%s: the reply cannot be used: %r", command.method, response)
            self._end_unknown(command, "the reply cannot be used", error)
        return True

    def _handle_answer(
        self, command: Command, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        is_refusal = isinstance(response, WSErrorResponse)
        if isinstance(response, WSErrorResponse) and self._repeats(command, response, now):
            return
        if command.has_several_answers and not (is_refusal and _ends_all(command, response)):
            self._collect(command, response, now)
        elif command.method == "batch_add" and command.orders:
            self._batch_answered(command, response)
        elif isinstance(response, WSErrorResponse):
            self._end_refused(command, response)
        else:
            self._end_accepted(command, response)

    def _end_accepted(self, command: Command, response: WSResponse) -> None:
        self._forget(command)
        try:
            typed = self._result_of(command, response)
        except UnexpectedReply as error:
            logger.warning("%s: %s", command.method, error)
            self._end_unknown(command, "the reply cannot be read", error)
            return
        self._tokens.on_accepted()
        orders = command.about
        if isinstance(typed, EditOrderResult) and not command.is_validation:
            orders = [self._replaced(command, typed)]
        elif isinstance(typed, AddOrderResult) and command.orders:
            self._orders.acknowledged(command.orders[0], typed)
        else:
            for change in command.changes:
                self._orders.changed_by(change.order, change, timestamp_ns(response.time_out))
        command.finish(_reply(command, response, typed, orders))

    def _result_of(self, command: Command, response: WSResponse) -> Any:
        """Return the typed result of a reply to a command.

        Raises:
            UnexpectedReply: the reply does not fit the command, or is about another order.
        """
        typed = read_result(command.method, response, validated=command.is_validation)
        if not command.is_validation:
            check_subject(command.method, response, typed, command.identifiers)
            if isinstance(typed, AddOrderResult) and self._is_taken(command.orders, typed):
                raise UnexpectedReply(response, "the order_id of a new order")
        return typed

    def _is_taken(self, orders: Sequence[Order], typed: AddOrderResult) -> bool:
        """Return whether an earlier answer gave the same `order_id` to another order."""
        return any(self._orders.is_of_another(order, typed.order_id) for order in orders)

    def _batch_answered(self, command: Command, response: WSResponse | WSErrorResponse) -> None:
        rows = rows_of(
            response, [order.cl_ord_id or order.order_userref for order in command.orders]
        )
        if rows is not None:
            self._end_batch(command, response, rows)
        elif isinstance(response, WSErrorResponse):
            self._end_refused(command, response)
        else:
            self._end_accepted(command, response)

    def _end_batch(
        self,
        command: Command,
        response: WSResponse | WSErrorResponse,
        rows: Sequence[AddOrderResult | None],
    ) -> None:
        """Handle the answer to a batch, order by order."""
        self._forget(command)
        self._tokens.on_accepted()
        for order, row in zip(command.orders, rows, strict=True):
            if row is not None and row.is_placed and not self._is_taken([order], row):
                self._orders.acknowledged(order, row)
            elif row is not None and classify(row.error).is_certain:
                self._orders.refused(order, _refusal(command, str(row.error), [order]))
            else:
                self._orders.outcome_unknown(order)
        orders = command.orders
        accepted = [str(order.order_id) for order in orders if order.order_id is not None]
        rejected = {_name(o): str(o.reason) for o in orders if o.status == "rejected"}
        unknown = [_name(order) for order in orders if order.status == "unknown"]
        if unknown:
            cause = UnexpectedReply(response, "batch_add with the outcome of every order")
            text = "the reply lacks the outcome of some orders"
            self._end_unknown(
                command, text, cause, unanswered=unknown, accepted=accepted, rejected=rejected
            )
        elif accepted:
            typed = BatchAddResult([row for row in rows if row is not None])
            command.finish(_reply(command, response, typed, orders))
        else:
            text = getattr(response, "error", None) or next(iter(rejected.values()))
            command.finish(_refusal(command, text, rejected=rejected))

    def _end_refused(self, command: Command, response: WSErrorResponse) -> None:
        text = response.error
        if is_stale_token(text):
            self._tokens.invalidate(command.token)
        self._forget(command)
        meaning = classify(text)
        if not meaning.is_certain:
            # Orders were seen to be open after such an answer (veox/python3-krakenex#60).
            self._end_unknown(command, f"the exchange answered {text!r}", venue_error=text)
            return
        error = _refusal(command, text)
        self._refuse_orders(command, error, is_gone=meaning.kind == "unknown_order")
        command.finish(error)

    def _repeats(self, command: Command, response: WSErrorResponse, now: float) -> bool:
        """Send a request again, once, if its token was refused and it can be executed twice."""
        if (
            command.method not in REPEATABLE
            or command.refused_token is not None
            or command.is_done
            or not is_stale_token(response.error)
            or not self._tokens.has_source
        ):
            return False
        command.refused_token = response.error
        self._tokens.invalidate(command.token)
        self._forget(command)
        self._send_or_wait(command, now)
        return True

    def _collect(
        self, command: Command, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        command.answers.append(response)
        if self._out.pop(command.req_id, None) is not None:
            self._collecting[command.req_id] = command
        if not command.is_done:
            command.deadline = now + USERREF_QUIET
            # Keep the order of deadlines.
            self._collecting[command.req_id] = self._collecting.pop(command.req_id)

    def _end_collecting(self, command: Command) -> None:
        """End a command after the wait for further answers."""
        self._forget(command)
        self._expect_late(command)
        done = [answer for answer in command.answers if isinstance(answer, WSResponse)]
        try:
            results = [read_result(command.method, answer) for answer in done]
        except UnexpectedReply as error:
            self._end_unknown(command, "the reply cannot be read", error)
            return
        if done:
            self._tokens.on_accepted()
        if len(done) == len(command.answers):
            for change in command.changes:
                self._orders.changed_by(change.order, change, None)
            command.finish(_reply(command, done[0], results[0], command.about))
        else:
            for change in command.changes:
                self._orders.change_unknown(change.order, change)
            command.finish(_partly_end_refused(command, results))

    def _replaced(self, command: Command, typed: EditOrderResult) -> Order:
        """Record the new order that replaces an edited one."""
        change = command.changes[0] if command.changes else None
        old = change.order if change is not None else None
        if change is not None:
            self._orders.changed_by(change.order, change, None)
        return self._orders.replaced(old, str(typed.order_id), change)

    # Outcomes.

    def _end_unknown(
        self, command: Command, reason: str, cause: Exception | None = None, **details: Any
    ) -> None:
        self._forget(command)
        with isolated(f"recording the unknown outcome of {command.method}"):
            for order in command.orders:
                self._orders.outcome_unknown(order)
            for change in command.changes:
                self._orders.change_unknown(change.order, change)
        error = OrderOutcomeUnknown(
            command.method,
            reason,
            command.req_id,
            orders=command.about,
            **{**command.identifiers, **details},
        )
        error.__cause__ = cause
        command.finish(error)

    def _end_unsent(self, command: Command, error: Exception) -> None:
        self._forget(command)
        if command in self._waiting:
            self._waiting.remove(command)
        self._remove_frame(command)
        if command.refused_token is not None:
            # It was sent once, and refused.
            error = _refusal(command, command.refused_token)
        else:
            command.is_withdrawn = True
        with isolated(f"recording that {command.method} was not sent"):
            self._refuse_orders(command, error, is_gone=False)
        command.finish(error)

    def _refuse_orders(self, command: Command, error: Exception, *, is_gone: bool) -> None:
        for order in command.orders:
            self._orders.refused(order, error)
        for change in command.changes:
            self._orders.change_refused(change.order, change, is_gone=is_gone)

    def _was_sent(self, command: Command) -> bool:
        """Return whether the driver has sent its frame."""
        if command.state == "waiting":
            return False
        return not any(frame is command.frame for frame in self._outgoing)

    def _remove_frame(self, command: Command) -> None:
        for index, frame in enumerate(self._outgoing):
            if frame is command.frame:
                del self._outgoing[index]
                return

    def _forget(self, command: Command) -> None:
        for group in (self._out, self._collecting, self._late):
            group.pop(command.req_id, None)

    def _expect_late(self, command: Command) -> None:
        """Keep a command whose answer may come late."""
        self._late[command.req_id] = command
        if len(self._late) > LATE_KEPT:
            del self._late[next(iter(self._late))]

    def _commands(self) -> Iterator[Command]:
        yield from list(self._waiting)
        yield from list(self._out.values())
        yield from list(self._collecting.values())

    # Sending.

    def _send_or_wait(self, command: Command, now: float) -> None:
        """Send a request, or hold it if there is no token."""
        if not self._tokens.is_missing:
            self._send(command, now)
            return
        command.state = "waiting"
        self._waiting.append(command)
        self._tokens.set_wanted()
        if self._tokens.not_before > command.deadline:
            # The token would come too late.
            self._time_out_unsent(command, now)

    def _time_out_unsent(self, command: Command, now: float) -> None:
        """Fail a request that was not sent in time."""
        is_waiting = command.state == "waiting"
        what = self._tokens.problem(now) if is_waiting else "the connection accepts no data"
        text = f"{command.method} was not sent within {self._timeout:g} s: {what}"
        self._end_unsent(command, RequestTimeout(text, command.req_id or None))

    def _send(self, command: Command, now: float) -> None:
        command.token = self._tokens.token or command.token
        command.req_id = self._new_id()
        deadline = self._deadline(command, now) if command.method in TIMED else b""
        command.frame = self._frames.frame(
            command.method, command.token, command.body + deadline, command.req_id
        )
        command.state, command.sent_at = "sent", now
        command.deadline = now + self._timeout
        self._out[command.req_id] = command
        self._outgoing.append(command.frame)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("> %s %s", command.method, command.req_id)

    def _deadline(self, command: Command, now: float) -> bytes:
        """Return the deadline of a request as JSON, and store it in its orders."""
        given: str | None = command.params.deadline  # type: ignore[attr-defined]
        if given is not None:
            at_ns, text = timestamp_ns(given), b""
            assert at_ns is not None, "parameters are checked when they are made"
        else:
            known_ns = self._exchange.estimate_ns(now) or self._wall_ns()
            at_ns = known_ns + self._deadline_ns
            text = b',"deadline":%b' % milliseconds_json(at_ns)
        for order in command.orders:
            self._orders.sent(order, command.req_id, at_ns)
        for change in command.changes:
            change.deadline_ns = at_ns
        return text


def _reply(
    command: Command,
    response: WSResponse | WSErrorResponse,
    typed: Any,
    orders: Sequence[Order],
) -> TradingReply[Any]:
    acks = tuple(answer for answer in command.answers if isinstance(answer, WSResponse))
    return TradingReply(
        response.method,
        response.result,
        response.success,
        response.time_in,
        response.time_out,
        response.req_id,
        received_ns=response.received_ns,
        typed=typed,
        orders=tuple(orders),
        acks=acks or ((response,) if isinstance(response, WSResponse) else ()),
    )


def _refusal(
    command: Command, text: str, orders: Sequence[Order] = (), **details: Any
) -> TradingError:
    names: dict[str, Any] = command.identifiers
    if orders:
        names = {"cl_ord_id": orders[0].cl_ord_id}
    return TradingError(
        text,
        command.req_id or None,
        venue_error=text,
        method=command.method,
        orders=orders or command.about,
        **names,
        **details,
    )


def _ends_all(command: Command, refusal: Any) -> bool:
    """Return whether a refusal is about all orders of an `order_userref`: no other follows."""
    return not command.answers and (
        is_stale_token(refusal.error) or classify(refusal.error).kind == "unknown_order"
    )


def _partly_end_refused(command: Command, results: Sequence[Any]) -> TradingError:
    """Return the error for a cancel by `order_userref` that was refused for some orders."""
    refusals = [str(a.error) for a in command.answers if isinstance(a, WSErrorResponse)]
    name = ", ".join(map(str, getattr(command.params, "order_userref", None) or ()))
    of_how_many = f"{len(refusals)} of {len(command.answers)} orders of {name}"
    text = "; ".join(dict.fromkeys(refusals))
    return TradingError(
        f"{of_how_many}: {text}",
        command.req_id,
        venue_error=refusals[0],
        method=command.method,
        rejected={name: text},
        accepted=[order_id for r in results if (order_id := r.order_id) is not None],
        orders=command.about,
    )


def _name(order: Order) -> str:
    return str(order.cl_ord_id or order.order_userref or order.order_id)


def _only(names: Any) -> str | None:
    """Return the name of a request's only order, `None` if there are several."""
    if isinstance(names, list):
        return names[0] if len(names) == 1 else None
    return names if isinstance(names, str) else None
