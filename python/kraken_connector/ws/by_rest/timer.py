"""Sets the dead man's switch of the exchange by the socket, or by REST when the socket is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ...exceptions import OrderOutcomeUnknown, RestError, TradingError
from ...models.trading_results import CancelAllOrdersAfterResult
from ...rest.client import KrakenRest
from ...rest.retrying import is_certain

__all__ = ["TimerRoutes"]

METHOD = "cancel_all_orders_after"


class TimerRoutes:
    """Chooses the way of each request: the socket while it is open and answers, else REST.

    Args:
        by_socket: sends a request by the socket and returns its result.
        rest: returns the REST client, `None` without a key.
        socket: returns what identifies the open socket, `None` while there is none.
        may_set: returns whether REST may set the timer; it may always turn it off.
    """

    def __init__(
        self,
        by_socket: Callable[[int], Awaitable[CancelAllOrdersAfterResult]],
        rest: Callable[[], KrakenRest | None],
        socket: Callable[[], object | None],
        may_set: Callable[[], bool],
    ) -> None:
        self._by_socket = by_socket
        self._rest = rest
        self._socket = socket
        self._may_set = may_set
        #: The socket that did not answer its last request, unless REST did not answer since.
        self._silent: object | None = None

    async def send(self, seconds: int) -> CancelAllOrdersAfterResult:
        """Set the timer; 0 turns it off.

        Raises:
            TradingError, RestError: the exchange refused the request.
            OrderOutcomeUnknown: it was not answered.
            NotConnected, ConnectionLost, RequestTimeout, TokenAcquisitionError: it was not sent.
        """
        socket, rest = self._socket(), self._rest()
        is_gone = socket is None or socket == self._silent
        if rest is not None and is_gone and (seconds == 0 or self._may_set()):
            self._silent = None
            result = await _by_rest(rest, seconds)
            self._silent = socket
            return result
        self._silent = socket
        try:
            result = await self._by_socket(seconds)
        except TradingError:
            self._silent = None
            raise
        self._silent = None
        return result


async def _by_rest(rest: KrakenRest, seconds: int) -> CancelAllOrdersAfterResult:
    try:
        return await rest.cancel_all_orders_after(seconds)
    except RestError as error:
        if is_certain(error):
            raise
        raise OrderOutcomeUnknown(METHOD, error.error, venue_error=error.venue_error) from error
