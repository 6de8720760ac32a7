"""A whole client against frames that were changed on their way, in virtual time, for a while; ends
with 1 at the first one that ends the client, leaves somebody waiting, or is not made up for.

Each run has a seed of its own, which is printed when it fails and repeats it:

    python fuzz/clients.py --seconds 60 --seed 1
    python fuzz/clients.py --only 1234 --verbose
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import logging
import random
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from fuzz.cores import real_frames, rebuilt
from tests import virtual
from tests.faults import odd
from tests.ws.helpers import BTC, ETH, connected, eventually, text_frame, tokens_of

from kraken_connector import backend
from kraken_connector.exceptions import KrakenConnectorError
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.session import Outgoing, Session
from kraken_connector.ws import (
    BalancesParams,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    InstrumentParams,
    KrakenWSClient,
    Level3Params,
    OHLCParams,
    TickerParams,
    TradeParams,
)
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelOrderParams,
    EditOrderParams,
)

#: Steps of one run, and seconds that everything may take to be right again after the last one.
STEPS = 60
RECOVERY = 600.0
#: Seconds after which nobody may wait for a request any more.
LONGEST_WAIT = 120.0
#: Words that mean something in some field.
WORDS = (
    *("snapshot", "update", "book", "executions", "balances", "instrument", "subscribe", "trade"),
    *("new", "filled", "canceled", "amended", "status", "online", "maintenance", "add", "delete"),
)
UNKNOWN = "OAAAAA-BBBBB-CCCCCC"


def changed_bytes(frame: bytes, pool: list[bytes], chance: random.Random) -> bytes:
    """Return a frame with some tokens changed, or with a byte, or cut off."""
    frame = rebuilt(frame, pool, chance)
    at = chance.randrange(len(frame) + 1)
    act = chance.randrange(6)
    if act == 0:
        return frame[:at]
    if act == 1:
        return frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1 :]
    return frame


def changed_values(frame: bytes, pool: list[bytes], chance: random.Random) -> bytes:
    """Return a frame with a few values replaced; one that is no JSON becomes an empty object."""
    document = decoded(frame)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        paths = list(odd.paths(document))
        if not paths:
            break
        document = odd.with_odd(document, (chance.choice(paths), value(document, pool, chance)))
    return json.dumps(document).encode()


def value(document: Any, pool: list[bytes], chance: random.Random) -> Any:
    """Return some value: an odd one, a word, or one from elsewhere in this frame or another."""
    act = chance.randrange(6)
    if act < 3:
        return chance.choice(odd.VALUES)
    if act == 3:
        return chance.choice(WORDS)
    source = document if act == 4 else decoded(chance.choice(pool))
    paths = list(odd.paths(source))
    return copy.deepcopy(odd.at(source, chance.choice(paths))) if paths else None


def decoded(frame: bytes) -> Any:
    try:
        return json.loads(frame)
    except ValueError:
        return {}


class Run:
    """One client and its exchange, between which frames change."""

    def __init__(self, seed: int, frames: list[bytes]) -> None:
        self.chance = random.Random(seed)
        self.frames = frames
        self.share = self.chance.choice((0.02, 0.1, 0.3))
        self.calls: dict[asyncio.Task[Any], float] = {}
        self.problems: list[str] = []

    async def play(self) -> None:
        """Play it.

        Raises:
            AssertionError: a promise was broken.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.problems.append(repr(context)))
        clock = virtual.current().time_ns
        rich = {"USD": 10**9, "BTC": 10**4}
        seed = self.chance.randrange(10**6)
        sim = SimulatedExchange(
            hosts="three", symbols=[BTC, ETH], rate=0, balances=rich, clock=clock, seed=seed
        )
        options: dict[str, Any] = {"request_timeout": 2.0, "max_reconnect_attempts": 10**6}
        async with sim:
            hosts = {"auth_url": sim.auth_url, "level3_url": sim.level3_url}
            tokens = tokens_of(sim)
            async with connected(sim, token_manager=tokens, **hosts, **options) as client:
                reader = asyncio.create_task(read(client))
                await follow(client)
                rule = sim.faults.add("changed", lambda _: True, self.change, None)
                for _ in range(STEPS):
                    await self.step(sim, client)
                    check_alive(client)
                rule.cancel()
                await self.recover(sim, client)
                reader.cancel()
        assert not self.problems, self.problems

    def change(self, _: Session, message: Outgoing) -> list[Outgoing]:
        """Change a message on its way, or let it pass."""
        if self.chance.random() >= self.share:
            return [message]
        return [replace(message, payload=self.changed(message.payload))]

    def changed(self, frame: bytes) -> bytes:
        change = self.chance.choice((changed_bytes, changed_values, changed_values))
        return change(frame, self.frames, self.chance)

    async def step(self, sim: SimulatedExchange, client: KrakenWSClient) -> None:
        """Let something happen: a frame from nowhere, the market, or a request."""
        act = self.chance.randrange(6)
        if act < 2 and sim.connections:
            connection = self.chance.choice(sim.connections)
            for _ in range(self.chance.choice((1, 1, 5))):
                frame = self.changed(self.chance.choice(self.frames))
                connection.send_bytes(text_frame(frame))
        elif act == 2:
            await sim.step(self.chance.choice((BTC, ETH)))
        else:
            task = asyncio.create_task(self.request(client))
            self.calls[task] = asyncio.get_running_loop().time()
        await asyncio.sleep(self.chance.choice((0.0, 0.01, 1.0, 5.0)))
        self.check_requests()

    def check_requests(self) -> None:
        """Check how requests ended, and that none takes for ever."""
        now = asyncio.get_running_loop().time()
        for task, since in list(self.calls.items()):
            if not task.done():
                assert now - since < LONGEST_WAIT, f"{task} waits since {now - since} s"
                continue
            del self.calls[task]
            error = task.exception()
            ours = KrakenConnectorError | KeyError | None
            assert isinstance(error, ours), traceback.format_exception(error)  # type: ignore[arg-type]

    async def request(self, client: KrakenWSClient) -> None:
        """Make some request."""
        name = self.chance.choice([*(o.order_id for o in client.orders.working()), UNKNOWN])
        name = name or UNKNOWN
        price = self.chance.choice(("100.0", "99.0", "1000000.0"))
        order = AddOrderParams(BTC, "buy", "limit", "0.10", limit_price=price, deadline=None)
        calls: list[Any] = [
            lambda: client.add_order(order),
            lambda: client.batch_add(BatchAddParams(symbol=BTC, orders=[order, order])),
            lambda: client.amend_order(AmendOrderParams(name, limit_price="98.0")),
            lambda: client.edit_order(EditOrderParams(name, BTC, order_qty="0.20")),
            lambda: client.cancel_order(CancelOrderParams(order_id=[name])),
            lambda: client.batch_cancel(BatchCancelParams(orders=[name, UNKNOWN])),
            client.cancel_all,
            lambda: client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=0)),
            lambda: client.unsubscribe(TickerParams(symbol=[ETH])),
            lambda: client.subscribe(TickerParams(symbol=[ETH])),
            lambda: client.unsubscribe(BookParams(symbol=[ETH])),
            lambda: client.subscribe(BookParams(symbol=[ETH])),
            lambda: client.resync(BTC),
        ]
        await self.chance.choice(calls)()

    async def recover(self, sim: SimulatedExchange, client: KrakenWSClient) -> None:
        """Check that all is right again once frames arrive as they were sent."""
        async with asyncio.timeout(LONGEST_WAIT):
            while self.calls:
                await asyncio.wait(self.calls, timeout=1.0)
                self.check_requests()
        if client.book(BTC).state == "quarantined":
            await client.resync(BTC)
        if client.level3(BTC).state == "quarantined":
            await client.resync(BTC, channel="level3")

        # A changed frame may be a valid one with other content, which nobody can notice.
        for connection in sim.connections:
            connection.abort()
        await asyncio.sleep(60)

        def is_right() -> bool:
            held = {asset: amount for asset, amount in client.balances.items() if amount}
            true = {asset: amount for asset, amount in sim.account.balances.items() if amount}
            return client.orders.is_current and client.balances.is_current and held == true

        try:
            await eventually(lambda: client.instruments.get(BTC), RECOVERY)
            await eventually(is_right, RECOVERY)
            await eventually(lambda: client.book(BTC).is_valid, RECOVERY)
            await eventually(lambda: client.level3(BTC).is_valid, RECOVERY)
        except TimeoutError:
            raise AssertionError(f"not right again: {client.stats()}") from None
        check_alive(client)
        order = AddOrderParams(BTC, "buy", "limit", "0.10", limit_price="97.0")
        placed = await client.add_order(order)
        await eventually(lambda: placed.order.status == "new", RECOVERY)


