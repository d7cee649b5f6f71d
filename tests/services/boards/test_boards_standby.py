"""Several processes of boards on a real broker: one puts, the others are ready to."""

import msgspec
import pytest

from mesh import clock
from mesh.connection import Connection
from mesh.errors import FencedError
from mesh.group import member_name
from mesh.kv import KeyValue
from mesh.settings import Settings
from mesh.testing import eventually
from schemas.columns import RowsBatch
from schemas.leaderboard import Board, Row
from schemas.naming import Bucket, owner_key, rows_subject
from schemas.ownership import Claim
from schemas.wire import encode_json, encode_msgpack, json_decoder
from services.boards.service import GROUP, serve
from services.boards.shelf import Shelf
from tests.schemas.rows import changed
from tests.services.listener.programs import Told, running


pytestmark = pytest.mark.broker

_decode = json_decoder(Board).decode


async def _send(connection: Connection, number: int, symbol: str, volume: float) -> None:
    row = Row(
        *(symbol, "2024-10-02", "regular", 1_727_877_000_000 + number, 10.0, 8.0, 9.0),
        *(1.0, 11.1, 2.0, 25.0, volume, 9.5),
    )
    batch = RowsBatch(3, 7, number, clock.now_ms(), *changed([row]))
    await connection.acknowledged(rows_subject(3), encode_msgpack(batch))


async def _shown(connection: Connection, *symbols: str) -> Board:
    """The board by volume, as soon as it shows *symbols*."""
    bucket = KeyValue(connection, Bucket.BOARDS)

    async def board() -> Board | None:
        entry = await bucket.get("volume")
        found = None if entry is None or entry.value is None else _decode(entry.value)
        return found if found and [row.symbol for row in found.rows] == list(symbols) else None

    found: Board = await eventually(board)  # type: ignore[arg-type]  # not None any more
    return found


def _role(told: Told) -> str:
    return str(told.facts.get("role", ""))


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with which boards are put often."""
    return msgspec.structs.replace(settings, board_flush_ms=10)


async def test_standby_goes_on_where_the_active_one_ended(
    quick: Settings, connection: Connection
) -> None:
    """Told to stop, the active one puts all there is; the standby numbers on from it."""
    async with running(serve, quick) as one:
        await eventually(lambda: _role(one) == "active")
        async with running(serve, quick) as other:
            await eventually(lambda: _role(other) == "standby")
            await _send(connection, 1, "A", 5.0)
            first = await _shown(connection, "A")
            await _send(connection, 2, "B", 9.0)
            one.stopping.set()
            await eventually(lambda: _role(other) == "active")
            second = await _shown(connection, "B", "A")
            await _send(connection, 3, "C", 7.0)
            third = await _shown(connection, "B", "C", "A")

    assert first.seq < second.seq < third.seq
    assert other.counters["symbols"] == 3


async def test_both_told_to_stop_leave_the_boards_of_everything(
    settings: Settings, connection: Connection
) -> None:
    """With rows that nobody has ranked yet, the end of all processes shows them."""
    slow = msgspec.structs.replace(settings, board_flush_ms=60_000)
    async with running(serve, slow) as one:
        await eventually(lambda: _role(one) == "active")
        async with running(serve, slow) as other:
            await eventually(lambda: _role(other) == "standby")
            await _send(connection, 1, "A", 5.0)
            await _send(connection, 2, "B", 9.0)
            one.stopping.set()

    await _shown(connection, "B", "A")


async def test_active_one_that_was_replaced_stands_by(
    quick: Settings, connection: Connection
) -> None:
    """Whose put is refused puts no more until it has claimed its place again, and then goes on above."""
    bucket = KeyValue(connection, Bucket.BOARDS)
    async with running(serve, quick) as told:
        await eventually(lambda: _role(told) == "active")
        await _send(connection, 1, "A", 5.0)
        board = await _shown(connection, "A")
        above = msgspec.structs.replace(board, seq=board.seq + 1000, rows=[])
        await bucket.put("volume", encode_json(above))
        await _send(connection, 2, "B", 9.0)
        await told.until("boards.fenced")
        after = await _shown(connection, "B", "A")

    assert after.seq > above.seq


async def test_claim_of_another_makes_the_active_one_a_standby(
    quick: Settings, connection: Connection
) -> None:
    """Who lost its claim says so, and puts nothing while the other is there."""
    async with running(serve, quick) as told:
        await eventually(lambda: _role(told) == "active")
        claim = encode_json(Claim(member_name(), 0.0))
        await KeyValue(connection, Bucket.OWNERS).put(owner_key(GROUP, 0), claim)
        await told.until("slot.lost")
        await eventually(lambda: _role(told) == "standby")


def _board(seq: int) -> Board:
    return Board("volume", "2024-10-02", "regular", 0, seq, [])


async def test_shelf_refuses_who_began_before_another_put(connection: Connection) -> None:
    """Of two that both believe to be active the one that has put since is right."""
    paused, active = Shelf(connection, ["volume"]), Shelf(connection, ["volume"])
    await paused.begin()
    await paused.put([_board(paused.next_seq("volume"))], 0.0)
    await active.begin()
    await active.put([_board(active.next_seq("volume"))], 0.0)
    with pytest.raises(FencedError):
        await paused.put([_board(paused.next_seq("volume"))], 0.0)

    entry = await KeyValue(connection, Bucket.BOARDS).get("volume")
    assert entry is not None
    assert _decode(entry.value or b"").seq == 2
