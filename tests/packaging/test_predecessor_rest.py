"""Code written for the REST API of kraken-connector 0.2.0 finds names, parameters and defaults.

`rest_0_2_0.json` lists, for each covered call of that version, its path and the parameters of its
functions as name, kind and default; for each schema, its module and its fields as attribute, name
on the wire and default; and the members of its enumerations. A default of `required` means none,
and `nonce` a new nonce.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import httpx
import pytest

import kraken_connector
from kraken_connector import HTTPAuthenticatedClient, HTTPClient, schemas
from kraken_connector.types import UNSET

TABLE: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("rest_0_2_0.json").read_text(encoding="utf-8")
)
CALLS, SCHEMAS, ENUMS = TABLE["calls"], TABLE["schemas"], TABLE["enums"]

#: The paths of 0.2.0 that the exchange does not have (docs.kraken.com, pages of the three calls).
RIGHT_PATHS = {
    "/public/ServerTimeResponse": "/public/Time",
    "/public/RecentTradesResponse": "/public/Trades",
    "/public/OrderBookResponse": "/public/Depth",
}
#: What 0.2.0 does not have: without `txid` the exchange refuses the call.
FURTHER = {"account_data.get_trades_info": {"txid"}}
FORMS = ("sync", "sync_detailed", "asyncio", "asyncio_detailed")
KINDS = {
    "positional": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "keyword": inspect.Parameter.KEYWORD_ONLY,
}


def module_of(call: str) -> Any:
    return importlib.import_module(f"kraken_connector.api.{call}")


def described(default: Any) -> Any:
    """Return a default as the table has it."""
    if default is inspect.Parameter.empty:
        return "required"
    return default if default is None else str(default)


def expected_default(text: Any) -> Any:
    """Return a default of the table, where members of enumerations are written in source code."""
    name, _, member = str(text).partition(".")
    if not member:
        return text if text is None else str(text)
    (owner,) = [key for key in ENUMS if key.endswith(f".{name}")]
    return str(ENUMS[owner][member])


@pytest.mark.parametrize("form", ["_get_kwargs", *FORMS])
@pytest.mark.parametrize("call", CALLS)
def test_call_has_the_parameters_of_0_2_0(call: str, form: str) -> None:
    forms = CALLS[call]["forms"]
    # Two calls of 0.2.0 have the detailed forms only.
    wanted = forms[form] if form in forms else forms[f"{form}_detailed"]
    found = inspect.signature(getattr(module_of(call), form)).parameters
    assert [
        (p.name, p.kind, described(p.default))
        for p in found.values()
        if p.name not in FURTHER.get(call, ())
    ] == [(name, KINDS[kind], expected_default(default)) for name, kind, default in wanted]


@pytest.mark.parametrize("call", CALLS)
def test_forms_are_functions_of_their_kind(call: str) -> None:
    module = module_of(call)
    for form in FORMS:
        function = getattr(module, form)
        assert inspect.iscoroutinefunction(function) is form.startswith("asyncio")
        assert (function.__name__, function.__module__) == (form, module.__name__)
        assert "KrakenAPIError" in inspect.getdoc(function)


@pytest.mark.parametrize("call", CALLS)
def test_call_has_the_path_that_the_exchange_has(call: str) -> None:
    module = module_of(call)
    old = CALLS[call]["url"]
    parameters = inspect.signature(module._get_kwargs).parameters.values()
    if "form_data" in [p.name for p in parameters]:
        kwargs = module._get_kwargs(schemas.CancelOrderRequest("TXID"))
    else:
        kwargs = module._get_kwargs(
            **{p.name: "X" for p in parameters if p.default is inspect.Parameter.empty}
        )
    assert kwargs["url"] == f"/0{RIGHT_PATHS.get(old, old)}"
    assert kwargs["method"] == ("post" if "private" in old else "get")


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_has_the_fields_of_0_2_0(name: str) -> None:
    module = importlib.import_module(f"kraken_connector.schemas.{SCHEMAS[name]['module']}")
    schema = getattr(module, name)
    assert schema is getattr(schemas, name)
    found = {one.name: one for one in fields(schema) if one.init}
    assert [(key, schema._keys.get(key, key)) for key in found] == [
        (attribute, key) for attribute, key, _ in SCHEMAS[name]["fields"]
    ]
    for attribute, _, default in SCHEMAS[name]["fields"]:
        one = found[attribute]
        if default == "nonce":
            assert one.default_factory is not MISSING
        elif default == "required":
            assert one.default is one.default_factory is MISSING
        else:
            assert str(one.default) == str(expected_default(default))


@pytest.mark.parametrize("name", ENUMS)
def test_enumeration_has_the_members_of_0_2_0(name: str) -> None:
    module, _, kind = name.partition(".")
    found = getattr(importlib.import_module(f"kraken_connector.constants.{module}"), kind)
    assert {key: one.value for key, one in found.__members__.items()} == ENUMS[name]
    assert [str(one) for one in found] == [str(one.value) for one in found]


def test_package_exports_the_names_of_0_2_0() -> None:
    names = {
        *("File", "FileJsonType", "HTTPAuthenticatedClient", "HTTPClient", "InvalidResponseModel"),
        *("KrakenAPIError", "KrakenTier", "RateLimiter", "ResilienceConfig", "Response"),
        "UnexpectedStatus",
    }
    assert names <= set(kraken_connector.__all__)
    for module in ("exceptions", "http", "resilience", "types"):
        for name in names & set(importlib.import_module(f"kraken_connector.{module}").__all__):
            found = importlib.import_module(f"kraken_connector.{module}")
            assert getattr(found, name) is getattr(kraken_connector, name)


#: The constructor of 0.2.0: positional parameters, and keywords with their defaults.
CLIENT = {
    "cookies": None,
    "headers": None,
    "timeout": None,
    "verify_ssl": True,
    "follow_redirects": False,
    "httpx_args": None,
    "resilience": None,
    "raise_on_unexpected_status": False,
}


@pytest.mark.parametrize(
    ("kind", "positional", "keywords"),
    [
        (HTTPClient, ["base_url"], CLIENT),
        (
            HTTPAuthenticatedClient,
            ["base_url", "auth_header_name", "hmac_msg_signature"],
            {**CLIENT, "api_key": None, "api_secret": None},
        ),
    ],
)
def test_client_has_the_parameters_of_0_2_0(
    kind: type, positional: list[str], keywords: dict[str, Any]
) -> None:
    parameters = inspect.signature(kind).parameters.values()
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == positional
    found = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert keywords.items() <= found.items()


#: What is marked `ignore` must be an error: `--strict` complains about marks without one.
TYPED = """
from __future__ import annotations
from typing import Any, assert_type
from kraken_connector import HTTPAuthenticatedClient, HTTPClient, Response
from kraken_connector.api.market_data import get_order_book
from kraken_connector.api.trading import add_order, cancel_order
from kraken_connector.constants.trading import OrderType, TypeOrder
from kraken_connector.schemas import (
    AddOrderRequest, AddOrderResponse, CancelOrderRequest, OrderBookResponse
)
from kraken_connector.types import UNSET

