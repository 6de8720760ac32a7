"""Channel `status`: the state of the trading engine."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Model, model


@model
class StatusData(Model):
    """One engine status, sent on connect and on each change.

    Attributes:
        system: `online`, `cancel_only`, `maintenance` or `post_only`.
        api_version: `v2`.
        connection_id: unsigned 64-bit id of the connection; absent during maintenance.
        version: version of the exchange's service.
        upcoming_maintenance: announced maintenance (not documented by the exchange).
        emergency: emergencies (not documented by the exchange).
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset({"system"})

    system: str
    api_version: str | None = None
    connection_id: int | None = None
    version: str | None = None
    upcoming_maintenance: list[Any] | None = None
    emergency: list[Any] | None = None
