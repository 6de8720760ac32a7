"""Plain HTTP on the exchange's port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import h11


class HttpResponse(NamedTuple):
    """The response to an HTTP request; the exchange answers in JSON, gateways do not."""

    status: int
    body: bytes
    content_type: str = "application/json"


Respond: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], HttpResponse]
"""Method, target, headers (names in lower case) and body to a response."""


Fate: TypeAlias = Literal["answered", "dropped", "hung"]


@dataclass(slots=True)
class ResponseFaults:
    """What goes wrong with responses.

    Attributes:
        delay: seconds by which they are late.
        drip: seconds between two bytes of a body; 0 sends it at once.
        dropped: for how many requests the connection is reset instead.
        hung: how many requests are never answered.
    """

    delay: float = 0.0
    drip: float = 0.0
    dropped: int = 0
    hung: int = 0

    def clear(self) -> None:
        """Respond as usual."""
        self.delay = self.drip = 0.0
        self.dropped = self.hung = 0

    def next_fate(self) -> Fate:
        """Return what happens to the next request, and count it."""
        if self.dropped > 0:
            self.dropped -= 1
            return "dropped"
        if self.hung > 0:
            self.hung -= 1
            return "hung"
        return "answered"


def no_such_page(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    """Respond as a host that serves WebSocket only."""
    return HttpResponse(404, b"{}")


class HttpConversation:
    """The requests and responses of one HTTP/1.1 connection, without its socket.

    Args:
        respond: returns the response to a request.
        send: writes bytes to the socket.
        send_body: writes the body of a response to the socket.
    """

    def __init__(
        self,
        respond: Respond,
        send: Callable[[bytes], None],
        send_body: Callable[[bytes], None],
    ) -> None:
        self._respond = respond
        self._send = send
        self._send_body = send_body
        self._connection = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = b""

    def receive(self, data: bytes) -> bool:
        """Process bytes from the client and answer each complete request.

        Returns:
            Whether the connection stays open.
        """
        self._connection.receive_data(data)
        try:
            while self._handle(self._connection.next_event()):
                pass
        except h11.RemoteProtocolError:
            return False
        return self._connection.our_state is not h11.MUST_CLOSE

    def _handle(self, event: object) -> bool:
        if isinstance(event, h11.Request):
            self._request, self._body = event, b""
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return self._answer()
        else:
            return False
        return True

    def _answer(self) -> bool:
        assert self._request is not None
        headers = {name.decode(): value.decode("latin-1") for name, value in self._request.headers}
        response = self._respond(
            self._request.method.decode(), self._request.target.decode(), headers, self._body
        )
        self._write(response)
        if self._connection.our_state is not h11.DONE:
            return False
        self._connection.start_next_cycle()
        return True

    def _write(self, response: HttpResponse) -> None:
        length = str(len(response.body))
        fields = [("Content-Type", response.content_type), ("Content-Length", length)]
        head = h11.Response(status_code=response.status, headers=fields)
        self._send(self._connection.send(head) or b"")
        self._send_body(self._connection.send(h11.Data(data=response.body)) or b"")
        self._send(self._connection.send(h11.EndOfMessage()) or b"")
