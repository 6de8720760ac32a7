"""Fills as REST shows them.

Source: docs.kraken.com, REST API, `TradesHistory` and `QueryTrades`. `consolidate_taker`, the
default, shows the taker fills of one order as one row. That the row has the id, time and `trade_id`
of the first of them is a guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..requests import Refused
from ..trading.order import LIMIT_TYPES, Fill, Order
from ..trading.refusals import bad
from . import forms, numbers, pages
from .call import Call, needs
from .forms import Params
from .positions import Position, closing_ids, position_id, positions
from .venue import Venue

CLOSED = needs("query-closed-trades")
INVALID_TRADE = "EQuery:Unknown trade"
"""Refuses unknown ids on request only; no such refusal was recorded."""
MOST_IDS = 20
MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A fill, or the taker fills of one order."""

    order: Order
    fills: Sequence[Fill]

    @property
    def exec_id(self) -> str:
        """The key of the row."""
        return self.fills[0].exec_id

    @property
    def time_ns(self) -> int:
        """The time of the row."""
        return self.fills[0].timestamp_ns

    @property
    def cost(self) -> Decimal:
        """What all fills of the row cost."""
        return sum((fill.cost for fill in self.fills), Decimal(0))


def rows(venue: Venue, *, consolidated: bool) -> list[Row]:
    """Return the fills that reads show, oldest first."""
    groups: dict[str, list[Fill]] = {}
    for fill in venue.account.fills:
        if venue.is_shown(fill.timestamp_ns):
            merges = consolidated and fill.liquidity_ind == "t"
            groups.setdefault(fill.order_id if merges else fill.exec_id, []).append(fill)
    return [Row(venue.account.orders[fills[0].order_id], fills) for fills in groups.values()]


