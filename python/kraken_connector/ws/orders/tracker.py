"""The orders of an account: what the trading desk and the `executions` stream say, put together.

Pure bookkeeping: it has no socket and no clock, and waits for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from ...exceptions import InvalidFieldError
from ...models import ExecutionData
from ...models.trading import AddOrderParams
from ...models.trading_results import AddOrderResult, EditOrderResult
from ..callbacks import call_all
from ..keepers import Keeper
from .order import OPEN, RANKS, Fill, Order, fees_of
from .reconcile import NOT_PROVEN, Doubts, Snapshot, proves_absence

__all__ = ["Orders"]

logger = logging.getLogger(__name__)

#: Orders that are kept although they came to an end; the oldest are forgotten beyond that.
DONE_KEPT = 10_000
#: Fills of the account that are kept, and known as such should they be told again.
FILLS_KEPT = 50_000
#: Reports that wait until it is known whose they are, for one number.
HELD_BACK = 1_000


class Orders(Keeper):
    """The orders of the account, live: `client.orders["O..."]` by `order_id` or `cl_ord_id`.

    It knows what this client sends from the moment of sending. What becomes of it, and orders from
    elsewhere, it knows while `executions` is subscribed, best by `client.track_orders()`. It stays
    through reconnects; the snapshot after a hole decides what the hole swallowed.

    The last 10,000 orders that came to an end are kept, and the last 50,000 fills. Without the
    stream nobody tells when an order ends, so that the last 10,000 orders are kept then.

    Attributes:
        is_current: whether the stream is followed without a hole at the moment. Never true for
            streams of all users, which have no snapshot.
    """

    def __init__(self) -> None:
        self.is_current = False
        self._by_id: dict[str, Order] = {}
        self._by_name: dict[str, Order] = {}
        #: Orders of this client without a name, by their number, until their identifier is known.
        self._numbered: dict[int, list[Order]] = {}
        #: Reports that wait until it is known whose they are, and the step of the first of them.
        self._held_back: dict[str, tuple[int, list[ExecutionData]]] = {}
        self._executions: dict[str, Fill] = {}
        self._doubts = Doubts()
        self._open: dict[Order, None] = {}
        #: What may be forgotten, oldest first.
        self._kept: dict[Order, None] = {}
        self._listeners: list[Callable[[Order], object]] = []
        self._is_followed = False
        self._asked: Snapshot | None = None
        self._step = 0
        self._latest_ns = 0

    # What users read.

    def __getitem__(self, identifier: str) -> Order:
        """Return the order with an `order_id` or `cl_ord_id`; of several, the latest.

        Raises:
            KeyError: there is none.
        """
        if (order := self.get(identifier)) is None:
            raise KeyError(identifier)
        return order

    def get(self, identifier: str) -> Order | None:
        """Return the order with an `order_id` or `cl_ord_id`, `None` if there is none."""
        return self._by_id.get(identifier) or self._by_name.get(_key(identifier))

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, str) and self.get(identifier) is not None

    def __iter__(self) -> Iterator[Order]:
        """Iterate over all orders that are known, a copy: those not at an end come last."""
        return iter([*self._kept, *self._open])

    def __len__(self) -> int:
        return len(self._kept) + len(self._open)

    def open(self, symbol: str | None = None) -> list[Order]:
        """Return the orders that can be filled, as far as is known, oldest first."""
        known = list(self._open) if self._is_followed else self
        return [order for order in known if order.is_open and symbol in (None, order.symbol)]

    @property
    def fills(self) -> list[Fill]:
        """The account's last fills that were reported, in order of arrival; a copy."""
        return list(self._executions.values())

    @property
    def unsettled(self) -> list[Order]:
        """The orders of which it is not known, or not yet, what came of sending them."""
        return [order for order in self if not order.is_settled]

    def on_change(self, listener: Callable[[Order], object]) -> Callable[[], None]:
        """Let a plain function see each order after each change of it.

        It is called in the receiving task and must be quick; what it raises is logged.

        Returns:
            A function that ends this.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def __repr__(self) -> str:
        return f"<Orders: {len(self.open())} open, {len(self)} known>"

    # What the trading desk says.

    def sending(
        self, params: AddOrderParams, cl_ord_id: str | None, req_id: int, now_ns: int
    ) -> Order:
        """Note a new order that is about to be sent, and return it."""
        self._next(now_ns)
        order = Order(None, cl_ord_id)
        order.status = "sending"
        order.params, order.req_id, order.sent_ns = params, req_id, now_ns
        order.symbol, order.side, order.order_type = params.symbol, params.side, params.order_type
        order.order_qty = cast("Decimal | None", params.order_qty)
        order.limit_price = cast("Decimal | None", params.limit_price)
        order.order_userref, order.post_only = params.order_userref, params.post_only
        order.aged_from_ns = now_ns
        if cl_ord_id is not None:
            self._by_name[_key(cl_ord_id)] = order
        elif order.order_userref is not None:
            self._numbered.setdefault(order.order_userref, []).append(order)
        self._changed(order)
        return order

    def acknowledged(self, order: Order, result: AddOrderResult) -> None:
        """Note that the exchange took an order, however late it says so."""
        self._next()
        if result.order_id is not None and order.order_id != result.order_id:
            self._bind(order, result.order_id)
        if order.status in ("sending", "unknown", "absent"):
            order.status, order.reason = "pending_new", None
            order._heard = self._step
            self._doubts.begin(order, self._latest_ns)
        self._changed(order)
        self._hand_out(order.order_userref)

    def refused(self, order: Order, error: Exception) -> None:
        """Note that the exchange refused an order, or that it never left."""
        self._next()
        if order.order_id is None:
            order.status, order.error = "rejected", error
            order.reason = getattr(error, "venue_error", None) or str(error)
            self._doubts.end(order)
            self._unnumber(order)
        self._changed(order)
        self._hand_out(order.order_userref)

    def outcome_unknown(self, order: Order) -> None:
        """Note that an order was sent and what came of it is not known."""
        self._next()
        if order.status == "sending":
            order.status = "unknown"
            self._doubts.begin(order, self._latest_ns)
            self._changed(order)
        self._hand_out(order.order_userref)

    def denied(self, order: Order) -> None:
        """Note that the exchange says that it does not have an order.

        If it counts as open, the report of its end is late or was lost: a snapshot will tell.
        """
        self._next()
        if order.is_open:
            self._doubts.begin(order, self._latest_ns)

    def replaced(self, result: EditOrderResult) -> None:
        """Note that `edit_order` put one order in the place of another one."""
        self._next()
        old = self._by_id.get(result.original_order_id or "")
        new = self._by_id.get(result.order_id)
        if new is None:
            new = Order(result.order_id)
            self._by_id[result.order_id] = new
            if old is not None:
                new.symbol, new.side, new.order_type = old.symbol, old.side, old.order_type
            new._heard = self._step
            new.aged_from_ns = self._latest_ns
            self._doubts.begin(new, self._latest_ns)
        if old is not None and old is not new:
            new.replaces, old.replaced_by = old, new
            self._changed(old)
        self._changed(new)

    # What is said about the stream.

    def look(self, now_ns: int) -> None:
        """Note what time it is, nanoseconds since the epoch."""
        self._latest_ns = max(self._latest_ns, now_ns)

    def asked(self, params: Mapping[str, Any], now_ns: int) -> None:
        """Note that the stream was asked for, and with it a snapshot."""
        self._next(now_ns)
        self._follow(True)
        self._asked = Snapshot(params, self._step, now_ns)
        self._doubts.asked(now_ns)

    def broken(self) -> None:
        """Note that messages of the stream may be missing from here on."""
        self._next()
        self.is_current = False

    def left(self) -> None:
        """Note that the stream is not subscribed any more."""
        self.broken()
        self._follow(False)

    def check_due_ns(self) -> int | None:
        """Return when a further snapshot could settle what is in doubt; `None` if none could."""
        return self._doubts.due_ns()

    def ended(self, error: Exception) -> None:
        """Tell everybody who waits that nothing is heard any more."""
        self.is_current = False
        for order in self:
            for look in list(order._watchers):
                look(error)

    # What the stream says.

    def observe(self, message: Any) -> None:
        """Take a message of the `executions` channel."""
        self._next(message.received_ns)
        reports = [report for report in message.data if isinstance(report, ExecutionData)]
        if message.type == "snapshot":
            self._take_snapshot(reports)
        else:
            for report in reports:
                self._take_report(report)

    def _take_report(self, report: ExecutionData) -> None:
        order = self._order_of(report)
        if order is None:
            self._hold_back(report)
            return
        order._heard = self._step
        self._doubts.end(order)
        self._apply(order, report, in_snapshot=False)
        self._changed(order)

    def _take_snapshot(self, reports: list[ExecutionData]) -> None:
        past = [report for report in reports if report.exec_type == "trade"]
        for report in reports:
            if report.exec_type == "trade":
                continue
            if (order := self._order_of(report)) is None:
                self._hold_back(report)
                continue
            self._doubts.end(order)
            self._apply(order, report, in_snapshot=True)
            self._changed(order)
        for report in past:
            order = self._order_of(report, is_past=True)
            if order is None:
                self._count(report)
            else:
                self._apply(order, report, in_snapshot=True)
                self._changed(order)
        asked = self._asked
        if asked is not None and not asked.is_used and not asked.params.get("users"):
            asked.is_used = True
            self.is_current = True
            live = {report.order_id for report in reports if report.exec_type != "trade"}
            if asked.params.get("snap_orders"):
                self._end_missing(asked, live)
            self._settle_doubts(asked, past)

    def _end_missing(self, asked: Snapshot, live: set[str]) -> None:
        """End the open orders that a snapshot does not show."""
        for order in [o for o in self if o.is_open]:
            if order.order_id in live or order._heard >= asked.step:
                continue
            if order.order_qty is not None and order.cum_qty >= order.order_qty:
                order.status = "filled"
            else:
                order.status = "gone"
                order.reason = "it is not in the snapshot after a hole in the stream"
            self._doubts.end(order)
            self._changed(order)

    def _settle_doubts(self, asked: Snapshot, past: list[ExecutionData]) -> None:
        for order in [o for o in self._doubts if o.status == "unknown"]:
            if asked.at_ns < self._doubts.settles_ns(order):
                continue
            if (obstacle := proves_absence(order, asked, past, self._by_id)) is None:
                order.status = "absent"
                order.reason = "neither an open order nor a fill of it is known to the exchange"
                self._doubts.end(order)
                self._unnumber(order)
            else:
                order.reason = NOT_PROVEN + obstacle
            self._changed(order)

    # Whose report it is.

    def _order_of(self, report: ExecutionData, *, is_past: bool = False) -> Order | None:
        """Return the order of a report, a new one for an order from elsewhere.

        Returns:
            `None` for a report whose order is not known yet, and for past fills of others.
        """
        order = self._by_id.get(report.order_id)
        if order is not None:
            return order
        if report.cl_ord_id is not None:
            order = self._by_name.get(_key(report.cl_ord_id))
            if order is not None and order.order_id is None:
                self._bind(order, report.order_id)
                return order
        elif candidates := self._numbered.get(report.order_userref or 0):
            alike = [order for order in candidates if _fits(order, report)]
            if len(candidates) == 1 and len(alike) == 1 and alike[0].status == "unknown":
                self._bind(alike[0], report.order_id)
                return alike[0]
            if any(order.status == "sending" for order in candidates):
                return None
        if is_past:
            return None
        order = self._by_id[report.order_id] = Order(report.order_id, report.cl_ord_id)
        if report.cl_ord_id is not None:
            self._by_name[_key(report.cl_ord_id)] = order
        return order

    def _bind(self, order: Order, order_id: str) -> None:
        """Note the exchange's identifier of an order of this client."""
        if order.order_id is not None:
            logger.error("%s is said to be %s: its fills may be another's", order, order_id)
            self._by_id.pop(order.order_id, None)
        other = self._by_id.get(order_id)
        if other is not None and other is not order:
            self._absorb(order, other)
        order.order_id = order_id
        self._by_id[order_id] = order
        self._unnumber(order)

    def _absorb(self, order: Order, other: Order) -> None:
        """Take over what was told about an order before it was known to be this one."""
        for name in _TOLD:
            if (value := getattr(other, name)) is not None:
                setattr(order, name, value)
        self._doubts.end(other)
        self._open.pop(other, None)
        self._kept.pop(other, None)
        # Nobody tells this object anything any more.
        other.status, other.reason = "gone", f"it is {order!r}"
        for look in list(other._watchers):
            look(None)

    def _unnumber(self, order: Order) -> None:
        if order.order_userref is None or order.cl_ord_id is not None:
            return
        candidates = self._numbered.get(order.order_userref, [])
        if order in candidates:
            candidates.remove(order)
        if not candidates:
            self._numbered.pop(order.order_userref, None)

    def _hold_back(self, report: ExecutionData) -> None:
        """Keep a report until the answers say which of several requests it is about."""
        _, held = self._held_back.setdefault(report.order_id, (self._step, []))
        if len(held) < HELD_BACK:
            held.append(report)

    def _hand_out(self, order_userref: int | None) -> None:
        """Take the reports that waited for what has just been learnt."""
        if order_userref is None or not self._held_back:
            return
        for order_id, (since, held) in list(self._held_back.items()):
            if held[0].order_userref == order_userref:
                del self._held_back[order_id]
                for report in held:
                    self._take_report(report)
                order = self._by_id.get(order_id)
                if order is not None and order.is_open and self._was_asked_after(since):
                    # That snapshot could not tell whether it had ended.
                    self._doubts.begin(order, self._latest_ns)

    def _was_asked_after(self, step: int) -> bool:
        return self._asked is not None and self._asked.step > step

    # What it says.

    def _apply(self, order: Order, report: ExecutionData, *, in_snapshot: bool) -> None:
        at_ns = report.timestamp_ns
        is_late = (
            not in_snapshot
            and at_ns is not None
            and order.updated_ns is not None
            and at_ns < order.updated_ns
        )
        is_past = in_snapshot and report.exec_type == "trade"
        self._take_identity(order, report)
        if not is_late and not is_past:
            _take_terms(order, report)
        self._take_progress(order, report, in_snapshot=in_snapshot)
        if not is_past:
            _take_status(order, report)
            if not is_late and (reason := report.reason or report.cancel_reason):
                order.reason = reason
            self._take_times(order, report, at_ns, in_snapshot=in_snapshot)
        elif order.status not in RANKS:
            order.status = "partially_filled"
        if order.cum_qty and order.status in ("pending_new", "new"):
            order.status = "partially_filled"

    def _take_identity(self, order: Order, report: ExecutionData) -> None:
        order.symbol = report.symbol or order.symbol
        order.side = report.side or order.side
        order.order_type = report.order_type or order.order_type
        order.user = report.user or order.user
        if report.order_userref is not None:
            order.order_userref = report.order_userref
        if order.cl_ord_id is None and report.cl_ord_id is not None:
            order.cl_ord_id = report.cl_ord_id
            self._by_name.setdefault(_key(report.cl_ord_id), order)

    def _take_progress(self, order: Order, report: ExecutionData, *, in_snapshot: bool) -> None:
        """Count what is filled: each execution once, and never less than before."""
        cum_qty, cum_cost = number(report, "cum_qty"), number(report, "cum_cost")
        is_new = report.exec_id not in self._executions
        fill = self._count(report) if report.exec_type == "trade" else None
        if fill is not None:
            order._fills[fill.exec_id] = fill
            if is_new and cum_qty is None and not in_snapshot:
                order.cum_qty += fill.qty
                order.cum_cost += fill.cost or Decimal(0)
        told = sum((fill.qty for fill in order._fills.values()), Decimal(0))
        worth = sum((fill.cost or Decimal(0) for fill in order._fills.values()), Decimal(0))
        order.cum_qty = max(order.cum_qty, told, cum_qty or Decimal(0))
        order.cum_cost = max(order.cum_cost, worth, cum_cost or Decimal(0))
        average = number(report, "avg_price")
        if average and cum_qty == order.cum_qty:
            order._average = (cum_qty, average)

    def _take_times(
        self, order: Order, report: ExecutionData, at_ns: int | None, *, in_snapshot: bool
    ) -> None:
        if order.created_ns is None:
            order.created_ns = at_ns
        if order.aged_from_ns is None:
            order.aged_from_ns = at_ns if in_snapshot else self._latest_ns
        if report.exec_type == "amended":
            order.amended_ns = max(order.amended_ns or 0, at_ns or 0)
            order.aged_from_ns = self._latest_ns
        if at_ns is not None:
            order.updated_ns = max(order.updated_ns or 0, at_ns)

    def _count(self, report: ExecutionData) -> Fill | None:
        """Return an execution, recorded once; `None` of a report that tells none."""
        exec_id, qty = report.exec_id, number(report, "last_qty")
        if exec_id is None or qty is None:
            return None
        if (known := self._executions.get(exec_id)) is not None:
            return known
        fill = self._executions[exec_id] = Fill(
            exec_id,
            report.order_id,
            report.symbol,
            report.side,
            qty,
            number(report, "last_price"),
            number(report, "cost"),
            report.liquidity_ind,
            fees_of(report.fees),
            report.trade_id,
            report.timestamp_ns,
        )
        if len(self._executions) > FILLS_KEPT:
            del self._executions[next(iter(self._executions))]
        return fill

    # Inner workings.

    def _next(self, now_ns: int | None = None) -> None:
        self._step += 1
        if now_ns is not None:
            self._latest_ns = max(self._latest_ns, now_ns)

    def _changed(self, order: Order) -> None:
        """File an order by its state, and tell those who watch it."""
        self._file(order)
        for look in list(order._watchers):
            look(None)
        call_all(self._listeners, order)

    def _file(self, order: Order) -> None:
        is_live = order.status == "sending" or (self._is_followed and not order.is_done)
        here, there = (self._open, self._kept) if is_live else (self._kept, self._open)
        there.pop(order, None)
        here[order] = None
        if len(self._kept) > DONE_KEPT:
            self._forget(next(iter(self._kept)))

    def _follow(self, is_followed: bool) -> None:
        """Note whether somebody tells when orders end."""
        if is_followed != self._is_followed:
            self._is_followed = is_followed
            for order in self:
                if not order.is_done:
                    self._file(order)

    def _forget(self, order: Order) -> None:
        del self._kept[order]
        self._doubts.end(order)
        self._unnumber(order)
        if order.order_id is not None and self._by_id.get(order.order_id) is order:
            del self._by_id[order.order_id]
        if order.cl_ord_id is not None and self._by_name.get(_key(order.cl_ord_id)) is order:
            del self._by_name[_key(order.cl_ord_id)]


