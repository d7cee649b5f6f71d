"""A market of made-up rows, of which some change at each tick: in what a few trades change, and in nothing else."""

from datetime import date

import numpy as np

from mesh.leaderboard import Instant
from schemas.columns import FIELDS, PLACE, Columns, Numbers, Places
from schemas.leaderboard import SESSIONS


SYMBOLS = 500
CHANGING = 0.3
"""Of all rows, at each tick."""
TICK_S = 0.25

_DAY = date(2026, 1, 5)
_SESSION = "regular"
_START_MS = 1_767_625_200_000
"""2026-01-05, 10:00 in New York."""
_OPEN_USD, _PREVIOUS, _STEP = 0.03, 0.02, 0.0004
"""Standard deviations, as shares of a price: of the day until now, of the gap, of one tick."""
_WINDOWS = ("1m", "5m", "1h")
_SPEEDS = ("5s", "15s", "60s")


class Market:
    """Rows of `SYMBOLS` symbols; the same *seed* makes the same ticks."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = np.random.default_rng(seed)
        self._now_ms = _START_MS
        names = [
            f"{chr(65 + n // 26 % 26)}{chr(65 + n % 26)}{chr(65 + n // 676)}"
            for n in range(SYMBOLS)
        ]
        self.columns = Columns(names, np.full((len(FIELDS), SYMBOLS), np.nan))
        """All rows as they are now."""
        self._open()

    @property
    def instant(self) -> Instant:
        """The time of the newest event."""
        return Instant(_DAY.isoformat(), int(self.columns.event_ms.max()), _SESSION)

    def tick(self) -> Columns:
        """The rows that change in the next quarter of a second."""
        changing = int(SYMBOLS * CHANGING)
        at = np.sort(self._chance.choice(SYMBOLS, changing, replace=False))
        last = self.columns.last_usd[at]
        price: Numbers = np.maximum(
            np.round(last * self._chance.normal(1, _STEP, changing), 2), 0.01
        )
        shares: Numbers = self._chance.integers(1, 30, changing).astype(np.float64) * 100
        event_ms = self._now_ms + self._chance.integers(1, int(TICK_S * 1000), changing)
        self._now_ms += int(TICK_S * 1000)
        self._trade(at, price, shares, event_ms.astype(np.float64))
        return self.columns.take(at)

    def _set(self, name: str, at: Places, values: Numbers | float) -> None:
        self.columns.matrix[PLACE[name], at] = values

    def _add(self, name: str, at: Places, values: Numbers | float) -> None:
        self.columns.matrix[PLACE[name], at] += values

    def _open(self) -> None:
        """Everything that is known at ten o'clock."""
        every = np.arange(SYMBOLS)
        chance = self._chance
        previous: Numbers = np.round(chance.lognormal(3.0, 1.0, SYMBOLS) + 2, 2)
        opened: Numbers = np.round(previous * chance.normal(1, _PREVIOUS, SYMBOLS), 2)
        last: Numbers = np.round(opened * np.maximum(chance.normal(1, _OPEN_USD, SYMBOLS), 0.5), 2)
        volume: Numbers = np.round(chance.lognormal(13.0, 1.0, SYMBOLS))
        spread: Numbers = np.round(last * 0.0005 + 0.01, 2)
        known: dict[str, Numbers | float] = {
            "trading_day": float(_DAY.toordinal()), "session": float(SESSIONS.index(_SESSION)),
            "open_usd": opened, "previous_close_usd": previous,
            "gap_usd": opened - previous, "gap_pct": (opened / previous - 1) * 100,
            "volume_shares": volume, "vwap_usd": (opened + last) / 2,
            "session_volume_shares": volume, "session_vwap_usd": (opened + last) / 2,
            "day_high_usd": np.maximum(opened, last) * 1.01, "day_low_usd": np.minimum(opened, last) * 0.99,
            "average_volume_shares": volume * 3.3, "relative_volume_days": 30.0,
            "free_float_shares": volume * 90.0, "atr_usd": np.round(last * 0.03, 4),
            "bid_usd": last - spread, "ask_usd": last, "bid_shares": 300.0, "ask_shares": 200.0,
            "spread_usd": spread, "spread_pct": spread / (last - spread / 2) * 100,
            "trades": np.round(volume / 150.0),
        }  # fmt: skip
        for name, values in known.items():
            self._set(name, every, values)
        for name in _WINDOWS:
            self._set(f"trades_{name}", every, 50.0)
            self._set(f"volume_{name}_shares", every, 7000.0)
            self._set(f"volume_{name}_usd", every, 7000.0 * last)
        self._trade(
            every,
            self.columns.bid_usd + spread,
            np.full(SYMBOLS, 100.0),
            np.full(SYMBOLS, float(_START_MS)),
        )

    def _trade(self, at: Places, price: Numbers, shares: Numbers, event_ms: Numbers) -> None:
        """Trades of so many *shares* at *price* in the symbols *at*."""
        rows = self.columns.take(at)
        volume = rows.volume_shares + shares
        vwap = (rows.vwap_usd * rows.volume_shares + price * shares) / volume
        high = np.maximum(rows.day_high_usd, price)
        low = np.minimum(rows.day_low_usd, price)
        changed = {
            "event_ms": event_ms, "last_usd": price,
            "change_usd": price - rows.previous_close_usd,
            "change_pct": (price / rows.previous_close_usd - 1) * 100,
            "change_open_usd": price - rows.open_usd,
            "change_open_pct": (price / rows.open_usd - 1) * 100,
            "volume_shares": volume, "vwap_usd": vwap,
            "session_volume_shares": volume, "session_vwap_usd": vwap,
            "day_high_usd": high, "day_low_usd": low, "day_range_pct": (price - low) / (high - low) * 100,
            "high_distance_pct": (price / high - 1) * 100, "low_distance_pct": (price / low - 1) * 100,
            "vwap_distance_pct": (price / vwap - 1) * 100, "dollar_volume_usd": volume * vwap,
            "relative_volume": volume / rows.average_volume_shares * 4.0,
            "volume_ratio": volume / rows.average_volume_shares,
            "float_rotation": volume / rows.free_float_shares,
            "atr_multiple": (price - rows.previous_close_usd) / rows.atr_usd,
        }  # fmt: skip
        for name, values in changed.items():
            self._set(name, at, values)
        for name in _WINDOWS:
            self._add(f"trades_{name}", at, 2.0)
            self._add(f"volume_{name}_shares", at, shares)
            self._add(f"volume_{name}_usd", at, shares * price)
        for name in _SPEEDS:
            self._set(f"trades_per_s_{name}", at, self._chance.random(len(at)))
            self._set(f"tape_{name}_shares_per_s", at, self._chance.normal(0, 100, len(at)))
        self._add("trades", at, 2.0)
