"""The client on other event loops than that of asyncio."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.ws.helpers import BTC, ETH, SOL, client_of, eventually, tls_contexts, tokens_of

from kraken_connector._backend import TlsConfig
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import BookParams, ExecutionsParams, WSDataMessage

#: The function that makes a loop, by module.
LOOPS = {"uvloop": "new_event_loop", "aiofastnet": "loop_factory"}
WAYS = ["plain", "openssl", "rustls"] if TlsConfig is not None else ["plain", "openssl"]
UPDATES = 300


def loop_factory(module: str) -> Callable[[], asyncio.AbstractEventLoop]:
    made = getattr(pytest.importorskip(module), LOOPS[module])
    return made() if module == "aiofastnet" else made  # type: ignore[no-any-return]


async def trade_through_a_reset(tls: ssl.SSLContext | None, **options: Any) -> None:
    """Books verified, private messages in order, the stream whole again after a reset."""
    trusting = tls_contexts("127.0.0.1")[1]
    async with (
        SimulatedExchange(symbols=[BTC, ETH, SOL], rate=0, ssl=tls) as sim,
        client_of(sim, token_manager=tokens_of(sim, tls=trusting), **options) as client,
    ):
        messages: list[WSDataMessage] = []
        await client.subscribe(BookParams(symbol=[BTC, ETH]), callback=messages.append)
        await client.subscribe(BookParams(symbol=[SOL], depth=1000), overflow="block")
        await client.subscribe(ExecutionsParams())
        for symbol in (BTC, ETH):
            await sim.step(symbol, UPDATES)
        await eventually(lambda: len(messages) >= 2 * UPDATES)
        sim.faults.reset_connections()
        await eventually(lambda: [gap.cause for gap in client.gaps] == ["disconnect"])
        await eventually(lambda: all(client.book(symbol).is_valid for symbol in (BTC, ETH, SOL)))
        order = await sim.account.place(BTC, "buy", "0.1", limit_price="100")
        await sim.account.cancel(order)
        reports = []
        async for message in client:
            if getattr(message, "channel", None) == "executions" and message.data:
                reports += [report.exec_type for report in message.data]
                if "canceled" in reports:
                    break
        assert reports[-3:] == ["pending_new", "new", "canceled"]
        (counts,) = client.stats()["connections"].values()
        assert counts["mismatches"] == counts["invalid_frames"] == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("module", LOOPS)
def test_client_works_on_the_loop(
    module: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {} if way == "plain" else {"tls_engine": way}
    server, trusting = tls_contexts("127.0.0.1")
    authorities = map(ssl.DER_cert_to_PEM_cert, trusting.get_ca_certs(binary_form=True))
    (tmp_path / "authorities.pem").write_text("".join(authorities))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    with asyncio.Runner(loop_factory=loop_factory(module)) as runner:
        trading = trade_through_a_reset(None if way == "plain" else server, **options)
        runner.run(asyncio.wait_for(trading, 60))
