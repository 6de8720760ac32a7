"""The simulated account: its orders and balances, moved by the test instead of by a market.

Order methods of clients are not served; a session refuses them before they get here.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

from . import reports
from .encode import encode
from .feeds import Number
from .pairs import Pair, pair_for
from .registry import Registry
from .reports import Fill, LedgerEntry, Order, Report
from .session import Subscription

DEFAULT_BALANCES: Mapping[str, Number] = {"USD": 100_000, "EUR": 20_000, "BTC": 5, "ETH": 80}
SNAPSHOT_FILLS = 50
MAKER_FEE = Decimal("0.0016")
TAKER_FEE = Decimal("0.0026")
ALWAYS_REPORTED = frozenset({"new", "trade", "filled", "canceled", "expired"})
"""What `order_status:false` leaves of the executions: the ends of an order's life, and fills."""

ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Account:
    """One account's private feed.

    Every method changes the account and sends what the exchange would send to the subscribers of
    `executions` and `balances`, in its order and with exact numbers.

    Args:
        pairs: the listed pairs.
        registry: who listens.
        seed: start of the ids' randomness.
        clock: gives nanoseconds since the epoch.
        balances: what the account holds at first, by asset.

    Attributes:
        balances: what the account holds now, by asset.
        orders: every order ever placed, by its id.
    """

    def __init__(
        self,
        pairs: Mapping[str, Pair],
        registry: Registry,
        *,
        seed: int,
        clock: Callable[[], int],
        balances: Mapping[str, Number] = DEFAULT_BALANCES,
    ) -> None:
        self.balances = {asset: Decimal(amount) for asset, amount in balances.items()}
        self.orders: dict[str, Order] = {}
        self._pairs = pairs
        self._registry = registry
        self._clock = clock
        self._chance = random.Random(f"account:{seed}")
        self._fills: deque[Report] = deque(maxlen=SNAPSHOT_FILLS)
        self._trade_id = self._chance.randint(10**6, 10**8)

    async def place(
        self,
        symbol: str,
        side: Literal["buy", "sell"],
        order_qty: Number,
        *,
        limit_price: Number | None = None,
        order_type: str | None = None,
        time_in_force: str = "GTC",
        post_only: bool = False,
        cl_ord_id: str | None = None,
        order_userref: int = 0,
    ) -> str:
        """Place an order: a `pending_new` with all terms, then a sparse `new`.

        Args:
            symbol: the pair.
            side: `buy` or `sell`.
            order_qty: base currency.
            limit_price: quote currency; without it the order is a market order.
            order_type: if it is neither `limit` nor `market`.
            time_in_force: as reported, in upper case.
            post_only: whether the reports say so.
            cl_ord_id: takes the place of `order_userref` in all reports.
            order_userref: reported when there is no `cl_ord_id`.

        Returns:
            The order id.
        """
        order = Order(
            self._new_id("O"),
            self._pairs.get(symbol) or pair_for(symbol),
            side,
            order_type or ("market" if limit_price is None else "limit"),
            Decimal(order_qty),
            None if limit_price is None else Decimal(limit_price),
            time_in_force,
            post_only,
            {"cl_ord_id": cl_ord_id} if cl_ord_id else {"order_userref": order_userref},
        )
        self.orders[order.order_id] = order
        self._report(reports.pending_new(order, self._clock()))
        order.status = "new"
        self._report(reports.new(order, self._clock()))
        return order.order_id

    async def fill(
        self,
        order_id: str,
        qty: Number | None = None,
        price: Number | None = None,
        *,
        liquidity_ind: Literal["m", "t"] = "m",
    ) -> str:
        """Fill an order: a `trade`, a `filled` if that was all, and a ledger entry per currency.

        Args:
            order_id: an open order.
            qty: base currency; what is left of the order by default.
            price: quote currency; the limit price by default.
            liquidity_ind: maker or taker, which also sets the fee.

        Returns:
            The execution id.

        Raises:
            ValueError: the order is not open, has less left, or has no price.
        """
        order = self._open(order_id)
        fill = self._make_fill(order, qty, price, liquidity_ind)
        order.cum_qty += fill.qty
        order.cum_cost += fill.cost
        order.fees += fill.fee
        order.status = "partially_filled"
        report = reports.trade(order, fill, self._clock())
        self._fills.append(report)
        self._report(report)
        if order.cum_qty == order.order_qty:
            self._end(order, "filled")
        self._book_trade(order, fill)
        return fill.exec_id

    async def amend(
        self, order_id: str, *, order_qty: Number | None = None, limit_price: Number | None = None
    ) -> None:
        """Change an open order in place: one `amended` report, the id stays.

        Raises:
            ValueError: the order is not open.
        """
        order = self._open(order_id)
        if order_qty is not None:
            order.order_qty = Decimal(order_qty)
        if limit_price is not None:
            order.limit_price = Decimal(limit_price)
        order.amended = True
        self._report(reports.amended(order, self._clock()))

    async def cancel(self, order_id: str, reason: str = "User requested") -> None:
        """Cancel an open order: one `canceled` report.

        Raises:
            ValueError: the order is not open.
        """
        self._end(self._open(order_id), "canceled", reason)

    async def expire(self, order_id: str) -> None:
        """Let an open order expire: one `expired` report.

        Raises:
            ValueError: the order is not open.
        """
        self._end(self._open(order_id), "expired", "Order expired")

    async def deposit(self, asset: str, amount: Number) -> None:
        """Add to a balance: one ledger entry."""
        self._book("deposit", self._new_id("F"), asset, Decimal(amount), Decimal(0))

    async def withdraw(self, asset: str, amount: Number, *, fee: Number = 0) -> None:
        """Take from a balance, fee on top: one ledger entry."""
        self._book("withdrawal", self._new_id("F"), asset, -Decimal(amount), Decimal(fee))

    def start(self, subscription: Subscription) -> None:
        """Send a new subscription its snapshot; streams of all users have none."""
        params = subscription.params
        if params.get("users") == "all":
            return
        if subscription.channel == "executions":
            self._send(subscription, "snapshot", self._executions(subscription))
        elif params.get("snapshot", True):
            data = [reports.holding(asset, held) for asset, held in self.balances.items()]
            self._send(subscription, "snapshot", data)

    def _executions(self, subscription: Subscription) -> list[Report]:
        data: list[Report] = []
        if subscription.params.get("snap_orders", True):
            live = (order for order in self.orders.values() if _is_open(order))
            data += (reports.open_order(order, self._clock()) for order in live)
        if subscription.params.get("snap_trades", False):
            data += (reports.past_trade(report) for report in self._fills)
        return data

    def _open(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None or not _is_open(order):
            raise ValueError(f"there is no open order {order_id}")
        return order

    def _make_fill(
        self, order: Order, qty: Number | None, price: Number | None, liquidity_ind: str
    ) -> Fill:
        left = order.order_qty - order.cum_qty
        filled = left if qty is None else Decimal(qty)
        at = order.limit_price if price is None else Decimal(price)
        if at is None or not 0 < filled <= left:
            raise ValueError(f"cannot fill {filled} of {left} at {at}")
        self._trade_id += 1
        cost = (filled * at).quantize(reports.COST_UNIT)
        rate = MAKER_FEE if liquidity_ind == "m" else TAKER_FEE
        fee = (cost * rate).quantize(reports.FEE_UNIT)
        return Fill(self._new_id("T"), self._trade_id, filled, at, cost, fee, liquidity_ind)

    def _book_trade(self, order: Order, fill: Fill) -> None:
        sign = 1 if order.side == "buy" else -1
        base, quote = order.pair.base, order.pair.quote
        self._book("trade", fill.exec_id, base, sign * fill.qty, Decimal(0))
        self._book("trade", fill.exec_id, quote, -sign * fill.cost, fill.fee)

    def _book(self, kind: str, ref_id: str, asset: str, amount: Decimal, fee: Decimal) -> None:
        """Change a balance by what the ledger shows, so that its numbers add up to the digit."""
        unit = reports.ledger_unit(asset)
        amount, fee = amount.quantize(unit), fee.quantize(unit)
        balance = self.balances.get(asset, Decimal(0)) + amount - fee
        self.balances[asset] = balance
        entry = LedgerEntry(self._new_id("L"), ref_id, kind, asset, amount, fee, balance)
        report = reports.ledger(entry, self._clock())
        for subscription in self._registry.listeners(("balances", None, None)):
            self._send(subscription, "update", [self._for(subscription, report)])

    def _end(self, order: Order, status: str, reason: str | None = None) -> None:
        order.status = status
        self._report(reports.ended(order, reason, self._clock()))

    def _report(self, report: Report) -> None:
        for subscription in self._registry.listeners(("executions", None, None)):
            all_wanted = subscription.params.get("order_status", True)
            if all_wanted or report["exec_type"] in ALWAYS_REPORTED:
                self._send(subscription, "update", [self._for(subscription, report)])

    @staticmethod
    def _for(subscription: Subscription, report: Report) -> Report:
        named = subscription.params.get("users") == "all"
        return report | {"user": "AA11 N84G SIMU LATE"} if named else report

    @staticmethod
    def _send(
        subscription: Subscription, kind: Literal["snapshot", "update"], data: list[Report]
    ) -> None:
        sequence = subscription.next_sequence()
        message = {"channel": subscription.channel, "type": kind, "data": data}
        subscription.send(encode({**message, "sequence": sequence}), kind)

    def _new_id(self, first: str) -> str:
        letters = "".join(self._chance.choices(ID_LETTERS, k=16))
        return f"{first}{letters[:5]}-{letters[5:10]}-{letters[10:]}"


def _is_open(order: Order) -> bool:
    return order.status in {"pending_new", "new", "partially_filled"}
