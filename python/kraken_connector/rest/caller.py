"""What all REST calls have in common: limit, turn, signature, reply, repetition."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

from ..exceptions import RestError
from ..loop_time import now
from .counter import COSTS, RestTier, shared_counter
from .credentials import Credentials
from .envelope import read_reply
from .nonces import shared_nonces
from .retrying import Effect, pause_before_retry
from .transport import HttpReply, HttpRequest, RequestFailed, Transport

__all__ = ["Caller", "Field", "RestPolicy"]

logger = logging.getLogger(__name__)

RestPolicy = Literal["wait", "refuse"]

Field: TypeAlias = str | int | bool | None
"""A parameter of a call; `None` is left out."""

NOTHING: Mapping[str, Field] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Call:
    """A private call.

    Attributes:
        name: such as `OpenOrders`.
        form: its fields without nonce.
        effect: what it does.
        urgent: whether it goes ahead of others and of our own count of the rate limit.
        paced: whether it is counted, and does not wait for room.
    """

    name: str
    form: Mapping[str, str]
    effect: Effect
    urgent: bool
    paced: bool


class Caller:
    """Makes the calls of one API key, or public calls only.

    Private calls are made one at a time, as their nonces must arrive in order; urgent ones go
    ahead at once. A call that fails is repeated when `retrying` allows it and the time is enough.

    Args:
        transport: sends requests.
        credentials: the API key; may be empty.
        tier: the account's tier.
        policy: whether to wait while the rate limit has no room, or to raise.

    Attributes:
        transport: as given.
        credentials: as given.
        counter: the counter of the rate limit.
        nonces: the nonces of the key, and the turns of its calls.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        tier: RestTier = "starter",
        policy: RestPolicy = "wait",
    ) -> None:
        self.transport = transport
        self.credentials = credentials
        self.counter = shared_counter(transport.shown_url, credentials.api_key, tier, now)
        self._policy = policy
        self.nonces = shared_nonces(
            transport.shown_url, credentials.api_key, credentials.nonce_unit
        )

    async def public(self, name: str, params: Mapping[str, Field] = NOTHING) -> Any:
        """Make a public call and return its result.

        Args:
            name: such as `AssetPairs`.
            params: its parameters.

        Raises:
            RestError: it failed.
        """
        query = urlencode(_fields(params))
        target = f"/0/public/{name}" + (f"?{query}" if query else "")

        async def once(left: float) -> Any:
            reply = await self._send(name, HttpRequest("GET", target), left)
            return await self._read(name, reply)

        return await self._repeated(once, Effect.READ)

    async def private(
        self,
        name: str,
        params: Mapping[str, Field] = NOTHING,
        *,
        effect: Effect = Effect.READ,
        urgent: bool = False,
        paced: bool = False,
    ) -> Any:
        """Make a private call and return its result.

        Args:
            name: such as `OpenOrders`.
            params: its parameters.
            effect: what it does.
            urgent: whether it goes ahead of other calls and of our own count of the rate limit.
            paced: whether the caller spaces these calls, so that they do not wait for room.

        Raises:
            RestError: it failed.
        """
        if not self.credentials:
            raise RestError(
                name, "it needs api_key and api_secret", was_sent=False, kind="permission"
            )
        call = _Call(name, _fields(params), effect, urgent, paced)

        async def once(left: float) -> Any:
            return await self._private(call, left)

        return await self._repeated(once, effect)

    async def _private(self, call: _Call, left: float) -> Any:
        """Make a private call once."""
        until = now() + left
        cost = COSTS.get(call.name, 1.0)
        waits = cost > 0 and not (call.urgent or call.paced)
        while True:
            if waits:
                await self._wait_for_room(call.name, cost, until - now())
            async with self.nonces.turn(until, urgent=call.urgent):
                if waits and self.counter.wait(cost):
                    continue  # The call before took the room.
                self.counter.charge(cost)
                nonce = await self.nonces.next()
                path = f"/0/private/{call.name}"
                request = self.credentials.request(path, nonce, call.form)
                try:
                    reply = await self._send(call.name, request, until - now())
                finally:
                    del request
            return await self._read(call.name, reply)

    async def _wait_for_room(self, name: str, cost: float, left: float) -> None:
        """Wait until the rate limit has room for a call.

        Raises:
            RestError: there will be none in time, or the policy is not to wait.
        """
        while (seconds := self.counter.wait(cost)) > 0:
            if self._policy == "refuse" or seconds >= left:
                counter = f"{self.counter.value:.1f} of {self.counter.maximum:.0f}"
                problem = (
                    f"it costs {cost:.0f}, and the REST rate limit is used up ({counter}): "
                    f"there is room in {seconds:.1f} s"
                )
                raise RestError(name, problem, was_sent=False, kind="rate", retry_after=seconds)
            # A pause that is too short to be seen on the clock would be repeated without end.
            await asyncio.sleep(seconds + 0.001)
            left -= seconds

    async def _send(self, name: str, request: HttpRequest, left: float) -> HttpReply:
        """Send a request.

        Raises:
            RestError: there is no reply.
        """
        try:
            return await self.transport.send(request, None if left == inf else max(left, 0.0))
        except RequestFailed as error:
            problem, was_sent = str(error), error.was_sent
        finally:
            del request
        where = self.transport.shown_url
        raise RestError(name, f"cannot reach {where}: {problem}", was_sent=was_sent)

    async def _read(self, name: str, reply: HttpReply) -> Any:
        """Return the result of a reply.

        Raises:
            RestError: it has none.
        """
        try:
            read = await read_reply(name, reply)
        except RestError as error:
            failure = self._without_key(error)
        else:
            for text in read.warnings:
                logger.warning(
                    "the exchange warns about %s: %s", name, self.credentials.hidden(text)
                )
            return read.result
        if any(text.lower().startswith("eapi:rate limit") for text in failure.errors):
            self.counter.exceeded()
        raise failure

    def _without_key(self, error: RestError) -> RestError:
        """Return an error whose texts do not quote the public key."""
        errors = [self.credentials.hidden(text) for text in error.errors]
        if tuple(errors) == error.errors:
            return error
        return RestError(
            error.call, errors=errors, status=error.status, retry_after=error.retry_after
        )

    async def _repeated(self, once: Callable[[float], Awaitable[Any]], effect: Effect) -> Any:
        """Make a call, and repeat it while that is allowed and there is time."""
        limit = self.transport.timeout
        until = inf if limit is None else now() + limit
        attempt = 0
        while True:
            try:
                return await once(until - now())
            except RestError as error:
                pause = pause_before_retry(error, effect, attempt)
                if pause is None or now() + pause >= until:
                    raise
                logger.info("%s; it is repeated in %.2f s", error, max(pause, 0.0))
            await asyncio.sleep(max(pause, 0.0))
            attempt += 1


def _fields(params: Mapping[str, Field]) -> dict[str, str]:
    """Return the parameters that are set, as text."""
    return {
        name: json.dumps(value) if isinstance(value, bool) else str(value)
        for name, value in params.items()
        if value is not None
    }
