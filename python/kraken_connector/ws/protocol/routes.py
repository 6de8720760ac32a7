"""Routes messages to the sinks of their subscriptions, by channel and symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._backend import WSDataMessage
from .registry import Registry, Sink

__all__ = ["Handler", "Routes", "RunHandler"]

Handler = Callable[[Any], None]
RunHandler = Callable[[list[Any]], None]


class Routes(dict[str, Handler]):
    """The handler of each channel's messages.

    If all subscriptions of a channel have the same sink, its messages go there directly. A symbol
    is read from a message only if sinks differ, or if a callback could get unregistered symbols.
    """

    def __init__(self) -> None:
        super().__init__()
        #: The only sinks of channels.
        self._direct: dict[str, Sink] = {}

    def rebuild(self, registry: Registry, default: Sink) -> None:
        """Build the handlers of all subscribed channels."""
        tables: dict[str, dict[Any, list[Sink]]] = {}
        for topic, sink in registry.sinks_by_topic():
            key = (topic.symbol, topic.identity) if topic.channel == "ohlc" else topic.symbol
            sinks = tables.setdefault(topic.channel, {}).setdefault(key, [])
            if sink not in sinks:
                sinks.append(sink)
        for channel in self.keys() - tables.keys():
            del self[channel]
        self._direct.clear()
        for channel, table in tables.items():
            if (only := _only_sink(table, channel in registry.strays)) is not None:
                self._direct[channel] = only
                self[channel] = only.put
            else:
                self[channel] = _route(channel, table, default)

    def of_runs(self) -> dict[str, RunHandler]:
        """Return the handlers of messages that follow each other on a channel.

        Only channels have one whose messages still go directly to one sink.
        """
        return {
            channel: sink.put_all
            for channel, sink in self._direct.items()
            if sink.put_all is not None and self[channel] is sink.put
        }


def _only_sink(table: dict[Any, list[Sink]], has_strays: bool) -> Sink | None:
    """Return the only sink, if all messages may go there, unregistered symbols included."""
    first, *_ = next(iter(table.values()))
    if (has_strays and not first.is_shared) or any(sinks != [first] for sinks in table.values()):
        return None
    return first


def _route(channel: str, table: dict[Any, list[Sink]], default: Sink) -> Handler:
    if channel == "ohlc":
        return _by_interval(table, default)
    if "" in table:
        # The channel is subscribed without symbols, even if its items have one.
        return _to_all(table[""])
    handlers = {symbol: _to_all(sinks) for symbol, sinks in table.items()}
    otherwise = default.put

    def by_symbol(message: WSDataMessage) -> None:
        handlers.get(message.symbol, otherwise)(message)

    return by_symbol


def _by_interval(table: dict[Any, list[Sink]], default: Sink) -> Handler:
    """Route candles by symbol and interval, which is read from the first item."""
    handlers = {key: _to_all(sinks) for key, sinks in table.items()}

    def by_interval(message: WSDataMessage) -> None:
        interval = getattr(message.data[0], "interval", None) if message.data else None
        handlers.get((message.symbol, interval), default.put)(message)

    return by_interval


def _to_all(sinks: list[Sink]) -> Handler:
    if len(sinks) == 1:
        return sinks[0].put
    handlers = [sink.put for sink in sinks]

    def to_all(message: WSDataMessage) -> None:
        for handler in handlers:
            handler(message)

    return to_all
