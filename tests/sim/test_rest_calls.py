"""The envelope, key, nonce and permissions of REST calls, and what the exchange records of them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.sim.client import connected
from tests.sim.rest import BTC, CLIENT, START_NS, Rest, as_form, calling, check, read, signature

from kraken_connector.sim.rest.venue import ALL_PERMISSIONS

#: Calls without arguments, and the words that allow them, one of which is enough; an empty list is
#: no permission. Source: the spec of each call; amends and cancels by either of the two.
PERMISSIONS: dict[str, list[str]] = {
    "BalanceEx": ["query-funds"],
    "TradeVolume": ["query-funds"],
    "OpenOrders": ["query-open-trades"],
    "TradeBalance": ["query-open-trades"],
    "OpenPositions": ["query-open-trades"],
    "QueryOrders": ["query-open-trades", "query-closed-trades"],
    "ClosedOrders": ["query-closed-trades"],
    "TradesHistory": ["query-closed-trades"],
    "QueryTrades": ["query-closed-trades"],
    "AddOrder": ["modify-trades"],
    "AmendOrder": ["modify-trades", "close-trades"],
    "CancelOrder": ["modify-trades", "close-trades"],
    "CancelAll": ["modify-trades", "close-trades"],
    "CancelAllOrdersAfter": ["modify-trades", "close-trades"],
    "GetWebSocketsToken": ["create-ws-token"],
    "GetApiKeyInfo": [],
}
DENIED = ["EGeneral:Permission denied"]
PUBLIC = ("SystemStatus", "Time", "AssetPairs", "OHLC", "Trades", "Depth")


def test_signature_is_that_of_the_guide() -> None:
    """Source: the worked example of the exchange's REST authentication guide."""
    key = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    order = {"nonce": 1616492376594, "ordertype": "limit", "pair": "XBTUSD", "price": 37500}
    body = as_form({**order, "type": "buy", "volume": "1.25"})
    expected = (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )
    assert signature(key, "/0/private/AddOrder", "1616492376594", body) == expected


@pytest.mark.parametrize("form", [False, True])
async def test_success_is_an_empty_error_and_a_result(rest: Rest, form: bool) -> None:
    document = read(await rest.send("CancelAll", form=form))
    assert document == {"error": [], "result": {"count": 0}}


async def test_refusal_has_status_200_and_no_result(rest: Rest) -> None:
    document = read(await rest.send("CancelOrder", txid="ONO-NONONO-NONONO"))
    assert document == {"error": ["EOrder:Unknown order"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/0/public/Nothing"),
        ("GET", "/0/private/CancelAll"),
        ("POST", "/0/private/Nothing"),
        ("POST", "/0/public/Time"),
        ("GET", "/"),
    ],
)
async def test_unknown_call_is_refused(rest: Rest, method: str, path: str) -> None:
    assert read(await rest.http.request(method, path)) == {"error": ["EGeneral:Unknown method"]}


@pytest.mark.parametrize("name", PERMISSIONS)
async def test_every_private_call_needs_key_and_signature(rest: Rest, name: str) -> None:
    assert await rest.error(name, headers={"API-Key": "of nobody"}) == "EAPI:Invalid key"
    assert await rest.error(name, headers={"API-Sign": "bm9uZQ=="}) == "EAPI:Invalid signature"
    assert read(await rest.http.post(f"/0/private/{name}"))["error"] == ["EAPI:Invalid key"]


@pytest.mark.parametrize("nonce", ["soon", "", "-1", "1.5", 2**64, True, None, [1], "٣"])
async def test_nonce_must_be_an_unsigned_integer(rest: Rest, nonce: Any) -> None:
    body = json.dumps({"nonce": nonce}).encode()
    path = "/0/private/CancelAll"
    sign = signature(rest.sim.api_secret, path, str(nonce), body)
    headers = {"API-Key": rest.sim.api_key, "API-Sign": sign, "Content-Type": "application/json"}
    answer = await rest.http.post(path, content=body, headers=headers)
    assert read(answer)["error"] == ["EAPI:Invalid nonce"]


async def test_nonce_increases_over_all_calls(rest: Rest) -> None:
    await rest.call("CancelAll", nonce=10)
    assert await rest.error("OpenOrders", nonce=10) == "EAPI:Invalid nonce"
    assert await rest.error("GetWebSocketsToken", nonce=9) == "EAPI:Invalid nonce"
    await rest.call("OpenOrders", nonce=11)


