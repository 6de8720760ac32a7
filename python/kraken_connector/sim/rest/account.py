"""Balances, positions, volume and fees of the account.

Source: docs.kraken.com, REST API, account data.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ..requests import Refused
from ..trading.ledger import held, ledger_unit
from ..trading.order import Order
from . import fees, forms, numbers
from .call import Call, needs
from .forms import Params
from .names import UNKNOWN_ASSET, PairNames, asset_id, asset_of
from .numbers import SECOND_NS
from .positions import Position, positions
from .venue import Venue

FUNDS = needs("query-funds")
OPEN = needs("query-open-trades")
MONTH_NS = 30 * 86_400 * SECOND_NS
ROLLOVER_NS = 4 * 3600 * SECOND_NS
TERMS = "0.0100% per 4 hours"
ASSET_CLASSES = frozenset(
    {
        "currency",
        "forex",
        "equity",
        "equity_pair",
        "nft",
        "derivatives",
        "tokenized_asset",
        "futures_contract",
    }
)


def _balance_ex(venue: Venue, params: Params) -> Any:
    """Return what each asset has and what spot orders hold of it; margin orders hold nothing."""
    holds = held(order for order in venue.account.open_orders if "margin" not in order.flags)
    return {
        asset_id(asset): {
            "balance": _amount(asset, balance),
            "hold_trade": _amount(asset, holds.get(asset, Decimal(0))),
        }
        for asset, balance in venue.account.balances.items()
    }


def _amount(asset: str, value: Decimal) -> str:
    return f"{value.quantize(ledger_unit(asset)):f}"


def _trade_balance(venue: Venue, params: Params) -> Any:
    """Return the account's worth; an asset without a USD pair counts as nothing."""
    unit = _in_usd(venue, asset_of(params.get("asset", "ZUSD")))
    if not unit:
        raise Refused(UNKNOWN_ASSET)
    total = sum(
        (amount * _in_usd(venue, asset) for asset, amount in venue.account.balances.items()),
        Decimal(0),
    )
    found = _open(venue)
    cost = _sum(one.cost_left * _in_usd(venue, one.order.pair.quote) for one in found)
    value = _sum(_value(venue, one) * _in_usd(venue, one.order.pair.quote) for one in found)
    net = _sum(_net(venue, one) * _in_usd(venue, one.order.pair.quote) for one in found)
    used = _sum(_margin(one) * _in_usd(venue, one.order.pair.quote) for one in found)
    unfilled = _sum(_unexecuted(venue, order) for order in venue.account.open_orders)
    equity = total + net
    amounts = {
        "eb": total,
        "tb": total,
        "m": used,
        "n": net,
        "c": cost,
        "v": value,
        "e": equity,
        "mf": equity - used,
        "mfo": equity - used,
        "uv": unfilled,
    }
    level = {"ml": f"{equity / used * 100:.2f}"} if used else {}
    return {name: numbers.four(amount / unit) for name, amount in amounts.items()} | level


def _open_positions(venue: Venue, params: Params) -> Any:
    found = _open(venue)
    if "txid" in params:
        found = [position for position in found if position.position_id in params["txid"]]
    with_values = params.get("docalcs", False)
    shown = {one.position_id: _position(venue, one, with_values) for one in found}
    if "consolidation" in params:
        return _consolidated(found, shown)
    return shown


