"""The client of the REST API for scripts: the same calls, without asyncio.

The calls run on an event loop in a thread of their own, so they also work where a loop is running,
as in Jupyter.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import wait
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, Self, TypeVar

from .client import KrakenRest

__all__ = ["KrakenRestSync"]

P = ParamSpec("P")
T = TypeVar("T")


#: Seconds after which a waiting call notices an interrupt that did not wake it, as on Windows.
INTERRUPT: Final = 0.5
#: What an exhausted iterator yields.
_END: Any = object()


class LoopThread:
    """An event loop in a thread, which starts with the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether the thread runs; a forked process has a copy of this object without it."""
        return self._thread is not None and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and return its result; an interrupt (Ctrl-C) cancels it.

        Raises:
            RuntimeError: this is the thread of the loop itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a call of KrakenRestSync would wait for itself: use KrakenRest")
        future = asyncio.run_coroutine_threadsafe(work, self._started())
        try:
            while not wait([future], INTERRUPT).done:
                pass
            return future.result()
        except BaseException:
            future.cancel()
            raise
        finally:
            del future, work  # Otherwise the exception and this frame would refer to each other.

    def stop(self) -> None:
        """Stop the loop and its thread; the next call starts them again."""
        with self._lock:
            loop, thread = self._loop, self._thread if self.is_running else None
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which runs."""
        with self._lock:
            if self._loop is None or not self.is_running:
                # With a factory, the loop does not become that of this thread.
                runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
                self._loop = runner.get_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(runner,), name="kraken_connector.rest", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(runner: asyncio.Runner) -> None:
    with runner:
        runner.get_loop().run_forever()


def _close(thread: LoopThread, rest: KrakenRest) -> None:
    """Close the connections and the thread."""
    if thread.is_running:
        thread.run(rest.aclose())
        thread.stop()


def _constructor_of(
    method: Callable[Concatenate[KrakenRest, P], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate[KrakenRestSync, P], None]]:
    """Give a constructor the parameters of another one."""

    def decorated(init: Callable[..., None]) -> Callable[Concatenate[KrakenRestSync, P], None]:
        return functools.wraps(method)(init)

    return decorated


def _call(
    method: Callable[Concatenate[KrakenRest, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[KrakenRestSync, P], T]:
    """Return a method that waits for the result of a call."""

    @functools.wraps(method)
    def waiting(self: KrakenRestSync, /, *args: P.args, **options: P.kwargs) -> T:
        return self._thread.run(method(self._rest, *args, **options))

    return waiting


def _listing(
    method: Callable[Concatenate[KrakenRest, P], AsyncIterator[T]],
) -> Callable[Concatenate[KrakenRestSync, P], Iterator[T]]:
    """Return a method that is an iterator."""

    @functools.wraps(method)
    def waiting(self: KrakenRestSync, /, *args: P.args, **options: P.kwargs) -> Iterator[T]:
        return _rows(self._thread, method(self._rest, *args, **options))

    shown = inspect.signature(method)
    returned = str(shown.return_annotation).removeprefix("Async")
    waiting.__signature__ = shown.replace(return_annotation=returned)  # type: ignore[attr-defined]
    return waiting


def _rows(thread: LoopThread, rows: AsyncIterator[T]) -> Iterator[T]:
    async def following() -> T:
        return await anext(rows, _END)

    while (row := thread.run(following())) is not _END:
        yield row


class KrakenRestSync:
    """A client of Kraken's REST API for scripts: `KrakenRest` without asyncio.

        with KrakenRestSync(api_key=..., api_secret=...) as rest:
            for order in rest.open_orders().values():
                print(order.order_id, order.symbol, order.status)

    Calls, results, errors and the parameters of both are those of `KrakenRest`; paged calls return
    iterators. Several threads may share a client. Ctrl-C ends a call; whether an order was placed
    then is not known. Without `with`, call `close()`.
    """

    @_constructor_of(KrakenRest.__init__)
    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            self._rest = KrakenRest(*args, **options)
        finally:
            # Error reports show local variables.
            del args, options
        self._thread = LoopThread()
        self._end = weakref.finalize(self, _close, self._thread, self._rest)

    system_status = _call(KrakenRest.system_status)
    server_time = _call(KrakenRest.server_time)
    asset_pairs = _call(KrakenRest.asset_pairs)
    ohlc = _call(KrakenRest.ohlc)
    trades = _call(KrakenRest.trades)
    depth = _call(KrakenRest.depth)

    open_orders = _call(KrakenRest.open_orders)
    query_orders = _call(KrakenRest.query_orders)
    closed_orders = _listing(KrakenRest.closed_orders)
    trades_history = _listing(KrakenRest.trades_history)
    query_trades = _call(KrakenRest.query_trades)
    balances = _call(KrakenRest.balances)
    trade_balance = _call(KrakenRest.trade_balance)
    open_positions = _call(KrakenRest.open_positions)
    trade_volume = _call(KrakenRest.trade_volume)
    api_key_info = _call(KrakenRest.api_key_info)

    add_order = _call(KrakenRest.add_order)
    amend_order = _call(KrakenRest.amend_order)
    cancel_order = _call(KrakenRest.cancel_order)
    cancel_all = _call(KrakenRest.cancel_all)
    cancel_all_orders_after = _call(KrakenRest.cancel_all_orders_after)

    get_websockets_token = _call(KrakenRest.get_websockets_token)

    def close(self) -> None:
        """Close the connections and the thread; the next call opens new ones."""
        _close(self._thread, self._rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        # The constructor may have failed: error reports show incomplete objects.
        rest = getattr(self, "_rest", None)
        return repr(rest).replace("KrakenRest", "KrakenRestSync", 1)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")
