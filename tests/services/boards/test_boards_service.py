"""The boards program on a real broker, fed by hand with what processors publish."""

import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh import clock, topology
from mesh.changes import pause_board, resume_board
from mesh.connection import Connection, Message
from mesh.control import By, Control
from mesh.kv import RECEIVED_MS, Entry, KeyValue
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually, ready_connection
from schemas.columns import FIELDS, Image, RowsBatch, columns_of, packed
from schemas.leaderboard import Board, Row
from schemas.naming import ROWS_STREAM, Bucket, partition_token, rows_subject
from schemas.wire import encode_msgpack, json_decoder
from services import scanners
from services.boards.service import serve
from tests.mesh.asking import ask
from tests.schemas.rows import changed
from tests.services.listener.programs import running


pytestmark = pytest.mark.broker

PARTITION = 3
EPOCH = 7

_decode = json_decoder(Board).decode


def _row(symbol: str, volume: float, day: str = "2024-10-02") -> Row:
    return Row(
        *(symbol, day, "regular", 1_727_877_000_000, 10.0, 8.0, 9.0),
        *(1.0, 11.1, 2.0, 25.0, volume, 9.5),
    )


def _batch(number: int, rows: Iterable[Row], received_ms: float = 1000.0) -> bytes:
    return encode_msgpack(RowsBatch(PARTITION, EPOCH, number, received_ms, *changed(list(rows))))


async def _send(connection: Connection, batch: bytes) -> None:
    await connection.acknowledged(rows_subject(PARTITION), batch)


async def _store_unheard(connection: Connection, batch: bytes) -> None:
    """Put a batch into the stream that no subscriber of rows hears: as a lost message looks."""
    info = await connection.api(f"$JS.API.STREAM.INFO.{ROWS_STREAM}")
    moved = {**info["config"], "subjects": ["unheard.*"]}
    moved["subject_transform"] = {"src": "unheard.*", "dest": "rows.{{wildcard(1)}}"}
    update = f"$JS.API.STREAM.UPDATE.{ROWS_STREAM}"
    await connection.api(update, moved)
    await connection.acknowledged(f"unheard.{partition_token(PARTITION)}", batch)
    await connection.api(update, {**info["config"], "subject_transform": None})


async def _volume(connection: Connection, *symbols: str) -> tuple[Board, Entry]:
    """The board by volume, as soon as it shows *symbols*."""
    bucket = KeyValue(connection, Bucket.BOARDS)

    async def shown() -> Entry | None:
        entry = await bucket.get("volume")
        if entry is None or entry.value is None:
            return None
        rows = _decode(entry.value).rows
        return entry if [row.symbol for row in rows] == list(symbols) else None

    entry = await eventually(shown)  # type: ignore[arg-type,var-annotated]  # None until it is there
    return _decode(entry.value or b""), entry


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with which boards are put often."""
    return msgspec.structs.replace(settings, board_flush_ms=10)


async def test_rows_become_boards(quick: Settings, connection: Connection) -> None:
    """Every board of the package is in KV, ranked over all rows that were published."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0), _row("B", 9.0)]))
        await _send(connection, _batch(2, [_row("C", 7.0)]))
        board, _ = await _volume(connection, "B", "C", "A")

    entries = await KeyValue(connection, Bucket.BOARDS).all()
    assert sorted(entry.key for entry in entries) == told.facts["boards"]
    assert [row.rank for row in board.rows] == [1, 2, 3]
    assert (board.trading_day, board.session) == ("2024-10-02", "regular")


@pytest.mark.parametrize(
    ("floors", "shown"),
    [
        ({}, ["B", "CHEAP", "NOWHERE", "THIN"]),
        ({"board_min_usd": 5.0}, ["B", "THIN"]),
        ({"board_min_shares": 5}, ["B", "CHEAP", "NOWHERE"]),
        ({"board_min_usd": 5.0, "board_min_shares": 5}, ["B"]),
    ],
)
async def test_rows_below_the_floors_are_on_no_board(
    quick: Settings, connection: Connection, floors: dict[str, Any], shown: list[str]
) -> None:
    """What is cheaper or traded less than an operator asks for does not rank, nor what it is not known of."""
    rows = [
        _row("B", 9.0),
        msgspec.structs.replace(_row("CHEAP", 8.0), last_usd=4.99),
        _row("THIN", 4.0),
        msgspec.structs.replace(_row("NOWHERE", 7.0), last_usd=None),
    ]
    async with running(serve, msgspec.structs.replace(quick, **floors)) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, rows))
        await _volume(connection, *shown)


