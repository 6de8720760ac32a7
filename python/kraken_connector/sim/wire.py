"""Faults on frames and bytes."""

from __future__ import annotations

import zlib
from itertools import pairwise

from websockets.frames import Frame, Opcode

from .rules import Act
from .session import Session
from .writer import Outgoing

#: The bit of a frame's first byte that marks a compressed payload (RFC 7692).
_COMPRESSED = 0x40


def frame(payload: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """Return the bytes of one frame of a server."""
    return Frame(opcode, payload, fin=fin).serialize(mask=False)


def head(size: int) -> bytes:
    """Return the head of a text frame of `size` bytes."""
    return bytes([0x81, 127]) + size.to_bytes(8)


def stall(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send half of the frame, and nothing more."""
    session.connection.send_bytes(_half(message))
    session.connection.fall_silent()
    return []


def cut(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send half of the frame, and close the TCP connection."""
    session.connection.send_bytes(_half(message))
    session.connection.hang_up()
    return []


def dribble(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the frame one byte at a time."""
    for byte in frame(message.payload):
        session.connection.send_bytes(bytes([byte]))
    return []


def fragment(parts: int) -> Act[Outgoing]:
    """Send the message in `parts` fragments."""

    def act(session: Session, message: Outgoing) -> list[Outgoing]:
        payload = message.payload
        cuts = [len(payload) * number // parts for number in range(parts + 1)]
        for number, (start, end) in enumerate(pairwise(cuts)):
            opcode = Opcode.CONT if number else Opcode.TEXT
            last = number == parts - 1
            session.connection.send_bytes(frame(payload[start:end], opcode, fin=last))
        return []

    return act


def binary(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message in a binary frame."""
    session.connection.send_bytes(frame(message.payload, Opcode.BINARY))
    return []


def compress(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message compressed, although the handshake did not negotiate compression."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    payload = packer.compress(message.payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    plain = frame(payload.removesuffix(b"\0\0\xff\xff"))
    session.connection.send_bytes(bytes([plain[0] | _COMPRESSED]) + plain[1:])
    return []


def _half(message: Outgoing) -> bytes:
    whole = frame(message.payload)
    return whole[: len(whole) // 2]
