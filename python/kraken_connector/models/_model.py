"""The base of every typed message: one definition of what a model is and can do.

A model is a frozen, slotted dataclass. The classes are shared by both cores: the native core
fills their slots from Rust, the pure core through `Model._from_wire`. What a core may rely on
is `__wire_fields__`, the table of field names and kinds that `model()` derives from the
annotations.
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

#: How a JSON value becomes a field: `float` widens integers, `decimal` is exact, `value` is kept
#: as decoded, `model` and `models` are one nested model or a list of them.
FieldKind = typing.Literal["float", "decimal", "value", "model", "models"]
#: What a field that is checked when a frame is read must be; a number may be written as text.
CheckedKind = typing.Literal["text", "integer", "number"]

_CHECKED_KINDS: dict[type, CheckedKind] = {str: "text", int: "integer", float: "number"}
#: A number as JSON has it (RFC 8259), which is how the exchange writes one as text too.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
#: Says what cannot be read, whatever the application set.
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
    """Return the types of the fields, as `typing.get_type_hints` does, but faster: most of what
    importing the models takes would be compiling the same few texts."""
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
    """Return the exchange's name of a field: `class_` is `class`, a word of Python's own."""
    return name.removesuffix("_")


def _whole(hint: Any) -> Any:
    """Return what a field is when it is there."""
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

    Fields that the exchange did not send are `None`, as are those that it sent as `null`. A number
    may be written as text, as Kraken's REST does. Equality, hash and repr go by the fields;
    `copy.replace(item, field=...)` (Python 3.13; `item.__replace__(...)` before) makes a changed
    copy. Lists inside a model are to be read, not changed.
    """

    #: Where the item stands in the frame it came from: `(frame, key, ...)`, the keys leading from
    #: the frame's `data` to this object; `frame` alone is short for `(frame, 0)`. Of an item made
    #: of plain data with unknown keys, that data. Unset on other items that a user made, and on
    #: those whose fields hold all that there was.
    __slots__ = ("_wire",)
    __wire_fields__: ClassVar[tuple[tuple[str, FieldKind, type[Model] | None], ...]] = ()
    __wire_names__: ClassVar[tuple[str, ...]] = ()
    __required__: ClassVar[frozenset[str]] = frozenset()
    #: Fields on which a client relies to keep account: a frame is invalid if one of them has
    #: another JSON type.
    CHECKED: ClassVar[frozenset[str]] = frozenset()
    #: Of these, those that mean something only together: a frame is invalid if an item has some
    #: of them and not all.
    TOGETHER: ClassVar[frozenset[str]] = frozenset()
    __checked__: ClassVar[Mapping[str, CheckedKind]] = types.MappingProxyType({})
    _wire: bytes | tuple[Any, ...] | dict[str, Any]

    def decimal(self, field: str) -> Decimal | None:
        """Return a numeric field as the exact number that stood on the wire.

        Trailing zeros are kept. Fields that this version does not know yet can be asked for too.
        With an exponent of 19 or more digits, which `Decimal` cannot hold, it is infinite or zero.
        An item that did not come from the wire answers with the shortest decimal of its value.

        Returns:
            The exact value, or `None` when the exchange did not send the field.

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

        Of an item made by `from_dict`, the keys that are no fields, with their values as given.
        """
        document = self._exact_document()
        if document is None:
            return {}
        known = self.__wire_names__
        return {key: value for key, value in document.items() if key not in known}

    def to_dict(self, *, exact: bool = False) -> dict[str, Any]:
        """Return the fields and `extra` as plain data under the exchange's names.

        Absent fields are left out, except that one which the exchange always sends is `None`.

        Args:
            exact: numbers as `Decimal` with the digits of the wire instead of `float`; those of
                `extra` are otherwise `int` or `float`, as `json` would read them.
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

        Absent fields are `None`, absent lists of a kind that is always sent are empty, as in an
        item that arrived. Unknown keys are kept in `extra`.
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
        """Fill an item from one decoded JSON object that was checked.

        Absent fields are `None`, absent lists of a kind that is always sent are empty.
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
        """Return a copy with `changes`; the copy no longer knows the wire it came from."""
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
    """What a user gives: plain data of it has all that is required and nothing unknown."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the item from plain data under the exchange's names.

        Raises:
            KeyError: a required key is missing.
            TypeError, InvalidParameter: as of the constructor; also for a key that is no field, so
                that nothing is sent without what was asked for.
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
    """Return the frame decoded with every number as `Decimal`; cached, so items share one parse."""
    return json.loads(frame, parse_float=exact_number, parse_int=Decimal)


def exact_number(lexeme: str) -> Decimal:
    """Return a number with its digits; an exponent that `Decimal` cannot hold makes it infinite or
    zero, as it makes a float."""
    # The context of its own says what is raised, not that of the application.
    try:
        return Decimal(lexeme, _READING)
    except InvalidOperation:
        return Decimal(repr(float(lexeme)), _READING)


def is_number_text(value: Any) -> TypeGuard[str]:
    """Tell whether a value is a number that was written as text."""
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _restore(cls: type[Model], state: dict[str, Any]) -> Model:
    item = cls.__new__(cls)
    for name, value in state.items():
        object.__setattr__(item, name, value)
    return item


def _plain(value: Any, exact: bool) -> Any:
    """Turn a field into plain data; the items of a list may be no models."""
    if isinstance(value, Model):
        return value.to_dict(exact=exact)
    if isinstance(value, list):
        return [_plain(entry, exact) for entry in value]
    return float(value) if isinstance(value, Decimal) and not exact else value


def _binary(value: Any) -> Any:
    """Turn decoded JSON with exact numbers into JSON as it is usually decoded."""
    if isinstance(value, Decimal):
        is_integer = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if is_integer else float(value)
    if isinstance(value, dict):
        return {key: _binary(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_binary(entry) for entry in value]
    return value


def _build(kind: FieldKind, item: type[Model] | None, value: Any) -> Any:
    """Turn caller's data into a field; what is a model already stays as it is."""
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
    """Return a number as a float; of an integer, zero has no sign, written as text or not."""
    return 0.0 if value == "-0" else float(value)


def _convert(kind: FieldKind, nested: type[Model] | None, value: Any, wire: tuple[Any, ...]) -> Any:
    """Turn a decoded JSON value into a field; what is no number passes unchanged where one would
    be usual."""
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
