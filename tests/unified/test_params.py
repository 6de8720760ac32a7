"""Subscription parameters: `asset_class` where the exchange wants it, and symbols of any form.

Source of the table: docs.kraken.com, Unified WebSocket, the request table of each channel.
"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from kraken_connector import ws
from kraken_connector.exceptions import InvalidParameter
from kraken_connector.unified import (
    ASSET_CLASSES,
    BalancesParams,
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    LedgersParams,
    Level3Params,
    MarginParams,
    OHLCParams,
    PositionsParams,
    PreferencesParams,
    TickerParams,
    TradeParams,
    UnifiedClient,
)

BOTH, FUTURES = ("spot", "derivatives"), ("derivatives",)
WITH_SYMBOL: list[Any] = [TickerParams, BookParams, Level3Params, TradeParams, OHLCParams]
WITHOUT_SYMBOL: list[Any] = [InstrumentParams, ExecutionsParams]
REQUIRED = {
    **dict.fromkeys(("ticker", "book", "level3", "trade", "ohlc", "instrument"), BOTH),
    "executions": BOTH,
    "positions": FUTURES,
    "margin": FUTURES,
}
METHODS = {
    **dict.fromkeys(("add_order", "amend_order", "cancel_order", "cancel_all"), BOTH),
    **dict.fromkeys(("cancel_all_orders_after", "batch_add", "batch_cancel"), BOTH),
    "set_preference": FUTURES,
}


def made(kind: Any, asset_class: Any = "derivatives") -> Any:
    if kind in WITH_SYMBOL:
        return kind(["PF_XBTUSD"], asset_class=asset_class)
    return kind(asset_class=asset_class)


def test_the_table_of_asset_classes_is_that_of_the_pages() -> None:
    assert dict(ASSET_CLASSES) == {**REQUIRED, **METHODS}


@pytest.mark.parametrize("kind", [*WITH_SYMBOL, *WITHOUT_SYMBOL, PositionsParams, MarginParams])
def test_the_asset_class_is_sent_and_repeated_to_unsubscribe(kind: Any) -> None:
    params = made(kind)
    assert params.subscribe_params()["asset_class"] == "derivatives"
    assert params.unsubscribe_params()["asset_class"] == "derivatives"


@pytest.mark.parametrize("kind", [*WITH_SYMBOL, *WITHOUT_SYMBOL])
def test_the_asset_class_is_required(kind: Any) -> None:
    with pytest.raises(TypeError, match="asset_class"):
        kind(["PF_XBTUSD"]) if kind in WITH_SYMBOL else kind()
    with pytest.raises(InvalidParameter, match="asset_class must be one of 'spot', 'derivatives'"):
        made(kind, None)


@pytest.mark.parametrize("kind", [*WITH_SYMBOL, *WITHOUT_SYMBOL])
@pytest.mark.parametrize("wrong", ["futures", "Spot", "", 1])
def test_another_asset_class_is_refused(kind: Any, wrong: Any) -> None:
    with pytest.raises(InvalidParameter, match="asset_class"):
        made(kind, wrong)


@pytest.mark.parametrize("kind", [PositionsParams, MarginParams])
def test_positions_and_margin_are_of_derivatives_only(kind: Any) -> None:
    with pytest.raises(InvalidParameter, match="asset_class must be one of 'derivatives'"):
        kind("spot")


@pytest.mark.parametrize("kind", [BalancesParams, LedgersParams, PreferencesParams])
def test_channels_of_the_account_send_no_asset_class(kind: Any) -> None:
    params = kind()
    assert "asset_class" not in params.subscribe_params() | params.unsubscribe_params()


def test_ledgers_refuses_an_asset_class_with_the_reason() -> None:
    with pytest.raises(InvalidParameter, match="asset_class must be absent: each entry"):
        LedgersParams(asset_class="derivatives")


def test_margin_refuses_a_snapshot_with_the_reason() -> None:
    with pytest.raises(InvalidParameter, match="snapshot must be absent: margin always begins"):
        MarginParams(snapshot=True)


def test_positions_takes_a_snapshot_or_margin_figures() -> None:
    assert PositionsParams(with_margin=True).subscribe_params()["with_margin"] is True
    assert PositionsParams(snapshot=False).subscribe_params()["snapshot"] is False
    with pytest.raises(InvalidParameter, match="snapshot must be absent beside with_margin"):
        PositionsParams(snapshot=True, with_margin=True)


@pytest.mark.parametrize("symbol", ["PF_XBTUSD", "pf_xbtusd", "FI_XBTUSD_261225", "XBT/USD", "a"])
def test_symbols_are_opaque(symbol: str) -> None:
    assert BookParams([symbol], asset_class="derivatives").symbols == (symbol,)


@pytest.mark.parametrize("symbol", ["", "PF\nXBT", 7, None])
def test_a_symbol_is_printable_text(symbol: Any) -> None:
    with pytest.raises((TypeError, InvalidParameter)):
        BookParams([symbol], asset_class="derivatives")


def test_the_ticker_has_no_trigger_and_candles_have_a_tick_type() -> None:
    with pytest.raises(TypeError, match="event_trigger"):
        TickerParams(["PF_XBTUSD"], asset_class="spot", event_trigger="bbo")  # type: ignore[call-arg]
    params = OHLCParams(["PF_XBTUSD"], asset_class="derivatives", interval=5, tick_type="mark")
    assert params.unsubscribe_params() == {
        "channel": "ohlc",
        "asset_class": "derivatives",
        "interval": 5,
        "tick_type": "mark",
    }
    with pytest.raises(InvalidParameter, match="tick_type must be one of 'trade', 'mark', 'spot'"):
        OHLCParams(["PF_XBTUSD"], asset_class="derivatives", tick_type="last")


@pytest.mark.parametrize("kind", [ExecutionsParams, PositionsParams, MarginParams])
def test_no_token_is_shown_or_pickled(kind: Any) -> None:
    params = kind("derivatives", token="SECRET-TOKEN")
    assert "SECRET-TOKEN" not in repr(params)
    assert b"SECRET-TOKEN" not in pickle.dumps(params)
    assert params == kind("derivatives")


async def test_each_client_refuses_the_parameters_of_the_other() -> None:
    client, unified = ws.KrakenWSClient(), UnifiedClient()
    ours: Any = BookParams(["BTC/USD"], asset_class="spot")
    theirs: Any = ws.BookParams(["BTC/USD"])
    with pytest.raises(TypeError, match="not BookParams of the unified hosts"):
        await client.subscribe(ours)
    with pytest.raises(TypeError, match="not BookParams of the unified hosts"):
        await client.unsubscribe(ours)
    with pytest.raises(TypeError, match="not BookParams of the spot hosts"):
        await unified.subscribe(theirs)
    with pytest.raises(TypeError, match=r"params must be like TickerParams.* not str"):
        await unified.subscribe("book")  # type: ignore[arg-type]
