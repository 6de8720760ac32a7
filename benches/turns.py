"""One message in each turn of an event loop. Runs in a worker.

The exchange's end of the socket is in the same process. The callback sends itself the next message
before it returns, so that the next turn finds one message waiting and none sleeps; this sending is
not part of the time.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from array import array
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any, Self

from benches import sender
from benches.receivers import CLIENTS, Job, run
from benches.taps import Tap

#: The share of turns that is not counted, at the beginning.
WARM_UP = 0.1


def measure(client: str, loop: str, *, tls: bool, stream: str, count: int) -> float:
    """Return the processor time of a turn of the loop with one message, ns: a median.

    It goes from the end of a callback to the beginning of the next: the end of a turn, the next
    `select`, the read, and all that the client does with a message.
    """
    port = _serve_here()
    job = Job(client=client, loop=loop, port=port, tls=tls, stream=stream, count=count)

    async def main() -> float:
        with Exchange(job) as exchange:
            tap = Turns(count, exchange.send_next)
            await CLIENTS[client](job, tap)
            return tap.measured["turn"]

    return run(main(), loop)


def _serve_here() -> int:
    """Let this process trust its own sender; return the sender's port."""
    address = sender.address()
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(address["authority"])
    os.environ["SSL_CERT_FILE"] = file.name
    port: int = address["port"]
    return port


class Exchange:
    """The other end of the socket: a thread answers the subscription and, at last, the close."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._subscribed = threading.Event()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(sender.PATIENCE)

    def _serve(self) -> None:
        with sender.Client(self._job.tls) as client:
            updates = client.subscribed(self._job.stream)
            self._send = client.socket.sendall
            self._updates = islice(cycle(updates), self._job.count - 1)
            self._subscribed.set()
            self._finished.wait(sender.PATIENCE)
            client.wait_for_end()

    def send_next(self) -> None:
        """Send one update; after the last one, answer the client's close."""
        self._subscribed.wait(sender.PATIENCE)
        update = next(self._updates, None)
        if update is None:
            self._finished.set()
        else:
            self._send(update)


class Turns(Tap):
    """Measures the processor time from the end of one callback to the beginning of the next.

    Args:
        count: messages in all.
        send_next: makes the next message come.
    """

    def __init__(self, count: int, send_next: Callable[[], None]) -> None:
        self._send_next = send_next
        super().__init__(count)

    def _receiver(self) -> Callable[[Any], None]:
        last, used, send_next = self._count - 1, time.process_time_ns, self._send_next
        times = array("q", bytes(8 * self._count))
        seen = before = 0

        def on_message(message: Any) -> None:
            nonlocal seen, before
            times[seen] = used() - before
            if seen == last:
                counted = times[max(1, int(WARM_UP * len(times))) :]
                self.finish(message, turn=statistics.median(counted))
            seen += 1
            send_next()
            before = used()

        return on_message
