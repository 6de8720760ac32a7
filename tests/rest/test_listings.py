"""Listings of several pages, and queries of many identifiers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.rest.server import Call, Server
from tests.rest.test_results import FILL, OPEN_ORDERS

from kraken_connector import InvalidParameter, KrakenRest, RestError

pytestmark = pytest.mark.virtual_time

PAGE = 50
NOW = 1_800_000_000


class Exchange:
    """A listing of the exchange: rows newest first, 50 a page, `ofs` counts from the newest.

    `start` is exclusive, `end` inclusive (page "Get Trades History").
    """

    def __init__(self, rows: int) -> None:
        self.times = [NOW - number for number in range(rows)]
        self.pushed_after_each = 0

    def row(self, time: int) -> dict[str, Any]:
        return {**json.loads(FILL), "time": time}

    def answer(self, call: Call) -> Any:
        low, high = int(call.params.get("start", 0)), int(call.params["end"])
        inside = [time for time in sorted(self.times, reverse=True) if low < time <= high]
        offset = int(call.params.get("ofs", 0))
        page = inside[offset : offset + PAGE]
        newest = max(self.times, default=NOW)
        self.times += [newest + 1 + number for number in range(self.pushed_after_each)]
        # The order of keys is not promised.
        return {"trades": {f"T{time}": self.row(time) for time in sorted(page, key=str)}}


async def listed(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


def of(server: Server, exchange: Exchange, **options: Any) -> KrakenRest:
    server.answers |= {"TradesHistory": exchange.answer, "Time": {"unixtime": NOW + 1000}}
    return server.client(tier="pro", **options)


@pytest.mark.parametrize("rows", [0, 1, 49, 50, 51, 100, 237])
async def test_every_row_comes_once_newest_first(server: Server, rows: int) -> None:
    exchange = Exchange(rows)
    async with of(server, exchange) as rest:
        fills = await listed(rest.trades_history())
    assert [fill.time_ns // 10**9 for fill in fills] == exchange.times
    calls = server.named("TradesHistory")
    assert len(calls) == rows // PAGE + 1
    assert {call.params["end"] for call in calls} == {str(NOW + 1001)}
    assert {call.params["without_count"] for call in calls} == {"true"}
    assert {call.params["consolidate_taker"] for call in calls} == {"false"}
    assert [call.params.get("ofs") for call in calls] == [
        None,
        *(str(PAGE * number) for number in range(1, len(calls))),
    ]


async def test_rows_that_new_ones_push_come_once(server: Server) -> None:
    """The bound is a second ahead of the last whole one, so some new rows may be inside it."""
    exchange = Exchange(237)
    exchange.pushed_after_each = 7
    old = list(exchange.times)
    async with of(server, exchange) as rest:
        fills = await listed(rest.trades_history())
    names = [fill.exec_id for fill in fills]
    assert len(names) == len(set(names))
    assert {f"T{time}" for time in old} <= set(names)


async def test_rows_after_the_begin_are_not_listed(server: Server) -> None:
    exchange = Exchange(3)
    exchange.times.append(NOW + 2000)
    async with of(server, exchange) as rest:
        assert len(await listed(rest.trades_history())) == 3


async def test_page_that_repeats_is_an_error(server: Server) -> None:
    """An exchange without `ofs` would otherwise be asked for ever."""
    exchange = Exchange(80)
    async with of(server, exchange) as rest:
        server.answers["TradesHistory"] = lambda call: exchange.answer(
            Call(call.name, {**call.params, "ofs": "0"}, 0, {}, "")
        )
        rows = rest.trades_history()
        with pytest.raises(RestError, match="repeats"):
            await listed(rows)
    assert len(server.named("TradesHistory")) == 2


async def test_page_that_fails_ends_the_listing_with_its_error(server: Server) -> None:
    exchange = Exchange(80)
    async with of(server, exchange, timeout=1.0) as rest:
        first = exchange.answer(Call("", {"end": str(NOW)}, 0, {}, ""))
        server.answers["TradesHistory"] = [first, "EGeneral:Permission denied"]
        rows = rest.trades_history()
        assert len([await anext(rows) for _ in range(PAGE)]) == PAGE
        with pytest.raises(RestError, match="Permission denied"):
            await anext(rows)


async def test_bad_row_ends_the_listing_with_its_error(server: Server) -> None:
    exchange = Exchange(3)
    async with of(server, exchange) as rest:
        reply = exchange.answer(Call("", {"end": str(NOW)}, 0, {}, ""))
        reply["trades"][f"T{NOW - 1}"]["vol"] = None
        server.answers["TradesHistory"] = reply
        with pytest.raises(RestError, match=rf"trades\.T{NOW - 1}\.vol"):
            await listed(rest.trades_history())


#: Bounds, and how they are sent: whole seconds, rounded outward, or identifiers.
BOUNDS: list[tuple[Any, Any, str, str]] = [
    (5, 7, "5", "7"),
    (5_000_000_001_000_000_001, 5_000_000_001_000_000_001, "5000000001", "5000000002"),
    (NOW * 10**9, NOW * 10**9, str(NOW), str(NOW)),
    (
        datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC),
        datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC),
        "1767225600",
        "1767225601",
    ),
    ("TSTART-AAAAA", "TEND-AAAAA", "TSTART-AAAAA", "TEND-AAAAA"),
]


@pytest.mark.parametrize(("start", "end", "first", "last"), BOUNDS)
async def test_bounds(server: Server, start: Any, end: Any, first: str, last: str) -> None:
    async with server.client() as rest:
        server.answers["TradesHistory"] = {"trades": {}}
        assert await listed(rest.trades_history(start, end, type="no position", ledgers=True)) == []
    (call,) = server.named("TradesHistory")
    assert (call.params["start"], call.params["end"]) == (first, last)
    assert (call.params["type"], call.params["ledgers"]) == ("no position", "true")
    assert server.named("Time") == [], "the end is given"


@pytest.mark.parametrize("bound", [1.5, -1, "", datetime(2026, 1, 1), True])  # noqa: DTZ001
async def test_bound_that_is_none(server: Server, bound: Any) -> None:
    async with server.client() as rest:
        with pytest.raises((TypeError, InvalidParameter)):
            await listed(rest.closed_orders(bound, 5))
    assert server.calls == []


async def test_closed_orders(server: Server) -> None:
    """Orders come by the time of their end, also if the reply has them in another order."""
    example = json.loads(OPEN_ORDERS)["open"]["OQCLML-BW3P3-BUCMWZ"]
    closed = {**example, "status": "closed", "reason": None}
    server.answers["ClosedOrders"] = {
        "closed": {
            "O1": {**closed, "closetm": 1688148493.7708},
            "O2": {
                **closed,
                "closetm": 1688148494,
                "status": "canceled",
                "reason": "User requested",
            },
        },
    }
    async with server.client() as rest:
        orders = await listed(
            rest.closed_orders(1, 2, trades=True, cl_ord_id="mine", close_time="close")
        )
    assert [(order.order_id, order.status) for order in orders] == [
        ("O2", "canceled"),
        ("O1", "filled"),
    ]
    assert (orders[0].reason, orders[1].closed_ns) == ("User requested", 1688148493_770800000)
    (call,) = server.named("ClosedOrders")
    assert {k: v for k, v in call.params.items() if k != "nonce"} == {
        "trades": "true",
        "closetime": "close",
        "consolidate_taker": "false",
        "cl_ord_id": "mine",
        "start": "1",
        "end": "2",
        "without_count": "true",
    }


@pytest.mark.parametrize(
    ("call", "most", "row"),
    [
        ("QueryOrders", 50, json.loads(OPEN_ORDERS)["open"]["OQCLML-BW3P3-BUCMWZ"]),
        ("QueryTrades", 20, json.loads(FILL)),
    ],
)
async def test_many_identifiers_take_several_calls(
    server: Server, call: str, most: int, row: Any
) -> None:
    """At most 50 orders and 20 trades are in a call (their pages)."""
    server.answers[call] = lambda c: dict.fromkeys(c.params["txid"].split(","), row)
    names = [f"ID{number}" for number in range(2 * most + 1)]
    async with server.client(tier="pro") as rest:
        query = rest.query_orders if call == "QueryOrders" else rest.query_trades
        found = await query([*names, names[0]])
        assert await query([]) == {}
        with pytest.raises(InvalidParameter):
            await query(["A,B"])
        with pytest.raises(TypeError):
            await query("A")
    assert list(found) == names
    sizes = [len(c.params["txid"].split(",")) for c in server.named(call)]
    assert sizes == [most, most, 1]
