"""Whether symbols trade: their price bands, limit states, pauses and resumptions.

    trading ── at a band ──> limit ── 15 s ──> paused ──> resumed
       ^                       │                            │
       └──── left the band ────┘             limit or paused again

What the vendor's `LULD` channel says (sources: `schemas.luld`, and the vendor's own example of the
channel, github.com/massive-com/community, examples/websocket/luld-monitor: a message with indicator 17 and
without bands, five minutes later one with 18 and with new bands):

- Nasdaq-listed: 17 is a pause or any other halt (which one it does not say), 18 its end. Limit states are
  not sent.
- Others: 23–30 are limit states; pauses are not sent. By the Plan the primary exchange declares one
  when a limit state lasts 15 s, so a limit state that was not left by then is a pause from then on. That the
  limit was left later than that is the pause itself, which empties the book. Only if a new band comes before a
  pause could be over there was none: the message that the limit was left has been lost.

No band is calculated in a pause, so a new one ends it: an opening, intraday or reopening update, or
an entry into a limit state. A band that is merely repeated ends it once the five minutes are over.
Until such a message comes, a print tells (`halted`).

Everything here follows from one symbol's messages in the order of (event time, sequence). An older
or equal one is late and without effect; the first of a new day begins a day without history, also for
who was halted overnight: the feed says so again.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from mesh.calendar import Day
from schemas.alert import AlertKind
from schemas.halt import Halted, HaltState
from schemas.luld import (
    EXTENDED,
    LIMIT_MS,
    LIMITS,
    NEW_BANDS,
    NO_REOPENING_MS,
    OUTSIDE_HOURS,
    PAUSE_MS,
    SUSPENDED,
    market_halt_until_ms,
    market_level,
)
from schemas.market import Halt


REPORTED_MS = 10_000
"""How long after a pause began a print may have been made before it: off-exchange trades are reported
within 10 s without being marked late (FINRA Rule 6380A)."""


class HaltDay(msgspec.Struct, array_like=True, gc=False):
    """What the messages about one symbol came to so far on one day. Fields as in `Halted`."""

    symbol: str
    trading_day: str = ""
    close_ms: int = 0
    """End of the day's regular session."""
    event_ms: int = -1
    """Of the newest message."""
    sequence: int = -1
    state: HaltState = HaltState.TRADING
    since_ms: int = 0
    upper_band_usd: float | None = None
    lower_band_usd: float | None = None
    bands_ms: int = 0
    """Since when these bands, or none, are in force."""
    at_upper: bool = False
    """Whether the best bid is, or at the begin of the pause was, at the upper band."""
    at_lower: bool = False
    """The same for the best offer and the lower band."""
    pause_ms: int | None = None
    resume_ms: int | None = None
    until_ms: int | None = None
    halts_today: int = 0


class Transition(NamedTuple):
    """A change of state that is worth an alert. Fields as in `schemas.alert.Alert`."""

    symbol: str
    kind: AlertKind
    event_ms: int
    level_usd: float | None
    """The band that was reached, if that is known."""
    until_ms: int | None


Told = list[Transition]


def fold_halts(
    states: dict[str, HaltDay],
    events: Sequence[Halt],
    day_of: Callable[[int], Day],
    changed: set[str],
) -> tuple[int, Told]:
    """Take *events* in the order of arrival; how many were late, and what changed for whom."""
    late, told = 0, Told()
    for event in events:
        symbol = event.symbol
        state = states.get(symbol)
        if state is None:
            state = states[symbol] = HaltDay(symbol)
        elif (event.event_ms, event.sequence) <= (state.event_ms, state.sequence):
            late += 1
            continue
        before = _visible(state)
        day = day_of(event.event_ms)
        if day.name != state.trading_day:
            state = states[symbol] = HaltDay(
                symbol, day.name, day.close_ms, since_ms=event.event_ms
            )
        _take(state, event, day, told)
        state.event_ms, state.sequence = event.event_ms, event.sequence
        if _visible(state) != before:
            changed.add(symbol)
    return late, told


def halted(state: HaltDay, newest_ms: int, newest_trade_ms: int | None) -> Halted:
    """The state by all that is known of the symbol.

    Args:
        state: of the symbol.
        newest_ms: of its newest event of any class; only the greatest matters, not which came first.
        newest_trade_ms: of its newest print that may set the last price; None without any.
    """
    word, until_ms, pause_ms = state.state, state.until_ms, state.pause_ms
    since_ms: int | None = state.since_ms
    upper_usd, lower_usd, halts = state.upper_band_usd, state.lower_band_usd, state.halts_today
    if word is HaltState.LIMIT and until_ms is not None and newest_ms >= until_ms:
        word, since_ms, pause_ms, halts = HaltState.PAUSED, until_ms, until_ms, halts + 1
        upper_usd = lower_usd = None
        until_ms = _reopening_ms(until_ms, state.close_ms)
    if word is HaltState.PAUSED and _is_after(newest_trade_ms, pause_ms):
        word, since_ms, until_ms = HaltState.RESUMED, None, None
    return Halted(
        state.symbol, state.trading_day, word, since_ms, upper_usd, lower_usd,
        limit_side(state), pause_ms, state.resume_ms, until_ms, halts,
    )  # fmt: skip


def halt_of(
    state: HaltDay | None, trading_day: str, newest_ms: int, newest_trade_ms: int | None
) -> tuple[str | None, int | None]:
    """What a row of *trading_day* says of it: one of `HALTS`, and since when. Other arguments as of `halted`."""
    if state is None or state.state is HaltState.TRADING or state.trading_day != trading_day:
        return None, None
    found = halted(state, newest_ms, newest_trade_ms)
    return found.state.value, found.since_ms


