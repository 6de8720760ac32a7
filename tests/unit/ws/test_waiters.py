"""Tasks that wait for the same event."""

from __future__ import annotations

import asyncio

import pytest

from kraken_connector.ws.base.waiters import Waiters

pytestmark = pytest.mark.virtual_time


async def test_tasks_are_woken_in_the_order_of_their_calls() -> None:
    waiters = Waiters()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await waiters.wait()
        woken.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(wait(number))
        await asyncio.sleep(1)
        waiters.release()
    assert woken == list(range(50))


async def test_error_is_raised_in_each_task_but_not_in_later_calls() -> None:
    waiters = Waiters()
    waiting = [asyncio.ensure_future(waiters.wait()) for _ in range(3)]
    await asyncio.sleep(1)
    waiting[0].cancel()
    error = ValueError("the end")
    waiters.release(error)
    assert (await asyncio.gather(*waiting, return_exceptions=True))[1:] == [error, error]
    assert waiting[0].cancelled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await waiters.wait()
