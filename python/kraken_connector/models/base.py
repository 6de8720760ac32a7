"""The base class of every typed message.

A model is a frozen, slotted dataclass. Both cores use the same classes: the native core fills
their slots from Rust, the pure core with `Model._from_wire`. Both read the fields from
`__wire_fields__`, a table of names and kinds that `model()` derives from the annotations.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any, ClassVar, Self, TypeGuard, TypeVar, dataclass_transform

from ..exceptions import InvalidFieldError, InvalidParameter

_T = TypeVar("_T")

#: How a JSON value is converted to a field: `float` also converts integers, `decimal` is exact,
#: `value` is kept as decoded, `model` and `models` are one nested model or a list of them.
FieldKind = typing.Literal["float", "decimal", "value", "model", "models"]
#: The required type of a field that is checked when a frame is parsed; a number may be a string.
CheckedKind = typing.Literal["text", "integer", "number"]

_CHECKED_KINDS: dict[type, CheckedKind] = {str: "text", int: "integer", float: "number"}
#: A JSON number (RFC 8259). The exchange uses the same form for numbers in strings.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
#: Raises for unreadable numbers, whatever context the application set.
_READING = Context(prec=28, traps=[InvalidOperation])


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def model(cls: type[_T]) -> type[_T]:
    """Make `cls` a frozen, slotted dataclass and derive its tables of fields."""
    made = dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)
    hints = _hints(made)
    wire = [f for f in dataclasses.fields(made) if f.compare]  # type: ignore[arg-type]
    made.__wire_fields__ = tuple((f.name, *_kind(hints[f.name])) for f in wire)  # type: ignore[attr-defined]
    made.__wire_names__ = tuple(wire_name(f.name) for f in wire)  # type: ignore[attr-defined]
    made.__checked__ = {  # type: ignore[attr-defined]
        name: _CHECKED_KINDS[_whole(hints[name])] for name in getattr(made, "CHECKED", ())
    }
    made.__match_args__ = tuple(f.name for f in wire)  # type: ignore[attr-defined, misc]
    made.__required__ = frozenset(  # type: ignore[attr-defined]
        f.name
        for f in wire
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )
    return made


def _hints(cls: type) -> dict[str, Any]:
    """Return the types of the fields like `typing.get_type_hints`, but faster: that would compile
    the same few annotations again and again, which takes most of the import time."""
    return {
        name: _evaluated(text, base.__module__)
        for base in reversed(cls.__mro__)
        for name, text in inspect.get_annotations(base).items()
        if not text.startswith("ClassVar")
    }


@cache
def _evaluated(text: str, module: str) -> Any:
    return eval(text, vars(sys.modules[module]))


def wire_name(name: str) -> str:
    """Return the exchange's name of a field: `class_` is `class`, which is a Python keyword."""
    return name.removesuffix("_")


