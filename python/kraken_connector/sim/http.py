"""Plain HTTP on the exchange's port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import h11


class HttpResponse(NamedTuple):
    """What an HTTP request is answered with; the exchange answers in JSON, gateways do not."""

    status: int
    body: bytes
    content_type: str = "application/json"


Respond: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], HttpResponse]
"""Method, target, headers (names in lower case) and body to a response."""


def no_such_page(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    """Answer as a host that serves WebSocket only."""
    return HttpResponse(404, b"{}")


class HttpConversation:
    """The requests and responses of one HTTP/1.1 connection, without its socket.

    Args:
        respond: answers a request.
        send: puts bytes on the socket.
        send_body: likewise the body of a response.
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
        """Take bytes from the client and answer what is complete.

        Returns:
            Whether the connection stays open.
        """
        self._connection.receive_data(data)
        try:
            while self._take(self._connection.next_event()):
                pass
        except h11.RemoteProtocolError:
            return False
        return self._connection.our_state is not h11.MUST_CLOSE

    def _take(self, event: object) -> bool:
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
