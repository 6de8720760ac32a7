"""Scripts of faults and what a user does meanwhile, run in virtual time.

A script is a list of steps, each a name of `STEPS` and its arguments. After every turn of the event
loop each book that reads as valid is compared with what was published; at the end everything
that did not arrive must be in `client.gaps`, at its time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests import virtual
from tests.faults.scene import BOOKS, ORDERS, QUICK, Scene, Stream, scene
from tests.ws.helpers import BTC, ETH, SOL, eventually

from kraken_connector import WSDataMessage
from kraken_connector.exceptions import KrakenConnectorError
from kraken_connector.ws import BookParams, GapEvent, TickerParams
from kraken_connector.ws.protocol.pauses import PauseWatch

Step = tuple[Any, ...]
Script = Sequence[Step]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The options of a campaign's client."""

    overflow: str = "drop_oldest"
    queue: int = 1024
    private_queue: int = 65_536
    attempts: int = 20
    hosts: str = "one"
    level3: bool = False
    redundant: bool = False
    patience: float = 0.0


#: A time after everything.
FOR_EVER = 1 << 63
#: Steps after which messages never leave the exchange.
LOSES_INSIDE = frozenset(
    {"drop_updates", "swap_updates", "private", "level3", "mute_subscriptions"}
)


class Missing(NamedTuple):
    """Something that did not arrive, when it was sent, and when what next arrived of its stream."""

    channel: str
    symbol: str
    ns: int
    shown_ns: int

    def under_way(self) -> Missing:
        """Return the same as something that left the exchange, or had no connection to leave by."""
        return self._replace(shown_ns=self.ns)


class Tape:
    """What was published and what was delivered of the books, to the nanosecond.

    Attributes:
        published: by stream, when and with which checksum.
        delivered: by stream, the checksums that came.
        sound: by stream, those of updates that verified.
    """

    def __init__(self, stage: Scene) -> None:
        self.published: dict[Stream, list[tuple[int, int]]] = {s: [] for s in stage.streams}
        self.delivered: dict[Stream, set[int]] = {s: set() for s in stage.streams}
        self.sound: dict[Stream, set[int]] = {s: set() for s in stage.streams}
        self._counts = dict.fromkeys(stage.streams, 0)
        self._stage = stage

    def record_published(self) -> None:
        """Record what was published since the last call."""
        for stream, known in self._counts.items():
            states = self._stage.published(stream)
            new = [state for state in states[-16:] if state.count > known]
            assert not new or new[0].count == known + 1
            self.published[stream] += [(virtual.current().time_ns(), s.checksum) for s in new]
            self._counts[stream] = states[-1].count if states else 0

    def record_delivered(self, message: object) -> None:
        """Record what was delivered."""
        if not isinstance(message, WSDataMessage):
            return
        for item in message.data:
            stream = (message.channel, item.symbol)
            if stream in self.delivered:
                self.delivered[stream].add(item.checksum)
                if message.type == "update" and message.verified:
                    self.sound[stream].add(item.checksum)

    def missing(self, stream: Stream) -> list[Missing]:
        """Return what never arrived.

        Books have no sequence: a lost update that the next one undoes leaves no trace, as that one
        verifies. Those are left out.
        """
        found: list[Missing] = []
        run: list[int] = []
        for ns, checksum in self.published[stream]:
            if checksum not in self.delivered[stream]:
                run.append(ns)
                continue
            if checksum not in self.sound[stream]:
                found += [Missing(*stream, lost_ns, ns) for lost_ns in run]
            run = []
        return found + [Missing(*stream, lost_ns, FOR_EVER) for lost_ns in run]


@dataclass
class Campaign:
    """A scene that a script acts on."""

    stage: Scene
    tape: Tape
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    clock_jumped: bool = False
    suspended_ns: list[int] = field(default_factory=list)

    def check(self) -> None:
        """Check what must hold at any instant."""
        try:
            self.tape.record_published()
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
    campaign.tape.record_published()  # while it is the time of what was published
    if seconds > PauseWatch.BOUND:
        middle_ns = virtual.current().time_ns() + int(seconds * 5e8)
        campaign.suspended_ns.append(middle_ns)
    virtual.current().pass_over(seconds)


async def _jump(campaign: Campaign, seconds: float) -> None:
    virtual.current().wall_offset += seconds
    campaign.clock_jumped = True


async def _reads(_: Campaign, sizes: list[int]) -> None:
    virtual.current().reads = iter(sizes)


async def _stop_reading(campaign: Campaign) -> None:
    campaign.stage.reading.clear()


async def _read_again(campaign: Campaign) -> None:
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


async def _level3(campaign: Campaign, name: str) -> None:
    getattr(campaign.stage.sim.faults, name)(ETH, channel="level3")


async def _lose_private_snapshot(campaign: Campaign) -> None:
    campaign.stage.sim.faults.lose_snapshots(None, channel="executions")


async def _corrupt_snapshots(campaign: Campaign, symbol: str, times: int) -> None:
    campaign.stage.sim.faults.corrupt_checksums(symbol, times, snapshots=True)


async def _cut_snapshot(campaign: Campaign, symbol: str) -> None:
    campaign.stage.sim.faults.cut_mid_frame(symbol, type="snapshot")


async def _limit(campaign: Campaign, limit: int) -> None:
    campaign.stage.sim.message_limit = limit


async def _lag(campaign: Campaign, seconds: float) -> None:
    """Let bytes arrive up to so much later from now on."""
    dice = random.Random(0)
    virtual.current().lag = lambda: dice.uniform(0, seconds)


