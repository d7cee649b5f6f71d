"""The market table: whatever is lost, late or doubled, it shows one owner's rows, and in the end the newest."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Instant
from mesh.market import MarketTable
from schemas.columns import FIELDS, Image, RowsBatch, columns_of, packed
from schemas.leaderboard import Row
from tests.schemas.rows import changed


PARTITIONS = 2
SYMBOLS = (("A", "B", "C"), ("X", "Y", "Z"))
EVERY_NUMBER = b"\xff" * ((len(FIELDS) + 7) // 8)

Rows = dict[str, Row]
Script = list[tuple[int, int, str]]


class Moment(NamedTuple):
    """A flush of an owner, and all rows that it had then."""

    batch: RowsBatch
    rows: Rows


def _row(symbol: str, number: int) -> Row:
    return Row(symbol, f"2024-10-{1 + number // 20:02d}", "regular", number)


def _batch(
    partition: int, epoch: int, number: int, *rows: Row, received_ms: float = 1.0
) -> RowsBatch:
    return RowsBatch(partition, epoch, number, received_ms, *changed(rows))


History = tuple[list[Moment], ...]


@st.composite
def _history(draw: st.DrawFn, partition: int) -> list[Moment]:
    """What the owners of a partition published one after the other; a new one may know less than the one before."""
    moments: list[Moment] = []
    symbols = st.sampled_from(SYMBOLS[partition])
    for epoch in range(1, draw(st.integers(1, 3)) + 1):
        rows: Rows = {}
        for number in range(1, draw(st.integers(1, 5)) + 1):
            changed = draw(st.lists(symbols, min_size=1, unique=True))
            news = [_row(symbol, len(moments) + 1) for symbol in sorted(changed)]
            rows = rows | {row.symbol: row for row in news}
            moments.append(Moment(_batch(partition, epoch, number, *news), rows))
    return moments


histories = st.tuples(*(_history(partition) for partition in range(PARTITIONS)))
deliveries = st.lists(
    st.tuples(
        st.integers(0, PARTITIONS - 1), st.integers(0, 14), st.sampled_from(["batch", "image"])
    ),
    max_size=30,
)


def _image(moment: Moment) -> Image:
    batch = moment.batch
    rows = packed(columns_of(list(moment.rows.values())))
    return Image(batch.partition, batch.epoch, batch.number, 1.0, *rows)


def _shown(table: MarketTable, partition: int) -> Rows:
    return {row.symbol: row for row in table.columns().rows() if row.symbol in SYMBOLS[partition]}


def _place(table: MarketTable, partition: int, moments: list[Moment]) -> int:
    """Which moment of its history a partition shows, −1 for none; an error if it is not exactly one."""
    shown = _shown(table, partition)
    [place] = [n for n, moment in enumerate(moments) if moment.rows == shown] if shown else [-1]
    return place


def _deliver(table: MarketTable, history: History, script: Script) -> None:
    """Deliver what *script* says, and check after each step that no mixture is shown and nothing goes back."""
    for partition, number, kind in script:
        moments = history[partition]
        delivered = number % len(moments)
        before = _place(table, partition, moments)
        if kind == "image":
            table.apply_image(_image(moments[delivered]))
            complete = True
        else:
            complete = table.apply(moments[delivered].batch)
        after = _place(table, partition, moments)

        assert after == (max(before, delivered) if complete else before)


@given(histories, deliveries)
def test_no_mixture_of_owners_is_ever_shown(history: History, script: Script) -> None:
    """After every message a partition shows all rows of one owner at one flush, and never an older one than before."""
    _deliver(MarketTable(PARTITIONS), history, script)


@given(histories, deliveries, st.data())
def test_any_delivery_converges_once_complete(
    history: History, script: Script, data: st.DataObject
) -> None:
    """After losses, duplicates and changes of owner, an image and the batches after it give the owner's rows."""
    table = MarketTable(PARTITIONS)
    _deliver(table, history, script)
    for partition, moments in enumerate(history):
        pictured = data.draw(st.integers(0, len(moments) - 1))
        kept = data.draw(st.integers(0, pictured))
        table.apply_image(_image(moments[pictured]))
        table.catch_up(partition, [moment.batch for moment in moments[kept:]])

        assert table.catch_up(partition, [])
        assert _shown(table, partition) == moments[-1].rows


@given(histories, deliveries, st.data())
def test_first_flush_alone_completes_a_partition(
    history: History, script: Script, data: st.DataObject
) -> None:
    """An owner's batches from the first on, in any order and doubled, need no image."""
    table = MarketTable(PARTITIONS)
    _deliver(table, history, script)
    for partition, moments in enumerate(history):
        newest = [m.batch for m in moments if m.batch.epoch == moments[-1].batch.epoch]
        table.catch_up(partition, data.draw(st.permutations(newest * 2)))

        assert _shown(table, partition) == moments[-1].rows


@given(histories, deliveries, st.data())
def test_complete_means_that_nothing_known_is_missing(
    history: History, script: Script, data: st.DataObject
) -> None:
    """When a partition is said to be complete, it shows at least the newest flush that was ever heard of."""
    table = MarketTable(PARTITIONS)
    _deliver(table, history, script)
    for partition, moments in enumerate(history):
        heard = {number % len(moments) for p, number, _ in script if p == partition}
        found = data.draw(st.lists(st.integers(0, len(moments) - 1), unique=True))
        if table.catch_up(partition, [moments[n].batch for n in found]) and (heard or found):
            newest = moments[max({*heard, *found})]

            assert _shown(table, partition) == newest.rows


