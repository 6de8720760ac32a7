"""When announced maintenance starts."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.ws.trading.maintenance import maintenance_start

NOW = datetime(2026, 9, 25, 12, tzinfo=UTC).timestamp()
TOMORROW = NOW + 86_400
HOUR = 3600


@pytest.mark.parametrize(
    "written",
    [
        "2026-09-26T12:00:00Z",
        "2026-09-26T12:00:00.000000Z",
        "2026-09-26T12:00Z",
        "2026-09-26T14:00+02:00",
        "2026-09-26 12:00 UTC",
        "Sat, 26 Sep 2026 12:00:00 GMT",
        int(TOMORROW),
        int(TOMORROW) * 1000,
        int(TOMORROW) * 10**9,
        float(TOMORROW),
        Decimal(int(TOMORROW)),
        str(int(TOMORROW)),
        str(int(TOMORROW) * 1000),
        f" {int(TOMORROW)}.5 ",
    ],
)
def test_start_is_read_in_all_usual_spellings(written: Any) -> None:
    for announcement in ({"start": written}, {"window": {"from": written}}, [written], written):
        assert maintenance_start(announcement, NOW) == pytest.approx(TOMORROW, abs=1)


def test_plain_date_is_its_midnight() -> None:
    midnight = datetime(2026, 9, 27, tzinfo=UTC).timestamp()
    assert maintenance_start({"date": "2026-09-27"}, NOW) == midnight


@pytest.mark.parametrize(
    "announcement",
    [
        "soon",
        {"id": 7, "name": "Scheduled upgrade"},
        {"id": int(NOW) + 60, "updated_at": "2026-09-26T12:00:00Z"},
        {"start": None, "is_long": True},
        {"start": "2026-13-45T99:00:00Z"},
        {"start": 10**30},
        {"duration": HOUR},
        7,
        None,
        [],
        {},
    ],
)
def test_what_has_no_time_cannot_be_read(announcement: Any) -> None:
    assert maintenance_start(announcement, NOW) is None


@pytest.mark.parametrize(
    ("announcement", "start"),
    [
        ({"start": NOW + HOUR, "end": NOW + 2 * HOUR}, NOW + HOUR),
        ({"start": NOW - HOUR, "end": NOW + HOUR}, NOW - HOUR),
        ({"start": NOW - 2 * HOUR, "end": NOW - HOUR}, math.inf),
        ({"start": NOW - HOUR}, math.inf),
        ({"end": NOW + HOUR}, math.inf),
        ([NOW + HOUR, NOW + 2 * HOUR], NOW + HOUR),
        ([NOW - HOUR, NOW + 2 * HOUR], NOW + 2 * HOUR),
        (
            {
                "created_at": NOW - HOUR,
                "started_at": NOW - HOUR,
                "scheduled_for": NOW + 48 * HOUR,
                "scheduled_until": NOW + 50 * HOUR,
            },
            NOW + 48 * HOUR,
        ),
        ({"begins": {"date": NOW + HOUR}, "at": NOW + 3 * HOUR}, NOW + HOUR),
    ],
)
def test_which_time_is_the_start(announcement: Any, start: float) -> None:
    assert maintenance_start(announcement, NOW) == start


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_nothing_that_is_announced_raises(announcement: Any) -> None:
    maintenance_start(announcement, NOW)
