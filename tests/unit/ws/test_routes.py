"""The routes of messages, by channel and symbol."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import RecordingSink, trade

from kraken_connector import ExecutionData, WSDataMessage
from kraken_connector.ws.protocol.registry import Registry
from kraken_connector.ws.protocol.routes import Routes
from kraken_connector.ws.subscribe import (
    ExecutionsParams,
    InstrumentParams,
    TickerParams,
    TradeParams,
)


@pytest.mark.parametrize("is_shared", [True, False])
def test_channel_with_one_sink_leads_there_directly(is_shared: bool) -> None:
    registry, routes, sink, default = (
        Registry(),
        Routes(),
        RecordingSink(is_shared=is_shared),
        RecordingSink(),
    )
    registry.add(TickerParams(symbol=["A/USD"]), sink)
    registry.add(TickerParams(symbol=["B/USD"]), sink)
    routes.rebuild(registry, default)
    assert routes["ticker"] is sink.put


def test_messages_in_a_row_go_together_where_nothing_is_between_channel_and_sink() -> None:
    registry, routes, default = Registry(), Routes(), RecordingSink()
    quick, slow, wrapped = RecordingSink(), RecordingSink(), RecordingSink()
    quick.put_all, wrapped.put_all = quick.data.extend, wrapped.data.extend
    registry.add(TickerParams(symbol=["A/USD"]), quick)
    registry.add(InstrumentParams(), slow)
    registry.add(TradeParams(symbol=["A/USD"]), wrapped)
    routes.rebuild(registry, default)
    routes["trade"] = print
    assert routes.of_runs() == {"ticker": quick.put_all}
    registry.add(TickerParams(symbol=["B/USD"]), RecordingSink())
    routes.rebuild(registry, default)
    assert routes.of_runs() == {"trade": wrapped.put_all}


def test_callback_gets_no_symbol_that_was_given_up() -> None:
    registry, routes, callback, default = Registry(), Routes(), RecordingSink(), RecordingSink()
    registry.add(TradeParams(symbol=["A/USD"]), callback)
    (_, (given_up,)) = registry.add(TradeParams(symbol=["B/USD"]), RecordingSink())
    registry.drop(given_up)
    routes.rebuild(registry, default)
    for symbol in ("A/USD", "B/USD"):
        routes["trade"](WSDataMessage.from_dict(trade(symbol)))
    assert [m.symbol for m in callback.data] == ["A/USD"]
    assert [m.symbol for m in default.data] == ["B/USD"]
    registry.forget_strays()
    routes.rebuild(registry, default)
    assert routes["trade"] is callback.put


def test_channel_without_symbols_reaches_its_callback_whatever_its_items_name() -> None:
    registry, routes, callback, default = Registry(), Routes(), RecordingSink(), RecordingSink()
    registry.add(ExecutionsParams(), callback)
    routes.rebuild(registry, default)
    for symbol in (None, "A/USD"):
        report = ExecutionData("new", "OXXXXX", symbol)
        routes["executions"](WSDataMessage("executions", "update", [report], 1))
    assert len(callback.data) == 2


def test_ended_channel_has_no_route() -> None:
    registry, routes, sink = Registry(), Routes(), RecordingSink()
    registry.add(InstrumentParams(), sink)
    routes.rebuild(registry, sink)
    registry.clear()
    routes.rebuild(registry, sink)
    assert "instrument" not in routes
