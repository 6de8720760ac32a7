"""Compare what arrived with what was sent, value by value, numbers by their digits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from kraken_connector.models import Model


class Difference(NamedTuple):
    """A value of the wire that arrived as something else, or as `MISSING`."""

    path: str
    parsed: Any
    sent: Any


MISSING = "missing"


def differences(parsed: Any, sent: Any, path: str = "") -> Iterator[Difference]:
    """Yield what of `sent`, JSON with numbers as `Decimal`, is not in `parsed`.

    `parsed` may have more. A field of a message that holds a number is compared by its exact value,
    and may have been sent as text.
    """
    if isinstance(sent, dict) and isinstance(parsed, Model | dict):
        for key, value in sent.items():
            yield from differences(_field(parsed, key), value, f"{path}.{key}")
    elif isinstance(sent, list) and isinstance(parsed, list) and len(parsed) == len(sent):
        for index, (one, other) in enumerate(zip(parsed, sent, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif not _is_same(parsed, sent):
        yield Difference(path, parsed, sent)


def _field(parsed: Model | dict[str, Any], key: str) -> Any:
    if isinstance(parsed, dict):
        return parsed.get(key, MISSING)
    if key not in parsed.__wire_names__:
        return parsed.extra.get(key, MISSING)
    name = parsed.__match_args__[parsed.__wire_names__.index(key)]
    value = getattr(parsed, name)
    return parsed.decimal(name) if isinstance(value, float) else value


def _is_same(parsed: Any, sent: Any) -> bool:
    if isinstance(parsed, Decimal) and isinstance(sent, Decimal | str):
        return format(parsed, "f") == format(Decimal(sent), "f")
    if isinstance(sent, Decimal):
        return type(parsed) in (int, float) and Decimal(repr(parsed)) == sent
    return type(parsed) is type(sent) and bool(parsed == sent)
