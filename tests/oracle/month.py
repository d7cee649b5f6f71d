"""November 2024 as it might have been: twenty trading days of five symbols, with all that a calendar can do.

Daylight saving ends on Sunday the 3rd; the 28th is a holiday and the 29th a half day; SPLT is split four
for one on the 13th; OLDN is called NEWN from the 19th on; JUMP does not trade from 10:30 to 10:35 on the 7th.
"""

from collections.abc import Iterator
from datetime import date, time, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from tests.oracle.generated import Drawn, Event, arrived, epoch_ms
from tests.oracle.reference import Known, References, Usual


DAYS = [date(2024, 11, n) for n in range(1, 30) if date(2024, 11, n).weekday() < 5 and n != 28]
HALF_DAY = date(2024, 11, 29)
SPLIT = ("SPLT", date(2024, 11, 13), 4)
"""Shares for each one before."""
RENAMED = ("OLDN", "NEWN", date(2024, 11, 19))
"""The first day of the new name."""
HALTED = ("JUMP", date(2024, 11, 7), time(10, 30), time(10, 35))
"""A symbol that does not trade for five minutes."""

USUAL_CENTS = {"CALM": 5000, "JUMP": 300, "SPLT": 20_000, "OLDN": 1200}
_BARS = ("CALM", "OLDN", "NEWN")
"""Symbols that minute bars come of besides trades."""
_CLUSTERS = (
    (time(4), 6, 20_000), (time(8, 30), 12, 5000), (time(9, 30), 60, 2500), (time(10, 5), 10, 20_000),
    (time(10, 29), 12, 7500), (time(10, 35), 30, 1500), (time(12, 50), 40, 3000), (time(13, 5), 10, 6000),
    (time(15, 55), 40, 4000), (time(16, 10), 10, 9000), (time(19, 30), 4, 60_000),
)  # fmt: skip
"""When something happens: from when on, how often, and milliseconds between two prints."""


class Month(NamedTuple):
    """A tape and what is known before each of its days."""

    events: list[Event]
    references: References


class _Traded(NamedTuple):
    at_ms: int
    cents: int
    shares: int


class _Day(NamedTuple):
    high: float
    low: float
    close: float
    shares: int


def build() -> Month:
    """The same month each time."""
    drawn: list[Drawn] = []
    known: list[Known] = []
    past: dict[str, list[tuple[date, _Day]]] = {}
    for day in DAYS:
        for symbol in _symbols(day):
            known.append(_known(symbol, day, past.get(symbol, [])))
            trades = list(_trades(symbol, day))
            drawn += _events(symbol, day, trades)
            usd = [trade.cents / 100 for trade in trades]
            summary = _Day(max(usd), min(usd), usd[-1], sum(trade.shares for trade in trades))
            past.setdefault(symbol, []).insert(0, (day, summary))
        if _symbols(day)[-1] == RENAMED[0]:
            past[RENAMED[1]] = past[RENAMED[0]].copy()
    usual = [
        Usual(symbol, 20, [0 if minute < 30 else 1 + minute % 3 for minute in range(960)])
        for symbol in ("CALM", "JUMP", "NEWN")
    ]
    return Month(list(arrived(drawn)), References(known, usual))


def _symbols(day: date) -> tuple[str, ...]:
    old, new, renamed = RENAMED
    return ("CALM", "JUMP", "SPLT", new if day >= renamed else old)


def _noise(*numbers: int) -> int:
    """0 to 999, the same for the same numbers."""
    mixed = 0
    for number in numbers:
        mixed = (mixed ^ (number + 0x9E37)) * 2_654_435_761 % (1 << 32)
        mixed ^= mixed >> 15
    return mixed % 1000


