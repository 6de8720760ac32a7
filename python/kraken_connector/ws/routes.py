"""Which subscription a message belongs to: from channel and symbol to where it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._backend import WSDataMessage
from .subscriptions import Registry, Sink

__all__ = ["Routes", "Take"]

Take = Callable[[Any], None]


class Routes(dict[str, Take]):
    """What takes a channel's messages, by channel.

    A channel whose subscriptions all go to one place leads there directly; only where they
    differ is a message's symbol looked at.
    """

    def rebuild(self, registry: Registry, default: Sink) -> None:
        """Work out the routes anew; other entries of this dict stay."""
        tables: dict[str, dict[Any, list[Sink]]] = {}
        for subscription in registry:
            topic = subscription.topic
            place = (topic.symbol, topic.identity) if topic.channel == "ohlc" else topic.symbol
            sinks = tables.setdefault(topic.channel, {}).setdefault(place, [])
            sinks.extend(sink for sink in registry.sinks(topic) if sink not in sinks)
        for channel in self.keys() - tables.keys():
            del self[channel]
        for channel, table in tables.items():
            self[channel] = _route(channel, table, default)


def _route(channel: str, table: dict[Any, list[Sink]], default: Sink) -> Take:
    places = list(table.values())
    if all(len(sinks) == 1 and sinks[0] is places[0][0] for sinks in places):
        return places[0][0].put
    takers = {place: tuple(sink.put for sink in sinks) for place, sinks in table.items()}
    fallback = (default.put,)

    def by_symbol(message: WSDataMessage) -> None:
        for take in takers.get(message.symbol, fallback):
            take(message)

    def by_interval(message: WSDataMessage) -> None:
        # Only candles of one pair and several lengths need their content to be told apart.
        interval = message.data[0].interval if message.data else None
        for take in takers.get((message.symbol, interval), fallback):
            take(message)

    return by_interval if channel == "ohlc" else by_symbol