async def test_successor_goes_on_with_rows_and_numbers(
    quick: Settings, connection: Connection
) -> None:
    """Started again, the program shows what is stored, numbered after what its predecessor put."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _volume(connection, "A")
    last = (await _volume(connection, "A"))[0].seq
    await _send(connection, _batch(2, [_row("B", 9.0)]))
    async with running(serve, quick):
        board, _ = await _volume(connection, "B", "A")

    assert board.seq == last + 1


async def test_unheard_batch_is_read_from_the_stream(
    quick: Settings, connection: Connection
) -> None:
    """A batch that was lost on its way is found in the stream, and the ones after it count."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _store_unheard(connection, _batch(2, [_row("B", 9.0)]))
        await _send(connection, _batch(3, [_row("C", 7.0)]))
        await _volume(connection, "B", "C", "A")


async def test_batch_that_nobody_has_comes_with_the_image(
    quick: Settings, connection: Connection
) -> None:
    """What the stream lost too is in the next image of the partition."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _send(connection, _batch(3, [_row("C", 7.0)]))
        rows = [_row("A", 5.0), _row("B", 9.0), _row("C", 7.0)]
        image = Image(PARTITION, EPOCH, 3, clock.now_ms(), *packed(columns_of(rows)))
        key = partition_token(PARTITION)
        await KeyValue(connection, Bucket.IMAGES).put(key, encode_msgpack(image))
        await _volume(connection, "B", "C", "A")


@pytest.mark.parametrize(
    "broken",
    [
        *(b"", b"\xc1", encode_msgpack([PARTITION])),
        encode_msgpack(RowsBatch(PARTITION, EPOCH, 1, 1.0, ["A"], b"", b"12345678")),
        encode_msgpack(
            RowsBatch(
                PARTITION,
                EPOCH,
                1,
                1.0,
                ["A"],
                b"\xff" * ((len(FIELDS) + 7) // 8),
                b"\xff" * 8 * len(FIELDS),
            )
        ),
        _batch(1, [_row("X", 1.0)]).replace(bytes((PARTITION, EPOCH)), b"\x63\x07", 1),
    ],
    ids=["empty", "no-msgpack", "short", "few-numbers", "no-row", "other-partition"],
)
async def test_unreadable_image_and_batch_are_passed_over(
    quick: Settings, connection: Connection, broken: bytes
) -> None:
    """A damaged image, batch or board keeps nothing from starting: what can be read is shown."""
    await KeyValue(connection, Bucket.IMAGES).put(partition_token(PARTITION), broken)
    await KeyValue(connection, Bucket.BOARDS).put("gainers", b'{"board":"\xff"}')
    await _send(connection, broken)
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, broken)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _volume(connection, "A")


async def test_board_says_when_its_oldest_change_arrived(
    quick: Settings, connection: Connection
) -> None:
    """The header is the oldest of the changes that a board shows for the first time."""
    slow = msgspec.structs.replace(quick, board_flush_ms=500)
    async with running(serve, slow) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)], 3000.0))
        await _send(connection, _batch(2, [_row("B", 9.0)], 2000.0))
        await _send(connection, _batch(3, [_row("C", 7.0)], 4000.0))
        _, entry = await _volume(connection, "B", "C", "A")

    assert entry.headers[RECEIVED_MS] in ("2000.000", "3000.000")


async def test_put_that_failed_does_not_make_its_change_look_new(
    quick: Settings, connection: Connection
) -> None:
    """A change that could not be put at first still says when it arrived."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await connection.api("$JS.API.STREAM.DELETE.KV_boards")
        await _send(connection, _batch(1, [_row("A", 5.0)], 2000.0))
        await told.until("boards.delayed")
        await topology.apply(connection, topology.definitions())
        _, entry = await _volume(connection, "A")

    assert entry.headers[RECEIVED_MS] == "2000.000"


