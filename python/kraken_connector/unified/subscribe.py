"""Subscription parameters of the unified WebSocket: one class for each channel.

They are checked when they are made, like those of the spot hosts. `asset_class` is part of what
tells subscriptions apart. It is required where the exchange requires it, and refused where the
exchange refuses it.
"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import ClassVar

from ..exceptions import InvalidParameter
from ..models.base import model
from ..models.checks import check_choice
from ..ws import subscribe as spot
from ..ws.constants import EventTrigger
from ..ws.subscribe import ChannelParams, SymbolParams, TokenParams
from .checks import check_absent, check_asset_class, checked_unified_symbol
from .constants import TickType, UnifiedChannel

__all__ = [
    "BalancesParams",
    "BookParams",
    "ExecutionsParams",
    "InstrumentParams",
    "LedgersParams",
    "Level3Params",
    "MarginParams",
    "OHLCParams",
    "PositionsParams",
    "PreferencesParams",
    "TickerParams",
    "TradeParams",
    "UnifiedParams",
]


class _Unified(ChannelParams):
    """Base class of all parameters."""

    __slots__ = ()
    HOST: ClassVar[str] = "unified"


class _WithClass(_Unified):
    """Parameters with an asset class, which an unsubscribe repeats.

    A channel of a symbol, and a channel without symbols, has one asset class on a connection: no
    page says that messages name theirs.
    """

    __slots__ = ()
    IDENTITY: ClassVar[tuple[str, ...]] = ("asset_class",)
    FIXED: ClassVar[tuple[str, ...]] = ("asset_class",)
    asset_class: str

    def __post_init__(self) -> None:
        ChannelParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)


class _WithSymbols(_WithClass, SymbolParams):
    """Parameters with an asset class and symbols of any form."""

    __slots__ = ()
    check_symbol = staticmethod(checked_unified_symbol)

    def __post_init__(self) -> None:
        SymbolParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)


@model
class TickerParams(_WithSymbols):
    """Best bid and offer with 24-hour statistics, sent on trades.

    Args:
        symbol: markets, such as `PF_XBTUSD`.
        asset_class: `spot` or `derivatives`.
        snapshot: whether to start with a snapshot; the exchange's default is true.
    """

    CHANNEL = UnifiedChannel.TICKER
    FLAGS = ("snapshot",)

    symbol: list[str] = field(default_factory=list)
    channel: str = "ticker"
    asset_class: str = field(kw_only=True)
    snapshot: bool | None = field(default=None, kw_only=True)

    @property
    def identity(self) -> str:
        """The trigger of the spot hosts' ticker that this one has: trades (page "Ticker")."""
        return EventTrigger.TRADES.value


@model
class BookParams(_WithSymbols, spot.BookParams):
    """Aggregated order book.

    A connection has one depth per symbol.

    Args:
        symbol: markets, such as `PF_XBTUSD`.
        asset_class: `spot` or `derivatives`.
        depth: levels per side: 10, 25, 100, 500 or 1000.
        snapshot: true (the exchange's default) or unset, as a book needs a snapshot.
    """

    IDENTITY = ("asset_class", "depth")
    FIXED = ("asset_class", "depth")

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.BookParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)


@model
class Level3Params(_WithSymbols, spot.Level3Params):
    """Order book with individual orders; inferred, as its page could not be read in full.

    Args:
        symbol: markets.
        asset_class: `spot` or `derivatives`; Kraken's derivatives had no such feed before.
        depth: price levels per side: 10, 100 or 1000.
        snapshot: true (the exchange's default) or unset, as a book needs a snapshot.
        token: leave it empty if the client has a `TokenManager`.
    """

    IDENTITY = ("asset_class", "depth")
    FIXED = ("asset_class", "depth")

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.Level3Params.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)


@model
class TradeParams(_WithSymbols, spot.TradeParams):
    """Public trades.

    Args:
        symbol: markets, such as `PF_XBTUSD`.
        asset_class: `spot` or `derivatives`.
        snapshot: whether to start with the last 50 trades; false is sent if unset.
    """

    asset_class: str = field(kw_only=True)


@model
class OHLCParams(_WithSymbols, spot.OHLCParams):
    """Candles.

    A connection has one tick type for each symbol and interval, as no page says that messages name
    theirs.

    Args:
        symbol: markets, such as `PF_XBTUSD`.
        asset_class: `spot` or `derivatives`.
        interval: minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600.
        tick_type: what the candles are made of: `trade`, `mark` or `spot`.
        snapshot: whether to start with past candles; the exchange's default is true.
    """

    IDENTITY = ("asset_class", "interval", "tick_type")
    FIXED = ("asset_class", "tick_type")

    asset_class: str = field(kw_only=True)
    tick_type: str = field(default="trade", kw_only=True)

    def __post_init__(self) -> None:
        spot.OHLCParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)
        if self.tick_type not in tuple(TickType):
            check_choice("tick_type", str(self.tick_type), tuple(TickType))


