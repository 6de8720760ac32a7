"""Plain HTTP on the exchange's port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol, TypeAlias

import h11

Fate: TypeAlias = Literal["answered", "dropped", "hung"]


class HttpResponse(NamedTuple):
    """The response to an HTTP request; the exchange answers in JSON, gateways do not.

    Attributes:
        fate: `dropped` resets the connection instead, `hung` never answers.
        delay: seconds until it is sent.
        drip: seconds between two bytes of its body; 0 sends it at once.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    fate: Fate = "answered"
    delay: float = 0.0
    drip: float = 0.0


Respond: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], HttpResponse]
"""Method, target, headers (names in lower case) and body to a response."""


class HttpSocket(Protocol):
    """The socket of a connection."""

    def send_bytes(self, data: bytes) -> None:
        """Write bytes, unless the connection is lost."""

    def abort(self) -> None:
        """Reset the connection."""

    def fall_silent(self) -> None:
        """Send and read nothing from now on."""

    def hang_up(self) -> None:
        """Close the connection once the send buffer is empty."""


def no_such_page(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    """Respond as a host that serves WebSocket only."""
    return HttpResponse(404, b"{}")


class HttpConversation:
    """The requests and responses of one HTTP/1.1 connection.

    Args:
        respond: returns the response to a request.
        socket: of the connection.
    """

    def __init__(self, respond: Respond, socket: HttpSocket) -> None:
        self._respond = respond
        self._socket = socket
        self._connection = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""

    def receive(self, data: bytes) -> None:
        """Process bytes from the client and answer each complete request."""
        self._connection.receive_data(data)
        self._go_on()

    def _go_on(self) -> None:
        try:
            while self._handle(self._connection.next_event()):
                pass
        except h11.RemoteProtocolError:
            self._socket.hang_up()

    def _handle(self, event: object) -> bool:
        """Process an event, and return whether another one can follow at once."""
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._answer()
            return False
        else:
            return False
        return True

    def _answer(self) -> None:
        assert self._request is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in self._request.headers}
        response = self._respond(
            self._request.method.decode(), self._request.target.decode(), headers, self._body
        )
        if response.fate == "dropped":
            self._socket.abort()
        elif response.fate == "hung":
            self._socket.fall_silent()
        elif response.delay:
            asyncio.get_running_loop().call_later(response.delay, self._write, response)
        else:
            self._write(response)

    def _write(self, response: HttpResponse) -> None:
        length = str(len(response.body))
        fields = [("Content-Type", response.content_type), ("Content-Length", length)]
        head = h11.Response(status_code=response.status, headers=fields)
        self._socket.send_bytes(self._connection.send(head) or b"")
        self._write_body(self._connection.send(h11.Data(data=response.body)) or b"", response.drip)
        self._socket.send_bytes(self._connection.send(h11.EndOfMessage()) or b"")
        if self._connection.our_state is h11.DONE:
            self._connection.start_next_cycle()
            self._go_on()
        else:
            lasts = response.drip * len(response.body)
            asyncio.get_running_loop().call_later(lasts, self._socket.hang_up)

    def _write_body(self, body: bytes, drip: float) -> None:
        if not drip:
            self._socket.send_bytes(body)
            return
        loop = asyncio.get_running_loop()
        for index in range(len(body)):
            loop.call_later(index * drip, self._socket.send_bytes, body[index : index + 1])
