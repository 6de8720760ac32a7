"""Methods of `KrakenWSClient` that prepare trading: fees and margin rules."""

from __future__ import annotations

from collections.abc import Sequence

from ...models.checks import checked_list, checked_symbol
from ...rest.client import KrakenRest
from ..account.fees import TradingFees
from ..account.instruments import Instruments
from ..by_rest.pairs import pairs_with_fees
from .account import AccountMethods

__all__ = ["PreparingMethods"]


class PreparingMethods(AccountMethods):
    """Read fees and margin rules by REST."""

    instruments: Instruments
    _rest: KrakenRest

    async def load_fees(
        self, symbols: Sequence[str] | None = None, *, schedule: bool = False
    ) -> dict[str, TradingFees]:
        """Read fees and margin rules into `instruments.fees` and `instruments.margin`.

            await client.load_fees(["BTC/USD"])
            client.instruments.fees["BTC/USD"].maker.percent    # Decimal("0.25"): of the cost
            client.instruments.margin["BTC/USD"].leverage_buy   # (2, 3, 4, 5)

        With an API key, which needs the permission to query funds, the fees are those of the
        account; without one they are list prices, and `is_list_price` is true. They are not read
        again unless you call it again; `instruments.fees.loaded_at(symbol)` says when they were
        read. Nothing changes if a call fails.

        Args:
            symbols: which pairs; by default all, which takes a call for each 100 of them.
            schedule: whether to read all tiers of fees, for `TradingFees.schedule`.

        Returns:
            The fees that were read, by symbol.

        Raises:
            InvalidParameter: the exchange does not list one of the pairs.
            RestError: a call failed, or the exchange did not tell the fee of one of `symbols`.
            TypeError: a parameter is not valid.
        """
        names = None if symbols is None else _checked_symbols(symbols)
        pairs, fees = await pairs_with_fees(self._rest, names, schedule=schedule)
        self.instruments.margin.put(pairs)
        self.instruments.fees.put(fees)
        return fees


def _checked_symbols(symbols: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(checked_symbol(one) for one in checked_list("symbols", symbols))]
