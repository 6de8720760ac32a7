"""Frames from other projects' tests: what comes in arrives whole, what goes out is built equal.

What differs stands in a table with the reason. The authors made most of the frames up, so some have
a shape that the exchange does not send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.leaves import differences
from tests.outside import corpus
from tests.unit.ws.test_order_requests import TradingBench

from kraken_connector.exceptions import ParseError
from kraken_connector.models import InvalidFrameEvent, PingRequest, PongResponse, trading
from kraken_connector.ws import subscribe

INBOUND, OUTBOUND = corpus("in"), corpus("out")
needs_corpus = pytest.mark.skipif(not INBOUND, reason="there is no corpus: see tests/outside.py")

# The tables: a part of the frame without its white space, and why the frame differs.
REFUSED = {
    '"checksum":{}': "a template: the checksum is filled in later",
    '"size":"1"': "the futures API: the exchange's other protocol",
    '{"channel":"status","data":': "the envelope has no `type`",
    '.0","qty":"': "a book with prices as text: the checksum is over the digits of numbers",
}
ELSEWHERE = {
    '"orders_cancelled":2,"req_id"': "at the top of the reply; arrives as `result.count`",
    '"new_envelope_field"': "no message has it; it is in `raw`",
}
INEXPRESSIBLE = {
    '"params":{},"req_id"': "a template without what the method requires",
    '"params":0': "no request: the parameters of a subscription are an object",
    '"params":[]': "no request: the parameters of a subscription are an object",
    '"params":{"test":1}': "no request: a subscription names its channel",
    '"params":{"channel":1}': "no request: a channel is text",
    '"no_mpp"': "deprecated: the exchange ignores it",
    '"conditional":{"order_type":"take-profit-limit"': "the exchange refuses `conditional` beside "
    "`cl_ord_id` (Kraken's SDK)",
    '{"channel":': "the parameters only",
}
DIFFERENT = {
    '"order_qty":"': "a quantity as text: the page says number",
    '"channel":"book","symbol":["ETH/USDT"]}': "ours name the default depth",
    '"channel":"level3"': "ours name the default depth",
    '"channel":"trade"': "ours name `snapshot`: pages and behaviour disagree about its default",
    '"channel":"executions","token":"{token}"': "ours name the snapshots: as for trades",
}


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def without_space(text: str) -> str:
    return "".join(text.split())


def explained(frames: list[str], table: dict[str, str]) -> set[str]:
    """Return the frames that a table is about; each entry must be about one."""
    found = {part: [text for text in frames if part in without_space(text)] for part in table}
    assert [part for part, about in found.items() if not about] == []
    return {text for about in found.values() for text in about}


# Frames of the exchange.


def lost(core: Any, text: str) -> list[Any]:
    """Return what of a frame does not arrive; raise `ParseError` where nothing does."""
    message, sent = core.parse_message(text), exact(text)
    if isinstance(message, PongResponse):
        assert sent.pop("method") == "pong"
        return [*differences(message, sent)]
    if not isinstance(message, core.WSDataMessage):
        return [*differences(message, sent)]
    data = sent.pop("data")
    parsed = {name: getattr(message, name) for name in ("channel", "type", "timestamp", "sequence")}
    if isinstance(message.data, list) and not isinstance(data, list):
        data = [data]
    return [*differences(parsed, sent), *differences(message.data, data)]


@needs_corpus
def test_every_value_of_an_inbound_frame_arrives(core: Any) -> None:
    refused, elsewhere = set(), set()
    for text in INBOUND:
        try:
            if lost(core, text):
                elsewhere.add(text)
        except ParseError:
            refused.add(text)
    assert refused == explained([*refused], REFUSED)
    assert elsewhere == explained([*elsewhere], ELSEWHERE)


@needs_corpus
def test_engine_reads_what_is_read_alone(core: Any) -> None:
    for text in INBOUND:
        event = core.Engine().feed(text)[-1]
        try:
            assert event == core.parse_message(text)
        except ParseError:
            assert isinstance(event, InvalidFrameEvent)


# Frames of a client.

METHODS = {
    params.METHOD: params
    for name in trading.__all__
    if (params := getattr(trading, name)) is not trading.TradingParams and hasattr(params, "METHOD")
}
CHANNELS = {
    params.CHANNEL: params
    for name in subscribe.__all__
    if hasattr(params := getattr(subscribe, name), "CHANNEL")
}


def plain(value: Any) -> Any:
    """Give integers as such: a count must be one."""
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent == 0 else value
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def nameless(params: dict[str, Any]) -> dict[str, Any]:
    """Order as it is, without the identifier that a client gives."""
    return {"cl_ord_id": False, **params}


UNNAMED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "add_order": nameless,
    "batch_add": lambda params: {
        **params,
        "orders": [nameless(order) for order in params.get("orders", ())],
    },
}


def built(request: dict[str, Any]) -> Iterator[bytes]:
    """Yield what our classes send for a request."""
    method, bench = request["method"], TradingBench()
    if method == "ping":
        yield json.dumps(PingRequest.from_dict(request).to_dict()).encode()
        return
    params = request["params"]
    if method in METHODS:
        bench.trade(METHODS[method].from_dict(UNNAMED.get(method, dict)(params)))
    else:
        bench.subscribe(CHANNELS[params["channel"]].from_dict(params))
    yield from (frame for frame in bench.session.outgoing if b'"ping"' not in frame)


def comparable(text: str | bytes, given: frozenset[str]) -> Any:
    """Return a request without token and number, and without a deadline that only a client set."""
    request = exact(text if isinstance(text, str) else text.decode())
    left_out = {"token"} | ({"deadline"} - given)
    params = request.get("params", {})
    if isinstance(params, dict):
        params = {key: value for key, value in params.items() if key not in left_out}
    return {"method": request["method"], "params": params}


@needs_corpus
def test_every_outbound_frame_is_built_equal() -> None:
    refused, different = set(), set()
    for text in OUTBOUND:
        try:
            (frame,) = built(plain(exact(text)))
        except (AttributeError, KeyError, TypeError, ValueError):
            refused.add(text)
            continue
        given = frozenset(exact(text).get("params", ()))
        there, ours = comparable(text, given), comparable(frame, given)
        if list(differences(ours, there)) or list(differences(there, ours)):
            different.add(text)
    assert refused == explained([*refused], INEXPRESSIBLE)
    assert different == explained([*different], DIFFERENT)
