"""What the calls of `kraken_connector.api` have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from inspect import Signature, signature
from typing import Any, Final, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

import httpx

from ..constants.api import API_VERSION_PREFIX
from ..exceptions import InvalidResponseModel, KrakenAPIError, UnexpectedStatus
from ..http import HTTPAuthenticatedClient, HTTPClient
from ..loop_time import now
from ..network import without_frames
from ..rest.counter import COSTS
from ..rest.nonces import LONGEST_WAIT
from ..schemas._base import Schema
from ..security import get_nonce
from ..types import Response

__all__ = ["Call", "SignedCall", "four_forms", "private", "public", "reader"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: They go ahead of other calls of the key.
URGENT: Final = frozenset({"CancelOrder", "CancelAll", "CancelAllOrdersAfter"})

#: Exceptions whose text cannot quote a header or a password.
SAFE: Final = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)


# Requests, as httpx takes them.


def public(name: str, **params: Any) -> dict[str, Any]:
    """Return the request of a public call.

    Args:
        name: such as `Depth`.
        params: its parameters; those that are `None` are left out.
    """
    kwargs: dict[str, Any] = {"method": "get", "url": f"{API_VERSION_PREFIX}/public/{name}"}
    if given := {key: _text(value) for key, value in params.items() if value is not None}:
        kwargs["params"] = given
    return kwargs


def private(name: str, form: Schema[Any] | None = None, **params: Any) -> dict[str, Any]:
    """Return the request of a private call, not yet signed.

    Args:
        name: such as `QueryOrders`.
        form: its parameters.
        params: its parameters where there is no form; those that are `None` are left out.
    """
    given = {key: value for key, value in params.items() if value is not None}
    data = {"nonce": get_nonce(), **given} if form is None else form.to_dict()
    return {"method": "post", "url": f"{API_VERSION_PREFIX}/private/{name}", "data": data}


def _text(value: object) -> str:
    """Return a parameter as it is sent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# Replies.


class Reader(Protocol[R_co]):
    """A function that reads the reply to a call."""

    def __call__(self, *, client: HTTPClient, response: httpx.Response) -> R_co | None: ...


def reader(read: Callable[[dict[str, Any]], R]) -> Reader[R]:
    """Return the function that reads the reply to a call.

    Args:
        read: turns the reply's JSON object into the result.
    """

    def parse_response(*, client: HTTPClient, response: httpx.Response) -> R | None:
        if response.status_code != HTTPStatus.OK:
            if client.raise_on_unexpected_status:
                raise UnexpectedStatus(response.status_code, response.content)
            return None
        reply = _json_object(response)
        if errors := [text for text in _texts(reply.get("error")) if not text.startswith("W")]:
            if isinstance(client, HTTPAuthenticatedClient):
                errors = [client.credentials.hidden(text) for text in errors]
            raise KrakenAPIError(errors)
        if reply.get("result") is None:
            raise InvalidResponseModel("the reply has neither an error nor a result")
        return read(reply)

    return parse_response


def _json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a reply.

    Raises:
        InvalidResponseModel: it has none; the text does not quote it, as it may hold a token.
    """
    try:
        reply = response.json()
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(reply, dict):
            return reply
    raise InvalidResponseModel(f"the reply is not a JSON object ({len(response.content)} bytes)")


def _texts(error: Any) -> list[str]:
    """Return the texts of a reply's `error`, which is documented as a list."""
    if not error:
        return []
    return [str(text) for text in error] if isinstance(error, list) else [str(error)]