async def test_nonce_window_admits_each_late_nonce_once() -> None:
    async with calling(nonce_window=5) as rest:
        await rest.call("CancelAll", nonce=100)
        await rest.call("CancelAll", nonce=96)
        assert await rest.error("CancelAll", nonce=96) == "EAPI:Invalid nonce"
        assert await rest.error("CancelAll", nonce=95) == "EAPI:Invalid nonce"
        await rest.call("CancelAll", nonce=99)
        await rest.call("CancelAll", nonce=104)
        assert await rest.error("CancelAll", nonce=99) == "EAPI:Invalid nonce"
        await rest.call("CancelAll", nonce=101)


async def test_wrong_signature_does_not_use_up_a_nonce(rest: Rest) -> None:
    bad = {"API-Sign": "bm9uZQ=="}
    assert await rest.error("CancelAll", nonce=7, headers=bad) == "EAPI:Invalid signature"
    await rest.call("CancelAll", nonce=7)


@pytest.mark.parametrize("name", PERMISSIONS)
async def test_permission_is_needed(name: str) -> None:
    words = PERMISSIONS[name]
    async with calling(permissions=ALL_PERMISSIONS - set(words)) as rest:
        document = read(await rest.send(name))
        assert (document["error"] == DENIED) is bool(words)
        for word in words:
            rest.sim.rest.settings.permissions = frozenset({word})
            assert read(await rest.send(name))["error"] != DENIED


async def test_query_of_orders_needs_the_permission_for_their_state(rest: Rest) -> None:
    open_id, canceled_id = await rest.place(), await rest.place()
    await rest.call("CancelOrder", txid=canceled_id)
    for word, allowed, denied in (
        ("query-open-trades", open_id, canceled_id),
        ("query-closed-trades", canceled_id, open_id),
    ):
        rest.sim.rest.settings.permissions = frozenset({word})
        assert (await rest.call("QueryOrders", txid=allowed)).keys() == {allowed}
        assert await rest.error("QueryOrders", txid=denied) == DENIED[0]


@pytest.mark.parametrize(
    ("word", "allowed"),
    [("modify-trades", {"add", "cancel"}), ("close-trades", {"cancel"}), ("query-funds", set())],
)
async def test_permissions_govern_what_a_token_may_do(word: str, allowed: set[str]) -> None:
    """Source: the exchange's guide to authentication."""
    async with calling() as rest:
        token = (await rest.call("GetWebSocketsToken"))["token"]
        rest.sim.rest.settings.permissions = frozenset({word})
        order = {"symbol": BTC, "side": "buy", "order_type": "limit", "order_qty": 0.5}
        requests = {
            "add": {"method": "add_order", "params": order | {"limit_price": 8e4, "token": token}},
            "cancel": {"method": "cancel_all", "params": {"token": token}},
        }
        async with connected(rest.sim, context=CLIENT) as client:
            answers = {name: await client.answer(request) for name, request in requests.items()}
    assert {name for name, answer in answers.items() if answer["success"]} == allowed
    refused = {answer["error"] for answer in answers.values() if not answer["success"]}
    assert refused <= {"EGeneral:Permission denied"}


async def test_key_info_shows_the_key(rest: Rest) -> None:
    """Source: the table of `GetApiKeyInfo`; it costs no permission."""
    rest.sim.rest.settings.permissions = frozenset({"close-trades"})
    rest.sim.rest.settings.nonce_window = 3
    info = await rest.call("GetApiKeyInfo", nonce=123_456)
    check(
        info,
        {
            **dict.fromkeys(("apiKeyName", "apiKey", "nonce", "iban", "validUntil"), str),
            **dict.fromkeys(("queryFrom", "queryTo", "createdTime", "modifiedTime"), str),
            "nonceWindow": int,
            "permissions": list,
            "ipAllowlist": list,
            "lastUsed": str,
        },
    )
    assert (info["apiKey"], info["nonce"], info["nonceWindow"]) == ("simulated-key", "123456", 3)
    assert info["permissions"] == ["close-trades"]


