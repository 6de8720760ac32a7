"""One message, or one trade, in each turn of an event loop. Runs in a worker.

The exchange's end of the socket is in the same process, and sends the next message from within the
callback, so that the next turn finds one message waiting and none sleeps. This sending is not part
of the time.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import cycle, islice
from typing import Any, Self

from benches import sender
from benches.receivers import CLIENTS, Job, run
from benches.taps import Tap
from benches.traders import TRADERS, Steps

#: The share of turns that is not counted, at the beginning.
WARM_UP = 0.1


def receive(client: str, loop: str, *, tls: bool, stream: str, count: int) -> float:
    """Return the processor time of a turn of the loop with one message, ns: a median.

    It goes from the end of a callback to the beginning of the next: the end of a turn, the next
    `select`, the read, and all that the client does with a message.
    """
    job = _job(client, loop, tls=tls, stream=stream, count=count)

    async def main() -> float:
        with Exchange(job) as exchange:
            clock = Clock()

            def on_message() -> None:
                clock.stop()
                exchange.send_next()
                clock.start()

            await CLIENTS[client](job, Passing(count, on_message))
        return clock.median(count)

    return run(main(), loop)


def trade(
    client: str, loop: str, *, tls: bool, stream: str, count: int, prices: list[str]
) -> float:
    """Return the processor time from a waiting update until its amend is written, ns: a median.

    The next update comes when the client has handled the answer to the amend.

    Args:
        client: the trader.
        loop: the event loop.
        tls: whether the connection has TLS.
        stream: the book.
        count: updates, and the snapshot.
        prices: the price of the amend that each update of the endless stream leads to.
    """
    job = _job(client, loop, tls=tls, stream=stream, count=count)

    async def main() -> float:
        with Exchange(job, ahead=1) as exchange:
            steps = TimedSteps(exchange)
            await TRADERS[client](job, steps)
        expected = list(islice(cycle(prices), count - 1))
        assert steps.prices == list(map(Decimal, expected)), "an amend had another price"
        return steps.clock.median(count - 1)

    return run(main(), loop)


def _job(client: str, loop: str, *, tls: bool, stream: str, count: int) -> Job:
    port = _serve_here()
    return Job(client=client, loop=loop, port=port, tls=tls, stream=stream, count=count)


def _serve_here() -> int:
    """Let this process trust its own sender; return the sender's port."""
    address = sender.address()
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(address["authority"])
    os.environ["SSL_CERT_FILE"] = file.name
    port: int = address["port"]
    return port


class Exchange:
    """The other end of the socket: a thread answers the subscription and, at last, the close.

    Args:
        job: what the client does.
        ahead: updates to send at once, after the snapshot.
    """

    def __init__(self, job: Job, ahead: int = 0) -> None:
        self._job = job
        self._ahead = ahead
        self._subscribed = threading.Event()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()
        self._thread.join(sender.PATIENCE)

    def _serve(self) -> None:
        with sender.Client(self._job.tls) as self._client:
            updates = self._client.subscribed(self._job.stream)
            self._updates = islice(cycle(updates), self._job.count - 1)
            for update in islice(self._updates, self._ahead):
                self._client.socket.sendall(update)
            self._subscribed.set()
            self._finished.wait(sender.PATIENCE)
            self._client.wait_for_end()

    def send_next(self) -> None:
        """Send one update; after the last one, answer the client's close."""
        self._subscribed.wait(sender.PATIENCE)
        update = next(self._updates, None)
        if update is None:
            self._finished.set()
        else:
            self._client.socket.sendall(update)

    def has_amend(self) -> bool:
        """Return whether there is something to receive."""
        self._subscribed.wait(sender.PATIENCE)
        return self._client.is_readable()

    def answer_amend(self) -> Decimal:
        """Receive an amend and confirm it; return its price."""
        amend = self._client.receive_amend()
        self._client.confirm(amend)
        return sender.price_of(amend)


class Clock:
    """Measures the processor time that the process uses between `start` and `stop`."""

    def __init__(self) -> None:
        self._times: list[int] = []
        self._started = 0

    def start(self) -> None:
        self._started = time.process_time_ns()

    def stop(self) -> None:
        self._times.append(time.process_time_ns() - self._started)

    def median(self, count: int) -> float:
        """Return the median of `count` times but the first ones, ns."""
        assert len(self._times) == count
        return statistics.median(self._times[max(1, int(WARM_UP * count)) :])


class TimedSteps(Steps):
    """Measures from a waiting update until its amend is written.

    Args:
        exchange: the other end, which has sent the first update.

    Attributes:
        clock: has the times.
        prices: of the amends so far.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.clock = Clock()
        self.prices: list[Decimal] = []
        self._exchange = exchange

    def sent(self) -> None:
        if self._exchange.has_amend():
            self.clock.stop()
            self.prices.append(self._exchange.answer_amend())
        else:  # the first one waits for a token
            asyncio.get_running_loop().call_soon(self.sent)

    def answered(self) -> None:
        self._exchange.send_next()
        self.clock.start()


class Passing(Tap):
    """Calls a function at every message.

    Args:
        count: messages in all.
        then: the function.
    """

    def __init__(self, count: int, then: Callable[[], None]) -> None:
        self._then = then
        super().__init__(count)

    def _receiver(self) -> Callable[[Any], None]:
        last, then = self._count - 1, self._then
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            then()
            if seen == last:
                self.finish(message)
            seen += 1

        return on_message
