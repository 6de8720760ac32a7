"""Native streams on real sockets, against OpenSSL: all data arrives as sent, failures say why."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from kraken_connector._backend import PlainStream, TlsConfig, TlsStream

if TlsConfig is None:
    pytest.skip("this core has no streams of its own", allow_module_level=True)

from tests.unit.tls_peer import (
    NAME,
    PATIENCE,
    Peer,
    authority,
    config,
    der,
    established,
    receive,
    receive_all,
    server_context,
    shake_hands,
    socket_pair,
    wait_readable,
)

ROOM = 1 << 18
#: The longest record has this many bytes of plaintext (RFC 8446, section 5.1).
RECORD = 1 << 14
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}

both_versions = pytest.mark.parametrize("version", VERSIONS)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="an option of Linux")


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_error(stream: TlsStream | PlainStream, sock: socket.socket) -> BaseException:
    """Return what reading raises next."""
    with pytest.raises(OSError, match=r".") as caught:
        receive(stream, sock)
    return caught.value


def reset(sock: socket.socket) -> None:
    """Close a connection by a reset, not by the end of the stream."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def finish(stream: TlsStream, sock: socket.socket) -> None:
    """Complete the handshake by what the server has sent already."""
    while not stream.handshake():
        wait_readable(sock)


def assert_final(stream: TlsStream, error: BaseException) -> None:
    """An error stays: no data, and the same again."""
    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            stream.recv_into(bytearray(ROOM))
        assert str(caught.value) == str(error)


@contextmanager
def streaming(kind: str) -> Iterator[tuple[Any, socket.socket, Any]]:
    """Yield a stream of this kind, its socket, and the server with `send_data` and `read`."""
    if kind != "plain":
        with established(server_context(version=VERSIONS[kind])) as (stream, client, peer):
            yield stream, client, peer
        return
    with socket_pair() as (client, server):
        yield PlainStream(client.fileno()), client, PlainPeer(server)


def take_tickets(stream: TlsStream) -> None:
    """Read the records that a server of TLS 1.3 sends after the handshake, which have no data."""
    with pytest.raises(BlockingIOError):
        stream.recv_into(bytearray(ROOM))


