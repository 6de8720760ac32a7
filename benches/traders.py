"""Strategies that amend an order at every update of a book. They run in workers.

Each callback reads the best bid and ask and sends an amend with the price of `price`. They end when
the last amend is answered, and compare their book with the right one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from benches import corpus
from benches.receivers import Job, run
from benches.targets import PICOWS_DICT

# ruff: noqa: PLC0415 (each process has only one of these libraries)

ALONE = "recv and send alone"
ORDER_ID = "OUF4EM-FRGI2-MQMWZD"
TOKEN = "WW91ciBhdXRoZW50aWNhdGlvbiB0b2tlbiBnb2VzIGhlcmUu"


def price(bid: float, ask: float) -> float:
    """Return the price of an amend: two spreads below the best bid, with one decimal."""
    return round(bid - 2 * (ask - bid), 1)


def request(limit_price: float) -> dict[str, Any]:
    """Return an amend as other clients send it."""
    params = {"order_id": ORDER_ID, "limit_price": limit_price, "token": TOKEN}
    return {"method": "amend_order", "params": params, "req_id": 1}


class Steps(Protocol):
    """Is told what a trader does."""

    def sent(self) -> None:
        """An amend was given to the socket; with this client perhaps not yet the first one."""

    def answered(self) -> None:
        """The trader has the answer to its last amend."""


def follow(**job: Any) -> None:
    """Amend at every update of a job."""
    todo = Job(**job)
    run(TRADERS[todo.client](todo, None), todo.loop)


async def our_trader(job: Job, steps: Steps | None) -> None:
    """`KrakenWSClient` with a plain function, which sends a prepared amend."""
    from benches import ours

    from kraken_connector.http import WebSocketToken
    from kraken_connector.ws import TokenManager

    class Source:
        async def get_websockets_token(self) -> WebSocketToken:
            return WebSocketToken(TOKEN, 900)

    replies: asyncio.Queue[Any] = asyncio.Queue()
    async with ours.client(job.url, job.client, token_manager=TokenManager(Source())) as client:
        symbol = job.book.symbol
        amend = client.prepare_amend(order_id=ORDER_ID, symbol=symbol)

        def on_book(message: Any) -> None:
            if message.type == "update":
                bid, _, ask, _ = client.book(symbol).top_of_book()
                reply = amend.send(limit_price=price(bid, ask))
                reply.add_done_callback(replies.put_nowait)
                if steps is not None:
                    steps.sent()

        await client.subscribe(ours.book_params(job.book), callback=on_book)
        for _ in range(job.count - 1):
            assert (await replies.get()).result().success
            if steps is not None:
                steps.answered()
        ours.check(client, job.count)
        book = client.book(symbol)
        corpus.check_book(job.stream, job.count, book.bids, book.asks)


async def picows_trader(job: Job, steps: Steps | None) -> None:
    """picows, `orjson` and a dict of levels a side; the amend is sent within the callback."""
    import orjson
    from benches.picows_clients import BookKeeper, connect, disconnect
    from picows import WSMsgType, WSTransport

    done = asyncio.get_running_loop().create_future()
    amend = request(0.0)
    params = amend["params"]

    class Trader(BookKeeper):
        answered = 0

        def on_update(self, transport: WSTransport) -> None:
            params["limit_price"] = price(max(self.book.bids), min(self.book.asks))
            transport.send(WSMsgType.TEXT, orjson.dumps(amend))
            if steps is not None:
                steps.sent()

        def on_reply(self, reply: Any) -> None:
            if reply["method"] == "amend_order":
                assert reply["success"]
                self.answered += 1
                if steps is not None:
                    steps.answered()
                if self.answered == job.count - 1:
                    done.set_result(None)

    trader = Trader(job)
    transport = await connect(job, lambda: trader)
    await done
    await disconnect(transport)
    corpus.check_book(job.stream, job.count, trader.book.bids.items(), trader.book.asks.items())


async def alone(job: Job, _: Steps | None) -> None:
    """Only receive and send, on a blocking socket."""
    from benches import blocking
    from benches.trade_rows import expected_prices

    blocking.trade(job, [json.dumps(request(float(text))).encode() for text in expected_prices()])


TRADERS: dict[str, Callable[[Job, Steps | None], Awaitable[None]]] = {
    "callback": our_trader,
    "callback, OpenSSL": our_trader,
    "callback, thread": our_trader,
    PICOWS_DICT: picows_trader,
    ALONE: alone,
}
