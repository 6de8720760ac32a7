"""`Orders` with its own clock; tests feed it frames of the `executions` channel."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from kraken_connector import Engine, WSDataMessage
from kraken_connector.exceptions import TradingError
from kraken_connector.models.rest import RestFill, RestOrder
from kraken_connector.models.trading import AddOrderParams
from kraken_connector.models.trading_results import AddOrderResult
from kraken_connector.ws.base.exchange_clock import ExchangeClock
from kraken_connector.ws.orders import Order, Orders
from kraken_connector.ws.orders.changes import Change
from kraken_connector.ws.orders.evidence import SNAPSHOT_PAUSE

__all__ = [
    "BTC",
    "EPOCH",
    "SECOND",
    "WHOLE",
    "Bench",
    "ended",
    "listed",
    "new",
    "pending",
    "record",
    "record_of_fill",
    "text_of",
    "trade",
]

BTC = "BTC/USD"
SECOND = 1_000_000_000
#: The exchange's time minus the local time.
EPOCH = 1_700_000_000 * SECOND
#: Seconds after sending until which the exchange may accept an order.
PATIENCE = 5.0
WHOLE = {"snap_orders": True, "snap_trades": True}


def text_of(at_ns: int) -> str:
    """Return a time as RFC 3339 text."""
    seconds, rest = divmod(at_ns, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


class Bench:
    """The orders of a client, without a connection.

    Args:
        is_followed: whether a first, empty snapshot was processed already.
        has_times: whether reports have the current time as their timestamp.

    Attributes:
        now: monotonic local time, seconds.
        sequence: number of the last message of the stream.
        fills: the calls of `on_fill`: order and `exec_id`.
    """

    def __init__(self, *, is_followed: bool = True, has_times: bool = True) -> None:
        self.now = 1000.0
        self.sequence = 0
        self.clock = ExchangeClock()
        self.orders = Orders(lambda: self.now, self.clock)
        self.fills: list[tuple[Order | None, str]] = []
        self._has_times = has_times
        self._requests = 0
        self.orders.on_fill(lambda order, fill: self.fills.append((order, fill.exec_id)))
        self.learn()
        if is_followed:
            self.snapshot()
            self.wait(1.0)

    # Time.

    @property
    def now_ns(self) -> int:
        """The exchange's time."""
        return self.at(0.0)

    def at(self, ago: float) -> int:
        """Return the exchange's time some seconds ago."""
        return EPOCH + int((self.now - ago) * SECOND)

    def learn(self) -> None:
        """Receive a reply with the exchange's time."""
        text = text_of(self.now_ns)
        self.clock.learn(text, text, self.now, self.now)

    def wait(self, seconds: float) -> None:
        """Let time pass, and call `tick` when it is due."""
        until = self.now + seconds
        while (due := self.orders.deadline()) <= until:
            self.now = max(self.now, due)
            self.orders.tick(self.now)
        self.now = until
        self.orders.tick(self.now)

    # The client.

    def send(
        self,
        name: str | None = None,
        qty: str = "1.0",
        *,
        seconds: float = PATIENCE,
        **options: Any,
    ) -> Order:
        """Send an order that the exchange may accept for some seconds; no reply arrives."""
        self._requests += 1
        terms = {"side": "buy", "order_type": "limit", "limit_price": "100.0", **options}
        side, order_type = terms.pop("side"), terms.pop("order_type")
        tag = terms.pop("tag", None)
        params = AddOrderParams(BTC, side, order_type, qty, **terms)
        order = self.orders.placing(params, name, tag)
        self.orders.sent(order, self._requests, self.at(-seconds))
        return order

    def unknown_order(self, name: str | None = "mine", **options: Any) -> Order:
        """Send an order whose outcome stays unknown."""
        order = self.send(name, **options)
        self.orders.outcome_unknown(order)
        return order

    def open_order(self, name: str = "mine", order_id: str = "O1", qty: float = 1.0) -> Order:
        """Send an order that the exchange accepts and reports."""
        order = self.send(name, str(qty))
        self.ack(order, order_id)
        self.hear(pending(order_id, qty, cl_ord_id=name), new(order_id, cl_ord_id=name))
        return order

    def change(
        self, order: Order, method: str = "amend_order", **numbers: str | float | Decimal
    ) -> Change:
        """Send a request that changes an order; no reply arrives."""
        change = Change(method, order, {name: Decimal(n) for name, n in numbers.items()})
        self.orders.changing(order, change)
        change.deadline_ns = self.at(-PATIENCE)
        return change

    def ack(self, order: Order, order_id: str, name: str | None = None) -> None:
        """Receive the acknowledgement of an order."""
        self.orders.acknowledged(order, AddOrderResult(order_id, name))

    def refuse(self, order: Order, text: str) -> None:
        """Receive the refusal of an order."""
        self.orders.refused(order, TradingError(text, 1, venue_error=text, method="add_order"))

    def wait_for_check(self) -> float:
        """Wait until a snapshot is due, and return the seconds until then."""
        seconds = max(self.orders.check_due() - self.now, 0.0)
        assert seconds < float("inf")
        self.wait(seconds)
        return seconds

    def settle(self, *reports: dict[str, Any]) -> int:
        """Receive the same snapshot for as long as one is due; return how often."""
        for count in range(60):
            if self.orders.check_due() == float("inf"):
                return count
            self.wait_for_check()
            self.snapshot(*reports)
            self.wait(0.6)
        raise AssertionError("a snapshot is still due")

    # The exchange.

    def hear(
        self, *reports: dict[str, Any], kind: str = "update", sequence: int | None = 0
    ) -> None:
        """Receive a message; sequence 0 is the next number, `None` is none."""
        self.sequence = sequence or self.sequence + 1
        times = {"timestamp": text_of(self.now_ns)} if self._has_times else {}
        frame: dict[str, Any] = {
            "channel": "executions",
            "type": kind,
            "data": [{**times, **report} for report in reports],
        }
        if sequence is not None:
            frame["sequence"] = self.sequence
        self.receive(json.dumps(frame))

    def receive(self, frame: str) -> None:
        """Receive a message as text."""
        for event in Engine().feed(frame, self.now_ns):
            if isinstance(event, WSDataMessage):
                self.orders.observe(event)

    def subscribe(self, **params: Any) -> None:
        """Subscribe."""
        self.orders.subscribing({**WHOLE, **params})

    def snapshot(self, *reports: dict[str, Any], **params: Any) -> None:
        """Subscribe and receive a snapshot in one message."""
        self.subscribe(**params)
        self.hear(*reports, kind="snapshot", sequence=1)

    def complete_snapshot(self, *reports: dict[str, Any], **params: Any) -> None:
        """Receive a snapshot, and let pass the time until it counts as complete."""
        if self.orders.is_current:
            self.orders.resubscribing()
        self.snapshot(*reports, **params)
        self.wait(SNAPSHOT_PAUSE)


