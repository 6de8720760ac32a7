"""The parts of the exchange that REST calls use, and the settings of its REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..accounts import Account
from ..feeds import MarketFeed
from ..observe import Journal
from ..settings import Settings
from ..tokens import Tokens
from ..trading.order import Order
from ..trading.order_methods import OrderMethods
from .names import Names

ALL_PERMISSIONS = frozenset(
    {
        "query-funds",
        "query-open-trades",
        "query-closed-trades",
        "modify-trades",
        "close-trades",
        "query-ledger",
        "create-ws-token",
    }
)
"""The words of the permissions of a key, as `GetApiKeyInfo` answers them."""


@dataclass(slots=True)
class RestSettings:
    """How the REST API behaves; all can be changed while the exchange runs.

    Attributes:
        lag: seconds during which new orders, and new fills, are not shown by any read.
        stale: seconds by which all that reads show of orders and fills is old, how orders ended
            included; see `faults.lag_rest`.
        permissions: the words of the permissions that the key has.
        nonce_window: how far a nonce may be below the highest one so far, in the nonce's unit.
        limits: whether calls are refused when the counter of the key is exceeded.
        costs: costs of calls, by name, that differ from the documented ones; the sources do not
            agree on `OpenOrders` and `ClosedOrders`.
        unknown_ids: whether queries leave unknown ids out of their result, or are refused.
    """

    lag: float = 0.0
    permissions: frozenset[str] = ALL_PERMISSIONS
    nonce_window: int = 0
    limits: bool = True
    costs: Mapping[str, int] = field(default_factory=dict)
    unknown_ids: Literal["omitted", "refused"] = "omitted"
    stale: float = 0.0


@dataclass(frozen=True, slots=True)
class Venue:
    """The parts of an exchange that its REST calls share.

    Attributes:
        rest: the settings of the REST API.
        names: the names of pairs and assets.
        run_due: does what is due by the clock.
    """

    settings: Settings
    rest: RestSettings
    clock: Callable[[], int]
    journal: Journal
    tokens: Tokens
    markets: MarketFeed
    names: Names
    account: Account
    order_methods: OrderMethods
    run_due: Callable[[], None]

    def is_shown(self, since_ns: int) -> bool:
        """Return whether reads show an order, or a fill, of that time already."""
        return self.clock() - since_ns >= max(self.rest.lag, self.rest.stale) * 10**9

    def is_open(self, order: Order) -> bool:
        """Return whether reads show an order as open."""
        return order.is_open or self.clock() - order.closed_ns < self.rest.stale * 10**9
