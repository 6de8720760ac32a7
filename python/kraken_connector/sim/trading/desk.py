"""The order methods: what each does, and what it answers.

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
from . import changes, rate, refusals, terms
from .dead_man import LONGEST_SECONDS, DeadMan
from .fields import Params
from .funds import affordable, need
from .ledger import hold_of
from .matching import REPLACED, USER_REQUESTED, Matching
from .order import LIMIT_TYPES, Order
from .rate import RateCounters
from .records import Records
from .refusals import bad
from .shapes import Answer, Shapes, failure, success


class Desk:
    """Takes checked requests of the order methods and answers them.

    Args:
        records: the account's orders.
        matching: what moves them.
        markets: where prices come from.
        rates: the rate counters.
        dead_man: the timer.
        clock: gives nanoseconds since the epoch.
        system: gives the system status.
        shapes: of the answers.
        texts: what is said instead of an error text, by that text.
        names_replaced: whether an order that took the place of another says which.
        positions: whether there are positions that orders can settle.
        seed: start of the randomness of answers.
    """

    def __init__(
        self,
        records: Records,
        matching: Matching,
        markets: MarketFeed,
        rates: RateCounters,
        dead_man: DeadMan,
        *,
        clock: Callable[[], int],
        system: Callable[[], str],
        shapes: Shapes,
        texts: Mapping[str, str],
        names_replaced: bool = False,
        positions: bool = False,
        seed: int = 7,
    ) -> None:
        self._records = records
        self._matching = matching
        self._markets = markets
        self._rates = rates
        self._dead_man = dead_man
        self._clock = clock
        self._system = system
        self._shapes = shapes
        self._texts = texts
        self._names_replaced = names_replaced
        self._positions = positions
        self._rejected: Mapping[int, str] = {}
        self._chance = random.Random(f"answers:{seed}")

    def answer(self, method: str, params: Params, received_ns: int) -> list[Answer]:
        """Do what a request asks for and return its answers; only `cancel_order` has several.

        Args:
            method: one of the order methods.
            params: with known keys and right types.
            received_ns: when the request came; its deadline counts from then.

        Raises:
            Refused: the only answer is an error.
        """
        if self._system() == "maintenance":
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
        return self._dead_man.due_ns

    def announce(self, params: Params) -> None:
        """Report a new order as `pending_new` and forget it.

        Raises:
            Refused: its terms are not in order.
        """
        self._records.announce(self._build(params, self._pair(params["symbol"])))

    @contextmanager
    def rejecting(self, places: Collection[int], error: str) -> Iterator[None]:
        """Let the orders at some places of batches fail in the engine while the block lasts."""
        self._rejected = dict.fromkeys(places, error)
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
        pair, asked = self._pair(params["symbol"]), params["orders"]
        if not 2 <= len(asked) <= 15:
            raise bad("orders")
        self._rates.charge(pair.symbol, Decimal(len(asked)) / 2)
        orders = [self._build(one, pair) for one in asked]
        ids = [order.client_id["cl_ord_id"] for order in orders if "cl_ord_id" in order.client_id]
        if len(set(ids)) < len(ids):
            raise Refused(refusals.DUPLICATE_ORDER)
        for order in orders:
            self._check_state(order)
        terms.check_deadline(params, received_ns, self._clock())
        is_dry = params.get("validate", False)
        lines = [{**one, "validate": is_dry} for one in asked]
        both = zip(orders, lines, strict=True)
        rows = [self._enter(place, *line) for place, line in enumerate(both)]
        return [self._shapes.added(rows, self._chance)]

    def _enter(self, place: int, order: Order, params: Params) -> Answer:
        """Let one order of a batch into the engine and return its element of the result."""
        try:
            if place in self._rejected:
                raise Refused(self._rejected[place])
            self._check_funds(order)
        except Refused as refusal:
            names = {key: value for key, value in order.client_id.items() if key in params}
            return {**names, "error": self._said(refusal.error)}
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
        changes.take_over(order, changed)
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
        """Answer every order by itself, the last one first, as the documentation's example does."""
        given = [kind for kind in ("order_id", "cl_ord_id", "order_userref") if params.get(kind)]
        if len(given) != 1:
            raise bad("order_id")
        (kind,) = given
        answers = [answer for value in params[kind] for answer in self._cancel_each(kind, value)]
        return answers[::-1]

    def _cancel_each(self, kind: str, value: str | int) -> Iterable[Answer]:
        found = self._named(kind, value)
        if not found:
            return [failure(self._said(refusals.UNKNOWN_ORDER))]
        return [self._cancel_found(order, kind, value) for order in found]

    def _cancel_found(self, order: Order, kind: str, value: str | int) -> Answer:
        age_ns = self._clock() - order.created_ns
        try:
            self._rates.charge(order.pair.symbol, rate.age_cost("cancel", age_ns))
        except Refused as refusal:
            return failure(self._said(refusal.error))
        self._matching.cancel(order)
        return success({kind: value} if kind != "order_userref" else {"order_id": order.order_id})

    def _cancel_all(self, params: Params, received_ns: int) -> list[Answer]:
        return [success({"count": self.cancel_everything(USER_REQUESTED)})]

    def _cancel_all_orders_after(self, params: Params, received_ns: int) -> list[Answer]:
        seconds = params["timeout"]
        if not 0 <= seconds < LONGEST_SECONDS:
            raise bad("timeout")
        now = self._clock()
        self._dead_man.set(now, seconds)
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

    # What they have in common.

    def _said(self, error: str) -> str:
        return self._texts.get(error, error)

    def _pair(self, symbol: str) -> Pair:
        pair = self._markets.pairs.get(symbol)
        if pair is None:
            raise Refused(UNSUPPORTED_PAIR.format(symbol))
        return pair

    def _build(self, params: Params, pair: Pair) -> Order:
        """Return the order that is asked for, if its terms are in order and its id is free."""
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
        """Give a market order the quantity that its cash buys now, fees not included."""
        market = self._markets.market(order.pair.symbol)
        order.order_qty = affordable(market, cash)
        order.flags = {**order.flags, "cash_order_qty": cash}
        terms.check_size(order)

    def _last(self, pair: Pair) -> Decimal:
        """Return the last price of a pair; one that is not listed has none."""
        if pair.symbol not in self._markets.pairs:
            return Decimal(0)
        return self._markets.market(pair.symbol).last_price

    def _check_state(self, order: Order) -> None:
        """Refuse an order that the state of the exchange or of its pair does not admit."""
        for state in (self._system(), self._markets.statuses.get(order.pair.symbol, "online")):
            if not _admits(state, order):
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
        """Return the open orders of an identifier; more than one only of `order_userref`."""
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


def _admits(state: str, order: Order) -> bool:
    if state == "post_only":
        return order.post_only and order.order_type == "limit"
    if state == "limit_only":
        return order.order_type in LIMIT_TYPES
    if state == "reduce_only":
        return "reduce_only" in order.flags
    return state == "online"


def _names(order: Order, params: Params) -> Answer:
    """Return the ids of an order, those that the client sent among them, and warnings.

    With `validate` the exchange's id is an empty text (Kraken's SDK).
    """
    sent = {key: value for key, value in order.client_id.items() if key in params}
    order_id = "" if params.get("validate", False) else order.order_id
    return _with_warnings({"order_id": order_id, **sent}, params)


def _with_warnings(result: Answer, params: Params) -> Answer:
    warnings = terms.warnings(params)
    return {**result, "warnings": warnings} if warnings else result
