"""Which subscription a message belongs to: from channel and symbol to where it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._backend import WSDataMessage
from .registry import Registry, Sink

__all__ = ["Handler", "Routes"]

Handler = Callable[[Any], None]


class Routes(dict[str, Handler]):
    """What takes a channel's messages, by channel.

    A channel whose subscriptions all go to one place leads there directly. A message's symbol is
    looked at where they differ, and where a callback could get what its subscription is not about.
    """

    def rebuild(self, registry: Registry, default: Sink) -> None:
        """Work out the routes anew; other entries of this dict stay."""
        tables: dict[str, dict[Any, list[Sink]]] = {}
        for topic, sink in registry.sinks_by_topic():
            place = (topic.symbol, topic.identity) if topic.channel == "ohlc" else topic.symbol
            sinks = tables.setdefault(topic.channel, {}).setdefault(place, [])
            if sink not in sinks:
                sinks.append(sink)
        for channel in self.keys() - tables.keys():
            del self[channel]
        for channel, table in tables.items():
            alone = channel not in registry.strays
            self[channel] = _direct(table, alone) or _route(channel, table, default)


def _direct(table: dict[Any, list[Sink]], alone: bool) -> Handler | None:
    """Return the only place, if all there is goes there, strays included."""
    first, *_ = next(iter(table.values()))
    if not (alone or first.is_shared) or any(sinks != [first] for sinks in table.values()):
        return None
    return first.put


def _route(channel: str, table: dict[Any, list[Sink]], default: Sink) -> Handler:
    if channel == "ohlc":
        return _by_interval(table, default)
    if "" in table:
        # A channel that is not asked for by symbol; its items may have one all the same.
        return _to_all(table[""])
    takers = {symbol: _to_all(sinks) for symbol, sinks in table.items()}
    otherwise = default.put

    def by_symbol(message: WSDataMessage) -> None:
        takers.get(message.symbol, otherwise)(message)

    return by_symbol


def _by_interval(table: dict[Any, list[Sink]], default: Sink) -> Handler:
    """Tell candles of one pair and several lengths apart, by their content."""
    takers = {place: _to_all(sinks) for place, sinks in table.items()}

    def by_interval(message: WSDataMessage) -> None:
        interval = getattr(message.data[0], "interval", None) if message.data else None
        takers.get((message.symbol, interval), default.put)(message)

    return by_interval


def _to_all(sinks: list[Sink]) -> Handler:
    if len(sinks) == 1:
        return sinks[0].put
    takers = [sink.put for sink in sinks]

    def to_all(message: WSDataMessage) -> None:
        for take in takers:
            take(message)

    return to_all
