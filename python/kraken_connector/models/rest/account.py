"""Balances, positions and fees as the REST API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from ...slices import in_slices
from ..decimals import ZERO, add, subtract
from .names import Names
from .row import Row, moment

__all__ = [
    "FeeSchedule",
    "FeeTier",
    "PairFee",
    "RestBalance",
    "RestPosition",
    "TradeBalance",
    "TradeVolume",
]

#: Fees, and schedules of fees, that are read at once.
FEES: Final = 50
SCHEDULES: Final = 8


@dataclass(frozen=True, slots=True)
class RestBalance:
    """What the account has of an asset.

    Attributes:
        asset: the asset as on the socket, with the suffix of its wallet: `BTC`, `BTC.B`.
        balance: the balance.
        hold_trade: what is held by open orders that are not on margin.
        credit: the line of credit, 0 without one.
        credit_used: the used part of it.
        raw: the balance as received.
    """

    asset: str
    balance: Decimal
    hold_trade: Decimal
    credit: Decimal
    credit_used: Decimal
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def available(self) -> Decimal:
        """What can be traded: balance and unused credit without what is held."""
        credit = subtract(self.credit, self.credit_used)
        return subtract(add(self.balance, credit), self.hold_trade)

    @classmethod
    def read(cls, row: Row, asset: str) -> Self:
        """Read an asset of `BalanceEx`."""
        return cls(
            asset=asset,
            balance=row.number("balance"),
            hold_trade=row.number("hold_trade"),
            credit=row.optional_number("credit") or ZERO,
            credit_used=row.optional_number("credit_used") or ZERO,
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class TradeBalance:
    """The account in one currency.

    Attributes:
        asset: the currency.
        equivalent_balance: all balances (`eb`).
        trade_balance: the balances that are collateral (`tb`).
        margin: used margin (`m`).
        unrealized: unrealised profit or loss of the positions (`n`).
        cost_basis: cost of the positions (`c`).
        valuation: present value of the positions (`v`).
        equity: trade balance and unrealised profit or loss (`e`).
        free_margin: equity without used margin (`mf`).
        free_margin_orders: free margin for new orders (`mfo`).
        margin_level: equity over used margin, percent; `None` without positions (`ml`).
        unexecuted: value of what is not filled of open orders (`uv`).
        raw: the result as received.
    """

    asset: str
    equivalent_balance: Decimal
    trade_balance: Decimal
    margin: Decimal | None
    unrealized: Decimal | None
    cost_basis: Decimal | None
    valuation: Decimal | None
    equity: Decimal | None
    free_margin: Decimal | None
    free_margin_orders: Decimal | None
    margin_level: Decimal | None
    unexecuted: Decimal | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row, asset: str) -> Self:
        """Read the result of `TradeBalance`."""
        return cls(
            asset=asset,
            equivalent_balance=row.number("eb"),
            trade_balance=row.number("tb"),
            margin=row.optional_number("m"),
            unrealized=row.optional_number("n"),
            cost_basis=row.optional_number("c"),
            valuation=row.optional_number("v"),
            equity=row.optional_number("e"),
            free_margin=row.optional_number("mf"),
            free_margin_orders=row.optional_number("mfo"),
            margin_level=row.optional_number("ml"),
            unexecuted=row.optional_number("uv"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class RestPosition:
    """An open position on margin.

    Attributes:
        position_id: its identifier.
        order_id: the order that opened it.
        symbol: the pair as on the socket; a name without a slash is an unknown pair, as received.
        side: `buy` for a long position, `sell` for a short one.
        order_type: type of the order that opened it.
        status: `open`.
        qty: its quantity in the base asset.
        qty_closed: what of it was closed.
        cost: its cost in the quote asset.
        fee: its fee in the quote asset.
        margin: used margin in the quote asset.
        value: present value of what is open, if it was asked for.
        net: unrealised profit or loss, if it was asked for.
        terms: cost of keeping it open, free text.
        opened_ns: when it was opened, nanoseconds since the epoch.
        rollover_ns: when the next rollover fee is due, nanoseconds since the epoch.
        misc: further words.
        oflags: flags of the order.
        raw: the position as received.
    """

    position_id: str
    order_id: str
    symbol: str
    side: str
    order_type: str | None
    status: str | None
    qty: Decimal
    qty_closed: Decimal
    cost: Decimal
    fee: Decimal
    margin: Decimal
    value: Decimal | None
    net: Decimal | None
    terms: str | None
    opened_ns: int
    rollover_ns: int | None
    misc: tuple[str, ...]
    oflags: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def opened(self) -> datetime:
        """`opened_ns` as a `datetime` in UTC."""
        return moment(self.opened_ns)

    @classmethod
    def read(cls, row: Row, position_id: str, names: Names) -> Self:
        """Read a position of `OpenPositions`."""
        return cls(
            position_id=position_id,
            order_id=row.text("ordertxid"),
            symbol=names.symbol(row.text("pair")),
            side=row.text("type"),
            order_type=row.optional_text("ordertype"),
            status=row.optional_text("posstatus"),
            qty=row.number("vol"),
            qty_closed=row.number("vol_closed"),
            cost=row.number("cost"),
            fee=row.number("fee"),
            margin=row.number("margin"),
            value=row.optional_number("value"),
            net=row.optional_number("net"),
            terms=row.optional_text("terms"),
            opened_ns=row.time_ns("time"),
            rollover_ns=row.optional_time_ns("rollovertm"),
            misc=row.words("misc"),
            oflags=row.words("oflags"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class PairFee:
    """The account's fee for a pair.

    Attributes:
        percent: the fee in percent of the cost; negative for a rebate.
        min_percent: lowest fee of the pair.
        max_percent: highest fee of the pair.
        next_percent: fee of the next tier, `None` in the last one.
        tier_volume: volume at which the tier begins.
        next_volume: volume at which the next tier begins, `None` in the last one.
        raw: the fee as received.
    """

    percent: Decimal
    min_percent: Decimal | None
    max_percent: Decimal | None
    next_percent: Decimal | None
    tier_volume: Decimal | None
    next_volume: Decimal | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read a fee of `TradeVolume`, whose fields the exchange spells in two ways."""

        def number(name: str) -> Decimal | None:
            plain = name.replace("_", "")
            return row.optional_number(plain if plain in row.raw else name)

        return cls(
            percent=row.number("fee"),
            min_percent=number("min_fee"),
            max_percent=number("max_fee"),
            next_percent=number("next_fee"),
            tier_volume=number("tier_volume"),
            next_volume=number("next_volume"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class FeeTier:
    """A step of a fee schedule.

    Attributes:
        maker_percent: fee of makers in percent; negative for a rebate.
        taker_percent: fee of takers in percent.
        min_spot_volume: least spot volume of 30 days.
        min_futures_volume: least futures volume of 30 days.
        min_assets_on_platform: least assets on the platform.
        is_active: whether it is the account's.
        raw: the tier as received.
    """

    maker_percent: Decimal
    taker_percent: Decimal
    min_spot_volume: Decimal | None
    min_futures_volume: Decimal | None
    min_assets_on_platform: Decimal | None
    is_active: bool | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read a tier of a fee schedule."""
        return cls(
            maker_percent=row.number("maker_fee"),
            taker_percent=row.number("taker_fee"),
            min_spot_volume=row.optional_number("min_spot_volume"),
            min_futures_volume=row.optional_number("min_futures_volume"),
            min_assets_on_platform=row.optional_number("min_assets_on_platform"),
            is_active=row.optional_flag("active"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """All tiers of a pair.

    Attributes:
        symbol: the pair as on the socket.
        class_: class of the pair, such as `currency`.
        tiers: the tiers.
    """

    symbol: str
    class_: str | None
    tiers: tuple[FeeTier, ...]

    @classmethod
    def read(cls, row: Row, names: Names) -> Self:
        """Read a fee schedule of `TradeVolume`."""
        tiers = tuple(FeeTier.read(tier) for tier in row.list_of_rows("tiers"))
        return cls(names.symbol(row.text("pair")), row.optional_text("class"), tiers)


@dataclass(frozen=True, slots=True)
class TradeVolume:
    """The account's volume of 30 days, and its fees.

    Attributes:
        currency: currency of the volumes.
        volume: the volume.
        fees: fees of takers by symbol; of pairs without makers and takers, their fees.
        fees_maker: fees of makers by symbol.
        schedules: all tiers by symbol, if they were asked for.
        raw: the result as received.
    """

    currency: str
    volume: Decimal
    fees: Mapping[str, PairFee]
    fees_maker: Mapping[str, PairFee]
    schedules: Mapping[str, FeeSchedule]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    async def read(cls, row: Row, names: Names) -> Self:
        """Read the result of `TradeVolume`."""
        listed = in_slices(row.list_of_rows("schedules"), SCHEDULES)
        schedules = [FeeSchedule.read(one, names) async for one in listed]
        return cls(
            currency=names.asset(row.text("currency")),
            volume=row.number("volume"),
            fees=await _fees(row, "fees", names),
            fees_maker=await _fees(row, "fees_maker", names),
            schedules={schedule.symbol: schedule for schedule in schedules},
            raw=row.raw,
        )


async def _fees(row: Row, name: str, names: Names) -> dict[str, PairFee]:
    fees = row.optional_row(name)
    rows = () if fees is None else fees.rows()
    return {names.symbol(pair): PairFee.read(fee) async for pair, fee in in_slices(rows, FEES)}
