"""Public channels of the real exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.live.following import check_book, first, followed

from kraken_connector.exceptions import SubscriptionError
from kraken_connector.ws import (
    BookChecksumEvent,
    BookParams,
    GapEvent,
    InstrumentParams,
    InvalidFrameEvent,
    KrakenWSClient,
    OHLCParams,
    TickerParams,
    TradeParams,
    WSDataMessage,
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NewClient = Callable[..., KrakenWSClient]

#: A pair for each depth, as a connection has one depth for each pair.
DEPTHS = {"BTC/USD": 10, "ETH/USD": 25, "SOL/USD": 100, "XRP/USD": 500, "ADA/USD": 1000}


async def test_status_comes_by_itself(new_client: NewClient) -> None:
    async with new_client() as client:
        status = await first(client, "status")
        assert client.system_status == status.data[0].system
        assert client.connection_id == status.data[0].connection_id
        view = client.connections["public"]
        async with asyncio.timeout(30):
            await client.subscribe(TickerParams(symbol=["BTC/USD"]))
            while view.latency is None:
                await first(client, "ticker")
        assert 0 < view.latency < 5


@pytest.mark.parametrize("event_trigger", ["trades", "bbo"])
async def test_ticker(new_client: NewClient, event_trigger: str) -> None:
    async with new_client() as client:
        symbols = ["BTC/USD", "ETH/USD"]
        result = await client.subscribe(TickerParams(symbol=symbols, event_trigger=event_trigger))
        assert result.symbols == symbols
        (ticker,) = (await first(client, "ticker", "snapshot")).data
        assert ticker.symbol in symbols
        assert 0 < ticker.bid < ticker.ask
        assert ticker.decimal("bid") < ticker.decimal("ask")
        assert not ticker.extra.keys() - {"trades"}, "fields that the models do not know"


async def test_books_of_all_depths_verify(new_client: NewClient, seconds: float) -> None:
    async with new_client(message_queue_max=1_000_000) as client:
        for symbol, depth in DEPTHS.items():
            await client.subscribe(BookParams(symbol=[symbol], depth=depth))
        messages = await followed(client, seconds)
        for symbol, depth in DEPTHS.items():
            book = client.book(symbol)
            check_book(book)
            assert book.depth == depth
        assert client.gaps == []
        strange = (BookChecksumEvent, GapEvent, InvalidFrameEvent)
        assert [message for message in messages if isinstance(message, strange)] == []
        assert {message.symbol for message in messages if _is_book(message)} == set(DEPTHS)


async def test_redundant_books_verify(new_client: NewClient, seconds: float) -> None:
    options = {"redundant": True, "redundant_patience": 1.0}
    async with new_client(**options, message_queue_max=1_000_000) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD", "ETH/USD"], depth=100))
        messages = await followed(client, seconds)
        for symbol in ("BTC/USD", "ETH/USD"):
            check_book(client.book(symbol))
        for view in client.connections.values():
            assert view.stats()["mismatches"] == 0
        assert client.gaps == []
        times = [message.timestamp_ns for message in messages if _is_book(message)]
        assert all(message.verified for message in messages if _is_book(message))
        assert len(times) > 0


async def test_symbols_on_several_connections(new_client: NewClient, seconds: float) -> None:
    async with new_client(symbols_per_connection=2) as client:
        await client.subscribe(BookParams(symbol=list(DEPTHS)))
        assert len(client.connections) == 3
        await followed(client, min(seconds, 5))
        for symbol in DEPTHS:
            check_book(client.book(symbol))


async def test_book_can_be_resynced(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"], depth=25))
        await first(client, "book", "snapshot")
        await client.resync("BTC/USD")
        check_book(client.book("BTC/USD"))


async def test_trades(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(TradeParams(symbol=["BTC/USD"], snapshot=True))
        trades = (await first(client, "trade", "snapshot")).data
        assert len(trades) > 1
        assert all(one.trade_id < other.trade_id for one, other in pairwise(trades))
        assert all(trade.price > 0 and trade.qty > 0 for trade in trades)


async def test_candles(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(OHLCParams(symbol=["BTC/USD"], interval=1))
        candles = (await first(client, "ohlc", "snapshot")).data
        begins = [candle.interval_begin for candle in candles]
        assert begins == sorted(begins)
        assert all(candle.low <= candle.close <= candle.high for candle in candles)


async def test_instruments_say_what_books_show(new_client: NewClient) -> None:
    async with new_client() as client:
        await client.subscribe(InstrumentParams())
        reference = (await first(client, "instrument", "snapshot")).data[0]
        pairs = {pair.symbol: pair for pair in reference.pairs}
        assert set(DEPTHS) <= pairs.keys()
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        await first(client, "book", "snapshot")
        book = client.book("BTC/USD")
        assert book.price_scale == pairs["BTC/USD"].price_precision
        assert book.qty_scale == pairs["BTC/USD"].qty_precision


async def test_unknown_pair_is_refused_by_name(new_client: NewClient) -> None:
    async with new_client() as client:
        with pytest.raises(SubscriptionError) as caught:
            await client.subscribe(TickerParams(symbol=["BTC/USD", "NOPE/USD"]))
        assert set(caught.value.rejected) == {"NOPE/USD"}
        assert caught.value.accepted == ("BTC/USD",)


def _is_book(message: object) -> bool:
    return isinstance(message, WSDataMessage) and message.channel == "book"
