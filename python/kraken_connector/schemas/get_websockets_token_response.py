"""The schema `GetWebsocketsTokenResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_websockets_token_result import GetWebsocketsTokenResult

__all__ = ["GetWebsocketsTokenResponse"]


@dataclass(slots=True)
class GetWebsocketsTokenResponse(Schema[Any]):
    """The reply to `GetWebSocketsToken`."""

    result: GetWebsocketsTokenResult | None = UNSET
    error: list[str] | None = UNSET
