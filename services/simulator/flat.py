"""The vendor's flat files (CSV) as the events that a live feed would have sent.

Rows come by ticker, then time, so a file is held in memory and sorted; a row is turned into an
event only when it is its turn. Columns are found by the header's names: the vendor's order is
open, close, high, low. What a file does not hold (`vw`, `a` of minute bars) is left out.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from operator import itemgetter
from pathlib import Path

from msgspec import UNSET, UnsetType

from mesh.calendar import Day, day_at
from mesh.errors import FatalError
from schemas.wire import encode_json
from services.simulator.events import (
    NS_PER_MS,
    DayBar,
    MinuteAggregate,
    Nbbo,
    Number,
    Print,
    TapeEvent,
)


CORRECTED = frozenset({"10", "11", "12"})
"""Correction codes of prints that were cancelled or replaced: a live listener would undo them."""

MINUTE_MS = 60_000

Row = dict[str, str]


class Kind(StrEnum):
    """Kinds of flat files, by the vendor's names."""

    TRADES = "trades_v1"
    QUOTES = "quotes_v1"
    MINUTES = "minute_aggs_v1"
    DAYS = "day_aggs_v1"


CHANNEL = {Kind.TRADES: "T", Kind.QUOTES: "Q", Kind.MINUTES: "AM"}
"""The channel that a kind's rows become events of; day bars are not events."""

_AGGREGATE = {"ticker", "volume", "open", "close", "high", "low", "window_start"}
_TRADE = {"ticker", "conditions", "exchange", "id", "price", "sequence_number", "sip_timestamp", "size", "tape"}  # fmt: skip
_QUOTE = {
    "ticker", "ask_exchange", "ask_price", "ask_size", "bid_exchange", "bid_price", "bid_size",
    "conditions", "indicators", "sequence_number", "sip_timestamp", "tape",
}  # fmt: skip


def kind_of(header: str, first_row: str) -> Kind | None:
    """Which flat file begins with these two lines, None if it is not one.

    Minute and day files have the same columns; only a day's window begins at midnight.
    """
    columns = _cells(header)
    names = set(columns)
    if names >= _TRADE:
        return Kind.TRADES
    if names >= _QUOTE:
        return Kind.QUOTES
    if not names >= _AGGREGATE:
        return None
    starts = first_time_ms(Kind.MINUTES, header, first_row)
    return Kind.DAYS if starts is not None and starts == day_at(starts).start_ms else Kind.MINUTES


def first_time_ms(kind: Kind, header: str, first_row: str) -> int | None:
    """The time in the first row, None if there is no readable row."""
    column = "sip_timestamp" if kind in {Kind.TRADES, Kind.QUOTES} else "window_start"
    row = dict(zip(_cells(header), _cells(first_row), strict=False))
    text = row.get(column, "")
    return int(text) // NS_PER_MS if text.isdecimal() else None


def events(path: Path, kind: Kind, lines: Iterable[bytes]) -> Iterator[TapeEvent]:
    """The events of a file in the order of time, then of sequence, then of rows.

    Raises:
        FatalError: a row cannot be read; the message shows it.
    """
    convert = _CONVERT[kind]()
    for row in _sorted_rows(path, kind, lines):
        try:
            event = convert(row)
        except (ValueError, KeyError) as error:
            raise FatalError(f"{path}: not a row of {kind}: {row}") from error
        if event is not None:
            yield event