def ids_by_order(venue: Venue, *, consolidated: bool) -> Mapping[str, list[str]]:
    """Return the ids of the fills of each order."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows(venue, consolidated=consolidated):
        found[row.order.order_id].append(row.exec_id)
    return found


@dataclass(frozen=True, slots=True)
class View:
    """Shows fills.

    Attributes:
        found: the positions by id.
        closing: ids of the fills that closed a position.
        with_ledgers: whether rows have the ids of their ledger entries.
        with_trades: whether rows that opened a position have the ids of those that closed it.
    """

    venue: Venue
    found: dict[str, Position]
    closing: set[str]
    with_ledgers: bool = False
    with_trades: bool = False

    @classmethod
    def of(cls, venue: Venue, params: Params) -> View:
        """Return the view of a call."""
        found = positions(venue.account.fills, venue.account.orders)
        ledgers, trades = params.get("ledgers", False), params.get("trades", False)
        return cls(venue, found, closing_ids(found), ledgers, trades)

    def is_of(self, row: Row, kind: str) -> bool:
        """Return whether a row is of a `type` of `TradesHistory`."""
        is_margin = "margin" in row.order.flags
        if kind in ("all", "no position"):
            return kind == "all" or not is_margin
        is_closing = any(fill.exec_id in self.closing for fill in row.fills)
        position = self._opened(row)
        if kind == "closing position":
            return is_closing
        if kind == "closed position":
            return position is not None and not position.left
        return is_margin

    def show(self, row: Row) -> dict[str, Any]:
        """Return a row as REST shows it."""
        order, fills = row.order, row.fills
        pair, vol = order.pair, sum((fill.qty for fill in fills), Decimal(0))
        margin = row.cost / (order.leverage or 1) if "margin" in order.flags else Decimal(0)
        shown: dict[str, Any] = {
            "ordertxid": order.order_id,
            "postxid": position_id(order),
            "pair": self.venue.names.of(pair).key,
            "aclass": "forex",
            "time": numbers.seconds(row.time_ns, 9),
            "type": order.side,
            "ordertype": order.order_type,
            "tradeordertype": _traded_as(order),
            "price": numbers.price(pair, row.cost / vol),
            "cost": numbers.cost(row.cost),
            "fee": numbers.cost(sum((fill.fee for fill in fills), Decimal(0))),
            "vol": numbers.qty(pair, vol),
            "margin": numbers.cost(margin),
            "leverage": str(order.leverage or 0),
            "misc": "closing" if any(fill.exec_id in self.closing for fill in fills) else "",
            "trade_id": fills[0].trade_id,
            "maker": fills[0].liquidity_ind == "m",
        }
        if self.with_ledgers:
            shown["ledgers"] = self._ledgers(fills)
        position = self._opened(row)
        return shown if position is None else shown | self._closing(position)

    def _opened(self, row: Row) -> Position | None:
        """Return the position that a row opened, if it did."""
        is_closing = all(fill.exec_id in self.closing for fill in row.fills)
        return None if is_closing else self.found.get(position_id(row.order))

    def _ledgers(self, fills: Sequence[Fill]) -> list[str]:
        wanted = {fill.exec_id for fill in fills}
        entries = self.venue.account.records.ledger.entries
        return [entry.ledger_id for entry in entries if entry.ref_id in wanted]

    def _closing(self, position: Position) -> dict[str, Any]:
        """Return the fields of a row that opened a position: how far it is closed."""
        pair, closed = position.order.pair, position.closed_vol
        opened = position.cost * closed / position.vol
        net = position.value_change(position.closed_cost, opened)
        price = position.closed_cost / closed if closed else Decimal(0)
        return {
            "posstatus": "open" if position.left else "closed",
            "cprice": numbers.price(pair, price),
            "ccost": numbers.cost(position.closed_cost),
            "cfee": numbers.cost(position.closed_fee),
            "cvol": numbers.qty(pair, closed),
            "cmargin": numbers.cost(position.margin * closed / position.vol),
            "net": f"{net:+.5f}",
            **({"trades": list(position.closed_by)} if self.with_trades else {}),
        }


def _traded_as(order: Order) -> str:
    """Return the type of the order that traded: what a triggered order became."""
    if order.trigger is None:
        return order.order_type
    return "limit" if order.order_type in LIMIT_TYPES else "market"


def _trades_history(venue: Venue, params: Params) -> Any:
    view, shown = View.of(venue, params), rows(venue, consolidated=_consolidated(params))
    times = {fill.exec_id: fill.timestamp_ns for fill in venue.account.fills}
    is_within = pages.within(params, times.get)
    wanted = venue.names.find(params["pair"]).pair if "pair" in params else None
    kind = params.get("type", "all")
    found = [
        row
        for row in reversed(shown)
        if is_within(row.time_ns)
        and wanted in (None, row.order.pair)
        and params.get("aclass", "forex") == "forex"
        and view.is_of(row, kind)
    ]
    size = min(MOST_ROWS, params.get("limit", pages.PAGE))
    result, page = pages.cut(params, "trades", found, size)
    result["trades"] = {row.exec_id: view.show(row) for row in page}
    return result


def _query_trades(venue: Venue, params: Params) -> Any:
    forms.require(params, "txid")
    if len(params["txid"]) > MOST_IDS:
        raise bad("txid")
    view = View.of(venue, params)
    known = {row.exec_id: row for row in rows(venue, consolidated=False)}
    if venue.rest.unknown_ids == "refused" and not known.keys() >= set(params["txid"]):
        raise Refused(INVALID_TRADE)
    return {name: view.show(known[name]) for name in params["txid"] if name in known}


def _consolidated(params: Params) -> bool:
    consolidated: bool = params.get("consolidate_taker", True)
    return consolidated


TYPES = ("all", "any position", "closed position", "closing position", "no position")
CLASSES = ("forex", "equity_pair", "futures_contract", "synthetic_pair", "external_pair")
CALLS = {
    "TradesHistory": Call(
        _trades_history,
        {
            **pages.READERS,
            "type": forms.choice(*TYPES),
            "trades": forms.flag,
            "consolidate_taker": forms.flag,
            "ledgers": forms.flag,
            "pair": forms.text,
            "aclass": forms.choice(*CLASSES),
            "limit": forms.count,
        },
        CLOSED,
        cost=2,
    ),
    "QueryTrades": Call(_query_trades, {"txid": forms.listed, "trades": forms.flag}, CLOSED),
}
