"""Subscription parameters, which are checked when they are created."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from kraken_connector.exceptions import InvalidParameter
from kraken_connector.ws.subscribe import (
    BalancesParams,
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    Level3Params,
    OHLCParams,
    TickerParams,
    TradeParams,
)

SYMBOL_CLASSES: list[Any] = [TickerParams, BookParams, TradeParams, OHLCParams]
EXAMPLES: list[Any] = [
    TickerParams(symbol=["BTC/USD"], event_trigger="bbo", snapshot=False),
    BookParams(symbol=["BTC/USD", "ETH/USD"], depth=1000),
    TradeParams(symbol=["BTC/USD"], snapshot=True),
    OHLCParams(symbol=["BTC/USD"], interval=21600),
    InstrumentParams(include_tokenized_assets=True, execution_venue="bitnomial-exchange"),
    ExecutionsParams(snap_trades=True, order_status=False, rebased=True),
    BalancesParams(snapshot=False, users="all"),
]


@pytest.mark.parametrize("params", EXAMPLES, ids=lambda params: params.channel)
def test_plain_data_and_back(params: Any) -> None:
    assert type(params).from_dict(params.to_dict()) == params


@pytest.mark.parametrize("params", EXAMPLES, ids=lambda params: params.channel)
def test_parameters_are_frozen_hashable_and_picklable(params: Any) -> None:
    assert {params: 1}[type(params).from_dict(params.to_dict())] == 1
    assert pickle.loads(pickle.dumps(params)) == params
    with pytest.raises(AttributeError):
        params.channel = "other"


@pytest.mark.parametrize(
    ("params", "plain"),
    [
        (TickerParams(symbol=["A/B"]), {"channel": "ticker", "symbol": ["A/B"]}),
        (BookParams(symbol=["A/B"]), {"channel": "book", "symbol": ["A/B"], "depth": 10}),
        (OHLCParams(symbol=["A/B"]), {"channel": "ohlc", "symbol": ["A/B"], "interval": 1}),
        (TradeParams(symbol=["A/B"]), {"channel": "trade", "symbol": ["A/B"]}),
        (InstrumentParams(), {"channel": "instrument"}),
        (
            ExecutionsParams(token="t", snap_orders=True),
            {"channel": "executions", "token": "t", "snap_orders": True},
        ),
        (BalancesParams(), {"channel": "balances", "token": ""}),
    ],
)
def test_plain_data_is_what_the_user_set(params: Any, plain: dict[str, Any]) -> None:
    assert params.to_dict() == plain


@pytest.mark.parametrize("cls", SYMBOL_CLASSES)
def test_bare_string_as_symbol_is_refused_with_the_remedy(cls: Any) -> None:
    with pytest.raises(TypeError, match=r"\['BTC/USD'\]"):
        cls(symbol="BTC/USD")


@pytest.mark.parametrize("cls", [BookParams, Level3Params])
def test_book_without_its_snapshot_is_refused(cls: Any) -> None:
    assert cls(symbol=["A/B"], snapshot=True).subscribe_params()["snapshot"] is True
    assert "snapshot" not in cls(symbol=["A/B"]).subscribe_params()
    assert "snapshot" not in cls(symbol=["A/B"], snapshot=True).unsubscribe_params()
    with pytest.raises(InvalidParameter, match="snapshot must be True or unset"):
        cls(symbol=["A/B"], snapshot=False)


@pytest.mark.parametrize("cls", SYMBOL_CLASSES)
@pytest.mark.parametrize("symbols", [[], (), set()])
def test_no_symbol_at_all_is_refused(cls: Any, symbols: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"symbol must be at least one .*\['BTC/USD'\]"):
        cls(symbol=symbols)
    with pytest.raises(InvalidParameter, match="symbol"):
        cls()


@pytest.mark.parametrize(
    "cls", [*SYMBOL_CLASSES, InstrumentParams, ExecutionsParams, BalancesParams]
)
def test_misspelt_parameter_in_plain_data_is_refused(cls: Any) -> None:
    plain = {"symbol": ["A/B"]} if cls in SYMBOL_CLASSES else {}
    assert cls.from_dict(plain).to_dict()["channel"] == cls.CHANNEL
    with pytest.raises(InvalidParameter, match=f"depht must be absent: {cls.__name__} knows"):
        cls.from_dict({**plain, "depht": 100})


@pytest.mark.parametrize("cls", SYMBOL_CLASSES)
@pytest.mark.parametrize("symbols", [None, 5, b"BTC/USD", {"BTC/USD": 1}, [5], [None]])
def test_symbols_of_a_wrong_type_are_refused(cls: Any, symbols: Any) -> None:
    with pytest.raises(TypeError, match="symbol"):
        cls(symbol=symbols)


@pytest.mark.parametrize(
    ("symbol", "remedy"),
    [
        ("XBT/USD", "must be 'BTC/USD', as XBT is BTC in the v2 API, not 'XBT/USD'"),
        ("xbt/usd", "'BTC/USD'"),
        ("XDG/USD", "must be 'DOGE/USD', as XDG is DOGE in the v2 API"),
        ("XDG/XBT", "'DOGE/BTC'"),
        ("ETH/XBT", "'ETH/BTC'"),
        ("btc/usd", "'BTC/USD'"),
        ("BTC/usd", "'BTC/USD'"),
        ("BTCUSD", "BASE/QUOTE"),
        ("BTC/", "BASE/QUOTE"),
        ("/USD", "BASE/QUOTE"),
        ("A/B/C", "BASE/QUOTE"),
        (" BTC/USD", "BASE/QUOTE"),
        ("", "BASE/QUOTE"),
    ],
)
def test_wrong_spelling_is_answered_with_the_right_one(symbol: str, remedy: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(remedy)):
        TickerParams(symbol=["ETH/USD", symbol])


@pytest.mark.parametrize("symbol", ["BTC/USD", "TSLAx/USD", "USDT.M/USD", "1INCH/EUR"])
def test_real_symbols_pass(symbol: str) -> None:
    assert TickerParams(symbol=[symbol]).symbols == (symbol,)


def test_symbols_are_copied_and_each_counts_once() -> None:
    given = ["BTC/USD", "ETH/USD", "BTC/USD"]
    params = TickerParams(symbol=given)
    given.clear()
    assert params.symbol == ["BTC/USD", "ETH/USD"]


def test_any_number_of_symbols_is_fine() -> None:
    assert len(TickerParams(symbol=[f"A{n}/USD" for n in range(2000)]).symbols) == 2000


@pytest.mark.parametrize(
    "make",
    [
        lambda: BookParams(symbol=["A/B"], depth=11),
        lambda: BookParams(symbol=["A/B"], depth=0),
        lambda: OHLCParams(symbol=["A/B"], interval=2),
        lambda: TickerParams(symbol=["A/B"], event_trigger="quotes"),
        lambda: InstrumentParams(execution_venue="moon"),
        lambda: ExecutionsParams(users="some"),
        lambda: TickerParams(symbol=["A/B"], channel="book"),
    ],
)
def test_values_that_the_exchange_does_not_know_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"must be (one of|'ticker')"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: BookParams(symbol=["A/B"], depth="10"),  # type: ignore[arg-type]
        lambda: BookParams(symbol=["A/B"], depth=True),
        lambda: OHLCParams(symbol=["A/B"], interval=1.0),  # type: ignore[arg-type]
        lambda: TradeParams(symbol=["A/B"], snapshot="yes"),  # type: ignore[arg-type]
        lambda: ExecutionsParams(ratecounter=1),  # type: ignore[arg-type]
        lambda: ExecutionsParams(token=None),  # type: ignore[arg-type]
    ],
)
def test_values_of_a_wrong_type_are_refused(make: Any) -> None:
    with pytest.raises(TypeError, match="must be"):
        make()


def test_ticker_without_trigger_is_the_one_of_trades() -> None:
    assert TickerParams(symbol=["A/B"]).identity == TickerParams(["A/B"], "trades").identity
    assert TickerParams(symbol=["A/B"]).identity != TickerParams(["A/B"], "bbo").identity


def test_private_parameters_compare_without_their_token() -> None:
    assert ExecutionsParams(token="a") == ExecutionsParams(token="b")
    assert hash(BalancesParams(token="a")) == hash(BalancesParams(token="b"))
