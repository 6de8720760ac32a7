"""The gaps of one connection: times in which messages were missed, and their records.

Gaps of a full queue come from `delivery/queues.py`, those of a merge from `merge.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ...models import GapEvent
from .registry import Registry

__all__ = ["Gaps"]


class Gaps:
    """Keeps the gap of a lost socket until everything is subscribed again; reports all others.

    Args:
        name: the name of the connection in the records.
        registry: the subscriptions.
        on_gap: called with each record.

    Attributes:
        epoch: number of sockets so far.
    """

    def __init__(self, name: str, registry: Registry, on_gap: Callable[[GapEvent], None]) -> None:
        self.epoch = 0
        self._name = name
        self._registry = registry
        self._on_gap = on_gap
        self._open: GapEvent | None = None
        self._is_reported = False

    @property
    def is_open(self) -> bool:
        """Whether streams of a lost socket are missing."""
        return self._open is not None

    def begin(self, cause: str, since_ns: int, without: Collection[str]) -> None:
        """Begin the gap of a lost socket.

        Args:
            cause: why it was lost.
            since_ns: when its last message came.
            without: channels whose gaps are recorded elsewhere.
        """
        channels, symbols = self._streams(without)
        epoch = self.epoch
        if self._open is not None:
            # The socket was lost again before everything was back: extend the open gap.
            cause, since_ns, epoch = self._open.cause, self._open.start_ns, self._open.epoch
            channels |= set(self._open.channels)
            symbols |= set(self._open.symbols)
        if channels:
            self._is_reported = False
            self._open = self._record(cause, since_ns, None, channels, symbols, epoch=epoch)

    def split_off(self, channel: str) -> int | None:
        """Remove a channel from the open gap, as its stream gets its own record.

        Returns:
            When the gap began, nanoseconds since the epoch; `None` if the channel is not in it.
        """
        gap = self._open
        if gap is None or channel not in gap.channels:
            return None
        channels = [other for other in gap.channels if other != channel]
        self._open = gap.__replace__(channels=channels) if channels else None
        return gap.start_ns

    def end(self, end_ns: int) -> None:
        """Report the open gap with its end: everything is subscribed again."""
        if self._open is not None:
            gap, self._open = self._open, None
            self._on_gap(gap.__replace__(end_ns=end_ns))

    def give_up(self) -> None:
        """Report the open gap without an end: the client has stopped reconnecting.

        If the user connects again, it is reported a second time, with its end.
        """
        if self._open is not None and not self._is_reported:
            self._is_reported = True
            self._on_gap(self._open)

    def forget(self) -> None:
        """Forget the open gap: everything was unsubscribed."""
        self._open = None

    def pause(self, since_ns: int, until_ns: int) -> None:
        """Report a time in which nothing was read."""
        channels, symbols = self._streams()
        if channels:
            self._on_gap(self._record("pause", since_ns, until_ns, channels, symbols))

    def unreadable(self, channel: str | None, at_ns: int) -> None:
        """Report a frame that could not be parsed."""
        channels = {channel} if channel else set()
        self._on_gap(self._record("unreadable", at_ns, at_ns, channels, set(), dropped=1))

    def resynced(
        self, channel: str, symbol: str, cause: str, since_ns: int, end_ns: int | None
    ) -> None:
        """Report the gap of a resync; without `end_ns` the stream did not come back."""
        symbols = {symbol} if symbol else set()
        self._on_gap(self._record(cause, since_ns, end_ns, {channel}, symbols))

    def _streams(self, without: Collection[str] = ()) -> tuple[set[str], set[str]]:
        """Return the channels and symbols of all subscriptions that were ever confirmed."""
        confirmed = [entry.topic for entry in self._registry if entry.ack is not None]
        confirmed = [topic for topic in confirmed if topic.channel not in without]
        return {topic.channel for topic in confirmed}, {
            topic.symbol for topic in confirmed if topic.symbol
        }

    def _record(
        self,
        cause: str,
        start_ns: int,
        end_ns: int | None,
        channels: set[str],
        symbols: set[str],
        *,
        dropped: int = 0,
        epoch: int | None = None,
    ) -> GapEvent:
        return GapEvent(
            cause,
            start_ns,
            end_ns,
            sorted(channels),
            sorted(symbols),
            self._name,
            dropped,
            self.epoch if epoch is None else epoch,
        )
