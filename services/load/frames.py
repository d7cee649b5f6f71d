"""WebSocket framing (RFC 6455) for thousands of clients in one process: of a frame, only its head is kept.

A server's frames are neither masked nor, by what protocol 1 says, cut into pieces.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from secrets import token_bytes
from typing import NamedTuple

from schemas.widget import SUBPROTOCOL


CONTINUED, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Kinds of frames: their opcodes."""
HEAD_BYTES = 400
"""What is kept of a frame that is only measured: all up to `received_ms` is in there."""

_FINAL, _MASKED, _OPCODE, _LENGTH = 0x80, 0x80, 0x0F, 0x7F
_SHORT, _MEDIUM, _LONG = 125, 126, 127
_KEY = "bWVzaCBsb2FkIGNsaWVudA=="
"""The same for all: it proves to a client that no cache answers, and there is none on the way."""
_ACCEPT = b64encode(sha1(f"{_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())  # noqa: S324 (as the protocol has it)

OnFrame = Callable[[int, bytes, int], None]
"""Is given the opcode of a frame that has arrived whole, its first bytes, and its length in bytes."""


class FramingError(Exception):
    """The server sent what is no frame of a server, or a piece of one."""


def handshake(host: str, path: str, token: str | None) -> bytes:
    """The request that opens a connection; *host* as in the address, with the port."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def refusal(answer: bytes) -> str | None:
    """Why *answer*, up to the empty line, is not the one to `handshake`: its status; None if it is."""
    status, _, rest = answer.partition(b"\r\n")
    if not status.startswith(b"HTTP/1.1 101"):
        return (
            f"http {status.split(b' ')[1].decode(errors='replace')}"
            if b" " in status
            else "no http"
        )
    return None if _ACCEPT in rest else "no websocket"


def client_frame(payload: bytes, opcode: int = TEXT, *, final: bool = True) -> bytes:
    """*payload* as a client sends it: masked."""
    length = len(payload)
    first = opcode | (_FINAL if final else 0)
    if length <= _SHORT:
        head = bytes((first, _MASKED | length))
    elif length < 1 << 16:
        head = bytes((first, _MASKED | _MEDIUM)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, _MASKED | _LONG)) + length.to_bytes(8, "big")
    mask = token_bytes(4)
    repeated = (mask * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + masked.to_bytes(length, "big")


class FrameReader:
    """Cuts what a server sends into frames.

    Args:
        on_frame: is called for each frame when all of it has arrived.
        keep: bytes of a payload that are kept for it; None: all.
    """

    __slots__ = (
        "_head",
        "_is_inside",
        "_keep",
        "_left",
        "_length",
        "_on_frame",
        "_opcode",
        "_waiting",
    )

    def __init__(self, on_frame: OnFrame, keep: int | None = HEAD_BYTES) -> None:
        self._on_frame = on_frame
        self._keep = 1 << 62 if keep is None else keep
        self._waiting = b""
        """Of a frame's first bytes, those that came without the others."""
        self._is_inside = False
        self._opcode = self._length = self._left = 0
        self._head = b""

    def feed(self, data: bytes) -> None:
        """Take what has arrived.

        Raises:
            FramingError: it is nothing that a server sends; nothing can be read after that.
        """
        if self._waiting:
            data, self._waiting = self._waiting + data, b""
        at, end = 0, len(data)
        while True:
            if not self._is_inside:
                start = self._begin(data, at, end)
                if not start:
                    self._waiting = data[at:]
                    return
                at = start
            taken = min(self._left, end - at)
            lacking = self._keep - len(self._head)
            if lacking > 0 and taken:
                self._head += data[at : at + min(taken, lacking)]
            at += taken
            self._left -= taken
            if self._left:
                return
            self._is_inside = False
            self._on_frame(self._opcode, self._head, self._length)

    def _begin(self, data: bytes, at: int, end: int) -> int:
        """Read the first bytes of a frame; where its payload begins, 0 if they are not all there."""
        start = at + 2
        if start > end:
            return 0
        first, second = data[at], data[at + 1]
        if not first & _FINAL or not first & _OPCODE or second & _MASKED:
            raise FramingError(f"a frame of a server cannot begin with {data[at:start].hex()}")
        length = second & _LENGTH
        if length > _SHORT:
            more = 2 if length == _MEDIUM else 8
            if start + more > end:
                return 0
            length = int.from_bytes(data[start : start + more], "big")
            start += more
        self._opcode, self._length, self._left = first & _OPCODE, length, length
        self._head, self._is_inside = b"", True
        return start


class DeltaHead(NamedTuple):
    """The beginning of a delta."""

    after: int
    seq: int
    received_ms: float


class SnapHead(NamedTuple):
    """The beginning of a snap."""

    epoch: str
    seq: int


_DELTA = re.compile(rb'{"type":"delta","id":\d+,"after":(\d+),"seq":(\d+),"received_ms":([^,]+),')
_SNAP = re.compile(rb'{"type":"snap","id":\d+,"feed":"[^"]*","epoch":"([^"]*)","seq":(\d+),')
_TYPE = re.compile(rb'{"type":"(\w+)"')


def delta_head(head: bytes) -> DeltaHead | None:
    """What a delta begins with, by the order of its fields; None if it is another frame."""
    found = _DELTA.match(head)
    return found and DeltaHead(int(found[1]), int(found[2]), float(found[3]))


def snap_head(head: bytes) -> SnapHead | None:
    """What a snap begins with; None if it is another frame."""
    found = _SNAP.match(head)
    return found and SnapHead(found[1].decode(), int(found[2]))


def type_of(head: bytes) -> str:
    """The type of a frame; empty if it has none."""
    found = _TYPE.match(head)
    return found[1].decode() if found else ""
