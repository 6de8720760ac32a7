"""Requests, replies, pings and heartbeats."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Self

from .base import Given, Model, model
from .timestamps import timestamp_ns


@model
class HeartbeatMessage(Model):
    """A heartbeat; the exchange sends about one a second while it sends nothing else.

    Attributes:
        channel: `heartbeat`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    channel: str = "heartbeat"
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class WSRequest(Given):
    """A request to the exchange; a token in it is not in the repr or pickle.

    Attributes:
        method: `subscribe`, `unsubscribe`, `add_order`, ...
        params: the method's parameters.
        req_id: number that the reply repeats.
    """

    method: str
    params: dict[str, Any] = field(default_factory=dict)
    req_id: int | None = None

    def __repr__(self) -> str:
        return Model.__repr__(self._with_token("***"))

    def _state(self) -> dict[str, Any]:
        return Model._state(self._with_token(""))

    def _with_token(self, token: str) -> Self:
        """Return a copy with another token, if the request has one."""
        if isinstance(self.params, dict) and "token" in self.params:
            return self.__replace__(params={**self.params, "token": token})
        return self


@model
class WSResponse(Model):
    """A successful reply.

    Attributes:
        method: the request's method.
        result: the result; a list for `batch_add`.
        success: true.
        time_in: RFC 3339 time at which the exchange received the request.
        time_out: RFC 3339 time at which it sent this reply.
        req_id: the request's id, if it had one.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    method: str
    result: dict[str, Any]
    success: bool
    time_in: str
    time_out: str
    req_id: int | None = None
    received_ns: int | None = field(default=None, kw_only=True, compare=False)

    @property
    def warnings(self) -> list[str]:
        """The exchange's warnings, mostly about deprecated fields; they do not mean failure."""
        found = self.result.get("warnings") if isinstance(self.result, dict) else None
        return found if isinstance(found, list) else []

    @property
    def time_in_ns(self) -> int | None:
        """`time_in` in nanoseconds since the epoch."""
        return timestamp_ns(self.time_in)

    @property
    def time_out_ns(self) -> int | None:
        """`time_out` in nanoseconds since the epoch."""
        return timestamp_ns(self.time_out)


@model
class WSErrorResponse(Model):
    """An error reply.

    Attributes:
        method: the request's method; `error` if the exchange could not read the request.
        error: the exchange's text.
        success: false.
        time_in: RFC 3339 time at which the exchange received the request.
        time_out: RFC 3339 time at which it sent this reply.
        req_id: the request's id, if it had one and the exchange could read it.
        symbol: the refused pair, on subscriptions to public channels.
        channel: the channel, on subscriptions to private channels and level3.
        status: `error`, if `channel` is given.
        result: further data: the results of a `batch_add`, of which some orders may have been
            placed despite the error; an object, a list, or `None`.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    method: str
    error: str
    success: bool
    time_in: str
    time_out: str
    req_id: int | None = None
    symbol: str | None = None
    channel: str | None = None
    status: str | None = None
    result: Any = field(default=None, kw_only=True)
    received_ns: int | None = field(default=None, kw_only=True, compare=False)


@model
class PingRequest(Model):
    """An application-level ping; it has no `params`.

    Attributes:
        req_id: number that the pong repeats.
    """

    req_id: int | None = None

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the request in the exchange's format."""
        return {"method": "ping", **Model.to_dict(self, exact=exact)}


@model
class PongResponse(Model):
    """The reply to a ping.

    Attributes:
        req_id: the ping's id, if it had one.
        time_in: RFC 3339 time at which the exchange received the ping.
        time_out: RFC 3339 time at which it sent the pong.
        received_ns: local receive time, nanoseconds since the epoch; not part of equality.
    """

    req_id: int | None = None
    time_in: str | None = None
    time_out: str | None = None
    received_ns: int | None = field(default=None, kw_only=True, compare=False)

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the reply in the exchange's format."""
        return {"method": "pong", **Model.to_dict(self, exact=exact)}