class PlainPeer(Peer):
    """A server without TLS."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, server_context())

    def encrypt(self, data: bytes) -> bytes:
        return data

    def read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            wait_readable(self.sock)
            data += self.sock.recv(count - len(data))
        return bytes(data)


all_kinds = pytest.mark.parametrize("kind", ["plain", *VERSIONS])


# The handshake


@both_versions
def test_version_and_cipher_are_known_after_the_handshake(version: str) -> None:
    context = server_context(version=VERSIONS[version])
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        assert (stream.version, stream.cipher) == (None, None)
        peer = Peer(server, context)
        shake_hands(stream, client, peer)
        assert stream.version == version == peer.tls.version()
        cipher = peer.tls.cipher()
        assert cipher is not None
        if version == "TLSv1.3":  # whose names OpenSSL has from IANA's registry too
            assert stream.cipher == cipher[0]
        else:
            assert re.fullmatch(r"TLS_ECDHE_(RSA|ECDSA)_WITH_\w+", stream.cipher or "")
        assert stream.handshake()


def test_handshake_that_stalls_is_incomplete_and_nothing_else() -> None:
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        assert [stream.handshake() for _ in range(3)] == [False] * 3
        for use in (lambda: stream.recv_into(bytearray(10)), lambda: stream.write(b"early")):
            with pytest.raises(ValueError, match="handshake is not complete"):
                use()
        assert not stream.pending
        assert stream.flush() == 0
        # One hello was sent, once: a record of type 22 (RFC 8446, section 5.1).
        hello = server.recv(ROOM)
        assert hello[0] == 22
        assert len(hello) == 5 + int.from_bytes(hello[3:5], "big")


@pytest.mark.parametrize("name", ["127.0.0.1", "::1", NAME, NAME.upper()])
def test_server_is_named_by_dns_name_or_address(name: str) -> None:
    with established(name=name) as (stream, client, peer):
        peer.send(peer.encrypt(b"welcome"))
        assert receive(stream, client) == b"welcome"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_connection_by_ipv6() -> None:
    try:
        pair = socket_pair(socket.AF_INET6)
        client, server = pair.__enter__()
    except OSError:
        pytest.skip("no IPv6")
    with client, server:
        peer = Peer(server, server_context())
        stream = config().stream(client.fileno(), "::1")
        shake_hands(stream, client, peer)
        stream.write(b"hello")
        assert peer.read(5) == b"hello"


@pytest.mark.parametrize("name", ["", "two words", "a" * 300, "[::1]", "host:443"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="DNS name or an IP address"):
        config().stream(0, name)


def test_certificates_that_cannot_be_read_are_left_out() -> None:
    settings = TlsConfig([b"junk", der(authority()), b""])
    with established(settings=settings) as (stream, _, _):
        assert stream.version == "TLSv1.3"


@pytest.mark.parametrize("roots", [[], [b"junk"], [b"", b"0\x82"]])
def test_settings_need_one_authority(roots: list[bytes]) -> None:
    with pytest.raises(ValueError, match=f"no authority .* among {len(roots)} certificates"):
        TlsConfig(roots)


def test_sessions_are_resumed() -> None:
    context, settings = server_context(), TlsConfig([der(authority())])
    reused = []
    for _ in range(2):
        with established(context, settings=settings) as (stream, client, peer):
            peer.send(peer.encrypt(b"x"))  # after the tickets
            assert receive(stream, client) == b"x"
            reused.append(peer.tls.session_reused)
    assert reused == [False, True]


def test_protocol_is_http() -> None:
    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with established(context) as (_, _, peer):
        assert peer.tls.selected_alpn_protocol() == "http/1.1"


def self_signed() -> ssl.SSLContext:
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with ca.cert_pem.tempfile() as certificate, ca.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


def expired() -> ssl.SSLContext:
    return server_context(not_after=datetime.now(UTC) - timedelta(days=1))


@both_versions
@pytest.mark.parametrize(
    ("context", "name", "reason"),
    [
        pytest.param(server_context, "other.test", "not valid for name", id="name"),
        pytest.param(server_context, "127.0.0.2", "not valid for name", id="address"),
        pytest.param(expired, NAME, "expired", id="expired"),
        pytest.param(
            lambda: server_context(ca=trustme.CA()), NAME, "UnknownIssuer", id="authority"
        ),
        pytest.param(self_signed, NAME, "UnknownIssuer|CaUsedAsEndEntity", id="self-signed"),
    ],
)
def test_untrusted_certificate_is_refused(
    context: Any, name: str, reason: str, version: str
) -> None:
    settings = context()
    settings.minimum_version = settings.maximum_version = VERSIONS[version]
    with socket_pair() as (client, server):
        peer, stream = Peer(server, settings), config().stream(client.fileno(), name)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason) as caught:
            shake_hands(stream, client, peer)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            stream.handshake()
        assert_final(stream, caught.value)
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            stream.write(b"secret")
        # The server is told by an alert.
        with pytest.raises(ssl.SSLError, match="ALERT"):
            peer.answer()


def test_servers_alert_is_named() -> None:
    context = server_context(version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES256-GCM-SHA384")  # without forward secrecy, which no client should use
    with socket_pair() as (client, server):
        peer, stream = Peer(server, context), config().stream(client.fileno(), NAME)
        stream.handshake()
        with pytest.raises(ssl.SSLError):
            peer.answer()
        wait_readable(client)
        with pytest.raises(ssl.SSLError, match="HandshakeFailure"):
            stream.handshake()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff", bytes(100)]
)
def test_server_that_speaks_no_tls(answer: bytes) -> None:
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        stream.handshake()
        server.send(answer)
        wait_readable(client)
        with pytest.raises(ssl.SSLError, match=r"invalid|corrupt|message") as caught:
            stream.handshake()
        assert not isinstance(caught.value, ssl.SSLCertVerificationError | ssl.SSLEOFError)


def test_data_that_follows_the_handshake_at_once_is_pending() -> None:
    # In TLS 1.2 the server completes the handshake (RFC 5246, section 7.3).
    context = server_context(version=ssl.TLSVersion.TLSv1_2)
    with socket_pair() as (client, server):
        peer, stream = Peer(server, context), config().stream(client.fileno(), NAME)
        stream.handshake()
        assert not peer.answer()
        wait_readable(client)
        stream.handshake()
        peer.receive()
        peer.tls.do_handshake()
        peer.tls.write(noise(3 * RECORD))
        peer.send()
        wait_readable(client)
        assert stream.handshake()
        assert stream.pending
        assert receive_all(stream, client, 3 * RECORD, RECORD // 2) == noise(3 * RECORD)


def test_reset_in_the_handshake_is_no_error_of_tls() -> None:
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        stream.handshake()
        reset(server)
        wait_readable(client)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                stream.handshake()


def test_server_that_closes_in_the_handshake() -> None:
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        stream.handshake()
        server.recv(ROOM)
        server.close()
        wait_readable(client)
        for _ in range(2):
            with pytest.raises(ssl.SSLEOFError, match="before the TLS handshake was complete"):
                stream.handshake()


# Data


@all_kinds
@pytest.mark.parametrize("room", [1, 999, RECORD, ROOM])
@pytest.mark.parametrize("size", [1, RECORD, RECORD + 1, 1 << 20])
def test_data_arrives_as_sent(kind: str, size: int, room: int) -> None:
    if room == 1:
        size = min(size, RECORD + 1)
    data, received, done = noise(size), b"", threading.Event()
    with streaming(kind) as (stream, client, peer):

        def serve() -> None:
            peer.send(peer.encrypt(data))
            done.set()

        thread = threading.Thread(target=serve)
        thread.start()
        received = receive_all(stream, client, size, room)
        thread.join()
        assert done.is_set()
        assert not stream.pending
    assert digest(received) == digest(data)


@both_versions
def test_part_of_a_record_never_shows(version: str) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        ciphertext = peer.encrypt(noise(300))
        for byte in ciphertext[:-1]:
            peer.send(bytes([byte]))
            wait_readable(client)
            with pytest.raises(BlockingIOError) as caught:
                stream.recv_into(bytearray(ROOM))
            assert caught.value.errno == errno.EAGAIN
            assert caught.value.strerror == os.strerror(errno.EAGAIN)
            assert not stream.pending
        peer.send(ciphertext[-1:])
        assert receive(stream, client) == noise(300)


@both_versions
def test_records_of_one_read_are_returned_together(version: str) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        peer.send(b"".join(peer.encrypt(bytes([number]) * 300) for number in range(32)))
        assert receive_all(stream, client, 32 * 300) == b"".join(
            bytes([number]) * 300 for number in range(32)
        )


@all_kinds
def test_rest_stays_for_the_next_read(kind: str) -> None:
    with streaming(kind) as (stream, client, peer):
        peer.send(peer.encrypt(b"0123456789"))
        assert receive(stream, client, 4) == b"0123"
        assert stream.pending == (kind != "plain")  # the kernel keeps the rest of a plain stream
        assert receive(stream, client, 4) == b"4567"
        assert receive(stream, client, 4) == b"89"
        assert not stream.pending


@all_kinds
def test_nothing_to_read(kind: str) -> None:
    with streaming(kind) as (stream, client, peer):
        if kind == "TLSv1.3":
            wait_readable(client)
            take_tickets(stream)
        for _ in range(3):
            with pytest.raises(BlockingIOError):
                stream.recv_into(bytearray(10))
        peer.send(peer.encrypt(b"data"))
        assert receive(stream, client) == b"data"


@all_kinds
def test_what_a_slow_reader_leaves_waits(kind: str) -> None:
    sent, received = noise(1 << 20), bytearray()
    with streaming(kind) as (stream, client, peer):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        waiting = stream.write(sent[: 1 << 19])
        assert 0 < waiting <= 1.01 * (1 << 19)
        more = stream.write(sent[1 << 19 :])
        assert waiting < more <= 1.01 * (1 << 20)
        reader = threading.Thread(target=lambda: received.extend(peer.read(len(sent))))
        reader.start()
        while left := stream.flush():
            assert left <= more
            more = left
            select.select([], [client], [], PATIENCE)
        reader.join()
        assert digest(bytes(received)) == digest(sent)


@all_kinds
def test_both_directions_at_once(kind: str) -> None:
    data, received = noise(1 << 20), bytearray()
    with streaming(kind) as (stream, client, peer):
        answer = peer.encrypt(data)
        reader = threading.Thread(target=lambda: received.extend(peer.read(len(data))))
        writer = threading.Thread(target=lambda: peer.send(answer))
        for thread in (reader, writer):
            thread.start()
        stream.write(data)
        assert digest(receive_all(stream, client, len(data), 10_000)) == digest(data)
        while stream.flush():
            select.select([], [client], [], PATIENCE)
        for thread in (reader, writer):
            thread.join()
        assert digest(bytes(received)) == digest(data)


@all_kinds
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_any_contiguous_buffer_is_written(kind: str, make: Any) -> None:
    with streaming(kind) as (stream, _, peer):
        assert stream.write(make(b"")) == 0
        assert stream.write(make(b"message")) == 0
        assert peer.read(7) == b"message"
        for wrong in ("text", 1, None):
            with pytest.raises(TypeError):
                stream.write(wrong)
        with pytest.raises(BufferError, match="contiguous"):
            stream.write(memoryview(b"message")[::2])


@all_kinds
def test_buffer_must_be_writable_contiguous_and_not_empty(kind: str) -> None:
    with streaming(kind) as (stream, client, peer):
        for buffer, error in (
            (b"0123456789", TypeError),
            (memoryview(bytearray(10))[::2], BufferError),
            (bytearray(), ValueError),
            ("text", TypeError),
        ):
            with pytest.raises(error):
                stream.recv_into(buffer)
        buffer = bytearray(b"..........")
        view = memoryview(buffer)[3:7]
        if kind == "TLSv1.3":
            wait_readable(client)
            take_tickets(stream)
        peer.send(peer.encrypt(b"data"))
        wait_readable(client)
        assert stream.recv_into(view) == 4
        assert buffer == b"...data..."


@all_kinds
def test_threads_may_share_a_stream(kind: str) -> None:
    messages = [bytes([number]) * 1000 for number in range(4)]
    with streaming(kind) as (stream, client, peer):
        threads = [
            threading.Thread(target=lambda text=text: [stream.write(text) for _ in range(200)])
            for text in messages
        ]
        for thread in threads:
            thread.start()
        data = peer.read(4 * 200 * 1000)
        for thread in threads:
            thread.join()
        assert stream.flush() == 0
        parts = [data[start : start + 1000] for start in range(0, len(data), 1000)]
        assert sorted(parts) == sorted(messages * 200)
        peer.send(peer.encrypt(b"still here"))
        assert receive(stream, client) == b"still here"


# The end


@both_versions
def test_server_closes_properly(version: str) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        peer.tls.write(b"last words")
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.unwrap()  # sends close_notify and waits for ours
        peer.send()
        peer.sock.shutdown(socket.SHUT_WR)
        assert receive(stream, client) == b"last words"
        assert receive(stream, client) == b""
        assert (stream.recv_into(bytearray(10)), stream.is_truncated) == (0, False)
        stream.close_write()
        peer.receive()
        peer.tls.unwrap()  # complete: ours has come


def test_known_end_is_pending_until_it_was_read() -> None:
    with established() as (stream, client, peer):
        peer.tls.write(b"last words")
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.unwrap()
        peer.send()  # and the TCP connection stays open: waiting for it would be for ever
        assert receive(stream, client) == b"last words"
        assert stream.pending
        assert stream.recv_into(bytearray(10)) == 0
        assert not stream.pending


def test_client_closes_its_side_only() -> None:
    with established() as (stream, client, peer):
        stream.write(b"last words")
        stream.close_write()
        stream.close_write()
        assert peer.read(10) == b"last words"
        assert peer.tls.read(10) == b""
        peer.send(peer.encrypt(b"more"))
        assert receive(stream, client) == b"more"
        with pytest.raises(ssl.SSLZeroReturnError, match="closed for writing"):
            stream.write(b"too late")


def test_close_in_the_handshake_or_without_connection_does_nothing() -> None:
    with socket_pair() as (client, server):
        stream = config().stream(client.fileno(), NAME)
        stream.handshake()
        server.close()
        stream.close_write()
        stream.close_write()
    with socket_pair() as (client, _):
        plain = PlainStream(client.fileno())
        plain.close_write()
        assert plain.write(b"still open") == 0
        assert plain.handshake()


@both_versions
@pytest.mark.parametrize("cut", [0, 1, 4, 5, 100, 299])
def test_truncation_is_told_from_an_end(version: str, cut: int) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        peer.send(peer.encrypt(b"whole") + peer.encrypt(noise(300))[:cut])
        peer.sock.shutdown(socket.SHUT_WR)
        assert receive(stream, client) == b"whole"
        assert not stream.is_truncated
        assert receive(stream, client) == b""
        assert stream.is_truncated
        assert stream.recv_into(bytearray(10)) == 0


def test_end_of_a_plain_stream() -> None:
    with streaming("plain") as (stream, client, peer):
        peer.send(b"last words")
        peer.sock.close()
        assert receive(stream, client) == b"last words"
        assert receive(stream, client) == b""
        assert stream.recv_into(bytearray(10)) == 0


@all_kinds
def test_reset_connection_raises_what_python_raises(kind: str) -> None:
    with streaming(kind) as (stream, client, peer):
        reset(peer.sock)
        error = read_error(stream, client)
        assert isinstance(error, ConnectionResetError)
        assert error.errno == errno.ECONNRESET
        assert_final(stream, error)
        with pytest.raises((BrokenPipeError, ConnectionResetError)) as caught:
            stream.write(b"message")
        for again in (stream.flush, lambda: stream.write(b"message")):
            with pytest.raises(type(caught.value)):
                again()
        stream.close_write()


def test_socket_that_is_closed() -> None:
    with socket_pair() as (client, _):
        stream = PlainStream(client.fileno())
        client.close()
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)) as caught:
            stream.recv_into(bytearray(10))
        assert caught.value.errno == errno.EBADF


# Attacks and accidents


@both_versions
def test_data_before_a_bad_record_is_returned_first(version: str) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        good, bad = peer.encrypt(b"good"), bytearray(peer.encrypt(b"bad"))
        bad[-1] ^= 1
        peer.send(good + bad + peer.encrypt(b"after"))
        assert receive(stream, client) == b"good"
        assert stream.pending
        with pytest.raises(ssl.SSLError, match="decrypt") as caught:
            stream.recv_into(bytearray(ROOM))
        assert not stream.pending
        assert_final(stream, caught.value)
        with pytest.raises(ssl.SSLError, match="decrypt"):
            stream.write(b"message")
        with pytest.raises(ssl.SSLError, match="BAD_RECORD_MAC"):
            peer.read(1)


@both_versions
def test_fatal_alert_is_named_after_the_data_before_it(version: str) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        peer.send(peer.encrypt(b"data"))
        client.send(b"\x17\x03\x03\x00\x30" + bytes(48))  # a record that cannot be decrypted
        with pytest.raises(ssl.SSLError):
            peer.read(1)
        peer.send()
        assert receive(stream, client) == b"data"
        error = read_error(stream, client)
        assert isinstance(error, ssl.SSLError)
        assert "BadRecordMac" in str(error)
        assert_final(stream, error)


@both_versions
@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"\x17\x03\x03\xff\xff", id="length"),
        pytest.param(b"\x17\x03\x03\x41\x01" + bytes(0x4101), id="too-long"),
        pytest.param(b"\x17\x03\x03\x00\x00", id="empty"),
        pytest.param(b"\x63\x03\x03\x00\x10" + bytes(16), id="type"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x28", id="plain-alert"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="text"),
    ],
)
def test_record_that_is_none(version: str, record: bytes) -> None:
    with established(server_context(version=VERSIONS[version])) as (stream, client, peer):
        peer.send(peer.encrypt(b"data") + record)
        assert receive(stream, client) == b"data"
        error = read_error(stream, client)
        assert isinstance(error, ssl.SSLError)
        assert_final(stream, error)


def corrupted(chance: random.Random, data: bytes) -> bytes:
    """Return the bytes with one or more changes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 5))):
        at = chance.randrange(len(changed))
        match chance.randrange(5):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at:at] = chance.randbytes(chance.randrange(1, 50))
            case 2:
                del changed[at : at + chance.randrange(1, 50)]
            case 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 500)]
            case _:
                changed[at:] = chance.randbytes(len(changed) - at)
        changed = changed or bytearray(1)
    return bytes(changed)


