"""When a dead man's switch is armed, due, late and expired."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.ws.trading.switch_plan import SwitchPlan

INF = float("inf")


def armed_plan(timeout: int = 60, at: float = 100.0) -> SwitchPlan:
    plan = SwitchPlan()
    plan.want(timeout, at)
    plan.answered(at, at + 0.1, timeout, timeout)
    assert plan.events(at + 0.1) == ["armed"]
    return plan


@pytest.fixture
def plan() -> SwitchPlan:
    return armed_plan()


def test_nothing_is_due_without_a_wanted_value() -> None:
    plan = SwitchPlan()
    assert (plan.due(100), plan.is_armed(100), plan.events(100)) == (INF, False, [])
    assert plan.seconds_left(100) == INF
    plan.want(0, 100)
    assert plan.due(100) == INF


def test_it_is_due_at_once_and_then_at_a_third() -> None:
    plan = SwitchPlan()
    plan.want(60, 100)
    assert (plan.due(100), plan.is_armed(100)) == (-INF, False)
    plan.answered(100, 101, 60, 60)
    assert (plan.due(101), plan.is_armed(101), plan.seconds_left(130)) == (120, True, 30)
    assert plan.next_event == 140


def test_failure_is_followed_soon_and_moves_no_alarm(plan: SwitchPlan) -> None:
    plan.failed(120)
    assert (plan.due(120), plan.is_late(139.9), plan.is_late(140)) == (121, False, True)
    plan.reconsider()
    assert plan.due(120) == -INF


def test_patience_grows_with_each_answer_that_does_not_come(plan: SwitchPlan) -> None:
    patience = []
    for _ in range(5):
        patience.append(plan.patience)
        plan.unanswered()
    assert patience == [2, 4, 8, 16, 20]
    plan.answered(120, 121, 60, 60)
    assert plan.patience == 2
    assert armed_plan(3).patience == 1


def test_there_is_no_hurry_while_all_is_well(plan: SwitchPlan) -> None:
    plan.reconsider()
    assert plan.due(101) == 120


def test_late_and_expired_are_reported_once_and_armed_again_when_it_is(plan: SwitchPlan) -> None:
    assert plan.events(139) == []
    assert (plan.events(140), plan.events(141), plan.is_armed(141)) == (["late"], [], True)
    assert (plan.events(160), plan.events(161), plan.is_armed(161)) == (["expired"], [], False)
    assert plan.seconds_left(161) == -1
    plan.answered(165, 166, 60, 60)
    assert (plan.events(166), plan.is_late(166), plan.is_armed(166)) == (["armed"], False, True)


def test_both_events_are_reported_after_the_machine_slept(plan: SwitchPlan) -> None:
    assert (plan.is_armed(5000), plan.is_late(5000)) == (False, True)
    assert plan.events(5000) == ["late", "expired"]


def test_never_confirmed_is_late_too() -> None:
    plan = SwitchPlan()
    plan.want(60, 100)
    assert (plan.events(139), plan.events(140)) == ([], ["late"])


def test_answer_that_it_is_off_is_no_confirmation_and_followed_after_a_pause(
    plan: SwitchPlan,
) -> None:
    plan.answered(120, 121, 60, 0)
    assert (plan.is_armed(121), plan.due(121), plan.seconds_left(121)) == (False, 122, INF)
    assert (plan.events(121), plan.events(139.9), plan.events(140)) == (["off"], [], ["late"])
    assert plan.events(200) == []


def test_shorter_timer_by_hand_is_set_again_at_once_and_a_longer_one_at_a_third(
    plan: SwitchPlan,
) -> None:
    plan.answered(105, 106, 5, 5)
    assert (plan.is_armed(106), plan.seconds_left(106), plan.due(106)) == (True, 4, -INF)
    plan = armed_plan()
    plan.answered(105, 106, 3600, 3600)
    assert (plan.is_armed(106), plan.due(106)) == (True, 120)


def test_timer_turned_off_by_hand_is_set_again_at_once(plan: SwitchPlan) -> None:
    plan.answered(105, 106, 0, 0)
    assert (plan.is_armed(106), plan.due(106), plan.events(106)) == (False, -INF, ["off"])


def test_shorter_timer_is_renewed_no_oftener_than_a_third() -> None:
    plan = SwitchPlan()
    plan.want(60, 100)
    plan.answered(100, 101, 60, 59)
    assert (plan.due(101), plan.seconds_left(101)) == (120, 58)


def test_what_was_to_be_turned_off_is_armed_until_that_is_proved(plan: SwitchPlan) -> None:
    plan.want(0, 110)
    assert (plan.due(110), plan.is_armed(110)) == (-INF, True)
    plan.timer.sent(110, 0)
    plan.timer.over(120)
    plan.failed(115)
    assert (plan.is_armed(115), plan.due(115)) == (True, 116)
    assert plan.is_armed(160)
    assert not plan.is_armed(160.1)
    plan.answered(116, 117, 0, 0)
    assert (plan.is_armed(117), plan.due(117)) == (False, INF)


def test_zero_is_repeated_when_an_earlier_request_cannot_undo_it_any_more(plan: SwitchPlan) -> None:
    plan.timer.sent(120, 60)
    plan.want(0, 121)
    plan.timer.over(131)
    plan.answered(122, 123, 0, 0)
    assert (plan.is_armed(123), plan.due(123)) == (True, 131)
    plan.answered(132, 133, 0, 0)
    assert (plan.is_armed(133), plan.due(133)) == (False, INF)


def test_timer_set_by_the_user_while_none_is_wanted_is_not_changed(plan: SwitchPlan) -> None:
    plan.want(0, 110)
    plan.answered(111, 112, 0, 0)
    plan.answered(113, 114, 30, 30)
    assert (plan.is_armed(114), plan.due(114)) == (True, INF)


def test_left_running_it_is_armed_until_it_expires(plan: SwitchPlan) -> None:
    plan.want(None, 110)
    assert (plan.due(110), plan.is_armed(159), plan.is_armed(160)) == (INF, True, False)
    assert plan.events(200) == []


@given(
    timeout=st.integers(3, 600),
    steps=st.lists(st.tuples(st.floats(0.01, 400), st.sampled_from(["good", "off", "lost"]))),
)
def test_lateness_is_reported_at_two_thirds(timeout: int, steps: list[tuple[float, str]]) -> None:
    """A driver that calls `events` at each `next_event` reports lateness in time."""
    plan, now, is_reported, confirmed = SwitchPlan(), 100.0, False, 100.0
    plan.want(timeout, now)
    for delay, outcome in steps:
        sent = now = max(now + 0.001, min(plan.due(now), plan.next_event, now + delay))
        plan.timer.sent(sent, timeout)
        now += min(delay, plan.patience)
        plan.timer.over(now + 10 if outcome == "lost" else None)
        if outcome == "lost":
            plan.failed(now)
        else:
            plan.answered(sent, now, timeout, timeout if outcome == "good" else 0)
        for news in plan.events(now):
            is_reported = news in ("late", "expired") or (is_reported and news == "off")
        if plan.is_confirmed(sent) and outcome == "good":
            confirmed = sent
        assert is_reported or now - confirmed <= timeout * 2 / 3 + plan.patience
        assert plan.is_armed(now) <= (now < confirmed + timeout)


def test_timer_that_has_run_out_by_our_clock_alone_is_turned_off_all_the_same() -> None:
    # A clock that is set forward cannot be distinguished from sleep of the machine.
    plan = SwitchPlan()
    plan.want(10, 0.0)
    plan.answered(0.0, 0.1, 10, 10.0)
    plan.want(0, 3600.0)
    assert plan.due(3600.0) <= 3600.0
    plan.answered(3600.0, 3600.1, 0, 0.0)
    assert plan.due(3600.1) == float("inf")
