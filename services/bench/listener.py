"""`mesh bench listener`: the vendor's frames into encoded batches, in one process and without a broker."""

import argparse
import os
from collections import Counter
from typing import Any

from schemas.market import BatchHead
from schemas.massive import decode_frame
from schemas.naming import MarketClass
from schemas.wire import encode_msgpack
from services.bench.measure import Stopwatch, rss_mb
from services.bench.tape import steady
from services.listener.frames import Splitter
from services.simulator.lines import time_ms_of


_FLUSH_EVENTS = 4000
"""As many wait in a listener that is busy, before they are published."""
_RATE = 100_000


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = steady(rate=_RATE, seconds=arguments.seconds, symbols=arguments.symbols)
    listener = _Listener(arguments.partitions)
    yardstick = Stopwatch()
    with tape.path.open("rb") as lines:
        for line in lines:
            frame = line.rstrip()
            text, received_ms = frame.decode(), float(time_ms_of(frame))
            with yardstick.stage("decode"):
                decode_frame(text)
            listener.take(text, received_ms)
    listener.flush()
    costs = listener.watch.us_per_event(tape.events)
    return {
        "bench": "listener",
        "events": tape.events,
        "events_per_s": round(tape.events / listener.watch.total_s),
        "us_per_event": costs.pop("all"),
        "stages": costs,
        "decode_us_per_event": yardstick.us_per_event(tape.events)["decode"],
        "ratio": round(listener.watch.total_s / yardstick.total_s, 2),
        "classes": {str(name): n for name, n in sorted(listener.splitter.received.items())},
        "rejected": listener.splitter.rejected,
        "bytes_per_event": round(listener.size_bytes / tape.events, 1),
        "rss_mb": round(rss_mb(os.getpid())),
    }


class _Listener:
    """What a listener does with frames, but for sending the batches."""

    def __init__(self, partitions: int) -> None:
        self.watch = Stopwatch()
        self.splitter = Splitter(partitions, live=True)
        self.size_bytes = 0
        self._numbers: Counter[tuple[MarketClass, int]] = Counter()
        self._before: Counter[tuple[MarketClass, int]] = Counter()

    def take(self, frame: str, received_ms: float) -> None:
        """Cut *frame*, and publish when enough waits."""
        with self.watch.stage("split"):
            self.splitter.add(frame, received_ms)
        if self.splitter.waiting >= _FLUSH_EVENTS:
            self.flush()

    def flush(self) -> None:
        """Encode all that waits."""
        with self.watch.stage("encode"):
            for lot in self.splitter.take():
                key = (lot.market_class, lot.partition)
                number, before = self._numbers[key], self._before[key]
                head = BatchHead(1, number, before, lot.received_ms, lot.encoded)
                self.size_bytes += len(encode_msgpack(head))
                self._numbers[key] += 1
                self._before[key] += lot.events
