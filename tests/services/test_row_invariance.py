"""Rows do not depend on how the tape was cut, interleaved, partitioned, interrupted or repeated."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import day_of
from mesh.partition import partition_of
from schemas.alert import AlertKind
from schemas.leaderboard import Row
from schemas.market import Bar, Halt, Quote, Trade
from schemas.naming import MarketClass, symbol_token
from services.processors.fold import Fold
from services.processors.rows import FOLDED, RowFold
from tests.services.knowing import knowing


Streams = Mapping[MarketClass, Sequence[Any]]
Schedule = list[tuple[MarketClass, Sequence[Any]]]

SYMBOLS = ("A", "BRK.B", "BACpL", "X:BTC-USD")
DAYS = (day_of(date(2024, 10, 2)), day_of(date(2024, 10, 3)))
CLOSES = {
    "2024-10-02": {"A": 4.0, "BRK.B": 5.0, "BACpL": 6.0},
    "2024-10-03": {"A": 3.0, "X:BTC-USD": 2.0},
}

# Few symbols, instants, numbers and prices: duplicates, re-sent bars, ties and events out of order come by themselves.
symbols = st.sampled_from(SYMBOLS)
instants = st.sampled_from(
    [
        bound + offset
        for day in DAYS
        for bound in (day.pre_ms, day.open_ms, day.close_ms, day.end_ms - 1000)
        for offset in (-1000, -1, 0, 500, 1000)
    ]
)
prices = st.integers(1, 9).map(float)
unknown = st.none() | prices

second_bars = st.builds(
    lambda symbol, start_ms, close, volume, *rest: Bar(
        symbol, start_ms, start_ms + 1000, 1.0, 9.0, 1.0, close, volume, *rest
    ),
    symbols, instants, prices, prices, unknown, unknown, unknown, unknown,
)  # fmt: skip
minute_bars = st.builds(
    lambda symbol, start_ms, close, volume, *rest: Bar(
        symbol, start_ms, start_ms + 60_000, 1.0, 9.0, 1.0, close, volume, *rest
    ),
    symbols, instants, prices, prices, unknown, unknown, unknown, unknown,
)  # fmt: skip
trades = st.builds(
    Trade,
    symbols,
    instants,
    st.integers(0, 12),
    prices,
    st.sampled_from([0.0, 0.25, 1.0, 100.0]),
    st.sampled_from([(), (37,), (12,), (12, 37), (15,), (38,), (14, 41)]),
    st.just(4),
    st.just("1"),
)
quotes = st.builds(
    Quote,
    symbols,
    instants,
    st.integers(0, 12),
    unknown,
    prices,
    unknown,
    prices,
    st.none(),
    st.just(()),
)
halts = st.builds(
    Halt,
    symbols,
    instants,
    st.integers(0, 12),
    unknown,
    unknown,
    st.sampled_from([(), (14,), (17,), (18,), (21,), (23,), (24,), (25,), (29,)]),
)
tapes = st.fixed_dictionaries(
    {
        MarketClass.HALTS: st.lists(halts, max_size=8),
        MarketClass.BARS: st.lists(second_bars, max_size=14),
        MarketClass.MINUTES: st.lists(minute_bars, max_size=8),
        MarketClass.TRADES: st.lists(trades, max_size=16),
        MarketClass.QUOTES: st.lists(quotes, max_size=10),
    }
)


@st.composite
def _schedules(draw: st.DrawFn, streams: Streams) -> Schedule:
    """The streams cut into batches at will and interleaved at will, each class in its own order."""
    batches: dict[MarketClass, list[Sequence[Any]]] = {}
    for market_class, events in streams.items():
        cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=4)))
        bounds = [0, *cuts, len(events)]
        batches[market_class] = [events[start:end] for start, end in itertools.pairwise(bounds)]
    order = draw(st.permutations([each for each, parts in batches.items() for _ in parts]))
    return [(market_class, batches[market_class].pop(0)) for market_class in order]


def _whole(streams: Streams) -> RowFold:
    fold = RowFold(None, knowing(CLOSES))
    for market_class, events in streams.items():
        fold.on_batch(market_class, events)
    return fold


def _flushed(fold: RowFold) -> dict[str, Row]:
    """The rows that changed, by symbol: all of them, at the first call."""
    return {row.symbol: row for row in fold.on_flush().rows()}


def _merged(folds: Sequence[RowFold]) -> dict[str, Row]:
    return {symbol: row for fold in folds for symbol, row in _flushed(fold).items()}


def _ids(fold: RowFold) -> set[str]:
    """Of alerts. Prices near a band are those of two classes: bands come before the prices that they are for."""
    return {each.id for each in fold.unsent.values() if each.kind is not AlertKind.NEAR_BAND}


@given(tapes, st.data())
def test_batch_cuts_and_interleaving_do_not_matter(streams: Streams, data: st.DataObject) -> None:
    """However the classes are cut into batches and interleaved, rows and counters are the same."""
    fold = RowFold(None, knowing(CLOSES))
    for market_class, events in data.draw(_schedules(streams)):
        fold.on_batch(market_class, events)

    expected = _whole(streams)
    assert _flushed(fold) == _flushed(expected)
    assert (fold.folded, fold.late) == (expected.folded, expected.late)
    assert _ids(fold) == _ids(expected)


@given(tapes, st.data())
def test_flushed_changes_add_up_to_all_rows(streams: Streams, data: st.DataObject) -> None:
    """Who replaces rows by what each flush says has all rows at the end, whenever the flushes were."""
    fold = RowFold(None, knowing(CLOSES))
    seen: dict[str, Row] = {}
    for market_class, events in data.draw(_schedules(streams)):
        fold.on_batch(market_class, events)
        if data.draw(st.booleans()):
            changed = fold.on_flush().rows()
            assert [row.symbol for row in changed] == sorted({row.symbol for row in changed})
            seen.update((row.symbol, row) for row in changed)
    seen |= _flushed(fold)

    assert seen == _flushed(_whole(streams))
    assert len(fold.on_flush()) == 0


@given(tapes, st.integers(1, 6))
def test_number_of_partitions_does_not_matter(streams: Streams, partitions: int) -> None:
    """Rows of all partitions together are those of one, and so are the counters."""
    folds = [RowFold(None, knowing(CLOSES)) for _ in range(partitions)]
    for market_class, events in streams.items():
        for number, fold in enumerate(folds):
            fold.on_batch(
                market_class,
                [e for e in events if partition_of(symbol_token(e.symbol), partitions) == number],
            )

    expected = _whole(streams)
    assert _merged(folds) == _flushed(expected)
    for each in FOLDED:
        assert sum(fold.folded[each] for fold in folds) == expected.folded[each]
        assert sum(fold.late[each] for fold in folds) == expected.late[each]


@given(tapes, st.data())
def test_partitions_of_one_process_come_and_go(streams: Streams, data: st.DataObject) -> None:
    """Partitions that share a process are folded together, and one that leaves and comes back changes nothing."""
    knowledge = knowing(CLOSES)
    shared = Fold(knowledge)
    folds = [RowFold(None, knowledge, fold=shared) for _ in range(3)]
    for market_class, events in data.draw(_schedules(streams)):
        for number, fold in enumerate(folds):
            mine = [e for e in events if partition_of(symbol_token(e.symbol), 3) == number]
            fold.on_batch(market_class, mine)
        if data.draw(st.booleans()):
            leaving = data.draw(st.integers(0, 2))
            snapshot = folds[leaving].snapshot()
            folds[leaving].release()
            folds[leaving].on_batch(market_class, events)  # one that has left hears nothing
            folds[leaving] = RowFold(snapshot, knowledge, fold=shared)

    expected = _whole(streams)
    assert _merged(folds) == _flushed(expected)
    assert set().union(*map(_ids, folds)) == _ids(expected)
    for each in FOLDED:
        assert sum(fold.folded[each] for fold in folds) == expected.folded[each]
        assert sum(fold.late[each] for fold in folds) == expected.late[each]


@given(tapes, st.data())
def test_resuming_from_a_snapshot_equals_never_stopping(
    streams: Streams, data: st.DataObject
) -> None:
    """Stopped and resumed anywhere, however often, the rows and counters are those of one that never stopped."""
    fold = RowFold(None, knowing(CLOSES))
    seen: dict[str, Row] = {}
    for market_class, events in data.draw(_schedules(streams)):
        fold.on_batch(market_class, events)
        if data.draw(st.booleans()):
            before = fold
            fold = RowFold(before.snapshot(), knowing(CLOSES))
            seen |= _flushed(before)
            assert _flushed(fold) == seen  # all rows, not only those that changed

    expected = _whole(streams)
    assert seen | _flushed(fold) == _flushed(expected)
    assert (fold.folded, fold.late) == (expected.folded, expected.late)
    assert _ids(fold) == _ids(expected)


@given(tapes, st.data())
def test_snapshot_is_not_changed_by_what_comes_after(streams: Streams, data: st.DataObject) -> None:
    """A successor that starts from an older snapshot does not see what the owner folded since, and catches up."""
    schedule = data.draw(_schedules(streams))
    stop = data.draw(st.integers(0, len(schedule)))
    fold = RowFold(None, knowing(CLOSES))
    for market_class, events in schedule[:stop]:
        fold.on_batch(market_class, events)
    snapshot, rows = fold.snapshot(), _flushed(fold)
    for market_class, events in schedule[stop:]:
        fold.on_batch(market_class, events)

    successor = RowFold(snapshot, knowing(CLOSES))
    assert _flushed(successor) == rows
    for market_class, events in schedule[stop:]:
        successor.on_batch(market_class, events)
    assert _flushed(successor) == _flushed(fold)


@given(tapes, st.data())
def test_tape_that_is_played_again_changes_no_row(streams: Streams, data: st.DataObject) -> None:
    """All events once more from the start, also after a resume, leave every row as it was."""
    fold = _whole(streams)
    rows = _flushed(fold)
    again = RowFold(fold.snapshot(), knowing(CLOSES)) if data.draw(st.booleans()) else fold
    for market_class, events in data.draw(_schedules(streams)):
        again.on_batch(market_class, events)

    assert rows | _flushed(again) == rows


@given(tapes)
def test_every_event_is_counted_once(streams: Streams) -> None:
    """Folded and late are all that was given, class by class."""
    fold = _whole(streams)

    for market_class, events in streams.items():
        assert fold.folded[market_class] + fold.late[market_class] == len(events)


@given(tapes)
def test_rows_hold_together(streams: Streams) -> None:
    """In every row, change and percent are those of its own prices, and the time lies in its session and day."""
    for row in _whole(streams).on_flush().rows():
        day = day_of(date.fromisoformat(row.trading_day))
        assert day.start_ms <= row.event_ms <= day.end_ms + 60_000
        assert row.previous_close_usd == CLOSES.get(day.name, {}).get(row.symbol)
        _assert_change(row.last_usd, row.previous_close_usd, row.change_usd, row.change_pct)
        _assert_change(row.last_usd, row.open_usd, row.change_open_usd, row.change_open_pct)


def _assert_change(
    last: float | None, base: float | None, change: float | None, pct: float | None
) -> None:
    if last is None or base is None:
        assert (change, pct) == (None, None)
    else:
        assert (change, pct) == (last - base, (last - base) / base * 100)
