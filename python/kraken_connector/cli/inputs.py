"""Checks of the user's input; an error ends the command with one line."""

from __future__ import annotations

import errno
import math
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import typer

from .. import backend
from ..shared_books import shared_path
from ..sim import SimulatedExchange
from ..sim.recordings import open_recording
from ..sim.unified import SimulatedUnified
from ..ws import TokenManager
from ..ws.constants import BOOK_DEPTHS, PUBLIC_URL
from ..ws.pool.hosts import Hosts
from ..ws.subscribe import BookParams

#: Exit codes: the command failed; the command line was wrong.
FAILED, MISUSED = 1, 2
#: More than the exchange has; a simulated exchange is slow with far fewer.
MOST_SYMBOLS = 10_000
#: The path that means standard input.
STDIN = Path("-")


class Endpoint(NamedTuple):
    """Where to connect to, as a URL and as text."""

    url: str
    host: str


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Print one line with the error on standard error, and exit.

    Raises:
        typer.Exit: always.
    """
    typer.echo(f"kraken-ws: {message}", err=True)
    raise typer.Exit(code)


def symbols(names: list[str]) -> list[str]:
    """Return the symbols, each once; `BTC/USD,ETH/USD` counts as two."""
    wanted = [_decoded(name) for part in names for name in part.split(",") if name]
    if not wanted:
        fail("no symbol given: name one, such as BTC/USD", MISUSED)
    try:
        return BookParams(symbol=wanted).symbol
    except ValueError as error:
        fail(str(error), MISUSED)


def _decoded(name: str) -> str:
    """Return an argument as text, whatever encoding the locale sets (PEP 383)."""
    try:
        return os.fsencode(name).decode()
    except UnicodeError:
        fail(f"{name!a} is not UTF-8 text", MISUSED)


def listing(text: str | None) -> int | list[str] | None:
    """Return a number of symbols, the symbols themselves, or `None` for `None`."""
    if text is None:
        return None
    if not text.isdecimal():
        return symbols([text])
    if not 1 <= (number := int(text[:9])) <= MOST_SYMBOLS:
        fail(f"--symbols must be at least 1 and at most {MOST_SYMBOLS}", MISUSED)
    return number


def number(value: float | None) -> float | None:
    """Refuse NaN, which float() accepts."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is not a number.")
    return value


def depth(levels: int, depths: Sequence[int] = BOOK_DEPTHS) -> int:
    """Return a valid depth."""
    if levels not in depths:
        choices = ", ".join(map(str, depths))
        fail(f"--depth must be one of {choices} (levels per side), not {levels}", MISUSED)
    return levels


def endpoint(url: str | None, *, simulate: bool) -> Endpoint:
    """Return where to connect to, by default Kraken."""
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
    try:
        Hosts(url)
    except ValueError as error:
        fail(f"--{error}", MISUSED)
    return Endpoint(url, parts.netloc)


def share(name: str, levels: int) -> tuple[str, int]:
    """Return a name under which books can be shared, and how many levels of them."""
    try:
        shared_path(name)
    except ValueError as error:
        fail(f"--{error}", MISUSED)
    if backend() != "native":
        fail("sharing books needs the native core, which is not installed")
    return name, levels


def tokens(rest_url: str) -> TokenManager:
    """Return a token manager with the API key of the environment."""
    try:
        return TokenManager.from_env(base_url=rest_url)
    except ValueError as error:
        fail(str(error).replace("no API key", "watch level3 needs an API key"), MISUSED)


def refuse(why: str, **options: object) -> None:
    """Refuse options that were given and would have no effect."""
    for name, value in options.items():
        if value is not None:
            fail(f"--{name.replace('_', '-')} {why}", MISUSED)


def recording(path: Path) -> Path:
    """Return the path of a file that can be read and is not empty."""
    if path == STDIN:
        fail("cannot read standard input: only replay can; give a file", MISUSED)
    try:
        with path.open("rb") as file, open_recording(file) as lines:
            first = lines.readline()
    except OSError as error:
        fail(f"cannot read {path}: {reason(error)}", MISUSED)
    if not first:
        fail(f"{path} is empty", MISUSED)
    return path


def replayed(path: Path, speed: float | None) -> Path:
    """Return the path of a file to replay; `-` is standard input."""
    if path != STDIN:
        return recording(path)
    if speed is not None:
        fail("--speed needs a file: standard input is replayed as it arrives", MISUSED)
    if sys.stdin is None:
        fail("cannot read standard input: it is closed", MISUSED)
    return path


def exchange(*, unified: bool = False, **options: Any) -> SimulatedExchange:
    """Return a simulated exchange with simulated markets."""
    try:
        return _kind(unified=unified)(**options)
    except ValueError as error:
        fail(str(error), MISUSED)


def played(path: Path, *, unified: bool = False, **options: Any) -> SimulatedExchange:
    """Return an exchange that plays a recording."""
    try:
        return _kind(unified=unified).replay(path, **options)
    except (OSError, ValueError) as error:
        fail(f"cannot play {path}: {error}")


def _kind(*, unified: bool) -> type[SimulatedExchange]:
    return SimulatedUnified if unified else SimulatedExchange


def reason(error: Exception) -> str:
    """Return the system's message without numbers and paths."""
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == errno.EADDRINUSE:
        return "the port is in use"
    if isinstance(error, socket.gaierror):
        return "no such host"
    return os.strerror(error.errno).lower() if error.errno else str(error)