def _position(venue: Venue, position: Position, with_values: bool) -> dict[str, Any]:
    order, pair = position.order, position.order.pair
    values = {
        "value": f"{_value(venue, position):.1f}",
        "net": f"{_net(venue, position):+.4f}",
    }
    return {
        "ordertxid": order.order_id,
        "posstatus": "open",
        "pair": venue.names.of(pair).key,
        "time": numbers.seconds(position.opened_ns),
        "type": order.side,
        "ordertype": order.order_type,
        "cost": numbers.cost(position.cost),
        "fee": numbers.cost(position.fee),
        "vol": numbers.qty(pair, position.vol),
        "vol_closed": numbers.qty(pair, position.closed_vol),
        "margin": numbers.cost(position.margin),
        **(values if with_values else {}),
        "terms": TERMS,
        "rollovertm": str((position.opened_ns + ROLLOVER_NS) // SECOND_NS),
        "misc": "",
        "oflags": "",
        "class": "forex",
    }


def _consolidated(found: Iterable[Position], shown: dict[str, dict[str, Any]]) -> Any:
    """Return the totals by pair and side, in the array that older clients read."""
    totals: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for position in found:
        one = shown[position.position_id]
        totals.setdefault((one["pair"], one["type"]), []).append(one)
    summed = ("cost", "fee", "vol", "vol_closed", "margin")
    return [
        {
            "pair": pair,
            "positions": str(len(ones)),
            "type": side,
            **{name: str(_sum(Decimal(one[name]) for one in ones)) for name in summed},
        }
        for (pair, side), ones in totals.items()
    ]


def _open(venue: Venue) -> list[Position]:
    found = positions(venue.account.fills, venue.account.orders)
    return [position for position in found.values() if position.left]


def _value(venue: Venue, position: Position) -> Decimal:
    """Return what the open quantity is worth at the last price."""
    return position.left * venue.markets.market(position.order.pair.symbol).last_price


def _net(venue: Venue, position: Position) -> Decimal:
    return position.value_change(_value(venue, position), position.cost_left)


def _margin(position: Position) -> Decimal:
    return position.margin * position.left / position.vol


def _unexecuted(venue: Venue, order: Order) -> Decimal:
    price = order.limit_price or venue.markets.market(order.pair.symbol).last_price
    return order.left * price * _in_usd(venue, order.pair.quote)


def _in_usd(venue: Venue, asset: str) -> Decimal:
    """Return the price of an asset; 0 if it has no market against USD."""
    if asset == "USD":
        return Decimal(1)
    symbol = f"{asset}/USD"
    listed = symbol in venue.markets.pairs
    return venue.markets.market(symbol).last_price if listed else Decimal(0)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _trade_volume(venue: Venue, params: Params) -> Any:
    since_ns = venue.clock() - MONTH_NS
    volume = _sum(
        fill.cost * _in_usd(venue, fill.symbol.partition("/")[2])
        for fill in venue.account.fills
        if fill.timestamp_ns > since_ns
    )
    wanted = [venue.names.find(name) for name in params.get("pair", ())]
    schedules = {"schedules": [_schedule(names) for names in wanted]}
    return {
        "currency": "ZUSD",
        "asset_class": "currency",
        "volume": numbers.four(volume),
        "fees": _fees(wanted, maker=False),
        "fees_maker": _fees(wanted, maker=True),
        "inputs": {
            "domain_spot_volume_30d": numbers.four(volume),
            "domain_futures_volume_30d": "0.0000",
            "domain_assets_on_platform": "0.0000",
        },
        **(schedules if params.get("fee_schedule", False) else {}),
    }


def _fees(wanted: Iterable[PairNames], *, maker: bool) -> Any:
    """Return the fee of each pair; null without a pair."""
    return {names.key: fees.present(maker=maker) for names in wanted} or None


def _schedule(names: PairNames) -> dict[str, Any]:
    return {"pair": names.key, "class": "forex", "tiers": fees.tiers()}


def _pairs(value: object) -> list[str]:
    """Read a comma list of pairs, or a list of objects with an `asset` and its `aclass`."""
    if not isinstance(value, list):
        return forms.listed(value)
    items = [item for item in value if isinstance(item, dict)]
    if len(items) < len(value) or not all(item.get("aclass") in ASSET_CLASSES for item in items):
        raise ValueError("not a list of assets and classes")
    return [forms.text(item.get("asset")) for item in items]


CALLS = {
    "BalanceEx": Call(_balance_ex, needs=FUNDS),
    "TradeBalance": Call(_trade_balance, {"asset": forms.text}, OPEN),
    "OpenPositions": Call(
        _open_positions,
        {"txid": forms.listed, "docalcs": forms.flag, "consolidation": forms.choice("market")},
        OPEN,
    ),
    "TradeVolume": Call(
        _trade_volume, {"pair": _pairs, "fee_schedule": forms.flag, "fee-info": forms.flag}, FUNDS
    ),
}