def _whole(hint: Any) -> Any:
    """Return the type of a field without `None`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        (hint, *_) = [arm for arm in typing.get_args(hint) if arm is not types.NoneType]
    return hint


def _kind(hint: Any) -> tuple[FieldKind, type[Model] | None]:
    hint = _whole(hint)
    if hint is float:
        return "float", None
    if hint is Decimal:
        return "decimal", None
    if isinstance(hint, type) and issubclass(hint, Model):
        return "model", hint
    if typing.get_origin(hint) is list:
        (item,) = typing.get_args(hint)
        if isinstance(item, type) and issubclass(item, Model):
            return "models", item
    return "value", None


class Model:
    """A typed message or a part of one.

    Fields that the exchange did not send, or sent as `null`, are `None`. A number may arrive as a
    string, as in Kraken's REST API. Equality, hash and repr use the fields. To make a changed copy,
    use `copy.replace(item, field=...)`; before Python 3.13, `item.__replace__(...)`. Do not change
    lists inside a model.
    """

    #: The frame of the item and its path in it: `(frame, key, ...)`, with the keys from the frame's
    #: `data` to this object; `frame` alone is short for `(frame, 0)`. For an item made by
    #: `from_dict` from data with unknown keys, that data. Unset on other items that a user made,
    #: and on items whose fields hold everything that was sent.
    __slots__ = ("_wire",)
    __wire_fields__: ClassVar[tuple[tuple[str, FieldKind, type[Model] | None], ...]] = ()
    __wire_names__: ClassVar[tuple[str, ...]] = ()
    __required__: ClassVar[frozenset[str]] = frozenset()
    #: Fields that the client itself uses: a frame is invalid if one of them has another JSON type.
    CHECKED: ClassVar[frozenset[str]] = frozenset()
    #: Those of `CHECKED` that belong together: a frame is invalid if an item has some and not all.
    TOGETHER: ClassVar[frozenset[str]] = frozenset()
    __checked__: ClassVar[Mapping[str, CheckedKind]] = types.MappingProxyType({})
    _wire: bytes | tuple[Any, ...] | dict[str, Any]

    def decimal(self, field: str) -> Decimal | None:
        """Return a numeric field as the exact number that was sent.

        Trailing zeros are kept. It also works for fields that this version does not know. A number
        with an exponent of 19 or more digits, which `Decimal` cannot hold, is infinite or zero. For
        an item that was not received, it is the shortest decimal of the value.

        Returns:
            The exact value, `None` if the exchange did not send the field.

        Raises:
            InvalidFieldError: (a `ValueError`) the field does not exist or is not a number.
        """
        document = self._exact_document()
        kinds = {name: kind for name, kind, _ in self.__wire_fields__}
        if document is not None:
            value = document.get(wire_name(field))
        else:
            value = getattr(self, field) if field in kinds else None
        if value is None and field in kinds:
            return None
        if kinds.get(field) == "float" and is_number_text(value):
            return exact_number(value)
        if isinstance(value, Decimal):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Decimal(repr(value))
        numeric = [name for name, kind in kinds.items() if kind in ("float", "decimal")]
        raise InvalidFieldError(type(self).__name__, field, numeric)

    @property
    def extra(self) -> dict[str, Any]:
        """Fields that the exchange sent and this version does not know, numbers as `Decimal`.

        For an item made by `from_dict`, the unknown keys with their values as given.
        """
        document = self._exact_document()
        if document is None:
            return {}
        known = self.__wire_names__
        return {key: value for key, value in document.items() if key not in known}

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the fields and `extra` as plain data under the exchange's names.

        Absent fields are left out, except fields that the exchange always sends, which are `None`.

        Args:
            exact: whether numbers are `Decimal` with the digits that were sent, instead of `float`.
                Numbers in `extra` are otherwise `int` or `float`, as from `json`.
        """
        plain: dict[str, Any] = {}
        for name, kind, _ in self.__wire_fields__:
            value = getattr(self, name)
            if exact and kind == "float" and isinstance(value, float):
                value = self.decimal(name)
            if value is not None or name in self.__required__:
                plain[wire_name(name)] = _plain(value, exact)
        for key, value in self.extra.items():
            plain[key] = value if exact else _binary(value)
        return plain

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the item from plain data under the exchange's names.

        Absent fields are `None`, and absent lists that the exchange always sends are empty, as in
        an item that was received. Unknown keys are kept in `extra`.
        """
        values: dict[str, Any] = {}
        for name, kind, item in cls.__wire_fields__:
            value = src_dict.get(wire_name(name))
            if value is not None:
                values[name] = _build(kind, item, value)
            elif name in cls.__required__:
                values[name] = [] if kind == "models" else None
        made = cls(**values)
        if not src_dict.keys() <= set(cls.__wire_names__):
            object.__setattr__(made, "_wire", dict(src_dict))
        return made

    @classmethod
    def _from_wire(cls, source: Any, wire: tuple[Any, ...]) -> Self:
        """Build an item from a decoded JSON object that was checked.

        Absent fields are `None`, and absent lists that the exchange always sends are empty.
        """
        item = cls.__new__(cls)
        put = object.__setattr__
        for (name, kind, nested), key in zip(cls.__wire_fields__, cls.__wire_names__, strict=True):
            value = source.get(key)
            if value is None:
                value = [] if kind == "models" and name in cls.__required__ else None
            elif kind != "value":
                value = _convert(kind, nested, value, (*wire, key))
            put(item, name, value)
        put(item, "_wire", wire)
        return item

    def __replace__(self, **changes: Any) -> Self:
        """Return a copy with `changes`, without the reference to the frame."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def _exact_document(self) -> Mapping[str, Any] | None:
        wire = getattr(self, "_wire", None)
        if wire is None or isinstance(wire, dict):
            return wire
        frame, *path = (wire, 0) if isinstance(wire, bytes) else wire
        document: Any = exact_document(frame)["data"]
        for key in path:
            document = document[key]
        return typing.cast(Mapping[str, Any], document)

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name, _, _ in self.__wire_fields__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *(hashable(value) for value in self._values())))

    def __repr__(self) -> str:
        shown = ((name, getattr(self, name)) for name, _, _ in self.__wire_fields__)
        fields = ", ".join(f"{name}={value!r}" for name, value in shown if value is not None)
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._state())

    def _state(self) -> dict[str, Any]:
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        wire = getattr(self, "_wire", None)
        return fields if wire is None else {**fields, "_wire": wire}


