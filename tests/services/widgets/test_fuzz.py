"""Whatever a client sends over a real socket, the service answers it or closes with a word."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as often
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from schemas.wire import encode_json
from services.widgets.want import BOARD_COLUMNS
from tests.services.widgets.attacking import attacked, ended, put_frame
from tests.services.widgets.boards import encoded
from tests.services.widgets.market import Market, row
from tests.services.widgets.serving import Running, visiting


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

Message = tuple[Opcode, bytes]

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefgh", max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
_FEEDS = st.sampled_from(
    ["row/A", "row/*", "row/>", "range/*", "board/gainers", "alert/>", "alert/*/A", "halt/*", "trades/A", "status", ">",
     "*", "row", "", "row//", "board/*", "KV_revoked"]
)  # fmt: skip
_VIEWS = st.fixed_dictionaries(
    {},
    optional={
        "columns": st.lists(st.sampled_from([*BOARD_COLUMNS, "symbol", "score", "x"]), max_size=4),
        "top": st.integers(-1, 6000),
        "sort": st.sampled_from(["last_usd", "+last_usd", "symbol", "+symbol", "score", "-x", ""]),
        "where": st.sampled_from(["last_usd > 1", "symbol = 'A'", "(", "last_usd >", ""]),
        "hz": st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        "window": st.lists(st.integers(-1, 10), min_size=1, max_size=3),
        "symbols": st.lists(st.sampled_from(["A", "B", ""]), max_size=3),
    },
)
_NUMBERS = st.integers(0, 3) | st.sampled_from([-1, 1 << 31, 1 << 70, 1.5])
_FRAMES = st.one_of(
    st.fixed_dictionaries(
        {"action": st.sampled_from(["sub", "get"]), "id": _NUMBERS, "feed": _FEEDS},
        optional={"view": _VIEWS, "epoch": st.text("0123456789.", max_size=5), "seq": st.integers()},
    ),
    st.fixed_dictionaries({"action": st.just("set"), "id": _NUMBERS, "view": _VIEWS}),
    st.fixed_dictionaries(
        {"action": st.sampled_from(["unsub", "ping", "none"])}, optional={"id": _NUMBERS}
    ),
    st.fixed_dictionaries({"action": st.just("auth"), "token": st.text("ey.J{}", max_size=30)}),
)  # fmt: skip


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A frame of which a few bytes are others, gone, or there twice."""
    content = bytearray(_encoded(draw(_FRAMES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        content[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(content)


def _encoded(frame: Any) -> bytes:
    return "".join(_pieces(frame)).encode()


def _pieces(value: Any) -> Sequence[str]:
    """JSON of any number, which msgspec does not write."""
    if isinstance(value, dict):
        inner = [f'"{key}":{"".join(_pieces(each))}' for key, each in value.items()]
        return ["{", ",".join(inner), "}"]
    return [str(value)] if isinstance(value, int) else [encode_json(value).decode()]


_TEXTS = st.one_of(
    _FRAMES.map(_encoded),
    _FRAMES.map(_encoded),
    _mutated(),
    _JSON.map(_encoded),
    st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
    st.binary(max_size=200),
)
_MESSAGES = st.tuples(st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY]), _TEXTS)


Examples = st.lists(_MESSAGES, min_size=1, max_size=12)


async def _fuzz(program: Running, messages: list[Message], *, known: bool) -> None:
    """Send everything, and a ping: either it is answered, or the connection ended as the table says."""
    async with visiting(program, token="" if known else None) as visitor:
        for opcode, content in messages:
            put_frame(visitor, opcode, content)
        try:
            if not known:
                await visitor.say(action="auth", token=program.token())
            assert await visitor.is_served()
        except ConnectionClosed:
            await ended(visitor)


@pytest.fixture
async def program(
    settings: Settings, connection: Connection, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Running]:
    """The program, with a little of everything; at the end nothing failed, and no trace of it is in a log."""
    market = Market(connection)
    await market.show(row("A", 10.0), row("B", 20.0))
    await KeyValue(connection, Bucket.BOARDS).put("gainers", encoded(("A", 1.0, 2.0)))
    await market.alert("high", "A", "one", 1)
    many = {"ws_per_user": 10_000, "ws_per_address": 10_000}
    async with attacked(settings, caplog, **many) as made:
        yield made


@pytest.mark.parametrize("known", [True, False])
async def test_fuzz_is_answered_or_closed_with_a_word(program: Running, *, known: bool) -> None:
    """Any texts, bytes and JSON, and frames with bytes changed, never end in silence, in 500 or in a trace."""
    running = asyncio.get_running_loop()

    @often(max_examples=100)
    @given(messages=Examples)
    def fuzz(messages: list[Message]) -> None:
        task = asyncio.run_coroutine_threadsafe(_fuzz(program, messages, known=known), running)
        task.result(timeout=60)

    await asyncio.to_thread(fuzz)
