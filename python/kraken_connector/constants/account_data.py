"""Words of the account."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from .._installation import missing_names

__all__ = ["OpenPositionsDataConsolidation", "PositionStatus"]


class PositionStatus(StrEnum):
    """The status of a position."""

    OPEN = "open"
    CLOSED = "closed"


class OpenPositionsDataConsolidation(StrEnum):
    """How positions are combined."""

    MARKET = "market"


if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = missing_names(
        __name__,
        *("LedgerEntryType", "ReportFileFormat", "ReportRequestStatus", "ReportType"),
        "TypeDeleteReportRequest",
    )
