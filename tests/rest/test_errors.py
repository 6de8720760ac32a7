"""Each error text of the REST reference: what it means, and what the client does.

The table of what may be repeated is that of the error-handling guide of Kraken's SDK; texts of
orders are those of docs.kraken.com, page "API Errors". Time is virtual.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.rest.server import CLOSE, SILENCE, Page, Server

from kraken_connector import AddOrderParams, AmendOrderParams, OrderOutcomeUnknown, RestError
from kraken_connector.refusals import RefusalKind

pytestmark = pytest.mark.virtual_time

#: Seconds after the first request at which a call is repeated, within a timeout of 10 s.
NEVER: list[float] = []
AT_ONCE = [0.0]
#: With growing pauses.
BACK_OFF = [0.0, 0.25, 0.75, 1.75, 3.75, 7.75]
#: After the counter has fallen.
LATER = [3.0, 6.0, 9.0]

#: The key's own counter is at its maximum then, and falls by 1 a second, late by 2 s.
COUNTED = {"EAPI:Rate limit exceeded": [4.0, 7.0]}

#: Text: code, category, kind, when a read is repeated, whether an order was certainly not placed.
TEXTS: dict[str, tuple[str, str, RefusalKind, list[float], bool]] = {
    "EService:Unavailable": ("EService:Unavailable", "Service", "service", BACK_OFF, False),
    "EService:Busy": ("EService:Busy", "Service", "service", BACK_OFF, False),
    "EService:Timeout": ("EService:Timeout", "Service", "service", BACK_OFF, False),
    "EGeneral:Internal error": ("EGeneral:Internal error", "General", "service", BACK_OFF, False),
    "EGeneral:Internal error:58": (
        "EGeneral:Internal error",
        "General",
        "service",
        BACK_OFF,
        False,
    ),
    "EAPI:Rate limit exceeded": ("EAPI:Rate limit exceeded", "API", "rate", LATER, True),
    "EAuth:Rate limit exceeded": ("EAuth:Rate limit exceeded", "Auth", "rate", LATER, True),
    "EGeneral:Too many requests": ("EGeneral:Too many requests", "General", "rate", LATER, True),
    "EOrder:Rate limit exceeded": ("EOrder:Rate limit exceeded", "Order", "rate", LATER, True),
    "EOrder:Domain rate limit exceeded": (
        "EOrder:Domain rate limit exceeded",
        "Order",
        "rate",
        LATER,
        True,
    ),
    "EAPI:Invalid nonce": ("EAPI:Invalid nonce", "API", "other", AT_ONCE, True),
    "EAPI:Invalid token": ("EAPI:Invalid token", "API", "session", BACK_OFF, True),
    "ESession:Invalid session": ("ESession:Invalid session", "Session", "session", BACK_OFF, True),
    "EService:Market in cancel_only mode": (
        "EService:Market in cancel_only mode",
        "Service",
        "closed",
        BACK_OFF,
        True,
    ),
    "EService:Market in post_only mode": (
        "EService:Market in post_only mode",
        "Service",
        "closed",
        BACK_OFF,
        True,
    ),
    "EService:Deadline elapsed": (
        "EService:Deadline elapsed",
        "Service",
        "deadline",
        BACK_OFF,
        True,
    ),
    "EAPI:Invalid key": ("EAPI:Invalid key", "API", "permission", NEVER, True),
    "EAPI:Invalid signature": ("EAPI:Invalid signature", "API", "permission", NEVER, True),
    "EAPI:Permission denied": ("EAPI:Permission denied", "API", "permission", NEVER, True),
    "EGeneral:Permission denied": (
        "EGeneral:Permission denied",
        "General",
        "permission",
        NEVER,
        True,
    ),
    "EAccount:Invalid permissions": (
        "EAccount:Invalid permissions",
        "Account",
        "permission",
        NEVER,
        True,
    ),
    "EAuth:Account temporary disabled": (
        "EAuth:Account temporary disabled",
        "Auth",
        "permission",
        NEVER,
        True,
    ),
    "EGeneral:Temporary lockout": ("EGeneral:Temporary lockout", "General", "rate", NEVER, True),
    "EQuery:Unknown asset pair": ("EQuery:Unknown asset pair", "Query", "invalid", NEVER, True),
    "EQuery:Unknown asset": ("EQuery:Unknown asset", "Query", "invalid", NEVER, True),
    "EGeneral:Invalid arguments": ("EGeneral:Invalid arguments", "General", "invalid", NEVER, True),
    "EGeneral:Invalid arguments:volume minimum not met": (
        "EGeneral:Invalid arguments",
        "General",
        "size",
        NEVER,
        True,
    ),
    "EOrder:Insufficient funds": ("EOrder:Insufficient funds", "Order", "funds", NEVER, True),
    "EOrder:Margin level too low": ("EOrder:Margin level too low", "Order", "funds", NEVER, True),
    "EOrder:Post only order": ("EOrder:Post only order", "Order", "post_only", NEVER, True),
    "EOrder:Invalid price": ("EOrder:Invalid price", "Order", "price", NEVER, True),
    "EOrder:Tick size check failed": (
        "EOrder:Tick size check failed",
        "Order",
        "price",
        NEVER,
        True,
    ),
    "EOrder:Order minimum not met": ("EOrder:Order minimum not met", "Order", "size", NEVER, True),
    "EOrder:Cost minimum not met": ("EOrder:Cost minimum not met", "Order", "size", NEVER, True),
    "EOrder:Unknown order": ("EOrder:Unknown order", "Order", "unknown_order", NEVER, True),
    "EOrder:Invalid order": ("EOrder:Invalid order", "Order", "unknown_order", NEVER, True),
    "EOrder:Orders limit exceeded": ("EOrder:Orders limit exceeded", "Order", "limit", NEVER, True),
    "EOrder:Positions limit exceeded": (
        "EOrder:Positions limit exceeded",
        "Order",
        "limit",
        NEVER,
        True,
    ),
    "EOrder:Scheduled orders limit exceeded": (
        "EOrder:Scheduled orders limit exceeded",
        "Order",
        "limit",
        NEVER,
        True,
    ),
    "EOrder:Something new": ("EOrder:Something new", "Order", "other", NEVER, True),
}
ORDER = AddOrderParams("BTC/USD", "buy", "limit", "0.5", limit_price="80000.0", cl_ord_id="mine")
AMEND = AmendOrderParams("OABCDE-FGHIJ-KLMNOP", limit_price="80000.1")


def repeated_at(server: Server, name: str) -> list[float]:
    """Return when a call was repeated, seconds after the first one."""
    first, *others = [call.at for call in server.named(name)]
    return [pytest.approx(at - first, abs=0.1) for at in others]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("call", ["OpenOrders", "CancelAll"])
async def test_refused_read_or_cancel(server: Server, call: str, text: str) -> None:
    code, category, kind, pauses, _ = TEXTS[text]
    if call == "OpenOrders":
        pauses = COUNTED.get(text, pauses)
    server.answers[call] = text
    async with server.client(tier="pro") as rest:
        with pytest.raises(RestError) as caught:
            await (rest.open_orders() if call == "OpenOrders" else rest.cancel_all())
    error = caught.value
    assert (error.code, error.severity, error.category) == (code, "E", category)
    assert (error.call, error.errors, error.venue_error) == (call, (text,), text)
    assert (error.kind, error.status, error.was_sent) == (kind, 200, True)
    assert repeated_at(server, call) == pauses
    assert error.retryable or pauses in (NEVER, AT_ONCE)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("call", ["AddOrder", "AmendOrder"])
async def test_refused_order_is_sent_once(server: Server, call: str, text: str) -> None:
    *_, is_certain = TEXTS[text]
    server.answers[call] = text
    expected = RestError if is_certain else OrderOutcomeUnknown
    async with server.client() as rest:
        with pytest.raises(expected) as caught:
            await (rest.add_order(ORDER) if call == "AddOrder" else rest.amend_order(AMEND))
    assert type(caught.value) is expected
    assert caught.value.venue_error == text
    assert len(server.named(call)) == 1


#: What is no answer of the exchange, when a read is repeated, and the kind of the error.
FAILURES: dict[str, tuple[Any, list[float], str]] = {
    "429": (Page(429, "error code: 1015"), LATER, "rate"),
    **{
        str(status): (Page(status), BACK_OFF, "service")
        for status in (500, 502, 503, 504, *range(520, 527))
    },
    **{str(status): (Page(status), NEVER, "other") for status in (400, 401, 403, 404, 451)},
    "redirect": (Page(302, "", {"Location": "https://example.test/"}), BACK_OFF, "service"),
    "html": (Page(200), BACK_OFF, "service"),
    "empty": (b"", BACK_OFF, "service"),
    "cut": (b'{"error":[],"result":{"open":', BACK_OFF, "service"),
    "list": (b"[]", BACK_OFF, "service"),
    "text": (b'"text"', BACK_OFF, "service"),
    "null": (b"null", BACK_OFF, "service"),
    "deep": (b"[" * 100_000, BACK_OFF, "service"),
    "no result": (b'{"error":[]}', BACK_OFF, "service"),
    "no error and no result": (b"{}", BACK_OFF, "service"),
    "result null": (b'{"error":[],"result":null}', BACK_OFF, "service"),
    "closed": (CLOSE, BACK_OFF, "service"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_read_without_an_answer_is_repeated(server: Server, failure: str) -> None:
    answer, pauses, kind = FAILURES[failure]
    server.answers["OpenOrders"] = answer
    async with server.client(tier="pro") as rest:
        with pytest.raises(RestError) as caught:
            await rest.open_orders()
    error = caught.value
    assert (error.errors, error.code, error.severity, error.category) == ((), None, None, None)
    assert (error.kind, error.was_sent) == (kind, True)
    assert error.retryable == (kind != "other")
    assert repeated_at(server, "OpenOrders") == pauses


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("call", ["AddOrder", "AmendOrder"])
async def test_order_without_an_answer_is_sent_once_and_unknown(
    server: Server, call: str, failure: str
) -> None:
    server.answers[call], *_ = FAILURES[failure]
    async with server.client() as rest:
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await (rest.add_order(ORDER) if call == "AddOrder" else rest.amend_order(AMEND))
    error = caught.value
    names = ("mine", None) if call == "AddOrder" else (None, AMEND.order_id)
    assert (error.cl_ord_id, error.order_id) == names
    assert len(server.named(call)) == 1
    assert not isinstance(error, TimeoutError | ConnectionError)


async def test_silent_server_ends_a_call_in_time(server: Server) -> None:
    server.answers |= {"OpenOrders": SILENCE, "AddOrder": SILENCE}
    async with server.client(timeout=5.0) as rest:
        began = asyncio.get_running_loop().time()
        with pytest.raises(RestError, match="no reply within 5 s") as caught:
            await rest.open_orders()
        assert caught.value.was_sent
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.1)
        with pytest.raises(OrderOutcomeUnknown):
            await rest.add_order(ORDER)
    assert len(server.named("AddOrder")) == 1


async def test_order_that_was_not_sent_is_not_unknown(server: Server) -> None:
    async with server.client(base_url="http://127.0.0.1:9") as rest:
        with pytest.raises(RestError, match="cannot reach") as caught:
            await rest.add_order(ORDER)
    assert not caught.value.was_sent


async def test_order_with_an_answer_that_does_not_name_it_is_unknown(server: Server) -> None:
    """The result of an accepted order has its identifier in `txid`, a list of one."""
    odd: list[Any] = [{}, {"txid": []}, {"txid": ["A", "B"]}, {"txid": "A"}, {"txid": [5]}, []]
    async with server.client() as rest:
        for result in odd:
            server.answers["AddOrder"] = [result]
            with pytest.raises(OrderOutcomeUnknown, match=r"txid|result"):
                await rest.add_order(ORDER)
        server.answers["AmendOrder"] = {"amend_id": None}
        with pytest.raises(OrderOutcomeUnknown, match="amend_id"):
            await rest.amend_order(AMEND)
    assert len(server.named("AddOrder")) == len(odd)


async def test_order_that_is_only_validated_may_be_repeated(server: Server) -> None:
    """It places nothing, so its outcome cannot be unknown."""
    described = {"descr": {"order": "buy 0.5 XBTUSD @ limit 80000.0"}}
    server.answers["AddOrder"] = ["EService:Busy", described]
    async with server.client() as rest:
        placed = await rest.add_order(ORDER.__replace__(validate=True))
    assert (placed.order_id, placed.description) == (None, "buy 0.5 XBTUSD @ limit 80000.0")
    assert [call.params["validate"] for call in server.named("AddOrder")] == ["true", "true"]


@pytest.mark.parametrize("space", ["", " "])
async def test_throttled_call_waits_until_the_time_that_it_is_told(
    server: Server, space: str
) -> None:
    loop: Any = asyncio.get_running_loop()
    until = loop.time_ns() // 10**9 + 6
    server.answers["OpenOrders"] = [f"EService:{space}Throttled: {until}", {"open": {}}]
    async with server.client() as rest:
        assert await rest.open_orders() == {}
    _, second = server.named("OpenOrders")
    assert second.at + loop.wall_offset == pytest.approx(until, abs=0.1)


async def test_throttled_beyond_the_timeout_is_raised_at_once(server: Server) -> None:
    loop: Any = asyncio.get_running_loop()
    server.answers["OpenOrders"] = f"EService:Throttled: {loop.time_ns() // 10**9 + 60}"
    async with server.client() as rest:
        with pytest.raises(RestError, match="Throttled"):
            await rest.open_orders()
    assert len(server.named("OpenOrders")) == 1


async def test_retry_after_is_kept(server: Server) -> None:
    server.answers["OpenOrders"] = [Page(503, "", {"Retry-After": "4"}), {"open": {}}]
    async with server.client() as rest:
        assert await rest.open_orders() == {}
    assert repeated_at(server, "OpenOrders") == [4.0]


async def test_repeated_call_has_a_new_nonce_and_signature(server: Server) -> None:
    server.answers["OpenOrders"] = ["EAPI:Invalid nonce", {"open": {}}]
    async with server.client() as rest:
        assert await rest.open_orders() == {}
    first, second = server.named("OpenOrders")
    assert int(second.params["nonce"]) > int(first.params["nonce"])
    assert first.headers["api-sign"] != second.headers["api-sign"]


async def test_warning_is_logged_beside_a_result(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["OpenOrders"] = b'{"error":["WGeneral:Deprecated"],"result":{"open":{}}}'
    async with server.client() as rest:
        assert await rest.open_orders() == {}
    assert "WGeneral:Deprecated" in caplog.text


async def test_several_errors_are_one_exception(server: Server) -> None:
    server.answers["AddOrder"] = (
        b'{"error":["EOrder:Insufficient funds","EService:Busy"],"result":null}'
    )
    async with server.client() as rest:
        with pytest.raises(OrderOutcomeUnknown, match=r"Insufficient funds, EService:Busy"):
            await rest.add_order(ORDER)


async def test_private_call_without_a_key_is_not_sent(server: Server) -> None:
    async with server.client(api_key=None, api_secret=None) as rest:
        with pytest.raises(RestError, match="api_key") as caught:
            await rest.add_order(ORDER)
    assert (caught.value.was_sent, caught.value.kind) == (False, "permission")
    assert server.named("AddOrder") == []
