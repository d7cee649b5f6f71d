"""A board of 500 rows of which 150 trade at a time: what a busy market asks of a browser."""

import math
import random  # noqa: TID251  # a test's, seeded
from typing import Any

from mesh import clock
from schemas.leaderboard import Row
from schemas.widget import Delta, Snap, Subscribe
from services.widgets.moves import moved, origins
from tests.schemas.deltas import rows_and_cells
from tests.services.widgets.histories import HEAD, checksum


ROWS, CHANGED = 500, 150
_BEST_PCT = 60.0
_ROWS_BY_E = 120.0
"""Gains fall by a factor of e over so many rows: the last of 500 has one percent."""
_STEP = 0.0015
"""What a price moves at a time, as a part of it: about two percent in a minute."""


class _Traded:
    """One symbol and what it came to so far."""

    def __init__(self, n: int, chance: random.Random) -> None:
        self.symbol = f"S{n:03}"
        self._chance = chance
        self._float = round(chance.uniform(1e6, 5e8))
        self._open = round(2 * 1.008 ** chance.randrange(ROWS), 2)
        self._close = round(self._open / chance.uniform(0.9, 1.1), 2)
        self._last = round(self._open * (1 + _BEST_PCT / 100 * math.exp(-n / _ROWS_BY_E)), 2)
        self._volume = float(chance.randrange(100_000, 50_000_000))
        self._usual = self._volume / chance.uniform(0.5, 12)
        self._usd = self._volume * (self._open + self._last) / 2

    def trade(self) -> None:
        """Some shares, at a price near the last one."""
        shares = 100.0 * self._chance.randint(1, 30)
        self._last = max(0.01, round(self._last * (1 + self._chance.gauss(0, _STEP)), 2))
        self._volume += shares
        self._usd += shares * self._last

    @property
    def gain_pct(self) -> float:
        """Since the open: what the board ranks by."""
        return (self._last / self._open - 1) * 100

    def cells(self, columns: list[str]) -> list[Any]:
        """Its row."""
        row = Row(
            self.symbol, HEAD.trading_day, HEAD.session, HEAD.asof_ms, last_usd=self._last, open_usd=self._open,
            previous_close_usd=self._close, change_pct=(self._last / self._close - 1) * 100,
            change_open_pct=self.gain_pct, gap_pct=(self._open / self._close - 1) * 100,
            volume_shares=self._volume, relative_volume=self._volume / self._usual,
            vwap_usd=self._usd / self._volume, free_float_shares=self._float,
        )  # fmt: skip
        return [self.gain_pct if name == "score" else getattr(row, name) for name in columns]


class FullBoard:
    """Five hundred symbols, the best first. Between two updates 150 of them are traded."""

    def __init__(self, asked: Subscribe) -> None:
        assert isinstance(asked.view.columns, list)
        self._chance = random.Random(1)  # noqa: S311  # chance, not secrecy
        self._id, self._feed = asked.id, asked.feed
        self.columns = ["symbol", *asked.view.columns]
        self._market = [_Traded(n, self._chance) for n in range(ROWS)]
        self.rows = self._ranked()
        self.seq = 1

    def _ranked(self) -> list[list[Any]]:
        best = sorted(self._market, key=lambda each: (-each.gain_pct, each.symbol))
        return [each.cells(self.columns) for each in best]

    def snap(self) -> Snap:
        """All of it."""
        return Snap(
            self._id, self._feed, "e", 1, clock.now_ms(), HEAD, self.columns, self.rows, ROWS, checksum(self.rows),
        )  # fmt: skip

    def delta(self) -> Delta:
        """The next update, as the service would make it."""
        before = {row[0]: row for row in self.rows}
        for each in self._chance.sample(self._market, CHANGED):
            each.trade()
        self.rows = self._ranked()
        now = [row[0] for row in self.rows]
        _, moves = moved(list(before), now, origins(list(before), now))
        changes = [
            (place, column, value)
            for place, row in enumerate(self.rows)
            for column, value in enumerate(row)
            if value != before[row[0]][column]
        ]
        rows, cells = rows_and_cells(changes)
        self.seq += 1
        return Delta(
            self._id, self.seq - 1, self.seq, clock.now_ms(), HEAD, [], moves, rows, cells, ROWS,
            checksum(self.rows) if self.seq % 10 == 0 else None,
        )  # fmt: skip
