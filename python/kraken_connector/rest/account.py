"""Calls that read the account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

from ..exceptions import InvalidParameter, RestError
from ..models.checks import (
    check_choice,
    checked_client_id,
    checked_list,
    checked_symbol,
    checked_text,
    checked_userref,
)
from ..models.rest.account import RestBalance, RestPosition, TradeBalance, TradeVolume
from ..models.rest.key import ApiKeyInfo
from ..models.rest.names import Names
from ..models.rest.orders import RestFill, RestOrder
from ..models.rest.row import Row
from ..slices import in_slices
from .bounds import Bound, bound_text
from .caller import Field
from .calls import Calls

__all__ = ["AccountCalls"]

T = TypeVar("T", RestOrder, RestFill, RestPosition)

CloseTime: TypeAlias = Literal["open", "close", "both"]
TradeType: TypeAlias = Literal[
    "all", "any position", "closed position", "closing position", "no position"
]

#: Identifiers of one call (pages "Query Orders Info" and "Query Trades Info").
ORDERS_PER_CALL: Final = 50
TRADES_PER_CALL: Final = 20
#: Rows of a full page (pages "Get Closed Orders" and "Get Trades History"). That a shorter one is
#: the last is inferred.
PAGE: Final = 50
#: Rows that are read at once.
SLICE: Final = 25


class AccountCalls(Calls):
    """Calls that read the account; all need a key."""

    # Orders.

    async def open_orders(
        self,
        *,
        trades: bool = False,
        cl_ord_id: str | None = None,
        order_userref: int | None = None,
        urgent: bool = False,
    ) -> dict[str, RestOrder]:
        """Return the open orders of the account by `order_id`.

        An order that was just placed may be missing for a short time.

        Args:
            trades: whether to return the `exec_ids` of fills.
            cl_ord_id: only orders with this identifier.
            order_userref: only orders with this number.
            urgent: whether to go ahead of other calls and of our own count of the rate limit. Then
                the names of pairs are not looked up.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        params = {"trades": trades or None, **_whose(cl_ord_id, order_userref)}
        result = await self._caller.private("OpenOrders", params, urgent=urgent)
        rows = dict(Row("OpenOrders", "", result).row("open").rows())
        return await self._built(rows, RestOrder.read, may_ask=not urgent)

    async def query_orders(
        self,
        order_ids: Sequence[str],
        *,
        trades: bool = True,
        order_userref: int | None = None,
        consolidate_taker: bool = False,
        urgent: bool = False,
    ) -> dict[str, RestOrder]:
        """Return orders by `order_id`, open or not; those that the exchange omits are absent.

        Whether it omits an unknown order or refuses the call is not documented.

        Args:
            order_ids: which orders; 50 are asked for in one call.
            trades: whether to return the `exec_ids` of fills.
            order_userref: only those with this number.
            consolidate_taker: whether the fills of one taker are one.
            urgent: see `open_orders`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: a call failed.
        """
        params: dict[str, Field] = {
            "trades": trades or None,
            "consolidate_taker": consolidate_taker,
            **_whose(None, order_userref),
        }
        rows = await self._queried("QueryOrders", order_ids, ORDERS_PER_CALL, params, urgent=urgent)
        return await self._built(rows, RestOrder.read, may_ask=not urgent)

    async def closed_orders(
        self,
        start: Bound | None = None,
        end: Bound | None = None,
        *,
        trades: bool = False,
        cl_ord_id: str | None = None,
        order_userref: int | None = None,
        close_time: CloseTime = "both",
        consolidate_taker: bool = False,
    ) -> AsyncIterator[RestOrder]:
        """Iterate over ended orders, each once; pages are read as they are needed.

        Args:
            start: only orders after this, which is not included: seconds or nanoseconds since the
                epoch, a `datetime` with a time zone, or an `order_id`.
            end: only orders until this, which is included; by default until now.
            trades: whether to return the `exec_ids` of fills.
            cl_ord_id: only orders with this identifier.
            order_userref: only orders with this number.
            close_time: whether bounds are compared with the `open` or the `close` time, or `both`.
            consolidate_taker: whether the fills of one taker are one.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: a call failed.
        """
        check_choice("close_time", close_time, ("open", "close", "both"))
        params = {
            "trades": trades or None,
            "closetime": close_time,
            "consolidate_taker": consolidate_taker,
            **_whose(cl_ord_id, order_userref),
        }
        pages = self._pages("ClosedOrders", "closed", start, end, params)
        async for rows in pages:
            orders = await self._built(rows, RestOrder.read)
            for order in sorted(orders.values(), key=_ended_ns, reverse=True):
                yield order

    # Fills.

    async def trades_history(
        self,
        start: Bound | None = None,
        end: Bound | None = None,
        *,
        type: TradeType = "all",
        symbol: str | None = None,
        ledgers: bool = False,
        consolidate_taker: bool = False,
    ) -> AsyncIterator[RestFill]:
        """Iterate over the fills of the account, each once; pages are read as they are needed.

        Args:
            start: only fills after this, which is not included: seconds or nanoseconds since the
                epoch, a `datetime` with a time zone, or an `exec_id`.
            end: only fills until this, which is included; by default until now.
            type: `all`, `any position`, `closed position`, `closing position` or `no position`.
            symbol: only fills of this pair.
            ledgers: whether to return the `ledger_ids`, which makes the call slow.
            consolidate_taker: whether the fills of one taker are one. Their `exec_id` is then not
                that of the channel `executions`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: a call failed.
        """
        kinds = ("all", "any position", "closed position", "closing position", "no position")
        check_choice("type", type, kinds)
        params = {
            "type": type,
            "pair": None if symbol is None else await self._sent(symbol),
            "ledgers": ledgers or None,
            "consolidate_taker": consolidate_taker,
        }
        async for rows in self._pages("TradesHistory", "trades", start, end, params):
            fills = await self._built(rows, RestFill.read)
            for fill in sorted(fills.values(), key=lambda fill: fill.time_ns, reverse=True):
                yield fill

    async def query_trades(
        self, exec_ids: Sequence[str], *, urgent: bool = False
    ) -> dict[str, RestFill]:
        """Return fills by `exec_id`; those that the exchange does not know are absent.

        Args:
            exec_ids: which fills; 20 are asked for in one call.
            urgent: see `open_orders`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: a call failed.
        """
        rows = await self._queried("QueryTrades", exec_ids, TRADES_PER_CALL, {}, urgent=urgent)
        return await self._built(rows, RestFill.read, may_ask=not urgent)

    # Money.

    async def balances(self) -> dict[str, RestBalance]:
        """Return the balances by asset, with what open orders hold.

        Raises:
            RestError: the call failed.
        """
        rows = dict(Row("BalanceEx", "", await self._caller.private("BalanceEx")).rows())

        async def build(names: Names) -> dict[str, RestBalance]:
            built: dict[str, RestBalance] = {}
            async for code, row in in_slices(rows.items(), SLICE):
                asset = names.asset(code)
                if asset in built or asset in rows:
                    asset = code
                built[asset] = RestBalance.read(row, asset)
            return built

        return await self._symbols.translated(build)

    async def trade_balance(self, asset: str = "USD") -> TradeBalance:
        """Return the account in one currency: equity, margin and profit or loss.

        Args:
            asset: the currency.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        checked_text("asset", asset)
        # US dollars are the default of the call.
        sent = None if asset == "USD" else await self._symbols.asset_id(asset)
        result = await self._caller.private("TradeBalance", {"asset": sent})
        return TradeBalance.read(Row("TradeBalance", "", result), asset)

    async def open_positions(
        self, position_ids: Sequence[str] | None = None, *, value: bool = False
    ) -> dict[str, RestPosition]:
        """Return the open positions on margin by identifier.

        Args:
            position_ids: which positions; all by default.
            value: whether to return their `value` and `net`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        names = None if position_ids is None else _checked_ids("position_ids", position_ids)
        if names == []:
            return {}
        params: dict[str, Field] = {
            "txid": None if names is None else ",".join(names),
            "docalcs": value or None,
        }
        result = await self._caller.private("OpenPositions", params)
        rows = dict(Row("OpenPositions", "", result).rows())
        return await self._built(rows, RestPosition.read)

    async def trade_volume(
        self, symbols: Sequence[str] | None = None, *, fee_schedule: bool = False
    ) -> TradeVolume:
        """Return the account's volume of 30 days and its fees.

        Args:
            symbols: the pairs whose fees to return; none by default.
            fee_schedule: whether to return all tiers of the pairs.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        pairs = [await self._sent(symbol) for symbol in checked_list("symbols", symbols or ())]
        params: dict[str, Field] = {
            "pair": ",".join(pairs) or None,
            "fee_schedule": fee_schedule or None,
        }
        row = Row("TradeVolume", "", await self._caller.private("TradeVolume", params))
        return await self._symbols.translated(lambda names: TradeVolume.read(row, names))

    # The key.

    async def api_key_info(self) -> ApiKeyInfo:
        """Return the permissions of the key and the last nonce that the exchange received.

        Raises:
            RestError: the call failed.
        """
        result = await self._caller.private("GetApiKeyInfo")
        if isinstance(result, dict):
            result.pop("apiKey", None)
        return ApiKeyInfo.read(Row("GetApiKeyInfo", "", result))

    # What these calls have in common.

    async def _sent(self, symbol: str) -> str:
        return await self._symbols.altname(checked_symbol(symbol))

    async def _built(
        self, rows: Mapping[str, Row], read: Callable[[Row, str, Names], T], *, may_ask: bool = True
    ) -> dict[str, T]:
        """Return rows as objects, by their keys."""

        async def build(names: Names) -> dict[str, T]:
            return {key: read(row, key, names) async for key, row in in_slices(rows.items(), SLICE)}

        return await self._symbols.translated(build, may_ask=may_ask)

    async def _queried(
        self, call: str, ids: Sequence[str], most: int, params: Mapping[str, Field], *, urgent: bool
    ) -> dict[str, Row]:
        """Make a call about some identifiers, as often as their number requires.

        Raises:
            RestError: a call failed, or a reply has a row that was not asked for.
        """
        wanted = _checked_ids("order_ids" if call == "QueryOrders" else "exec_ids", ids)
        found: dict[str, Row] = {}
        for first in range(0, len(wanted), most):
            some = wanted[first : first + most]
            about: dict[str, Field] = {"txid": ",".join(some), **params}
            result = Row(call, "", await self._caller.private(call, about, urgent=urgent))
            if strangers := [key for key in result.raw if key not in some]:
                result.refuse(None, "an object of what was asked for", strangers)
            found |= dict(result.rows())
        return found

    async def _pages(
        self,
        call: str,
        key: str,
        start: Bound | None,
        end: Bound | None,
        params: Mapping[str, Field],
    ) -> AsyncIterator[dict[str, Row]]:
        """Yield the new rows of each page of a listing.

        `ofs` counts from the newest row. The end is fixed, so that rows do not move from page to
        page while new ones come. Rows that move all the same are met twice and not missed.

        Raises:
            RestError: a call failed, or a page brings no new row.
        """
        bounds: dict[str, Field] = {
            "start": None if start is None else bound_text("start", start, is_end=False),
            "end": await self._now() if end is None else bound_text("end", end, is_end=True),
            "without_count": True,
        }
        seen: set[str] = set()
        offset = 0
        while True:
            page = {**params, **bounds, "ofs": offset or None}
            result = Row(call, "", await self._caller.private(call, page))
            rows = dict(result.row(key).rows())
            new = {name: row for name, row in rows.items() if name not in seen}
            yield new
            if len(rows) < PAGE:
                return
            if not new:
                raise RestError(
                    call, "the next page repeats the last ones", status=200, kind="other"
                )
            seen |= new.keys()
            offset += len(rows)

    async def _now(self) -> str:
        """Return the second after the present one, by the clock of the exchange."""
        result = Row("Time", "", await self._caller.public("Time"))
        return str(result.time_ns("unixtime") // 10**9 + 1)


def _ended_ns(order: RestOrder) -> int:
    return order.closed_ns or order.opened_ns


def _whose(cl_ord_id: str | None, order_userref: int | None) -> dict[str, Field]:
    """Return the parameters that choose orders by the client's identifiers."""
    return {
        "cl_ord_id": None if cl_ord_id is None else checked_client_id("cl_ord_id", cl_ord_id),
        "userref": (
            None if order_userref is None else checked_userref("order_userref", order_userref)
        ),
    }


def _checked_ids(field: str, ids: Sequence[str]) -> list[str]:
    """Return identifiers, each once."""
    names = [checked_text(field, name) for name in checked_list(field, ids)]
    for name in names:
        if "," in name:
            raise InvalidParameter(field, "identifiers without commas", name)
    return list(dict.fromkeys(names))