@model
class InstrumentParams(_WithClass):
    """Reference data of the assets and markets of a class.

    Args:
        asset_class: `spot` or `derivatives`.
        snapshot: whether to start with a snapshot; the exchange's default is true.
    """

    CHANNEL = UnifiedChannel.INSTRUMENT
    FLAGS = ("snapshot",)

    asset_class: str
    channel: str = "instrument"
    snapshot: bool | None = field(default=None, kw_only=True)


@model
class ExecutionsParams(_WithClass, TokenParams):
    """The account's order events and fills of an asset class.

    Args:
        asset_class: `spot` or `derivatives`.
        token: leave it empty if the client has a `TokenManager`.
        snap_orders: whether the snapshot has the open orders; true is sent if unset.
        snap_trades: whether the snapshot has the last fills; false is sent if unset.
        order_status: true for all status changes, the exchange's default.
        ratecounter: whether reports have the trading rate counter.
    """

    CHANNEL = UnifiedChannel.EXECUTIONS
    WIRE_DEFAULTS = MappingProxyType({"snap_orders": True, "snap_trades": False})
    FLAGS = ("snap_orders", "snap_trades", "order_status", "ratecounter")

    asset_class: str
    token: str = field(default="", compare=False)
    snap_orders: bool | None = None
    snap_trades: bool | None = None
    order_status: bool | None = None
    ratecounter: bool | None = None
    channel: str = "executions"

    def __post_init__(self) -> None:
        TokenParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)

    @property
    def brings_snapshot(self) -> bool:
        """Whether a subscription begins with a snapshot, of orders or fills."""
        arguments = self.subscribe_params()
        return bool(arguments["snap_orders"] or arguments["snap_trades"])


@model
class BalancesParams(_Unified, TokenParams):
    """Asset quantities and ledger transactions. The exchange has no asset class here.

    Args:
        token: leave it empty if the client has a `TokenManager`.
        snapshot: whether to start with all balances; the exchange's default is true.
    """

    CHANNEL = UnifiedChannel.BALANCES
    FLAGS = ("snapshot",)

    token: str = field(default="", compare=False)
    snapshot: bool | None = None
    channel: str = "balances"


@model
class PositionsParams(_WithClass, TokenParams):
    """Open derivatives positions; a connection can have one subscription.

    Args:
        asset_class: `derivatives`.
        token: leave it empty if the client has a `TokenManager`.
        snapshot: whether to start with all positions; the exchange's default is true. Not together
            with `with_margin`.
        with_margin: whether positions have margin and risk figures.
    """

    CHANNEL = UnifiedChannel.POSITIONS
    FLAGS = ("snapshot", "with_margin")
    FIXED = ("asset_class", "snapshot", "with_margin")

    asset_class: str = "derivatives"
    token: str = field(default="", compare=False)
    snapshot: bool | None = None
    with_margin: bool | None = None
    channel: str = "positions"

    def __post_init__(self) -> None:
        TokenParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)
        if self.snapshot is not None and self.with_margin is not None:
            wanted = "absent beside with_margin: the exchange refuses both together"
            raise InvalidParameter("snapshot", wanted, self.snapshot)


@model
class MarginParams(_WithClass, TokenParams):
    """Margin requirements and equity of the derivatives wallets.

    The current state is always sent first; a connection can have one subscription.

    Args:
        asset_class: `derivatives`.
        token: leave it empty if the client has a `TokenManager`.
        snapshot: leave it unset, as the exchange refuses it.
    """

    CHANNEL = UnifiedChannel.MARGIN

    asset_class: str = "derivatives"
    token: str = field(default="", compare=False)
    snapshot: bool | None = None
    channel: str = "margin"

    def __post_init__(self) -> None:
        TokenParams.__post_init__(self)
        check_asset_class(self.channel, self.asset_class)
        check_absent("snapshot", self.snapshot, "margin always begins with the current state")


@model
class LedgersParams(_Unified, TokenParams):
    """Ledger entries of both asset classes, as they are made; there is no snapshot.

    Args:
        token: leave it empty if the client has a `TokenManager`.
        asset_class: leave it unset, as the exchange refuses it.
    """

    CHANNEL = UnifiedChannel.LEDGERS
    HEALS = False

    token: str = field(default="", compare=False)
    channel: str = "ledgers"
    asset_class: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        TokenParams.__post_init__(self)
        check_absent("asset_class", self.asset_class, "each entry of ledgers has its own")

    @property
    def brings_snapshot(self) -> bool:
        """False: the page "Ledgers" says so."""
        return False


@model
class PreferencesParams(_Unified, TokenParams):
    """What the account may do, such as trade futures.

    Args:
        token: leave it empty if the client has a `TokenManager`.
    """

    CHANNEL = UnifiedChannel.PREFERENCES

    token: str = field(default="", compare=False)
    channel: str = "preferences"


UnifiedParams = (
    TickerParams
    | BookParams
    | Level3Params
    | TradeParams
    | OHLCParams
    | InstrumentParams
    | ExecutionsParams
    | BalancesParams
    | PositionsParams
    | MarginParams
    | LedgersParams
    | PreferencesParams
)
