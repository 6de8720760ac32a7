"""`kraken-ws demo`: an exchange, a client and verified books on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ..ws.subscribe import BookParams
from . import inputs
from .ladder import height
from .replay import Player

_COMFORTABLE_WIDTH = 38
_FEWEST, _MOST = 3, 10


def books_for(console: Console) -> int:
    """Return the number of books of ten levels that fill a screen."""
    columns = max(_FEWEST, console.width // _COMFORTABLE_WIDTH)
    rows = (console.height - 2) // height(10)
    return max(_FEWEST, min(columns * rows, _MOST))


def recorded_books(path: Path, wanted: int | Sequence[str] | None) -> dict[str, int]:
    """Return the depths of the wanted books in a recording.

    Raises:
        typer.Exit: the recording has no books, or not the wanted ones.
    """
    player = Player(path)
    player.run(Console(quiet=True))
    depths = {symbol: book.depth for symbol, book in player.engine.books.items()}
    if not depths:
        inputs.fail(f"{path} has no books")
    if wanted is None or isinstance(wanted, int):
        return dict(list(depths.items())[:wanted])
    if missing := [symbol for symbol in wanted if symbol not in depths]:
        inputs.fail(f"{path} has no book of {', '.join(missing)}, only of {', '.join(depths)}")
    return {symbol: depths[symbol] for symbol in wanted}


def book_subscriptions(depths: dict[str, int]) -> list[BookParams]:
    """Return the subscriptions for the depth of each symbol."""
    by_depth: dict[int, list[str]] = {}
    for symbol, depth in depths.items():
        by_depth.setdefault(depth, []).append(symbol)
    return [BookParams(symbol=symbols, depth=depth) for depth, symbols in by_depth.items()]
