"""Framing of the load's clients, against the library that servers use and against the frames of protocol 1."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from schemas.widget import Delta, Head, Hello, Snap
from schemas.wire import encode_json
from services.load.frames import (
    HEAD_BYTES,
    PING,
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


_HEAD = Head("2026-01-05", "regular", 1)
_EXTENSIONS: list[Extension] = []


def _sent(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """A frame as a server sends it."""
    return Frame(opcode, payload).serialize(mask=False, extensions=_EXTENSIONS)


def _read(pieces: list[bytes], keep: int | None = HEAD_BYTES) -> list[tuple[int, bytes, int]]:
    frames: list[tuple[int, bytes, int]] = []
    reader = FrameReader(lambda *frame: frames.append(frame), keep)
    for piece in pieces:
        reader.feed(piece)
    return frames


@given(
    payloads=st.lists(st.sampled_from([0, 1, 125, 126, 400, 401, 65_535, 65_536]), max_size=6),
    cuts=st.lists(st.integers(0, 200_000), max_size=12),
    keep=st.sampled_from([1, HEAD_BYTES, None]),
)
def test_cutting_the_stream_does_not_matter(
    payloads: list[int], cuts: list[int], keep: int | None
) -> None:
    """However the bytes of frames arrive, each frame is given once, with its head and its length."""
    contents = [bytes(n % 251 for n in range(length)) for length in payloads]
    stream = b"".join(map(_sent, contents))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    frames = _read([stream[a:b] for a, b in pairwise(places)], keep)

    assert frames == [(TEXT, content[:keep], len(content)) for content in contents]


def test_first_bytes_may_come_one_by_one() -> None:
    """A length that arrives in several pieces is waited for."""
    stream = _sent(b"x" * 70_000) + _sent(b"", Opcode.PING)

    frames = _read([stream[n : n + 1] for n in range(20)] + [stream[20:]])

    assert frames == [(TEXT, b"x" * HEAD_BYTES, 70_000), (PING, b"", 0)]


@pytest.mark.parametrize(
    "data", [b"\x01\x00", b"\x80\x00", b"\x81\x80"], ids=["unfinished", "continued", "masked"]
)
def test_what_no_server_sends_is_refused(data: bytes) -> None:
    """Pieces of frames, and frames that are masked, end the reading."""
    with pytest.raises(FramingError):
        _read([data])


@pytest.mark.parametrize("length", [0, 1, 5, 125, 126, 65_535, 65_536])
def test_server_reads_what_a_client_sends(length: int) -> None:
    """A server takes the handshake, and frames of every length, masked; the client takes its answer."""
    server = ServerProtocol(max_size=None)
    server.receive_data(handshake("127.0.0.1:1", "/ws", None))
    server.send_response(server.accept(server.events_received()[0]))  # type: ignore[arg-type]  # the first is the request
    answer = b"".join(server.data_to_send()).partition(b"\r\n\r\n")[0]
    server.receive_data(client_frame(b"x" * length))
    (frame,) = server.events_received()

    assert refusal(answer) is None
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.data, frame.fin) == (Opcode.TEXT, b"x" * length, True)


def test_handshake_carries_the_token() -> None:
    """A token goes into the header, and nowhere else."""
    request = handshake("h:1", "/ws", "s3cret")

    assert b"\r\nAuthorization: Bearer s3cret\r\n" in request
    assert request.count(b"s3cret") == 1
    assert b"Authorization" not in handshake("h:1", "/ws", None)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nA: b", "http 403"),
        (b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: other", "no websocket"),
        (b"hello", "no http"),
    ],
)
def test_refusals_are_named(answer: bytes, why: str) -> None:
    """What is not the answer to the handshake is said by its status."""
    assert refusal(answer) == why


@given(after=st.integers(0, 2**53), received_ms=st.floats(0, 2e12), subscription=st.integers(0, 99))
def test_head_of_a_delta_is_found(after: int, received_ms: float, subscription: int) -> None:
    """The order of the fields of `Delta` is the one that is searched for, however long the rest is."""
    delta = Delta(
        subscription, after, after + 1, received_ms, _HEAD, [], [], [0], [[1, [1.0]]] * 500, 1
    )
    head = encode_json(delta)[:HEAD_BYTES]

    assert delta_head(head) == DeltaHead(after, after + 1, received_ms)
    assert (snap_head(head), type_of(head)) == (None, "delta")


def test_head_of_a_snap_is_found() -> None:
    """So is that of `Snap`, and other frames are neither."""
    snap = Snap(7, "board/gainers", "18f.3", 12, 1.5, _HEAD, ["symbol"], [["A"]] * 500, 500, 1)
    head = encode_json(snap)[:HEAD_BYTES]
    hello = encode_json(Hello(1, "0", "live", 1, []))

    assert snap_head(head) == SnapHead("18f.3", 12)
    assert (delta_head(hello), snap_head(hello), type_of(hello)) == (None, None, "hello")
    assert type_of(b"[]") == ""
