"""A recorded file of frames as a live feed."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from .observe import Journal
from .recordings import open_recording
from .requests import UNSUPPORTED_PAIR, Refused
from .subscription import Subscription

Recording: TypeAlias = str | Path | Iterable[bytes | str]
"""A file with one frame a line, which gzip or Zstandard may compress, or the frames."""

Source: TypeAlias = tuple[str, str | None]
"""Channel and symbol."""


_BY_SYMBOL = frozenset({"ticker", "book", "trade", "ohlc", "level3"})
"""The channels that are subscribed symbol by symbol."""
_PRICES = {"book": "price", "level3": "limit_price"}
"""The field of a row's price, by channel."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One channel message of a recording.

    Attributes:
        position: index of its line in the recording.
        seconds: the exchange's time of the message, if it carries one.
        levels: levels of the longer side, of book and level3 snapshots.
    """

    position: int
    payload: bytes
    source: Source
    type: str
    seconds: float | None
    levels: int


def read_recording(recording: Recording) -> list[RecordedFrame]:
    """Return the channel messages of a recording; answers, heartbeats and status are left out.

    Raises:
        OSError: the file cannot be read or decompressed.
        ValueError: a line is not a JSON object, or not a message of the exchange.
    """
    lines: Iterable[bytes | str]
    if isinstance(recording, str | Path):
        with Path(recording).open("rb") as file, open_recording(file) as plain:
            lines = plain.read().splitlines()
    else:
        lines = recording
    frames = (_read(position, line) for position, line in enumerate(lines) if line.strip())
    return [frame for frame in frames if frame is not None]


def _read(position: int, line: bytes | str) -> RecordedFrame | None:
    payload = line.encode() if isinstance(line, str) else line
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"line {position + 1} of the recording is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ValueError(f"line {position + 1} of the recording is not a message")
    try:
        return _frame(position, payload, message)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"line {position + 1} of the recording is not a message: {error}"
        ) from error


def _frame(position: int, payload: bytes, message: Mapping[str, Any]) -> RecordedFrame | None:
    channel, data = message.get("channel"), message.get("data")
    if channel in (None, "status", "heartbeat") or "method" in message:
        return None
    if data is None or (not data and channel in _BY_SYMBOL):
        return None
    item = data[0] if isinstance(data, list) and data else {}
    return RecordedFrame(
        position,
        payload,
        (channel, item.get("symbol") if channel in _BY_SYMBOL else None),
        message.get("type", "update"),
        _seconds(message.get("timestamp") or item.get("timestamp")),
        _levels(message, item),
    )


def _levels(message: Mapping[str, Any], item: Mapping[str, Any]) -> int:
    price = _PRICES.get(str(message.get("channel")))
    if price is None or message.get("type") != "snapshot":
        return 0
    return max(len({row.get(price) for row in item.get(side, ())}) for side in ("bids", "asks"))


def _seconds(text: str | None) -> float | None:
    """Return when a frame was sent, to the microsecond."""
    if text is None:
        return None
    return datetime.fromisoformat(text.rstrip("Z")[:26] + "+00:00").timestamp()


@dataclass(order=True, slots=True)
class Due:
    """The next frame of a subscription.

    Attributes:
        at: event loop time at which it is due.
        position: index of its line in the recording; orders frames that are due together.
        index: which of the subscription's frames it is.
    """

    at: float
    position: int
    index: int = field(compare=False)
    subscription: Subscription = field(compare=False)


class ReplayFeed:
    """Sends each subscription its recorded frames, from the first one on.

    Subscriptions made together keep the order in which their frames were recorded.

    Args:
        recording: the frames.
        speed: 1 is the recorded pace, 10 ten times that, `math.inf` as fast as the client reads.
        loop: whether to start over at the end; the first book frame should be a snapshot then.
        journal: gets `replay_finished` when a subscription got its last frame.
    """

    def __init__(self, recording: Recording, *, speed: float, loop: bool, journal: Journal) -> None:
        if not speed > 0:
            raise ValueError("speed must be greater than 0")
        self._speed = speed
        self._loop = loop
        self._journal = journal
        self._now: float | None = None
        self._due: list[Due] = []
        self._news = asyncio.Event()
        self._frames: dict[Source, list[RecordedFrame]] = {}
        for frame in read_recording(recording):
            self._frames.setdefault(frame.source, []).append(frame)

    @property
    def symbols(self) -> list[str]:
        """The recorded symbols, in the order of their first frames."""
        return list(dict.fromkeys(symbol for _, symbol in self._frames if symbol is not None))

    def check(self, subscription: Subscription) -> None:
        channel, symbol = subscription.channel, subscription.symbol
        frames = self._frames.get((channel, symbol))
        if frames is None:
            raise Refused(UNSUPPORTED_PAIR.format(symbol or channel), symbol=symbol)
        if channel in _PRICES and int(subscription.option or 0) < max(
            frame.levels for frame in frames
        ):
            raise Refused("Subscription depth not supported", symbol=symbol)

    def start(self, subscription: Subscription) -> None:
        self._schedule(subscription, 0, self._start_time())
        self._news.set()

    def _start_time(self) -> float:
        """Return the current time, the same for all subscriptions of one read from the socket.

        At infinite speed all frames are due at 0, and the recorded order decides.
        """
        if self._speed == math.inf:
            return 0.0
        loop = asyncio.get_running_loop()
        if self._now is None:
            self._now = loop.time()
            loop.call_soon(self._forget_now)
        return self._now

    def _forget_now(self) -> None:
        self._now = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            wait = self._due[0].at - loop.time() if self._due else None
            if wait is None or wait > 0:
                await self._wait_for_news(wait)
            else:
                await self._play(heapq.heappop(self._due))

    async def _wait_for_news(self, seconds: float | None) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _play(self, due: Due) -> None:
        subscription = due.subscription
        await subscription.writer.writable()
        if not subscription.is_active:
            return
        frame = self._of(subscription)[due.index]
        subscription.send(frame.payload, "snapshot" if frame.type == "snapshot" else "update")
        self._schedule(subscription, due.index + 1, due.at)
        await asyncio.sleep(0)

    def _schedule(self, subscription: Subscription, index: int, now: float) -> None:
        frames = self._of(subscription)
        if index == len(frames) and not self._loop:
            self._journal.add(
                "replay_finished", subscription.name, connection=subscription.writer.number
            )
            return
        index %= len(frames)
        frame = frames[index]
        at = now + self._pause(frames, index)
        heapq.heappush(self._due, Due(at, frame.position, index, subscription))

    def _pause(self, frames: list[RecordedFrame], index: int) -> float:
        now, before = frames[index].seconds, frames[index - 1].seconds if index else None
        if now is None or before is None:
            return 0.0
        return max(0.0, now - before) / self._speed

    def _of(self, subscription: Subscription) -> list[RecordedFrame]:
        return self._frames[(subscription.channel, subscription.symbol)]
