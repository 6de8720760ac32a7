"""What replies prove about the exchange's timer on an unreliable network."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kraken_connector.ws.trading.exchange_timer import ExchangeTimer

INF = float("inf")
LINGER = 10


def test_it_runs_only_when_an_answer_says_so() -> None:
    timer = ExchangeTimer()
    assert (timer.is_off, timer.runs(0), timer.may_run(0)) == (True, False, False)
    timer.sent(0, 60)
    assert (timer.is_off, timer.runs(1), timer.may_run(1)) == (False, False, True)
    timer.over()
    timer.answered(0, 2, 60)
    assert (timer.runs(2), timer.earliest, timer.latest) == (True, 60, 62)
    assert (timer.runs(60), timer.may_run(60), timer.may_run(62)) == (False, True, False)


def test_unanswered_renewal_changes_no_conclusion() -> None:
    timer = ExchangeTimer()
    timer.answered(0, 1, 60)
    timer.sent(20, 60)
    timer.over(25 + LINGER)
    assert (timer.runs(59), timer.runs(60), timer.latest) == (True, False, 95)


def test_zero_that_was_not_answered_may_still_undo_what_was_set_after_it() -> None:
    timer = ExchangeTimer()
    timer.answered(0, 1, 60)
    timer.sent(10, 0)
    timer.over(12 + LINGER)
    timer.answered(15, 16, 60)
    assert (timer.runs(16), timer.may_run(16), timer.pending_until(60)) == (False, True, 22)
    timer.answered(22.5, 23, 60)
    assert (timer.runs(23), timer.earliest, timer.pending_until(60)) == (True, 82.5, INF)


def test_answers_that_crossed_prove_only_what_both_say() -> None:
    timer = ExchangeTimer()
    timer.answered(11, 13, 0)
    timer.answered(10, 14, 60)
    assert (timer.is_off, timer.runs(14), timer.may_run(14)) == (False, False, True)


@dataclass(eq=False)
class Request:
    seconds: int
    sent: float
    has_effect: bool = False
    #: When it takes effect at the latest, or never.
    until: float = INF


class Network(RuleBasedStateMachine):
    """The exchange's timer, and requests that are lost, late, and overtake each other.

    The client sends one request at a time. The user sends other requests; the client learns of each
    only with its reply.
    """

    def __init__(self) -> None:
        super().__init__()
        self.timer = ExchangeTimer()
        self.now = 0.0
        self.ends = -INF
        self.pending: Request | None = None
        self.by_hand: list[Request] = []
        self.given_up: list[Request] = []

    def _tick(self) -> float:
        self.now += 0.001
        return self.now

    def _apply(self, request: Request) -> None:
        if not request.has_effect and self._tick() <= request.until:
            request.has_effect = True
            self.ends = self.now + request.seconds if request.seconds else -INF

    def _answer(self, request: Request) -> None:
        self._apply(request)
        self.timer.answered(request.sent, self._tick(), request.seconds)

    @rule(seconds=st.sampled_from([0.25, 1, 4, 9, 30]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.pending is None)
    @rule(seconds=st.sampled_from([0, 6, 20, 60]))
    def send(self, seconds: int) -> None:
        self.pending = Request(seconds, self._tick())
        self.timer.sent(self.now, seconds)

    @precondition(lambda self: self.pending is not None)
    @rule()
    def arrive(self) -> None:
        assert self.pending is not None
        self._apply(self.pending)

    @precondition(lambda self: self.pending is not None)
    @rule()
    def answer(self) -> None:
        assert self.pending is not None
        self.timer.over()
        self._answer(self.pending)
        self.pending = None

    @precondition(lambda self: self.pending is not None and not self.pending.has_effect)
    @rule()
    def refuse(self) -> None:
        self.timer.over()
        self.pending = None

    @precondition(lambda self: self.pending is not None)
    @rule()
    def give_up(self) -> None:
        assert self.pending is not None
        self.pending.until = self._tick() + LINGER
        self.timer.over(self.now + LINGER)
        self.given_up.append(self.pending)
        self.pending = None

    @precondition(lambda self: self.given_up)
    @rule(data=st.data())
    def arrive_late(self, data: st.DataObject) -> None:
        self._apply(data.draw(st.sampled_from(self.given_up)))

    @precondition(lambda self: any(request.has_effect for request in self.given_up))
    @rule(data=st.data())
    def answer_late(self, data: st.DataObject) -> None:
        late = data.draw(st.sampled_from([one for one in self.given_up if one.has_effect]))
        self.given_up.remove(late)
        self._answer(late)

    @rule(seconds=st.sampled_from([0, 2, 20, 300]))
    def send_by_hand(self, seconds: int) -> None:
        self.by_hand.append(Request(seconds, self._tick()))

    @precondition(lambda self: self.by_hand)
    @rule(data=st.data())
    def arrive_by_hand(self, data: st.DataObject) -> None:
        self._apply(data.draw(st.sampled_from(self.by_hand)))

    @precondition(lambda self: self.by_hand)
    @rule(data=st.data())
    def answer_by_hand(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.by_hand))
        self.by_hand.remove(request)
        self._answer(request)

    @invariant()
    def says_nothing_that_is_not_so(self) -> None:
        if any(request.has_effect for request in self.by_hand):
            return  # the client has not learnt of it yet
        runs = self.now < self.ends
        if self.timer.runs(self.now):
            assert runs
        if not self.timer.may_run(self.now):
            assert not runs
        if runs:
            assert self.timer.earliest <= self.ends <= self.timer.latest


TestNetwork = pytest.mark.filterwarnings("default")(Network.TestCase)
TestNetwork.settings = settings(
    max_examples=settings().max_examples * 4, stateful_step_count=40, deadline=None
)
