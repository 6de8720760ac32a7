"""What all schemas have in common: reading JSON objects, and fields that have no attribute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin, get_type_hints

from ..exceptions import InvalidResponseModel
from ..security import get_nonce
from ..types import UNSET

__all__ = ["Schema"]

V = TypeVar("V")


@dataclass(slots=True)
class Schema(Generic[V]):
    """A JSON object: a request, a reply or a part of one.

    Fields that the class does not name are items: `schema["field"]`.

    Attributes:
        additional_properties: these fields.
    """

    additional_properties: dict[str, V] = field(init=False, default_factory=dict)

    #: The names of fields on the wire, where they differ from the attribute's.
    _keys: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read a JSON object. Words that an enumeration does not have stay strings.

        Raises:
            InvalidResponseModel: it, or a part of it, is not a JSON object.
            KeyError: a required field is missing.
        """
        if not isinstance(src_dict, Mapping):
            kind = type(src_dict).__name__
            raise InvalidResponseModel(f"{cls.__name__} must be a JSON object, not {kind}")
        rest = dict(src_dict)
        shape = _shape(cls)
        made = cls(**{plan.name: plan.read(rest) for plan in shape.plans})
        made.additional_properties = {key: shape.item(value) for key, value in rest.items()}
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object, without fields that are `UNSET`."""
        content = {key: _plain(value) for key, value in self.additional_properties.items()}
        for plan in _shape(type(self)).plans:
            value = getattr(self, plan.name)
            if value is not UNSET:
                content[plan.key] = _plain(value)
        return content

    @property
    def additional_keys(self) -> list[str]:
        """The names of the fields in `additional_properties`."""
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> V:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: V) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a field is read.

    Attributes:
        name: the attribute.
        key: its name on the wire.
        convert: turns a value of the wire into the attribute's.
        absent: returns the attribute's value without one on the wire; `None` if it is required.
    """

    name: str
    key: str
    convert: Callable[[Any], Any]
    absent: Callable[[], Any] | None

    def read(self, content: dict[str, Any]) -> Any:
        """Take the value out of a JSON object."""
        value = content.pop(self.key, UNSET)
        if value is not UNSET:
            return self.convert(value)
        if self.absent is None:
            raise KeyError(self.key)
        return self.absent()


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a schema is read: its fields, and the items that are no fields."""

    plans: tuple[_Plan, ...]
    item: Callable[[Any], Any]


#: By schema, made when one is first read or written.
_shapes: dict[type, _Shape] = {}


def _shape(cls: type[Schema[Any]]) -> _Shape:
    shape = _shapes.get(cls)
    if shape is None:
        (base,) = cls.__orig_bases__  # type: ignore[attr-defined]
        items = _converter(get_args(base)[0])
        shape = _shapes[cls] = _Shape(tuple(_plans(cls)), items)
    return shape


def _plans(cls: type[Schema[Any]]) -> Iterator[_Plan]:
    hints = get_type_hints(cls)
    for one in fields(cls):
        if not one.init:
            continue
        absent: Callable[[], Any] | None = None
        if one.name == "nonce":
            absent = get_nonce
        elif _is_table(hints[one.name]):
            absent = list
        elif one.default is not MISSING:
            absent = _unset
        yield _Plan(
            one.name, cls._keys.get(one.name, one.name), _converter(hints[one.name]), absent
        )


def _unset() -> None:
    return UNSET


def _is_table(hint: Any) -> bool:
    """Return whether a type is a list of lists, which is empty when it is absent."""
    lists = [kind for kind in get_args(hint) if get_origin(kind) is list]
    return any(get_origin(get_args(kind)[0]) is list for kind in lists)


def _converter(hint: Any) -> Callable[[Any], Any]:
    """Return what turns a value of the wire into a value of a type."""
    for kind in get_args(hint) or (hint,):
        if isinstance(kind, type) and issubclass(kind, Schema):
            return kind.from_dict
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _member_or_word(kind)
    return _unchanged


def _member_or_word(kind: type[Enum]) -> Callable[[Any], Any]:
    """Return a function that turns a word into a member, and leaves other values as they are."""
    members = {member.value: member for member in kind}
    return lambda word: members.get(word, word) if isinstance(word, str) else word


def _unchanged(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    """Return a value as it is in JSON."""
    if isinstance(value, Schema):
        return value.to_dict()
    return value.value if isinstance(value, Enum) else value
