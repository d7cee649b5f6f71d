"""Halts: sequences made by hand with what must come of them, and what must not matter to it."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.calendar import day_at
from schemas.alert import AlertKind
from schemas.halt import Halted, HaltState
from schemas.leaderboard import HALTS
from schemas.market import Halt
from schemas.wire import encode_json, encode_msgpack, json_decoder, msgpack_decoder
from services.processors.halts import (
    HaltDay,
    Transition,
    fold_halts,
    halt_of,
    halted,
)
from services.simulator.market import start_of


DAY = "2026-01-05"
T0 = start_of(f"{DAY}T10:00:00")
MINUTE = 60_000
BANDS = (11.0, 9.0)
NONE = (None, None)

Told = list[Transition]
Step = tuple[int, tuple[int, ...], tuple[float | None, float | None]]
"""Milliseconds since 10:00, indicators, bands (upper, lower)."""

_decode_states = msgpack_decoder(list[HaltDay]).decode
_decode_halted = json_decoder(Halted).decode


def _events(steps: Sequence[Step], symbol: str = "ABC") -> list[Halt]:
    return [
        Halt(symbol, T0 + after_ms, number, upper, lower, codes)
        for number, (after_ms, codes, (upper, lower)) in enumerate(steps)
    ]


def _folded(events: Sequence[Halt]) -> tuple[dict[str, HaltDay], int, Told]:
    states: dict[str, HaltDay] = {}
    late, told = fold_halts(states, events, day_at, set())
    return states, late, told


def _state(steps: Sequence[Step]) -> HaltDay:
    return _folded(_events(steps))[0]["ABC"]


SEQUENCES: dict[str, tuple[list[Step], list[tuple[str, int, float | None, int | None]], str]] = {
    # steps; transitions as (kind, ms, level, until ms); the state at the end
    "bands only": ([(0, (14,), BANDS), (30_000, (15,), (11.2, 9.2))], [], "trading"),
    "pause of a Nasdaq-listed symbol": (
        [(0, (16,), BANDS), (20_000, (17,), NONE), (320_000, (18,), (52.34, 42.82))],
        [("halt", 20_000, None, 320_000), ("resume", 320_000, None, None)],
        "resumed",
    ),
    "pause that is told again": (
        [(0, (17,), NONE), (60_000, (17,), NONE)],
        [("halt", 0, None, 300_000)],
        "paused",
    ),
    "two pauses": (
        [(0, (17,), NONE), (300_000, (18,), BANDS), (400_000, (17,), NONE)],
        [("halt", 0, None, 300_000), ("resume", 300_000, None, None), ("halt", 400_000, None, 700_000)],
        "paused",
    ),
    "limit up, left in time": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (9000, (24,), NONE)],
        [("limit", 1000, 11.0, 16_000)],
        "trading",
    ),
    "limit down, not left: a pause, known from the next band": (
        [(0, (21,), BANDS), (1000, (25,), NONE), (320_000, (21,), (8.0, 7.0))],
        [("limit", 1000, 9.0, 16_000), ("halt", 16_000, 9.0, 316_000), ("resume", 320_000, None, None)],
        "resumed",
    ),
    "left because the pause emptied the book": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (16_050, (24,), NONE)],
        [("limit", 1000, 11.0, 16_000), ("halt", 16_000, 11.0, 316_000)],
        "paused",
    ),
    "leaving the limit was lost, and a new band says so": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (40_000, (21,), (11.5, 9.5))],
        [("limit", 1000, 11.0, 16_000)],
        "trading",
    ),
    "leaving the limit was lost, and another limit says so": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (40_000, (23,), NONE)],
        [("limit", 1000, 11.0, 16_000), ("limit", 40_000, 11.0, 55_000)],
        "limit",
    ),
    "from one band to the other": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (5000, (30,), NONE)],
        [("limit", 1000, 11.0, 16_000), ("limit", 5000, 9.0, 20_000)],
        "limit",
    ),
    "at both bands, then at one": (
        [(0, (21,), BANDS), (1000, (27,), NONE), (5000, (24,), NONE), (6000, (26,), NONE)],
        [("limit", 1000, None, 16_000)],
        "trading",
    ),
    "limit at once after the pause": (
        [(0, (21,), BANDS), (1000, (23,), NONE), (320_000, (23,), (12.0, 10.0))],
        [
            ("limit", 1000, 11.0, 16_000), ("halt", 16_000, 11.0, 316_000),
            ("resume", 320_000, None, None), ("limit", 320_000, 12.0, 335_000),
        ],
        "limit",
    ),
    "a repeated band does not end a pause of five minutes": (
        [(0, (17,), NONE), (60_000, (16,), BANDS), (120_000, (22,), BANDS)],
        [("halt", 0, None, 300_000)],
        "paused",
    ),
    "after five minutes it does": (
        [(0, (17,), NONE), (301_000, (16,), BANDS)],
        [("halt", 0, None, 300_000), ("resume", 301_000, None, None)],
        "resumed",
    ),
    "an extended pause lasts five minutes more": (
        [(0, (17,), NONE), (300_000, (20,), NONE), (301_000, (16,), BANDS)],
        [("halt", 0, None, 300_000)],
        "paused",
    ),
    "a market-wide halt of level 1": (
        [(0, (16,), BANDS), (1000, (17, 181), NONE)],
        [("halt", 1000, None, 901_000)],
        "paused",
    ),
    "without indicators": ([(0, (), BANDS), (1000, (), (11.5, 9.5))], [], "trading"),
}  # fmt: skip


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence_gives_its_transitions(name: str) -> None:
    """States and the times of their changes are those that the table says."""
    steps, expected, end = SEQUENCES[name]
    states, late, told = _folded(_events(steps))

    assert told == [
        Transition("ABC", AlertKind(kind), T0 + at_ms, level, None if until is None else T0 + until)
        for kind, at_ms, level, until in expected
    ]
    assert (late, states["ABC"].state) == (0, HaltState(end))


def test_pause_takes_the_bands_and_the_reopening_brings_new_ones() -> None:
    """In a pause there is no band; its side and its times stay known."""
    steps: list[Step] = [(0, (21,), BANDS), (1000, (25,), NONE), (16_050, (26,), NONE)]
    paused = halted(_state(steps), T0, None)
    resumed = halted(_state([*steps, (320_000, (21,), (8.0, 7.0))]), T0, None)

    assert (paused.upper_band_usd, paused.lower_band_usd) == NONE
    assert (paused.limit_side, paused.pause_ms, paused.halts_today) == ("down", T0 + 16_000, 1)
    assert (resumed.upper_band_usd, resumed.lower_band_usd) == (8.0, 7.0)
    assert (resumed.limit_side, resumed.pause_ms) == (None, T0 + 16_000)
    assert (resumed.since_ms, resumed.resume_ms) == (T0 + 320_000, T0 + 320_000)


def test_pause_before_the_close_ends_with_it() -> None:
    """Who is paused in the last ten minutes does not reopen; outside the session no end is known."""
    close_ms = day_at(T0).close_ms
    until = {
        at_ms: _folded([Halt("ABC", at_ms, 1, None, None, (17,))])[0]["ABC"].until_ms
        for at_ms in (close_ms - 15 * MINUTE, close_ms - 15 * MINUTE + 1, T0 - 60 * MINUTE)
    }

    assert list(until.values()) == [close_ms - 10 * MINUTE, close_ms, None]


def test_bands_go_with_the_session() -> None:
    """After the close the feed says that there are none; without that word a message without bands changes none."""
    state = _state([(0, (16,), BANDS), (1000, (24,), NONE)])
    assert (state.upper_band_usd, state.lower_band_usd, state.bands_ms) == (*BANDS, T0)

    state = _state([(0, (16,), BANDS), (1000, (19,), NONE)])
    assert (state.upper_band_usd, state.lower_band_usd, state.bands_ms) == (*NONE, T0 + 1000)


def test_new_day_has_no_history() -> None:
    """The first message of a day begins it; an old one of the day before is late."""
    next_ms = start_of("2026-01-06T09:30:00")
    events = _events([(0, (16,), BANDS), (1000, (17,), NONE)])
    states, late, told = _folded([*events, Halt("ABC", next_ms, 1, 12.0, 10.0, (14,)), events[0]])
    found = halted(states["ABC"], next_ms, None)

    assert (late, len(told)) == (1, 1)
    assert found == Halted(
        "ABC", "2026-01-06", HaltState.TRADING, next_ms, 12.0, 10.0, None, None, None, None, 0
    )


def test_only_what_can_be_seen_counts_as_a_change() -> None:
    """Most messages repeat bands: their symbols need no new row."""
    states: dict[str, HaltDay] = {}
    seen = []
    for event in _events([(0, (16,), BANDS), (1000, (16,), BANDS), (2000, (15,), (11.5, 9.5))]):
        changed: set[str] = set()
        fold_halts(states, [event], day_at, changed)
        seen.append(changed)

    assert seen == [{"ABC"}, set(), {"ABC"}]


@pytest.mark.parametrize(
    ("newest_trade_ms", "state"),
    [
        (None, "paused"),
        (T0 - 1, "paused"),
        (T0 + 10_000, "paused"),
        (T0 + 10_001, "resumed"),
        (T0 + 400_000, "resumed"),
    ],
)
def test_print_tells_that_a_pause_is_over(newest_trade_ms: int | None, state: str) -> None:
    """A print well after the pause began means trading; one from before it, reported late, does not."""
    paused = _state([(0, (17,), NONE)])
    found = halted(paused, T0 + 1, newest_trade_ms)

    assert found.state == state
    assert found.since_ms == (None if state == "resumed" else T0)
    assert halt_of(paused, DAY, T0 + 1, newest_trade_ms) == (state, found.since_ms)


@pytest.mark.parametrize(
    ("newest_ms", "newest_trade_ms", "expected"),
    [
        (T0 + 15_999, None, ("limit", T0 + 1000)),
        (T0 + 16_000, None, ("paused", T0 + 16_000)),
        (T0 + 16_000, T0 + 16_000, ("paused", T0 + 16_000)),
        (T0 + 400_000, T0 + 400_000, ("resumed", None)),
    ],
)
def test_limit_state_that_is_not_left_is_a_pause(
    newest_ms: int, newest_trade_ms: int | None, expected: tuple[str, int | None]
) -> None:
    """Whatever is heard of the symbol 15 s later shows the pause, and a later print its end."""
    state = _state([(0, (21,), BANDS), (1000, (23,), NONE)])

    assert halt_of(state, DAY, newest_ms, newest_trade_ms) == expected


def test_row_of_another_day_and_of_a_normal_symbol_says_nothing() -> None:
    """Yesterday's pause is none of today's, and trading is the normal state."""
    paused, trading = _state([(0, (17,), NONE)]), _state([(0, (16,), BANDS)])

    assert halt_of(paused, "2026-01-06", T0, None) == (None, None)
    assert halt_of(trading, DAY, T0, T0) == halt_of(None, DAY, T0, T0) == (None, None)


def test_rows_can_say_every_state_but_trading() -> None:
    """The words of rows are those of states."""
    assert set(HALTS) == {state.value for state in HaltState} - {"trading"}


def test_value_for_people_is_json() -> None:
    """The value of the bucket reads back as it was, with the state as a word."""
    found = halted(_state([(0, (17,), NONE)]), T0, None)

    assert b'"state":"paused"' in encode_json(found)
    assert _decode_halted(encode_json(found)) == found


codes = st.sampled_from([(), *((code,) for code in range(14, 31)), (17, 181), (16, 23)])
levels = st.none() | st.sampled_from([9.0, 10.0, 11.0])
halts = st.builds(
    Halt,
    st.sampled_from(["ABC", "XYZ"]),
    st.integers(0, 60).map(lambda steps: T0 + steps * 8_000),
    st.integers(0, 3),
    levels,
    levels,
    codes,
)
tapes = st.lists(halts, max_size=30)


@given(tapes, st.lists(st.integers(0, 30), max_size=6), st.integers(0, 30))
def test_cuts_and_restarts_change_nothing(tape: list[Halt], cuts: list[int], restart: int) -> None:
    """In one batch or in many, and after a stop in the middle, states, late events and transitions are the same."""
    expected = _folded(tape)
    states: dict[str, HaltDay] = {}
    late, told = 0, Told()
    at = [0, *sorted({*cuts, restart}), len(tape)]
    for begin, end in pairwise(at):
        if begin == restart:
            stored = encode_msgpack(list(states.values()))
            states = {state.symbol: state for state in _decode_states(stored)}
        more, found = fold_halts(states, tape[begin:end], day_at, set())
        late, told = late + more, told + found

    assert (states, late, told) == expected


@given(tapes, st.data())
def test_duplicates_and_late_events_change_nothing(tape: list[Halt], data: st.DataObject) -> None:
    """What came before, or is older than the symbol's newest message, is counted and has no effect."""
    ordered = sorted(tape, key=lambda event: (event.event_ms, event.sequence))
    states, late, told = _folded(ordered)
    disturbed: list[Halt] = []
    for event in ordered:
        disturbed.append(event)
        disturbed += data.draw(st.lists(st.sampled_from(disturbed), max_size=2))
    found, more, same = _folded(disturbed)

    assert (found, same) == (states, told)
    assert more == late + len(disturbed) - len(ordered)


@given(tapes)
def test_symbols_do_not_matter_to_each_other(tape: list[Halt]) -> None:
    """A symbol comes to the same alone: how many partitions there are makes no difference."""
    states, late, told = _folded(tape)
    alone = [_folded([each for each in tape if each.symbol == name]) for name in ("ABC", "XYZ")]

    assert states == alone[0][0] | alone[1][0]
    assert late == alone[0][1] + alone[1][1]
    assert sorted(told) == sorted(alone[0][2] + alone[1][2])


@given(tapes)
def test_transitions_are_in_order_and_paired(tape: list[Halt]) -> None:
    """Times of a symbol's transitions never go back, each resumption follows a pause, and pauses are counted."""
    states, _, told = _folded(tape)
    for symbol, state in states.items():
        mine = [each for each in told if each.symbol == symbol]
        pauses = [each.kind for each in mine if each.kind is not AlertKind.LIMIT]

        assert [each.event_ms for each in mine] == sorted(each.event_ms for each in mine)
        assert pauses == [AlertKind.HALT, AlertKind.RESUME] * (len(pauses) // 2) + (
            [AlertKind.HALT] * (len(pauses) % 2)
        )
        assert state.halts_today == pauses.count(AlertKind.HALT)
