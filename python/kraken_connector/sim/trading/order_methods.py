"""The order methods: how each request is carried out and answered.

Source: docs.kraken.com, Spot WebSocket v2, user trading.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from ..feeds import MarketFeed
from ..pairs import Pair
from ..requests import UNSUPPORTED_PAIR, Refused
from ..settings import Settings
from . import changes, rate, refusals, terms
from .cancel_timer import LONGEST_SECONDS, CancelTimer
from .fields import Params
from .funds import affordable, need
from .ledger import hold_of
from .matching import REPLACED, USER_REQUESTED, Matching
from .order import LIMIT_TYPES, Order
from .rate import RateCounters
from .records import Records
from .refusals import bad
from .shapes import Answer, Shapes, failure, success


class OrderMethods:
    """Carries out requests of the order methods whose keys and types are checked.

    Args:
        records: the account's orders.
        matching: the matching engine.
        markets: the listed pairs and their prices.
        rates: the rate counters.
        timer: the dead man's timer.
        clock: returns nanoseconds since the epoch.
        settings: give the system status and the wording of errors.
        shapes: the formats of the answers.
        names_replaced: whether a new order of `edit_order` names the order that it replaced.
        positions: whether there are positions that orders can settle.
        seed: the random seed of the order of answers.
    """

    def __init__(
        self,
        records: Records,
        matching: Matching,
        markets: MarketFeed,
        rates: RateCounters,
        timer: CancelTimer,
        *,
        clock: Callable[[], int],
        settings: Settings,
        shapes: Shapes,
        names_replaced: bool = False,
        positions: bool = False,
        seed: int = 7,
    ) -> None:
        self._records = records
        self._matching = matching
        self._markets = markets
        self._rates = rates
        self._timer = timer
        self._clock = clock
        self._settings = settings
        self._shapes = shapes
        self._names_replaced = names_replaced
        self._positions = positions
        self._rejected: Mapping[int, str] = {}
        self._chance = random.Random(f"answers:{seed}")

    def answer(self, method: str, params: Params, received_ns: int) -> list[Answer]:
        """Carry out a request and return its answers; only `cancel_order` has several.

        Args:
            method: one of the order methods.
            params: with known keys and right types.
            received_ns: when the request was received; its deadline counts from then.

        Raises:
            Refused: the request is answered with one error.
        """
        if self._settings.system == "maintenance":
            raise Refused(refusals.UNAVAILABLE)
        answers: list[Answer] = getattr(self, f"_{method}")(params, received_ns)
        return answers

    def cancel_everything(self, reason: str) -> int:
        """Cancel all open orders and return how many there were."""
        orders = list(self._records.open.values())
        for order in orders:
            self._matching.cancel(order, reason)
        return len(orders)

    @property
    def timer_due_ns(self) -> int | None:
        """When the dead man's timer fires, ns since the epoch; `None` while it is off."""
        return self._timer.due_ns

    @property
    def max_rate_count(self) -> int:
        """The rate counter beyond which requests are refused."""
        return self._rates.tier.threshold

    def announce(self, params: Params) -> None:
        """Report a new order as `pending_new` without entering it.

        Raises:
            Refused: its terms are not valid.
        """
        self._records.announce(self.build(params))

    def build(self, params: Params) -> Order:
        """Return the order of the params of `add_order` without entering it.

        Raises:
            Refused: its terms are not valid.
        """
        return self._build(params, self._pair(params["symbol"]))

    @contextmanager
    def rejecting(self, indexes: Collection[int], error: str) -> Iterator[None]:
        """Let the orders at some indexes of batches fail in the engine until the block ends."""
        self._rejected = dict.fromkeys(indexes, error)
        try:
            yield
        finally:
            self._rejected = {}

    # The methods.

    def _add_order(self, params: Params, received_ns: int) -> list[Answer]:
        pair = self._pair(params["symbol"])
        self._rates.charge(pair.symbol, rate.ADD)
        order = self._build(params, pair)
        self._check_state(order)
        self._check_funds(order)
        if not params.get("validate", False):
            terms.check_deadline(params, received_ns, self._clock())
            self._matching.enter(order)
        return [success(_names(order, params))]

    def _batch_add(self, params: Params, received_ns: int) -> list[Answer]:
        pair, items = self._pair(params["symbol"]), params["orders"]
        if not 2 <= len(items) <= 15:
            raise bad("orders")
        self._rates.charge(pair.symbol, Decimal(len(items)) / 2)
        orders = [self._build(item, pair) for item in items]
        ids = [order.client_id["cl_ord_id"] for order in orders if "cl_ord_id" in order.client_id]
        if len(set(ids)) < len(ids):
            raise Refused(refusals.DUPLICATE_ORDER)
        for order in orders:
            self._check_state(order)
        terms.check_deadline(params, received_ns, self._clock())
        is_dry = params.get("validate", False)
        lines = [{**item, "validate": is_dry} for item in items]
        both = zip(orders, lines, strict=True)
        rows = [self._enter(index, *line) for index, line in enumerate(both)]
        return [self._shapes.added(rows, self._chance)]

    def _enter(self, index: int, order: Order, params: Params) -> Answer:
        """Enter one order of a batch and return its element of the result."""
        try:
            if index in self._rejected:
                raise Refused(self._rejected[index])
            self._check_funds(order)
        except Refused as refusal:
            names = {key: value for key, value in order.client_id.items() if key in params}
            return {**names, "error": self._settings.text(refusal.error)}
        if not params["validate"]:
            self._matching.enter(order)
        return _names(order, params)

    def _amend_order(self, params: Params, received_ns: int) -> list[Answer]:
        order = self._find_one(params)
        age_ns = self._clock() - order.created_ns
        cost = rate.age_cost("amend", age_ns)
        self._rates.charge(order.pair.symbol, rate.CHANGE, later=cost)
        changed = changes.amended(order, params, self._last(order.pair))
        self._check_state(changed)
        if changed.left > 0:
            terms.check_size(changed)
            self._check_affordable(changed, order)
        is_idle = order.waits or order.is_scripted
        if params.get("post_only", False) and not is_idle and self._matching.would_take(changed):
            raise Refused(refusals.POST_ONLY_ORDER)
        terms.check_deadline(params, received_ns, self._clock())
        if changed.left <= 0:
            cost += rate.age_cost("cancel", age_ns)
        self._rates.add(order.pair.symbol, cost)
        changes.copy_terms(order, changed)
        self._matching.amend(order)
        named = "order_id" if "order_id" in params else "cl_ord_id"
        return [success({"amend_id": self._records.new_id("T"), named: params[named]})]

    def _edit_order(self, params: Params, received_ns: int) -> list[Answer]:
        old = self._find_one(params)
        if old.pair != self._pair(params["symbol"]):
            raise Refused(refusals.UNKNOWN_ORDER)
        age_ns = self._clock() - old.created_ns
        cost = rate.age_cost("edit", age_ns)
        self._rates.charge(old.pair.symbol, rate.CHANGE, later=cost)
        new = changes.replacement(old, params, self._records.new_id("O"), self._last(old.pair))
        if self._names_replaced:
            new.ord_ref_id = old.order_id
        self._check_state(new)
        terms.check_size(new)
        self._check_affordable(new, old)
        is_dry = params.get("validate", False)
        names = {"order_id": "" if is_dry else new.order_id, "original_order_id": old.order_id}
        if not is_dry:
            terms.check_deadline(params, received_ns, self._clock())
            self._rates.add(old.pair.symbol, cost)
            self._matching.cancel(old, REPLACED)
            self._matching.enter(new)
        return [success(_with_warnings(names, params))]

    def _cancel_order(self, params: Params, received_ns: int) -> list[Answer]:
        """Answer for each order, the last one first, as in the documentation's example."""
        given = [kind for kind in ("order_id", "cl_ord_id", "order_userref") if params.get(kind)]
        if len(given) != 1:
            raise bad("order_id")
        (kind,) = given
        answers = [answer for value in params[kind] for answer in self._cancel_each(kind, value)]
        return answers[::-1]

    def _cancel_each(self, kind: str, value: str | int) -> Iterable[Answer]:
        found = self._named(kind, value)
        if not found:
            return [failure(self._settings.text(refusals.UNKNOWN_ORDER))]
        return [self._cancel_found(order, kind, value) for order in found]

    def _cancel_found(self, order: Order, kind: str, value: str | int) -> Answer:
        age_ns = self._clock() - order.created_ns
        try:
            self._rates.charge(order.pair.symbol, rate.age_cost("cancel", age_ns))
        except Refused as refusal:
            return failure(self._settings.text(refusal.error))
        self._matching.cancel(order)
        return success({kind: value} if kind != "order_userref" else {"order_id": order.order_id})

    def _cancel_all(self, params: Params, received_ns: int) -> list[Answer]:
        return [success({"count": self.cancel_everything(USER_REQUESTED)})]

    def _cancel_all_orders_after(self, params: Params, received_ns: int) -> list[Answer]:
        seconds = params["timeout"]
        if not 0 <= seconds < LONGEST_SECONDS:
            raise bad("timeout")
        now = self._clock()
        self._timer.set(now, seconds)
        return [self._shapes.timer(now, seconds)]

    def _batch_cancel(self, params: Params, received_ns: int) -> list[Answer]:
        orders, cl_ord_ids = params.get("orders", []), params.get("cl_ord_id", [])
        if not 2 <= len(orders) + len(cl_ord_ids) <= 50:
            raise bad("orders")
        found = [order for text in orders for order in self._named_by_text(text)]
        found += [order for text in cl_ord_ids for order in self._named("cl_ord_id", text)]
        chosen = list(dict.fromkeys(found))
        for symbol in {order.pair.symbol for order in chosen}:
            self._rates.charge(symbol, Decimal(0))
        for order in chosen:
            age_ns = self._clock() - order.created_ns
            self._rates.add(order.pair.symbol, rate.age_cost("cancel", age_ns))
            self._matching.cancel(order)
        return [self._shapes.cancelled(len(chosen))]

    # Helpers.

    def _pair(self, symbol: str) -> Pair:
        pair = self._markets.pairs.get(symbol)
        if pair is None:
            raise Refused(UNSUPPORTED_PAIR.format(symbol))
        return pair

    def _build(self, params: Params, pair: Pair) -> Order:
        """Return the order of a request, if its terms are valid and its client id is not in use."""
        if params["order_type"] == "settle-position" and not self._positions:
            raise Refused(refusals.UNKNOWN_POSITION)
        order_id = self._records.new_id("O")
        order = terms.build_order(
            params, pair, order_id, last=self._last(pair), now_ns=self._clock()
        )
        if "cash_order_qty" in params:
            self._size_by_cash(order, Decimal(params["cash_order_qty"]))
        cl_ord_id = order.client_id.get("cl_ord_id")
        if cl_ord_id is not None and self._named("cl_ord_id", cl_ord_id):
            raise Refused(refusals.DUPLICATE_ORDER)
        return order

    def _size_by_cash(self, order: Order, cash: Decimal) -> None:
        """Set the quantity of a market order to what its cash buys now, without fees."""
        market = self._markets.market(order.pair.symbol)
        order.order_qty = affordable(market, cash)
        order.flags = {**order.flags, "cash_order_qty": cash}
        terms.check_size(order)

    def _last(self, pair: Pair) -> Decimal:
        """Return the last price of a pair; 0 for a pair that is not listed."""
        if pair.symbol not in self._markets.pairs:
            return Decimal(0)
        return self._markets.market(pair.symbol).last_price

    def _check_state(self, order: Order) -> None:
        """Refuse an order that the status of the exchange or of its pair does not allow."""
        for state in (
            self._settings.system,
            self._markets.statuses.get(order.pair.symbol, "online"),
        ):
            if not _allows(state, order):
                raise Refused(refusals.MODE.format(state))

    def _check_funds(self, order: Order) -> None:
        symbol = order.pair.symbol
        others = sum(one.pair.symbol == symbol for one in self._records.open.values())
        if others >= self._rates.tier.open_orders:
            raise Refused(refusals.ORDERS_LIMIT)
        self._check_affordable(order)

    def _check_affordable(self, order: Order, replaced: Order | None = None) -> None:
        if order.is_scripted:
            asset, amount = hold_of(order)
        else:
            asset, amount = need(self._markets.market(order.pair.symbol), order)
        if amount > self._records.available(asset, without=replaced):
            raise Refused(refusals.INSUFFICIENT_FUNDS)

    def _named(self, kind: str, value: str | int) -> list[Order]:
        """Return the open orders with an identifier; only an `order_userref` can have several."""
        if kind == "order_id":
            order = self._records.open.get(str(value))
            return [] if order is None else [order]
        return [
            order for order in self._records.open.values() if order.client_id.get(kind) == value
        ]

    def _named_by_text(self, text: str) -> list[Order]:
        found = self._named("order_id", text)
        if not found and text.removeprefix("-").isdecimal():
            found = self._named("order_userref", int(text))
        return found

    def _find_one(self, params: Params) -> Order:
        given = [kind for kind in ("order_id", "cl_ord_id") if kind in params]
        if len(given) != 1:
            raise bad("order_id")
        found = self._named(given[0], params[given[0]])
        if not found:
            raise Refused(refusals.UNKNOWN_ORDER)
        return found[0]


def _allows(state: str, order: Order) -> bool:
    if state == "post_only":
        return order.post_only and order.order_type == "limit"
    if state == "limit_only":
        return order.order_type in LIMIT_TYPES
    if state == "reduce_only":
        return "reduce_only" in order.flags
    return state == "online"


def _names(order: Order, params: Params) -> Answer:
    """Return the ids of an order, including the client's, and warnings.

    With `validate` the exchange's id is an empty string (Kraken's SDK).
    """
    sent = {key: value for key, value in order.client_id.items() if key in params}
    order_id = "" if params.get("validate", False) else order.order_id
    return _with_warnings({"order_id": order_id, **sent}, params)


def _with_warnings(result: Answer, params: Params) -> Answer:
    warnings = terms.warnings(params)
    return {**result, "warnings": warnings} if warnings else result
