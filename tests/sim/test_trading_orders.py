"""Adding and canceling orders over a socket: replies, reports and their order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.sim.client import BookReader, Message, connected, without_times
from tests.sim.trader import BTC, LIMIT, Trader, trading


def kinds(reports: list[Message]) -> list[str]:
    return [report["exec_type"] for report in reports]


async def test_resting_order_is_answered_and_reported(trader: Trader) -> None:
    reply = await trader.request("add_order", req_id=3, cl_ord_id="mine", **LIMIT)
    placed, live = await trader.report(2)
    assert reply["method"] == "add_order"
    assert (reply["success"], reply["req_id"]) == (True, 3)
    assert reply["result"].keys() == {"order_id", "cl_ord_id"}
    assert {"time_in", "time_out"} < reply.keys()
    assert kinds([placed, live]) == ["pending_new", "new"]
    assert placed["order_id"] == reply["result"]["order_id"]
    assert (placed["limit_price"], placed["order_qty"]) == ("80000.0", "0.50000000")
    assert trader.order(placed["order_id"]).status == "new"


@pytest.mark.parametrize("reply_first", [True, False])
async def test_reply_precedes_the_reports_or_follows_them(reply_first: bool) -> None:
    async with trading(reply_first=reply_first) as trader:
        await trader.add(**LIMIT)
        await trader.report(2)
        assert trader.seen.index("add_order") == (0 if reply_first else 2)


async def test_market_order_is_filled_at_the_books_prices(trader: Trader) -> None:
    market = trader.sim.markets.market(BTC)
    ticks, lots = market.book.asks.row(0)
    qty = (lots + min(market.book.asks.row(1)[1], 10**6)) / 10**8
    order_id = await trader.add(order_type="market", side="buy", symbol=BTC, order_qty=qty)
    reports = await trader.report(5)
    entries = await trader.entry(4)
    assert kinds(reports) == ["pending_new", "new", "trade", "trade", "filled"]
    first, second = reports[2:4]
    assert Decimal(first["last_price"]) == Decimal(ticks) / 10
    assert Decimal(first["last_qty"]) == Decimal(lots).scaleb(-8)
    assert first["liquidity_ind"] == "t"
    assert Decimal(second["last_price"]) > Decimal(first["last_price"])
    assert trader.order(order_id).status == "filled"
    assert [entry["ref_id"] for entry in entries] == [first["exec_id"]] * 2 + [
        second["exec_id"]
    ] * 2
    assert market.book.asks.row(0)[0] > ticks


async def test_fills_are_public_trades_with_the_same_number(trader: Trader) -> None:
    await trader.client.subscribe("trade", BTC)
    qty = trader.sim.markets.market(BTC).book.bids.row(0)[1] / 10**8
    await trader.send("add_order", order_type="market", side="sell", symbol=BTC, order_qty=qty)
    public = await trader.client.find(lambda message: message.get("channel") == "trade")
    report = await trader.client.find(
        lambda message: (
            message.get("channel") == "executions" and message["data"][0]["exec_type"] == "trade"
        )
    )
    (trade,), (fill,) = public["data"], report["data"]
    assert (trade["side"], trade["ord_type"]) == ("sell", "market")
    for theirs, ours in (("trade_id", "trade_id"), ("price", "last_price"), ("qty", "last_qty")):
        assert trade[theirs] == fill[ours]


async def test_cancel_answers_every_id_by_itself(trader: Trader) -> None:
    first = await trader.add(**LIMIT)
    second = await trader.add(**LIMIT)
    await trader.send("cancel_order", req_id=9, order_id=[first, "OUNKNOWN", second])
    replies = [await trader.reply() for _ in range(3)]
    canceled = (await trader.report(6))[4:]
    assert [reply["req_id"] for reply in replies] == [9, 9, 9]
    assert [reply.get("result") for reply in replies] == [
        {"order_id": second},
        None,
        {"order_id": first},
    ]
    assert without_times(replies[1]) == {
        "error": "EOrder:Unknown order",
        "method": "cancel_order",
        "req_id": 9,
        "success": False,
    }
    assert [report["reason"] for report in canceled] == ["User requested"] * 2
    assert not trader.sim.account.open_orders


async def test_cancel_by_cl_ord_id_answers_with_it(trader: Trader) -> None:
    await trader.add(cl_ord_id="mine", **LIMIT)
    reply = await trader.request("cancel_order", cl_ord_id=["mine"])
    again = await trader.request("cancel_order", cl_ord_id=["mine"])
    assert reply["result"] == {"cl_ord_id": "mine"}
    assert again["error"] == "EOrder:Unknown order"


async def test_cancel_all_counts(trader: Trader) -> None:
    for _ in range(3):
        await trader.add(**LIMIT)
    assert (await trader.request("cancel_all"))["result"] == {"count": 3}
    assert (await trader.request("cancel_all"))["result"] == {"count": 0}


async def test_numbers_are_read_digit_by_digit(trader: Trader) -> None:
    await trader.client.send(
        '{"method":"add_order","params":{"order_type":"limit","side":"buy","symbol":"BTC/USD",'
        f'"order_qty":0.10000001,"limit_price":8.00001e4,"token":"{trader.token}"}}}}'
    )
    reply = await trader.reply()
    order = trader.order(reply["result"]["order_id"])
    assert (order.order_qty, order.limit_price) == (Decimal("0.10000001"), Decimal("80000.1"))
    assert trader.sim.requests[-1].params["order_qty"] == Decimal("0.10000001")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (LIMIT | {"limit_price": "80000.0"}, "Limit_price field must be a number_float"),
        (LIMIT | {"cash_order_qty": "5"}, "Cash_order_qty field must be a number_float"),
        (LIMIT | {"size": 5}, "Unsupported field: 'size' for the given msg type: add_order"),
        (LIMIT | {"symbol": "XBT/USD"}, "Currency pair not supported XBT/USD"),
    ],
)
async def test_refusal_has_the_shape_of_trading_responses(
    params: Message, error: str, trader: Trader
) -> None:
    reply = await trader.request("add_order", req_id=0, **params)
    assert without_times(reply) == {
        "error": error,
        "method": "add_order",
        "req_id": 0,
        "success": False,
    }


async def test_tokens_are_checked(trader: Trader) -> None:
    await trader.client.request("cancel_all")
    assert (await trader.reply())["error"] == "Token(s) not found"
    await trader.client.request("cancel_all", token="x")
    refused = await trader.reply()
    assert without_times(refused) == {
        "error": "EAPI:Invalid token",
        "method": "cancel_all",
        "success": False,
    }
    trader.sim.faults.revoke_tokens()
    assert (await trader.request("cancel_all"))["error"] == "EAPI:Invalid token"


async def test_published_book_shows_a_resting_order(trader: Trader) -> None:
    await trader.client.subscribe("book", BTC)
    market = trader.sim.markets.market(BTC)
    bid = market.book.bids.row(0)
    price = Decimal(bid[0]) / 10
    await trader.send(
        "add_order",
        order_type="limit",
        side="buy",
        symbol=BTC,
        order_qty=2,
        limit_price=float(price),
    )
    update = await trader.client.find(lambda message: message.get("channel") == "book")
    (row,) = update["data"][0]["bids"]
    assert Decimal(row["qty"]) == Decimal(bid[1]).scaleb(-8) + 2
    assert trader.sim.published(BTC)[-1].bids[0] == (price, Decimal(row["qty"]))


async def test_synthetic_market_fills_a_resting_order_by_itself() -> None:
    """With a rate, a market without subscribers moves as long as the account has orders."""
    async with trading(rate=2000) as trader:
        market = trader.sim.markets.market(BTC)
        price = market.book.bids.row(0)[0] / 10
        order_id = await trader.add(**LIMIT | {"limit_price": price, "order_qty": 0.01})
        await trader.sim.wait_for(lambda: trader.order(order_id).status == "filled", timeout=20)
        assert {fill.liquidity_ind for fill in trader.sim.account.fills} == {"m"}


async def test_orders_are_accepted_while_ready_made_frames_are_played() -> None:
    async with trading(rate=float("inf")) as trader, connected(trader.sim) as client:
        reader = BookReader(10)
        reader.read(await client.subscribe("book", BTC))
        order_id = await trader.add(**LIMIT)
        await trader.add(order_type="market", side="buy", symbol=BTC, order_qty=1)
        for message in await client.updates("book", 300):
            reader.read(message)
        assert trader.order(order_id).status == "new"
        client.leave()
