"""Parameters as the REST API takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..constants.trading import OrderFlags

__all__ = ["boolean_to_message", "order_flags_to_message"]


def boolean_to_message(value: bool) -> Literal["true", "false"]:
    """Return a truth value as text."""
    return "true" if value else "false"


def order_flags_to_message(flags: Iterable[OrderFlags]) -> str:
    """Return the value of `oflags` for a list of flags."""
    return ",".join(flags)
