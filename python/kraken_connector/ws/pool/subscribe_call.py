"""One `subscribe` call, on one connection or several, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...exceptions import SubscriptionError
from ..envelopes import SubscriptionResult
from ..protocol.registry import PendingRequest, Sink, SubscribeCall, topics_of
from ..subscribe import SubscriptionParams
from .link import Link
from .outcome import outcome

__all__ = ["Call"]


class Call:
    """A `subscribe` call and its parts.

    Args:
        params: the whole of it.
        parts: what of it each connection is asked for.
        sink: gives where the messages of a connection go.
        stale_after: how many seconds its streams may be silent; `None` if it does not say.
    """

    def __init__(
        self,
        params: SubscriptionParams,
        parts: list[tuple[Link, SubscriptionParams]],
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> None:
        self._params = params
        self._parts = [(link, part, sink(link)) for link, part in parts]
        # A twin has calls of its own: what it misses its counterpart may have.
        self._wishes = SubscribeCall(params, stale_after), SubscribeCall(params, stale_after)
        self._asks: list[tuple[Link, PendingRequest]] = []

    def subscribe(self, now: float) -> None:
        """Ask for everything.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        for link, part, sink in self._parts:
            link.present(part)
            ask = link.session.subscribe(part, sink, now, self._wishes[link.is_twin])
            self._asks.append((link, ask))

    async def outcome(self) -> SubscriptionResult:
        """Wait until everything has an answer; see `outcome`."""
        try:
            result = await outcome(self._asks, topics_of(self._params))
        except SubscriptionError as error:
            self._keep(set(error.accepted))
            raise
        self._keep(set(self._params.symbols))
        return result

    def _keep(self, accepted: set[str]) -> None:
        """Want what one leg of a redundant feed accepted on both."""
        now = asyncio.get_running_loop().time()
        for link, part, sink in self._parts:
            symbols = [symbol for symbol in part.symbols if symbol in accepted]
            if link.arbiter is not None and part.channel == "book" and symbols:
                wanted = part.with_symbols(symbols)
                link.session.requests.keep(wanted, sink, now, self._wishes[link.is_twin])
                link.connection.attend()
