"""The market table: whatever is lost, late or doubled, it shows one owner's rows, and in the end the newest."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from mesh.leaderboard import Instant
from mesh.market import MarketTable
from schemas.leaderboard import Image, PackedRow, RowsBatch


PARTITIONS = 2
SYMBOLS = (("A", "B", "C"), ("X", "Y", "Z"))

Rows = dict[str, PackedRow]
Script = list[tuple[int, int, str]]


class Moment(NamedTuple):
    """A flush of an owner, and all rows that it had then."""

    batch: RowsBatch
    rows: Rows


def _row(symbol: str, number: int) -> PackedRow:
    return PackedRow(symbol, f"2024-10-{1 + number // 20:02d}", "regular", number, *[None] * 9)


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
            moments.append(Moment(RowsBatch(partition, epoch, number, 1.0, news), rows))
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
    return Image(batch.partition, batch.epoch, batch.number, 1.0, list(moment.rows.values()))


def _shown(table: MarketTable, partition: int) -> Rows:
    return {row.symbol: row for row in table.rows() if row.symbol in SYMBOLS[partition]}


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
        shown = [(row.trading_day, row.event_ms) for row in table.rows()]
        newest = max([*shown, *([newest] if newest else [])], default=None)

    assert table.instant() == (Instant(*newest, "regular") if newest else None)


def test_oldest_change_is_taken_once() -> None:
    """The age of what changed counts from the oldest batch since it was last asked for; images have none."""
    table = MarketTable(1)
    for number, received_ms in ((1, 5.0), (2, 3.0), (3, 0.0), (4, 4.0)):
        table.apply(RowsBatch(0, 1, number, received_ms, []))
    table.apply_image(Image(0, 1, 9, 1.0, []))

    assert table.take_received_ms() == 3.0
    assert table.take_received_ms() == 0.0


def test_rows_that_a_new_owner_does_not_have_are_gone() -> None:
    """A symbol that only the replaced owner knew does not stay on the boards."""
    table = MarketTable(1)
    table.apply(RowsBatch(0, 1, 1, 1.0, [_row("A", 1), _row("B", 1)]))

    table.apply(RowsBatch(0, 2, 1, 1.0, [_row("B", 2)]))

    assert list(table.rows()) == [_row("B", 2)]


def test_batch_before_the_missing_one_waits_for_it() -> None:
    """What comes too early is said to be incomplete, kept, and applied when what lay before it comes."""
    table = MarketTable(1)

    assert table.apply(RowsBatch(0, 1, 1, 1.0, [_row("A", 1)]))
    assert not table.apply(RowsBatch(0, 1, 3, 1.0, [_row("A", 3)]))
    assert list(table.rows()) == [_row("A", 1)]
    assert table.catch_up(0, [RowsBatch(0, 1, 2, 1.0, [_row("B", 2)])])
    assert {row.symbol: row.event_ms for row in table.rows()} == {"A": 3, "B": 2}
