"""What the groups of calls have in common."""

from __future__ import annotations

from .caller import Caller
from .symbols import Symbols

__all__ = ["Calls"]


class Calls:
    """The base of all groups of calls.

    Args:
        caller: makes the calls.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._symbols = Symbols(caller)
