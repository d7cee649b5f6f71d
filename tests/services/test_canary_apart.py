"""The canary takes the market's way and is none of it: on no board, in no view, in no count, and not in its time."""

import asyncio

import pytest
from msgspec.structs import replace

from mesh import clock
from mesh.connection import Connection
from mesh.kv import KeyValue
from mesh.leaderboard import Instant, Leaderboard, board_at
from mesh.logs import set_up
from mesh.market import MarketTable, Newest
from mesh.market_reader import MarketReader
from mesh.partition import partition_of
from mesh.publisher import Publisher
from mesh.testing import eventually
from schemas.columns import Columns, Image, RowsBatch, columns_of, packed
from schemas.leaderboard import Row
from schemas.market import Bar, Batch
from schemas.naming import CANARY_SYMBOL, Bucket, MarketClass, symbol_token, tape_subject
from schemas.widget import View
from schemas.wire import encode_msgpack
from services.processors.known import Knowledge
from services.processors.owner import Owner
from services.processors.rows import RowFold
from services.processors.tally import Tally
from services.widgets.catalogue import Catalogue
from services.widgets.compat_market import Market as OldMarket
from services.widgets.live_table import LiveTable
from tests.schemas.rows import changed
from tests.services.knowing import knowing


NOW_MS = 1_800_000_000_000
TAPE = Instant("2024-10-02", 1_727_877_001_000, "regular")
PARTITION = partition_of(symbol_token(CANARY_SYMBOL), 1)
BOARD = Leaderboard("last", lambda columns: columns.last_usd)
ROW = Row("A", TAPE.trading_day, "regular", TAPE.event_ms, last_usd=5.0)


def _canary(at_ms: int, price: float = 1.0) -> Bar:
    return Bar(CANARY_SYMBOL, at_ms - 1, at_ms, *(price,) * 4, 0.0, None, None, None, None)


def _market(at_ms: int) -> Bar:
    return Bar("A", at_ms - 1000, at_ms, 5.0, 5.0, 5.0, 5.0, 1.0, 1.0, None, None, None)


def _canary_row(event_ms: int) -> Row:
    return Row(CANARY_SYMBOL, "2027-01-15", "closed", event_ms, last_usd=1e6)


def _batch(number: int, *rows: Row) -> RowsBatch:
    return RowsBatch(PARTITION, 1, number, 1.0, *changed(rows))


def _events(columns: Columns) -> dict[str, int]:
    return {row.symbol: row.event_ms for row in columns.rows()}


def test_a_table_keeps_the_canary_apart() -> None:
    """Whatever brings its row, first or later or as an image, the market has neither the row nor its time."""
    table = MarketTable(1)
    table.apply(_batch(1, ROW, _canary_row(NOW_MS)))
    table.apply(_batch(2, _canary_row(NOW_MS + 1)))

    assert (_events(table.columns()), _events(table.canary())) == (
        {"A": TAPE.event_ms},
        {CANARY_SYMBOL: NOW_MS + 1},
    )
    assert table.instant() == TAPE
    rows = packed(columns_of([_canary_row(NOW_MS + 2), ROW]))
    table.apply_image(Image(PARTITION, 1, 3, 1.0, *rows))

    assert (_events(table.columns()), _events(table.canary())) == (
        {"A": TAPE.event_ms},
        {CANARY_SYMBOL: NOW_MS + 2},
    )
    assert table.instant() == TAPE


def test_later_changes_of_the_canary_are_of_its_own_row() -> None:
    """A batch with what changed alone gives its whole row, beside those of the market."""
    newest, table = Newest(), MarketTable(1)
    flushes = ([ROW, _canary_row(NOW_MS)], [_canary_row(NOW_MS + 9), replace(ROW, last_usd=6.0)])
    for number, rows in enumerate(flushes, 1):
        changes = newest.exchange(columns_of(rows))
        table.apply(RowsBatch(PARTITION, 1, number, 1.0, *changes.packed()))

    assert table.columns().rows() == [replace(ROW, last_usd=6.0)]
    assert table.canary().rows() == [_canary_row(NOW_MS + 9)]


def test_no_board_ranks_the_canary() -> None:
    """Its price is the highest by far, and the market's best row is the first."""
    table = MarketTable(1)
    table.apply(_batch(1, ROW, _canary_row(NOW_MS)))

    board = board_at(TAPE, BOARD, table.columns(), seq=1, top=10)

    assert [row.symbol for row in board.rows] == ["A"]


