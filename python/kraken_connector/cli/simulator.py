"""`kraken-ws sim`: a simulated exchange for any client."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime

from rich.console import Console

from ..sim import LogEntry, Request, SimulatedExchange
from ..sim.hosts import in_url
from ..sim.unified import SimulatedUnified
from .inputs import fail, reason


async def serve(exchange: SimulatedExchange, console: Console, *, verbose: bool) -> None:
    """Serve until cancelled.

    Args:
        exchange: an exchange that is not listening yet.
        console: gets the addresses, and with `verbose` the requests and events.
        verbose: whether to print requests and events.

    Raises:
        typer.Exit: the exchange cannot listen on its address.
    """
    try:
        await exchange.start_serving()
    except (OSError, OverflowError, UnicodeError) as error:
        fail(f"cannot listen on {in_url(exchange.host)}:{exchange.port}: {reason(error)}")
    try:
        _introduce(exchange, console)
        if verbose:
            await _narrate(exchange, console)
        await asyncio.Event().wait()
    finally:
        await exchange.stop_serving()


def _introduce(exchange: SimulatedExchange, console: Console) -> None:
    for name, value in (
        *_urls(exchange),
        ("rest url", exchange.rest_url),
        ("api key", exchange.api_key),
        ("api secret", exchange.api_secret),
        ("symbols", " ".join(exchange.symbols)),
        *_suggestions(exchange),
    ):
        console.out(f"{name:<12}{value}", highlight=False)
    console.out("The key is valid for this simulator only. Ctrl-C stops it.", highlight=False)
    console.file.flush()


def _suggestions(exchange: SimulatedExchange) -> list[tuple[str, str]]:
    if isinstance(exchange, SimulatedUnified):
        return []
    symbol = next(iter(exchange.symbols))
    return [("try", f"kraken-ws watch book {symbol} --url {exchange.url}")]


def _urls(exchange: SimulatedExchange) -> list[tuple[str, str]]:
    if isinstance(exchange, SimulatedUnified):
        return [("url", exchange.public_url), ("auth url", exchange.private_url)]
    if exchange.url == exchange.auth_url:
        return [("url", exchange.url)]
    urls = exchange.url, exchange.auth_url, exchange.level3_url
    return list(zip(("url", "auth url", "level3 url"), urls, strict=True))


class _Narration:
    """The requests and events of an exchange since the last call of `news`."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._requests_shown = self._logged = 0

    def has_news(self) -> bool:
        """Return whether there are new requests or events."""
        exchange = self._exchange
        return len(exchange.requests) > self._requests_shown or len(exchange.log) > self._logged

    def news(self) -> list[str]:
        """Return a line for each new one, in the order of time."""
        exchange = self._exchange
        lines = [_request_line(request) for request in exchange.requests[self._requests_shown :]]
        lines += [_log_line(entry) for entry in exchange.log[self._logged :]]
        self._requests_shown, self._logged = len(exchange.requests), len(exchange.log)
        return [line for _, line in sorted(lines)]


async def _narrate(exchange: SimulatedExchange, console: Console) -> None:
    narration = _Narration(exchange)
    while True:
        await exchange.wait_for(narration.has_news, timeout=math.inf)
        for line in narration.news():
            console.out(line, highlight=False)
        console.file.flush()


def _request_line(request: Request) -> tuple[int, str]:
    return request.received_ns, _line(request.received_ns, request.connection, f"< {request.raw}")


def _log_line(entry: LogEntry) -> tuple[int, str]:
    what = f"{entry.event} {entry.detail}".strip()
    return entry.time_ns, _line(entry.time_ns, entry.connection, what)


def _line(time_ns: int, connection: int | None, what: str) -> str:
    clock = datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
    return f"{clock} {f'#{connection}' if connection else '':<4} {what}"
