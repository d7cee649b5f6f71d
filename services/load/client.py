"""A client that only measures: one subscription, of whose frames it reads no more than the head."""

import asyncio
import sys
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast
from urllib.parse import urlsplit

from mesh import clock
from mesh.errors import FatalError
from schemas.widget import Subscribe, View
from schemas.wire import encode_json
from services.load.frames import (
    CLOSE,
    HEAD_BYTES,
    PING,
    PONG,
    TEXT,
    DeltaHead,
    FrameReader,
    FramingError,
    SnapHead,
    client_frame,
    delta_head,
    handshake,
    refusal,
    snap_head,
    type_of,
)
from services.load.tally import Tally
from services.load.views import FEED


SUBSCRIPTION = 1
"""The number of the one subscription that a client has."""

TokenOf = Callable[[str], str | None]
"""The token of a user; None: it has none."""

_FEED_NAME = encode_json(FEED)
_END = b"\r\n\r\n"
_MOST_ANSWER_BYTES = 16 * 1024


class Door(NamedTuple):
    """Where the service is, and what a client says to be let in."""

    host: str
    port: int
    path: str
    token_of: TokenOf

    def request(self, user: str) -> bytes:
        """What *user* begins with."""
        return handshake(f"{self.host}:{self.port}", self.path, self.token_of(user))

    def source(self, network: int, number: int) -> tuple[str, int] | None:
        """The address that a client connects from: one of its own, if that can be had.

        All 127.0.0.0/8 is this machine, so that clients of a service here are as many addresses as
        they are; those of one *network* (1 to 255) are 65,536.
        """
        if sys.platform != "linux" or self.host != "127.0.0.1":
            return None
        return f"127.{network}.{number >> 8 & 255}.{number & 255}", 0


def door(url: str, token_of: TokenOf) -> Door:
    """The door at *url*. Raises FatalError if that is no address of plain WebSocket."""
    parts = urlsplit(url)
    if parts.scheme != "ws" or not parts.hostname:
        raise FatalError(f"--url must be as ws://127.0.0.1:8080/ws, was {url!r}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    return Door(host, parts.port or 80, parts.path or "/", token_of)


class Listening(Protocol):
    """Whoever runs clients."""

    def on_live(self, client: "Client") -> None:
        """The client has its first table on this connection."""

    def on_lost(self, client: "Client", code: str | None, *, was_live: bool) -> None:
        """The connection has ended, by *code*; None: as it was asked to."""


class Client(asyncio.Protocol):
    """One connection after another, each going on from where the last one ended.

    Args:
        number: of the client, from 0.
        at: where the service is.
        view: what is subscribed to; None: nothing.
        tally: of all clients.
        run_by: is told of its state.
        witness: is given every table frame, whole.
    """

    def __init__(
        self,
        number: int,
        at: Door,
        view: View | None,
        tally: Tally,
        run_by: Listening,
        witness: Callable[[bytes], None] | None = None,
    ) -> None:
        self.number = number
        self.is_live = False
        self._request = at.request(f"load-{number}")
        self._view = view
        self._is_plain = view is not None and view == View(hz=view.hz)
        self._tally = tally
        self._run_by = run_by
        self._witness = witness
        self._keep = None if witness is not None else HEAD_BYTES
        self._epoch: str | None = None
        self._seq: int | None = None
        self._is_astray = self._is_resuming = self._is_leaving = self._is_refused = False
        self._code: str | None = None
        self._answer = b""
        self._arrived_ms = 0.0
        self._reader: FrameReader | None = None
        self._transport: asyncio.Transport | None = None

    def drop(self) -> None:
        """End the connection without a word."""
        self._is_leaving = True
        if self._transport is not None:
            self._transport.abort()

    def begin_anew(self) -> None:
        """Ask for the whole table again: the one that the frames have made is wrong."""
        self._epoch = self._seq = None
        self._is_astray = True
        self._subscribe()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Ask to be let in."""
        self._transport = cast("asyncio.Transport", transport)
        self._reader, self._answer, self._code = None, b"", "lost"
        self._is_astray = self._is_leaving = False
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Say so."""
        del exc
        was_live, self._transport, self.is_live = self.is_live, None, False
        self._run_by.on_lost(self, None if self._is_leaving else self._code, was_live=was_live)

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Measure: nothing else is done for most frames."""
        if self._reader is None:
            data = self._on_answer(data)
        self._arrived_ms = clock.now_ms()
        try:
            if self._reader is not None:
                self._reader.feed(data)
        except FramingError:
            self._end("malformed")

    def _on_answer(self, data: bytes) -> bytes:
        """Read the answer to the handshake; what came after it."""
        answer, end, rest = (self._answer + data).partition(_END)
        self._answer = answer
        if not end:
            if len(answer) > _MOST_ANSWER_BYTES:
                self._end("no http")
            return b""
        refused = refusal(answer)
        if refused is not None:
            self._end(refused)
            return b""
        self._reader = FrameReader(self._on_frame, self._keep)
        self._subscribe()
        return rest

    def _subscribe(self) -> None:
        """Begin, or go on after the last frame."""
        if self._view is not None:
            self._is_refused = False
            self._is_resuming = self._seq is not None
            self._send(
                encode_json(Subscribe(SUBSCRIPTION, FEED, self._view, self._epoch, self._seq))
            )

    def _on_frame(self, opcode: int, head: bytes, length: int) -> None:
        if opcode == TEXT:
            delta = delta_head(head)
            if delta is not None:
                self._on_delta(delta, length)
            elif (snap := snap_head(head)) is not None:
                self._on_snap(snap)
            else:
                self._on_other(head)
                return
            if self._witness is not None:
                self._witness(head)
        elif opcode == PING:
            self._send(head, PONG)
        elif opcode == CLOSE:
            self._send(head[:2], CLOSE)
            self._end(str(int.from_bytes(head[:2], "big") or 1005))

    def _on_delta(self, delta: DeltaHead, length: int) -> None:
        if delta.after != self._seq:
            if not self._is_astray:
                self._is_astray = True
                self._tally.gaps += 1
                self._subscribe()
            return
        self._is_astray = False
        self._seq = delta.seq
        self._tally.recoveries += self._is_resuming
        self._become_live()
        self._tally.on_delta(length, delta.received_ms, self._arrived_ms, is_plain=self._is_plain)

    def _on_snap(self, snap: SnapHead) -> None:
        self._is_astray = False
        self._epoch, self._seq = snap
        self._tally.on_snap()
        self._become_live()

    def _on_other(self, head: bytes) -> None:
        kind = type_of(head)
        if kind == "lag":
            self._tally.lagged += b'"hz":null' not in head
        elif kind == "error":
            self._tally.errors[head.decode(errors="replace")] += 1
            self._is_refused = not self.is_live
        elif kind == "feeds" and self._is_refused and _FEED_NAME in head:
            self._subscribe()
        elif kind == "hello" and self._view is None:
            self._become_live()

    def _become_live(self) -> None:
        self._is_resuming = False
        if not self.is_live:
            self.is_live = True
            self._run_by.on_live(self)

    def _end(self, code: str) -> None:
        self._code = code
        if self._transport is not None:
            self._transport.close()

    def _send(self, payload: bytes, opcode: int = TEXT) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(payload, opcode))
