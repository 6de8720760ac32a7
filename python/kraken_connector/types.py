"""`UNSET` and `Unset` for code written for kraken-connector 0.2.0: absent is `None` here."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING

from ._installation import names_of_rest

UNSET = None
Unset = NoneType  # type: ignore[nonetype-type]

__all__ = ["UNSET", "Unset"]

if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = names_of_rest(__name__, "File", "FileJsonType", "Response")
