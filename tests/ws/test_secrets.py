"""Keys, signatures and tokens are in no log, repr, traceback or pickle."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import pytest
from tests.ws.helpers import BTC, connected, eventually, find_channel, requests_of, tokens_of

from kraken_connector.exceptions import OrderOutcomeUnknown, TokenAcquisitionError
from kraken_connector.http import HTTPAuthenticatedClient, WebSocketToken
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    BalancesParams,
    BookParams,
    ExecutionsParams,
    TokenManager,
)

ORDER = AddOrderParams(BTC, "buy", "limit", "0.1", limit_price="100.0", cl_ord_id="mine")


async def test_no_secret_is_logged_at_debug(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sim.faults.refuse_tokens("EService:Unavailable")
    async with connected(sim, token_manager=tokens_of(sim), request_timeout=1.5) as client:
        with pytest.raises(TokenAcquisitionError):
            await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(ExecutionsParams(snap_orders=True))
        await client.subscribe(BookParams(symbol=[BTC]))
        await client.add_order(ORDER)
        sim.faults.lose_replies()
        with pytest.raises(OrderOutcomeUnknown) as unknown:
            await client.add_order(ORDER.__replace__(cl_ord_id="another"))
        sim.faults.skip_sequence("executions")
        await sim.account.place(BTC, "buy", "0.1", limit_price="100")
        sim.faults.reset_connections()
        await sim.wait_for(lambda: sim.registry.count("executions", None) and sim.tokens.issued > 1)
        await client.unsubscribe(ExecutionsParams(snap_orders=True))
    tokens = {r.params["token"] for r in sim.requests if "token" in r.params}
    assert len(tokens) == 2
    # The simulated exchange runs in this process, and its library logs what it receives.
    ours = [r for r in caplog.records if not r.name.startswith("websockets.server")]
    logged = "\n".join(f"{r.name} {r.getMessage()} {r.args!r} {r.exc_text}" for r in ours)
    assert logged
    logged += "".join(traceback.format_exception(unknown.value)) + repr(unknown.value.__dict__)
    for secret in (*tokens, sim.api_key, sim.api_secret):
        assert secret not in logged


async def test_library_frames_are_not_logged(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        await find_channel(client, "book")
    names = {r.name for r in caplog.records if r.levelno == logging.DEBUG}
    assert "kraken_connector.ws.network.opening" not in names
    assert "websockets.client" not in names


def test_no_secret_is_in_a_repr() -> None:
    source = HTTPAuthenticatedClient(api_key="the-key", api_secret="c2VjcmV0")
    shown = [
        repr(thing)
        for thing in (
            source,
            TokenManager(source),
            WebSocketToken("the-token", 900),
            ExecutionsParams(token="the-token"),
            BalancesParams(token="the-token"),
            ORDER.__replace__(token="the-token"),
        )
    ]
    for secret in ("the-key", "c2VjcmV0", "the-token"):
        assert not [text for text in shown if secret in text]


def test_holders_of_secrets_refuse_to_be_pickled() -> None:
    source = HTTPAuthenticatedClient(api_key="the-key", api_secret="c2VjcmV0")
    for holder in (source, TokenManager(source)):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(holder)
    pickled = pickle.dumps(ExecutionsParams(token="the-token", snap_orders=True))
    assert b"the-token" not in pickled
    assert pickle.loads(pickled) == ExecutionsParams(snap_orders=True)


def chain_of(error: BaseException) -> list[BaseException]:
    """Return an error with all its causes and contexts."""
    chain: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and link not in chain:
            chain.append(link)
            waiting += [link.__cause__, link.__context__]
    return chain


def reachable_texts(error: BaseException) -> str:
    """Return every text that a report of an error may show: messages, attributes, requests."""
    texts: list[Any] = []
    for link in chain_of(error):
        texts += [str(link), repr(link), vars(link), link.args]
        request = getattr(link, "_request", None)
        if request is not None:
            texts += [request.headers.raw, request.content]
    return repr(texts) + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("times", [1, 2])
async def test_no_secret_is_in_a_traceback(sim: SimulatedExchange, times: int) -> None:
    manager = tokens_of(sim)
    if times == 1:
        sim.faults.refuse_connections(times=None, status=None)
    else:
        sim.faults.refuse_tokens()
    with pytest.raises(TokenAcquisitionError) as caught:
        await manager.get_token()
    shown = reachable_texts(caught.value)
    assert sim.api_key not in shown
    assert sim.api_secret not in shown
    assert "API-Sign" not in shown


def test_wrong_secret_is_not_in_the_error_about_it() -> None:
    secret = "not base" + " 64!!"
    with pytest.raises(ValueError, match="base64") as caught:
        HTTPAuthenticatedClient(api_key="key", api_secret=secret).check_secret()
    assert secret not in reachable_texts(caught.value)


async def test_no_token_is_in_what_a_client_shows(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams())
        await eventually(lambda: client.stats()["queued"])
        (token,) = {r.params["token"] for r in requests_of(sim)}
        shown = f"{client.subscriptions!r} {client.stats()!r} {client!r} {client.gaps!r}"
        assert token not in shown
