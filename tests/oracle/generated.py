"""Small tapes of every awkward kind, and the files that they are written to.

What the recorded days do not have: half days, both ends of daylight saving, days without a file, events
that come late, twice, or again with other numbers, sequences that go back, fractional sizes, condition ids
that nobody knows, quotes with one side, several channels at the same millisecond.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from mesh.calendar import NEW_YORK
from schemas.wire import encode_json
from tests.oracle.reference import Known, References, Usual


Event = dict[str, Any]
"""A vendor event."""

DAYS = (
    date(2024, 11, 1),
    date(2024, 11, 3),  # a Sunday; daylight saving ends
    date(2024, 11, 4),
    date(2024, 11, 28),  # Thanksgiving
    date(2024, 11, 29),  # closes at 13:00
    date(2024, 12, 2),
    date(2025, 3, 7),
    date(2025, 3, 9),  # a Sunday; daylight saving begins
    date(2025, 3, 10),
)
CLOCK_TIMES = (
    time(0), time(3, 59), time(4), time(9, 29), time(9, 30), time(12, 59), time(13), time(15, 59),
    time(16), time(17), time(19, 59), time(20), time(23, 59),
)  # fmt: skip
SYMBOLS = ("AAA", "BRK.B", "BACpL")
WINDOW_MS = {"A": 1_000, "AM": 60_000}
CONDITION_IDS = (0, 2, 12, 14, 15, 16, 37, 41, 53, 99)
"""Without 38, and no bar without `a`: of these, `test_definitions_oracle` speaks."""

prices = st.integers(1, 400_000).map(lambda ticks: ticks / 100)
shares = st.integers(1, 10_000)
fractions = st.integers(1, 10**9).map(lambda parts: f"{parts / 10**4:.4f}")
"""To four digits: with prices in cents, dollars then have no more than the six that windows are summed with."""

_bar = {"o": prices, "c": prices, "h": prices, "l": prices, "v": shares, "a": prices}
_more = {
    "av": shares, "dav": fractions, "op": st.just(0) | prices, "vw": prices,
    "z": st.integers(0, 300), "dv": fractions,
}  # fmt: skip


def _upright(bar: Any) -> Event:
    return {**bar, "h": max(bar["h"], bar["l"]), "l": min(bar["h"], bar["l"])}


bars = st.fixed_dictionaries({"ev": st.sampled_from(["A", "AM"]), **_bar}, optional=_more).map(
    _upright
)
trades = st.fixed_dictionaries(
    {"ev": st.just("T"), "p": prices, "s": shares},
    optional={"ds": fractions, "c": st.lists(st.sampled_from(CONDITION_IDS), max_size=3)},
)
quotes = st.fixed_dictionaries(
    {"ev": st.just("Q")},
    optional={
        "bp": st.just(0) | prices, "bs": shares, "ap": st.just(0) | prices, "as": shares
    },
)  # fmt: skip
channels: st.SearchStrategy[Event] = bars | trades | quotes
"""Vendor events without symbol, time and sequence, as they may come together."""

Closes = Mapping[tuple[date, str], float]


class Drawn(NamedTuple):
    """An event before it has its place on the tape."""

    at_ms: int
    symbol: str
    event: Event
    delay_ms: int = 0
    """How much later than a live feed would it comes."""
    back: int = 0
    """How far the sequence of a trade or quote goes back."""
    again: Event | None = None
    """What changes when it comes once more; None if it does not."""


@st.composite
def tapes(draw: st.DrawFn) -> list[Event]:
    """Anything, on two days that follow each other, around the boundaries of sessions."""
    first = draw(st.integers(0, len(DAYS) - 2))
    drawn = st.builds(
        Drawn,
        st.builds(
            lambda day, at, later_ms: epoch_ms(day, at) + later_ms,
            st.sampled_from(DAYS[first : first + 2]),
            st.sampled_from(CLOCK_TIMES),
            st.sampled_from([0, 1, 999, 1000, 2500]),
        ),
        st.sampled_from(SYMBOLS),
        channels,
        st.sampled_from([0, 0, 0, 0, 1500, 60_000, 7 * 3_600_000]),
        st.sampled_from([0, 0, 0, 0, 1, 3]),
        st.none() | st.none() | st.just({}) | st.fixed_dictionaries({"c": prices, "h": st.just(4000), "op": prices}),
    )  # fmt: skip
    return list(arrived(draw(st.lists(drawn, min_size=1, max_size=25))))


def arrived(drawn: Iterable[Drawn]) -> Iterator[Event]:
    """Vendor events in the order in which they come, with their sequences."""
    ordered = sorted(drawn, key=lambda each: known_ms(each) + each.delay_ms)
    for place, each in enumerate(ordered):
        event = each.event
        if event["ev"] in WINDOW_MS:
            end_ms = known_ms(each)
            told = {"sym": each.symbol, "s": end_ms - WINDOW_MS[event["ev"]], "e": end_ms}
        else:
            sequence = max(2 * (place - each.back) + 2, 0)
            told = {"sym": each.symbol, "t": each.at_ms, "q": sequence}
        yield event | told
        if each.again is not None:
            yield event | told | (each.again if event["ev"] in WINDOW_MS else {})


def known_ms(drawn: Drawn) -> int:
    """The end of the window that contains the event; for a trade or quote its own time."""
    width = WINDOW_MS.get(drawn.event["ev"])
    return drawn.at_ms if width is None else drawn.at_ms - drawn.at_ms % width + width


def epoch_ms(day: date, at: time) -> int:
    """An instant by the clocks of New York."""
    return round(datetime.combine(day, at, NEW_YORK).timestamp() * 1000)


@st.composite
def busy_tapes(draw: st.DrawFn) -> list[Event]:
    """Up to two symbols for some minutes: enough for windows, sides, runs, spikes, blocks and cooldowns."""
    start_ms = epoch_ms(
        draw(st.sampled_from(DAYS)),
        draw(st.sampled_from([time(9, 20), time(12, 50), time(15, 50)])),
    )
    usual_usd = draw(st.sampled_from([0.8, 1.5, 3.0, 7.0, 9.0, 40.0, 500.0]))
    moved = st.sampled_from([-12, -6, -4, -3, -1, 0, 0, 0, 1, 2, 4, 6, 12])
    at_ms = st.builds(
        lambda minute, second, ms: start_ms + minute * 60_000 + second * 1000 + ms,
        st.integers(0, 25) | st.integers(8, 12),
        st.integers(0, 59) | st.integers(0, 9),
        st.sampled_from([0, 7, 999]),
    )
    trade = st.builds(
        lambda percent, size, conditions: {
            "ev": "T", "p": round(usual_usd * (100 + percent) / 100, 2), "s": size, "c": conditions
        },
        moved,
        st.sampled_from([1, 100, 100, 300, 900, 4000, 12_000, 600_000]),
        st.sampled_from([(), (), (), (), (37,), (12,), (15,), (14, 41)]),
    )  # fmt: skip
    quote = st.builds(
        lambda percent, spread: {
            "ev": "Q", "bs": 100, "as": 200,
            "bp": round(usual_usd * (100 + percent) / 100, 2),
            "ap": round(usual_usd * (100 + percent + spread) / 100, 2),
        },
        moved,
        st.sampled_from([-1, 0, 1, 2]),
    )  # fmt: skip
    drawn = st.builds(
        Drawn,
        at_ms,
        st.sampled_from(SYMBOLS[:2]),
        trade | trade | quote,
        st.sampled_from([0, 0, 0, 0, 0, 0, 900, 5000, 90_000, 900_000]),
        st.just(0),
        st.none(),
    )
    return list(arrived(draw(st.lists(drawn, min_size=20, max_size=90))))


_maybe = st.none() | prices
_known = st.builds(
    Known, st.sampled_from(SYMBOLS), st.sampled_from(DAYS).map(date.isoformat), _maybe, _maybe, _maybe,
    _maybe, _maybe, _maybe, _maybe, _maybe, _maybe,
    st.lists(st.tuples(prices, prices), max_size=6).map(tuple),
)  # fmt: skip
_usual = st.builds(
    lambda symbol, days, quiet, each: Usual(symbol, days, [0] * quiet + [each] * (960 - quiet)),
    st.sampled_from(SYMBOLS), st.integers(0, 20), st.sampled_from([0, 1, 330, 960]), st.integers(1, 9),
)  # fmt: skip
references = st.builds(
    References,
    st.lists(_known, max_size=6, unique_by=lambda known: known[:2]),
    st.lists(_usual, max_size=2, unique_by=lambda usual: usual.symbol),
)
"""Of some symbols on some days, with holes."""

closes = st.dictionaries(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(SYMBOLS)), prices, max_size=9
)
"""Of day files."""


def write(folder: Path, events: Iterable[Event], closes: Closes) -> None:
    """One file of JSON lines, and one of each day with a close."""
    (folder / "events.jsonl").write_bytes(b"\n".join(map(encode_json, events)))
    header = "ticker,volume,open,close,high,low,window_start,transactions"
    for day in {day for day, _symbol in closes}:
        midnight_ns = epoch_ms(day, time(0)) * 10**6
        rows = [
            f"{symbol},1,1,{close},1,1,{midnight_ns},"
            for (of, symbol), close in closes.items()
            if of == day
        ]
        (folder / f"{day}.csv").write_text("\n".join([header, *rows, ""]))
