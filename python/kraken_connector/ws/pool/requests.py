"""Subscribe and unsubscribe calls, each split over connections and with one result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...exceptions import SubscriptionError
from ...loop_time import now
from ..envelopes import SubscriptionResult
from ..protocol.registry import PendingRequest, Sink, SubscribeCall, Topic, topics_of
from ..subscribe import ChannelParams
from .link import Link

__all__ = ["SubscribeRequest", "result_of"]


class SubscribeRequest:
    """A `subscribe` request, divided between connections.

    Args:
        params: the whole request.
        parts: the part of it that each connection sends.
        sink: returns the destination of the messages that a connection receives.
        stale_after: seconds of silence until its streams are stale; `None` for the client's value.
    """

    def __init__(
        self,
        params: ChannelParams,
        parts: list[tuple[Link, ChannelParams]],
        sink: Callable[[Link], Sink],
        stale_after: float | None = None,
    ) -> None:
        self._params = params
        self._parts = [(link, part, sink(link)) for link, part in parts]
        # Twins share a call of their own, as they carry the same symbols again.
        self._calls = SubscribeCall(params, stale_after), SubscribeCall(params, stale_after)
        self._pending: list[tuple[Link, PendingRequest]] = []

    def send(self) -> None:
        """Send every part.

        Raises:
            SubscriptionError: a book is subscribed with another depth.
        """
        for link, part, sink in self._parts:
            link.expect(part)
            with link.connection.step() as session:
                pending = session.subscribe(part, sink, now(), self._calls[link.is_twin])
            self._pending.append((link, pending))

    async def result(self) -> SubscriptionResult:
        """Wait for the answers; see `result_of`."""
        try:
            result = await result_of(self._pending, topics_of(self._params))
        except SubscriptionError as error:
            self._keep(set(error.accepted))
            raise
        self._keep(set(self._params.symbols))
        return result

    def _keep(self, accepted: set[str]) -> None:
        """Keep books that one of two redundant connections accepted subscribed on both."""
        for link, part, sink in self._parts:
            symbols = [symbol for symbol in part.symbols if symbol in accepted]
            if link.merge is not None and part.channel == "book" and symbols:
                wanted = part.with_symbols(symbols)
                with link.connection.step() as session:
                    session.requests.hold(wanted, sink, now(), self._calls[link.is_twin])


async def result_of(
    parts: list[tuple[Link, PendingRequest]], topics: Iterable[Topic]
) -> SubscriptionResult:
    """Wait until a request that was sent in parts is answered.

    If the caller is cancelled, parts without an answer are abandoned. `topics` are the streams of
    the whole request, in order.

    Raises:
        SubscriptionError, RequestTimeout, ConnectionLost: as the parts ended.
    """
    answered = asyncio.Event()
    topics, pending = list(topics), [part for _, part in parts]
    for part in pending:
        part.on_done = answered.set
    try:
        while not (whole := PendingRequest.joined(topics, pending)).done or not _is_final(
            whole, pending
        ):
            await answered.wait()
            answered.clear()
    except asyncio.CancelledError as cancelled:
        for link, part in parts:
            if not part.done:
                with link.connection.step() as session:
                    session.abandon(part, cancelled, now())
        raise
    return whole.result()


def _is_final(whole: PendingRequest, parts: list[PendingRequest]) -> bool:
    """Return whether no further answer can change the result."""
    return whole.is_accepted or all(part.done for part in parts)
