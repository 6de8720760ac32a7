"""Compare what arrived with what was sent, value by value, numbers by their digits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from kraken_connector.models import Model


class Difference(NamedTuple):
    """A value of the wire that arrived as something else, or as `MISSING`."""

    path: str
    told: Any
    sent: Any


MISSING = "missing"


def differences(told: Any, sent: Any, path: str = "") -> Iterator[Difference]:
    """Yield what of `sent`, JSON with numbers as `Decimal`, is not in `told`.

    `told` may have more. A field of a message that holds a number is compared by its exact value,
    and may have been sent as text.
    """
    if isinstance(sent, dict) and isinstance(told, Model | dict):
        for key, value in sent.items():
            yield from differences(_field(told, key), value, f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(told, list) and len(told) == len(sent):
        for place, (one, other) in enumerate(zip(told, sent, strict=True)):
            yield from differences(one, other, f"{path}[{place}]")
    elif not _is_same(told, sent):
        yield Difference(path, told, sent)


def _field(told: Model | dict[str, Any], key: str) -> Any:
    if isinstance(told, dict):
        return told.get(key, MISSING)
    if key not in told.__wire_names__:
        return told.extra.get(key, MISSING)
    name = told.__match_args__[told.__wire_names__.index(key)]
    value = getattr(told, name)
    return told.decimal(name) if isinstance(value, float) else value


def _is_same(told: Any, sent: Any) -> bool:
    if isinstance(told, Decimal) and isinstance(sent, Decimal | str):
        return format(told, "f") == format(Decimal(sent), "f")
    if isinstance(sent, Decimal):
        return type(told) in (int, float) and Decimal(repr(told)) == sent
    return type(told) is type(sent) and bool(told == sent)