def test_only_its_own_feed_shows_the_canary() -> None:
    """A view of the whole market has none, even one that names its symbol; `row/ZZ.CANARY` has it."""
    catalogue = Catalogue("e", [BOARD])
    catalogue.put_market(columns_of([ROW]), TAPE)
    catalogue.put_canary(columns_of([_canary_row(NOW_MS)]))

    def symbols(feed: str, view: View) -> list[str]:
        table = catalogue.follow(feed, view, lambda: None)
        assert isinstance(table, LiveTable)
        return [row["symbol"] for row in table.objects()]

    assert symbols("row/*", View()) == ["A"]
    assert symbols("row/*", View(symbols=[CANARY_SYMBOL])) == []
    assert symbols("board/last", View(where="last_usd > 0")) == ["A"]
    assert symbols(f"row/{CANARY_SYMBOL}", View()) == [CANARY_SYMBOL]


def test_whoever_follows_the_canary_hears_of_each() -> None:
    """Its row may come while nothing else does: with the market closed, and before there is any."""
    catalogue, heard = Catalogue("e"), []
    table = catalogue.follow(f"row/{CANARY_SYMBOL}", View(), lambda: heard.append(1))
    for event_ms in (NOW_MS, NOW_MS + 1, NOW_MS + 1):
        catalogue.put_canary(columns_of([_canary_row(event_ms)]))

    assert isinstance(table, LiveTable)
    assert len(heard) == 2


def test_the_replaced_systems_protocol_does_not_know_it() -> None:
    """Under the old names there is no quote and no range of it."""
    assert OldMarket().take_row(CANARY_SYMBOL, b"{}") == []


def test_a_fold_makes_its_row_and_counts_nothing() -> None:
    """It is folded as bars are; no count has it, no alert is made, and the next one makes the next row."""
    fold = RowFold(None, knowing({}))
    fold.on_batch(MarketClass.BARS, [_market(TAPE.event_ms)])
    fold.on_batch(MarketClass.CANARY, [_canary(NOW_MS)])
    first = _events(fold.on_flush())
    fold.on_batch(MarketClass.CANARY, [_canary(NOW_MS + 5000), _canary(NOW_MS)])
    second = _events(fold.on_flush())

    assert (first, second) == (
        {"A": TAPE.event_ms, CANARY_SYMBOL: NOW_MS},
        {CANARY_SYMBOL: NOW_MS + 5000},
    )
    assert (sum(fold.folded.values()), sum(fold.late.values()), fold.unsent) == (1, 0, {})


@pytest.mark.broker
async def test_an_owner_folds_each_canary_and_waits_for_none(connection: Connection) -> None:
    """A lost one leaves no gap, a malformed number is refused, and the market is folded before, between and after."""
    knowledge = Knowledge()
    owner = Owner(
        connection,
        Publisher(connection),
        PARTITION,
        lambda snapshot: RowFold(snapshot, knowledge),
        set_up("test", "error"),
        {},
        tally=Tally(),
        intake_bytes=None,
        arrived=asyncio.Event(),
    )
    await owner.open()
    reader = MarketReader(connection, 1)
    await reader.open()
    canaries = tape_subject(MarketClass.CANARY, PARTITION)
    bars = tape_subject(MarketClass.BARS, PARTITION)
    now_ms = int(clock.now_ms())

    async def send(subject: str, epoch: int, number: int, bar: Bar) -> None:
        await connection.publish(
            subject, encode_msgpack(Batch(epoch, number, number, now_ms, [bar]))
        )

    await send(bars, 1, 0, _market(TAPE.event_ms))
    await send(canaries, now_ms, 0, _canary(now_ms))
    await send(canaries, now_ms + 2, 3, _canary(now_ms + 2))
    await send(canaries, now_ms + 9, 0, _canary(now_ms + 9))
    await send(canaries, now_ms + 4, 0, _canary(now_ms + 4))
    await send(bars, 1, 1, _market(TAPE.event_ms + 1000))
    await eventually(lambda: len(owner.reader.intake) == 5)
    while owner.reader.work():
        pass
    await owner.flush()
    await eventually(lambda: len(reader.table.canary()) == 1)
    await owner.put_rows()
    await connection.flush()

    assert (_events(reader.table.columns()), _events(reader.table.canary())) == (
        {"A": TAPE.event_ms + 1000},
        {CANARY_SYMBOL: now_ms + 9},
    )
    assert (owner.reader.gap, owner.tally.rejected, owner.state.discarded.total()) == (False, 1, 0)
    counts = owner.state.counts()
    assert counts.folded["bars"] == 2
    assert "canary" not in {**counts.folded, **counts.late, **counts.discarded}
    rows = KeyValue(connection, Bucket.ROWS)  # which are put without an acknowledgement
    await eventually(lambda: rows.get(symbol_token(CANARY_SYMBOL)))  # type: ignore[arg-type]  # T is what is awaited
    await reader.close()
    await owner.close()