#: What a script can say.
STEPS: dict[str, Callable[..., Any]] = {
    "move": _move,
    "wait": _wait,
    "suspend": _suspend,
    "jump": _jump,
    "reads": _reads,
    "stop_reading": _stop_reading,
    "read_again": _read_again,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "resync": _resync,
    "cancel": _cancel,
    "private": _private,
    "level3": _level3,
    "lose_private_snapshot": _lose_private_snapshot,
    "corrupt_snapshots": _corrupt_snapshots,
    "cut_snapshot": _cut_snapshot,
    "message_limit": _limit,
    "lag": _lag,
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
            "mute_subscriptions",
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
    """Run a script; every promise must hold."""
    virtual.run(_run(script, setup or Setup()))


async def _run(script: Script, setup: Setup) -> None:
    async with scene(
        exchange={"hosts": setup.hosts},
        streams=BOOKS + ORDERS if setup.level3 else BOOKS,
        message_queue_max=setup.queue,
        private_queue_max=setup.private_queue,
        resync_attempts=setup.attempts,
        redundant=setup.redundant,
        redundant_patience=setup.patience if setup.redundant else 0.0,
    ) as stage:
        tape = Tape(stage)
        stage.on_message = tape.record_delivered
        campaign = Campaign(stage, tape)
        ticker = TickerParams(symbol=[BTC], event_trigger="bbo")
        await stage.client.subscribe(ticker, overflow=setup.overflow)  # type: ignore[arg-type]
        tape.record_published()
        for states in tape.published.values():
            states.clear()  # what came before the tape ran

        virtual.current().after_turn = campaign.check
        try:
            for name, *args in script:
                await STEPS[name](campaign, *args)
            loses_inside = not LOSES_INSIDE.isdisjoint(name for name, *_ in script)
            repeats = ("private", "duplicate_updates") in script
            await _end(campaign, may_repeat=repeats, loses_inside=loses_inside)
        finally:
            virtual.current().after_turn = bool
            for error in stage.errors:
                raise error


async def _end(campaign: Campaign, *, may_repeat: bool, loses_inside: bool) -> None:
    """Let everything go right again, and check what was missed."""
    stage = campaign.stage
    stage.sim.faults.clear()
    stage.sim.faults.set_system("online")
    stage.sim.message_limit = None
    virtual.current().reads = iter(())
    stage.reading.set()
    await asyncio.wait_for(asyncio.gather(*campaign.tasks, return_exceptions=True), 60)
    await asyncio.sleep(3 * QUICK["heartbeat_timeout"])  # what fell silent is noticed by then
    await stage.recovered()
    await stage.move()
    await stage.recovered()
    await eventually(lambda: stage.sent[-1] in stage.received)
    stage.check_order(may_repeat=may_repeat)
    missing = [missing for stream in stage.streams for missing in campaign.tape.missing(stream)]
    missing += [Missing("executions", "", *times) for times in stage.missing_reports()]
    for lost in missing:
        await _check_gaps(campaign, lost if loses_inside else lost.under_way(), _was_lost_in)
    for ns, stream in itertools.product(campaign.suspended_ns, stage.streams):
        await _check_gaps(campaign, Missing(*stream, ns, ns), _spans)


async def _check_gaps(
    campaign: Campaign, lost: Missing, covers: Callable[[Missing, GapEvent], bool]
) -> None:
    """Check that a gap of the stream covers a time."""

    def is_reported() -> bool:
        gaps = [gap for gap in campaign.stage.client.gaps if _is_of_stream(gap, lost)]
        # After the clock was set, times cannot be compared.
        return any(campaign.clock_jumped or covers(lost, gap) for gap in gaps)

    # A gap is reported when it is closed, which a message limit may put off.
    with contextlib.suppress(TimeoutError):
        await eventually(is_reported, 100)
    assert is_reported(), f"{lost} is in no gap: {campaign.stage.client.gaps}"


def _is_of_stream(gap: GapEvent, lost: Missing) -> bool:
    is_of_symbol = not lost.symbol or lost.symbol in gap.symbols
    return lost.channel in gap.channels and is_of_symbol


def _spans(lost: Missing, gap: GapEvent) -> bool:
    """Return whether a gap covers a time by the clock of the client."""
    return gap.start_ns <= lost.ns <= (gap.end_ns or FOR_EVER)


def _was_lost_in(lost: Missing, gap: GapEvent) -> bool:
    """Return whether a message was lost in a gap.

    A gap says when messages came, and of what is missing it is known when it was sent. How long
    bytes are under way cannot be foreseen, but they keep their order: what was sent after the last
    message before the gap had not come by then. So what is compared is when things were sent.
    """
    start_ns, _ = _sent_ns(gap, gap.start_ns)
    _, end_ns = (0, FOR_EVER) if gap.end_ns is None else _sent_ns(gap, gap.end_ns)
    # What is lost inside the exchange shows with the next message of its stream. If the connection
    # goes before that, its gap is all there can be.
    since_ns = lost.shown_ns if gap.cause == "disconnect" else lost.ns
    return start_ns <= since_ns and lost.ns <= end_ns


def _sent_ns(gap: GapEvent, read_ns: int) -> tuple[int, int]:
    """Return when the first and the last of what was read at some time were sent."""
    arrivals = virtual.current().arrivals
    port = urlsplit(gap.connection).port
    # Of what a queue dropped, the gap does not say where it came from.
    times = [one.sent_ns(read_ns) for at, one in arrivals.items() if port in (None, at)]
    return min(first for first, _ in times), max(last for _, last in times)
