"""Every field of every kind of frame with a value that does not belong there, over real sockets.

Each frame is reported by an event, after which its stream is subscribed again and right; or its
values are delivered exactly as they stand. In neither case does a socket end, nor is another
stream touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from tests.faults import odd
from tests.faults.test_odd_fields import (
    REPLIES,
    Act,
    is_reply,
    limit,
    oddities_of_reply,
    placed_id,
    replaced_by,
)
from tests.ws.helpers import BTC, ETH, PATIENCE, client_of, eventually, text_frame, tokens_of

from kraken_connector import WSDataMessage
from kraken_connector.exceptions import KrakenConnectorError, OrderOutcomeUnknown
from kraken_connector.models import BookChecksumEvent, InvalidFrameEvent, Model, SequenceGapEvent
from kraken_connector.models.base import is_number_text
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.session import Outgoing
from kraken_connector.sim.trading.rate import Tier
from kraken_connector.ws import (
    BalancesParams,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    GapEvent,
    InstrumentParams,
    KrakenWSClient,
    Level3Params,
    OHLCParams,
    TickerParams,
    TradeParams,
)
from kraken_connector.ws.protocol import request_queue as queue
from kraken_connector.ws.protocol import resync_policy as resync
from kraken_connector.ws.trading import AddOrderParams

REPORTS = (InvalidFrameEvent, SequenceGapEvent, BookChecksumEvent)
PRIVATE = ("executions", "balances")
#: A report with everything that has parts, which none of the examples has.
REPORT = {
    "exec_type": "trade",
    "order_id": "OFOREI-GNORD-ER0001",
    "exec_id": "TFOREI-GNEXE-CUT001",
    "symbol": BTC,
    "side": "buy",
    "order_type": "stop-loss-limit",
    "order_qty": 2.0,
    "last_qty": 0.5,
    "last_price": 30.1,
    "cost": 15.05,
    "cum_qty": 0.5,
    "cum_cost": 15.05,
    "order_status": "partially_filled",
    "order_userref": 3,
    "cl_ord_id": "mine",
    "timestamp": "2026-01-01T00:00:00.000000Z",
    "liquidity_ind": "m",
    "trade_id": 17,
    "post_only": True,
    "time_in_force": "GTC",
    "reason": "none",
    "fees": [{"asset": "USD", "qty": 0.01}],
    "triggers": {"reference": "last", "price": 30.0, "price_type": "static", "status": "triggered"},
    "contingent": {"order_type": "limit", "limit_price": 31.0, "limit_price_type": "static"},
}


class Bench:
    """An exchange of three hosts, and a client that follows all of it."""

    def __init__(self, sim: SimulatedExchange, client: KrakenWSClient, seen: list[Any]) -> None:
        self.sim = sim
        self.client = client
        self.seen = seen
        self.markers = itertools.count()
        self.pairs = dict(client.instruments)

    async def hear(self, channel: str, *frames: bytes) -> list[Any]:
        """Send frames on the connection of a channel, and return what the client said of them."""
        marker = next(self.markers)
        text = json.dumps({"channel": "marker", "type": "update", "data": [marker]})
        self.seen.clear()
        (connection,) = self.sim.connections_to(role_of(channel))
        connection.send_bytes(b"".join(map(text_frame, (*frames, text.encode()))))
        await eventually(lambda: any(is_marker(event) for event in self.seen))
        return [
            event for event in self.seen if not is_marker(event) and type(event) is not GapEvent
        ]

    def is_right(self) -> bool:
        """Return whether all that the client keeps is what the exchange has."""
        client, account = self.client, self.sim.account
        (own,) = [order for order in client.orders if order.is_mine]
        books = [client.book(BTC), client.book(ETH), client.level3(BTC)]
        return (
            client.orders.is_current
            and client.balances.is_current
            and {a: n for a, n in client.balances.items() if n} == nonzero(account.balances)
            and (own.status, own.cum_qty, own.limit_price) == ("new", 0, Decimal("100.0"))
            and all(book.is_valid for book in books)
            and client.state is ConnectionState.CONNECTED
        )


def role_of(channel: str) -> Any:
    if channel in PRIVATE:
        return "private"
    return "level3" if channel == "level3" else "public"


def is_marker(event: Any) -> bool:
    return getattr(event, "channel", None) == "marker"


def is_snapshot(event: Any) -> bool:
    is_instrument = type(event) is WSDataMessage and event.channel == "instrument"
    return is_instrument and event.type == "snapshot"


def nonzero(balances: Any) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in balances.items() if amount}


@contextlib.asynccontextmanager
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Make a bench whose client subscribes again at once, and as often as it must."""
    monkeypatch.setattr(queue, "SUBSCRIBE_RATE", 1e9)
    monkeypatch.setattr(resync.ResyncPolicy, "_delay", lambda *_: 0.0)
    rich = {"USD": 10**9, "BTC": 10**4}
    seen: list[Any] = []
    sim = SimulatedExchange(
        hosts="three",
        symbols=[BTC, ETH],
        rate=0,
        balances=rich,
        level3_allowance=None,
        heartbeat_interval=0,
    )
    async with sim:
        tokens = tokens_of(sim)
        await tokens.get_token()
        client = client_of(
            sim,
            auth_url=sim.auth_url,
            level3_url=sim.level3_url,
            token_manager=tokens,
            on_message=seen.append,
            resync_attempts=10**9,
            level3_allowance=500,
            request_timeout=5.0,
            heartbeat_timeout=600.0,
            ping_timeout=600.0,
        )
        async with client:
            await client.subscribe(ExecutionsParams(snap_trades=True))
            await client.subscribe(BalancesParams())
            await client.subscribe(BookParams(symbol=[BTC, ETH]))
            await client.subscribe(Level3Params(symbol=[BTC]))
            await client.subscribe(TickerParams(symbol=[BTC]))
            await client.subscribe(TradeParams(symbol=[BTC]))
            await client.subscribe(OHLCParams(symbol=[BTC]))
            await client.subscribe(InstrumentParams())
            await client.add_order(AddOrderParams(BTC, "buy", "limit", "0.10", limit_price="100.0"))
            await eventually(lambda: client.instruments)
            made = Bench(sim, client, seen)
            await eventually(made.is_right)
            yield made