def _trades(symbol: str, day: date) -> Iterator[_Traded]:
    seed = sum(map(ord, symbol.replace("NEWN", "OLDN")))
    usual = USUAL_CENTS[symbol.replace("NEWN", "OLDN")] * (900 + _noise(seed, day.day) // 5) // 1000
    if symbol == SPLIT[0] and day >= SPLIT[1]:
        usual //= SPLIT[2]
    for place, (start, count, gap_ms) in enumerate(_CLUSTERS):
        for number in range(count):
            at_ms = epoch_ms(day, start) + number * gap_ms + _noise(seed, day.day, place, number)
            noise = _noise(number, seed, place, day.day)
            cents, shares = usual * (9950 + noise // 20) // 10_000, 100 * (1 + noise % 9)
            if symbol == "JUMP" and start == time(10, 35):
                up = 1 if day.day % 3 else -1
                cents, shares = usual * (1000 + up * number * 5) // 1000, 2500
            if number == 7 and day.weekday() == 1:
                shares = 90_000
            if not _halted(symbol, at_ms):
                yield _Traded(at_ms, cents, shares)


def _halted(symbol: str, at_ms: int) -> bool:
    halted, day, since, until = HALTED
    return symbol == halted and epoch_ms(day, since) <= at_ms < epoch_ms(day, until)


def _events(symbol: str, day: date, trades: list[_Traded]) -> Iterator[Drawn]:
    open_ms, close_ms = epoch_ms(day, time(9, 30)), epoch_ms(day, closes_at(day))
    for number, trade in enumerate(trades):
        usd = trade.cents / 100
        regular = open_ms <= trade.at_ms < close_ms
        conditions = [37] if number % 11 == 5 else []  # odd lots
        conditions += [] if regular else [12]
        event = {"ev": "T", "p": usd, "s": trade.shares, "c": conditions}
        yield Drawn(trade.at_ms, symbol, event, 2500 if number % 40 == 39 else 0)
        if number % 3 == 0:
            cents = trade.cents + _noise(number, day.day) % 3 - 1
            quote = {
                "ev": "Q",
                "bp": (cents - 1) / 100,
                "ap": (cents + 1) / 100,
                "bs": 300,
                "as": 200,
            }
            yield Drawn(trade.at_ms - 400, symbol, quote)
    if symbol in _BARS:
        yield from _minutes(symbol, trades, open_ms, close_ms)


def _minutes(symbol: str, trades: list[_Traded], open_ms: int, close_ms: int) -> Iterator[Drawn]:
    shares, cents, opened = 0, 0, 0.0
    for minute, in_minute in groupby(trades, key=lambda trade: trade.at_ms // 60_000):
        part = list(in_minute)
        usd = [trade.cents / 100 for trade in part]
        of_minute = sum(trade.shares for trade in part)
        worth = sum(trade.shares * trade.cents for trade in part)
        shares, cents = shares + of_minute, cents + worth
        if not opened and open_ms <= minute * 60_000 < close_ms:
            opened = usd[0]
        bar: dict[str, Any] = {
            "ev": "AM", "o": usd[0], "h": max(usd), "l": min(usd), "c": usd[-1], "v": of_minute,
            "av": shares, "vw": worth / of_minute / 100, "a": cents / shares / 100, "op": opened,
            "z": of_minute // len(part),
        }  # fmt: skip
        yield Drawn(minute * 60_000, symbol, bar)


def closes_at(day: date) -> time:
    """When the regular session ends."""
    return time(13) if day == HALF_DAY else time(16)


def _known(symbol: str, day: date, past: list[tuple[date, _Day]]) -> Known:
    """What is known before *day*, in the shares of that day."""
    free_float = 5e6 if symbol != "CALM" else 9e7
    if not past:
        return Known(symbol, day.isoformat(), free_float=free_float)
    adjusted = [_adjusted(symbol, day, *before) for before in past]
    last = adjusted[0]
    return Known(
        symbol,
        day.isoformat(),
        last.close,
        last.low,
        last.high,
        last.low,
        last.shares,
        (last.high + last.low) / 2,
        sum(before.shares for before in adjusted) / len(adjusted),
        sum(before.high - before.low for before in adjusted) / len(adjusted),
        free_float,
        tuple((before.high, before.low) for before in adjusted),
    )


def _adjusted(symbol: str, day: date, traded: date, held: _Day) -> _Day:
    split, split_day, shares = SPLIT
    if symbol != split or not traded < split_day <= day:
        return held
    return _Day(held.high / shares, held.low / shares, held.close / shares, held.shares * shares)


def instants() -> list[int]:
    """On days that differ from the others: before the open, after the halt, at the end of the regular session, after it, and the end."""
    found = []
    for day in (DAYS[0], DAYS[1], HALTED[1], SPLIT[1], RENAMED[2], DAYS[-2], HALF_DAY):
        close_ms = epoch_ms(day, closes_at(day))
        bounds = (
            epoch_ms(day, time(9, 30)),
            epoch_ms(day, time(10, 36)),
            close_ms,
            close_ms + 660_000,
        )
        found += [bound - 1 for bound in bounds]
        found.append(epoch_ms(day + timedelta(1), time(0)) - 1)
    return found
