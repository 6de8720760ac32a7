"""The asyncio client of the REST API."""

from __future__ import annotations

import ssl as tls
from typing import NoReturn, Self, get_args

from ..network import Network
from .account import AccountCalls
from .caller import Caller, RestPolicy
from .counter import TIERS, RestCounter, RestTier
from .credentials import Credentials
from .public import PublicCalls
from .token import WebSocketToken, fetch_token
from .trading import TradingCalls
from .transport import REST_URL, TIMEOUT, Transport

__all__ = ["KrakenRest"]


class KrakenRest(PublicCalls, AccountCalls, TradingCalls):
    """An async client of Kraken's REST API.

        async with KrakenRest(api_key=..., api_secret=...) as rest:
            for order in (await rest.open_orders()).values():
                print(order.order_id, order.symbol, order.status)

    Calls with the same key take turns, also those of other processes on this machine, since their
    nonces must arrive in order; cancels go ahead of others. A call that fails and cannot do
    anything twice is repeated up to six times within `timeout`.

    Results have exact numbers, times in nanoseconds and the names of the socket: `BTC/USD`. The
    first result with names of the REST API reads those of all pairs, which takes two more calls.

    Args:
        api_key: public key; without one only public calls can be made.
        api_secret: private key, base64 as the exchange shows it.
        base_url: scheme and host of the API.
        tier: the account's tier, which sets the rate limit: `starter`, `intermediate` or `pro`.
        rate_policy: what to do with a call that would exceed the rate limit: `wait` until there is
            room, or `refuse` it with a `RestError` of kind `rate`.
        timeout: longest time of a call in seconds, with waiting and repetitions.
        otp: one-time password for keys with a second factor.
        nonce_unit: `us`, `ns` or `ms`. A key that was used with a finer unit refuses coarser ones
            for ever.
        ssl: TLS settings; the default trusts the system's certificates.
        proxy: URL of a proxy; by default the environment's, except for this machine; `False` for
            none.

    Raises:
        TypeError, ValueError: an argument is not valid; the text contains no secret.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        base_url: str = REST_URL,
        tier: RestTier = "starter",
        rate_policy: RestPolicy = "wait",
        timeout: float = TIMEOUT,
        otp: str | None = None,
        nonce_unit: str = "us",
        ssl: tls.SSLContext | None = None,
        proxy: str | bool | None = None,
    ) -> None:
        try:
            credentials = Credentials(api_key, api_secret, otp=otp, nonce_unit=nonce_unit)
            credentials.check()
        finally:
            # Error reports show local variables.
            del api_key, api_secret, otp
        _check_options(tier, rate_policy, timeout)
        transport = Transport(base_url, {"timeout": timeout})
        transport.use_network(Network(ssl=ssl, proxy=proxy))
        super().__init__(Caller(transport, credentials, tier=tier, policy=rate_policy))

    @classmethod
    def over(cls, caller: Caller) -> Self:
        """Return a client that makes its calls as another one does, with the same key."""
        client = cls.__new__(cls)
        TradingCalls.__init__(client, caller)
        return client

    @property
    def has_key(self) -> bool:
        """Whether private calls can be made."""
        return bool(self._caller.credentials)

    @property
    def nonce_unit(self) -> str:
        """The unit of nonces: `us`, `ns` or `ms`."""
        return self._caller.credentials.nonce_unit

    @property
    def rate_counter(self) -> RestCounter:
        """The counter of the REST rate limit, as far as this process raises it."""
        return self._caller.counter

    def use_network(self, network: Network) -> None:
        """Use the `ssl` and `proxy` of a WebSocket client where this one has none.

        The first client that has them decides.
        """
        self._caller.transport.use_network(network)

    async def get_websockets_token(self) -> WebSocketToken:
        """Request a new token for private channels.

        Raises:
            TokenAcquisitionError: the request failed.
        """
        return await fetch_token(self._caller)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the next call opens new ones."""
        await self._caller.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # The constructor may have failed: error reports show incomplete objects.
        caller = getattr(self, "_caller", None)
        url = None if caller is None else caller.transport.shown_url
        return f"{type(self).__name__}(base_url={url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


def _check_options(tier: object, rate_policy: object, timeout: object) -> None:
    """Check options.

    Raises:
        TypeError, ValueError: one is not valid; the text does not contain it, as it may be a secret
            that was passed as the wrong argument.
    """
    for name, value, choices in (
        ("tier", tier, tuple(TIERS)),
        ("rate_policy", rate_policy, get_args(RestPolicy)),
    ):
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout must be a number of seconds, not a {type(timeout).__name__}")
    if not timeout > 0:
        raise ValueError(f"timeout must be a positive number of seconds, not {timeout}")
