"""The error texts of refused orders.

They were recorded, or the documentation lists them. `GUESSES` are neither: no refusal of that kind
was recorded, so their texts follow the pattern of the others.
"""

from __future__ import annotations

from ..requests import Refused

VOLUME_MINIMUM = "EGeneral:Invalid arguments:volume minimum not met"
INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
UNKNOWN_ORDER = "EOrder:Unknown order"
UNKNOWN_POSITION = "EOrder:Unknown position"
COST_MINIMUM = "EOrder:Cost minimum not met"
TICK_SIZE = "EOrder:Tick size check failed"
INVALID_PRICE = "EOrder:Invalid price"
ORDERS_LIMIT = "EOrder:Orders limit exceeded"
RATE_LIMIT = "EOrder:Rate limit exceeded"
POST_ONLY_ORDER = "EOrder:Post only order"
UNAVAILABLE = "EService:Unavailable"
CANCEL_ONLY = "EService:Market in cancel_only mode"
POST_ONLY_MODE = "EService:Market in post_only mode"
DEADLINE_ELAPSED = "EService:Deadline elapsed"

LISTED = frozenset(
    {
        VOLUME_MINIMUM,
        INSUFFICIENT_FUNDS,
        UNKNOWN_ORDER,
        UNKNOWN_POSITION,
        COST_MINIMUM,
        TICK_SIZE,
        INVALID_PRICE,
        ORDERS_LIMIT,
        RATE_LIMIT,
        POST_ONLY_ORDER,
        UNAVAILABLE,
        CANCEL_ONLY,
        POST_ONLY_MODE,
        DEADLINE_ELAPSED,
        "EAccount:Invalid permissions",
        "EAPI:Invalid key",
        "EAPI:Invalid nonce",
        "EAPI:Invalid signature",
        "EAPI:Rate limit exceeded",
        "EAuth:Account temporary disabled",
        "EAuth:Account unconfirmed",
        "EAuth:Rate limit exceeded",
        "EAuth:Too many requests",
        "EBM:limit exceeded:CAL",
        "EGeneral:Internal error",
        "EGeneral:Invalid arguments",
        "EGeneral:Invalid arguments:Index unavailable",
        "EGeneral:Permission denied",
        "EGeneral:Temporary lockout",
        "EOrder:Cannot open opposing position",
        "EOrder:Cannot open position",
        "EOrder:Domain rate limit exceeded",
        "EOrder:Insufficient margin",
        "EOrder:Margin allowance exceeded",
        "EOrder:Margin level too low",
        "EOrder:Margin position size exceeded",
        "EOrder:Order minimum not met",
        "EOrder:Positions limit exceeded",
        "EOrder:Reduce only:No position exists",
        "EOrder:Reduce only:Non-PC",
        "EOrder:Reduce only:Position is closed",
        "EOrder:Scheduled orders limit exceeded",
        "ETrade:Invalid request",
    }
)
"""All known texts; `faults.refuse_orders` can send those that the simulator does not."""

DUPLICATE_ORDER = "EOrder:Duplicate order"
LOT_SIZE = "EGeneral:Invalid arguments:volume precision"
FIELD = "EGeneral:Invalid arguments:{}"
MODE = "EService:Market in {} mode"

GUESSES = frozenset({DUPLICATE_ORDER, LOT_SIZE, FIELD, MODE})
"""`FIELD` names an argument that is missing, out of range or not allowed; `MODE` names the status
of a pair, of which two were recorded."""


def bad(field: str) -> Refused:
    """Return the refusal of an argument."""
    return Refused(FIELD.format(field))
