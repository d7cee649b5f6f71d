"""Halts among the columns: which band a price is held against, and what rows and KV say of halts."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import day_at
from schemas.halt import HaltState
from schemas.leaderboard import HALTS
from schemas.market import Halt, Trade
from schemas.naming import MarketClass
from services.processors.halting import Halting
from services.processors.rows import RowFold
from services.processors.sheet import Symbols
from services.simulator.market import start_of
from tests.services.knowing import knowing


DAY = "2026-01-05"
T0 = start_of(f"{DAY}T10:00:00")
WIDE, NARROW, NONE = (11.0, 9.0), (10.5, 9.5), (None, None)

Bands = tuple[float | None, float | None]
Step = tuple[int, tuple[int, ...], Bands]
"""Milliseconds since 10:00, indicators, bands (upper, lower)."""


def _halts(steps: Sequence[Step], symbol: str = "A") -> list[Halt]:
    return [Halt(symbol, T0 + ms, number, upper, lower, codes) for number, (ms, codes, (upper, lower)) in enumerate(steps)]  # fmt: skip


def _halting(*batches: Sequence[Halt]) -> Halting:
    halting = Halting(Symbols(["Z", "A", "B"]))
    for batch in batches:
        halting.fold(batch, day_at)
    return halting


def _near(halting: Halting, after_ms: int, price_usd: float) -> tuple[float, int] | None:
    """The band that the price of A is near, and since when it is in force."""
    found = halting.near(np.array([1]), np.array([T0 + after_ms]), np.array([price_usd]))
    assert found.which.tolist() in ([], [0])
    return (float(found.band_usd[0]), int(found.bands_ms[0]) - T0) if len(found.which) else None


@pytest.mark.parametrize(
    ("steps", "after_ms", "price_usd", "expected"),
    [
        ([(0, (16,), WIDE)], -1, 10.95, None),
        ([(0, (16,), WIDE)], 0, 10.95, (11.0, 0)),
        ([(0, (16,), WIDE)], 900_000, 9.05, (9.0, 0)),
        ([(0, (16,), WIDE)], 0, 10.0, None),
        ([(0, (16,), WIDE)], 0, 11.5, (11.0, 0)),
        ([(0, (16,), WIDE)], 0, 8.5, (9.0, 0)),
        ([(0, (16,), (11.0, None))], 0, 10.95, (11.0, 0)),
        ([(0, (16,), (None, 9.0))], 0, 9.05, (9.0, 0)),
        ([(0, (16,), (10.05, 9.98))], 0, 10.0, (9.98, 0)),  # the nearer of two
        ([(0, (16,), (10.05, 9.95))], 0, 10.0, (10.05, 0)),  # of equal ones the upper
        ([(0, (16,), (1.01, 0.5))], 0, 1.0, (1.01, 0)),  # a percent, to the cent
        ([(0, (16,), (1.02, 0.5))], 0, 1.0, None),
        # bands that took the place of others hold from their begin on, the others before
        ([(0, (16,), WIDE), (30_000, (15,), NARROW)], 30_000, 10.45, (10.5, 30_000)),
        ([(0, (16,), WIDE), (30_000, (15,), NARROW)], 29_999, 10.45, None),
        ([(0, (16,), WIDE), (30_000, (15,), NARROW)], 29_999, 10.95, (11.0, 0)),
        ([(0, (16,), WIDE), (30_000, (15,), NARROW)], -1, 10.95, None),
        # bands that are repeated began when they came first
        ([(0, (16,), WIDE), (30_000, (16,), WIDE)], 40_000, 10.95, (11.0, 0)),
        # in a limit state and in a pause nothing is near; before it, it was
        ([(0, (21,), WIDE), (9000, (23,), NONE)], 9000, 10.95, None),
        ([(0, (21,), WIDE), (9000, (23,), NONE)], 8999, 10.95, (11.0, 0)),
        ([(0, (16,), WIDE), (9000, (17,), NONE)], 9000, 10.95, None),
        # after it, it is again
        ([(0, (21,), WIDE), (9000, (23,), NONE), (10_000, (24,), NONE)], 10_000, 10.95, (11.0, 10_000)),
        ([(0, (16,), WIDE), (9000, (17,), NONE), (310_000, (18,), NARROW)], 310_000, 10.45, (10.5, 310_000)),
        ([(0, (16,), WIDE), (9000, (19,), NONE)], 9000, 10.95, None),
    ],
)  # fmt: skip
def test_price_is_held_against_the_bands_of_its_time(
    steps: list[Step], after_ms: int, price_usd: float, expected: tuple[float, int] | None
) -> None:
    """Bands now and those before them, whether they came in one batch or in many."""
    halts = _halts(steps)

    assert _near(_halting(halts), after_ms, price_usd) == expected
    assert _near(_halting(*([each] for each in halts)), after_ms, price_usd) == expected


codes = st.sampled_from([(), (14,), (16,), (17,), (18,), (19,), (21,), (23,), (24,), (27,)])
bands = st.sampled_from([WIDE, NARROW, NONE, (11.0, None)])
tapes = st.lists(
    st.builds(
        lambda symbol, step, sequence, levels, code: Halt(symbol, T0 + step * 8000, sequence, levels[0], levels[1], code),
        st.sampled_from(["A", "B"]), st.integers(0, 60), st.integers(0, 3), bands, codes,
    ),
    max_size=12,
)  # fmt: skip


@given(tapes, st.lists(st.integers(0, 12), max_size=4), st.integers(0, 12))
def test_cuts_and_restarts_do_not_change_the_bands(
    tape: list[Halt], cuts: list[int], restart: int
) -> None:
    """In one batch or in many, and after a stop in the middle, prices are held against the same bands."""
    expected, symbols = _halting(tape), Symbols(["Z", "A", "B"])
    found = Halting(symbols)
    for begin, end in pairwise([0, *sorted({*cuts, restart}), len(tape)]):
        if begin == restart:
            successor = Halting(symbols)
            successor.load(np.arange(len(symbols)), found.dump(np.arange(len(symbols))))
            successor.states |= found.states
            found = successor
        found.fold(tape[begin:end], day_at)

    assert found.states == expected.states
    for place in range(1, 3):
        for name in ("upper_usd", "lower_usd", "bands_ms"):
            np.testing.assert_array_equal(getattr(found, name)[place], getattr(expected, name)[place])  # fmt: skip


def _marked(
    steps: Sequence[Step], newest_ms: int, trade_ms: int
) -> tuple[str | None, float | None, Halting]:
    """What the row says of A, of which something was heard at these times since 10:00."""
    halting = _halting(_halts(steps))
    at, day = np.array([0, 1]), day_at(T0)
    newest = np.array([T0, T0 + newest_ms])
    halting.mark(at, day, newest, np.array([0, T0 + trade_ms]))
    assert np.isnan(halting.halt[0])
    halt, since = halting.halt[1], halting.halt_ms[1]
    return (
        None if np.isnan(halt) else HALTS[int(halt)],
        None if np.isnan(since) else since - T0,
        halting,
    )


@pytest.mark.parametrize(
    ("steps", "newest_ms", "trade_ms", "halt", "halt_ms"),
    [
        ([(0, (16,), WIDE)], 1000, 1000, None, None),
        ([(0, (21,), WIDE), (1000, (23,), NONE)], 2000, 500, "limit", 1000),
        ([(0, (21,), WIDE), (1000, (23,), NONE)], 16_000, 500, "paused", 16_000),
        ([(0, (16,), WIDE), (1000, (17,), NONE)], 2000, 500, "paused", 1000),
        ([(0, (16,), WIDE), (1000, (17,), NONE)], 11_000, 11_000, "paused", 1000),
        ([(0, (16,), WIDE), (1000, (17,), NONE)], 11_001, 11_001, "resumed", None),
        ([(0, (16,), WIDE), (1000, (17,), NONE), (301_000, (18,), NARROW)], 302_000, 500, "resumed", 301_000),
    ],
)  # fmt: skip
def test_row_says_how_a_symbol_trades(
    steps: list[Step], newest_ms: int, trade_ms: int, halt: str | None, halt_ms: float | None
) -> None:
    """The word and since when, by the messages and by what else was heard of the symbol."""
    found, since_ms, halting = _marked(steps, newest_ms, trade_ms)

    assert (found, since_ms) == (halt, halt_ms)
    assert set(halting.unput) == ({"A"} if halt else set())


def test_value_to_show_is_that_of_the_moment() -> None:
    """What is put into KV has the bands, the times and the state that the row says, and is that of the last mark."""
    halting = _marked([(0, (21,), WIDE), (1000, (23,), NONE)], 2000, 500)[2]
    limit = halting.unput.pop("A")
    halting.mark(np.array([1]), day_at(T0), np.array([T0 + 16_000]), np.array([T0 + 500]))
    paused = halting.unput["A"]

    assert (limit.state, limit.since_ms, limit.until_ms) == (HaltState.LIMIT, T0 + 1000, T0 + 16_000)  # fmt: skip
    assert (limit.upper_band_usd, limit.lower_band_usd, limit.limit_side) == (11.0, 9.0, "up")
    assert (paused.state, paused.since_ms, paused.until_ms) == (HaltState.PAUSED, T0 + 16_000, T0 + 316_000)  # fmt: skip
    assert (paused.upper_band_usd, paused.limit_side, paused.halts_today) == (None, "up", 1)


def test_symbol_that_trades_again_is_shown_once_more() -> None:
    """After a limit state that was left the row says nothing, and KV that the symbol trades."""
    halting = _marked([(0, (21,), WIDE), (1000, (23,), NONE)], 2000, 500)[2]
    halting.unput.clear()
    halting.fold([Halt("A", T0 + 3000, 9, None, None, (24,))], day_at)
    newest = np.array([T0 + 3000])
    halting.mark(np.array([1]), day_at(T0), newest, newest)
    assert (halting.unput.pop("A").state, np.isnan(halting.halt[1])) == (HaltState.TRADING, True)

    halting.mark(np.array([1]), day_at(T0), newest, newest)
    assert not halting.unput


def _fold(snapshot: bytes | None = None) -> RowFold:
    return RowFold(snapshot, knowing({}))


def _halt_of(fold: RowFold) -> tuple[str | None, int | None]:
    [row] = fold.on_flush().rows()
    return row.halt, row.halt_ms


def test_successor_knows_the_halts() -> None:
    """State, bands and what the row says are in the snapshot, and go on from there."""
    fold = _fold()
    fold.on_batch(MarketClass.TRADES, [Trade("A", T0, 1, 10.0, 100.0, (), 4, "1")])
    fold.on_batch(MarketClass.HALTS, _halts([(0, (21,), WIDE), (1000, (23,), NONE)]))
    assert _halt_of(fold) == ("limit", T0 + 1000)

    successor = _fold(fold.snapshot())
    assert _halt_of(successor) == ("limit", T0 + 1000)
    successor.on_batch(MarketClass.HALTS, [Halt("A", T0 + 320_000, 7, *NARROW, (21,))])
    assert _halt_of(successor) == ("resumed", T0 + 320_000)
    assert successor.halted["A"].upper_band_usd == NARROW[0]


def test_pause_of_yesterday_is_none_of_today() -> None:
    """With the first event of the next day the row says nothing of a halt, until the feed says so again."""
    fold = _fold()
    tomorrow = start_of("2026-01-06T09:30:00")
    fold.on_batch(MarketClass.TRADES, [Trade("A", T0, 1, 10.0, 100.0, (), 4, "1")])
    fold.on_batch(MarketClass.HALTS, _halts([(1000, (17,), NONE)]))
    assert _halt_of(fold) == ("paused", T0 + 1000)

    fold.on_batch(MarketClass.TRADES, [Trade("A", tomorrow, 1, 10.0, 100.0, (), 4, "1")])
    assert _halt_of(fold) == (None, None)

    fold.on_batch(MarketClass.HALTS, [Halt("A", tomorrow + 1000, 1, None, None, (17,))])
    assert _halt_of(fold) == ("paused", tomorrow + 1000)
