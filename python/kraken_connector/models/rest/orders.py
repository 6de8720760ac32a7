"""Orders and fills as the REST API shows them, with the words of the socket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from ..order_parts import LIMIT_TYPES, TRIGGERED_TYPES
from .names import Names
from .row import Row, moment

__all__ = ["RestFill", "RestOrder"]

#: A price relative to another one has a sign, or a percent sign: `+5.0%`.
_RELATIVE = re.compile(r"[+\-#][\d.]+%?|[\d.]+%", re.ASCII)
#: Words of `status`; `open` depends on what is filled.
_STATUS = {"pending": "pending_new", "closed": "filled"}
_DONE = frozenset({"filled", "canceled", "expired"})


@dataclass(frozen=True, slots=True)
class RestOrder:
    """An order.

    Attributes:
        order_id: the exchange's identifier.
        symbol: the pair as on the socket; a name without a slash is an unknown pair, as received.
        side: `buy` or `sell`.
        order_type: as on the socket: `limit`, `market`, `stop-loss`, ...
        status: as on the socket: `pending_new`, `new`, `partially_filled`, `filled`, `canceled` or
            `expired`; another word as received.
        rest_status: as received: `pending`, `open`, `closed` (filled), `canceled` or `expired`.
        order_qty: ordered quantity in the base asset; in the quote asset with the flag `viqc`.
        cum_qty: filled quantity.
        cum_cost: cost of what is filled, in the quote asset.
        average_price: average price of what is filled, `None` before the first fill.
        fee: fee so far, in the quote asset unless `oflags` say otherwise.
        limit_price: limit price; `None` without one, and if it is relative to another price.
        trigger_price: trigger price; `None` without one, and if it is relative to another price.
        cl_ord_id: the client's identifier.
        order_userref: the client's number; `None` for 0, which the exchange shows for none.
        time_in_force: `gtc`, `gtd`, `ioc` or `fok`, if it was sent.
        leverage: such as `5:1`, `None` without one.
        margin: whether the order is on margin.
        opened_ns: when it was placed, nanoseconds since the epoch.
        starts_ns: its scheduled start, `None` without one.
        expires_ns: when it expires, `None` without a time.
        closed_ns: when it ended, `None` before.
        reason: why it ended, free text.
        ord_ref_id: identifier of the order that created it.
        trigger: the price that its trigger watches: `last` or `index`.
        misc: `stopped`, `touched`, `liquidated`, `partial`, `amended`, ...
        oflags: `post`, `fcib`, `fciq`, `viqc`, ...
        exec_ids: its fills, if they were asked for.
        sender_sub_id: sub-account for self-trade prevention.
        description: the order as a sentence.
        close_description: its conditional close as a sentence.
        raw: the order as received.
    """

    order_id: str
    symbol: str
    side: str
    order_type: str
    status: str
    rest_status: str
    order_qty: Decimal
    cum_qty: Decimal
    cum_cost: Decimal
    average_price: Decimal | None
    fee: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    cl_ord_id: str | None
    order_userref: int | None
    time_in_force: str | None
    leverage: str | None
    margin: bool | None
    opened_ns: int
    starts_ns: int | None
    expires_ns: int | None
    closed_ns: int | None
    reason: str | None
    ord_ref_id: str | None
    trigger: str | None
    misc: tuple[str, ...]
    oflags: tuple[str, ...]
    exec_ids: tuple[str, ...]
    sender_sub_id: str | None
    description: str | None
    close_description: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_done(self) -> bool:
        """Whether the order ended: filled, canceled or expired."""
        return self.status in _DONE

    @property
    def opened(self) -> datetime:
        """`opened_ns` as a `datetime` in UTC."""
        return moment(self.opened_ns)

    @property
    def closed(self) -> datetime | None:
        """`closed_ns` as a `datetime` in UTC."""
        return moment(self.closed_ns)

    @classmethod
    def read(cls, row: Row, order_id: str, names: Names) -> Self:
        """Read an order of `OpenOrders`, `ClosedOrders` or `QueryOrders`."""
        terms = row.row("descr")
        order_type, rest_status = terms.text("ordertype"), row.text("status")
        cum_qty = row.number("vol_exec")
        leverage = terms.optional_text("leverage")
        limit_price, trigger_price = _prices(terms, order_type)
        return cls(
            order_id=order_id,
            symbol=names.symbol(terms.text("pair")),
            side=terms.text("type"),
            order_type=order_type,
            status=_status(rest_status, cum_qty),
            rest_status=rest_status,
            order_qty=row.number("vol"),
            cum_qty=cum_qty,
            cum_cost=row.number("cost"),
            average_price=row.nonzero("price"),
            fee=row.number("fee"),
            limit_price=limit_price,
            trigger_price=trigger_price,
            cl_ord_id=row.optional_text("cl_ord_id"),
            order_userref=row.optional_integer("userref") or None,
            time_in_force=row.optional_text("time_in_force"),
            leverage=None if leverage == "none" else leverage,
            margin=row.optional_flag("margin"),
            opened_ns=row.time_ns("opentm"),
            starts_ns=row.optional_time_ns("starttm"),
            expires_ns=row.optional_time_ns("expiretm"),
            closed_ns=row.optional_time_ns("closetm"),
            reason=row.optional_text("reason"),
            ord_ref_id=row.optional_text("refid"),
            trigger=row.optional_text("trigger"),
            misc=row.words("misc"),
            oflags=row.words("oflags"),
            exec_ids=row.texts("trades"),
            sender_sub_id=row.optional_text("sender_sub_id"),
            description=terms.optional_text("order"),
            close_description=terms.optional_text("close"),
            raw=row.raw,
        )


def _status(word: str, cum_qty: Decimal) -> str:
    """Return the socket's word for a status."""
    if word == "open":
        return "partially_filled" if cum_qty > 0 else "new"
    return _STATUS.get(word, word)


