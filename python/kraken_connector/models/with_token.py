"""Parameters with a session token, which is sent but never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from .base import Model

__all__ = ["WithToken"]


class WithToken(Model):
    """Parameters with a token. The token is not in the repr, comparison or pickle.

    A class that derives from this declares `token: str = field(default="", compare=False)`.
    """

    __slots__ = ()
    token: str

    def __post_init__(self) -> None:
        if not isinstance(self.token, str):
            raise TypeError(f"token must be a string, not {type(self.token).__name__}")

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the parameters as plain data, the token included."""
        return {**Model.to_dict(self, exact=exact), "token": self.token}

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the parameters from plain data."""
        plain: Self = super().from_dict(src_dict)
        return plain.__replace__(token=src_dict.get("token", ""))

    def _state(self) -> dict[str, Any]:
        return {**Model._state(self), "token": ""}
