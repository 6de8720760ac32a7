"""`KrakenRestSync`: the same calls without asyncio."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from tests.rest.conftest import CLIENT_TLS, SERVER_TLS
from tests.ws.helpers import BTC, RICH

from kraken_connector import AddOrderParams, KrakenRest, KrakenRestSync, RestError
from kraken_connector.sim import SimulatedExchange

ORDER = AddOrderParams(BTC, "buy", "limit", "0.5", limit_price="80000.0")
#: Methods that a script has under another name, or does not need.
OTHERS = {"aclose", "over", "use_network", "has_key", "nonce_unit", "rate_counter"}

FORKS = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")


class ExchangeThread(threading.Thread):
    """A simulated exchange on an event loop of its own."""

    def __init__(self) -> None:
        super().__init__(name="exchange")
        self.started, self.loop = threading.Event(), asyncio.new_event_loop()

    def run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        self.stopped = asyncio.Event()
        async with SimulatedExchange(
            symbols=[BTC], rate=0, balances=RICH, ssl=SERVER_TLS, rest_limits=False
        ) as self.exchange:
            self.started.set()
            await self.stopped.wait()


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    thread = ExchangeThread()
    thread.start()
    assert thread.started.wait(10)
    yield thread.exchange
    thread.loop.call_soon_threadsafe(thread.stopped.set)
    thread.join()


def client_of(exchange: SimulatedExchange, **options: Any) -> KrakenRestSync:
    return KrakenRestSync(
        exchange.api_key,
        exchange.api_secret,
        base_url=exchange.rest_url,
        proxy=False,
        ssl=CLIENT_TLS,
        tier="pro",
        **options,
    )


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_every_call_has_a_sync_form() -> None:
    calls = {name for name in dir(KrakenRest) if not name.startswith("_")} - OTHERS
    assert {name for name in dir(KrakenRestSync) if not name.startswith("_")} == {*calls, "close"}


@pytest.mark.parametrize(
    "name", [name for name in dir(KrakenRestSync) if not name.startswith("_") and name != "close"]
)
def test_sync_form_has_the_same_parameters_and_text(name: str) -> None:
    ours, theirs = getattr(KrakenRestSync, name), getattr(KrakenRest, name)
    assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters
    assert inspect.getdoc(ours) == inspect.getdoc(theirs)
    returned = str(inspect.signature(theirs).return_annotation)
    assert inspect.signature(ours).return_annotation == returned.removeprefix("Async")
    assert not inspect.iscoroutinefunction(ours)


def test_constructor_has_the_same_parameters() -> None:
    ours, theirs = inspect.signature(KrakenRestSync), inspect.signature(KrakenRest)
    assert ours.parameters == theirs.parameters
    with pytest.raises(TypeError, match="tierr"):
        KrakenRestSync(tierr="pro")  # type: ignore[call-arg]


def test_script(exchange: SimulatedExchange) -> None:
    with client_of(exchange) as rest:
        assert rest.system_status().status == "online"
        placed = rest.add_order(ORDER)
        assert list(rest.open_orders()) == [placed.order_id]
        assert rest.cancel_all().count == 1
        closed = rest.closed_orders()
        assert next(closed).status == "canceled"
        assert list(closed) == []
        with pytest.raises(RestError, match="EOrder"):
            rest.cancel_order(placed.order_id)
        assert "kraken_connector.rest" in threads()
    assert "kraken_connector.rest" not in threads()


async def test_inside_a_running_loop(exchange: SimulatedExchange) -> None:
    """As in a cell of Jupyter."""
    with client_of(exchange) as rest:
        assert rest.server_time().unixtime > 0
    assert asyncio.get_running_loop().is_running()


def test_several_threads_share_a_client(exchange: SimulatedExchange) -> None:
    found: list[Any] = []
    with client_of(exchange) as rest:
        workers = [threading.Thread(target=lambda: found.append(rest.balances())) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(found) == 8
    assert all("BTC" in balances for balances in found)


def test_closed_client_opens_again(exchange: SimulatedExchange) -> None:
    rest = client_of(exchange)
    for _ in range(2):
        assert rest.server_time().unixtime > 0
        rest.close()
        rest.close()
        assert "kraken_connector.rest" not in threads()


@FORKS
def test_forked_process_starts_a_thread_of_its_own(exchange: SimulatedExchange) -> None:
    with client_of(exchange) as rest:
        assert rest.server_time().unixtime > 0
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Python 3.12 warns about forks of a process with threads
            child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                rest.server_time()
                rest.close()
            except BaseException:  # noqa: BLE001 (the test must not go on in the child)
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert rest.server_time().unixtime > 0


@FORKS
def test_client_of_a_forked_process_ends_without_a_call(exchange: SimulatedExchange) -> None:
    with client_of(exchange) as rest:
        assert rest.server_time().unixtime > 0
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Python 3.12 warns about forks of a process with threads
            child = os.fork()
        if child == 0:
            signal.alarm(20)
            rest._end()  # as at the end of the interpreter
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_forgotten_client_leaves_no_thread(exchange: SimulatedExchange) -> None:
    rest = client_of(exchange)
    rest.server_time()
    del rest
    gc.collect()
    assert "kraken_connector.rest" not in threads()


def test_client_without_a_call_has_no_thread() -> None:
    with KrakenRestSync():
        assert "kraken_connector.rest" not in threads()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pthread_kill")
def test_interrupt_ends_a_call(exchange: SimulatedExchange) -> None:
    """Ctrl-C raises `KeyboardInterrupt` where the call waits, and the request is cancelled."""
    exchange.faults.delay_calls(600.0, calls=("BalanceEx",))
    # Without a limit, only the interrupt ends it.
    with client_of(exchange, timeout=600.0) as rest:
        rest.server_time()

        def interrupt() -> None:
            while not any(one.name == "BalanceEx" for one in exchange.rest.journal):
                time.sleep(0.005)
            # As the kernel does with Ctrl-C; the signal of another thread does not end a wait.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        worker = threading.Thread(target=interrupt)
        worker.start()
        with pytest.raises(KeyboardInterrupt):
            rest.balances()
        worker.join()
        assert rest.server_time().unixtime > 0
    assert "kraken_connector.rest" not in threads()


def test_call_in_the_thread_of_the_loop_does_not_wait_for_itself(
    exchange: SimulatedExchange,
) -> None:
    with client_of(exchange) as rest:

        async def nested() -> None:
            rest.server_time()

        with pytest.raises(RuntimeError, match="use KrakenRest"):
            rest._thread.run(nested())


def test_asyncio_client_is_used_by_one_loop_after_another(exchange: SimulatedExchange) -> None:
    keys = {"api_key": exchange.api_key, "api_secret": exchange.api_secret}
    rest = KrakenRest(**keys, base_url=exchange.rest_url, proxy=False, ssl=CLIENT_TLS)

    async def main() -> int:
        async with rest:
            return len(await asyncio.gather(rest.balances(), rest.balances()))

    assert [asyncio.run(main()) for _ in range(3)] == [2, 2, 2]


def test_repr_and_pickle_show_no_key() -> None:
    import pickle  # noqa: PLC0415

    rest = KrakenRestSync("the-key", "c2VjcmV0")
    assert repr(rest) == "KrakenRestSync(base_url='https://api.kraken.com')"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(rest)
