"""Checks of the API key: validity, nonces, permissions, token."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...exceptions import RestError
from ...models.rest.key import ApiKeyInfo
from ...models.rest.row import moment
from ...security import NONCE_UNITS
from ..base.exchange_clock import SECOND_NS
from .readings import INVALID_NONCE, Need, Readings, described
from .report import CheckState, PreflightCheck

__all__ = ["check_key", "held_permissions"]

#: A key that expires sooner is a warning, nanoseconds.
SOON_NS: Final = 7 * 86_400 * SECOND_NS
#: By how many nanoseconds the exchange's last nonce may be ahead of this machine's clock: calls of
#: another process, and nonces in a row within one unit.
NONCE_AHEAD_NS: Final = 2 * SECOND_NS
#: How many times larger a nonce of the next finer unit is, roughly.
FINER: Final = 100

#: What to do about an error, by its code.
ADVICE: Final = {
    "EAPI:Invalid key": "copy the public key again; it may have been deleted",
    "EAPI:Invalid signature": "copy the private key again: it is not that of this public key",
    "EGeneral:Temporary lockout": "wait for 15 minutes without any call",
}
#: What each word is called in Kraken's key settings (guide "API key permissions").
SETTINGS: Final = {
    "query-funds": "Funds: Query",
    "query-open-trades": "Orders and trades: Query open orders & trades",
    "query-closed-trades": "Orders and trades: Query closed orders & trades",
    "modify-trades": "Orders and trades: Create & modify orders",
    "close-trades": "Orders and trades: Cancel & close orders",
    "create-ws-token": "WebSocket interface: On",
}


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a need requires.

    Attributes:
        any_of: one of these words suffices by all sources.
        also: further words, and what some source requires them for.
    """

    any_of: tuple[str, ...]
    also: Mapping[str, str]


#: Sources: Kraken's OpenAPI text for each call, and its guide "API key permissions". Where they
#: differ, the lack of what only one of them requires is a warning.
REQUIRED: Final[dict[Need, Permissions]] = {
    "query": Permissions(
        ("query-open-trades",),
        {
            "query-funds": "balances and fees, and by Kraken's guide the trade balance",
            "query-closed-trades": "orders that ended, and by Kraken's OpenAPI text past fills",
        },
    ),
    "trade": Permissions(
        ("modify-trades",),
        {"close-trades": "batches and edits of orders, by Kraken's OpenAPI text"},
    ),
    "cancel": Permissions(
        ("close-trades", "modify-trades"),
        {"close-trades": "cancels by Kraken's guide; by its OpenAPI text modify-trades suffices"},
    ),
    "token": Permissions(("create-ws-token",), {}),
}
NAMES: Final[dict[Need, str]] = {
    "query": "may query",
    "trade": "may trade",
    "cancel": "may cancel",
    "token": "may get tokens",
}


def check_key(
    readings: Readings, needs: Collection[Need], nonce_unit: str
) -> Iterator[PreflightCheck]:
    """Check the key."""
    key = readings.key
    yield _validity(key, readings.exchange_ns)
    yield _nonce(key, readings.told_ns, nonce_unit)
    for need in REQUIRED:
        if need in needs:
            yield _permission(key, need)
    if readings.token is not None:
        yield _token(readings.token)


def _validity(key: ApiKeyInfo | Exception, now_ns: int) -> PreflightCheck:
    if isinstance(key, Exception):
        return _unread_key(key)
    parts = [f"valid, {_where(key)}"]
    state: CheckState = "ok"
    if key.valid_until_ns is not None:
        parts.append(f"until {_shown(key.valid_until_ns)}")
        if key.valid_until_ns <= now_ns:
            text = f"expired on {_shown(key.valid_until_ns)}: make a new key"
            return PreflightCheck("key", "failed", text)
        if key.valid_until_ns < now_ns + SOON_NS:
            state = "warning"
            parts.append("which is soon: make a new key in time")
    if key.query_from_ns or key.query_to_ns:
        state = "warning"
        begin = _shown(key.query_from_ns) if key.query_from_ns else "the beginning"
        end = _shown(key.query_to_ns) if key.query_to_ns else "now"
        parts.append(f"can query only data from {begin} to {end}: orders may be missing")
    return PreflightCheck("key", state, "; ".join(parts))


