"""The client of the spot hosts, with the rules of the unified WebSocket in their place."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from ..models.trading import TradingParams
from ..ws.base.followers import Follower
from ..ws.client import KrakenWSClient
from ..ws.orders.replies import TradingReply
from ..ws.token.manager import TokenManager
from ..ws.trading.checks import OrderChecks
from .checks import checked_unified_symbol
from .orders import KnownRules, uuids
from .subscribe import BalancesParams, ExecutionsParams
from .trading import AmendOrderParams

__all__ = ["Inner"]


class Inner(KrakenWSClient):
    """Shares connections, books, orders and delivery with the client of the spot hosts.

    Args:
        asset_class: the class of its orders, which every trading request carries.
        public_url: endpoint of the public channels.
        private_url: endpoint of the private channels and of orders.
        token_manager: where the tokens come from.
        on_message: called with every message, instead of the queue.
        options: further arguments of `KrakenWSClient`.
    """

    _HOST = "unified"
    _EXAMPLE = "TickerParams(..., asset_class='derivatives') of kraken_connector.unified"
    # They are those of the spot engine. A cancel or a timer that does not reach derivatives would
    # look like one that does.
    _USES_REST = False
    _check_symbol = staticmethod(checked_unified_symbol)

    def __init__(
        self,
        asset_class: str,
        public_url: str,
        private_url: str,
        *,
        token_manager: TokenManager | None,
        on_message: Callable[[Any], object] | None,
        **options: Any,
    ) -> None:
        self._asset_class = asset_class
        super().__init__(
            public_url,
            auth_url=private_url,
            level3_url=public_url,
            token_manager=token_manager,
            on_message=on_message,
            **options,
        )

    def _order_params(self) -> Mapping[str, str]:
        return {"asset_class": self._asset_class}

    def _amend_params(self, **terms: Any) -> AmendOrderParams:
        return AmendOrderParams(**terms, asset_class=self._asset_class)

    def _order_checks(self) -> OrderChecks:
        return KnownRules()

    def _order_names(self) -> Iterator[str]:
        return uuids()

    def _followers(self) -> dict[str, tuple[Follower, ...]]:
        # The counter of the trading rate limit is that of the spot engine.
        return {"executions": (self.orders,), "balances": (self.balances,)}

    async def track_orders(self) -> None:
        """Keep `orders` up to date; see `UnifiedClient.track_orders`."""
        await self._track(ExecutionsParams(self._asset_class, snap_orders=True, snap_trades=True))
        await self._first_snapshot()

    async def track_balances(self) -> None:
        """Keep `balances` up to date; see `UnifiedClient.track_balances`."""
        await self._track(BalancesParams(snapshot=True))

    def execute(self, params: TradingParams) -> Coroutine[Any, Any, TradingReply[Any]]:
        """Send the request of a method that the spot hosts do not have."""
        return self._trader.execute(params)
