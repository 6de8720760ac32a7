"""The account as a client knows it: its orders and balances, without messages to take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .balances import Balances
from .envelopes import SubscriptionResult
from .link import Link
from .orders import Orders
from .subscribe import BalancesParams, ExecutionsParams, SubscriptionParams
from .subscribing import SubscribingMethods
from .subscriptions import Sink, Topic
from .waiting import now

__all__ = ["AccountMethods"]


class Nowhere:
    """Takes messages that only keep a state up to date."""

    is_shared = True

    def __init__(self) -> None:
        self.put: Callable[[Any], None] = self._ignore
        self.note: Callable[[Any], None] = self._ignore

    def _ignore(self, event: Any) -> None:
        """Do nothing."""


class AccountMethods(SubscribingMethods):
    """What `KrakenWSClient` knows about its account.

    Attributes:
        orders: the orders, by `order_id` or `cl_ord_id`.
        balances: what the account holds, by asset.
    """

    orders: Orders
    balances: Balances
    _nowhere: Nowhere

    async def track_orders(self) -> None:
        """Keep `orders` up to date, by subscribing to `executions` if nobody did.

        Its messages go nowhere else until you subscribe yourself. Such a subscription shares the
        stream and its parameters, as a connection has one: open orders, the last fills and the
        rate counter. It begins with a snapshot, as any.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._track(ExecutionsParams(snap_orders=True, snap_trades=True, ratecounter=True))

    async def track_balances(self) -> None:
        """Keep `balances` up to date, by subscribing to `balances` if nobody did.

        Raises:
            SubscriptionError, NotConnected, TokenAcquisitionError: and others, as in `subscribe`.
        """
        await self._track(BalancesParams(snapshot=True))

    async def _track(self, params: SubscriptionParams) -> None:
        self._check(params)
        topic = Topic(params.channel, None, "")
        if all(link.session.registry.get(topic) is None for link in self._pool):
            await super()._subscribe(params, lambda _: self._nowhere)

    async def _subscribe(
        self, params: SubscriptionParams, sink: Callable[[Link], Sink]
    ) -> SubscriptionResult:
        """Subscribe; to what is only tracked until then, with a snapshot all the same."""
        topic = Topic(params.channel, None, "")
        tracked = [
            link for link in self._pool if link.session.registry.sinks(topic) == [self._nowhere]
        ]
        result = await super()._subscribe(params, sink)
        for link in tracked:
            link.session.refresh(params.channel, now())
            link.connection.attend()
        return result
