"""The work of a profile: `training.py EXTENSION` drives the core as its users do.

Only the extension and the models are imported, as a build has none of the package's dependencies.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = "kraken_connector"
ROUNDS = 30
#: Frames that a read of a socket brings.
READS = (1, 3, 100)


def main(extension: str) -> None:
    core = _load(extension)
    from benches import corpus  # noqa: PLC0415 (it imports the package that `_load` puts in place)

    for stream in corpus.streams().values():
        for _ in range(ROUNDS):
            _follow(core, stream)
    for channel in ("ticker", "trade", "ohlc", "executions", "balances", "instrument", "status"):
        for frame in corpus.plain(channel) * ROUNDS:
            _read(core.Engine().feed(frame)[-1])
    for symbols in (1, 200):
        engine = core.Engine()
        for frame in corpus.crowd(symbols, 2000 // symbols):
            engine.feed(frame)


def _follow(core: Any, stream: Any) -> None:
    """Follow a book by single frames, and by reads of a socket."""
    engine = core.Engine()
    engine.books.expect(stream.symbol, stream.depth)
    book = engine.book(stream.symbol)
    for frame in stream.frames:
        (message,) = engine.feed(frame)
        assert message.verified
        assert book.bid < book.ask
        _read(message)
    framed = [_header(len(frame)) + frame for frame in stream.frames]
    for at_once in READS:
        engine = core.Engine()
        engine.books.expect(stream.symbol, stream.depth)
        receiver = core.Receiver(engine, 2**24)
        receiver.is_direct = True
        for start in range(0, len(framed), at_once):
            read = b"".join(framed[start : start + at_once])
            while read:
                room = receiver.get_buffer()
                size = min(len(room), len(read))
                room[:size] = read[:size]
                read = read[size:]
                receiver.buffer_updated(size, 1, _read_events)
        assert engine.counters()["verified"] == len(framed)


def _read_events(events: list[Any], _: int) -> None:
    """Read events as the session does."""
    for event in events:
        assert event.channel == "book"
    assert isinstance(events[-1].timestamp_ns, int | None)


def _read(message: Any) -> None:
    """Read the fields of all items."""
    for item in message.data:
        for name, _, _ in getattr(type(item), "__wire_fields__", ()):
            getattr(item, name)


def _header(length: int) -> bytes:
    """Return the head of an unmasked text frame (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2, "big")
    return b"\x81\x7f" + length.to_bytes(8, "big")


def _load(extension: str) -> Any:
    """Import the extension into a package that has the sources but runs no `__init__`."""
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(ROOT / "python" / PACKAGE)]
    sys.modules[PACKAGE] = package
    name = f"{PACKAGE}._native"
    spec = importlib.util.spec_from_file_location(name, extension)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