def limit_side(state: HaltDay) -> str | None:
    """The band that the symbol is at, or was when it paused: `up` or `down`; None if both or neither."""
    if state.at_upper == state.at_lower:
        return None
    return "up" if state.at_upper else "down"


def _is_after(newest_trade_ms: int | None, pause_ms: int | None) -> bool:
    return (
        newest_trade_ms is not None
        and pause_ms is not None
        and newest_trade_ms > pause_ms + REPORTED_MS
    )


def _visible(state: HaltDay) -> tuple[object, ...]:
    """What others see of a state."""
    return (
        state.state, state.since_ms, state.upper_band_usd, state.lower_band_usd, state.until_ms,
        state.at_upper, state.at_lower, state.trading_day,
    )  # fmt: skip


def _take(state: HaltDay, event: Halt, day: Day, told: Told) -> None:
    """Bring *state* to the moment of *event*, and let it say what it says."""
    event_ms, codes = event.event_ms, event.indicators
    _end_limit(state, event, told)
    level = market_level(codes)
    market_ms = market_halt_until_ms(level, event_ms, day.close_ms) if level is not None else None
    if market_ms is not None or SUSPENDED in codes:
        regular = day.session(event_ms) == "regular"  # else no pause of five minutes
        until_ms = _reopening_ms(event_ms, day.close_ms) if regular else None
        _pause(state, event_ms, market_ms or until_ms, told)
        return
    if state.state is HaltState.PAUSED:
        if not _ends_pause(state, event):
            if EXTENDED in codes:
                state.until_ms = event_ms + PAUSE_MS
            return
        state.state, state.until_ms = HaltState.RESUMED, None
        state.since_ms = state.resume_ms = event_ms
        state.at_upper = state.at_lower = False
        told.append(Transition(state.symbol, AlertKind.RESUME, event_ms, None, None))
    _set_bands(state, event)
    for code in codes:
        if code in LIMITS:
            _set_limit(state, event_ms, code, told)


def _end_limit(state: HaltDay, event: Halt, told: Told) -> None:
    """End a limit state that has lasted too long by the time of *event*."""
    until_ms = state.until_ms
    if state.state is not HaltState.LIMIT or until_ms is None or event.event_ms < until_ms:
        return
    if _is_new(event) and event.event_ms < until_ms + PAUSE_MS:
        state.state, state.since_ms, state.until_ms = HaltState.TRADING, event.event_ms, None
        state.at_upper = state.at_lower = False
    else:
        _pause(state, until_ms, _reopening_ms(until_ms, state.close_ms), told)


def _pause(state: HaltDay, pause_ms: int, until_ms: int | None, told: Told) -> None:
    """Pause, unless it is paused: then the message only repeats it."""
    if state.state is HaltState.PAUSED:
        return
    level_usd = _level_usd(state)
    state.state, state.until_ms = HaltState.PAUSED, until_ms
    state.since_ms = state.pause_ms = state.bands_ms = pause_ms
    state.resume_ms = state.upper_band_usd = state.lower_band_usd = None
    state.halts_today += 1
    told.append(Transition(state.symbol, AlertKind.HALT, pause_ms, level_usd, until_ms))


def _reopening_ms(pause_ms: int, close_ms: int) -> int:
    """When a volatility pause ends at the earliest; one of the last minutes ends with the session."""
    until_ms = pause_ms + PAUSE_MS
    return close_ms if until_ms > close_ms - NO_REOPENING_MS else until_ms


def _is_new(event: Halt) -> bool:
    """Whether *event* can only be sent while the symbol trades, or as it begins to."""
    codes = event.indicators
    return not NEW_BANDS.isdisjoint(codes) or any(True in LIMITS.get(code, ()) for code in codes)


def _ends_pause(state: HaltDay, event: Halt) -> bool:
    if _is_new(event):
        return True
    has_band = event.upper_band_usd is not None or event.lower_band_usd is not None
    return has_band and state.until_ms is not None and event.event_ms >= state.until_ms


def _set_bands(state: HaltDay, event: Halt) -> None:
    upper_usd, lower_usd = event.upper_band_usd, event.lower_band_usd
    if upper_usd is None and lower_usd is None and OUTSIDE_HOURS not in event.indicators:
        return
    if (upper_usd, lower_usd) != (state.upper_band_usd, state.lower_band_usd):
        state.upper_band_usd, state.lower_band_usd = upper_usd, lower_usd
        state.bands_ms = event.event_ms


def _set_limit(state: HaltDay, event_ms: int, code: int, told: Told) -> None:
    before = state.at_upper, state.at_lower
    upper, lower = LIMITS[code]
    state.at_upper = state.at_upper if upper is None else upper
    state.at_lower = state.at_lower if lower is None else lower
    after = state.at_upper, state.at_lower
    if not any(after):
        if state.state is HaltState.LIMIT:
            state.state, state.since_ms, state.until_ms = HaltState.TRADING, event_ms, None
    elif not any(before) or after == before[::-1] != before:  # from none, or from one to the other
        state.state, state.since_ms = HaltState.LIMIT, event_ms
        state.until_ms = event_ms + LIMIT_MS
        told.append(
            Transition(state.symbol, AlertKind.LIMIT, event_ms, _level_usd(state), state.until_ms)
        )


def _level_usd(state: HaltDay) -> float | None:
    """The band that the symbol is at."""
    match limit_side(state):
        case "up":
            return state.upper_band_usd
        case "down":
            return state.lower_band_usd
        case _:
            return None
