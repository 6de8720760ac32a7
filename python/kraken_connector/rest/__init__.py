"""The REST API: the account and the market beside the WebSocket connections.

| question | module |
|---|---|
| How is a request sent? | `transport` |
| What is signed, and with which nonce? | `credentials`, `nonces` |
| May another call be made now? | `counter` |
| What does a reply say? | `envelope` |
| May a failed call be repeated? | `retrying` |
| What do all calls have in common? | `caller` |
| What is BTC/USD called in the REST API? | `symbols` |
| Which calls are there? | `public`, `account`, `trading`, `token` |
| How does an order become form fields? | `order_form` |
| How does a script call without asyncio? | `sync` |
"""

from __future__ import annotations

from .client import KrakenRest
from .sync import KrakenRestSync

__all__ = ["KrakenRest", "KrakenRestSync"]
