"""Calls of the REST API under the module paths of kraken-connector 0.2.0.

Each module is one call in four forms: `sync` and `asyncio` return the reply as an object,
`sync_detailed` and `asyncio_detailed` a `Response` with status, headers and body too.

    from kraken_connector import HTTPClient
    from kraken_connector.api.market_data import get_order_book

    book = get_order_book.sync(client=HTTPClient(), pair="XBTUSD", count=10)

They raise `KrakenAPIError` if the exchange refuses a call, an exception of httpx if there is no
reply, and `InvalidResponseModel` if the reply cannot be read. Numbers that the exchange sends as
text stay text; JSON numbers are floats. New code should use `kraken_connector.rest`, whose numbers
are exact.
"""

from __future__ import annotations

from .._installation import explain_missing_modules

explain_missing_modules(__name__)
