"""The parameters of orders on REST, translated into those of the socket's order methods.

Source: docs.kraken.com, REST API, `AddOrder` and `AmendOrder`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..encode import nanoseconds, timestamp
from ..pairs import LONG_LIMIT, SHORT_LIMIT, Pair
from ..requests import Refused
from ..trading.fields import LARGEST
from ..trading.order import LIMIT_TYPES, TRAILING_TYPES, TRIGGERED_TYPES
from ..trading.refusals import FIELD, bad
from . import forms
from .forms import Params, Reader
from .numbers import SECOND_NS
from .positions import positions
from .venue import Venue

SHORTEST_NS, LONGEST_NS = 2 * SECOND_NS, 60 * SECOND_NS
"""The range of `deadline`; on sockets it begins at half a second."""
SHORTEST_EXPIRY_NS = 5 * SECOND_NS
NOT_MARGIN = "EOrder:Reduce only:Non-PC"
NO_POSITION = "EOrder:Reduce only:No position exists"
TOO_LARGE = "EOrder:Margin position size exceeded"
FLAGS = frozenset({"post", "fcib", "fciq", "nompp", "viqc"})
STP_TYPES = {
    "cancel-newest": "cancel_newest",
    "cancel-oldest": "cancel_oldest",
    "cancel-both": "cancel_both",
}
_PRICE = re.compile(r"([+#-]?)([0-9]+(?:\.[0-9]+)?)(%?)", re.ASCII)
_MOMENT = re.compile(r"(\+?)([0-9]{1,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """A price, or an offset from a reference: `+5`, `-5`, `#5`, `+5%`.

    Attributes:
        sign: `+`, `-`, `#` or nothing; `#` is the sign that suits the order.
        value: without the sign.
        price_type: `static`, `quote` or `pct`, as on sockets.
    """

    sign: str
    value: Decimal
    price_type: str

    def signed(self, direction: int) -> Decimal:
        """Return the value with its sign; `direction` is that of `#`."""
        signs = {"-": -1, "#": direction}
        return signs.get(self.sign, 1) * self.value

    def at(self, pair: Pair, reference: Decimal, direction: int) -> Decimal:
        """Return the price that it means."""
        if self.price_type == "static":
            return self.value
        offset = self.signed(direction)
        price = reference + (offset if self.price_type == "quote" else reference * offset / 100)
        return price.quantize(pair.price(1))


def read_price(value: object) -> Price:
    """Read a price, which may be relative."""
    found = _PRICE.fullmatch(forms.text(value))
    if found is None or Decimal(found[2]) >= LARGEST:
        raise ValueError("not a price")
    sign, digits, percent = found.groups()
    price_type = "pct" if percent else "quote" if sign else "static"
    return Price(sign, Decimal(digits), price_type)


def read_moment(value: object) -> tuple[bool, int] | None:
    """Read a time: whether it counts from now, and seconds; `None` for `0`."""
    found = _MOMENT.fullmatch(forms.text(value))
    if found is None:
        raise ValueError("not a time")
    return None if value == "0" else (bool(found[1]), int(found[2]))


def read_flags(value: object) -> set[str]:
    """Read `oflags`."""
    flags = set(forms.listed(value))
    if not flags <= FLAGS:
        raise ValueError("not a flag")
    return flags


ADD_READERS: Mapping[str, Reader] = {
    "pair": forms.text,
    "type": forms.text,
    "ordertype": forms.text,
    "volume": forms.number,
    "price": read_price,
    "price2": read_price,
    "displayvol": forms.number,
    "userref": forms.int32,
    "cl_ord_id": forms.text,
    "trigger": forms.text,
    "leverage": forms.integer,
    "reduce_only": forms.flag,
    "stptype": forms.choice(*STP_TYPES),
    "oflags": read_flags,
    "timeinforce": forms.choice("GTC", "IOC", "GTD", "FOK"),
    "starttm": read_moment,
    "expiretm": read_moment,
    "close": forms.members({"ordertype": forms.text, "price": read_price, "price2": read_price}),
    "deadline": forms.text,
    "validate": forms.flag,
    "asset_class": forms.choice("tokenized_asset"),
    "broker": forms.text,
    "sender_sub_id": forms.text,
}
AMEND_READERS: Mapping[str, Reader] = {
    "txid": forms.text,
    "cl_ord_id": forms.text,
    "order_qty": forms.number,
    "display_qty": forms.number,
    "limit_price": read_price,
    "trigger_price": read_price,
    "pair": forms.text,
    "post_only": forms.flag,
    "deadline": forms.text,
}
_SAME = ("cl_ord_id", "validate", "reduce_only", "deadline", "sender_sub_id")
_RENAMED = {"ordertype": "order_type", "type": "side", "userref": "order_userref"}
_REST_NAMES = {socket: rest for rest, socket in _RENAMED.items()} | {
    "order_qty": "volume",
    "cash_order_qty": "volume",
    "limit_price": "price",
    "limit_price_type": "price2",
    "triggers": "price",
    "price_type": "price",
    "reference": "trigger",
    "time_in_force": "timeinforce",
    "effective_time": "starttm",
    "expire_time": "expiretm",
    "display_qty": "displayvol",
    "conditional": "close",
    "trigger_price_type": "close",
    "stp_type": "stptype",
    "fee_preference": "oflags",
    "post_only": "oflags",
}
"""The names of arguments in the texts of refusals."""


@contextmanager
def rest_names() -> Iterator[None]:
    """Name the arguments of refused new orders as REST does.

    Raises:
        Refused: the block raised it.
    """
    try:
        yield
    except Refused as refusal:
        prefix = FIELD.format("")
        named = refusal.error.removeprefix(prefix)
        if refusal.error.startswith(prefix) and named in _REST_NAMES:
            raise bad(_REST_NAMES[named]) from None
        raise


def new_order(venue: Venue, params: Params, pair: Pair) -> dict[str, Any]:
    """Return the params of `add_order` on sockets.

    Raises:
        Refused: they contradict each other, or the pair.
    """
    check_deadline(venue, params)
    flags: set[str] = params.get("oflags", set())
    sold = {"cash_order_qty" if "viqc" in flags else "order_qty": params["volume"]}
    optional = {
        "time_in_force": params.get("timeinforce", "GTC").lower(),
        "stp_type": STP_TYPES.get(params.get("stptype", "")),
        "display_qty": params.get("displayvol"),
        "post_only": "post" in flags or None,
        "fee_preference": _fee_preference(flags),
        "effective_time": _moment(venue, params, "starttm"),
        "expire_time": _moment(venue, params, "expiretm"),
    }
    return {
        "symbol": pair.symbol,
        **sold,
        **{name: params[name] for name in _SAME if name in params},
        **{socket: params[rest] for rest, socket in _RENAMED.items() if rest in params},
        **{name: value for name, value in optional.items() if value is not None},
        **_prices(params, pair, venue.markets.market(pair.symbol).last_price),
        **_margin(venue, params, pair),
        **({"conditional": _close(params)} if "close" in params else {}),
    }


def amended_order(venue: Venue, params: Params) -> dict[str, Any]:
    """Return the params of `amend_order` on sockets; relative limits count from the last price.

    Raises:
        Refused: they contradict each other.
    """
    if len(params.keys() & {"txid", "cl_ord_id"}) != 1:
        raise bad("txid")
    check_deadline(venue, params)
    kept = ("cl_ord_id", "order_qty", "display_qty", "post_only", "deadline")
    amend = {name: params[name] for name in kept if name in params}
    if "txid" in params:
        amend["order_id"] = params["txid"]
    if "pair" in params:
        amend["symbol"] = venue.names.find(params["pair"]).pair.symbol
    if "trigger_price" in params:
        trigger: Price = params["trigger_price"]
        amend |= {
            "trigger_price": trigger.signed(1),
            "trigger_price_type": trigger.price_type,
        }
    if "limit_price" in params:
        amend["limit_price"] = _amended_limit(venue, params)
    return amend


def check_deadline(venue: Venue, params: Params) -> None:
    """Check the range of a deadline.

    Raises:
        Refused: it is no time, or too near or too far.
    """
    if "deadline" not in params:
        return
    try:
        ahead = nanoseconds(params["deadline"]) - venue.clock()
    except ValueError:
        raise bad("deadline") from None
    if not SHORTEST_NS <= ahead <= LONGEST_NS:
        raise bad("deadline")


def _amended_limit(venue: Venue, params: Params) -> Decimal:
    price: Price = params["limit_price"]
    named = (
        order
        for order in venue.account.open_orders
        if params.get("txid") == order.order_id
        or ("cl_ord_id" in params and params["cl_ord_id"] == order.client_id.get("cl_ord_id"))
    )
    order = next(named, None)
    if order is None:
        return price.value
    last = venue.markets.market(order.pair.symbol).last_price
    return price.at(order.pair, last, -1 if order.side == "buy" else 1)


def _prices(params: Params, pair: Pair, last: Decimal) -> dict[str, Any]:
    """Return limit and trigger: `price` is the trigger of orders that have one, else the limit.

    A relative limit of a triggered order counts from the trigger price, any other relative price
    from the last price.
    """
    order_type, is_buy = params["ordertype"], params["type"] == "buy"
    first: Price | None = params.get("price")
    second: Price | None = params.get("price2")
    if order_type not in TRIGGERED_TYPES:
        if second is not None or ("trigger" in params):
            raise bad("price2" if second is not None else "trigger")
        return {} if first is None else {"limit_price": first.at(pair, last, -1 if is_buy else 1)}
    if first is None:
        raise bad("price")
    if (order_type in LIMIT_TYPES) != (second is not None):
        raise bad("price2")
    rises = is_buy != order_type.startswith("take-profit")
    direction = 1 if rises else -1
    is_trailing = order_type in TRAILING_TYPES
    price = first.value if is_trailing else first.signed(direction)
    triggers = {"price": price, "price_type": first.price_type}
    if "trigger" in params:
        triggers["reference"] = params["trigger"]
    if second is None:
        return {"triggers": triggers}
    if order_type == "trailing-stop-limit":
        limit = {"limit_price": second.signed(1), "limit_price_type": second.price_type}
        return {"triggers": triggers, **limit}
    level = first.at(pair, last, direction)
    return {"triggers": triggers, "limit_price": second.at(pair, level, 1 if is_buy else -1)}


def _close(params: Params) -> dict[str, Any]:
    """Return the conditional close order; its relative triggers count from the fill."""
    close = params["close"]
    forms.require(close, "ordertype")
    order_type = close["ordertype"]
    first: Price | None = close.get("price")
    second: Price | None = close.get("price2")
    if first is None or (order_type in TRIGGERED_TYPES & LIMIT_TYPES) != (second is not None):
        raise bad("close")
    if order_type not in TRIGGERED_TYPES:
        if first.price_type != "static":
            raise bad("close")
        return {"order_type": order_type, "limit_price": first.value}
    is_buy = params["type"] == "sell"
    rises = is_buy != order_type.startswith("take-profit")
    is_trailing = order_type in TRAILING_TYPES
    price = first.value if is_trailing else first.signed(1 if rises else -1)
    template = {"order_type": order_type, "trigger_price": price}
    template["trigger_price_type"] = first.price_type
    if second is None:
        return template
    if order_type == "trailing-stop-limit":
        template["limit_price_type"] = second.price_type
    elif second.price_type != "static":
        raise bad("close")
    return template | {"limit_price": second.signed(1)}


def _margin(venue: Venue, params: Params, pair: Pair) -> dict[str, Any]:
    """Return the leverage of a margin order.

    Raises:
        Refused: the pair has no such leverage, or no such position can be opened or reduced.
    """
    leverage = params.get("leverage")
    reduces = params.get("reduce_only", False)
    if leverage is None:
        if reduces:
            raise Refused(NOT_MARGIN)
        return {}
    if leverage not in pair.leverages:
        raise bad("leverage")
    if params["volume"] > (LONG_LIMIT if params["type"] == "buy" else SHORT_LIMIT):
        raise Refused(TOO_LARGE)
    if reduces and not _has_opposite(venue, params["type"], pair):
        raise Refused(NO_POSITION)
    return {"margin": True, "leverage": leverage}


def _has_opposite(venue: Venue, side: str, pair: Pair) -> bool:
    found = positions(venue.account.fills, venue.account.orders).values()
    return any(one.left and one.order.pair == pair and one.order.side != side for one in found)


def _fee_preference(flags: set[str]) -> str | None:
    if {"fcib", "fciq"} <= flags:
        raise bad("oflags")
    return "base" if "fcib" in flags else "quote" if "fciq" in flags else None


def _moment(venue: Venue, params: Params, name: str) -> str | None:
    """Return a time as on sockets."""
    moment = params.get(name)
    if moment is None:
        return None
    is_relative, seconds = moment
    now_ns = venue.clock()
    ns = now_ns + seconds * SECOND_NS if is_relative else seconds * SECOND_NS
    if name == "expiretm" and ns < now_ns + SHORTEST_EXPIRY_NS:
        raise bad(name)
    return timestamp(ns, 0)