@both_versions
@pytest.mark.parametrize("seed", range(5))
def test_no_corruption_shows_data_that_was_not_sent(version: str, seed: int) -> None:
    chance, context = random.Random(seed), server_context(version=VERSIONS[version])
    for _ in range(20):
        with established(context) as (stream, client, peer):
            data = noise(chance.randrange(1, 3000))
            size = chance.randrange(1, 1000)
            parts = [data[start : start + size] for start in range(0, len(data), size)]
            peer.send(corrupted(chance, b"".join(map(peer.encrypt, parts))))
            peer.sock.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while part := receive(stream, client, chance.choice((7, ROOM))):
                    received += part
            except ssl.SSLError as error:
                assert_final(stream, error)
            assert data.startswith(received)


@both_versions
@pytest.mark.parametrize("seed", range(5))
def test_no_corruption_of_the_handshake_goes_unnoticed(version: str, seed: int) -> None:
    chance, context = random.Random(seed), server_context(version=VERSIONS[version])
    for _ in range(20):
        with socket_pair() as (client, server):
            peer, stream = Peer(server, context), config().stream(client.fileno(), NAME)
            stream.handshake()
            peer.receive()
            with pytest.raises(ssl.SSLWantReadError):
                peer.tls.do_handshake()
            flight = peer.outgoing.read()
            changed = corrupted(chance, flight)
            if changed.startswith(flight):
                continue
            peer.send(changed)
            peer.sock.shutdown(socket.SHUT_WR)
            with pytest.raises(ssl.SSLError):
                finish(stream, client)


