"""When a dead man's switch is set again, and when that is late."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.ws.switch_plan import SwitchPlan, maintenance_begins_ns

INF = float("inf")
NOON = 1_790_337_600_000_000_000  # 2026-09-25T12:00:00Z


def test_it_is_set_at_once_and_again_at_a_third() -> None:
    plan = SwitchPlan(60)
    assert (plan.is_armed, plan.due(), plan.alarm()) == (False, -INF, INF)
    plan.confirmed(100.0)
    assert (plan.is_armed, plan.due(), plan.alarm()) == (True, 120.0, 140.0)
    assert plan.seconds_left(130.0) == 30.0


def test_failure_is_followed_soon_and_moves_no_alarm() -> None:
    plan = SwitchPlan(60)
    plan.confirmed(100.0)
    plan.failed(121.0)
    assert (plan.due(), plan.alarm()) == (123.5, 140.0)
    plan.hurry()
    assert plan.due() == -INF


def test_there_is_no_hurry_while_all_is_well() -> None:
    plan = SwitchPlan(60)
    plan.confirmed(100.0)
    plan.hurry()
    assert plan.due() == 120.0


def test_alarm_is_raised_once_and_taken_back_by_a_confirmation() -> None:
    plan = SwitchPlan(60)
    plan.confirmed(100.0)
    plan.noticed()
    assert (plan.is_late, plan.alarm()) == (True, INF)
    plan.confirmed(150.0)
    assert (plan.is_late, plan.alarm()) == (False, 190.0)


def test_nothing_is_late_that_is_off() -> None:
    plan = SwitchPlan(60)
    plan.confirmed(100.0)
    plan.disarmed()
    assert (plan.is_armed, plan.alarm(), plan.seconds_left(1e9)) == (False, INF, INF)


@given(
    steps=st.lists(st.tuples(st.floats(0.01, 40), st.sampled_from(["good", "bad"])), max_size=30)
)
def test_orders_never_end_before_an_alarm(steps: list[tuple[float, str]]) -> None:
    """As its driver would: whoever looks at due and alarm hears of lateness in time."""
    plan, now, heard = SwitchPlan(60), 0.0, False
    plan.confirmed(now)
    runs_out = 60.0
    for delay, outcome in steps:
        now = max(now, min(plan.due(), plan.alarm()))
        if now >= plan.alarm():
            plan.noticed()
            heard = True
            continue
        sent = now
        now += min(delay, plan.interval)
        if outcome == "good":
            plan.confirmed(sent)
            runs_out, heard = sent + 60, False
        else:
            plan.failed(now)
        assert heard or now < runs_out or now >= plan.alarm()


@pytest.mark.parametrize(
    ("announced", "begins_ns"),
    [
        ([], None),
        (["soon"], NOON),
        ([{"note": "soon"}], NOON),
        ([{"start": "2026-09-25T13:00:00Z", "end": "2026-09-25T14:00:00Z"}], NOON + 3600 * 10**9),
        ([{"start": "2026-09-25T11:00:00Z", "end": "2026-09-25T14:00:00Z"}], NOON - 3600 * 10**9),
        ([{"start": "2026-09-25T10:00:00Z", "end": "2026-09-25T11:00:00Z"}], None),
        ([{"times": ["2026-09-26T12:00:00Z"]}, {"at": "2026-09-25T12:00:01Z"}], NOON + 10**9),
        ([7, None], NOON),
    ],
)
def test_when_announced_maintenance_begins(announced: list[Any], begins_ns: int | None) -> None:
    assert maintenance_begins_ns(announced, NOON) == begins_ns
