"""Waiting that survives cancellation, by plain asyncio and by anyio."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from kraken_connector.ws.base.shielding import wait_shielded


@pytest.mark.virtual_time
async def test_second_cancellation_does_not_end_the_wait() -> None:
    work = asyncio.create_task(asyncio.sleep(5))
    waiting = asyncio.create_task(wait_shielded(work))
    for _ in range(3):
        await asyncio.sleep(1)
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.done()
    assert not work.cancelled()


async def test_scope_of_anyio_is_left_when_the_work_is_done() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append(True)

    with anyio.move_on_after(0.01) as scope:
        task = asyncio.create_task(work())
        await wait_shielded(task)
    assert scope.cancelled_caught
    assert done == [True]


async def test_outcome_of_the_work_is_not_raised() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(work())
    await wait_shielded(task)
    assert isinstance(task.exception(), ZeroDivisionError)
