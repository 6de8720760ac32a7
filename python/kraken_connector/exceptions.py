"""Every exception of the package, in one tree.

    KrakenConnectorError
    ├─ TransportError            reconnect    the connection failed; also a ConnectionError
    │  ├─ ConnectFailed                       no attempt to connect succeeded
    │  ├─ ConnectionLost                      a connection ended
    │  └─ HeartbeatTimeout                    a connection fell silent
    ├─ ProtocolError             drop_frame   the exchange broke the protocol
    │  ├─ ParseError                          a frame that cannot be read; also a ValueError
    │  ├─ UnexpectedReply                     a reply that fits no request
    │  ├─ InvalidResponseModel                `api`: a reply that cannot be read; also a ValueError
    │  └─ UnexpectedStatus                    `api`: a reply with another status than 200
    ├─ FeedError                 resync       the content of a stream is wrong
    │  ├─ ChecksumError                       a book that differs from the exchange's
    │  └─ BookNotReady                        a book that is not valid now
    ├─ RequestError              none         a request was refused
    │  ├─ SubscriptionError                   a subscribe or unsubscribe
    │  ├─ TradingError                        an order request
    │  │  ├─ OrderCheckFailed                 not sent; also a ValueError
    │  │  └─ RateLimitExceeded                not sent, as the rate limit has no room
    │  ├─ OrderOutcomeUnknown                 sent, and the outcome is not known
    │  ├─ RestError                           a REST call was refused or has no usable reply
    │  ├─ KrakenAPIError                      `api`: a call was refused
    │  ├─ TokenAcquisitionError               the REST API gave no token
    │  └─ RequestTimeout                      no answer in time; also a TimeoutError
    ├─ OrderNotFilled            none         an order ended in another way than it was waited for
    ├─ OrderUnresolved           none         an order that nothing to be received can settle
    ├─ OrdersStillWorking        none         orders that may be in the market after a cancel
    ├─ NotConnected              none         a request without a connection; also a RuntimeError
    ├─ InvalidParameter          none         a parameter that is not allowed; also a ValueError
    └─ InvalidFieldError         none         a field that is not a number; also a ValueError

Exceptions carry their data as attributes. The second column is `recovery`, what the client does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from .refusals import RefusalKind, classify

__all__ = [
    "BookNotReady",
    "ChecksumError",
    "ConnectFailed",
    "ConnectionLost",
    "FeedError",
    "HeartbeatTimeout",
    "InvalidFieldError",
    "InvalidParameter",
    "InvalidResponseModel",
    "KrakenAPIError",
    "KrakenConnectorError",
    "NotConnected",
    "OrderCheckFailed",
    "OrderNotFilled",
    "OrderOutcomeUnknown",
    "OrderUnresolved",
    "OrdersStillWorking",
    "ParseError",
    "ProtocolError",
    "RateLimitExceeded",
    "RequestError",
    "RequestTimeout",
    "RestError",
    "SubscriptionError",
    "TokenAcquisitionError",
    "TradingError",
    "TransportError",
    "UnexpectedReply",
    "UnexpectedStatus",
]


class KrakenConnectorError(Exception):
    """The base of all exceptions of this package."""

    recovery: ClassVar[str] = "none"

    def __reduce__(self) -> tuple[Any, ...]:
        # A client updates orders, so pickles do not contain them.
        state = self.__dict__
        for name, nothing in (("order", None), ("orders", ()), ("report", None)):
            if name in state:
                state = {**state, name: nothing}
        return _restore, (type(self), self.args, state)


def _restore(cls: type[KrakenConnectorError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class TransportError(KrakenConnectorError, ConnectionError):
    """The connection failed; the client reconnects."""

    recovery = "reconnect"


class ConnectFailed(TransportError):
    """The single attempt of a first connection failed, or all allowed attempts to reconnect.

    Attributes:
        url: URL of the endpoint.
        attempts: number of attempts.
        reason: why the last one failed; `__cause__` is the exception.
        status: HTTP status that refused the last one, `None` without one.
        retry_after: seconds of the refusal's `Retry-After`, `None` without one.
    """

    status: int | None = None
    retry_after: float | None = None

    def __init__(self, url: str, attempts: int, reason: str) -> None:
        self.url = url
        self.attempts = attempts
        self.reason = reason
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"cannot connect to {url} ({times}): {reason}")


class ConnectionLost(TransportError):
    """The connection ended while a request was pending, or for good.

    Attributes:
        url: URL of the endpoint.
        reason: why it ended.
        code: the code of the exchange's close frame (RFC 6455, section 7.4), `None` without one.
    """

    code: int | None = None

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"connection to {url} lost: {reason}")


class HeartbeatTimeout(TransportError):
    """Nothing arrived for longer than `heartbeat_timeout` seconds."""

    def __init__(self, url: str, silence: float) -> None:
        self.url = url
        self.silence = silence
        super().__init__(f"nothing received from {url} for {silence:.1f} s")


class ProtocolError(KrakenConnectorError):
    """The exchange sent a frame that the protocol does not allow; the client drops it."""

    recovery = "drop_frame"


class ParseError(ProtocolError, ValueError):
    """A frame that cannot be read.

    Attributes:
        kind: the fault, one of `ParseError.KINDS`.
        offset: byte offset of the fault in the frame.
        channel: the frame's channel, if it could be read.
        place: the wrong value, such as `data[0].balance`, or the missing field; `None` if the frame
            is not JSON or wrong as a whole.
    """

    #: Every kind and its text. Both cores use these and no others.
    KINDS: ClassVar[dict[str, str]] = {
        "empty": "the frame is empty",
        "encoding": "the frame is not UTF-8",
        "syntax": "this is not JSON",
        "truncated": "the JSON text ends too early",
        "trailing": "data follows the JSON value",
        "depth": "arrays and objects are nested too deep",
        "number": "this number cannot be represented",
        "type": "this value does not have the type of the protocol",
        "missing": "a field that the protocol requires is missing",
        "unclassified": "Unrecognized message: it has neither a channel nor a method",
    }

    def __init__(
        self, kind: str, offset: int, channel: str | None = None, place: str | None = None
    ) -> None:
        self.kind = kind
        self.offset = offset
        self.channel = channel
        self.place = place
        what = f": {place}" if place else ""
        where = f" in a {channel} message" if channel else ""
        super().__init__(f"{self.KINDS[kind]}{what} (at byte {offset}{where})")


class UnexpectedReply(ProtocolError):
    """A reply does not have the shape that its request requires.

    Attributes:
        reply: the reply.
        expected: what it should have been.
    """

    def __init__(self, reply: Any, expected: str) -> None:
        self.reply = reply
        self.expected = expected
        super().__init__(f"expected {expected}, received {reply!r}")


class InvalidResponseModel(ProtocolError, ValueError):
    """A reply to a call of `kraken_connector.api` cannot be read.

    After `add_order` the order may be in the market.
    """


class UnexpectedStatus(ProtocolError):
    """A reply to a call of `kraken_connector.api` has another HTTP status than 200.

    It is raised if `raise_on_unexpected_status` of the client is set. After `add_order` the order
    may be in the market.

    Attributes:
        status_code: the HTTP status.
        content: the body of the reply.
    """

    def __init__(self, status_code: int, content: bytes) -> None:
        self.status_code = status_code
        self.content = content
        super().__init__(f"Unexpected status code: {status_code}")


class FeedError(KrakenConnectorError):
    """The content of a stream is wrong; the client resyncs it."""

    recovery = "resync"


class ChecksumError(FeedError):
    """A book does not match the checksum that the exchange sent with it.

    Attributes:
        symbol: the currency pair.
        expected: the exchange's checksum.
        computed: the checksum of the book.
    """

    def __init__(self, symbol: str, expected: int, computed: int) -> None:
        self.symbol = symbol
        self.expected = expected
        self.computed = computed
        super().__init__(
            f"Book checksum mismatch for {symbol}: expected {expected}, computed {computed}"
        )


class BookNotReady(FeedError, RuntimeError):
    """A live book, or one of another process, was read while it is not valid.

    Attributes:
        symbol: the currency pair.
        state: the book's state, never `"valid"`.
    """

    _REASONS: ClassVar[dict[str, str]] = {
        "awaiting_snapshot": "no verified snapshot has arrived yet",
        "stale": "it failed its checksum and is being resynced",
        "quarantined": "it kept failing its checksum and is no longer retried",
    }
    #: Those of books of other processes only.
    _SHARED_REASONS: ClassVar[dict[str, str]] = {
        "unrepresentable": "a number of it has more than 63 bits",
        "unfinished": "its writer stopped in the middle of a change",
        "corrupt": "its levels do not match its checksum",
        "writer_silent": "its writer has not shown for max_age seconds that it runs",
        "writer_dead": "the process of its writer has ended",
        "writer_closed": "its writer has stopped sharing books",
        "replaced": "another writer has taken the name; call reopen() of its SharedBooks",
        "closed": "its SharedBooks was closed or reopened",
    }

    def __init__(self, symbol: str, state: str) -> None:
        self.symbol = symbol
        self.state = state
        if state in self._SHARED_REASONS:
            super().__init__(f"book of {symbol} is {state}: {self._SHARED_REASONS[state]}")
            return
        reason = self._REASONS.get(state, state)
        super().__init__(
            f"book of {symbol} is {state}: {reason}; check book.is_valid first, "
            "or read the unverified levels with book.unverified()"
        )


class RequestError(KrakenConnectorError):
    """The exchange, or this client by its rules, refused a request.

    Attributes:
        error: the reason; the exchange's text if there is one.
        venue_error: the exchange's text verbatim, `None` if the client refused.
        req_id: the request's id, if it was sent.
    """

    def __init__(
        self, error: str, req_id: int | None = None, *, venue_error: str | None = None
    ) -> None:
        self.error = error
        self.req_id = req_id
        self.venue_error = venue_error
        super().__init__(error)


class SubscriptionError(RequestError):
    """A subscribe or unsubscribe was refused for at least one symbol.

    Attributes:
        rejected: the exchange's text by refused symbol; the key of a channel without symbols
            (`instrument`, `executions`, `balances`) is its name.
        accepted: the symbols of the same request that were accepted and stay subscribed.
    """

    def __init__(
        self,
        error: str,
        req_id: int | None = None,
        *,
        venue_error: str | None = None,
        rejected: dict[str, str] | None = None,
        accepted: Sequence[str] = (),
    ) -> None:
        super().__init__(error, req_id, venue_error=venue_error)
        self.rejected = rejected or {}
        self.accepted = tuple(accepted)


class TradingError(RequestError):
    """A trading request was refused: it had no effect, except for what `accepted` names.

    Attributes:
        method: the request's method, such as `add_order`.
        kind: the kind of refusal: `funds`, `post_only`, `price`, `size`, `rate`, `limit` (too many
            orders), `closed` (the state of the market), `unknown_order`, `duplicate_id`,
            `permission`, `session`, `service`, `deadline`, `invalid` or `other`.
        retryable: whether the same request can succeed later without a change.
        cl_ord_id: the client's identifier of the order, if the request has one.
        order_id: the exchange's identifier of the order, if the request has one.
        rejected: the exchange's text by identifier, for requests about several orders.
        accepted: the identifiers of the same request that were accepted.
        orders: the orders of the request that the client knows.
    """

    def __init__(
        self,
        error: str,
        req_id: int | None = None,
        *,
        venue_error: str | None = None,
        method: str | None = None,
        cl_ord_id: str | None = None,
        order_id: str | None = None,
        rejected: Mapping[str, str] | None = None,
        accepted: Sequence[str] = (),
        order: Any = None,
        orders: Sequence[Any] = (),
        kind: RefusalKind | None = None,
    ) -> None:
        super().__init__(error, req_id, venue_error=venue_error)
        meaning = classify(venue_error)
        self.method = method
        self.kind: RefusalKind = kind or meaning.kind
        self.retryable = meaning.retryable if kind is None else kind in _RETRYABLE
        self.cl_ord_id = cl_ord_id
        self.order_id = order_id
        self.rejected = dict(rejected or {})
        self.accepted = tuple(accepted)
        self.orders = tuple(orders) or (() if order is None else (order,))

    @property
    def order(self) -> Any:
        """The order as the client knows it; `None` where there is none, or more than one."""
        return self.orders[0] if len(self.orders) == 1 else None

    def __str__(self) -> str:
        if self.venue_error is None or self.method is None:
            return self.error
        name = self.order_id or self.cl_ord_id
        about = f" ({name})" if name else ""
        return f"{self.method}{about} was refused: {self.error}"


#: Kinds of this client's own refusals after which the same request can succeed later.
_RETRYABLE = frozenset({"rate", "closed"})


class OrderCheckFailed(TradingError, ValueError):
    """An order was not sent, because it breaks a rule of the exchange.

    Attributes:
        rule: `tick`, `lot`, `minimum`, `cost`, `status`, `system`, `symbol`, `deadline`, `edit`,
            `duplicate` (an order with this `cl_ord_id` is not done) or `done` (the order ended).
        symbol: the currency pair, `None` for a rule without one.
        field: the parameter that breaks the rule.
        value: its value.
        below: the nearest valid value below, `None` if there is none.
        above: the nearest valid value above, `None` if there is none.
    """

    def __init__(
        self,
        error: str,
        *,
        rule: str,
        symbol: str | None = None,
        field: str | None = None,
        value: Any = None,
        below: Decimal | None = None,
        above: Decimal | None = None,
        method: str | None = None,
        orders: Sequence[Any] = (),
    ) -> None:
        super().__init__(error, method=method, orders=orders, kind=_KINDS.get(rule, "invalid"))
        self.rule = rule
        self.symbol = symbol
        self.field = field
        self.value = value
        self.below = below
        self.above = above


#: The kind of refusal of each rule.
_KINDS: dict[str, RefusalKind] = {
    "tick": "price",
    "lot": "size",
    "minimum": "size",
    "cost": "size",
    "status": "closed",
    "system": "closed",
    "deadline": "deadline",
    "duplicate": "duplicate_id",
    "done": "unknown_order",
}


class RateLimitExceeded(TradingError):
    """A request was not sent, because the trading rate limit has no room for it.

    Attributes:
        symbol: the currency pair of the counter.
        cost: cost of the request.
        headroom: cost that still fits.
        seconds: seconds until there is room; infinite if there never is.
    """

    def __init__(
        self, method: str, symbol: str, cost: Decimal, headroom: Decimal, seconds: float
    ) -> None:
        self.symbol = symbol
        self.cost = cost
        self.headroom = headroom
        self.seconds = seconds
        when = "never enough" if seconds == float("inf") else f"try again in {seconds:.1f} s"
        super().__init__(
            f"{method} of {symbol} costs {cost}, and the rate limit has room for {headroom:.2f}: "
            f"{when}",
            method=method,
            kind="rate",
        )


class OrderOutcomeUnknown(RequestError):
    """A trading request was sent, and its outcome is not known.

    The request may have been carried out, may still be, or may never be. The client does not retry
    it. A late reply or the `executions` stream can still settle the orders: wait for each with
    `order.wait_settled()`.

    This is neither a `TimeoutError` nor a `ConnectionError`: code that retries after one of these
    would place the order twice.

    Attributes:
        method: the request's method, such as `add_order`.
        cl_ord_id: the client's identifier of the order, if the request has one.
        order_id: the exchange's identifier of the order, if the request has one.
        orders: the orders of the request that the client knows.
        unanswered: the identifiers whose outcome is unknown, for requests about several orders.
        rejected: the exchange's text by refused identifier.
        accepted: the identifiers that were accepted.
    """

    def __init__(
        self,
        method: str,
        reason: str,
        req_id: int | None = None,
        *,
        venue_error: str | None = None,
        cl_ord_id: str | None = None,
        order_id: str | None = None,
        order: Any = None,
        orders: Sequence[Any] = (),
        unanswered: Sequence[str] = (),
        rejected: Mapping[str, str] | None = None,
        accepted: Sequence[str] = (),
    ) -> None:
        self.method = method
        self.cl_ord_id = cl_ord_id
        self.order_id = order_id
        self.orders = tuple(orders) or (() if order is None else (order,))
        self.unanswered = tuple(unanswered)
        self.rejected = dict(rejected or {})
        self.accepted = tuple(accepted)
        names = ", ".join(self.unanswered) or order_id or cl_ord_id
        about = f" ({names})" if names else ""
        text = f"the outcome of {method}{about} is unknown: {reason}"
        text = f"{text}; a retry could carry it out twice"
        super().__init__(text, req_id, venue_error=venue_error)

    @property
    def order(self) -> Any:
        """The order as the client knows it; `None` where there is none, or more than one."""
        return self.orders[0] if len(self.orders) == 1 else None


class OrderNotFilled(KrakenConnectorError):
    """An order ended in another way than it was waited for.

    Attributes:
        order: the order; see its `status`, `reason`, `cum_qty` and `fills`.
    """

    def __init__(self, order: Any) -> None:
        self.order = order
        why = f" ({order.reason})" if order.reason else ""
        super().__init__(f"{order!r} was not filled: it is {order.status}{why}")


class OrderUnresolved(KrakenConnectorError):
    """No message that this client can still receive will settle the order.

    Raised by the `wait_*` methods of an order instead of waiting for ever: `executions` is not
    followed, or the requested snapshots do not settle the order.

    Attributes:
        order: the order; `reason` says what is missing.
        reason: why the order cannot be settled.
    """

    def __init__(self, order: Any, reason: str) -> None:
        self.order = order
        self.reason = reason
        super().__init__(f"{order!r} cannot be followed any further: {reason}")


class OrdersStillWorking(KrakenConnectorError):
    """Orders that were to be cancelled may still be in the market.

    This is not a `TimeoutError`, although it is raised after a timeout: code that retries after
    timeouts must not ignore it, as the orders can be filled. Cancelling again is safe.

    Attributes:
        orders: the orders that may be in the market.
        report: a `CancelReport` of the others.
        order_ids: identifiers of further orders that the REST API lists as open.
    """

    def __init__(
        self,
        orders: Sequence[Any],
        report: Any,
        *,
        order_ids: Sequence[str] = (),
        reason: str = "executions is not current",
    ) -> None:
        self.orders = tuple(orders)
        self.report = report
        self.order_ids = tuple(order_ids)
        names = [*map(repr, self.orders), *self.order_ids]
        text = f"{len(names)} orders may still be in the market: {', '.join(names)}"
        if not names:
            text = f"orders may still be in the market: {reason}"
        super().__init__(text)


class RestError(RequestError):
    """A call of the REST API was refused, or it has no usable reply.

    A new or changed order raises `OrderOutcomeUnknown` instead, unless it was certainly refused or
    not sent. A cancel without a reply raises this; cancelling again is safe.

    Attributes:
        call: the name of the call, such as `OpenOrders`.
        errors: the exchange's texts, empty if there are none; `venue_error` joins them.
        code: the first text up to its details, such as `EGeneral:Invalid arguments`; `None` without
            a text.
        severity: `E` for an error, `W` for a warning; `None` without a text.
        category: where the error occurred, such as `General` or `Order`; `None` without a text.
        kind: the kind of refusal, as in `TradingError`. Without a text it is `rate` for the status
            429, `other` for other statuses of 400 to 499 and for a result of an unexpected form,
            and otherwise `service`.
        retryable: whether the same call can succeed later without a change.
        status: the HTTP status, `None` without a reply.
        retry_after: seconds of the reply's `Retry-After`, `None` without one.
        was_sent: whether the exchange may have received the call.
    """

    def __init__(
        self,
        call: str,
        problem: str = "",
        *,
        errors: Sequence[str] = (),
        status: int | None = None,
        retry_after: float | None = None,
        was_sent: bool = True,
        kind: RefusalKind | None = None,
    ) -> None:
        self.call = call
        self.errors = tuple(errors)
        self.status = status
        self.retry_after = retry_after
        self.was_sent = was_sent
        meaning = classify(errors[0]) if errors else None
        self.kind: RefusalKind = kind or (_kind_of(status) if meaning is None else meaning.kind)
        self.retryable = self.kind in _RETRYABLE_CALLS if meaning is None else meaning.retryable
        self.code, self.severity, self.category = _parts(self.errors)
        said = ", ".join(self.errors)
        text = f"{call} was refused: {said}" if said else f"{call} failed: {problem}"
        super().__init__(text, venue_error=said or None)


#: Kinds of failures without a text of the exchange after which the same call can succeed later.
_RETRYABLE_CALLS = frozenset({"rate", "service"})


def _kind_of(status: int | None) -> RefusalKind:
    """Return the kind of a failure without a text of the exchange."""
    if status == 429:
        return "rate"
    return "other" if status is not None and 400 <= status < 500 else "service"


def _parts(errors: Sequence[str]) -> tuple[str | None, str | None, str | None]:
    """Return code, severity and category of the first text.

    A text is `<severity><category>:<message>[:<details>]` (docs.kraken.com, page "API Errors").
    """
    if not errors or errors[0][:1] not in ("E", "W") or ":" not in errors[0]:
        return None, None, None
    area, message, *_ = errors[0].split(":")
    return f"{area}:{message}", area[0], area[1:]


class KrakenAPIError(RequestError):
    """The exchange refused a call of `kraken_connector.api`.

    Attributes:
        errors: the exchange's texts; `venue_error` joins them.
        kind: the kind of refusal, as in `TradingError`.
        retryable: whether the same call can succeed later without a change.
        is_certain: whether the call certainly had no effect. Otherwise an order may be in the
            market.
    """

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        self.is_certain = all(classify(text).is_certain for text in errors)
        meaning = classify(errors[0]) if errors else None
        self.kind: RefusalKind = "service" if meaning is None else meaning.kind
        self.retryable = meaning is not None and meaning.retryable
        said = ", ".join(errors)
        super().__init__(f"Kraken API error: {said}", venue_error=said)


class TokenAcquisitionError(RequestError):
    """No WebSocket token could be fetched from the REST API.

    Attributes:
        status: the HTTP status of the answer, `None` without an answer.
        errors: the exchange's texts, empty if there are none; `venue_error` joins them.
        retry_after: seconds of the answer's `Retry-After`, `None` without one.
    """

    status: int | None = None
    errors: tuple[str, ...] = ()
    retry_after: float | None = None


class RequestTimeout(RequestError, TimeoutError):
    """A request was not answered within `request_timeout` seconds; its outcome is unknown.

    An order request raises this only if it was never sent, and otherwise `OrderOutcomeUnknown`.

    Attributes:
        unanswered: the symbols without an answer, empty for requests without symbols.
    """

    def __init__(
        self, error: str, req_id: int | None = None, *, unanswered: Sequence[str] = ()
    ) -> None:
        super().__init__(error, req_id)
        self.unanswered = tuple(unanswered)


#: Advice by state.
_HINTS = {
    "reconnecting": "try again later",
    "trading_only": "call connect() to open market data again",
    "not subscribed to executions": "call track_orders() first",
}


class NotConnected(KrakenConnectorError, RuntimeError):
    """A request was made while the client is not connected.

    Attributes:
        state: the state of the client then.
    """

    def __init__(self, action: str, state: str) -> None:
        self.action = action
        self.state = state
        hint = _HINTS.get(state, "call connect() first")
        super().__init__(f"Cannot {action}: the client is {state}; {hint}")


class InvalidParameter(KrakenConnectorError, ValueError):
    """A parameter has a value that the exchange does not accept.

    Attributes:
        field: name of the parameter.
        expected: what it must be.
        value: its value.
    """

    def __init__(self, field: str, expected: str, value: Any) -> None:
        self.field = field
        self.expected = expected
        self.value = value
        super().__init__(f"{field} must be {expected}, not {value!r}")


class InvalidFieldError(KrakenConnectorError, ValueError):
    """A requested field does not exist or is not a number.

    Attributes:
        model: the class name of the item.
        field: the name of the field.
    """

    def __init__(self, model: str, field: str, numeric: Sequence[str]) -> None:
        self.model = model
        self.field = field
        names = ", ".join(numeric) or "none"
        super().__init__(f"{model} has no number in {field!r}; its numeric fields: {names}")
