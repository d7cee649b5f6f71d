"""`mesh bench processor`: second bars of a whole market into rows and all boards, in one process.

No broker: batches as a listener encodes them are decoded and folded as fast as one core can; rows
travel encoded from the fold to the market table; boards are ranked and encoded, snapshots taken.
The clock of flushes, boards and checkpoints is the CPU time of the measured work, so they come as
often as they do in production on a core that is always busy.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mesh.config import Settings
from mesh.leaderboard import Contenders, board_at
from mesh.market import MarketTable
from mesh.partition import partition_of
from schemas.leaderboard import RowsBatch
from schemas.market import Bar, Batch, BatchHead
from schemas.naming import MarketClass, symbol_token
from schemas.wire import encode_json, encode_msgpack, msgpack_decoder
from services import scanners
from services.bench.measure import Stopwatch, rss_mb
from services.processors.rows import RowFold
from services.simulator.chance import Chance, seeded
from services.simulator.market import start_of
from services.simulator.universe import E4, Listing, listings


_START = "2026-01-05T10:00:00"
_DAY = "2026-01-05"
_FLUSH_EVENTS = 4000
"""A clump of bars is cut into batches of so many, all partitions together, by the listener."""
_TRADES_A_DAY = 1e8

_decode_head = msgpack_decoder(BatchHead).decode
_decode_bars = msgpack_decoder(list[Bar]).decode
_decode_batch = msgpack_decoder(Batch[Bar]).decode
_decode_rows = msgpack_decoder(RowsBatch).decode


class Encoded(NamedTuple):
    """A batch as it is published."""

    partition: int
    events: int
    payload: bytes


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = _Tape(arguments.symbols, arguments.partitions)
    processor = _Processor(arguments.partitions, tape.closes)
    yardstick = Stopwatch()
    events = 0
    for _ in range(arguments.seconds):
        batches = list(tape.second())
        with yardstick.stage("decode"):
            for batch in batches:
                _decode_batch(batch.payload)
        for batch in batches:
            processor.take(batch)
        events += sum(batch.events for batch in batches)
    processor.finish()
    costs, pure = processor.watch.us_per_event(events), yardstick.us_per_event(events)["decode"]
    return {
        "bench": "processor",
        "events": events,
        "symbols": arguments.symbols,
        "events_per_s": round(events / processor.watch.total_s),
        "us_per_event": costs.pop("all"),
        "stages": costs,
        "decode_us_per_event": pure,
        "ratio": round(processor.watch.total_s / yardstick.total_s, 2),
        "flushes": processor.flushes,
        "boards": processor.boards,
        "rows": len(processor.table.rows()),
        "late": sum(sum(fold.late.values()) for fold in processor.folds),
        "rss_mb": round(rss_mb(os.getpid())),
    }


class _Tape:
    """Every symbol's bar of every second, in the batches of a listener."""

    def __init__(self, symbols: int, partitions: int) -> None:
        self._chance: Chance = seeded(1)
        self._listings, _ = listings(self._chance, symbols, _TRADES_A_DAY)
        self._partition_of = {
            each.sym: partition_of(symbol_token(each.sym), partitions) for each in self._listings
        }
        self._numbers = [0] * partitions
        self._before = [0] * partitions
        self._now_ms = start_of(_START)
        self.closes = {_DAY: {each.sym: each.previous_close / E4 for each in self._listings}}

    def second(self) -> Iterator[Encoded]:
        """The batches of the next second."""
        for first in range(0, len(self._listings), _FLUSH_EVENTS):
            lots: dict[int, list[Bar]] = {}
            for listing in self._listings[first : first + _FLUSH_EVENTS]:
                lots.setdefault(self._partition_of[listing.sym], []).append(self._bar(listing))
            for partition, bars in lots.items():
                yield self._encoded(partition, bars)
        self._now_ms += 1000

    def _bar(self, listing: Listing) -> Bar:
        opened = listing.price / E4
        listing.price = max(100, round(listing.price * (1 + 0.002 * (self._chance.random() - 0.5))))
        price = listing.price / E4
        volume = 100 + int(self._chance.random() * 1000)
        listing.day_volume += volume
        listing.day_value += volume * listing.price
        return Bar(
            listing.sym, self._now_ms, self._now_ms + 1000, opened, max(opened, price),
            min(opened, price), price, float(volume), float(listing.day_volume),
            (opened + price) / 2, listing.day_value / listing.day_volume / E4,
            self.closes[_DAY][listing.sym],
        )  # fmt: skip

    def _encoded(self, partition: int, bars: list[Bar]) -> Encoded:
        number, before = self._numbers[partition], self._before[partition]
        self._numbers[partition] += 1
        self._before[partition] += len(bars)
        batch = Batch(1, number, before, self._now_ms + 1000.0, bars)
        return Encoded(partition, len(bars), encode_msgpack(batch))


class _Processor:
    """What processors and boards do with batches, without anything between them but bytes."""

    def __init__(self, partitions: int, closes: dict[str, dict[str, float]]) -> None:
        settings = Settings()
        self.watch = Stopwatch()
        self.folds = [RowFold(None, closes) for _ in range(partitions)]
        self.table = MarketTable(partitions)
        self.flushes = self.boards = 0
        self._top = settings.board_top
        self._scanners = [
            (scanner, Contenders(scanner.score, self._top)) for scanner in scanners.discover()
        ]
        self._clocks = [
            _Clock(settings.rows_flush_ms, self._flush),
            _Clock(settings.board_flush_ms, self._rank),
            _Clock(settings.checkpoint_ms, self._checkpoint),
        ]

    def take(self, batch: Encoded) -> None:
        """Fold *batch*, and do what has become due."""
        with self.watch.stage("decode"):
            bars = _decode_bars(_decode_head(batch.payload).events)
        with self.watch.stage("fold"):
            self.folds[batch.partition].on_batch(MarketClass.BARS, bars)
        now_ms = self.watch.total_s * 1000
        for each in self._clocks:
            each.tick(now_ms)

    def finish(self) -> None:
        """Do everything once more: no batch comes any more."""
        self._flush()
        self._rank()
        self._checkpoint()

    def _flush(self) -> None:
        self.flushes += 1
        with self.watch.stage("rows"):
            payloads = [
                encode_msgpack(RowsBatch(partition, 1, self.flushes, 1.0, fold.on_flush()))
                for partition, fold in enumerate(self.folds)
            ]
        with self.watch.stage("table"):
            for payload in payloads:
                self.table.apply(_decode_rows(payload))

    def _rank(self) -> None:
        with self.watch.stage("boards"):
            instant = self.table.instant()
            if instant is None:
                return
            day = instant.trading_day
            rows = [row for row in self.table.rows() if row.trading_day == day]
            for scanner, contenders in self._scanners:
                self.boards += 1
                found = contenders.among(rows)
                encode_json(board_at(instant, scanner, found, seq=self.boards, top=self._top))

    def _checkpoint(self) -> None:
        with self.watch.stage("checkpoint"):
            for fold in self.folds:
                fold.snapshot()


class _Clock:
    """Has something done every so often."""

    def __init__(self, every_ms: int, act: Callable[[], None]) -> None:
        self._every_ms = every_ms
        self._act = act
        self._due_ms = float(every_ms)

    def tick(self, now_ms: float) -> None:
        """It is *now_ms*: act, if it is time."""
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + self._every_ms
            self._act()
