"""Scripts of faults and what a user does meanwhile, run in virtual time.

A script is a list of steps, each a name of `STEPS` and its arguments. After every turn of the event
loop each book that reads as valid is held against what was published; at the end everything that
did not arrive must be in the ledger, at its time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests import virtual
from tests.faults.scene import SYMBOLS, Scene, scene
from tests.ws.helpers import BTC, SOL, eventually

from kraken_connector import WSDataMessage
from kraken_connector.exceptions import KrakenConnectorError
from kraken_connector.ws import BookParams, TickerParams
from kraken_connector.ws.pauses import PauseWatch

Step = tuple[Any, ...]
Script = Sequence[Step]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a campaign's client is made with."""

    overflow: str = "drop_oldest"
    queue: int = 1024
    private_queue: int = 65_536
    attempts: int = 20


class Tape:
    """What was published and what was delivered of the books, to the nanosecond.

    Attributes:
        published: by symbol, when and with which checksum.
        delivered: by symbol, the checksums that came.
        sound: by symbol, those of updates that verified.
    """

    def __init__(self, stage: Scene) -> None:
        self.published: dict[str, list[tuple[int, int]]] = {symbol: [] for symbol in SYMBOLS}
        self.delivered: dict[str, set[int]] = {symbol: set() for symbol in SYMBOLS}
        self.sound: dict[str, set[int]] = {symbol: set() for symbol in SYMBOLS}
        self._counts = dict.fromkeys(SYMBOLS, 0)
        self._stage = stage

    def note(self) -> None:
        """Write down what was published since the last call."""
        for symbol, known in self._counts.items():
            states = self._stage.sim.published(symbol)
            new = [state for state in states[-16:] if state.count > known]
            assert not new or new[0].count == known + 1
            self.published[symbol] += [(virtual.current().time_ns(), s.checksum) for s in new]
            self._counts[symbol] = states[-1].count if states else 0

    def take(self, message: object) -> None:
        """Write down what was delivered."""
        if isinstance(message, WSDataMessage) and message.channel == "book":
            for item in message.data:
                if item.symbol in self.delivered:
                    self.delivered[item.symbol].add(item.checksum)
                    if message.type == "update" and message.verified:
                        self.sound[item.symbol].add(item.checksum)

    def missing(self, symbol: str) -> list[int]:
        """Return when what never arrived was published.

        Books have no sequence: a lost update that the next one undoes leaves no trace, as that one
        verifies. Those are left out.
        """
        times: list[int] = []
        run: list[int] = []
        for ns, checksum in self.published[symbol]:
            if checksum not in self.delivered[symbol]:
                run.append(ns)
                continue
            times += [] if checksum in self.sound[symbol] else run
            run = []
        return times + run


@dataclass
class Campaign:
    """A scene with a script's hands on it."""

    stage: Scene
    tape: Tape
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    slack_ns: int = 2 * int(virtual.LATENCY * 1e9)
    clock_jumped: bool = False
    suspended_ns: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Check what must hold at any instant."""
        try:
            self.tape.note()
            self.stage.check_changed_books()
        except AssertionError as error:
            self.stage.errors.append(error)

    def start(self, act: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Do what a user does, beside the script."""
        self.tasks.append(asyncio.create_task(_forgiving(act, *args, **options)))


async def _forgiving(act: Callable[..., Any], *args: Any, **options: Any) -> None:
    with contextlib.suppress(KrakenConnectorError, KeyError, TimeoutError):
        await act(*args, **options)


async def _move(campaign: Campaign, steps: int) -> None:
    await campaign.stage.move(steps)


