"""A session without a socket: a test gives it frames and time, and reads its output."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from kraken_connector.exceptions import ConnectionLost
from kraken_connector.models import GapEvent
from kraken_connector.ws.base.options import SessionOptions
from kraken_connector.ws.protocol.registry import PendingRequest
from kraken_connector.ws.protocol.session import Session

URL = "ws://exchange.test/v2"
TIMES = {"time_in": "2026-09-25T17:48:24.745996Z", "time_out": "2026-09-25T17:48:24.746032Z"}
SECOND = 1_000_000_000
#: Arguments of `Session` besides its options.
PARTS = {"exchange", "followers", "gate", "has_token_source", "observers", "orders"}


class RecordingSink:
    """A sink and outlet that records what it gets."""

    def __init__(self, *, is_shared: bool = False) -> None:
        self.is_shared = is_shared
        self.data: list[Any] = []
        self.events: list[Any] = []
        self.replies: list[Any] = []
        self.gaps: list[GapEvent] = []
        self.put = self.data.append
        self.put_all: Callable[[list[Any]], None] | None = None
        self.put_event = self.events.append
        self.reply = self.replies.append
        self.gap = self.gaps.append
        self.settled = 0

    def settle(self) -> None:
        self.settled += 1


class Bench:
    """One session with its clock; `now` moves only when a test moves it.

    Args:
        options: arguments of `Session`, and of its `SessionOptions`.
    """

    def __init__(self, **options: Any) -> None:
        self.outlet = RecordingSink()
        self.now = 1000.0
        self.wall_offset = 0.0
        parts = {name: options.pop(name) for name in PARTS & options.keys()}
        self.session = Session(URL, self.outlet, SessionOptions(**options), **parts)

    def open(self) -> Bench:
        """Open a socket; the ping that a session begins with is answered at once."""
        self.session.connection_made(self.now)
        ping = json.loads(self.session.outgoing.popleft())
        self.say({"channel": "heartbeat"}, {**ping, "method": "pong"})
        return self

    def lose(self, reason: str = "reset", cause: str = "disconnect") -> None:
        self.session.connection_lost(ConnectionLost(URL, reason), int(self.now * SECOND), cause)

    def reconnect(self) -> None:
        """Lose the socket and open the next one."""
        self.lose()
        self.open()

    def say(self, *messages: dict[str, Any] | str) -> None:
        """Receive messages of the exchange."""
        for message in messages:
            frame = message if isinstance(message, str) else json.dumps(message)
            self.session.receive(frame.encode(), int(self.now * SECOND), self.now)

    def sent(self) -> list[dict[str, Any]]:
        """Remove and return the requests that the session wants to send."""
        frames = [json.loads(frame) for frame in self.session.outgoing]
        self.session.outgoing.clear()
        return frames

    def wait(self, seconds: float) -> None:
        """Let time pass, ticking whenever the session wants to."""
        end = self.now + seconds
        while (due := self.session.deadline(self.now)) <= end:
            self.now = max(due, self.now)
            self.check_pause()
            self.session.tick(self.now)
            if self.session.failure is not None:
                return
        self.now = end

    def check_pause(self) -> None:
        """Show the session that the process is running."""
        self.session.check_pause(self.now, int((self.now + self.wall_offset) * SECOND))

    def subscribe(self, params: Any, sink: RecordingSink | None = None) -> PendingRequest:
        return self.session.subscribe(params, sink or self.outlet, self.now)

    def subscribed(self, params: Any, sink: RecordingSink | None = None) -> PendingRequest:
        """Subscribe and let the exchange accept everything."""
        pending = self.subscribe(params, sink)
        self.accept_all()
        return pending

    def accept_all(self) -> list[dict[str, Any]]:
        """Accept every request that was sent, and return them."""
        requests = self.sent()
        for request in requests:
            self.say(*acks(request))
        return requests

    def accept_resync(self) -> list[str]:
        """Accept the two requests of a resync, one after the other, and return their methods."""
        return [request["method"] for _ in range(2) for request in self.accept_all()]


def states(bench: Bench) -> dict[str, str]:
    """State of every subscribed topic by its name."""
    return {entry.topic.name: entry.state for entry in bench.session.registry}


def acks(request: dict[str, Any], symbols: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return the acks of a request, one for each symbol."""
    params = {key: value for key, value in request["params"].items() if key != "token"}
    named = params.pop("symbol", None)
    envelope = {"method": request["method"], "req_id": request["req_id"], "success": True, **TIMES}
    if named is None:
        return [{**envelope, "result": params}]
    wanted = named if symbols is None else symbols
    return [{**envelope, "result": {**params, "symbol": symbol}} for symbol in wanted]


def refusal(request: dict[str, Any], error: str, symbol: str | None = None) -> dict[str, Any]:
    """Return the refusal of one symbol of a request, or of all of it."""
    answer = {
        "method": request["method"],
        "req_id": request["req_id"],
        "success": False,
        "error": error,
        **TIMES,
    }
    return answer if symbol is None else {**answer, "symbol": symbol}


def book(symbol: str, kind: str = "snapshot", qty: str = "1.00", *, wrong: bool = False) -> str:
    """Return a book message of one level a side whose checksum is right, unless `wrong`."""
    digits = qty.replace(".", "").lstrip("0")
    checksum = zlib.crc32(f"1010{digits}1000{digits}".encode()) ^ wrong
    sides = f'"bids":[{{"price":100.0,"qty":{qty}}}],"asks":[{{"price":101.0,"qty":{qty}}}]'
    return (
        f'{{"channel":"book","type":"{kind}","data":'
        f'[{{"symbol":"{symbol}",{sides},"checksum":{checksum}}}]}}'
    )


def executions(sequence: int, kind: str = "update") -> dict[str, Any]:
    """Return a message of channel `executions` without reports."""
    return {"channel": "executions", "type": kind, "data": [], "sequence": sequence}


def trade(symbol: str, price: float = 1.0) -> dict[str, Any]:
    """Return a message of channel `trade`."""
    item = {
        "symbol": symbol,
        "side": "buy",
        "qty": 1.0,
        "price": price,
        "ord_type": "limit",
        "trade_id": 1,
        "timestamp": TIMES["time_in"],
    }
    return {"channel": "trade", "type": "update", "data": [item]}


def status(system: str = "online", connection_id: int | None = 2**63 + 1) -> dict[str, Any]:
    """Return a message of channel `status`."""
    item = {"system": system, "api_version": "v2", "version": "2.0.10"}
    if connection_id is not None:
        item["connection_id"] = connection_id
    return {"channel": "status", "type": "update", "data": [item]}
