"""The work of a profile: `training.py EXTENSION` drives the core as its users do.

Only the extension and the models are imported, as a build has none of the package's dependencies.
"""

from __future__ import annotations

import importlib.util
import select
import socket
import ssl
import sys
import types
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = "kraken_connector"
ROUNDS = 30
#: Frames that a read of a socket brings.
READS = (1, 3, 100)
#: A certificate for `localhost` that signs itself, and its key, which is no secret.
CERTIFICATE = Path(__file__).with_suffix(".pem")


def main(extension: str) -> None:
    core = _load(extension)
    from benches import corpus  # noqa: PLC0415 (it imports the package that `_load` puts in place)

    for stream in corpus.streams().values():
        for _ in range(ROUNDS):
            _follow(core, stream)
        if hasattr(core, "TlsConfig"):
            _receive(core, stream, _plain_pair(core))
            _receive(core, stream, _tls_pair(core))
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
    framed = _framed(stream)
    for at_once in READS:
        engine, receiver, take = _reader(core, stream)
        for start in range(0, len(framed), at_once):
            read = b"".join(framed[start : start + at_once])
            while read:
                room = receiver.get_buffer()
                size = min(len(room), len(read))
                room[:size] = read[:size]
                read = read[size:]
                receiver.buffer_updated(size, 1, take)
        assert engine.counters()["verified"] == len(framed)


def _receive(core: Any, stream: Any, pair: Pair) -> None:
    """Follow a book by a socket, whose other end sends single frames and then many at once."""
    connect, send, connection = pair
    framed = _framed(stream)
    parts = [*framed, b"".join(framed * 10)]
    sender = Thread(target=send, args=(parts,))
    sender.start()
    incoming = connect()
    while not incoming.handshake():
        select.select([connection], [], [])
    engine, receiver, take = _reader(core, stream)
    while engine.counters()["frames"] < 11 * len(framed):
        if not incoming.pending:
            select.select([connection], [], [])
        try:
            count = incoming.recv_into(receiver.get_buffer())
        except BlockingIOError:
            continue
        receiver.buffer_updated(count, 1, take)
    incoming.write(b"goodbye")
    incoming.close_write()
    sender.join()
    connection.close()


#: A function that makes the stream, one that sends to it, and its socket.
Pair = tuple[Callable[[], Any], Callable[[list[bytes]], None], socket.socket]


def _plain_pair(core: Any) -> Pair:
    ours, theirs = socket.socketpair()

    def send(parts: list[bytes]) -> None:
        with theirs:
            _send(theirs, parts)

    return lambda: core.PlainStream(ours.fileno()), send, ours


def _tls_pair(core: Any) -> Pair:
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    text = CERTIFICATE.read_text()
    authority = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])

    def send(parts: list[bytes]) -> None:
        with context.wrap_socket(theirs, server_side=True) as peer:
            _send(peer, parts)

    return lambda: core.TlsConfig([authority]).stream(ours.fileno(), "localhost"), send, ours


def _send(peer: socket.socket, parts: list[bytes]) -> None:
    for part in parts:
        peer.sendall(part)
    assert peer.recv(7) == b"goodbye"


def _framed(stream: Any) -> list[bytes]:
    return [_header(len(frame)) + frame for frame in stream.frames]


def _reader(core: Any, stream: Any) -> tuple[Any, Any, Callable[[list[Any], int], None]]:
    """Return an engine, its receiver, and what reads its events as the session does."""
    engine = core.Engine()
    engine.books.expect(stream.symbol, stream.depth)
    receiver = core.Receiver(engine, 2**24)
    receiver.is_direct = True

    def take(events: list[Any], _: int) -> None:
        ((channel, run),) = core.runs(events)
        assert channel == "book"
        assert isinstance(run[-1].timestamp_ns, int | None)

    return engine, receiver, take


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
