"""Methods of `KrakenWSClient` that prepare trading: fees, and checks before a bot starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ...models.checks import check_choice, checked_list, checked_number, checked_symbol
from ...rest.client import KrakenRest
from ..account.fees import TradingFees
from ..account.instruments import Instruments
from ..base.exchange_clock import ExchangeClock
from ..by_rest.pairs import pairs_with_fees
from ..by_rest.preflight import run_preflight
from ..by_rest.readings import Known, Need
from ..by_rest.report import Preflight
from ..token.manager import TokenManager
from .account import AccountMethods

__all__ = ["PreparingMethods"]

NEEDS: tuple[Need, ...] = ("query", "trade", "cancel", "token")


class PreparingMethods(AccountMethods):
    """Read fees and margin rules, and check whether a bot may start; by REST."""

    instruments: Instruments
    _rest: KrakenRest
    _token_manager: TokenManager | None
    _exchange: ExchangeClock
    _has_instruments: Callable[[], bool]

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

    async def preflight(
        self,
        symbols: Sequence[str] = (),
        needs: Collection[Need] = NEEDS,
        *,
        account: bool = False,
        timeout: float = 15.0,  # noqa: ASYNC109
    ) -> Preflight:
        """Check whether a bot may start, and say what to do if not.

            report = await client.preflight(["BTC/USD"])
            print(report)
            if not report.ok: ...

        Checks the API key, its permissions and nonces, whether a token can be got, the clock of
        this machine, the state of the exchange and of the pairs, announced maintenance, tier and
        limits. It changes nothing at the exchange, does not raise when a check fails or cannot be
        made, and works with or without a connection; with one, what the client has received there
        counts too. It takes 2 to 5 of the 15 points of the REST rate limit.

        Args:
            symbols: the pairs to be traded.
            needs: what the bot does: `query` orders and fills by REST, `trade`, `cancel`, and use
                the `token` of private channels. Empty for public market data only.
            account: whether to read the open orders and balances that are already there.
            timeout: longest wait, seconds; what was not read by then is `unknown`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
        """
        names = _checked_symbols(symbols)
        wanted = checked_list("needs", needs)
        for need in wanted:
            check_choice("needs", need, NEEDS)
        known = Known(
            exchange=self._exchange,
            systems=self._system_states(),
            instruments=self.instruments if self._has_instruments() else {},
            counter=self.rate_counter,
            orders=self.orders,
            protection=self.protection,
            tokens=self._token_manager,
        )
        seconds = float(checked_number("timeout", timeout))
        return await run_preflight(
            self._rest, known, names, wanted, account=account, seconds=seconds
        )


def _checked_symbols(symbols: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(checked_symbol(one) for one in checked_list("symbols", symbols))]