def day_bars(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[str, str, DayBar]]:
    """(ISO day, ticker, bar) for each row of a day file.

    Raises:
        FatalError: a row cannot be read; the message shows it.
    """
    for row in _rows(lines):
        try:
            day = day_at(int(row["window_start"]) // NS_PER_MS).name
            columns = ("open", "high", "low", "close", "volume")
            opened, high, low, close, volume = (_number(row[name]) for name in columns)
            yield day, row["ticker"], DayBar(opened, high, low, close, volume)
        except (ValueError, KeyError) as error:
            raise FatalError(f"{path}: not a row of {Kind.DAYS}: {row}") from error


def _rows(lines: Iterable[bytes]) -> Iterator[Row]:
    source = iter(lines)
    columns = _cells(next(source, b"").decode())
    for line in source:
        cells = _cells(line.decode())
        if cells:
            yield dict(zip(columns, cells, strict=False))


def _sorted_rows(path: Path, kind: Kind, lines: Iterable[bytes]) -> Iterator[Row]:
    source = iter(lines)
    columns = _cells(next(source, b"").decode())
    key = _bar_key(columns) if kind is Kind.MINUTES else _tick_key(columns)
    keyed: list[tuple[int, str]] = []
    for line in source:
        text = line.decode()
        cells = _cells(text)
        try:
            if cells:
                keyed.append((key(cells), text))
        except (ValueError, IndexError) as error:
            raise FatalError(f"{path}: not a row of {kind}: {text.rstrip()!r}") from error
    keyed.sort(key=itemgetter(0))
    keyed.reverse()  # so that a row is let go when it was its turn
    while keyed:
        yield dict(zip(columns, _cells(keyed.pop()[1]), strict=False))


def _bar_key(columns: list[str]) -> Callable[[list[str]], int]:
    start = columns.index("window_start")
    return lambda cells: int(cells[start])


def _tick_key(columns: list[str]) -> Callable[[list[str]], int]:
    time, sequence = columns.index("sip_timestamp"), columns.index("sequence_number")
    return lambda cells: int(cells[time]) << 64 | int(cells[sequence])


def _cells(line: str) -> list[str]:
    text = line.rstrip("\r\n")
    if '"' in text:
        return next(csv.reader([text]))
    return text.split(",") if text else []


def _number(text: str) -> Number:
    if text.isdecimal():
        return int(text)
    value = float(text)
    return int(value) if value.is_integer() else value


def _ids(text: str) -> tuple[int, ...] | UnsetType:
    return tuple(int(part) for part in text.split(",")) if text else UNSET


class _Running:
    """What the minute bars of a ticker add up to on one day."""

    __slots__ = ("day", "official", "volume")

    def __init__(self, day: Day) -> None:
        self.day = day
        self.volume: Number = 0
        self.official: Number = 0

    def add(self, start_ms: int, volume: Number, opened: Number) -> None:
        self.volume += volume
        if not isinstance(self.volume, int):
            self.volume = round(self.volume, 6)  # the files' own resolution
        if not self.official and self.day.session(start_ms) == "regular":
            self.official = opened


def _minutes() -> Callable[[Row], TapeEvent | None]:
    running: dict[str, _Running] = {}

    def convert(row: Row) -> TapeEvent:
        sym, start_ms = row["ticker"], int(row["window_start"]) // NS_PER_MS
        volume, opened = _number(row["volume"]), _number(row["open"])
        total = running.get(sym)
        if total is None or start_ms >= total.day.end_ms:
            total = running[sym] = _Running(day_at(start_ms))
        total.add(start_ms, volume, opened)
        end_ms = start_ms + MINUTE_MS
        bar = MinuteAggregate(
            sym=sym, v=volume, av=total.volume, op=total.official, o=opened,
            c=_number(row["close"]), h=_number(row["high"]), l=_number(row["low"]),
            s=start_ms, e=end_ms,
        )  # fmt: skip
        return TapeEvent(end_ms, "AM", sym, encode_json(bar))

    return convert


def _trades() -> Callable[[Row], TapeEvent | None]:
    def convert(row: Row) -> TapeEvent | None:
        if row.get("correction", "") in CORRECTED:
            return None
        sym, time_ms = row["ticker"], int(row["sip_timestamp"]) // NS_PER_MS
        trade = Print(
            sym=sym, x=int(row["exchange"]), i=row["id"], z=int(row["tape"]),
            p=_number(row["price"]), s=_number(row["size"]), c=_ids(row["conditions"]),
            t=time_ms, q=int(row["sequence_number"]),
        )  # fmt: skip
        return TapeEvent(time_ms, "T", sym, encode_json(trade))

    return convert


def _quotes() -> Callable[[Row], TapeEvent | None]:
    def convert(row: Row) -> TapeEvent:
        sym, time_ms = row["ticker"], int(row["sip_timestamp"]) // NS_PER_MS
        conditions = _ids(row["conditions"])
        quote = Nbbo(
            sym=sym, bx=int(row["bid_exchange"]), bp=_number(row["bid_price"]),
            bs=_number(row["bid_size"]), ax=int(row["ask_exchange"]),
            ap=_number(row["ask_price"]), as_=_number(row["ask_size"]),
            c=UNSET if conditions is UNSET else conditions[0], i=_ids(row["indicators"]),
            t=time_ms, q=int(row["sequence_number"]), z=int(row["tape"]),
        )  # fmt: skip
        return TapeEvent(time_ms, "Q", sym, encode_json(quote))

    return convert


_CONVERT = {Kind.TRADES: _trades, Kind.QUOTES: _quotes, Kind.MINUTES: _minutes}