#: What the stream tells about an order.
_TOLD = (
    "status",
    "order_qty",
    "limit_price",
    "time_in_force",
    "post_only",
    "cum_qty",
    "cum_cost",
    "reason",
    "user",
    "replaces",
    "replaced_by",
    "created_ns",
    "amended_ns",
    "updated_ns",
    "_fills",
    "_average",
    "_heard",
)


def number(report: ExecutionData, field: str) -> Decimal | None:
    """Return an exact number of a report; `None` where there is none, or something else."""
    if getattr(report, field) is None:
        return None
    try:
        return report.decimal(field)
    except InvalidFieldError:
        return None


def _take_terms(order: Order, report: ExecutionData) -> None:
    if (qty := number(report, "order_qty")) is not None:
        order.order_qty = qty
    if (price := number(report, "limit_price")) is not None:
        order.limit_price = price
    order.time_in_force = report.time_in_force or order.time_in_force
    if report.post_only is not None:
        order.post_only = report.post_only


def _take_status(order: Order, report: ExecutionData) -> None:
    """Take the exchange's status, unless the order is further already."""
    told = report.order_status
    if told not in RANKS and report.exec_type in RANKS:
        told = report.exec_type
    before = RANKS.get(order.status, -1)
    if told in RANKS and RANKS[told] > before:
        order.status = told
    elif before < 0:
        # The exchange speaks of it, in words that are not known.
        order.status = "new"
    if before < 0:
        order.reason = order.error = None


def _fits(order: Order, report: ExecutionData) -> bool:
    """Tell whether a report does not contradict an order of this client."""
    pairs: list[tuple[Any, Any]] = [(order.symbol, report.symbol), (order.side, report.side)]
    if report.exec_type in OPEN:
        pairs.append((order.limit_price, number(report, "limit_price")))
        pairs.append((order.order_qty, number(report, "order_qty")))
    return all(ours is None or theirs is None or ours == theirs for ours, theirs in pairs)


def _key(name: str) -> str:
    """Return what equal identifiers have in common: a UUID may come back in another spelling.

    The exchange takes three forms and turns each into 128 bits (page "Add Order").
    """
    plain = name.replace("-", "")
    if len(plain) == 32 and len(name) in (32, 36):
        return plain.lower()
    return name
