"""What an error text of the exchange means: its kind, whether it is certain, whether to retry.

Sources: docs.kraken.com, page "API Errors", for the `E<Area>:<text>` families; captured replies for
the plain sentences of the gateway; the error-handling guide of Kraken's own SDK for stale tokens
and for `EOrder:Invalid order`. The list of texts is open, so texts are matched by their beginning
and the original text is always kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Refusal", "RefusalKind", "classify", "is_stale_token", "throttled_until"]

RefusalKind = Literal[
    "funds",
    "post_only",
    "price",
    "size",
    "rate",
    "limit",
    "closed",
    "unknown_order",
    "duplicate_id",
    "permission",
    "session",
    "service",
    "deadline",
    "invalid",
    "other",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error text means.

    Attributes:
        kind: the kind of refusal, see `RefusalKind`.
        is_certain: whether the request certainly had no effect. An error of the service itself
            does not prove that nothing was done.
        retryable: whether the same request can succeed later without a change.
    """

    kind: RefusalKind
    is_certain: bool = True
    retryable: bool = False


_SESSION = Refusal("session", retryable=True)
_OTHER = Refusal("other")
_SERVICE = Refusal("service", is_certain=False, retryable=True)
#: Too many concurrent calls; no page says at which stage they are refused.
_THROTTLED = Refusal("rate", is_certain=False, retryable=True)
#: No text, or a value that is not text.
_UNREADABLE = Refusal("other", is_certain=False)

#: By the beginning of the text, in lower case; the first match decides.
_BY_PREFIX: tuple[tuple[str, Refusal], ...] = (
    ("eservice:market in", Refusal("closed", retryable=True)),
    ("eservice:deadline elapsed", Refusal("deadline", retryable=True)),
    ("eservice:throttled", _THROTTLED),
    ("eservice: throttled", _THROTTLED),
    ("eservice:", _SERVICE),
    ("eorder:insufficient", Refusal("funds")),
    ("eorder:margin", Refusal("funds")),
    ("eorder:post only", Refusal("post_only")),
    ("eorder:tick size", Refusal("price")),
    ("eorder:invalid price", Refusal("price")),
    ("egeneral:invalid arguments:price", Refusal("price")),
    ("limit_price field", Refusal("price")),
    ("eorder:order minimum", Refusal("size")),
    ("eorder:cost minimum", Refusal("size")),
    ("egeneral:invalid arguments:volume", Refusal("size")),
    ("order_qty field", Refusal("size")),
    ("eorder:rate limit", Refusal("rate", retryable=True)),
    ("eorder:domain rate limit", Refusal("rate", retryable=True)),
    ("eapi:rate limit", Refusal("rate", retryable=True)),
    ("eauth:rate limit", Refusal("rate", retryable=True)),
    ("eauth:too many requests", Refusal("rate", retryable=True)),
    ("exceeded msg rate", Refusal("rate", retryable=True)),
    ("egeneral:temporary lockout", Refusal("rate", retryable=True)),
    ("egeneral:too many requests", Refusal("rate", retryable=True)),
    ("eorder:orders limit", Refusal("limit")),
    ("eorder:positions limit", Refusal("limit")),
    ("eorder:scheduled orders limit", Refusal("limit")),
    ("ebm:limit exceeded", Refusal("limit")),
    ("eorder:unknown order", Refusal("unknown_order")),
    ("eorder:invalid order", Refusal("unknown_order")),
    ("eorder:invalid cl_ord_id", Refusal("duplicate_id")),
    ("eorder:duplicate", Refusal("duplicate_id")),
    ("egeneral:permission denied", Refusal("permission")),
    ("eapi:permission denied", Refusal("permission")),
    ("eapi:invalid key", Refusal("permission")),
    ("eapi:invalid signature", Refusal("permission")),
    ("eaccount:", Refusal("permission")),
    ("eauth:", Refusal("permission")),
    ("egeneral:invalid arguments", Refusal("invalid")),
    ("equery:unknown", Refusal("invalid")),
    ("etrade:invalid request", Refusal("invalid")),
    ("malformed request", Refusal("invalid")),
    ("unsupported", Refusal("invalid")),
    ("currency pair not supported", Refusal("invalid")),
)


#: A failure of the service, or a warning (page "API Errors": texts begin with `E` or `W`).
_DOUBTFUL = re.compile(r"internal error|unknown error|^w[a-z]+:")
#: The word itself, not `tokenized` (assets).
_TOKEN = re.compile(r"\btoken(s|\(s\))?(?![a-z])")
_BAD = re.compile(r"stale|expired|invalid|not found")


def classify(text: object) -> Refusal:
    """Return what an error text means; a value that is not text is not certain."""
    if not isinstance(text, str) or not text:
        return _UNREADABLE
    if is_stale_token(text):
        return _SESSION
    folded = text.lower()
    if _DOUBTFUL.search(folded):
        return _SERVICE
    return next((refusal for prefix, refusal in _BY_PREFIX if folded.startswith(prefix)), _OTHER)


def is_stale_token(text: object) -> bool:
    """Return whether an error text says that the session token is no longer valid.

    The exchange sends `ESession:Invalid session` for private subscriptions (captured) and
    `EAPI:Invalid token` for orders (Kraken's SDK, which matches any text with `token` and one of
    `stale`, `expired` and `invalid`).
    """
    if not isinstance(text, str):
        return False
    folded = text.lower()
    if "invalid session" in folded:
        return True
    return bool(_TOKEN.search(folded) and _BAD.search(folded))


#: `EService: Throttled: <seconds since the epoch>` says when to call again (guide "Spot REST rate
#: limits", which prints a space after the first colon; Kraken's SDK has none).
_UNTIL = re.compile(r"eservice:\s*throttled:\s*(\d{1,12})")


def throttled_until(text: str) -> int | None:
    """Return the time, in seconds since the epoch, from which calls are allowed again."""
    found = _UNTIL.match(text.lower())
    return None if found is None else int(found[1])