def _unread_key(error: Exception) -> PreflightCheck:
    """Return the check of a key of which nothing could be read."""
    text = described(error)
    if isinstance(error, RestError) and error.code == INVALID_NONCE:
        return PreflightCheck("key", "unknown", "not checked, as its nonce was refused")
    if not isinstance(error, RestError):
        return PreflightCheck("key", "unknown", f"{text}: try again")
    if not error.was_sent and error.kind == "permission":
        text = "there is none: pass rest=KrakenRest(api_key, api_secret) or a TokenManager"
        return PreflightCheck("key", "failed", text)
    advice = ADVICE.get(error.code or "")
    if advice or error.kind == "permission":
        return PreflightCheck("key", "failed", f"{text}: {advice or 'check it in its settings'}")
    return PreflightCheck("key", "unknown", f"{text}: try again")


def _where(key: ApiKeyInfo) -> str:
    count = len(key.ip_allowlist)
    if not count:
        return "from any address (its settings can restrict that)"
    return f"from {count} address{'' if count == 1 else 'es'} only, of which this is one"


def _nonce(key: ApiKeyInfo | Exception, told_ns: int, unit: str) -> PreflightCheck:
    """Compare the last nonce that the exchange has received with those of this machine's clock."""
    if isinstance(key, RestError) and key.code == INVALID_NONCE:
        text = (
            "the exchange has received a larger one: another program uses the key with a finer "
            "unit (then pass nonce_unit='ns'), or the clock was set back. Set the clock right, "
            "or make a new key"
        )
        return PreflightCheck("nonce", "failed", text)
    if isinstance(key, Exception) or key.nonce is None:
        text = "the last one that the exchange received is not known"
        return PreflightCheck("nonce", "unknown", text, is_required=False)
    own, size = told_ns // NONCE_UNITS[unit], NONCE_UNITS[unit]
    if key.nonce > own * FINER:
        text = (
            f"the last one ({key.nonce}) is in a finer unit than {unit}: another program uses the "
            "key, and calls from another machine would be refused. Pass nonce_unit='ns', or use "
            "another key"
        )
        return PreflightCheck("nonce", "warning", text)
    ahead_ns = key.nonce * size - told_ns
    if ahead_ns > NONCE_AHEAD_NS:
        text = (
            f"the last one is {ahead_ns / SECOND_NS:.0f} s ahead of this machine's clock: the "
            "clock was set back, or another program uses the key. Give each program its own key"
        )
        return PreflightCheck("nonce", "warning", text)
    return PreflightCheck(
        "nonce", "ok", f"accepted, and not ahead of this machine's clock ({unit})"
    )


def _permission(key: ApiKeyInfo | Exception, need: Need) -> PreflightCheck:
    name, required = NAMES[need], REQUIRED[need]
    held = held_permissions(key)
    if held is None:
        return PreflightCheck(name, "unknown", "the permissions of the key are not known")
    if held.isdisjoint(required.any_of):
        lacks = " or ".join(map(_named, required.any_of))
        return PreflightCheck(name, "failed", f"the key lacks {lacks}: set it in its settings")
    lacking = [
        f"{_named(word)} for {use}" for word, use in required.also.items() if word not in held
    ]
    if lacking:
        return PreflightCheck(name, "warning", f"yes, but the key lacks {'; '.join(lacking)}")
    words = (*required.any_of, *required.also)
    return PreflightCheck(
        name, "ok", ", ".join(word for word in dict.fromkeys(words) if word in held)
    )


def held_permissions(key: ApiKeyInfo | Exception | None) -> frozenset[str] | None:
    """Return the words of the permissions; `None` if the exchange did not send them."""
    if not isinstance(key, ApiKeyInfo) or key.raw.get("permissions") is None:
        return None
    return frozenset(key.permissions)


def _token(token: bool | Exception) -> PreflightCheck:
    if not isinstance(token, Exception):
        return PreflightCheck("token", "ok", "private connections can be opened")
    errors = getattr(token, "errors", ())
    state: CheckState = "failed" if errors else "unknown"
    return PreflightCheck("token", state, described(token))


def _named(word: str) -> str:
    return f"{word} ({SETTINGS[word]})"


def _shown(time_ns: int) -> str:
    return f"{moment(time_ns):%Y-%m-%d %H:%M} UTC"
