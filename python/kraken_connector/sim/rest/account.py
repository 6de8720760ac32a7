"""Balances, volume and fees of the account.

Source: docs.kraken.com, REST API, account data.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..trading.ledger import held, ledger_unit
from .call import Call, needs
from .forms import Params
from .names import asset_id
from .venue import Venue

FUNDS = needs("query-funds")


def _balance_ex(venue: Venue, params: Params) -> Any:
    """Return what each asset has and what spot orders hold of it; margin orders hold nothing."""
    spot = (order for order in venue.account.open_orders if "margin" not in order.flags)
    holds = held(spot)
    return {
        asset_id(asset): {
            "balance": _amount(asset, balance),
            "hold_trade": _amount(asset, holds.get(asset, Decimal(0))),
        }
        for asset, balance in venue.account.balances.items()
    }


def _amount(asset: str, value: Decimal) -> str:
    return f"{value.quantize(ledger_unit(asset)):f}"


CALLS = {
    "BalanceEx": Call(_balance_ex, needs=FUNDS),
}
