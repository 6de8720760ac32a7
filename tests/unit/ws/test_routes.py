"""From channel and symbol to where a message goes."""

from __future__ import annotations

from tests.unit.ws.rig import Place

from kraken_connector import WSDataMessage
from kraken_connector.ws.routes import Routes
from kraken_connector.ws.subscribe import InstrumentParams, TickerParams
from kraken_connector.ws.subscriptions import Registry


def message(symbol: str) -> WSDataMessage:
    return WSDataMessage.from_dict(
        {"channel": "ticker", "type": "update", "data": [{"symbol": symbol}]}
    )


def test_channel_with_one_place_leads_there_directly() -> None:
    registry, routes, place, default = Registry(), Routes(), Place(), Place()
    registry.add(TickerParams(symbol=["A/USD"]), place)
    registry.add(TickerParams(symbol=["B/USD"]), place)
    registry.add(InstrumentParams(), default)
    routes.rebuild(registry, default)
    assert routes["ticker"] is place.put
    assert routes["instrument"] is default.put


def test_ended_channel_has_no_route() -> None:
    registry, routes, place = Registry(), Routes(), Place()
    registry.add(InstrumentParams(), place)
    routes.rebuild(registry, place)
    registry.clear()
    routes.rebuild(registry, place)
    assert "instrument" not in routes