def test_arbitrary_bytes_instead_of_a_server() -> None:
    chance = random.Random(0)
    for _ in range(300):
        with socket_pair() as (client, server):
            stream = config().stream(client.fileno(), NAME)
            stream.handshake()
            kind = chance.choice((20, 21, 22, 23))
            size = chance.randrange(1, 500)
            header = struct.pack(">BHH", kind, 0x0303, size) if chance.random() < 0.8 else b""
            server.send(header + chance.randbytes(size))
            server.shutdown(socket.SHUT_WR)
            with pytest.raises(ssl.SSLError):
                finish(stream, client)


# Keys that change


def has_command_line() -> bool:
    if shutil.which("openssl") is None:
        return False
    version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False)
    return version.stdout.startswith("OpenSSL 3.")


class CommandLineServer:
    """`openssl s_server`, which changes keys on command."""

    def __init__(self, folder: Path, *options: str) -> None:
        certificate = folder / "certificate.pem"
        authority().issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate)]
        self.process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    @property
    def port(self) -> int:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.match(r"ACCEPT .*:(\d+)$", line):
                return int(found[1])
        raise AssertionError("the server did not start")

    def command(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.skipif(not has_command_line(), reason="no command line of OpenSSL 3")
def test_data_goes_on_under_new_keys(tmp_path: Path) -> None:
    server = CommandLineServer(tmp_path, "-tls1_3")
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setblocking(False)
            stream = config().stream(client.fileno(), NAME)
            finish(stream, client)
            server.command("begin")
            assert receive(stream, client) == b"begin\n"
            for number in range(3):
                server.command("K")  # new keys of the server's, and it asks for ours
                wait_readable(client)
                with pytest.raises(BlockingIOError):
                    stream.recv_into(bytearray(ROOM))
                server.command(f"from the server {number}")
                assert receive(stream, client) == f"from the server {number}\n".encode()
                assert stream.write(f"from the client {number}\n".encode()) == 0
            lines = iter(server.process.stdout or ())
            for number in range(3):
                assert f"from the client {number}\n" in lines
    finally:
        server.stop()


# Options of the socket


@on_linux
@all_kinds
def test_kernel_stamps_what_is_received(kind: str) -> None:
    with socket_pair() as (client, server):
        stream: Any
        peer: Any
        if kind == "plain":
            stream, peer = PlainStream(client.fileno(), stamps=True), PlainPeer(server)
        else:
            peer = Peer(server, server_context(version=VERSIONS[kind]))
            stream = config().stream(client.fileno(), NAME, stamps=True)
            shake_hands(stream, client, peer)
        # Stamping begins some time after the first socket asks for it.
        for _ in range(1000):
            before = time.time_ns()
            peer.send(peer.encrypt(b"0123456789"))
            assert receive_all(stream, client, 10) == b"0123456789"
            after = time.time_ns()
            if stream.received_ns:
                break
        assert before <= stream.received_ns <= after
        stamp = stream.received_ns
        with pytest.raises(BlockingIOError):
            stream.recv_into(bytearray(10))
        peer.sock.shutdown(socket.SHUT_WR)
        assert receive(stream, client) == b""
        assert stream.received_ns == stamp


@all_kinds
def test_without_stamps_there_is_none(kind: str) -> None:
    with streaming(kind) as (stream, client, peer):
        peer.send(peer.encrypt(b"data"))
        assert receive(stream, client) == b"data"
        assert stream.received_ns == 0


@on_linux
@pytest.mark.parametrize("quickack", [True, False])
@all_kinds
def test_acknowledging_at_once_is_armed_again_by_each_read(kind: str, quickack: bool) -> None:
    with socket_pair() as (client, server):
        stream: Any
        peer: Any
        if kind == "plain":
            stream, peer = PlainStream(client.fileno(), quickack=quickack), PlainPeer(server)
        else:
            peer = Peer(server, server_context(version=VERSIONS[kind]))
            stream = config().stream(client.fileno(), NAME, quickack=quickack)
            shake_hands(stream, client, peer)
        for _ in range(3):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            peer.send(peer.encrypt(b"data"))
            assert receive(stream, client) == b"data"
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == quickack


@on_linux
def test_options_that_a_socket_has_not_are_left_out() -> None:
    client, server = socket.socketpair()  # of the Unix family
    with client, server:
        client.setblocking(False)
        stream = PlainStream(client.fileno(), quickack=True, stamps=True)
        for _ in range(2):
            server.send(b"data")
            assert receive(stream, client) == b"data"
