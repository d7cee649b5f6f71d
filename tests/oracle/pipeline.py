"""The product's whole arithmetic without its broker: from vendor frames to boards.

Everything is encoded and decoded where it would cross a wire.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mesh.calendar import NEW_YORK
from mesh.leaderboard import board_at
from mesh.market import MarketTable
from schemas.leaderboard import RowsBatch, public_row
from schemas.market import Bar, Batch, BatchHead, Trade
from schemas.naming import MarketClass
from schemas.wire import encode_json, encode_msgpack, msgpack_decoder
from services import scanners
from services.listener.frames import Splitter
from services.processors.rows import FOLDED, RowFold
from services.simulator.events import TapeEvent
from services.simulator.tape import Tape
from tests.oracle.oracle import Moment, Oracle, Row, differences


TOP = 10
"""Below the number of symbols of the larger tape, so that the cut is seen."""

_LOOK_BACK = timedelta(days=10)
"""How far the product's reference data goes back for a previous close."""

_decode: dict[MarketClass, Any] = {
    MarketClass.BARS: msgpack_decoder(Batch[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(Batch[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(Batch[Trade]).decode,
}
_decode_rows = msgpack_decoder(RowsBatch).decode


class Recording(NamedTuple):
    """A tape in memory."""

    events: list[TapeEvent]
    closes: dict[str, dict[str, float]]
    """Previous closes by trading day, as the product's reference data has them."""


class Expected(NamedTuple):
    """The oracle's answers for one instant."""

    at_ms: int
    moment: Moment | None
    rows: list[Row]
    boards: dict[str, list[Row]]


class Pipeline:
    """The product from frame to board.

    Args:
        partitions: how many there are.
        closes: previous closes in US dollars by trading day and symbol.
        events_per_frame: how many events a frame holds at most; each frame becomes batches.
        frames_per_flush: how often changed rows go to the market table.
    """

    def __init__(
        self,
        partitions: int,
        closes: Mapping[str, Mapping[str, float]],
        *,
        events_per_frame: int = 211,
        frames_per_flush: int = 3,
    ) -> None:
        self.splitter = Splitter(partitions)
        self.folds = [RowFold(None, closes) for _ in range(partitions)]
        self._table = MarketTable(partitions)
        self._flushes = [0] * partitions
        self._frames = 0
        self._events_per_frame = events_per_frame
        self._frames_per_flush = frames_per_flush

    def play(self, events: Sequence[TapeEvent]) -> None:
        """Take *events* in frames, flushing now and then, and at the end."""
        size = self._events_per_frame
        for start in range(0, len(events), size):
            payloads = [event.payload for event in events[start : start + size]]
            self.splitter.add(f"[{b','.join(payloads).decode()}]", 1.0)
            self._fold()
            self._frames += 1
            if self._frames % self._frames_per_flush == 0:
                self._flush()
        self._flush()

    def _fold(self) -> None:
        for lot in self.splitter.take():
            batch = encode_msgpack(BatchHead(1, 0, 0, lot.received_ms, lot.encoded))
            if lot.market_class in FOLDED:
                events = _decode[lot.market_class](batch).events
                self.folds[lot.partition].on_batch(lot.market_class, events)

    def _flush(self) -> None:
        for partition, fold in enumerate(self.folds):
            if rows := fold.on_flush():
                self._flushes[partition] += 1
                batch = RowsBatch(partition, 1, self._flushes[partition], 1.0, rows)
                assert self._table.apply(_decode_rows(encode_msgpack(batch)))

    def rows(self) -> list[Row]:
        """The whole market, as KV `rows` shows it."""
        rows = sorted(self._table.rows(), key=lambda row: row.symbol)
        return [_as_json(public_row(row)) for row in rows]

    def boards(self) -> dict[str, Row]:
        """Every board, as KV `boards` shows it; none before the first row."""
        instant = self._table.instant()
        if instant is None:
            return {}
        boards = (
            board_at(instant, board, self._table.rows(), seq=1, top=TOP)
            for board in scanners.discover()
        )
        return {board.board: _as_json(board) for board in boards}


def _as_json(value: msgspec.Struct) -> Row:
    decoded: Row = msgspec.json.decode(encode_json(value))
    return decoded


def record(paths: Sequence[Path]) -> Recording:
    """The tape of *paths* by the product's own reader."""
    tape = Tape(paths)
    events = list(tape)
    closes = {
        day: {ticker: float(bar.close_usd) for ticker, bar in bars.items()}
        for day, bars in tape.day_closes.items()
    }
    days = {new_york_day(event.time_ms) for event in events}
    return Recording(
        events, {day.isoformat(): closes.get(_day_before(day, closes), {}) for day in days}
    )


def _day_before(day: date, known: Iterable[str]) -> str:
    oldest = (day - _LOOK_BACK).isoformat()
    return max((other for other in known if oldest <= other < day.isoformat()), default="")


def new_york_day(event_ms: int) -> date:
    """The day of an instant in New York."""
    return datetime.fromtimestamp(event_ms / 1000, NEW_YORK).date()


def expect(paths: Sequence[Path], instants: Iterable[int]) -> list[Expected]:
    """The oracle's answers for *instants*."""
    oracle = Oracle(paths)
    return [
        Expected(at, oracle.moment(at), oracle.rows(at), oracle.boards(at, top=TOP))
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
        found = [f"rows: {line}" for line in differences(pipeline.rows(), right.rows)]
        boards = pipeline.boards()
        found += [] if bool(boards) == bool(right.moment) else [f"moment is not {right.moment}"]
        for name, board in boards.items():
            moment = Moment(board["trading_day"], board["session"], board["asof_ms"])
            found += [] if moment == right.moment else [f"{name}: {moment} is not {right.moment}"]
            lines = differences(board["rows"], right.boards.get(name, []))
            found += [f"{name}: {line}" for line in lines]
        wrong += [f"at {right.at_ms}: {line}" for line in found]
    assert played == len(events)
    return wrong