async def test_token_opens_a_socket(rest: Rest) -> None:
    token = await rest.call("GetWebSocketsToken")
    assert token["expires"] == 900
    assert rest.sim.tokens.accepts(token["token"])


@pytest.mark.parametrize("form", [False, True])
async def test_journal_has_the_calls_without_secrets(rest: Rest, form: bool) -> None:
    await rest.http.get("/0/public/Depth", params={"pair": "XBTUSD"})
    await rest.call("CancelOrder", form=form, otp="123456", txid=await rest.place())
    depth, placed, canceled = rest.sim.rest.journal
    assert (depth.name, depth.params, depth.nonce) == ("Depth", {"pair": "XBTUSD"}, None)
    assert (placed.name, placed.params["volume"]) == ("AddOrder", "0.5")
    assert canceled.params == {"txid": rest.sim.account.orders.popitem()[0]}
    assert (canceled.nonce, canceled.received_ns) == (rest.nonce, START_NS)
    assert "123456'" not in repr(rest.sim.rest.journal)


async def test_refused_calls_are_in_the_journal_and_tests_can_wait_for_them(rest: Rest) -> None:
    await rest.error("CancelAll", headers={"API-Key": "of nobody"})
    (call,) = await rest.sim.wait_for(lambda: rest.sim.rest.journal)
    assert call.name == "CancelAll"
    assert rest.sim.rest.calls == 0


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"trade": True}, "trade"),
        ({"trades": "yes"}, "trades"),
        ({"trades": 1}, "trades"),
        ({"userref": 2**31}, "userref"),
        ({"userref": "1.0"}, "userref"),
        ({"cl_ord_id": 5}, "cl_ord_id"),
        ({"rebase_multiplier": "rebase"}, "rebase_multiplier"),
        ({"otp": 123456}, "otp"),
    ],
)
async def test_unknown_and_mistyped_parameters_are_refused(
    rest: Rest, params: dict[str, Any], named: str
) -> None:
    assert await rest.error("OpenOrders", **params) == f"EGeneral:Invalid arguments:{named}"


async def test_parameters_of_all_private_calls_are_accepted(rest: Rest) -> None:
    assert await rest.call("OpenOrders", otp="123456", rebase_multiplier="base") == {"open": {}}


@pytest.mark.parametrize("body", [b"nonce=5&trades=true&trades=true", b"nonce=5&trades"])
async def test_form_that_cannot_be_read_has_no_nonce(rest: Rest, body: bytes) -> None:
    path = "/0/private/OpenOrders"
    sign = signature(rest.sim.api_secret, path, "5", body)
    headers = {"API-Key": rest.sim.api_key, "API-Sign": sign}
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    answer = read(await rest.http.post(path, content=body, headers=headers))
    assert answer["error"] == ["EAPI:Invalid nonce"]


@pytest.mark.parametrize("name", PUBLIC)
async def test_public_calls_need_no_key_and_cost_nothing(rest: Rest, name: str) -> None:
    params = {} if name in ("SystemStatus", "Time") else {"pair": "XBTUSD"}
    assert await rest.public(name, **params)
    assert rest.sim.rest.counter.count == 0


async def test_call_runs_what_is_due_first(rest: Rest) -> None:
    await rest.place()
    await rest.call("CancelAllOrdersAfter", timeout=5)
    rest.clock.pass_seconds(5)
    assert await rest.call("OpenOrders") == {"open": {}}


async def test_wording_of_errors_can_be_set() -> None:
    texts = {"EOrder:Unknown order": "EOrder:Invalid order"}
    async with calling(texts=texts) as rest:
        assert await rest.error("CancelOrder", txid="ONO") == "EOrder:Invalid order"


async def test_three_hosts_serve_rest_on_the_public_one() -> None:
    async with calling(hosts="three") as rest:
        assert await rest.public("Time")
        private = httpx.URL(rest.sim.auth_url).copy_with(scheme="https", path="/0/public/Time")
        assert (await rest.http.get(private)).status_code == 404


async def test_placed_by_rest_and_by_test_are_one_account(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "0.5", limit_price="80000.0")
    assert (await rest.call("OpenOrders"))["open"].keys() == {order_id}
    assert (await rest.call("CancelAll"))["count"] == 1
    assert rest.sim.account.orders[order_id].status == "canceled"
