"""Plain HTTP on the exchange's port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import h11

Respond: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], tuple[int, bytes]]
"""Method, target, headers (names in lower case) and body to status and JSON text."""


def no_such_page(
    method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    """Answer as a host that serves WebSocket only."""
    return 404, b"{}"


class HttpConversation:
    """The requests and responses of one HTTP/1.1 connection, without its socket.

    Args:
        respond: answers a request.
        send: puts bytes on the socket.
    """

    def __init__(self, respond: Respond, send: Callable[[bytes], None]) -> None:
        self._respond = respond
        self._send = send
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
        status, body = self._respond(
            self._request.method.decode(), self._request.target.decode(), headers, self._body
        )
        self._write(status, body)
        if self._connection.our_state is not h11.DONE:
            return False
        self._connection.start_next_cycle()
        return True

    def _write(self, status: int, body: bytes) -> None:
        head = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        for event in (
            h11.Response(status_code=status, headers=head),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self._send(self._connection.send(event) or b"")