def pending(order_id: str, qty: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return the first report of an order, with all its terms."""
    return {
        "order_id": order_id,
        "exec_type": "pending_new",
        "order_status": "pending_new",
        "symbol": BTC,
        "side": "buy",
        "order_type": "limit",
        "order_qty": qty,
        "limit_price": 100.0,
        **fields,
    }


def new(order_id: str, **fields: Any) -> dict[str, Any]:
    """Return a report that an order is live; sparse, as the exchange writes it."""
    return {"order_id": order_id, "exec_type": "new", "order_status": "new", **fields}


def ended(order_id: str, status: str = "canceled", **fields: Any) -> dict[str, Any]:
    """Return the report of the end of an order."""
    return {"order_id": order_id, "exec_type": status, "order_status": status, **fields}


def listed(order_id: str, qty: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return an open order of a snapshot."""
    return pending(order_id, qty, **{"exec_type": "new", "order_status": "new", **fields})


def trade(order_id: str, exec_id: str, qty: float, **fields: Any) -> dict[str, Any]:
    """Return the report of a fill."""
    return {
        "order_id": order_id,
        "exec_id": exec_id,
        "exec_type": "trade",
        "order_status": "partially_filled",
        "symbol": BTC,
        "side": "buy",
        "last_qty": qty,
        "last_price": 100.0,
        "cost": qty * 100,
        **fields,
    }


def record(order_id: str, status: str, opened_ns: int, **fields: Any) -> RestOrder:
    """Return an order as REST shows it; by default one of `Bench.send` without fills."""
    values: dict[str, Any] = dict.fromkeys(RestOrder.__dataclass_fields__)
    zero = Decimal(0)
    values |= {
        "symbol": BTC,
        "side": "buy",
        "order_type": "limit",
        "rest_status": status,
        "order_qty": Decimal("1.0"),
        "limit_price": Decimal("100.0"),
        "cum_qty": zero,
        "cum_cost": zero,
        "fee": zero,
        "misc": (),
        "oflags": (),
        "exec_ids": (),
        "raw": {},
    }
    return RestOrder(
        **{**values, "order_id": order_id, "status": status, "opened_ns": opened_ns, **fields}
    )


def record_of_fill(exec_id: str, order_id: str, qty: str, time_ns: int, **fields: Any) -> RestFill:
    """Return a fill as REST shows it."""
    values: dict[str, Any] = dict.fromkeys(RestFill.__dataclass_fields__)
    price = Decimal(fields.pop("price", "100.0"))
    values |= {
        "exec_id": exec_id,
        "order_id": order_id,
        "symbol": BTC,
        "side": "buy",
        "order_type": "limit",
        "qty": Decimal(qty),
        "price": price,
        "cost": Decimal(qty) * price,
        "fee": Decimal("0.25"),
        "time_ns": time_ns,
        "is_maker": True,
        "misc": (),
        "ledger_ids": (),
        "raw": {},
    }
    return RestFill(**{**values, **fields})
