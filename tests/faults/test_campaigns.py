"""Sequences of faults that hypothesis generates, in virtual time, and those that once failed.

A failing sequence is shrunk and printed as `script=[...]`: fix the client, then paste it into
`scripts.py`, where it stays a test.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.faults.campaign import STEPS, Campaign, Setup, Step, run
from tests.faults.scripts import SCRIPTS
from tests.ws.helpers import BTC, ETH

from kraken_connector.ws.protocol.gaps import Gaps

symbols = st.sampled_from([BTC, ETH])
few = st.integers(1, 3)
seconds = st.sampled_from([0.0, 0.0005, 0.002, 0.03, 0.2, 0.5, 1.5, 4.0])

#: What the arguments of each step are drawn from.
ARGUMENTS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "move": (st.integers(1, 4),),
    "wait": (seconds,),
    "suspend": (st.sampled_from([0.05, 0.3, 2.0, 60.0]),),
    "jump": (st.sampled_from([-3600.0, -1.0, 1.0, 3600.0]),),
    "reads": (st.lists(st.sampled_from([1, 2, 5, 60, 125, 126, 127, 200, 4096]), max_size=12),),
    "stop_reading": (),
    "read_again": (),
    "subscribe": (),
    "unsubscribe": (),
    "resync": (symbols,),
    "cancel": (),
    "private": (
        st.sampled_from(["drop_updates", "duplicate_updates", "truncate_updates", "cut_mid_frame"]),
    ),
    "level3": (
        st.sampled_from(
            [
                "drop_updates",
                "duplicate_updates",
                "swap_updates",
                "truncate_updates",
                "lose_snapshots",
                "corrupt_checksums",
                "lose_checksums",
                "garble_checksums",
                "stall_mid_frame",
                "cut_mid_frame",
            ]
        ),
    ),
    "lose_private_snapshot": (),
    "corrupt_snapshots": (symbols, few),
    "cut_snapshot": (symbols,),
    "message_limit": (st.integers(1, 3),),
    "reset_connections": (),
    "close_connections": (st.sampled_from([1000, 1001, 1006, 1011, 1012, 1013]),),
    "silence_connections": (),
    "refuse_connections": (few,),
    "ignore_connections": (),
    "stall_mid_frame": (symbols,),
    "cut_mid_frame": (symbols,),
    "dribble_updates": (symbols, few),
    "fragment_updates": (symbols, few),
    "binary_updates": (symbols, few),
    "compress_updates": (symbols,),
    "truncate_updates": (symbols, few),
    "drop_updates": (symbols, few),
    "duplicate_updates": (symbols, few),
    "swap_updates": (symbols, few),
    "corrupt_checksums": (symbols, few),
    "lose_checksums": (symbols, few),
    "garble_checksums": (symbols, few),
    "corrupt_updates": (symbols, few),
    "cross_book": (symbols,),
    "lose_snapshots": (symbols, few),
    "mute_subscriptions": (few,),
    "lag": (st.sampled_from([0.0, 0.005, 0.02]),),
    "skip_sequence": (st.just("executions"),),
    "swallow_acks": (few,),
    "delay_acks": (seconds, few),
    "duplicate_acks": (few,),
    "delay_pongs": (seconds, few),
    "swallow_pongs": (few,),
    "stop_heartbeats": (),
    "refuse_symbols": (symbols,),
    "revoke_tokens": (),
    "expire_tokens": (few,),
    "drop_tokens": (few,),
    "refuse_tokens": (),
    "fail_tokens": (),
    "delay_tokens": (seconds,),
    "send_text": (st.sampled_from(["Bad gateway", "{", "[" * 2000, "", '{"channel":"book"}']),),
    "send_huge_frame": (),
    "storm_status": (st.just(20),),
    "set_system": (st.sampled_from(["maintenance", "cancel_only", "post_only", "online"]),),
    "clear": (),
}

steps: st.SearchStrategy[Step] = st.one_of(
    [
        st.tuples(st.just(name), *arguments)
        for name, arguments in [*ARGUMENTS.items(), *[("move", ARGUMENTS["move"])] * 6]
    ]
)
# Several lists, as one is short more often than long.
scripts = st.tuples(*[st.lists(steps, max_size=12)] * 3).map(
    lambda parts: list(itertools.chain.from_iterable(parts))
)
setups = st.builds(
    Setup,
    overflow=st.sampled_from(["drop_oldest", "conflate", "block", "disconnect"]),
    queue=st.sampled_from([4, 1024]),
    private_queue=st.sampled_from([6, 65_536]),
    attempts=st.sampled_from([2, 20]),
    hosts=st.sampled_from(["one", "three"]),
    level3=st.booleans(),
    redundant=st.sampled_from([False, False, True]),
    patience=st.sampled_from([0.0, 0.01, 0.5]),
)


def test_every_step_has_its_arguments() -> None:
    assert ARGUMENTS.keys() == STEPS.keys()


@settings(
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(script=scripts, setup=setups)
def test_campaign(script: list[Step], setup: Setup) -> None:
    run(script, setup)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_that_once_failed(name: str) -> None:
    run(*SCRIPTS[name])


@pytest.mark.long
def test_gap_that_is_not_reported_fails_a_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gaps, "end", lambda *_: None)
    with pytest.raises(AssertionError, match="is in no gap"):
        run([("reset_connections",), ("move", 1), ("wait", 0.5)])


@pytest.mark.long
def test_gap_that_begins_late_fails_a_campaign_though_bytes_lag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = Gaps.begin

    def late(self: Gaps, cause: str, since_ns: int, without: Collection[str]) -> None:
        begin(self, cause, since_ns + 1000, without)

    script = [("lag", 0.02), ("move", 1), ("reset_connections",), ("move", 1), ("wait", 0.5)]
    run(script)
    monkeypatch.setattr(Gaps, "begin", late)
    with pytest.raises(AssertionError, match="is in no gap"):
        run(script)


def test_book_that_nobody_published_fails_a_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(campaign: Campaign) -> None:
        known = {symbol: campaign.stage.sim.published(symbol) for symbol in (BTC, ETH)}
        monkeypatch.setattr(campaign.stage.sim, "published", known.get)

    monkeypatch.setitem(STEPS, "forget", forget)
    with pytest.raises(AssertionError, match="never published"):
        run([("forget",), ("move", 1), ("wait", 0.5)])
