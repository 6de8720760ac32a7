"""Orders: from the call to the write to the socket, compared with a dict and `orjson.dumps`.

The client is connected over loopback. Each call runs until its frame, masked and framed, would be
written to the transport; the time of that write is recorded instead. The contender without this
client uses `websockets` alone: a dict, `orjson.dumps`, `send`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import orjson
from benches.results import Results
from benches.targets import DICT, WEBSOCKETS
from benches.timing import Contender, interleave
from websockets.asyncio.client import ClientConnection

from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    CancelOrderParams,
    InstrumentParams,
    KrakenWSClient,
    TokenManager,
)

UNIT = "ns/request"
CALLS = 2_000
ORDER_ID = "OUF4EM-FRGI2-MQMWZD"
SYMBOL = "BTC/USD"
#: Longer than any round, as no reply comes.
PATIENCE = 1e6

Call = Callable[[Decimal], Coroutine[Any, Any, Any]]


def measure(results: Results, seconds: float) -> None:
    """Measure everything, about `seconds` for each comparison."""
    asyncio.run(_measure(results, seconds))


async def _measure(results: Results, seconds: float) -> None:
    async with SimulatedExchange(symbols=[SYMBOL], rate=0) as exchange:
        source = HTTPAuthenticatedClient(
            exchange.rest_url, api_key=exchange.api_key, api_secret=exchange.api_secret
        )
        client = KrakenWSClient(
            exchange.url,
            token_manager=TokenManager(source),
            request_timeout=PATIENCE,
            proxy=False,
        )
        async with client:
            await client.subscribe(InstrumentParams())
            while SYMBOL not in client.instruments:
                await client.receive()
            await client.cancel_all()
            _compare(results, client, seconds)


def _compare(results: Results, client: KrakenWSClient, seconds: float) -> None:
    connection = client._trader.connection
    assert connection is not None
    socket = connection._socket
    assert socket is not None
    with _stopped_at_the_write(socket) as writes:
        bench = _Bench(client, socket, writes)
        for case, contenders in bench.cases().items():
            rounds = interleave(contenders, seconds=seconds)
            results.add("orders", case, UNIT, rounds)
        bench.forget()


@contextmanager
def _stopped_at_the_write(socket: ClientConnection) -> Iterator[list[int]]:
    """Record when `socket` would write, and write nothing."""
    transport, clocked = socket.transport, _ClockedTransport()
    socket.transport = clocked  # type: ignore[assignment]
    try:
        yield clocked.writes
    finally:
        socket.transport = transport


class _ClockedTransport:
    """A transport that only records the times of writes."""

    def __init__(self) -> None:
        self.writes: list[int] = []

    def write(self, _: bytes) -> None:
        self.writes.append(time.perf_counter_ns())

    def is_closing(self) -> bool:
        return False


class _Bench:
    """The contenders.

    Args:
        client: a client that has its token.
        socket: its socket for orders, which writes nothing.
        writes: the times at which it would have written.
    """

    def __init__(self, client: KrakenWSClient, socket: ClientConnection, writes: list[int]) -> None:
        self._client = client
        self._socket = socket
        self._writes = writes
        self._prices = [Decimal(640_000 + n).scaleb(-1) for n in range(CALLS)]
        self._ids = itertools.count(1)

    def cases(self) -> dict[str, dict[str, Contender]]:
        client = self._client
        amend = client.prepare_amend(order_id=ORDER_ID, symbol=SYMBOL)
        cancel = client.prepare_cancel(order_id=ORDER_ID)
        add = AddOrderParams(SYMBOL, "buy", "limit", "0.10", limit_price="64000.0")

        def amend_anew(price: Decimal) -> Coroutine[Any, Any, Any]:
            return client.amend_order(AmendOrderParams(ORDER_ID, limit_price=price, symbol=SYMBOL))

        def cancel_anew(_: Decimal) -> Coroutine[Any, Any, Any]:
            return client.cancel_order(CancelOrderParams(order_id=[ORDER_ID]))

        return {
            "amend": {
                "prepared": self._sent(lambda price: amend(limit_price=price)),
                "parameters and call": self._sent(amend_anew),
                **self._others(self._amend_dict),
            },
            "cancel": {
                "prepared": self._sent(lambda _: cancel()),
                "parameters and call": self._sent(cancel_anew),
                **self._others(self._cancel_dict),
            },
            "add": {
                "ready parameters": self._sent(lambda _: client.add_order(add)),
                **self._others(self._add_dict),
            },
        }

    def forget(self) -> None:
        """Drop the pending requests, which get no reply."""
        connection = self._client._trader.connection
        assert connection is not None
        connection.session.trading._out.clear()

    def _others(self, build: Callable[[Decimal], dict[str, Any]]) -> dict[str, Contender]:
        async def send(price: Decimal) -> None:
            await self._socket.send(orjson.dumps(build(price)), text=True)

        def only_encode() -> float:
            prices = self._prices
            start = time.perf_counter_ns()
            for price in prices:
                orjson.dumps(build(price))
            return (time.perf_counter_ns() - start) / len(prices)

        return {WEBSOCKETS: self._sent(send), DICT: only_encode}

    def _sent(self, call: Call) -> Contender:
        """Return a contender: the time from a call to its write."""
        clock, writes = time.perf_counter_ns, self._writes

        def measure() -> float:
            writes.clear()
            starts = []
            for price in self._prices:
                starts.append(clock())
                request = call(price)
                try:
                    request.send(None)
                except StopIteration:
                    continue
                request.close()
            self.forget()
            assert len(writes) == len(starts) == CALLS
            return (sum(writes) - sum(starts)) / CALLS

        return measure

    def _envelope(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {
            "method": method,
            "params": {**params, "token": "WW91ciBhdXRoZW50aWNhdGlvbiB0b2tlbiBnb2VzIGhlcmUu"},
            "req_id": next(self._ids),
        }

    def _amend_dict(self, price: Decimal) -> dict[str, Any]:
        params = {"order_id": ORDER_ID, "symbol": SYMBOL, "limit_price": float(price)}
        return self._envelope("amend_order", params)

    def _cancel_dict(self, _: Decimal) -> dict[str, Any]:
        return self._envelope("cancel_order", {"order_id": [ORDER_ID]})

    def _add_dict(self, price: Decimal) -> dict[str, Any]:
        params = {
            "symbol": SYMBOL,
            "side": "buy",
            "order_type": "limit",
            "order_qty": 0.1,
            "limit_price": float(price),
            "cl_ord_id": f"kc{next(self._ids):016x}",
        }
        return self._envelope("add_order", params)
