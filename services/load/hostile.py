"""Clients that a service must survive: some never read, some attack."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import NamedTuple, cast

from schemas.widget import MAX_CLIENT_FRAME_BYTES, Ping, Subscribe, View
from schemas.wire import encode_json
from services.load.client import SUBSCRIPTION, Door
from services.load.frames import (
    BINARY,
    CLOSE,
    CONTINUED,
    TEXT,
    FrameReader,
    FramingError,
    client_frame,
    refusal,
)
from services.load.tally import Tally
from services.load.views import FEED


_ATTACKERS, _STALLED = 2, 3
"""Networks that they come from: none of the measuring clients shares an address with them."""
_RECEIVE_BYTES = 4096
"""Room for what a stalled client does not read: the kernel takes its least, a few kilobytes."""
_PAUSE_S = 0.05
_PATIENCE_S = 15.0
"""A service that bears an attack for so long is attacked in another way."""
_BURST = 200


class Attack(NamedTuple):
    """What a hostile client does: the same again and again, until the connection ends."""

    name: str
    opens: bool
    """Whether it opens a WebSocket first."""
    chunk: bytes
    first: bytes = b""
    """Is sent once, before."""


def _subscribe(number: int, feed: str, where: str) -> bytes:
    return client_frame(encode_json(Subscribe(number, feed, View(where=where))))


ATTACKS = (
    Attack("noise", False, bytes(range(256)) * 16),
    Attack("half-handshake", False, b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n"),
    Attack("endless-header", False, b"GET /ws HTTP/1.1\r\nX: " + b"x" * 16_384),
    Attack("garbage", True, client_frame(b'{"action":"sub","id":') * 10),
    Attack("no-utf-8", True, client_frame(b"\xff\xfe\xfd")),
    Attack("binary", True, client_frame(bytes(1000), BINARY)),
    Attack("unmasked", True, b"\x81\x02{}"),
    Attack("oversized", True, client_frame(b" " * (2 * MAX_CLIENT_FRAME_BYTES))),
    Attack(
        "unending",
        True,
        client_frame(b" " * 16_384, CONTINUED, final=False),
        client_frame(b"{", TEXT, final=False),
    ),
    Attack("flood", True, client_frame(encode_json(Ping())) * _BURST),
    Attack("hoarding", True, b"".join(_subscribe(n, FEED, "") for n in range(_BURST))),
    Attack("nesting", True, _subscribe(1, FEED, "(" * 1000)),
    Attack("nesting-json", True, client_frame(b"[" * 60_000)),
    Attack("strange-feed", True, _subscribe(1, "$KV/owners/>", "")),
)  # fmt: skip
"""Every attack; hostile clients make them in turn."""


class Attacker(asyncio.Protocol):
    """One connection of a hostile client, which reads as little as it must to learn how it ends."""

    def __init__(self, request: bytes, attack: Attack) -> None:
        self.ended = asyncio.Event()
        self.code = "lost"
        """How it ended: a close code, an HTTP status, or `lost` without either."""
        self._request = request
        self._attack = attack
        self._answer = b""
        self._reader: FrameReader | None = None
        self._is_paused = self._has_begun = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Ask to be let in, if that is part of it."""
        self._transport = cast("asyncio.Transport", transport)
        if self._attack.opens:
            self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """It is over."""
        del exc
        self.ended.set()

    def pause_writing(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """The service takes no more."""
        self._is_paused = True

    def resume_writing(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """The service takes more."""
        self._is_paused = False

    def data_received(self, data: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Look for the end."""
        if self._reader is None:
            answer, end, data = (self._answer + data).partition(b"\r\n\r\n")
            self._answer = answer
            if not end:
                return
            refused = refusal(answer)
            if refused is not None:
                self.code = refused
                return
            self._reader = FrameReader(self._on_frame)
        with suppress(FramingError):
            self._reader.feed(data)

    def strike(self) -> None:
        """Do it once more, if there is room for it."""
        is_open = self._reader is not None or not self._attack.opens
        if is_open and not self._is_paused and self._transport is not None:
            self._transport.write(self._attack.chunk if self._has_begun else self._attack.first)
            self._has_begun = True

    def _on_frame(self, opcode: int, head: bytes, length: int) -> None:
        del length
        if opcode == CLOSE and self._transport is not None:
            self.code = str(int.from_bytes(head[:2], "big"))
            self._transport.close()

    def abort(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


async def attack_for_ever(at: Door, number: int, tally: Tally) -> None:
    """One attack after the other; how each ended is counted, `borne` where the service did not end it."""
    loop = asyncio.get_running_loop()
    request = at.request(f"hostile-{number}")
    for turn in count(number):
        attack = ATTACKS[turn % len(ATTACKS)]
        attacker = Attacker(request, attack)
        source = at.source(_ATTACKERS, number)
        try:
            await loop.create_connection(lambda: attacker, at.host, at.port, local_addr=source)  # noqa: B023 (awaited in the same turn)
        except OSError:
            tally.repelled["refused"] += 1
        else:
            tally.repelled[f"{attack.name} {await _fight(attacker)}"] += 1
        await asyncio.sleep(_PAUSE_S)


async def _fight(attacker: Attacker) -> str:
    """Strike until one side gives up; how it ended."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not attacker.ended.is_set():
                attacker.strike()
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        return "borne"
    finally:
        attacker.abort()
    return attacker.code


@asynccontextmanager
async def stalled(at: Door, clients: int) -> AsyncIterator[None]:
    """So many clients of the whole board that never read what they asked for."""
    sockets = [await _stalled(at, number) for number in range(clients)]
    try:
        yield
    finally:
        for each in sockets:
            each.close()


async def _stalled(at: Door, number: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    connecting = socket.socket()
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    connecting.setblocking(False)
    source = at.source(_STALLED, number)
    if source is not None:
        connecting.bind(source)
    try:
        await loop.sock_connect(connecting, (at.host, at.port))
        await loop.sock_sendall(connecting, at.request(f"stalled-{number}"))
        await loop.sock_recv(connecting, _RECEIVE_BYTES // 4)
        await loop.sock_sendall(
            connecting, client_frame(encode_json(Subscribe(SUBSCRIPTION, FEED)))
        )
    except BaseException:
        connecting.close()
        raise
    return connecting
