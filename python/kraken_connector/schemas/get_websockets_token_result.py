"""The schema `GetWebsocketsTokenResult`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..types import UNSET
from ._base import Schema

__all__ = ["GetWebsocketsTokenResult"]


@dataclass(slots=True)
class GetWebsocketsTokenResult(Schema[Any]):
    """A token for private channels; its repr does not show it, and it cannot be pickled.

    Attributes:
        expires: seconds within which it must be used.
    """

    token: str | None = field(default=UNSET, repr=False)
    expires: int | None = UNSET

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is a secret and cannot be pickled")