async def _wait(_: Campaign, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _suspend(campaign: Campaign, seconds: float) -> None:
    campaign.slack_ns += int(seconds * 1e9)
    if seconds > PauseWatch.BOUND:
        middle_ns = virtual.current().time_ns() + int(seconds * 5e8)
        campaign.suspended_ns.append(middle_ns)
    virtual.current().pass_over(seconds)


async def _jump(campaign: Campaign, seconds: float) -> None:
    virtual.current().wall_offset += seconds
    campaign.clock_jumped = True


async def _reads(_: Campaign, sizes: list[int]) -> None:
    virtual.current().reads = iter(sizes)


async def _stop_taking(campaign: Campaign) -> None:
    campaign.stage.reading.clear()


async def _take_again(campaign: Campaign) -> None:
    campaign.stage.reading.set()


async def _subscribe(campaign: Campaign) -> None:
    params = BookParams(symbol=[SOL], depth=10)
    campaign.start(campaign.stage.client.subscribe, params, callback=lambda _: None)


async def _unsubscribe(campaign: Campaign) -> None:
    campaign.start(campaign.stage.client.unsubscribe, BookParams(symbol=[SOL], depth=10))


async def _resync(campaign: Campaign, symbol: str) -> None:
    campaign.start(campaign.stage.client.resync, symbol)


async def _cancel(campaign: Campaign) -> None:
    if campaign.tasks:
        campaign.tasks[-1].cancel()


def _fault(name: str) -> Callable[..., Any]:
    async def act(campaign: Campaign, *args: Any) -> None:
        getattr(campaign.stage.sim.faults, name)(*args)

    return act


async def _private(campaign: Campaign, name: str) -> None:
    getattr(campaign.stage.sim.faults, name)(None, channel="executions")


async def _lose_private_snapshot(campaign: Campaign) -> None:
    campaign.stage.sim.faults.lose_snapshots(None, channel="executions")


async def _corrupt_snapshots(campaign: Campaign, symbol: str, times: int) -> None:
    campaign.stage.sim.faults.corrupt_checksums(symbol, times, snapshots=True)


async def _cut_snapshot(campaign: Campaign, symbol: str) -> None:
    campaign.stage.sim.faults.cut_mid_frame(symbol, type="snapshot")


async def _limit(campaign: Campaign, limit: int) -> None:
    campaign.stage.sim.message_limit = limit


#: What a script can say.
STEPS: dict[str, Callable[..., Any]] = {
    "move": _move,
    "wait": _wait,
    "suspend": _suspend,
    "jump": _jump,
    "reads": _reads,
    "stop_taking": _stop_taking,
    "take_again": _take_again,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "resync": _resync,
    "cancel": _cancel,
    "private": _private,
    "lose_private_snapshot": _lose_private_snapshot,
    "corrupt_snapshots": _corrupt_snapshots,
    "cut_snapshot": _cut_snapshot,
    "message_limit": _limit,
    **{
        name: _fault(name)
        for name in (
            "reset_connections",
            "close_connections",
            "silence_connections",
            "refuse_connections",
            "ignore_connections",
            "stall_mid_frame",
            "cut_mid_frame",
            "dribble_updates",
            "fragment_updates",
            "binary_updates",
            "compress_updates",
            "truncate_updates",
            "drop_updates",
            "duplicate_updates",
            "swap_updates",
            "corrupt_checksums",
            "lose_checksums",
            "garble_checksums",
            "corrupt_updates",
            "cross_book",
            "lose_snapshots",
            "skip_sequence",
            "swallow_acks",
            "delay_acks",
            "duplicate_acks",
            "delay_pongs",
            "swallow_pongs",
            "stop_heartbeats",
            "refuse_symbols",
            "revoke_tokens",
            "expire_tokens",
            "drop_tokens",
            "refuse_tokens",
            "fail_tokens",
            "delay_tokens",
            "send_text",
            "send_huge_frame",
            "storm_status",
            "set_system",
            "clear",
        )
    },
}


def run(script: Script, setup: Setup | None = None) -> None:
    """Run a script; nothing that was promised may break."""
    virtual.run(_run(script, setup or Setup()))


async def _run(script: Script, setup: Setup) -> None:
    async with scene(
        message_queue_max=setup.queue,
        private_queue_max=setup.private_queue,
        resync_attempts=setup.attempts,
    ) as stage:
        tape = Tape(stage)
        stage.on_message = tape.take
        campaign = Campaign(stage, tape)
        ticker = TickerParams(symbol=[BTC], event_trigger="bbo")
        await stage.client.subscribe(ticker, overflow=setup.overflow)  # type: ignore[arg-type]
        tape.note()
        for symbol in SYMBOLS:
            tape.published[symbol].clear()  # what came before the tape ran

        virtual.current().after_turn = campaign.look
        try:
            for name, *args in script:
                await STEPS[name](campaign, *args)
            repeats = ("private", "duplicate_updates") in script
            await _end(campaign, may_repeat=repeats)
        finally:
            virtual.current().after_turn = bool
            for error in stage.errors:
                raise error


async def _end(campaign: Campaign, *, may_repeat: bool) -> None:
    """Let everything go right again, and look back."""
    stage = campaign.stage
    stage.sim.faults.clear()
    stage.sim.faults.set_system("online")
    stage.sim.message_limit = None
    virtual.current().reads = iter(())
    stage.reading.set()
    await asyncio.wait_for(asyncio.gather(*campaign.tasks, return_exceptions=True), 60)
    await stage.recovered()
    await stage.move()
    await stage.recovered()
    await eventually(lambda: stage.sent[-1] in stage.received)
    stage.check_order(may_repeat=may_repeat)
    missing = [("book", symbol, ns) for symbol in SYMBOLS for ns in campaign.tape.missing(symbol)]
    missing += [("executions", "", ns) for ns in stage.missing_reports()]
    missing += [("book", symbol, ns) for symbol in SYMBOLS for ns in campaign.suspended_ns]
    for channel, symbol, ns in missing:
        # A hole is told when it is closed, which a message limit may put off.
        with contextlib.suppress(TimeoutError):
            await eventually(partial(_is_in_ledger, campaign, channel, symbol, ns), 100)
        assert _is_in_ledger(campaign, channel, symbol, ns), (
            f"{channel} {symbol} at {ns} is not in the ledger: {stage.client.gaps}"
        )


def _is_in_ledger(campaign: Campaign, channel: str, symbol: str, ns: int) -> bool:
    slack = campaign.slack_ns
    return any(
        channel in gap.channels
        and (not symbol or symbol in gap.symbols)
        and (
            campaign.clock_jumped
            or (gap.start_ns - slack <= ns and (gap.end_ns is None or ns <= gap.end_ns))
        )
        for gap in campaign.stage.client.gaps
    )
