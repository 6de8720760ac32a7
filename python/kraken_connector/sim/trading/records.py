"""The account's orders and fills, and the reports of every change."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from decimal import Decimal

from .. import reports
from ..ids import new_id
from .lag import Change, Shown
from .ledger import Ledger, LedgerEntry, cost_of, fee_on, held
from .order import Fill, Number, Order
from .stamps import ReportStamps, Stamps
from .stream import PrivateStream


class Records:
    """The orders, fills and balances of the account.

    Args:
        stream: sends the reports.
        seed: of the random ids.
        clock: returns nanoseconds since the epoch.
        stamps: whether reports share timestamps.
        balances: the initial balances by asset.

    Attributes:
        orders: every order ever placed, by its id.
        open: the orders that can still be filled, oldest first.
        fills: every fill, oldest first.
        ledger: the balances.
        stamps: returns the timestamps of reports.
    """

    def __init__(
        self,
        stream: PrivateStream,
        *,
        seed: int,
        clock: Callable[[], int],
        stamps: ReportStamps = "own",
        balances: Mapping[str, Number],
    ) -> None:
        self.orders: dict[str, Order] = {}
        self.open: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.ledger = Ledger(balances, new_id=self.new_id, publish=self._publish_entry)
        self.stamps = Stamps(clock, stamps)
        self._stream = stream
        self._clock = clock
        self._chance = random.Random(f"account:{seed}")
        self._trade_id = self._chance.randint(10**6, 10**8)

    def new_id(self, first: str) -> str:
        """Return a new id with a first letter, such as `O` for orders."""
        return new_id(first, self._chance)

    def available(self, asset: str, *, without: Order | None = None) -> Decimal:
        """Return the balance of an asset less the part that open orders hold.

        Args:
            asset: its name.
            without: an order whose part does not count.
        """
        holding = held(order for order in self.open.values() if order is not without)
        return self.ledger.balances.get(asset, Decimal(0)) - holding.get(asset, Decimal(0))

    def place(self, order: Order) -> None:
        """Add an order: a `pending_new` report with all its terms."""
        order.created_ns = order.opened_ns = self._clock()
        self.orders[order.order_id] = self.open[order.order_id] = order
        self._report(order, reports.pending_new(order, self.stamps.now()))

    def announce(self, order: Order) -> None:
        """Report an order as `pending_new` without adding it; no snapshot shows it."""
        report = reports.pending_new(order, self.stamps.now())
        self._stream.execution(report, order.pair.symbol, lambda _: None)

    def make_live(self, order: Order) -> None:
        """Report that an order is live."""
        order.status = "new"
        self._report(order, reports.new(order, self.stamps.now()))

    def fill(
        self,
        order: Order,
        qty: Decimal,
        price: Decimal,
        liquidity_ind: str,
        trade_id: int | None = None,
    ) -> Fill:
        """Fill an order: a `trade` report, perhaps a `filled` report, and two ledger entries."""
        now = self.stamps.now()
        cost = cost_of(qty, price)
        fee = fee_on(cost, liquidity_ind)
        fill = Fill(
            order.order_id,
            order.pair.symbol,
            order.side,
            self.new_id("T"),
            self._next_trade_id() if trade_id is None else trade_id,
            qty,
            price,
            cost,
            fee,
            liquidity_ind,
            now,
        )
        order.cum_qty += qty
        order.cum_cost += cost
        order.fees += fee
        order.status = "partially_filled"
        self.fills.append(fill)
        self._report(order, reports.trade(order, fill))
        if not order.left:
            self.end(order, "filled")
        self.ledger.book_trade(order, fill)
        return fill

    def amended(self, order: Order) -> None:
        """Report that the user changed an order."""
        order.amended = True
        order.created_ns = self._clock()
        self._report(order, reports.amended(order, self.stamps.of_amend(order.order_id)))

    def refilled(self, order: Order) -> None:
        """Report that an iceberg shows its next slice."""
        self._report(order, reports.refilled(order, self.stamps.now()))

    def moved(self, order: Order) -> None:
        """Report that the trigger of an order moved or was reached."""
        self._report(order, reports.status(order, self.stamps.now()))

    def end(self, order: Order, status: str, reason: str | None = None) -> None:
        """End an order: `filled`, `canceled` or `expired`."""
        order.status = status
        order.reason = reason
        order.closed_ns = self._clock()
        del self.open[order.order_id]
        self._report(order, reports.ended(order, reason, self.stamps.now()))

    def _next_trade_id(self) -> int:
        self._trade_id += 1
        return self._trade_id

    def _report(self, order: Order, report: reports.Report) -> None:
        self._stream.execution(report, order.pair.symbol, self._change(order))

    def _change(self, order: Order) -> Change:
        """Return a function that shows an order in snapshots; they need it only while they lag."""
        if not self._stream.is_late:
            return lambda _: None
        order_id, fills = order.order_id, len(self.fills)
        report = reports.open_order(order, self._clock()) if order.is_open else None

        def show(shown: Shown) -> None:
            shown.fills = fills
            if report is None:
                shown.orders.pop(order_id, None)
            else:
                shown.orders[order_id] = report

        return show

    def _publish_entry(self, entry: LedgerEntry) -> None:
        def show(shown: Shown) -> None:
            shown.balances[entry.asset] = entry.balance

        self._stream.balance(reports.ledger(entry, self.stamps.now()), show)
