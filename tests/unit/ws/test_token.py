"""The token manager, with a source that the test controls."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests import virtual

from kraken_connector.exceptions import TokenAcquisitionError
from kraken_connector.http import WebSocketToken
from kraken_connector.network import Network
from kraken_connector.ws.token.manager import TokenDelayed, TokenManager, shared_manager


class Source:
    """Returns a new token per call, while `gate` is set."""

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


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def manager(source: Source) -> TokenManager:
    return TokenManager(source)


async def cancelled_call(get_token: Callable[[], Coroutine[Any, Any, str]]) -> asyncio.Task[str]:
    """Call for a token, cancel the call while the fetch is under way, and return it."""
    call = asyncio.create_task(get_token())
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    return call


async def test_token_is_fetched_once_and_kept(source: Source, manager: TokenManager) -> None:
    assert not manager.is_valid
    assert [await manager.get_token() for _ in range(3)] == ["token 1"] * 3
    assert manager.is_valid


async def test_expiring_token_is_replaced_within_the_margin() -> None:
    source = Source(expires=60.0)
    manager = TokenManager(source, refresh_margin=60.0)
    assert await manager.get_token() == "token 1"
    assert not manager.is_valid
    assert await manager.get_token() == "token 2"


async def test_concurrent_calls_share_one_fetch(source: Source, manager: TokenManager) -> None:
    source.gate.clear()
    calls = [asyncio.create_task(manager.get_token()) for _ in range(5)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*calls)) == {"token 1"}
    assert source.calls == 1


async def test_failure_is_raised_in_all_concurrent_calls_and_the_next_call_fetches_again(
    source: Source, manager: TokenManager
) -> None:
    source.error = TokenAcquisitionError("no")
    source.gate.clear()  # otherwise an eager task would fail before the next call
    calls = [asyncio.create_task(manager.get_token()) for _ in range(3)]
    await asyncio.sleep(0)
    source.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, TokenAcquisitionError) for result in results)
    assert source.calls == 1
    source.error = None
    assert await manager.get_token() == "token 2"


async def test_cancelled_call_does_not_fail_the_others(
    source: Source, manager: TokenManager
) -> None:
    source.gate.clear()
    first, second = (asyncio.create_task(manager.get_token()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    source.gate.set()
    assert await second == "token 1"


async def test_fetch_without_callers_continues_for_the_next_one(
    source: Source, manager: TokenManager
) -> None:
    source.gate.clear()
    await cancelled_call(manager.get_token)
    source.gate.set()
    assert await manager.get_token() == "token 1"
    assert source.calls == 1


async def test_error_without_callers_is_not_logged_by_asyncio(
    source: Source,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source.gate.clear()
    source.error = TokenAcquisitionError("no")
    manager = TokenManager(source)
    call = await cancelled_call(manager.get_token)
    source.gate.set()
    await asyncio.sleep(0)
    del call
    gc.collect()
    assert [record.name for record in caplog.records] == ["kraken_connector.ws.token.manager"]


async def test_invalidated_token_is_not_handed_out_again(
    source: Source, manager: TokenManager
) -> None:
    await manager.get_token()
    manager.invalidate()
    assert not manager.is_valid
    assert await manager.get_token() == "token 2"


async def test_fetch_that_was_under_way_when_invalidated_is_not_kept(
    source: Source, manager: TokenManager
) -> None:
    source.gate.clear()
    early = asyncio.create_task(manager.get_token())
    await asyncio.sleep(0)
    manager.invalidate()
    late = asyncio.create_task(manager.get_token())
    await asyncio.sleep(0)
    source.gate.set()
    assert (await early, await late) == ("token 1", "token 2")
    assert await manager.get_token() == "token 2"


async def test_each_connection_gets_a_token_of_its_own(
    source: Source, manager: TokenManager
) -> None:
    tokens = await asyncio.gather(*(manager.new_token() for _ in range(4)))
    assert sorted(tokens) == [f"token {number}" for number in (1, 2, 3, 4)]
    assert source.calls == 4


async def test_connection_uses_a_token_that_no_other_got(
    source: Source, manager: TokenManager
) -> None:
    source.gate.clear()
    await cancelled_call(manager.new_token)
    source.gate.set()
    assert await manager.new_token() == "token 1"


@pytest.mark.virtual_time
async def test_calls_of_a_shared_manager_are_spaced() -> None:
    loop = asyncio.get_running_loop()
    source = Source()
    manager = TokenManager(source)
    start = loop.time()

    async def flap() -> None:
        while loop.time() < start + 100:
            try:
                await manager.new_token()
                await asyncio.sleep(0.3)
            except TokenDelayed as delay:
                await asyncio.sleep(delay.seconds)

    await asyncio.gather(*(flap() for _ in range(5)))
    assert 35 <= source.calls <= 10 + 100 * 0.3


@pytest.mark.virtual_time
async def test_error_says_when_the_next_try_is(source: Source, manager: TokenManager) -> None:
    source.error = TokenAcquisitionError("refused", venue_error="EGeneral:Temporary lockout")
    at = r"at \d\d:\d\d:\d\d UTC"
    with pytest.raises(TokenAcquisitionError, match=rf"refused; .* in 900 s, {at}$") as caught:
        await manager.get_token()
    assert caught.value.venue_error == "EGeneral:Temporary lockout"
    await asyncio.sleep(300)
    with pytest.raises(TokenAcquisitionError, match=rf"in 600 s, {at} \(refused\)$"):
        await manager.get_token()
    assert source.calls == 1
    await asyncio.sleep(600)
    source.error = None
    assert await manager.get_token() == "token 2"


@pytest.mark.parametrize(
    ("text", "level"), [("EService:Busy", "WARNING"), ("EAPI:Invalid key", "ERROR")]
)
async def test_failure_is_logged_with_its_reason(
    source: Source, caplog: pytest.LogCaptureFixture, text: str, level: str
) -> None:
    source.error = TokenAcquisitionError(f"refused: {text}", venue_error=text)
    with pytest.raises(TokenAcquisitionError):
        await TokenManager(source).get_token()
    (record,) = caplog.records
    assert record.levelname == level
    assert text in record.getMessage()


@pytest.mark.parametrize("is_refused_twice", [False, True])
async def test_refused_nonce_is_followed_by_the_next_one(is_refused_twice: bool) -> None:
    class Nonces(Source):
        async def get_websockets_token(self) -> WebSocketToken:
            token = await super().get_websockets_token()
            if self.calls == 1 or is_refused_twice:
                raise TokenAcquisitionError("refused", venue_error="EAPI:Invalid nonce")
            return token

    source = Nonces()
    manager = TokenManager(source)
    if is_refused_twice:
        with pytest.raises(TokenAcquisitionError, match="the next try is in 1 s"):
            await manager.get_token()
    else:
        assert await manager.get_token() == "token 2"
    assert source.calls == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize("asleep", [0.0, 900.0])
async def test_either_clock_ends_a_token(asleep: float) -> None:
    """While the machine sleeps, the monotonic clock stops and the exchange's does not."""
    manager = TokenManager(Source())
    await manager.get_token()
    virtual.current().wall_offset += asleep
    assert await manager.get_token() == ("token 2" if asleep else "token 1")
    virtual.current().wall_offset -= 10_000
    await asyncio.sleep(839)
    assert manager.is_valid
    await asyncio.sleep(2)
    assert not manager.is_valid


async def test_other_managers_give_a_new_token_each_time() -> None:
    class Theirs:
        """A user's own manager, written for kraken-connector 0.2.0."""

        def __init__(self) -> None:
            self.number = 1

        async def get_token(self) -> str:
            return f"token {self.number}"

        def invalidate(self) -> None:
            self.number += 1

    manager = shared_manager(Theirs(), Network())
    assert [await manager.new_token() for _ in range(3)] == ["token 1", "token 2", "token 3"]
    assert manager.good_for == float("inf")


def test_manager_outlives_an_event_loop_that_ended_during_a_call(
    source: Source, manager: TokenManager
) -> None:
    source.gate.clear()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(manager.get_token(), 0.001)

    asyncio.run(give_up())
    source.gate.set()
    assert asyncio.run(manager.get_token()) == "token 2"


@pytest.mark.parametrize("wrong", ["the-token", None, b"the-token"])
def test_wrong_source_is_refused_and_not_shown(wrong: Any) -> None:
    with pytest.raises(TypeError, match=type(wrong).__name__) as caught:
        TokenManager(wrong)
    assert "the-token" not in str(caught.value)


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
