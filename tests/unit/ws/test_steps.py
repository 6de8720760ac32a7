"""A session is called only within a step of its connection, which then sends its requests."""

from __future__ import annotations

import re
from pathlib import Path

from kraken_connector.ws import client
from kraken_connector.ws.protocol.order_requests import OrderRequests
from kraken_connector.ws.protocol.requests import Requests
from kraken_connector.ws.protocol.session import Session

FOLDER = Path(client.__file__).parent
OWNERS = ("network", "protocol")
QUERIES = {"deadline", "is_stream_current", "masked", "rates", "remark_on", "token_problem"}


def commands() -> set[str]:
    """Return the methods of a session and its parts that may leave requests to send."""
    parts = {"": Session, "trading.": OrderRequests, "requests.": Requests}
    return {
        prefix + name
        for prefix, part in parts.items()
        for name, member in vars(part).items()
        if not name.startswith("_") and callable(member) and name not in QUERIES
    }


def test_no_session_is_called_without_a_step() -> None:
    calls = re.compile(rf"\.session\.({'|'.join(map(re.escape, sorted(commands())))})\(")
    sources = [path for path in FOLDER.rglob("*.py") if path.parent.name not in OWNERS]
    assert len(sources) > 50
    assert [path.name for path in sources if calls.search(path.read_text("utf-8"))] == []
    assert calls.search("link.session.trading.send(command)")