async def follow(client: KrakenWSClient) -> None:
    """Subscribe to everything."""
    await client.subscribe(ExecutionsParams(snap_trades=True))
    await client.subscribe(BalancesParams())
    await client.subscribe(BookParams(symbol=[BTC, ETH]))
    await client.subscribe(Level3Params(symbol=[BTC]))
    await client.subscribe(TickerParams(symbol=[BTC, ETH]))
    await client.subscribe(TradeParams(symbol=[BTC]))
    await client.subscribe(OHLCParams(symbol=[BTC]))
    await client.subscribe(InstrumentParams())


async def read(client: KrakenWSClient) -> None:
    """Take what comes."""
    async for event in client:
        repr(event)


def check_alive(client: KrakenWSClient) -> None:
    """Check that the client goes on by itself."""
    alive = (ConnectionState.CONNECTED, ConnectionState.CONNECTING, ConnectionState.RECONNECTING)
    assert client.state in alive, client.state


def play(seed: int, frames: list[bytes]) -> None:
    """Play one run.

    Raises:
        Exception: it failed.
    """
    virtual.run(Run(seed, frames).play())


def seeds(options: argparse.Namespace) -> Iterator[int]:
    """Give the seeds to run: one that failed, or as many as there is time for."""
    if options.only is not None:
        yield options.only
        return
    until, seed = time.monotonic() + options.seconds, options.seed
    while time.monotonic() < until:
        yield seed
        seed += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--only", type=int, help="a seed that failed")
    parser.add_argument("--verbose", action="store_true", help="show the client's log")
    options = parser.parse_args()
    if options.verbose:
        logging.basicConfig(level=logging.INFO)
    else:
        logging.disable()
    frames, runs, verdict = real_frames(), 0, "ok"
    for seed in seeds(options):
        try:
            play(seed, frames)
        except Exception:  # noqa: BLE001 (whatever it is, its seed is what counts)
            traceback.print_exc()
            verdict = f"FAILED, repeat it by --only {seed}"
            break
        runs += 1
    print(
        f"{'changed_frames':<26}{runs:>12,} clients in {options.seconds:g} s"
        f"  seed {options.seed}  {backend()} core   {verdict}"
    )
    return int(verdict != "ok")


if __name__ == "__main__":
    sys.exit(main())
