"""The simulated account, for tests to read and to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from . import reports
from .feeds import MarketFeed
from .market import OrderSide
from .pairs import pair_for
from .subscription import Subscription
from .trading.lag import Shown
from .trading.ledger import held
from .trading.matching import USER_REQUESTED, Matching
from .trading.order import Fill, Number, Order
from .trading.records import Records
from .trading.schedule import Schedule
from .trading.stamps import ReportStamps
from .trading.stream import PrivateStream

DEFAULT_BALANCES: Mapping[str, Number] = {"USD": 100_000, "EUR": 20_000, "BTC": 5, "ETH": 80}
SNAPSHOT_FILLS = 50

SnapshotOrders: TypeAlias = Literal["new", "trade"]


class Account:
    """The account behind every token.

    Its orders come from the order methods of clients, which match them against the markets, or
    from `place`; what happens to these can be left to the test. Every change sends the reports of
    the exchange to the subscribers of `executions` and `balances`, in order and with exact numbers.

    Args:
        markets: the markets that orders trade with.
        stream: sends the reports.
        schedule: when orders start and expire.
        seed: of the random ids.
        clock: returns nanoseconds since the epoch.
        balances: the initial balances by asset.
        stamps: whether reports share timestamps.
        snapshot_orders: how snapshots show an open order that is partially filled.
    """

    def __init__(
        self,
        markets: MarketFeed,
        stream: PrivateStream,
        schedule: Schedule,
        *,
        seed: int,
        clock: Callable[[], int],
        balances: Mapping[str, Number] = DEFAULT_BALANCES,
        stamps: ReportStamps = "own",
        snapshot_orders: SnapshotOrders = "new",
    ) -> None:
        self.records = Records(stream, seed=seed, clock=clock, stamps=stamps, balances=balances)
        self.matching = Matching(self.records, markets, schedule, clock)
        self._stream = stream
        self._snapshot_orders = snapshot_orders
        self._markets = markets
        self._clock = clock

    @property
    def balances(self) -> dict[str, Decimal]:
        """The balances by asset, including what open orders hold."""
        return self.records.ledger.balances

    @property
    def held(self) -> dict[str, Decimal]:
        """The part of the balances that open orders hold, by asset."""
        return held(self.records.open.values())

    @property
    def orders(self) -> dict[str, Order]:
        """Every order ever placed, by its id."""
        return self.records.orders

    @property
    def open_orders(self) -> list[Order]:
        """The orders that can still be filled, oldest first."""
        return list(self.records.open.values())

    @property
    def fills(self) -> list[Fill]:
        """Every fill, oldest first."""
        return self.records.fills

    def available(self, asset: str) -> Decimal:
        """Return the balance of an asset less the part that open orders hold."""
        return self.records.available(asset)

    async def place(
        self,
        symbol: str,
        side: OrderSide,
        order_qty: Number,
        *,
        limit_price: Number | None = None,
        order_type: str | None = None,
        time_in_force: str = "GTC",
        post_only: bool = False,
        cl_ord_id: str | None = None,
        order_userref: int = 0,
        matched: bool = False,
    ) -> str:
        """Place an order: a `pending_new` report with all terms, then a short `new`.

        Nothing is checked. Unless it is `matched`, the order does not trade with the market and
        the test decides what happens to it. Clients can cancel and amend it.

        Args:
            symbol: the pair.
            side: `buy` or `sell`.
            order_qty: base currency.
            limit_price: quote currency; without it the order is a market order.
            order_type: `limit` or `market` by default.
            time_in_force: as reported, in upper case.
            post_only: as reported.
            cl_ord_id: reported instead of `order_userref`.
            order_userref: reported when there is no `cl_ord_id`.
            matched: whether it trades with the market as orders of clients do.

        Returns:
            The order id.
        """
        order = Order(
            self.records.new_id("O"),
            self._markets.pairs.get(symbol) or pair_for(symbol),
            side,
            order_type or ("market" if limit_price is None else "limit"),
            Decimal(order_qty),
            None if limit_price is None else Decimal(limit_price),
            time_in_force,
            post_only,
            {"cl_ord_id": cl_ord_id} if cl_ord_id else {"order_userref": order_userref},
            is_scripted=not matched,
        )
        self.matching.enter(order)
        return order.order_id

    async def fill(
        self,
        order_id: str,
        qty: Number | None = None,
        price: Number | None = None,
        *,
        liquidity_ind: Literal["m", "t"] = "m",
    ) -> str:
        """Fill an order: a `trade` report, perhaps a `filled` report, and two ledger entries.

        Args:
            order_id: an open order.
            qty: base currency; all that is left of the order by default.
            price: quote currency; the limit price by default.
            liquidity_ind: maker or taker; sets the fee too.

        Returns:
            The execution id.

        Raises:
            ValueError: the order is not open, less than `qty` is left of it, or it has no price.
        """
        order = self._open(order_id)
        filled = order.left if qty is None else Decimal(qty)
        at = order.limit_price if price is None else Decimal(price)
        if at is None or not 0 < filled <= order.left:
            raise ValueError(f"cannot fill {filled} of {order.left} at {at}")
        return self.matching.fill(order, filled, at, liquidity_ind)

    async def amend(
        self, order_id: str, *, order_qty: Number | None = None, limit_price: Number | None = None
    ) -> None:
        """Change an open order: one `amended` report; the id stays the same.

        Raises:
            ValueError: the order is not open.
        """
        order = self._open(order_id)
        if order_qty is not None:
            order.order_qty = Decimal(order_qty)
        if limit_price is not None:
            order.limit_price = Decimal(limit_price)
        self.matching.amend(order)

    async def cancel(self, order_id: str, reason: str = USER_REQUESTED) -> None:
        """Cancel an open order: one `canceled` report.

        Raises:
            ValueError: the order is not open.
        """
        self.matching.cancel(self._open(order_id), reason)

    async def expire(self, order_id: str) -> None:
        """Expire an open order: one `expired` report.

        Raises:
            ValueError: the order is not open.
        """
        self.matching.expire(self._open(order_id))

    async def deposit(self, asset: str, amount: Number) -> None:
        """Add to a balance: one ledger entry."""
        self.records.ledger.book("deposit", self.records.new_id("F"), asset, Decimal(amount))

    async def withdraw(self, asset: str, amount: Number, *, fee: Number = 0) -> None:
        """Subtract from a balance, the fee in addition: one ledger entry."""
        ref_id = self.records.new_id("F")
        self.records.ledger.book("withdrawal", ref_id, asset, -Decimal(amount), Decimal(fee))

    def start(self, subscription: Subscription) -> None:
        """Send a new subscription its snapshot; with `users="all"` there is none."""
        params = subscription.params
        if params.get("users") == "all":
            return
        shown = self._stream.shown or self.shown()
        if subscription.channel == "executions":
            self._stream.snapshot(subscription, self._executions(subscription, shown))
        elif params.get("snapshot", True):
            data = [reports.holding(asset, amount) for asset, amount in shown.balances.items()]
            self._stream.snapshot(subscription, data)

    def shown(self) -> Shown:
        """Return the account as snapshots show it, unless the stream lags."""
        now_ns = self._clock()
        orders = {order.order_id: reports.open_order(order, now_ns) for order in self.open_orders}
        return Shown(orders, len(self.fills), dict(self.balances))

    def _executions(self, subscription: Subscription, shown: Shown) -> list[reports.Report]:
        data: list[reports.Report] = []
        if subscription.params.get("snap_orders", True):
            data += map(self._as_shown, shown.orders.values())
        if subscription.params.get("snap_trades", False):
            data += map(self._past_trade, self.fills[: shown.fills][-SNAPSHOT_FILLS:])
        return data

    def _as_shown(self, report: reports.Report) -> reports.Report:
        is_begun = report["order_status"] == "partially_filled"
        if self._snapshot_orders == "trade" and is_begun:
            return report | {"exec_type": "trade"}
        return report

    def _past_trade(self, fill: Fill) -> reports.Report:
        return reports.past_trade(self.orders[fill.order_id], fill)

    def _open(self, order_id: str) -> Order:
        order = self.records.open.get(order_id)
        if order is None:
            raise ValueError(f"there is no open order {order_id}")
        return order
