"""Trading requests on one connection: from the call to what came of it.

Like the whole session it has no socket and no clock. A request is sent once. Whether it left is
known: what still stands in `outgoing` when patience or the socket ends did not, and fails as such;
what left and has no answer ends as `OrderOutcomeUnknown`. An answer that comes later still updates
the order.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from ..exceptions import (
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TradingError,
    TransportError,
    UnexpectedReply,
)
from ..models import WSErrorResponse, WSResponse
from ..models.trading import AddOrderParams, BatchAddParams, TradingParams
from ..models.trading_results import AddOrderResult, BatchAddResult, EditOrderResult
from .bookkeeping import OrderBookkeeper
from .constants import INVALID_SESSION, UNKNOWN_ORDER
from .encoding import encode, encode_body
from .flights import says
from .token_desk import TokenDesk
from .trading_replies import TradingReply, read_result

__all__ = ["Command", "TradingDesk", "client_ids"]

logger = logging.getLogger(__name__)

#: Seconds without a further answer after which a number that several orders may share is done
#: with: how many answers come is not said.
USERREF_QUIET = 0.25
#: Requests whose answers may still come late; the oldest are forgotten beyond that.
LATE_KEPT = 10_000

#: `waiting` for a token, `sent` (or about to be), `done`.
CommandState = Literal["waiting", "sent", "done"]


class Command:
    """One trading request, from the call to its outcome.

    Attributes:
        method: the trading method.
        body: the parameters but the token as JSON, each after a comma.
        params: the parameters, `None` for a request that was encoded beforehand.
        state: where it stands.
        req_id: its id, 0 until it is sent.
        frame: what was sent.
        token: the token that was put into it; before, that of the parameters.
        deadline: until when it waits.
        cl_ord_id: the client's identifier of its order.
        order_id: the exchange's identifier of its order.
        orders: the orders that it makes, as the bookkeeper gave them.
        answers: the replies so far, refusals among them, of a request that gets several.
        outcome: what came of it; an exception is to be raised.
        on_done: called when it is done.
    """

    state: CommandState = "waiting"
    req_id = 0
    frame = b""
    deadline = float("inf")
    orders: Sequence[Any] = ()
    outcome: TradingReply[Any] | Exception | None = None
    on_done: Callable[[], None] | None = None

    def __init__(
        self,
        method: str,
        body: bytes,
        params: TradingParams | None = None,
        *,
        cl_ord_id: str | None = None,
        order_id: str | None = None,
        token: str = "",
    ) -> None:
        self.method = method
        self.body = body
        self.params = params
        self.token = token
        self.cl_ord_id = cl_ord_id
        self.order_id = order_id
        self.answers: list[WSResponse | WSErrorResponse] = []

    @property
    def is_done(self) -> bool:
        """Whether nobody needs to wait any more."""
        return self.outcome is not None

    @property
    def has_many_answers(self) -> bool:
        """Whether any number of answers may come."""
        return bool(getattr(self.params, "order_userref", None)) and self.method == "cancel_order"

    @property
    def is_validation(self) -> bool:
        """Whether it is only to be checked."""
        return bool(getattr(self.params, "validate", None))

    def result(self) -> TradingReply[Any]:
        """Return the reply of a command that is done, or raise what came instead."""
        assert self.outcome is not None
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def finish(self, outcome: TradingReply[Any] | Exception) -> None:
        """Tell who waits; once."""
        self.state = "done"
        if self.outcome is None:
            self.outcome = outcome
            if self.on_done is not None:
                self.on_done()


class TradingDesk:
    """The trading requests of one connection.

    Args:
        url: where it connects.
        outgoing: takes the frames; the driver takes them out as it sends them.
        tokens: the token of the connection.
        new_id: makes request ids.
        timeout: longest wait for a token, and then for an answer, seconds.
        orders: keeps account of orders.
        new_client_id: makes identifiers of orders.
    """

    def __init__(
        self,
        url: str,
        outgoing: deque[bytes],
        tokens: TokenDesk,
        new_id: Callable[[], int],
        *,
        timeout: float,
        orders: OrderBookkeeper,
        new_client_id: Callable[[], str] | None = None,
    ) -> None:
        self._url = url
        self._outgoing = outgoing
        self._tokens = tokens
        self._new_id = new_id
        self._timeout = timeout
        self._orders = orders
        self._new_client_id = new_client_id or client_ids().__next__
        self._is_open = False
        self._is_used = False
        self._waiting: list[Command] = []
        # In order of their deadlines, as all have the same patience.
        self._out: dict[int, Command] = {}
        self._collecting: dict[int, Command] = {}
        self._late: dict[int, Command] = {}
        self._heads: dict[str, bytes] = {}
        self._heads_token = ""

    # What callers want.

    def request(self, params: TradingParams, now: float, now_ns: int) -> Command:
        """Send a request, or let it wait for the token.

        Raises:
            NotConnected: there is no socket; nothing was sent.
        """
        plain = params.wire()
        named = getattr(params, "cl_ord_id", None)
        if isinstance(params, AddOrderParams):
            named = self._name(plain)
        elif isinstance(params, BatchAddParams):
            for order in plain["orders"]:
                self._name(order)
        order_id = getattr(params, "order_id", None)
        command = Command(
            params.METHOD,
            encode_body(plain),
            params,
            cl_ord_id=_only(named),
            order_id=_only(order_id),
            token=params.token,
        )
        return self.send(command, now, now_ns, names=plain)

    def send(
        self, command: Command, now: float, now_ns: int = 0, names: dict[str, Any] | None = None
    ) -> Command:
        """Send a request that is encoded, or let it wait for the token.

        Args:
            command: the request.
            now: the driver's time.
            now_ns: the same since the epoch, for requests that make orders.
            names: the parameters as they are sent, which name the orders.

        Raises:
            NotConnected: there is no socket; nothing was sent.
        """
        if not self._is_open:
            raise NotConnected(command.method, "reconnecting")
        self._is_used = True
        command.deadline = now + self._timeout
        command.req_id = self._new_id()
        if names is not None:
            self._keep_account(command, names, now_ns)
        if self._tokens.has_source and self._tokens.token is None:
            self._waiting.append(command)
            self._tokens.want()
        else:
            self._launch(command, now)
        return command

    def abandon(self, command: Command, error: Exception) -> None:
        """Take back a request that nobody waits for any more, if it has not left.

        One that has left stays: its answer updates the order.
        """
        command.on_done = None
        if not command.is_done and not self._has_left(command):
            self._never_left(command, error)

    # The socket comes and goes.

    def opened(self) -> None:
        """Begin with a new socket; where orders were sent before, its token is fetched at once."""
        self._is_open = True
        if self._is_used and self._tokens.has_source:
            self._tokens.want()

    def lost(self, error: TransportError) -> None:
        """End with a socket; to be called while `outgoing` still has what was not sent."""
        self._is_open = False
        for command in list(self._commands()):
            if self._has_left(command):
                self._in_doubt(command, str(error))
            else:
                self._never_left(command, error)
        self._waiting.clear()
        self._late.clear()

    # Time.

    def deadline(self) -> float:
        """Return when `tick` has something to do."""
        firsts = (next(iter(group.values()), None) for group in (self._out, self._collecting))
        times = [command.deadline for command in firsts if command is not None]
        if self._waiting:
            times.append(self._waiting[0].deadline)
        return min(times, default=float("inf"))

    def tick(self, now: float) -> None:
        """End what took too long."""
        for command in [c for c in self._collecting.values() if now >= c.deadline]:
            self._collected(command)
        for command in [c for c in self._commands() if now >= c.deadline]:
            patience = f"within {self._timeout:g} s"
            if self._has_left(command):
                self._in_doubt(command, f"no answer {patience}")
                self._remember(command)
            else:
                what = "no token" if command.state == "waiting" else "it could not be sent"
                text = f"{command.method}: {what} {patience}; it never left"
                self._never_left(command, RequestTimeout(text, command.req_id or None))

    def excuse(self, now: float, grace: float) -> None:
        """Grant all deadlines `grace` seconds more."""
        for command in self._commands():
            command.deadline = max(command.deadline, now + grace)

    def token_arrived(self, now: float) -> None:
        """Send what waited for the token."""
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._launch(command, now)

    def token_failed(self, error: Exception) -> None:
        """Fail what waited for the token; it never left."""
        self._tokens.want(False)
        for command in list(self._waiting):
            self._never_left(command, error)

    # Answers.

    def take(self, response: WSResponse | WSErrorResponse, now: float) -> bool:
        """Take a response; false when it answers nothing of ours."""
        req_id = response.req_id
        if not isinstance(req_id, int):
            return False
        command = self._out.get(req_id) or self._collecting.get(req_id) or self._late.get(req_id)
        if command is None:
            return False
        is_refusal = isinstance(response, WSErrorResponse)
        if command.has_many_answers and not (is_refusal and _ends_all(command, response)):
            self._answered_once_more(command, response, now)
        elif isinstance(response, WSErrorResponse):
            self._refused(command, response)
        else:
            self._accepted(command, response)
        return True

    def _accepted(self, command: Command, response: WSResponse) -> None:
        params = command.params
        count = len(params.orders) if isinstance(params, BatchAddParams) else 0
        self._drop(command)
        try:
            typed = read_result(
                command.method, response, orders=count, validated=command.is_validation
            )
        except UnexpectedReply as error:
            logger.warning("%s: %s", command.method, error)
            self._in_doubt(command, "the reply cannot be read", error)
            return
        self._tokens.accepted()
        self._account_for(command, typed)
        command.finish(self._reply(command, response, typed))

    def _refused(self, command: Command, response: WSErrorResponse) -> None:
        text = str(response.error)
        if says(response, INVALID_SESSION):
            self._tokens.invalidate(command.token)
        self._drop(command)
        known = self._known(command)
        if known is not None and says(response, UNKNOWN_ORDER):
            self._orders.denied(known)
        order = command.orders[0] if len(command.orders) == 1 else known
        error = TradingError(
            text,
            command.req_id,
            venue_error=text,
            method=command.method,
            cl_ord_id=command.cl_ord_id,
            order_id=command.order_id,
            order=order,
        )
        for refused in command.orders:
            self._orders.refused(refused, error)
        command.finish(error)

    def _answered_once_more(
        self, command: Command, response: WSResponse | WSErrorResponse, now: float
    ) -> None:
        command.answers.append(response)
        if self._out.pop(command.req_id, None) is not None:
            self._collecting[command.req_id] = command
        if not command.is_done:
            command.deadline = now + USERREF_QUIET
            # The one with the latest deadline stands last.
            self._collecting[command.req_id] = self._collecting.pop(command.req_id)

    def _collected(self, command: Command) -> None:
        """End a command whose answers have ceased to come."""
        self._drop(command)
        self._remember(command)
        done = [answer for answer in command.answers if isinstance(answer, WSResponse)]
        try:
            results = [read_result(command.method, answer) for answer in done]
        except UnexpectedReply as error:
            self._in_doubt(command, "the reply cannot be read", error)
            return
        if done:
            self._tokens.accepted()
        if len(done) == len(command.answers):
            command.finish(self._reply(command, done[0], results[0]))
        else:
            command.finish(_partly_refused(command, results))

    def _reply(self, command: Command, response: WSResponse, typed: Any) -> TradingReply[Any]:
        orders = command.orders or [order for order in [self._known(command)] if order is not None]
        return TradingReply(
            response.method,
            response.result,
            True,
            response.time_in,
            response.time_out,
            response.req_id,
            received_ns=response.received_ns,
            typed=typed,
            orders=tuple(orders),
            acks=tuple(a for a in command.answers if isinstance(a, WSResponse)) or (response,),
        )

    # Account of orders.

    def _name(self, order: dict[str, Any]) -> str | None:
        """Give an order an identifier if it has none of its own."""
        if "order_userref" not in order and "cl_ord_id" not in order:
            order["cl_ord_id"] = self._new_client_id()
        name: str | None = order.get("cl_ord_id")
        return name

    def _keep_account(self, command: Command, names: dict[str, Any], now_ns: int) -> None:
        """Open the account of the orders that a request makes."""
        params = command.params
        if command.is_validation:
            return
        if isinstance(params, AddOrderParams):
            made = [(params, names.get("cl_ord_id"))]
        elif isinstance(params, BatchAddParams):
            named = (order.get("cl_ord_id") for order in names["orders"])
            # A batch has one deadline, which is each of its orders'.
            parts = params.orders
            if params.deadline is not None:
                parts = [part.__replace__(deadline=params.deadline) for part in parts]
            made = list(zip(parts, named, strict=True))
        else:
            return
        orders = (self._orders.sending(p, name, command.req_id, now_ns) for p, name in made)
        command.orders = [order for order in orders if order is not None]

    def _account_for(self, command: Command, typed: Any) -> None:
        if isinstance(typed, AddOrderResult):
            results = [typed]
        elif isinstance(typed, BatchAddResult):
            results = typed.orders
        elif isinstance(typed, EditOrderResult) and not command.is_validation:
            self._orders.replaced(typed)
            return
        else:
            return
        for order, result in zip(command.orders, results, strict=False):
            if result.error is None:
                self._orders.acknowledged(order, result)
            else:
                self._orders.refused(order, self._refusal(command, order, result.error))

    def _refusal(self, command: Command, order: Any, text: str) -> TradingError:
        return TradingError(
            text, command.req_id, venue_error=text, method=command.method, order=order
        )

    def _known(self, command: Command) -> Any:
        """Return the order that a request is about."""
        name = command.order_id or command.cl_ord_id
        return None if name is None else self._orders.get(name)

    # Ends.

    def _in_doubt(self, command: Command, reason: str, cause: Exception | None = None) -> None:
        self._drop(command)
        order = command.orders[0] if len(command.orders) == 1 else self._known(command)
        error = OrderOutcomeUnknown(
            command.method,
            reason,
            command.req_id,
            cl_ord_id=command.cl_ord_id,
            order_id=command.order_id,
            order=order,
        )
        error.__cause__ = cause
        for doubtful in command.orders:
            self._orders.outcome_unknown(doubtful)
        command.finish(error)

    def _never_left(self, command: Command, error: Exception) -> None:
        self._drop(command)
        if command in self._waiting:
            self._waiting.remove(command)
        self._outgoing_without(command)
        for order in command.orders:
            self._orders.refused(order, error)
        command.finish(error)

    def _has_left(self, command: Command) -> bool:
        """Tell whether the driver took its frame."""
        if command.state == "waiting":
            return False
        return not any(frame is command.frame for frame in self._outgoing)

    def _outgoing_without(self, command: Command) -> None:
        for place, frame in enumerate(self._outgoing):
            if frame is command.frame:
                del self._outgoing[place]
                return

    def _drop(self, command: Command) -> None:
        for group in (self._out, self._collecting, self._late):
            group.pop(command.req_id, None)

    def _remember(self, command: Command) -> None:
        """Go on listening for an answer that comes late."""
        self._late[command.req_id] = command
        if len(self._late) > LATE_KEPT:
            del self._late[next(iter(self._late))]

    def _commands(self) -> Iterator[Command]:
        yield from list(self._waiting)
        yield from list(self._out.values())
        yield from list(self._collecting.values())

    # Sending.

    def _launch(self, command: Command, now: float) -> None:
        command.token = self._tokens.token or command.token
        head = self._head(command.method, command.token)
        command.frame = b'%b%b},"req_id":%d}' % (head, command.body, command.req_id)
        command.state = "sent"
        command.deadline = now + self._timeout
        self._out[command.req_id] = command
        self._outgoing.append(command.frame)
        logger.debug("> %s %s", command.method, command.cl_ord_id or command.order_id or "")

    def _head(self, method: str, token: str) -> bytes:
        """Return how a request begins, kept for as long as the token is the same."""
        if token != self._heads_token:
            self._heads, self._heads_token = {}, token
        head = self._heads.get(method)
        if head is None:
            name, secret = method.encode(), encode(token)
            head = self._heads[method] = b'{"method":"%b","params":{"token":%b' % (name, secret)
        return head


def _ends_all(command: Command, refusal: Any) -> bool:
    """Tell whether a refusal is about all orders of a number: then no other answer follows."""
    return not command.answers and any(
        says(refusal, text) for text in (INVALID_SESSION, UNKNOWN_ORDER)
    )


def _partly_refused(command: Command, results: Sequence[Any]) -> TradingError:
    """Return what to raise where some orders of a number could not be cancelled."""
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
    )


def client_ids() -> Iterator[str]:
    """Make identifiers of orders that no other client of the account has.

    They are free text of 18 characters, the form that was seen to be echoed unchanged.
    """
    number = int.from_bytes(os.urandom(8), "big")
    while True:
        yield f"kc{number:016x}"
        number = (number + 1) % 2**64


def _only(names: Any) -> str | None:
    """Return the name of the one order that a request is about."""
    if isinstance(names, list):
        return names[0] if len(names) == 1 else None
    return names if isinstance(names, str) else None