class Given(Model):
    """A model that a user makes: `from_dict` refuses missing and unknown keys."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the item from plain data under the exchange's names.

        Raises:
            KeyError: a required key is missing.
            TypeError, InvalidParameter: see the constructor; also for an unknown key, which would
                otherwise be ignored silently.
        """
        known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for key in src_dict:
            if key not in known:
                wanted = f"absent: {cls.__name__} knows {', '.join(known)}"
                raise InvalidParameter(str(key), wanted, src_dict[key])
        for name in cls.__wire_names__:
            if name in cls.__required__ and name not in src_dict:
                raise KeyError(name)
        return super().from_dict(src_dict)


@lru_cache(maxsize=8)
def exact_document(frame: bytes) -> Any:
    """Return the decoded frame with numbers as `Decimal`; cached for the items of one frame."""
    return json.loads(frame, parse_float=exact_number, parse_int=Decimal)


def exact_number(lexeme: str) -> Decimal:
    """Return a number with its digits; with an exponent that `Decimal` cannot hold it is infinite
    or zero, like a float."""
    # An explicit context, because that of the application may not raise.
    try:
        return Decimal(lexeme, _READING)
    except InvalidOperation:
        return Decimal(repr(float(lexeme)), _READING)


def is_number_text(value: Any) -> TypeGuard[str]:
    """Return whether a value is a string that contains a number."""
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _restore(cls: type[Model], state: dict[str, Any]) -> Model:
    item = cls.__new__(cls)
    for name, value in state.items():
        object.__setattr__(item, name, value)
    return item


def _plain(value: Any, exact: bool) -> Any:
    """Convert a field to plain data; items of a list need not be models."""
    if isinstance(value, Model):
        return value.to_dict(exact=exact)
    if isinstance(value, list):
        return [_plain(entry, exact) for entry in value]
    return float(value) if isinstance(value, Decimal) and not exact else value


def _binary(value: Any) -> Any:
    """Convert decoded JSON with exact numbers to the types that `json` uses by default."""
    if isinstance(value, Decimal):
        is_integer = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if is_integer else float(value)
    if isinstance(value, dict):
        return {key: _binary(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_binary(entry) for entry in value]
    return value


def _build(kind: FieldKind, item: type[Model] | None, value: Any) -> Any:
    """Convert the caller's data to a field; models are kept."""
    if kind == "decimal":
        return value if isinstance(value, Decimal) else Decimal(str(value))
    if kind == "float" and (isinstance(value, int | Decimal) or is_number_text(value)):
        return _float(value)
    if kind == "model" and item is not None and not isinstance(value, item):
        return item.from_dict(value)
    if kind == "models" and item is not None:
        return [entry if isinstance(entry, item) else item.from_dict(entry) for entry in value]
    return value


def _float(value: int | Decimal | str) -> float:
    """Return a number as a float; an integer zero has no sign, also one in a string."""
    return 0.0 if value == "-0" else float(value)


def _convert(kind: FieldKind, nested: type[Model] | None, value: Any, wire: tuple[Any, ...]) -> Any:
    """Convert a decoded JSON value to a field; a value that is not a number stays unchanged in a
    numeric field."""
    if kind == "float":
        return _float(value) if type(value) is int or is_number_text(value) else value
    if kind == "decimal":
        return Decimal(str(value)) if type(value) in (int, float) else value
    assert nested is not None
    if kind == "model":
        return nested._from_wire(value, wire)
    return [nested._from_wire(entry, (*wire, index)) for index, entry in enumerate(value)]


def hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(hashable(entry) for entry in value)
    if isinstance(value, dict):
        return frozenset((key, hashable(entry)) for key, entry in value.items())
    return value
