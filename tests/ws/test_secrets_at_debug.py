"""A process at DEBUG prints no secret, on no path that uses one.

The client has a process of its own, so that all of its output counts: logs of every library,
asyncio's debug mode, warnings, tracebacks and what the interpreter prints at its end.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.ws.helpers import BTC

from kraken_connector.sim import SimulatedExchange

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
#: A part of a secret with so many characters counts as a leak.
PART = 12
#: Of a client that `debug_session` makes itself.
OF_NOBODY = ("a-key-of-nobody", "c2VjcmV0IG9mIG5vYm9keQ==", "secret of nobody")


def spellings(secret: str) -> set[str]:
    """Return a secret as it may be written."""
    decoded = base64.b64decode(secret.replace("-", "+").replace("_", "/") + "===")
    return {secret[:PART], secret[-PART:], repr(decoded)[2:-1][:PART], decoded.hex()[: 2 * PART]}


def listen_in(sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that gets the headers of every token call."""
    calls: list[dict[str, Any]] = []
    respond = sim.rest.respond

    def heard(method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        calls.append(dict(headers))
        return respond(method, target, headers, body)

    monkeypatch.setattr(sim.rest, "respond", heard)
    return calls


def requests_of(sim: SimulatedExchange) -> set[tuple[str | None, Any]]:
    """Return what was requested so far: methods and channels."""
    return {(request.method, request.params.get("channel")) for request in sim.requests}


async def lead(sim: SimulatedExchange) -> None:
    """Make the exchange go through what may happen to a private session."""
    await sim.wait_for(lambda: sim.registry.count("book", BTC), PATIENCE)
    await sim.account.place(BTC, "buy", "0.1", limit_price="100")
    sim.faults.corrupt_checksums(BTC)
    sim.faults.skip_sequence("balances")
    sim.faults.send_text("no JSON")
    await sim.account.deposit("USD", "1")
    await sim.step(BTC)
    # Wait for the client's reply, as a reset discards unread data.
    await sim.wait_for(lambda: ("unsubscribe", "book") in requests_of(sim), PATIENCE)
    sim.faults.revoke_tokens()
    sim.faults.refuse_tokens("EService:Unavailable")
    before = sim.connections_total
    sim.faults.reset_connections()
    await sim.wait_for(
        lambda: sim.connections_total > before and sim.registry.count("executions", None), PATIENCE
    )


async def test_no_output_at_debug_has_a_secret(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = listen_in(sim, monkeypatch)
    sim.faults.refuse_tokens()
    sim.faults.fail_tokens(502)
    keys = {
        "KRAKEN_CONNECTOR_API_KEY": sim.api_key,
        "KRAKEN_CONNECTOR_API_SECRET": sim.api_secret,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-m", "tests.ws.debug_session", sim.url, sim.rest_url),
        cwd=ROOT,
        env=os.environ | keys,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    talk = asyncio.create_task(process.stdout.read())  # type: ignore[union-attr]
    try:
        await lead(sim)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        output = (await asyncio.wait_for(talk, PATIENCE)).decode()
    assert await process.wait() == 0, output
    check_that_much_was_said(output)

    tokens = {r.params["token"] for r in sim.requests if "token" in r.params}
    signatures = {call["api-sign"] for call in calls}
    assert len(tokens) >= 2
    assert len(signatures) >= 5
    for secret in (sim.api_secret, *tokens, *signatures):
        assert not [part for part in spellings(secret) if part in output]
    for secret in (sim.api_key, *OF_NOBODY):
        assert secret not in output


def check_that_much_was_said(output: str) -> None:
    """Check that all paths ran, and that the loggers of all libraries were captured."""
    for sign in (
        "TokenAcquisitionError",
        "Traceback",
        "502",
        "EAPI:Rate limit exceeded",
        "EAPI:Invalid key",
        "a callback failed",
        "SequenceGapEvent",
        "BookChecksumEvent",
        "unreadable frame",
        "no token",
        "Executing <",
        "httpx ",
        "httpcore",
        "kraken_connector.ws",
        "cancel_all",
        "<prepared ",
        "EOrder:Unknown order",
    ):
        assert sign in output, sign