public = HTTPClient("https://api.kraken.com", headers={"X-One": "1"})
book = get_order_book.sync(client=public, pair="XBTUSD", count=UNSET)
assert_type(book, OrderBookResponse | None)
if book is not None and book.result is not None:
    assert_type(book.result["XXBTZUSD"].asks, list[list[int | str]] | None)
get_order_book.sync(client=public)  # type: ignore[call-arg]
get_order_book.sync(client=public, pairs="XBTUSD")  # type: ignore[call-arg]
HTTPClient(base="https://api.kraken.com")  # type: ignore[call-arg]

async def trade(client: HTTPAuthenticatedClient) -> None:
    order = AddOrderRequest(OrderType.LIMIT, TypeOrder.BUY, "1", "XBTUSD", price="1")
    assert_type(await add_order.asyncio(client=client, form_data=order), AddOrderResponse | None)
    add_order.sync(client=public, form_data=order)  # type: ignore[arg-type]
    add_order.sync(client=client, form_data="order")  # type: ignore[arg-type]
    cancel = CancelOrderRequest("TXID")
    detailed = await cancel_order.asyncio_detailed(client=client, form_data=cancel)
    assert_type(detailed, Response[dict[str, Any]])
"""


def test_type_checker_sees_parameters_and_results(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(TYPED, "utf-8")
    source = Path(kraken_connector.__file__).parents[1]
    where = {} if "site-packages" in source.parts else {"MYPYPATH": str(source)}
    answer = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, **where},
    )
    assert answer.returncode == 0, answer.stdout


def test_unset_of_0_2_0_can_be_passed() -> None:
    request = schemas.AddOrderRequest("limit", "buy", "1", "XBTUSD", price=UNSET, trigger=UNSET)
    assert {"price", "trigger"}.isdisjoint(request.to_dict())


def test_attributes_that_the_tests_of_0_2_0_read() -> None:
    client = HTTPAuthenticatedClient("https://api.kraken.com", api_key="key", api_secret="sec-ret")
    assert (client._base_url, client._api_key) == ("https://api.kraken.com", "key")
    assert client._api_secret == "sec-ret"
    assert (client._client, client._timeout, client._resilience) == (None, None, None)
    with httpx.Client() as given:
        assert client.set_httpx_client(given).get_or_create_httpx_client() is given
