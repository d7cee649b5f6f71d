"""`mesh bench processor`: a whole market into rows, alerts and all boards, in one process.

Twice: second bars of every symbol alone, and the mixture of trades, quotes and bars that a feed is.

No broker: batches as a listener encodes them are decoded and folded as fast as one core can; rows
travel encoded from the fold to the market table; boards are ranked and encoded, snapshots taken.
The clock of flushes, boards and checkpoints is the CPU time of the measured work, so they come as
often as they do in production on a core that is always busy; rows take their share at most, as there.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import Raw

from mesh.leaderboard import board_at
from mesh.market import MarketTable, Newest
from mesh.partition import partition_of
from mesh.settings import Settings
from schemas.columns import RowsBatch
from schemas.market import Bar, Batch, BatchHead
from schemas.naming import MarketClass, symbol_token
from schemas.reference import SymbolDay
from schemas.wire import encode_json, encode_msgpack, msgpack_decoder
from services import scanners
from services.bench.measure import Stopwatch, rss_mb
from services.bench.tape import steady
from services.listener.frames import Lot, Splitter
from services.processors.fold import Fold
from services.processors.known import Knowledge
from services.processors.rows import RowFold
from services.processors.service import CHECKPOINT_SHARE, ROWS_SHARE
from services.processors.state import DECODE
from services.simulator.chance import Chance, seeded
from services.simulator.market import start_of
from services.simulator.universe import E4, Listing, listings


_START = "2026-01-05T10:00:00"
_DAY = "2026-01-05"
_FLUSH_EVENTS = 4000
"""A clump of bars is cut into batches of so many, all partitions together, by the listener."""
_TRADES_A_DAY = 1e8

_FRAMES = 10
"""That come in the time between two flushes of the listener."""
_MIXED_S = 20

_decode_head = msgpack_decoder(BatchHead).decode
_decode_rows = msgpack_decoder(RowsBatch).decode


class Encoded(NamedTuple):
    """A batch as it is published."""

    market_class: MarketClass
    partition: int
    events: int
    payload: bytes


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    partitions, symbols = arguments.partitions, arguments.symbols
    tape = _Tape(symbols, partitions)
    seconds = (list(tape.second()) for _ in range(arguments.seconds))
    bars = _measured(_Processor(partitions, tape.closes), seconds)
    mixed = _measured(_Processor(partitions, {}), _mixed(arguments.rate, symbols, partitions))
    return {
        "bench": "processor",
        "symbols": symbols,
        **bars,
        "mixed": mixed,
        "rss_mb": round(rss_mb(os.getpid())),
    }


def _measured(processor: "_Processor", tape: Iterable[list[Encoded]]) -> dict[str, Any]:
    """What it costs to take the batches of *tape*."""
    yardstick = Stopwatch()
    events = 0
    for batches in tape:
        with yardstick.stage("decode"):
            for batch in batches:
                DECODE[batch.market_class](_decode_head(batch.payload).events)
        for batch in batches:
            processor.take(batch)
        events += sum(batch.events for batch in batches)
    processor.finish()
    costs, pure = processor.watch.us_per_event(events), yardstick.us_per_event(events)["decode"]
    return {
        "events": events,
        "events_per_s": round(events / processor.watch.total_s),
        "us_per_event": costs.pop("all"),
        "stages": costs,
        "decode_us_per_event": pure,
        "ratio": round(processor.watch.total_s / yardstick.total_s, 2),
        "flushes": processor.flushes,
        "boards": processor.boards,
        "rows": len(processor.table.columns()),
        "alerts": sum(len(fold.unsent) for fold in processor.folds),
        "late": sum(sum(fold.late.values()) for fold in processor.folds),
    }


def _mixed(rate: int, symbols: int, partitions: int) -> Iterator[list[Encoded]]:
    """The batches of a synthetic market, as a listener cuts them."""
    splitter = Splitter(partitions)
    tape = steady(rate=rate, seconds=_MIXED_S, symbols=symbols)
    with tape.path.open() as frames:
        for number, frame in enumerate(frames, 1):
            splitter.add(frame, 1.0)
            if number % _FRAMES == 0:
                yield [_batch(lot) for lot in splitter.take() if lot.market_class in DECODE]


def _batch(lot: Lot) -> Encoded:
    head = BatchHead(1, 0, 0, lot.received_ms, Raw(lot.encoded))
    return Encoded(lot.market_class, lot.partition, lot.events, encode_msgpack(head))


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
        return Encoded(MarketClass.BARS, partition, len(bars), encode_msgpack(batch))


class _Processor:
    """What processors and boards do with batches, without anything between them but bytes."""

    def __init__(self, partitions: int, closes: dict[str, dict[str, float]]) -> None:
        settings = Settings()
        self.watch = Stopwatch()
        knowledge = Knowledge()
        knowledge.days = {
            day: {symbol: SymbolDay(symbol, close_usd) for symbol, close_usd in found.items()}
            for day, found in closes.items()
        }
        fold = Fold(knowledge)
        self.folds = [RowFold(None, knowledge, fold=fold) for _ in range(partitions)]
        self.table = MarketTable(partitions)
        self._published = [Newest() for _ in range(partitions)]
        self.flushes = self.boards = 0
        self._top = settings.board_top
        self._scanners = scanners.discover()
        self._clocks = [
            _Clock(settings.rows_flush_ms, self._flush, ROWS_SHARE),
            _Clock(settings.board_flush_ms, self._rank),
            _Clock(settings.checkpoint_ms, self._checkpoint, CHECKPOINT_SHARE),
        ]

    def take(self, batch: Encoded) -> None:
        """Fold *batch*, and do what has become due."""
        with self.watch.stage("decode"):
            events = DECODE[batch.market_class](_decode_head(batch.payload).events)
        with self.watch.stage("fold"):
            self.folds[batch.partition].on_batch(batch.market_class, events)
        for each in self._clocks:
            each.tick(self.watch)

    def finish(self) -> None:
        """Do everything once more: no batch comes any more."""
        self._flush()
        self._rank()
        self._checkpoint()

    def _flush(self) -> None:
        self.flushes += 1
        with self.watch.stage("fold"):
            self.folds[0].settle()
        with self.watch.stage("rows"):
            payloads = [
                encode_msgpack(RowsBatch(partition, 1, self.flushes, 1.0, *changes.packed()))
                for partition, changes in enumerate(
                    newest.exchange(fold.on_flush())
                    for newest, fold in zip(self._published, self.folds, strict=True)
                )
            ]
        with self.watch.stage("table"):
            for payload in payloads:
                self.table.apply(_decode_rows(payload))

    def _rank(self) -> None:
        with self.watch.stage("boards"):
            instant = self.table.instant()
            if instant is None:
                return
            columns = self.table.columns()
            for scanner in self._scanners:
                self.boards += 1
                encode_json(board_at(instant, scanner, columns, seq=self.boards, top=self._top))

    def _checkpoint(self) -> None:
        with self.watch.stage("checkpoint"):
            for fold in self.folds:
                fold.snapshot()


class _Clock:
    """Has something done every so often, or less often if it would take more than its share of the time."""

    def __init__(self, every_ms: int, act: Callable[[], None], share: float = 1.0) -> None:
        self._every_s = every_ms / 1000
        self._act = act
        self._share = share
        self._due_s = self._every_s

    def tick(self, watch: Stopwatch) -> None:
        """Act, if it is time."""
        began_s = watch.total_s
        if began_s >= self._due_s:
            self._act()
            took_s = watch.total_s - began_s
            self._due_s = began_s + max(self._every_s, took_s / self._share)
