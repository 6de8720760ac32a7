"""Public calls: status, time, pairs and market data.

Source: docs.kraken.com, REST API, market data.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from ..encode import timestamp
from .call import Call
from .forms import Params
from .venue import Venue


def _system_status(venue: Venue, params: Params) -> Any:
    return {
        "status": venue.settings.system,
        "timestamp": timestamp(venue.clock(), 0),
        "upcoming_maintenance": list(venue.settings.upcoming_maintenance),
        "emergency": [],
    }


def _time(venue: Venue, params: Params) -> Any:
    seconds = venue.clock() // 10**9
    return {
        "unixtime": seconds,
        "rfc1123": format_datetime(datetime.fromtimestamp(seconds, UTC)),
    }


CALLS = {
    "SystemStatus": Call(_system_status),
    "Time": Call(_time),
}
