"""Each call of `kraken_connector.api` over HTTPS. Expected shapes are those of docs.kraken.com."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.rest.dropin import FORMS, PAIR, DropIn, dropping_in, limit_order

from kraken_connector import (
    HTTPClient,
    InvalidResponseModel,
    KrakenAPIError,
    Response,
    UnexpectedStatus,
)
from kraken_connector.api.account_data import get_open_orders
from kraken_connector.constants.market_data import (
    OHLCDataInterval,
    SystemStatus,
    TradableAssetPairInfo,
)
from kraken_connector.constants.trading import OrderStatus, OrderType, TypeOrder
from kraken_connector.rest import KrakenRest
from kraken_connector.schemas import (
    CancelAllOrdersAfterRequest,
    CancelOrderRequest,
    ClosedOrder,
    GetOpenPositionsRequest,
    OpenOrder,
    QueryOrdersInfoRequest,
)


@pytest_asyncio.fixture
async def dropin() -> AsyncIterator[DropIn]:
    async with dropping_in() as dropin:
        yield dropin


#: Calls that change nothing, with their parameters.
READS: dict[str, dict[str, Any]] = {
    "market_data.get_system_status": {},
    "market_data.get_server_time": {},
    "market_data.get_tradable_asset_pairs": {"pair": PAIR, "info": TradableAssetPairInfo.FEES},
    "market_data.get_ohlc_data": {"pair": PAIR, "interval": OHLCDataInterval.FIVE_MINUTES},
    "market_data.get_recent_trades": {"pair": PAIR, "count": 5},
    "market_data.get_order_book": {"pair": PAIR, "count": 3},
    "account_data.get_open_orders": {},
    "account_data.get_orders_info": {"form_data": QueryOrdersInfoRequest("OAAAAA-AAAAA-AAAAAA")},
    "account_data.get_closed_orders": {},
    "account_data.get_trade_history": {},
    "account_data.get_extended_balance": {},
    "account_data.get_trade_balance": {},
    "account_data.get_open_positions": {"form_data": GetOpenPositionsRequest(docalcs=True)},
    "account_data.get_trade_volume": {},
    "websockets_authentication.get_websockets_token": {},
}


@pytest.mark.parametrize("path", READS)
async def test_four_forms_of_a_call(dropin: DropIn, path: str) -> None:
    replies = {form: await dropin.call(path, form, **READS[path]) for form in FORMS}
    for form in ("sync", "asyncio"):
        detailed = replies[f"{form}_detailed"]
        assert isinstance(detailed, Response)
        assert detailed.status_code is HTTPStatus.OK
        assert detailed.headers["Content-Type"].startswith("application/json")
        assert b'"error":[]' in detailed.content.replace(b" ", b"")
        assert type(detailed.parsed) is type(replies[form])
    first = replies["sync"]
    content = first if isinstance(first, dict) else first.to_dict()
    assert content["error"] == []
    assert "result" in content


# Market data.


async def test_market_data(dropin: DropIn) -> None:
    # Public calls need no key.
    public = HTTPClient(
        dropin.sim.rest_url, verify_ssl=dropin.client._verify_ssl, httpx_args={"trust_env": False}
    )

    async def call(name: str, **params: Any) -> Any:
        return (await dropin.call(f"market_data.{name}", client=public, **params)).result

    async with public:
        assert (await call("get_system_status")).status is SystemStatus.ONLINE
        assert (await call("get_server_time")).unixtime > 1.5e9
        pairs = await call("get_tradable_asset_pairs")
        assert pairs["XXBTZUSD"].wsname == "XBT/USD"
        assert pairs["XXBTZUSD"].fees[0] == [0, 0.26]
        candles = await call("get_ohlc_data", pair=PAIR, interval=OHLCDataInterval.FIVE_MINUTES)
        first, second = (row[0] for row in candles["XXBTZUSD"][:2])
        assert second - first == 5 * 60
        trades = await call("get_recent_trades", pair=PAIR, count=3)
        assert len(trades["XXBTZUSD"]) == 3
        assert trades.last.isdecimal()
        assert await call("get_recent_trades", pair=PAIR, since=trades.last) is not None
        book = await call("get_order_book", pair=PAIR, count=2)
        (bid, *_), (ask, *_) = book["XXBTZUSD"].bids, book["XXBTZUSD"].asks
        assert float(bid[0]) < float(ask[0])
        assert len(book["XXBTZUSD"].asks) == 2


# The account.


@pytest.mark.parametrize("form", FORMS)
async def test_order_is_placed_shown_and_cancelled(dropin: DropIn, form: str) -> None:
    async def call(path: str, **params: Any) -> Any:
        reply = await dropin.call(path, form, **params)
        return reply.parsed if form.endswith("_detailed") else reply

    placed = await call("trading.add_order", form_data=limit_order(userref=7))
    (order_id,) = placed.result.txid
    assert "limit 100.0" in placed.result.descr.order
    (order,) = [(await call("account_data.get_open_orders")).result.open_[order_id]]
    assert isinstance(order, OpenOrder)
    assert (order.status, order.vol, order.userref) == (OrderStatus.OPEN, "0.01000000", 7)
    assert (order.descr.type, order.descr.ordertype) == (TypeOrder.BUY, OrderType.LIMIT)
    asked = QueryOrdersInfoRequest(order_id)
    orders = await call("account_data.get_orders_info", form_data=asked)
    assert orders.result[order_id].descr.price == "100.0"
    cancelled = await call("trading.cancel_order", form_data=CancelOrderRequest(order_id))
    assert cancelled["result"]["count"] == 1
    closed = (await call("account_data.get_closed_orders")).result.closed[order_id]
    assert isinstance(closed, ClosedOrder)
    assert closed.status is OrderStatus.CANCELED
    assert closed.closetm > closed.opentm > 1.5e9


async def test_trades_of_the_account(dropin: DropIn) -> None:
    order_id = await dropin.place(ordertype=OrderType.MARKET, price=None, volume="0.001")
    history = (await dropin.call("account_data.get_trade_history")).result
    (trade_id, *_) = history.trades.additional_keys
    trade = history.trades[trade_id]
    assert (trade.ordertxid, trade.pair, trade.type) == (order_id, "XXBTZUSD", "buy")
    asked = (await dropin.call("account_data.get_trades_info", txid=trade_id)).result
    assert asked[trade_id].ordertxid == order_id
    assert float((await dropin.call("account_data.get_trade_volume")).result.volume) > 0


async def test_balances_positions_and_token(dropin: DropIn) -> None:
    balances = (await dropin.call("account_data.get_extended_balance")).result
    assert balances["XXBT"]["balance"] == "10000.0000000000"
    assert (await dropin.call("account_data.get_trade_balance"))["result"]["m"] == "0.0000"
    await dropin.place(ordertype=OrderType.MARKET, price=None, volume="0.001", leverage="5")
    positions = await dropin.call(
        "account_data.get_open_positions", form_data=GetOpenPositionsRequest()
    )
    (name,) = positions.result.additional_keys
    assert (positions.result[name].pair, positions.result[name].type) == ("XXBTZUSD", "buy")
    token = await dropin.call("websockets_authentication.get_websockets_token")
    assert token.result.expires == 900
    assert token.result.token
    assert token.result.token not in repr(token)


async def test_all_orders_are_cancelled_now_or_later(dropin: DropIn) -> None:
    await dropin.place()
    await dropin.place()
    switch = await dropin.call(
        "trading.cancel_all_orders_after", form_data=CancelAllOrdersAfterRequest(1, 60)
    )
    assert switch.result.trigger_time > switch.result.current_time
    assert (await dropin.call("trading.cancel_all_orders")).result.count == 2


@pytest.mark.parametrize("kind", ["limit", "market", "stop-loss", "take-profit-limit"])
async def test_defaults_of_an_order_suit_every_type(dropin: DropIn, kind: str) -> None:
    prices = {
        "limit": {"price": "100.0"},
        "market": {"price": None},
        "stop-loss": {"price": "100000.0"},
        "take-profit-limit": {"price": "100.0", "price2": "101.0"},
    }
    assert await dropin.place(ordertype=OrderType(kind), volume="0.1", **prices[kind])


async def test_word_that_this_package_does_not_know(dropin: DropIn) -> None:
    """0.2.0 raises, so that one such order hides all others."""
    dropin.sim.faults.alter_calls(calls=("OpenOrders",), ordertype="of-tomorrow")
    order_id = await dropin.place()
    orders = await dropin.call("account_data.get_open_orders")
    assert orders.result.open_[order_id].descr.ordertype == "of-tomorrow"


# Refusals and replies that cannot be read.


@pytest.mark.parametrize("form", FORMS)
async def test_refusal_raises_its_text(dropin: DropIn, form: str) -> None:
    with pytest.raises(KrakenAPIError) as caught:
        await dropin.call(
            "trading.cancel_order", form, form_data=CancelOrderRequest("OAAAAA-AAAAA-AAAAAA")
        )
    assert caught.value.errors == ["EOrder:Unknown order"]
    assert caught.value.kind == "unknown_order"
    assert str(caught.value) == "Kraken API error: EOrder:Unknown order"


async def test_refusal_after_which_the_order_may_be_in_the_market(dropin: DropIn) -> None:
    dropin.sim.faults.fail_calls("EGeneral:Internal error", calls=("AddOrder",))
    with pytest.raises(KrakenAPIError) as caught:
        await dropin.call("trading.add_order", form_data=limit_order())
    assert not caught.value.is_certain
    orders = await dropin.call("account_data.get_open_orders")
    assert len(orders.result.open_.additional_keys) == 1
    with pytest.raises(KrakenAPIError) as caught:
        await dropin.call("trading.add_order", form_data=limit_order(volume="1000000000"))
    assert caught.value.is_certain


async def test_warning_beside_a_result_is_no_refusal(dropin: DropIn) -> None:
    dropin.sim.faults.warn_calls("WGeneral:Danger", calls=("AddOrder",))
    reply = await dropin.call("trading.add_order", form_data=limit_order())
    assert reply.error == ["WGeneral:Danger"]
    assert len(reply.result.txid) == 1


@pytest.mark.parametrize(
    "kind",
    ["no json", "cut", "empty", "a list", "a string", "no result", "result null", "result a list"],
)
@pytest.mark.parametrize("path", ["account_data.get_open_orders", "market_data.get_order_book"])
async def test_reply_that_cannot_be_read(dropin: DropIn, path: str, kind: Any) -> None:
    dropin.sim.faults.garble_calls(kind)
    with pytest.raises(InvalidResponseModel) as caught:
        await dropin.call(path, **READS[path])
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("status", [429, 502, 503, 520, 526])
async def test_other_status_is_none_or_raises(dropin: DropIn, status: int) -> None:
    dropin.sim.faults.break_calls(status, times=3, calls=("AddOrder",))
    order = limit_order()
    assert await dropin.call("trading.add_order", form_data=order) is None
    detailed = await dropin.call("trading.add_order", "asyncio_detailed", form_data=order)
    assert (detailed.status_code, detailed.parsed) == (status, None)
    dropin.client.raise_on_unexpected_status = True
    with pytest.raises(UnexpectedStatus) as caught:
        await dropin.call("trading.add_order", form_data=order)
    assert caught.value.status_code == status
    assert b"html" in caught.value.content


@pytest.mark.parametrize("form", ["sync", "asyncio"])
async def test_no_reply_raises_the_exception_of_httpx(dropin: DropIn, form: str) -> None:
    dropin.sim.faults.drop_calls()
    with pytest.raises(httpx.TransportError):
        await dropin.call("account_data.get_open_orders", form)
    dropin.sim.faults.hang_calls()
    hasty = dropin.client.with_timeout(httpx.Timeout(0.05))
    with pytest.raises(httpx.ReadTimeout):
        await dropin.call("account_data.get_open_orders", form, client=hasty)
    await (hasty.aclose() if form == "asyncio" else asyncio.to_thread(hasty.close))


async def test_private_call_needs_a_key(dropin: DropIn) -> None:
    url = dropin.sim.rest_url
    with pytest.raises(TypeError, match="needs an HTTPAuthenticatedClient, not HTTPClient"):
        await dropin.call("account_data.get_open_orders", client=HTTPClient(url))
    keyless = type(dropin.client)(url)
    with pytest.raises(ValueError, match="api_key and api_secret are required"):
        await dropin.call("account_data.get_open_orders", client=keyless)
    wrong = type(dropin.client)(url, api_key="key", api_secret="test-secret")
    with pytest.raises(ValueError, match="api_secret is not base64"):
        await dropin.call("account_data.get_open_orders", client=wrong)


@pytest.mark.parametrize(
    ("text", "kind", "retryable"),
    [("EAPI:Rate limit exceeded", "rate", True), ("EOrder:Insufficient funds", "funds", False)],
)
def test_refusal_has_its_kind(text: str, kind: str, retryable: bool) -> None:
    error = KrakenAPIError([text])
    assert (error.kind, error.retryable, error.venue_error) == (kind, retryable, text)


# Nonces, and the count of the rate limit.


async def test_calls_are_counted_with_those_of_other_clients(dropin: DropIn) -> None:
    counter = dropin.client.caller.counter
    assert dropin.client_of().caller.counter is counter
    await dropin.call("account_data.get_trade_history")
    await dropin.call("account_data.get_trade_balance", "sync")
    await dropin.call("trading.cancel_all_orders")
    # Two, one and nothing (docs.kraken.com, guide "Spot REST rate limits").
    assert counter.value == 3.0


async def test_calls_of_tasks_threads_and_clients_share_nonces(dropin: DropIn) -> None:
    """A nonce that is not larger than the last one would be refused."""
    rest = KrakenRest(
        dropin.sim.api_key,
        dropin.sim.api_secret,
        base_url=dropin.sim.rest_url,
        ssl=dropin.client._verify_ssl,
        proxy=False,
        tier="pro",
    )
    async with rest:
        await asyncio.gather(
            *(dropin.call("account_data.get_trade_balance") for _ in range(4)),
            *(dropin.call("account_data.get_trade_balance", "sync") for _ in range(4)),
            *(rest.open_orders() for _ in range(2)),
        )


async def test_request_is_sent_twice_with_different_nonces(dropin: DropIn) -> None:
    """In 0.2.0 all requests of a process have one nonce, so that all but the first are refused."""
    order = limit_order()
    first = await dropin.call("trading.add_order", form_data=order)
    second = await dropin.call("trading.add_order", form_data=order)
    assert first.result.txid != second.result.txid


def test_error_for_a_wrong_parameter_names_the_call() -> None:
    wrong: Any = {"trades": True}
    with pytest.raises(TypeError, match=r"^get_open_orders\(\) got an unexpected .* 'trades'"):
        get_open_orders.sync(**wrong)
