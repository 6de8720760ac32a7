"""The lines above and below the body of a full screen."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from .ladder import Glyphs
from .status import Status, footer, header


def framed(
    status: Status, body: Sequence[Text], width: int, lines: int, glyphs: Glyphs
) -> list[Text]:
    """Return `lines` lines: the session above, its traffic below, the body between.

    Blank lines surround the body if there is room for both of them.
    """
    room = lines - 2
    blank = [Text("")]
    padded = [*blank, *body] if len(body) + 2 <= room else list(body)
    padded = padded[:room] + blank * (room - len(padded))
    return [header(status, width, glyphs), *padded, footer(status, width, glyphs)]