def documents(channel: str) -> list[Any]:
    """Return snapshots and updates of a channel; those of an account without a number."""
    found: list[Any] = []
    for path in sorted(odd.EXAMPLES.glob(f"{channel}.*")):
        if ".snapshot." in path.name or ".update." in path.name:
            found += odd.examples(path.name)
    if channel == "executions":
        found += [{"channel": channel, "type": "update", "data": [REPORT]}]
        found += [{**document, "type": "snapshot"} for document in found]
    return found


CHANNELS = (
    *("ticker", "book", "level3", "trade", "ohlc", "instrument", "status", "heartbeat"),
    *("executions", "balances"),
)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_odd_value_in_a_message(channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(monkeypatch) as b:
        sockets = b.sim.connections_total
        for document in documents(channel):
            if role_of(channel) == "private":
                document["sequence"] = None  # so that it is not counted
            for case in odd.oddities(document):
                if case[0][0] in ("channel", "method"):
                    continue
                frame = odd.changed(document, case)
                events = await b.hear(channel, frame)
                reports = [event for event in events if isinstance(event, REPORTS)]
                if channel == "instrument" and reports:
                    await eventually(lambda: any(map(is_snapshot, b.seen)))
                    assert dict(b.client.instruments) == b.pairs
                elif not reports:
                    check_delivered(json.loads(frame, parse_float=Decimal, parse_int=exact), events)
                else:
                    await eventually(b.is_right)
                check_kept(b.client)
                assert b.sim.connections_total == sockets, case
        await eventually(b.is_right)


def exact(text: str) -> int | Decimal:
    """Return an integer as what a client makes of it: beyond 64 bits it is no `int`."""
    return int(text) if len(text) < 20 else Decimal(text)


def same(value: Any, wire: Any) -> bool:
    """Return whether a value is that of the wire; a number may be a float."""
    if isinstance(wire, Decimal) and isinstance(value, float):
        return value == float(wire)
    if isinstance(wire, list) and isinstance(value, list):
        return len(value) == len(wire) and all(map(same, value, wire))
    return bool(value == wire)


def check_delivered(document: Any, events: list[Any]) -> None:
    """Check that a message was delivered with the values of the wire."""
    if document["channel"] == "heartbeat":
        return
    assert len(events) == 1, (document, events)
    (message,) = events
    data = document["data"]
    for item, plain in zip(message.data, [data] if isinstance(data, dict) else data, strict=True):
        check_item(item, plain)


def check_item(item: Any, plain: Any) -> None:
    for name, kind, nested in item.__wire_fields__:
        value, wire = getattr(item, name), plain.get(name.removesuffix("_"))
        checked = item.__checked__.get(name)
        if wire is None:
            assert value in (None, []), (name, value)
        elif nested is not None:
            assert isinstance(value, Model | list), (name, value)
            for part, whole in zip(
                value if kind == "models" else [value],
                wire if kind == "models" else [wire],
                strict=True,
            ):
                check_item(part, whole)
        elif checked == "number":
            assert type(value) is float, (name, value)
            assert same(value, Decimal(wire)), (name, value)
            assert item.decimal(name) == Decimal(wire), (name, wire)
        elif checked is not None:
            assert type(value) is {"text": str, "integer": int}[checked], (name, value)
            assert value == wire, (name, value)
        elif kind == "float" and is_number_text(wire):
            assert same(value, Decimal(wire)), (name, value, wire)
        else:
            assert same(value, wire), (name, value, wire)


def check_kept(client: KrakenWSClient) -> None:
    """Check the types of what is kept about orders and about the exchange."""
    assert isinstance(client.system_status, str)
    assert isinstance(client.upcoming_maintenance, list)
    assert isinstance(client.connection_id, int)
    for order in client.orders:
        for name in ("symbol", "side", "order_type", "time_in_force", "expire_time", "reason"):
            assert isinstance(getattr(order, name), str | None), name
        for fill in order.fills:
            assert isinstance(fill.liquidity_ind, str | None)
            assert type(fill.trade_id) in (int, type(None))
            assert isinstance(fill.qty, Decimal)


@pytest.mark.parametrize("name", ["exec_id", "last_qty"])
async def test_fill_that_cannot_be_counted_is_learnt_from_a_snapshot(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_fill(message: Outgoing) -> bool:
        return message.channel == "executions" and b'"trade"' in message.payload

    async with bench(monkeypatch) as b:
        b.sim.faults.add("odd", is_fill, replaced_by((("data", 0, name), None)))
        placed = await b.client.add_order(AddOrderParams(BTC, "buy", "market", "0.10"))
        await eventually(lambda: sum(f.qty for f in placed.order.fills) == Decimal("0.10"))
        await eventually(lambda: placed.order.status == "filled")
        assert (placed.order.cum_qty, b.client.orders.lost_fills) == (Decimal("0.10"), 0)
        assert b.client.orders.are_fills_complete


# Replies.

#: Fewer, as many of them cost a request its time, which is too short for anything but them.
VALUES = (None, "text", 7, True, [None], {"a": None}, odd.MISSING)
REQUEST_TIMEOUT = 0.08


@pytest.mark.parametrize("request_one", REPLIES)
async def test_odd_value_in_a_reply(request_one: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odd, "VALUES", VALUES)
    async with bench(monkeypatch) as b:
        b.sim.rates.tier = Tier(10**9, Decimal(1), 10**6)
        sockets = b.sim.connections_total
        for case in await oddities_of_reply(b.sim, b.client, request_one):
            name = await placed_id(b.client)
            rule = b.sim.faults.add("odd", is_reply, replaced_by(case))
            with monkeypatch.context() as quick:
                for link in b.client._pool:
                    quick.setattr(link.session.trading, "_timeout", REQUEST_TIMEOUT)
                    quick.setattr(link.session.requests, "_timeout", REQUEST_TIMEOUT)
                request = asyncio.create_task(request_one(b.client, name))
                await asyncio.wait([request], timeout=5)
            assert request.done(), case
            error = request.exception()
            assert isinstance(error, KrakenConnectorError | KeyError | None), (case, error)
            rule.cancel()
            assert b.sim.connections_total == sockets, case
            await clear(b.client)
        await b.client.subscribe(BalancesParams())
        await eventually(lambda: b.client.orders.is_current and b.client.balances.is_current)
        placed = await b.client.add_order(limit())
        await eventually(lambda: placed.order.status == "new")
        assert all(book.is_valid for book in (b.client.book(BTC), b.client.level3(BTC)))
        assert (b.client.state, b.sim.connections_total) == (ConnectionState.CONNECTED, sockets)


async def clear(client: KrakenWSClient) -> None:
    """Cancel everything; a busy machine may be late with an answer."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(OrderOutcomeUnknown):
                await client.cancel_all()
                return