async def test_module_is_all_that_a_board_needs(
    quick: Settings, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file with a `BOARD` beside the others is a board in KV, and nothing else is touched."""
    (tmp_path / "cheapest.py").write_text(
        "from mesh.leaderboard import Leaderboard\n"
        "BOARD = Leaderboard('cheapest', lambda columns: -columns.last_usd)\n"
    )
    monkeypatch.setattr(scanners, "__path__", [*scanners.__path__, str(tmp_path)])
    monkeypatch.setattr(scanners, "cheapest", None, raising=False)
    monkeypatch.delitem(sys.modules, f"{scanners.__name__}.cheapest", raising=False)
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _volume(connection, "A")
    monkeypatch.delitem(sys.modules, f"{scanners.__name__}.cheapest")

    entry = await KeyValue(connection, Bucket.BOARDS).get("cheapest")
    assert entry is not None
    assert [row.symbol for row in _decode(entry.value or b"").rows] == ["A"]


async def test_boards_go_on_after_the_broker_was_killed(
    broker: RunningBroker, quick: Settings
) -> None:
    """With the broker killed and back, boards show old and new rows, and say when the oldest arrived."""
    async with ready_connection(quick) as connection, running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _volume(connection, "A")
        await broker.stop(signal.SIGKILL)
        await told.until("broker.lost")
        await broker.start()
        await told.until("broker.regained")
        await eventually(connection.connected.is_set)
        await topology.apply(connection, topology.definitions())
        shown: list[Message] = []

        async def keep(message: Message) -> None:
            if [row.symbol for row in _decode(message.data).rows] == ["B", "A"]:
                shown.append(message)

        await connection.subscribe("board.volume", keep)
        await _send(connection, _batch(2, [_row("B", 9.0)], 2000.0))
        await eventually(lambda: shown)

    assert _decode(shown[0].data).seq > 1
    assert (shown[0].headers or {})[RECEIVED_MS] == "2000.000"


async def test_paused_board_stays_as_it_is_and_says_so(
    quick: Settings, connection: Connection
) -> None:
    """A board that a person has paused keeps its rows while others go on, also under the next process; then it goes on."""
    control = Control(connection)
    bucket = KeyValue(connection, Bucket.BOARDS)

    async def board(name: str) -> Board:
        entry = await bucket.get(name)
        assert entry is not None
        return _decode(entry.value or b"")

    async def until(name: str, accept: Callable[[Board], bool]) -> None:
        async def fits() -> bool:
            return accept(await board(name))

        await eventually(fits)  # type: ignore[arg-type]  # it is awaited

    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        await _send(connection, _batch(1, [_row("A", 5.0)]))
        await _volume(connection, "A")
        await control.change(pause_board("volume"), By("ann"))
        await until("volume", lambda found: found.paused)
        await _send(connection, _batch(2, [_row("B", 9.0)]))
        await until("gainers", lambda found: len(found.rows) == 2)
        paused = await board("volume")
        told_state = (await ask(connection, "ctl.boards.get.status")).content["state"]
    async with running(serve, quick) as again:
        await eventually(lambda: again.facts)
        await _send(connection, _batch(3, [_row("C", 7.0)]))
        await until("gainers", lambda found: len(found.rows) == 3)
        still = await board("volume")
        await control.change(resume_board("volume"), By("ann"))
        resumed, entry = await _volume(connection, "B", "C", "A")

    assert [row.symbol for row in paused.rows] == ["A"]
    assert still == paused
    assert told_state["paused"] == ["volume"]
    assert b"paused" not in (entry.value or b"")
    assert not resumed.paused


async def test_board_that_is_not_there_cannot_be_paused(
    quick: Settings, connection: Connection
) -> None:
    """A misspelt name is refused with the names that there are."""
    async with running(serve, quick) as told:
        await eventually(lambda: told.facts)
        answer = await ask(connection, "ctl.boards.do.pause", board="gainer")

    assert answer.code == "400"
    assert "gainers" in answer.error
