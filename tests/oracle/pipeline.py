"""The product's whole arithmetic without its broker: from vendor frames to boards and alerts.

Everything is encoded and decoded where it would cross a wire.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from mesh.calendar import NEW_YORK
from mesh.leaderboard import board_at
from mesh.market import MarketTable, Newest
from schemas.columns import RowsBatch
from schemas.market import BatchHead
from schemas.wire import encode_json, encode_msgpack, msgpack_decoder
from services import scanners
from services.listener.frames import Splitter
from services.processors.rows import FOLDED, RowFold
from services.processors.state import DECODE
from services.simulator.events import DayBar, TapeEvent
from services.simulator.tape import Tape
from tests.oracle.oracle import Moment, Oracle, Row, differences
from tests.oracle.reference import DayBars, References, from_days, knowledge


TOP = 10
"""Below the number of symbols of the larger tape, so that the cut is seen."""

_NOTHING: DayBars = MappingProxyType({})

_LOOK_BACK = timedelta(days=10)
"""How far the product's reference data goes back for a previous close."""

_decode_head = msgpack_decoder(BatchHead).decode
_decode_rows = msgpack_decoder(RowsBatch).decode


class Recording(NamedTuple):
    """A tape in memory."""

    events: list[TapeEvent]
    closes: dict[str, dict[str, float]]
    """Previous closes by trading day, as the product's reference data has them."""
    references: References


class Expected(NamedTuple):
    """The oracle's answers for one instant."""

    at_ms: int
    moment: Moment | None
    rows: list[Row]
    boards: dict[str, list[Row]]
    alerts: list[Row]


class Pipeline:
    """The product from frame to board.

    Args:
        partitions: how many there are.
        closes: previous closes in US dollars by trading day and symbol.
        references: what else is known beforehand.
        events_per_frame: how many events a frame holds at most; each frame becomes batches.
    """

    def __init__(
        self,
        partitions: int,
        closes: Mapping[str, Mapping[str, float]],
        references: References | None = None,
        *,
        events_per_frame: int = 211,
    ) -> None:
        self.splitter = Splitter(partitions)
        known = knowledge(closes, references or References())
        self.folds = [RowFold(None, known) for _ in range(partitions)]
        self._events_per_frame = events_per_frame
        self._table = MarketTable(partitions)
        self._flushes = [0] * partitions
        self._newest = [Newest() for _ in range(partitions)]
        self._alerts: dict[str, Row] = {}

    def play(self, events: Sequence[TapeEvent]) -> None:
        """Take *events* in frames; none is of two days, for the market is closed at night."""
        size = self._events_per_frame
        for _, of_day in groupby(events, key=lambda event: new_york_day(event.time_ms)):
            payloads = [event.payload for event in of_day]
            for start in range(0, len(payloads), size):
                frame = b",".join(payloads[start : start + size])
                self.splitter.add(f"[{frame.decode()}]", 1.0)
                self._fold()

    def _fold(self) -> None:
        for lot in self.splitter.take():
            batch = encode_msgpack(BatchHead(1, 0, 0, lot.received_ms, lot.encoded))
            if lot.market_class in FOLDED:
                events = DECODE[lot.market_class](_decode_head(batch).events)
                self.folds[lot.partition].on_batch(lot.market_class, events)

    def late(self) -> int:
        """Events that came too late or twice."""
        return sum(sum(fold.late.values()) for fold in self.folds)

    def _flush(self) -> None:
        for partition, fold in enumerate(self.folds):
            if rows := fold.on_flush():
                self._flushes[partition] += 1
                head = (partition, 1, self._flushes[partition], 1.0)
                batch = RowsBatch(*head, *self._newest[partition].exchange(rows).packed())
                assert self._table.apply(_decode_rows(encode_msgpack(batch)))

    def rows(self) -> list[Row]:
        """The whole market, as KV `rows` shows it."""
        self._flush()
        rows = sorted(self._table.columns().rows(), key=attrgetter("symbol"))
        return list(map(_as_json, rows))

    def alerts(self) -> list[Row]:
        """All alerts so far, by id."""
        self._flush()
        for fold in self.folds:
            for name, alert in fold.unsent.items():
                if name not in self._alerts:
                    self._alerts[name] = _as_json(alert)
        return [self._alerts[name] for name in sorted(self._alerts)]

    def boards(self) -> dict[str, Row]:
        """Every board, as KV `boards` shows it; none before the first row."""
        self._flush()
        instant = self._table.instant()
        if instant is None:
            return {}
        boards = (
            board_at(instant, board, self._table.columns(), seq=1, top=TOP)
            for board in scanners.discover()
        )
        return {board.board: _as_json(board) for board in boards}


def _as_json(value: msgspec.Struct) -> Row:
    decoded: Row = msgspec.json.decode(encode_json(value))
    return decoded


def record(paths: Sequence[Path], told: DayBars = _NOTHING) -> Recording:
    """The tape of *paths* by the product's own reader, and reference data made up from its days and *told* ones."""
    tape = Tape(paths)
    events = list(tape)
    closes = {
        day: {ticker: float(bar.close_usd) for ticker, bar in bars.items()}
        for day, bars in tape.day_closes.items()
    }
    days = {new_york_day(event.time_ms) for event in events}
    return Recording(
        events,
        {day.isoformat(): closes.get(_day_before(day, closes), {}) for day in days},
        from_days({day: _numbers(bars) for day, bars in tape.day_closes.items()}, told),
    )


def _numbers(bars: Mapping[str, DayBar]) -> dict[str, tuple[float, ...]]:
    return {
        symbol: tuple(float(number or 0.0) for number in bar[:5]) for symbol, bar in bars.items()
    }


def _day_before(day: date, known: Iterable[str]) -> str:
    oldest = (day - _LOOK_BACK).isoformat()
    return max((other for other in known if oldest <= other < day.isoformat()), default="")


def new_york_day(event_ms: int) -> date:
    """The day of an instant in New York."""
    return datetime.fromtimestamp(event_ms / 1000, NEW_YORK).date()


def expect(
    paths: Sequence[Path], instants: Iterable[int], references: References | None = None
) -> list[Expected]:
    """The oracle's answers for *instants*."""
    oracle = Oracle(paths, references)
    return [
        Expected(
            at, oracle.moment(at), oracle.rows(at), oracle.boards(at, top=TOP), oracle.alerts(at)
        )
        for at in instants
    ]


def wrong_at(
    pipeline: Pipeline, events: Sequence[TapeEvent], expected: Sequence[Expected]
) -> list[str]:
    """What is wrong at any of the instants, in order, while *events* are played through *pipeline*."""
    wrong: list[str] = []
    played = 0
    for right in expected:
        until = bisect_right(events, right.at_ms, key=attrgetter("time_ms"))
        pipeline.play(events[played:until])
        played = until
        wrong += [f"at {right.at_ms}: {line}" for line in _wrong_now(pipeline, right)]
    assert played == len(events)
    return wrong


def _wrong_now(pipeline: Pipeline, right: Expected) -> list[str]:
    found = [f"rows: {line}" for line in differences(pipeline.rows(), right.rows)]
    found += [f"alerts: {line}" for line in differences(pipeline.alerts(), right.alerts)]
    boards = pipeline.boards()
    found += [] if bool(boards) == bool(right.moment) else [f"moment is not {right.moment}"]
    for name, board in boards.items():
        moment = Moment(board["trading_day"], board["session"], board["asof_ms"])
        found += [] if moment == right.moment else [f"{name}: {moment} is not {right.moment}"]
        lines = differences(board["rows"], right.boards.get(name, []))
        found += [f"{name}: {line}" for line in lines]
    return found