@given(histories, deliveries)
def test_instant_is_the_newest_event_ever_shown(history: History, script: Script) -> None:
    """The time of the market is that of its newest event, and does not go back with an owner that knows less."""
    table = MarketTable(PARTITIONS)
    newest: tuple[str, int] | None = None
    for partition, number, kind in script:
        moments = history[partition]
        moment = moments[number % len(moments)]
        if kind == "image":
            table.apply_image(_image(moment))
        else:
            table.apply(moment.batch)
        shown = [(row.trading_day, row.event_ms) for row in table.columns().rows()]
        newest = max([*shown, *([newest] if newest else [])], default=None)

    assert table.instant() == (Instant(*newest, "regular") if newest else None)


def test_oldest_change_is_taken_once() -> None:
    """The age of what changed counts from the oldest batch since it was last asked for; images have none."""
    table = MarketTable(1)
    for number, received_ms in ((1, 5.0), (2, 3.0), (3, 0.0), (4, 4.0)):
        table.apply(_batch(0, 1, number, received_ms=received_ms))
    table.apply_image(Image(0, 1, 9, 1.0, [], b""))

    assert table.take_received_ms() == 3.0
    assert table.take_received_ms() == 0.0


def test_rows_that_a_new_owner_does_not_have_are_gone() -> None:
    """A symbol that only the replaced owner knew does not stay on the boards."""
    table = MarketTable(1)
    table.apply(_batch(0, 1, 1, _row("A", 1), _row("B", 1)))

    table.apply(_batch(0, 2, 1, _row("B", 2)))

    assert table.columns().rows() == [_row("B", 2)]


def test_batch_before_the_missing_one_waits_for_it() -> None:
    """What comes too early is said to be incomplete, kept, and applied when what lay before it comes."""
    table = MarketTable(1)

    assert table.apply(_batch(0, 1, 1, _row("A", 1)))
    assert not table.apply(_batch(0, 1, 3, _row("A", 3)))
    assert table.columns().rows() == [_row("A", 1)]
    assert table.catch_up(0, [_batch(0, 1, 2, _row("B", 2))])
    assert {row.symbol: row.event_ms for row in table.columns().rows()} == {"A": 3, "B": 2}


@given(st.lists(st.sets(st.integers(0, 300), max_size=200), max_size=6))
def test_rows_of_a_partition_never_move_those_of_another(symbols: list[set[int]]) -> None:
    """However many symbols come and go with new owners, each row stays its own, and the other partition's too."""
    table = MarketTable(PARTITIONS)
    table.apply(_batch(1, 1, 1, _row("X", 7)))
    for epoch, numbers in enumerate(symbols, start=1):
        table.apply(_batch(0, epoch, 1, *[_row(f"S{number}", number) for number in numbers]))

        shown = {row.symbol: row.event_ms for row in table.columns().rows()}
        assert shown == {f"S{number}": number for number in numbers} | {"X": 7}


def test_later_session_of_the_same_instant_is_the_market_s() -> None:
    """Of events at one instant, the one of the later session says what session it is, whatever the day before had."""
    table = MarketTable(1)
    rows = [
        Row("A", "2024-10-02", "regular", 5),
        Row("B", "2024-10-02", "post", 5),
        Row("C", "2024-10-02", "pre", 4),
        Row("D", "2024-10-01", "post", 9),
    ]
    table.apply(_batch(0, 1, 1, *rows))

    assert table.instant() == Instant("2024-10-02", 5, "post")


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        *((b"", b""), (EVERY_NUMBER, b"123"), (EVERY_NUMBER, bytes(8))),
        *((EVERY_NUMBER, bytes(8 * len(FIELDS))), (EVERY_NUMBER, b"\xff" * 8 * len(FIELDS))),
    ],
)
def test_malformed_batch_and_image_change_nothing(
    number: int, which: bytes, numbers: bytes
) -> None:
    """Numbers that are too few, or no row, are refused before anything is replaced by them."""
    table = MarketTable(1)
    table.apply(_batch(0, 1, 1, _row("A", 1)))

    batch = RowsBatch(0, 2, number, 1.0, ["B"], which, numbers)
    assert not table.catch_up(0, [batch])
    if number == 1:
        with pytest.raises(ValueError, match=r"no changes|buffer size|trading day"):
            table.apply(batch)
    with pytest.raises(ValueError, match=r"reshape|buffer size|trading day"):
        table.apply_image(Image(0, 2, number, 1.0, ["B"], numbers))
    assert table.columns().rows() == [_row("A", 1)]
    assert table.apply(_batch(0, 1, 2, _row("A", 2)))


def test_rows_of_any_number_of_symbols_are_kept() -> None:
    """A table that grows while a batch or an image is taken has the rows of both in it."""
    table = MarketTable(1)
    few, many = ([_row(f"S{number}", moment) for number in range(count)] for moment, count in ((1, 60), (2, 600)))  # fmt: skip
    table.apply(_batch(0, 1, 1, *few))
    table.apply(_batch(0, 1, 2, *many))
    assert table.columns().rows() == many

    most = [_row(f"S{number}", 3) for number in range(6000)]
    table.apply_image(Image(0, 1, 3, 1.0, *packed(columns_of(most))))
    assert table.columns().rows() == most
