"""Rows and alerts from everything that is heard of symbols: the fold of one partition.

Each class is folded for itself, in its own order. The classes are joined when a row is asked for, by
event time, so it cannot matter how they were interleaved; `services.processors.join` says
what each contributes. Trades find their side among the quotes (`services.processors.quotes`).

A day ends for a symbol with its first event of the next day. A bar that comes again replaces the
copy before it; an older bar, a trade whose sequence was passed, a quote before the newest, or any
event of a past day is late: counted, and otherwise without effect. Hence a tape that is played again
changes nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from mesh.calendar import STANDARD, Calendar
from schemas.alert import Alert
from schemas.columns import Columns, Places
from schemas.halt import Halted
from schemas.naming import MarketClass
from schemas.wire import encode_msgpack, msgpack_decoder
from services.processors.fold import FOLDED, Fold
from services.processors.halts import HaltDay
from services.processors.known import Knowledge
from services.processors.quotes import Waiting
from services.processors.sheet import joined


__all__ = ["FOLDED", "RowFold"]

SNAPSHOT_VERSION = 4


class Snapshot(msgspec.Struct, array_like=True):
    """All state of the fold of a partition."""

    version: int
    symbols: list[str]
    sheets: dict[str, dict[str, bytes]]
    waiting: list[bytes]
    halts: list[HaltDay]
    unsent: list[Alert]
    folded: dict[MarketClass, int]
    late: dict[MarketClass, int]


_decode_snapshot = msgpack_decoder(Snapshot).decode


class RowFold:
    """The rows of one partition. Built from the snapshot of a predecessor, or from nothing.

    Args:
        snapshot: bytes of `snapshot()`; None begins with an empty market.
        knowledge: as of `Fold`, like the others, unless there is one.
        fold: that of the process, in which the partition takes part.

    Raises:
        ValueError: the snapshot is of another version.
    """

    def __init__(
        self,
        snapshot: bytes | None,
        knowledge: Knowledge,
        calendar: Calendar = STANDARD,
        *,
        by_bars: bool = False,
        with_quotes: bool = True,
        fold: Fold | None = None,
    ) -> None:
        state = _decode(snapshot)
        self._given = dict.fromkeys(FOLDED, 0)
        for market_class in FOLDED:
            self._given[market_class] += state.folded.get(market_class, 0)
            self._given[market_class] += state.late.get(market_class, 0)
        self._late = dict.fromkeys(FOLDED, 0) | state.late
        self.unsent = {each.id: each for each in state.unsent}
        """Alerts that are not known to be stored, by id; whoever stores one takes it out."""
        self.halted: dict[str, Halted] = {}
        """What is to be shown of halts, by symbol; whoever shows it takes it out."""
        self._fold = fold or Fold(knowledge, calendar, by_bars=by_bars, with_quotes=with_quotes)
        self._number, at = self._fold.enter(self, state.symbols)
        try:
            self._restore(state, at)
        except ValueError:
            self.release()
            raise

    def _restore(self, state: Snapshot, at: Places) -> None:
        fold = self._fold
        for name, dumped in state.sheets.items():
            if name not in fold.sheets:
                raise ValueError(f"a sheet must be one of {sorted(fold.sheets)}, was {name!r}")
            fold.sheets[name].load(at, dumped)
        if state.waiting:
            waiting = Waiting.of(state.waiting)
            waiting = waiting._replace(at=at[waiting.at])
            fold.parts.quotes.waiting = joined([fold.parts.quotes.waiting, waiting])
        fold.parts.halts.states.update((held.symbol, held) for held in state.halts)

    def release(self) -> None:
        """Let go of all symbols: the partition is somebody else's."""
        self._fold.leave(self._number)

    @property
    def folded(self) -> dict[MarketClass, int]:
        """Events that were taken, by class."""
        late = self.late
        return {name: given - late[name] for name, given in self._given.items()}

    @property
    def late(self) -> dict[MarketClass, int]:
        """Events that came too late or twice, by class."""
        self.settle()
        return self._late

    def on_batch(self, market_class: MarketClass, events: Sequence[Any]) -> None:
        """Take *events* of one class, in the order in which they arrived; they may wait to be folded."""
        if market_class in self._given:
            self._given[market_class] += len(events)
        elif market_class is not MarketClass.CANARY:
            return
        self._fold.given[market_class] += len(events)
        self._fold.take(self._number, market_class, events)

    def settle(self) -> None:
        """Fold what waits, of all that take part."""
        self._fold.settle()

    def on_late(self, market_class: MarketClass, events: int) -> None:
        """Events came too late or twice."""
        self._fold.late[market_class] += events
        if market_class in self._late:
            self._late[market_class] += events

    def on_alert(self, alert: Alert) -> None:
        """A symbol has an alert."""
        self.unsent[alert.id] = alert

    def on_halted(self, halted: Halted) -> None:
        """A symbol trades in another way, or again."""
        self.halted[halted.symbol] = halted

    def on_references(self) -> None:
        """Reference data has come: every row is completed at the next flush."""
        self._fold.on_references(self._number)

    def on_flush(self) -> Columns:
        """The rows that changed since the last call, by symbol; of a new processor, all that it has."""
        return self._fold.changed_rows(self._number)

    def snapshot(self) -> bytes:
        """All state, for a successor."""
        fold = self._fold
        fold.refresh()
        at = fold.places_of(self._number)
        symbols = [fold.symbols.names[place] for place in at.tolist()]
        waiting = fold.parts.quotes.waiting
        waiting = waiting.take(np.isin(waiting.at, at))
        waiting = waiting._replace(at=np.searchsorted(at, waiting.at))
        states = fold.parts.halts.states
        return encode_msgpack(
            Snapshot(
                SNAPSHOT_VERSION,
                symbols,
                {name: sheet.dump(at) for name, sheet in fold.sheets.items()},
                [column.tobytes() for column in waiting],
                [states[symbol] for symbol in symbols if symbol in states],
                list(self.unsent.values()),
                self.folded,
                self._late,
            )
        )


def _decode(snapshot: bytes | None) -> Snapshot:
    """Raises ValueError if *snapshot* is of another version."""
    if snapshot is None:
        return Snapshot(SNAPSHOT_VERSION, [], {}, [], [], [], {}, {})
    version = snapshot[1] if len(snapshot) > 1 else None
    if version != SNAPSHOT_VERSION:
        raise ValueError(f"a snapshot of rows must be of version {SNAPSHOT_VERSION}, was {version}")
    return _decode_snapshot(snapshot)
