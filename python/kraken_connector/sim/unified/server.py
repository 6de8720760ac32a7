"""The simulated unified WebSocket: one host with two paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..encode import encode
from ..hosts import Host
from ..pairs import Pair
from ..server import SimulatedExchange
from ..session import Session
from ..subscription import Subscription
from ..trading.cancel_timer import CancelTimer
from ..writer import Writer
from . import requests
from .account import UnifiedAccount
from .markets import DERIVATIVES, instruments
from .methods import UnifiedMethods
from .orders import Completion
from .session import UnifiedSession


class SimulatedUnified(SimulatedExchange):
    """Serves the unified WebSocket and the REST token call until the `async with` block ends.

    Faults, tokens, markets and recordings are those of `SimulatedExchange`; the account is
    `unified`.

    Args:
        symbols: the listed markets, `Pair` objects or spot symbols; by default three derivatives.
        completion: how the last fill of a derivatives order is reported: `separate` by a `filled`
            report, `in trade` by the status of its `trade` report.
        permission: whether the account may trade futures: `enabled`, `reduce_only` or `disabled`.
        most_positions: the most positions that fit into a snapshot.
        port: TCP port; 0 takes a free one.
        host: loopback address to listen on.
        seed: random seed.
        options: further arguments of `SimulatedExchange`.
    """

    def __init__(
        self,
        *,
        symbols: Iterable[str | Pair] | None = None,
        completion: Completion = "separate",
        permission: str = "enabled",
        most_positions: int = 1000,
        port: int = 0,
        host: str = "127.0.0.1",
        seed: int = 7,
        **options: Any,
    ) -> None:
        listed = DERIVATIVES.values() if symbols is None else symbols
        super().__init__(symbols=listed, port=port, host=host, seed=seed, **options)
        paths = frozenset({requests.PUBLIC, requests.PRIVATE})
        self.hosts = [Host("all", port, host, self.ssl, paths=paths)]
        self.unified = UnifiedAccount(
            self.registry,
            self.clock,
            seed=seed,
            completion=completion,
            permission=permission,
            most_positions=most_positions,
        )
        self._methods = UnifiedMethods(
            self.unified,
            self.markets,
            CancelTimer(self.schedule, self._cancel_everything),
            self.clock,
        )

    @property
    def public_url(self) -> str:
        """The URL of the public channels."""
        return self._endpoint(requests.PUBLIC)

    @property
    def private_url(self) -> str:
        """The URL of the private channels and of orders."""
        return self._endpoint(requests.PRIVATE)

    def _endpoint(self, path: str) -> str:
        return self.hosts[0].url.removesuffix("/v2") + path

    def start(self, subscription: Subscription) -> None:
        """Send a new subscription what it begins with."""
        where, _, _ = requests.CHANNELS[subscription.channel]
        if self._is_recorded():
            self.feed.start(subscription)
        elif where == requests.PRIVATE:
            self.unified.start(subscription)
        elif subscription.channel == "instrument":
            if subscription.params.get("snapshot", True):
                asset_class = subscription.params["asset_class"]
                subscription.send(instruments(self.markets.pairs, asset_class), "snapshot")
        else:
            self.feed.start(subscription)

    def _cancel_everything(self) -> None:
        self.journal.add("dead_man")
        self.unified.cancel_all()

    def _is_recorded(self) -> bool:
        return self.feed is not self.markets

    def _open_session(self, connection: Writer) -> Session:
        connection_id = self._chance.getrandbits(63) | 1 << 63
        return UnifiedSession(
            connection,
            connection_id,
            self._services,
            self.unified,
            self._methods,
            self._is_recorded,
        )

    def ledger_gap(self, entries: int = 1) -> None:
        """Lose ledger entries: the next one has a number that skips them."""
        for subscription in self.registry.all():
            if subscription.channel == "ledgers":
                subscription.sequence += entries

    def say(self, channel: str, kind: str, data: Any) -> None:
        """Send one message of a channel, of any type and content, to its subscribers."""
        payload = encode({"channel": channel, "type": kind, "data": data})
        for subscription in self.registry.all():
            if subscription.channel == channel:
                subscription.send(payload, "snapshot" if kind == "snapshot" else "update")
