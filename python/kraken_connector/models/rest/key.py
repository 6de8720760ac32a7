"""What the exchange knows of an API key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .row import Row

__all__ = ["ApiKeyInfo"]


@dataclass(frozen=True, slots=True)
class ApiKeyInfo:
    """The permissions and limits of an API key; the key itself is left out, also of `raw`.

    Attributes:
        name: the name that its owner gave it.
        permissions: `query-funds`, `query-open-trades`, `query-closed-trades`, `modify-trades`,
            `close-trades`, `query-ledger`, `create-ws-token`, ...
        nonce: the last nonce that the exchange received.
        nonce_window: how much smaller a nonce may be than the last one.
        valid_until_ns: when the key expires, nanoseconds since the epoch; `None` for never.
        query_from_ns: begin of what it can query; `None` without a limit.
        query_to_ns: end of what it can query; `None` without a limit.
        ip_allowlist: the addresses that may use it; empty for all.
        raw: the result as received, without the key.
    """

    name: str | None
    permissions: tuple[str, ...]
    nonce: int | None
    nonce_window: int | None
    valid_until_ns: int | None
    query_from_ns: int | None
    query_to_ns: int | None
    ip_allowlist: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read the result of `GetApiKeyInfo`."""
        return cls(
            name=row.optional_text("apiKeyName"),
            permissions=row.texts("permissions"),
            nonce=row.optional_integer("nonce"),
            nonce_window=row.optional_integer("nonceWindow"),
            valid_until_ns=row.optional_time_ns("validUntil"),
            query_from_ns=row.optional_time_ns("queryFrom"),
            query_to_ns=row.optional_time_ns("queryTo"),
            ip_allowlist=row.texts("ipAllowlist"),
            raw=row.raw,
        )
