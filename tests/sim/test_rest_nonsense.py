"""No REST call, whatever it says, gets anything but an answer, and none leaves a broken account."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.rest import RESTING, START_NS, signature

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.rest import account, orders, public, trades, trading
from kraken_connector.sim.trading.terms import ORDER_TYPES

PRIVATE = {
    **orders.CALLS,
    **trades.CALLS,
    **account.CALLS,
    **trading.CALLS,
}
TEXTS = st.sampled_from(
    [
        *sorted(ORDER_TYPES),
        *["buy", "sell", "XBTUSD", "XXBTZUSD", "KEEPEUR", "BTC/USD", "GTC", "GTD", "IOC", "FOK"],
        *["1", "0", "-5", "+5", "#5", "-1%", "#250%", "+99999999999%", "0.5", "80000.0", "1e5"],
        *["0.00000000000000000000000001", "9999999999", "٣", "post", "fcib,post", "viqc", "", ","],
        *["2027-01-15T08:00:03.5Z", "9999-12-31T23:59:59Z", "2027-01-15T08:00:03", "index", "5"],
        *["true", "false", "all", "closed position", "market", "ZUSD", "XXBT", "both", "mine"],
        *["999999999999", "18446744073709551616", "1800000000123456789", "cancel-both", "margin"],
    ]
)
CLOSE = st.dictionaries(st.sampled_from(["ordertype", "price", "price2"]), TEXTS)
NUMBERS = st.integers(-(10**20), 10**20) | st.integers(-3, 100) | st.floats(allow_nan=False)
VALUES = TEXTS | NUMBERS | st.booleans() | st.none() | CLOSE | st.lists(TEXTS | CLOSE, max_size=3)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any], bool]:
    """A call with parameters that are partly right, and whether it is a form."""
    name = draw(st.sampled_from(sorted(PRIVATE)) | st.just("AddOrder"))
    known = st.sampled_from(sorted(PRIVATE[name].readers) or ["none"])
    form = draw(st.booleans())
    params = draw(st.dictionaries(known, TEXTS if form else VALUES, max_size=5))
    return name, ({**RESTING, **params} if name == "AddOrder" else params), form


class Caller:
    """Calls an exchange without a socket; what it answers must be a document of the API."""

    def __init__(self) -> None:
        self.nonce = 0
        self.sim = SimulatedExchange(rate=0, clock=lambda: START_NS, rest_limits=False)

    def private(self, name: str, params: dict[str, Any], *, form: bool) -> Any:
        self.nonce += 1
        given = {**params, "nonce": self.nonce}
        body = (urlencode(given) if form else json.dumps(given)).encode()
        path = f"/0/private/{name}"
        headers = {
            "api-key": self.sim.api_key,
            "api-sign": signature(self.sim.api_secret, path, str(self.nonce), body),
            "content-type": "" if form else "application/json",
        }
        return self._read("POST", path, headers, body)

    def public(self, name: str, params: dict[str, str]) -> Any:
        return self._read("GET", f"/0/public/{name}?{urlencode(params)}", {}, b"")

    def _read(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        response = self.sim.rest.respond(method, target, headers, body)
        assert response.status == 200
        document = json.loads(response.body)
        assert ("result" in document) is (document["error"] == [])
        return document.get("result")


@settings(deadline=None)
@given(st.lists(calls(), max_size=12))
def test_private_calls_are_answered(sequence: list[tuple[str, dict[str, Any], bool]]) -> None:
    caller = Caller()
    for name, params, form in sequence:
        caller.private(name, params, form=form)
    open_ids = {order.order_id for order in caller.sim.account.open_orders}
    shown = caller.private("OpenOrders", {"trades": True}, form=False)["open"]
    assert shown.keys() == open_ids
    closed = caller.private("ClosedOrders", {"trades": True}, form=False)["closed"]
    assert len(closed) == min(50, len(caller.sim.account.orders) - len(open_ids))
    for name in ("TradesHistory", "OpenPositions", "TradeBalance", "BalanceEx", "TradeVolume"):
        assert caller.private(name, {}, form=True) is not None
    assert caller.private("CancelAll", {}, form=True) == {"count": len(open_ids)}


@given(
    st.sampled_from(sorted(public.CALLS)),
    st.dictionaries(
        st.sampled_from(["pair", "count", "since", "interval", "info", "assetVersion"]), TEXTS
    ),
)
@settings(deadline=None)
def test_public_calls_are_answered(name: str, params: dict[str, str]) -> None:
    CALLER.public(name, params)


CALLER = Caller()


@given(st.binary(max_size=60), st.sampled_from(["", "application/json"]))
@settings(deadline=None)
def test_any_body_is_answered(body: bytes, kind: str) -> None:
    headers = {"api-key": CALLER.sim.api_key, "api-sign": "x", "content-type": kind}
    response = CALLER.sim.rest.respond("POST", "/0/private/CancelAll", headers, body)
    (error,) = json.loads(response.body)["error"]
    assert error in {"EAPI:Invalid nonce", "EAPI:Invalid signature"}
