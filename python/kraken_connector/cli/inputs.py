"""What users type, checked; whatever is wrong with it ends the command with one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import typer

from ..sim import SimulatedExchange
from ..ws import TokenManager
from ..ws.constants import BOOK_DEPTHS, PUBLIC_URL
from ..ws.subscribe import BookParams

#: Exit codes: something did not hold or did not work; the command line itself was wrong.
FAILED, MISUSED = 1, 2


class Endpoint(NamedTuple):
    """Where to connect to, as a URL and in words."""

    url: str
    host: str


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say in one line on standard error what is wrong, and end.

    Raises:
        typer.Exit: always.
    """
    typer.echo(f"kraken-ws: {message}", err=True)
    raise typer.Exit(code)


def symbols(names: list[str]) -> list[str]:
    """Return the symbols that are meant, each once; `BTC/USD,ETH/USD` counts as two."""
    wanted = [name for part in names for name in part.split(",") if name]
    try:
        return BookParams(symbol=wanted).symbol
    except ValueError as error:
        fail(str(error), MISUSED)


def listing(text: str | None) -> int | list[str] | None:
    """Return a number of symbols or the symbols themselves; `None` stays open."""
    if text is None:
        return None
    if text.isdecimal():
        return int(text) or fail("--symbols must be at least 1", MISUSED)
    return symbols([text])


def depth(levels: int, depths: Sequence[int] = BOOK_DEPTHS) -> int:
    """Return a depth that there is."""
    if levels not in depths:
        choices = ", ".join(map(str, depths))
        fail(f"--depth must be one of {choices} (levels per side), not {levels}", MISUSED)
    return levels


def endpoint(url: str | None, *, simulate: bool) -> Endpoint:
    """Return where to connect to, Kraken unless said otherwise."""
    if url is not None and simulate:
        fail("use --url or --simulate, not both", MISUSED)
    if url is None:
        return Endpoint(PUBLIC_URL, "Kraken")
    try:
        parts = urlsplit(url)
        is_websocket = parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError:
        is_websocket = False
    if not is_websocket:
        fail(f"--url must look like ws://127.0.0.1:8080/v2, not {url!r}", MISUSED)
    return Endpoint(url, parts.netloc)


def tokens(rest_url: str) -> TokenManager:
    """Return what fetches tokens, with the API key in the environment."""
    try:
        return TokenManager.from_env(base_url=rest_url)
    except ValueError as error:
        fail(f"level3 needs a token, and a token an API key: {error}", MISUSED)


def refuse_with_file(**options: object) -> None:
    """Refuse options that a recording decides by itself."""
    for name, value in options.items():
        if value is not None:
            fail(f"--{name} has no use with --file: the recording decides", MISUSED)


def recording(path: Path) -> Path:
    """Return the path of a file that can be read."""
    try:
        with path.open("rb") as file:
            first = file.readline()
    except OSError as error:
        fail(f"cannot read {path}: {reason(error)}", MISUSED)
    if not first:
        fail(f"{path} is empty", MISUSED)
    return path


def played(path: Path, **options: Any) -> SimulatedExchange:
    """Return an exchange that plays a recording."""
    try:
        return SimulatedExchange.replay(path, **options)
    except ValueError as error:
        fail(f"cannot play {path}: {error}")


def reason(error: OSError) -> str:
    """Return the system's own words, without the numbers and paths around them."""
    if error.errno == errno.EADDRINUSE:
        return "the port is in use"
    return os.strerror(error.errno).lower() if error.errno else str(error)
