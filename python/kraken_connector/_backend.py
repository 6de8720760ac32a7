"""The choice between the two cores; the only importer of `_native` and `_pure`.

`KRAKEN_CONNECTOR_BACKEND` decides: `native` and `pure` give that core or fail, `auto` (the
default) gives the native one and falls back only when the extension is absent. An extension that
is there and broken raises, since a silent fallback would hide it behind slowness.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

BackendName = Literal["native", "pure"]


def _choose() -> BackendName:
    wanted = os.environ.get("KRAKEN_CONNECTOR_BACKEND", "auto")
    if wanted == "auto":
        return "native" if find_spec(f"{__package__}._native") else "pure"
    if wanted == "native":
        return "native"
    if wanted == "pure":
        return "pure"
    raise ImportError(
        f"KRAKEN_CONNECTOR_BACKEND is {wanted!r}; it must be 'auto', 'native' or 'pure'"
    )


_NAME: BackendName = _choose()

if TYPE_CHECKING:
    from ._native import Event as Event  # noqa: PLC0414 (passed on for annotations)

if TYPE_CHECKING:
    from ._native import PlainStream, ThreadReader, TlsConfig, TlsStream
elif _NAME == "native":
    from . import _native

    # Absent on Windows, and where the extension was built without the feature `tls`.
    PlainStream = getattr(_native, "PlainStream", None)
    ThreadReader = getattr(_native, "ThreadReader", None)
    TlsConfig = getattr(_native, "TlsConfig", None)
    TlsStream = getattr(_native, "TlsStream", None)
else:
    PlainStream = ThreadReader = TlsConfig = TlsStream = None

if TYPE_CHECKING or _NAME == "native":
    from ._native import (
        BookFile,
        Books,
        BookWriter,
        Engine,
        Level3Book,
        OrderBook,
        Receiver,
        SharedBook,
        WSDataMessage,
        parse_message,
        runs,
    )
else:
    from ._pure import (
        BookFile,
        Books,
        Engine,
        Level3Book,
        OrderBook,
        SharedBook,
        WSDataMessage,
        parse_message,
        runs,
    )

    # There is no short way from socket to engine: messages take that of the WebSocket library.
    Receiver = None
    # Python cannot write memory in the order that readers of other processes need.
    BookWriter = None


def backend() -> BackendName:
    """Return which core runs: `native` (Rust) or `pure` (Python)."""
    return _NAME


__all__ = [
    "BookFile",
    "BookWriter",
    "Books",
    "Engine",
    "Level3Book",
    "OrderBook",
    "PlainStream",
    "Receiver",
    "SharedBook",
    "ThreadReader",
    "TlsConfig",
    "TlsStream",
    "WSDataMessage",
    "backend",
    "parse_message",
    "runs",
]