def _prices(terms: Row, order_type: str) -> tuple[Decimal | None, Decimal | None]:
    """Return limit and trigger price of an order's `descr`.

    Triggered orders have their trigger in `price` and their limit in `price2`.
    """
    has_limit, has_trigger = order_type in LIMIT_TYPES, order_type in TRIGGERED_TYPES
    limit = _level(terms, "price2" if has_trigger else "price") if has_limit else None
    return limit, _level(terms, "price") if has_trigger else None


def _level(terms: Row, name: str) -> Decimal | None:
    """Return a price; `None` for 0 and for a price that is relative to another one."""
    text = terms.raw.get(name)
    is_relative = isinstance(text, str) and _RELATIVE.fullmatch(text)
    return None if is_relative else terms.nonzero(name)


@dataclass(frozen=True, slots=True)
class RestFill:
    """A fill of an order of the account.

    Attributes:
        exec_id: identifier of the fill, as on the socket.
        order_id: the exchange's identifier of the order.
        symbol: the pair as on the socket; a name without a slash is an unknown pair, as received.
        side: `buy` or `sell`.
        order_type: type of the order that was filled.
        trade_order_type: its type when it was filled, if it differs because it was triggered.
        qty: quantity in the base asset.
        price: price.
        cost: cost in the quote asset.
        fee: fee in the quote asset; negative for a rebate.
        time_ns: when it was, nanoseconds since the epoch.
        trade_id: number of the trade, as on the socket.
        is_maker: whether the order was the maker.
        margin: initial margin in the quote asset.
        leverage: leverage, 0 without one.
        position_id: the position.
        position_status: status of the position that it opened: `open` or `closed`.
        misc: `closing` for a fill that closes a position, ...
        ledger_ids: entries of the ledger, if they were asked for.
        raw: the fill as received.
    """

    exec_id: str
    order_id: str
    symbol: str
    side: str
    order_type: str
    trade_order_type: str | None
    qty: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    time_ns: int
    trade_id: int | None
    is_maker: bool | None
    margin: Decimal | None
    leverage: Decimal | None
    position_id: str | None
    position_status: str | None
    misc: tuple[str, ...]
    ledger_ids: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def time(self) -> datetime:
        """`time_ns` as a `datetime` in UTC."""
        return moment(self.time_ns)

    @classmethod
    def read(cls, row: Row, exec_id: str, names: Names) -> Self:
        """Read a fill of `TradesHistory` or `QueryTrades`."""
        return cls(
            exec_id=exec_id,
            order_id=row.text("ordertxid"),
            symbol=names.symbol(row.text("pair")),
            side=row.text("type"),
            order_type=row.text("ordertype"),
            trade_order_type=row.optional_text("tradeordertype"),
            qty=row.number("vol"),
            price=row.number("price"),
            cost=row.number("cost"),
            fee=row.number("fee"),
            time_ns=row.time_ns("time"),
            trade_id=row.optional_integer("trade_id"),
            is_maker=row.optional_flag("maker"),
            margin=row.optional_number("margin"),
            leverage=row.optional_number("leverage"),
            position_id=row.optional_text("postxid"),
            position_status=row.optional_text("posstatus"),
            misc=row.words("misc"),
            ledger_ids=row.texts("ledgers"),
            raw=row.raw,
        )