# Calls.


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A public call.

    Attributes:
        client: makes it.
        kwargs: the request.
        read: reads the reply.
    """

    client: HTTPClient
    kwargs: dict[str, Any]
    read: Reader[R]

    def run(self) -> Response[R]:
        """Make the call.

        Raises:
            httpx.HTTPError: there is no reply.
        """
        http = self.client.get_or_create_httpx_client()
        try:
            reply = self._send(http)
        except BaseException as error:
            _hide_secrets(error)
            raise
        return self._response(reply)

    async def run_async(self) -> Response[R]:
        """Make the call as `run` does, without blocking the event loop."""
        http = self.client.get_or_create_async_httpx_client()
        try:
            reply = await self._send_async(http)
        except BaseException as error:
            _hide_secrets(error)
            raise
        return self._response(reply)

    def _send(self, http: httpx.Client) -> httpx.Response:
        return http.request(**self.kwargs)

    async def _send_async(self, http: httpx.AsyncClient) -> httpx.Response:
        return await http.request(**self.kwargs)

    def _response(self, reply: httpx.Response) -> Response[R]:
        status: HTTPStatus | int = reply.status_code
        if reply.status_code in _STATUSES:
            status = HTTPStatus(reply.status_code)
        parsed = self.read(client=self.client, response=reply)
        return Response(status, reply.content, reply.headers, parsed)


_STATUSES: Final = frozenset(HTTPStatus)


@dataclass(frozen=True, slots=True)
class SignedCall(Call[R]):
    """A private call. It takes its turn among all calls of the key, and gets the next nonce."""

    client: HTTPAuthenticatedClient

    def __post_init__(self) -> None:
        if not isinstance(self.client, HTTPAuthenticatedClient):
            kind = type(self.client).__name__
            raise TypeError(f"a private call needs an HTTPAuthenticatedClient, not {kind}")
        if not self.client.credentials:
            raise ValueError("api_key and api_secret are required for private calls")

    def _send(self, http: httpx.Client) -> httpx.Response:
        nonces = self.client.caller.nonces
        with nonces.turn_in_thread(urgent=self._name in URGENT):
            return http.request(**self._signed(nonces.next_in_thread()))

    async def _send_async(self, http: httpx.AsyncClient) -> httpx.Response:
        nonces = self.client.caller.nonces
        async with nonces.turn(now() + LONGEST_WAIT, urgent=self._name in URGENT):
            return await http.request(**self._signed(await nonces.next()))

    @property
    def _name(self) -> str:
        """The name of the call, such as `OpenOrders`."""
        return str(self.kwargs["url"]).rpartition("/")[2]

    def _signed(self, nonce: str) -> dict[str, Any]:
        """Return the request with key and signature, and count it."""
        url, data = self.kwargs["url"], self.kwargs["data"]
        fields = {key: _text(value) for key, value in data.items() if key != "nonce"}
        signed = self.client.credentials.request(url, nonce, fields)
        self.client.caller.counter.charge(COSTS.get(self._name, 1.0))
        headers = dict(signed.headers)
        return {"method": signed.method, "url": url, "headers": headers, "content": signed.body}


def _hide_secrets(error: BaseException) -> None:
    """Remove from an exception what shows the key, the signature, or the password of a proxy."""
    without_frames(error)
    if not isinstance(error, httpx.RequestError):
        return
    with contextlib.suppress(RuntimeError):  # it has no request
        error.request = httpx.Request(error.request.method, error.request.url)
    if not isinstance(error, SAFE):
        error.args = (type(error).__name__,)
        error.__cause__ = error.__context__ = None


Form: TypeAlias = Callable[P, R]
AsyncForm: TypeAlias = Callable[P, Coroutine[Any, Any, R]]
FourForms: TypeAlias = tuple[
    Form[P, R | None],
    Form[P, Response[R]],
    AsyncForm[P, R | None],
    AsyncForm[P, Response[R]],
]


def four_forms(call: Callable[P, Call[R]]) -> FourForms[P, R]:
    """Return the functions `sync`, `sync_detailed`, `asyncio` and `asyncio_detailed` of a module.

    Args:
        call: makes a call of the parameters that they have; they get its docstring.
    """

    def sync(*args: P.args, **kwargs: P.kwargs) -> R | None:
        return call(*args, **kwargs).run().parsed

    def sync_detailed(*args: P.args, **kwargs: P.kwargs) -> Response[R]:
        return call(*args, **kwargs).run()

    async def asyncio(*args: P.args, **kwargs: P.kwargs) -> R | None:
        return (await call(*args, **kwargs).run_async()).parsed

    async def asyncio_detailed(*args: P.args, **kwargs: P.kwargs) -> Response[R]:
        return await call(*args, **kwargs).run_async()

    # It is in the text of a TypeError for a wrong parameter.
    call.__qualname__ = call.__module__.rpartition(".")[2]
    shown = signature(call).replace(return_annotation=Signature.empty)
    forms: list[Any] = [sync, sync_detailed, asyncio, asyncio_detailed]
    for form in forms:
        form.__module__, form.__doc__ = call.__module__, call.__doc__
        form.__qualname__, form.__signature__ = form.__name__, shown
    return sync, sync_detailed, asyncio, asyncio_detailed
