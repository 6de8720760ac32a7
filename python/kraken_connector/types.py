"""Types that code written for kraken-connector 0.2.0 imports; absent is `None` here."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import NoneType
from typing import BinaryIO, Generic, TypeAlias, TypeVar

__all__ = ["UNSET", "File", "FileJsonType", "Response", "Unset"]

UNSET = None
Unset = NoneType  # type: ignore[nonetype-type]

FileJsonType: TypeAlias = tuple[str | None, BinaryIO, str | None]

T = TypeVar("T")


@dataclass(slots=True)
class File:
    """A file to upload.

    Attributes:
        payload: the open file.
        file_name: its name.
        mime_type: its media type.
    """

    payload: BinaryIO
    file_name: str | None = None
    mime_type: str | None = None

    def to_tuple(self) -> FileJsonType:
        """Return the file as httpx takes it in `files=`."""
        return self.file_name, self.payload, self.mime_type


@dataclass(slots=True)
class Response(Generic[T]):
    """The reply to a call of `kraken_connector.api`.

    Attributes:
        status_code: the HTTP status; a plain number if it has no name, as 520 to 526.
        content: the body.
        headers: the headers.
        parsed: the body as an object, `None` if the status is not 200.
    """

    status_code: HTTPStatus | int
    # It may hold a token.
    content: bytes = field(repr=False)
    headers: MutableMapping[str, str] = field(repr=False)
    parsed: T | None
