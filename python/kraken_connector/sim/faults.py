"""Things that go wrong, on command.

A fault acts in one of three places: before a connection is there (refusals), on a message that is
about to leave (a `Rule`), or at once (dropped connections, raw frames). New kinds of faults on
messages are new rules; nothing else has to know them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .server import SimulatedExchange
    from .session import Outgoing, Session


class Faults:
    """The fault menu of one exchange."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._refused_symbols: dict[str, str] = {}

    def handshake_status(self) -> HTTPStatus | None:
        """Return the HTTP status that refuses the next WebSocket handshake, if any."""
        return None

    def refusal_of(self, symbol: str) -> str | None:
        """Return the text that refuses subscriptions to a symbol, if any."""
        return self._refused_symbols.get(symbol)

    def pass_on(self, session: Session, message: Outgoing) -> bool:
        """Tell whether a message may leave as it is."""
        return True
