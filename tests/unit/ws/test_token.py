"""The token's life, with a source that a test controls."""

from __future__ import annotations

import asyncio

import pytest

from kraken_connector.exceptions import TokenAcquisitionError
from kraken_connector.http import WebSocketToken
from kraken_connector.ws.token import TokenManager


class Source:
    """Gives token after token, as soon as `gate` is open."""

    def __init__(self, expires: float = 900.0) -> None:
        self.calls = 0
        self.expires = expires
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def get_websockets_token(self) -> WebSocketToken:
        self.calls += 1
        number = self.calls
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return WebSocketToken(f"token {number}", self.expires)


async def test_token_is_fetched_once_and_kept() -> None:
    source = Source()
    manager = TokenManager(source)
    assert not manager.is_valid
    assert [await manager.get_token() for _ in range(3)] == ["token 1"] * 3
    assert manager.is_valid


async def test_expiring_token_is_fetched_anew_within_the_margin() -> None:
    source = Source(expires=60.0)
    manager = TokenManager(source, refresh_margin=60.0)
    assert await manager.get_token() == "token 1"
    assert not manager.is_valid
    assert await manager.get_token() == "token 2"


async def test_all_who_ask_share_one_fetch() -> None:
    source = Source()
    source.gate.clear()
    manager = TokenManager(source)
    asking = [asyncio.create_task(manager.get_token()) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*asking)) == {"token 1"}
    assert source.calls == 1


async def test_failure_reaches_all_who_ask_and_the_next_try_is_a_new_one() -> None:
    source = Source()
    source.error = TokenAcquisitionError("no")
    manager = TokenManager(source)
    results = await asyncio.gather(*(manager.get_token() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, TokenAcquisitionError) for result in results)
    source.error = None
    assert await manager.get_token() == "token 2"


async def test_cancelled_asker_does_not_fail_the_others() -> None:
    source = Source()
    source.gate.clear()
    manager = TokenManager(source)
    first, second = (asyncio.create_task(manager.get_token()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    source.gate.set()
    assert await second == "token 1"


async def test_fetch_without_askers_is_cancelled() -> None:
    source = Source()
    source.gate.clear()
    manager = TokenManager(source)
    tasks = asyncio.all_tasks()
    asking = asyncio.create_task(manager.get_token())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    source.gate.set()
    assert await manager.get_token() == "token 2"
    assert asyncio.all_tasks() == tasks


async def test_invalidated_token_is_not_handed_out_again() -> None:
    source = Source()
    manager = TokenManager(source)
    await manager.get_token()
    manager.invalidate()
    assert not manager.is_valid
    assert await manager.get_token() == "token 2"


async def test_fetch_that_was_under_way_when_invalidated_is_not_kept() -> None:
    source = Source()
    source.gate.clear()
    manager = TokenManager(source)
    early = asyncio.create_task(manager.get_token())
    await asyncio.sleep(0)
    manager.invalidate()
    late = asyncio.create_task(manager.get_token())
    await asyncio.sleep(0)
    source.gate.set()
    assert (await early, await late) == ("token 1", "token 2")
    assert await manager.get_token() == "token 2"


@pytest.mark.parametrize("margin", [-1.0, float("nan"), float("inf")])
def test_margin_must_make_sense(margin: float) -> None:
    with pytest.raises(ValueError, match="refresh_margin"):
        TokenManager(Source(), refresh_margin=margin)


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for name in ("KRAKEN_API", "KRAKEN_CONNECTOR_API"):
            patch.delenv(f"{name}_KEY", raising=False)
            patch.delenv(f"{name}_SECRET", raising=False)
        with pytest.raises(ValueError, match="KRAKEN_API_KEY"):
            TokenManager.from_env()
        patch.setenv("KRAKEN_API_KEY", "key")
        with pytest.raises(ValueError, match="KRAKEN_API_SECRET"):
            TokenManager.from_env()
        patch.setenv("KRAKEN_API_SECRET", "c2VjcmV0")
        assert not TokenManager.from_env().is_valid
        patch.setenv("KRAKEN_CONNECTOR_API_SECRET", "c2VjcmV0")
        with pytest.raises(ValueError, match="KRAKEN_CONNECTOR_API_KEY"):
            TokenManager.from_env()
