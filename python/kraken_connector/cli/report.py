"""The summary of a command: counts, and the final state of each book."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from .digits import count, plain, since
from .table import Column, table
from .views import BookView

#: A name and its value.
Fact: TypeAlias = tuple[str, str]

_STATE_STYLES = {"valid": "green", "awaiting_snapshot": "yellow"}


def report(
    console: Console, title: str, facts: Sequence[Fact], books: Sequence[BookView] = ()
) -> None:
    """Print facts, then one line per book."""
    width = max(len(name) for name, _ in facts)
    console.print(Text(title, style="bold"), soft_wrap=True)
    for name, value in facts:
        line = Text(f"  {name:<{width}}  ", style="dim").append(value, "not dim")
        console.print(line, soft_wrap=True)
    if books:
        console.print()
        for line in book_table(books, width=console.width - 2):
            line.rstrip()
            console.print(Text("  ").append_text(line), soft_wrap=True)


def book_table(books: Iterable[BookView], *, width: int, is_live: bool = False) -> list[Text]:
    """Return a heading and one line per book, at most `width` characters.

    Args:
        books: the books.
        width: characters of a line.
        is_live: whether to add the last trade and the age of the last message.
    """
    views = list(books)
    live = [
        Column("last trade", [plain(view.last) for view in views]),
        Column("updated", ["-" if view.age is None else since(view.age) for view in views]),
    ]
    return table(
        [
            Column("symbol", [view.symbol for view in views], ["bold"] * len(views), number=False),
            Column(
                "state",
                [view.state.replace("_", " ") for view in views],
                [_STATE_STYLES.get(view.state, "bold red") for view in views],
                number=False,
            ),
            Column("verified", [count(view.verified) for view in views]),
            Column(
                "mismatches",
                [count(view.mismatches) for view in views],
                ["bold red" if view.mismatches else "" for view in views],
            ),
            Column("best bid", [plain(view.best_bid) for view in views], ["green"] * len(views)),
            Column("best ask", [plain(view.best_ask) for view in views], ["red"] * len(views)),
            Column("spread", [plain(view.spread) for view in views]),
            *(live if is_live else ()),
        ],
        width=width,
    )
