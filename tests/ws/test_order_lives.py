"""Lives of orders that hypothesis makes up, and those that once failed.

A failing life is shrunk and printed as `script=[...]`: mend the client, then paste it into
`FAILED_ONCE`, where it stays a test.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ws.order_lives import STEPS, Script, Step, run

from kraken_connector.models import ExecutionData
from kraken_connector.ws.balances import Balances
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.trading_desk import Command, TradingDesk

sides = st.sampled_from(["buy", "sell"])
qtys = st.integers(1, 300)
offsets = st.integers(-12, 12)
few = st.integers(1, 3)
places = st.integers(0, 7)
seconds = st.sampled_from([0.0, 0.0005, 0.002, 0.1, 1.0, 3.0, 10.0])
channels = st.sampled_from(["executions", "balances"])
options = st.fixed_dictionaries(
    {},
    optional={
        "time_in_force": st.sampled_from(["gtc", "ioc"]),
        "stp_type": st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both"]),
        "numbered": st.just(True),
    },
)

#: What the arguments of each step are drawn from.
ARGUMENTS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "add": (sides, qtys, offsets, options | st.just({"post_only": True})),
    "add_market": (sides, qtys),
    "batch_add": (sides, st.lists(qtys, min_size=2, max_size=4), offsets),
    "amend": (places, qtys, offsets),
    "edit": (places, qtys),
    "cancel": (places,),
    "cancel_by_name": (places,),
    "batch_cancel": (st.lists(places, min_size=2, max_size=5),),
    "cancel_all": (),
    "give_up": (),
    "wait": (seconds,),
    "move": (st.integers(1, 20),),
    "trade": (sides, st.integers(1, 100)),
    "deposit": (few,),
    "hold_requests": (few,),
    "hold_replies": (few,),
    "hold_reports": (few,),
    "release": (),
    "duplicate_reports": (channels, few),
    "lose_reports": (channels, few),
    "lose_snapshot": (channels,),
    "lose_requests": (few,),
    "delay_requests": (seconds, few),
    "refuse_orders": (st.sampled_from(["EGeneral:Internal error", "EService:Unavailable"]), few),
    "lose_replies": (few,),
    "delay_replies": (seconds, few),
    "duplicate_replies": (few,),
    "cut_before_reply": (few,),
    "reset_connections": (),
    "close_connections": (),
    "silence_connections": (),
    "refuse_connections": (few,),
    "refuse_tokens": (),
    "revoke_tokens": (),
}
#: Steps without which there is nothing to go wrong.
OFTEN = ["add"] * 8 + ["wait"] * 6 + ["trade"] * 4 + ["amend", "cancel", "move"] * 2

steps: st.SearchStrategy[Step] = st.one_of(
    [st.tuples(st.just(name), *ARGUMENTS[name]) for name in [*ARGUMENTS, *OFTEN]]
)
# Several lists, as one is short more often than long.
lives = st.tuples(*[st.lists(steps, max_size=12)] * 3).map(
    lambda parts: list(itertools.chain.from_iterable(parts))
)

FAILED_ONCE: dict[str, Script] = {
    "reports of a numbered order wait for its reply through a hole": [
        ("hold_reports", 3),
        ("lose_reports", "executions", 1),
        ("lose_replies", 3),
        ("add", "sell", 1, 1, {"numbered": True}),
        ("wait", 0.1),
        ("trade", "buy", 16),
        ("add", "sell", 147, -7, {"post_only": True}),
    ],
}


def test_every_step_has_its_arguments() -> None:
    assert ARGUMENTS.keys() == STEPS.keys()


@settings(
    max_examples=max(60, settings().max_examples // 2),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(script=lives)
def test_life(script: list[Step]) -> None:
    run(script)


@pytest.mark.parametrize("name", FAILED_ONCE)
def test_life_that_once_failed(name: str) -> None:
    run(FAILED_ONCE[name])


CALM: Script = [
    ("add", "buy", 50, 0, {}),
    ("add", "sell", 50, 1, {"post_only": True}),
    ("add_market", "buy", 10),
    ("batch_add", "sell", [5, 6, 7], 3),
    ("wait", 0.1),
    ("trade", "sell", 100),
    ("amend", 0, 70, 2),
    ("cancel", 1),
    ("add", "buy", 50, 5, {"numbered": True}),
    ("wait", 0.1),
    ("edit", 0, 60),
    ("wait", 0.1),
    ("cancel_all",),
]


def test_calm_life() -> None:
    run(CALM)


def test_request_that_is_said_not_to_have_left_fails_a_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TradingDesk, "_has_left", lambda *_: False)
    with pytest.raises(AssertionError, match="but it left"):
        run([("cut_before_reply", 1), ("add", "buy", 5, 0, {}), ("wait", 1.0)])


def test_fill_that_is_forgotten_fails_a_life(monkeypatch: pytest.MonkeyPatch) -> None:
    take = Orders._take_report

    def take_no_fill(orders: Orders, report: ExecutionData) -> None:
        if report.exec_type != "trade":
            take(orders, report)

    monkeypatch.setattr(Orders, "_take_report", take_no_fill)
    with pytest.raises(AssertionError, match="fills of"):
        run([("add_market", "buy", 5), ("wait", 0.1)])


def test_balance_that_is_wrong_fails_a_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balances, "_take_entry", lambda *_: None)
    with pytest.raises(AssertionError, match="EUR is"):
        run([("wait", 0.1)])


def test_request_that_is_sent_twice_fails_a_life(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = TradingDesk._launch

    def launch_twice(desk: TradingDesk, command: Command, now: float) -> None:
        launch(desk, command, now)
        desk._outgoing.append(command.frame)

    monkeypatch.setattr(TradingDesk, "_launch", launch_twice)
    with pytest.raises(AssertionError, match="was sent twice"):
        run([("add", "buy", 5, 0, {})])
