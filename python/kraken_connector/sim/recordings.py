"""Files of recorded frames: one JSON text in each line, plain or compressed."""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

#: The first bytes of gzip (RFC 1952), of Zstandard (RFC 8878), and the UTF-8 byte order mark.
_GZIP, _ZSTD, _MARK = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"


def open_recording(file: BinaryIO) -> io.BufferedReader:
    """Return a reader of the lines in a file, decompressed and without a byte order mark.

    The first bytes decide the compression, the name does not. gzip is always supported; Zstandard
    needs Python 3.14 or the package `zstandard`.

    Args:
        file: open for reading; it need not be seekable, and the caller closes it.

    Raises:
        OSError: it cannot be read or decompressed; later reads can raise it too.
    """
    head = file.read(len(_ZSTD))
    plain: Any = io.BufferedReader(_Joined(head, file))
    if head.startswith(_GZIP):
        plain = gzip.GzipFile(fileobj=plain)
    elif head == _ZSTD:
        plain = _unpacked(plain)
    text = io.BufferedReader(_Joined(b"", plain))
    start = text.read(len(_MARK))
    return io.BufferedReader(_Joined(b"" if start == _MARK else start, text))


def _unpacked(file: BinaryIO) -> Any:
    with suppress(ModuleNotFoundError):
        return import_module("compression.zstd").ZstdFile(file)
    with suppress(ModuleNotFoundError):
        reader = import_module("zstandard").ZstdDecompressor()
        return reader.stream_reader(file, read_across_frames=True)
    raise OSError("Zstandard needs Python 3.14 or the package zstandard: pip install zstandard")


class _Joined(io.RawIOBase):
    """Some bytes followed by the rest of a file; all read errors become `OSError`."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            data: bytes = self._rest.read1(size)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(error) from error
        except Exception as error:
            # The class belongs to a package that may not be installed.
            if type(error).__name__ == "ZstdError":
                raise _damaged(error) from error
            raise
        return data


def _damaged(error: Exception) -> OSError:
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return error
    return OSError(f"the compressed data is damaged: {error}")
