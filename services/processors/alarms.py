"""What is worth telling a trader at once: found among trades or bars, in the order of each symbol.

Everything that decides whether an alert is fired comes from one class of events, so that it does not
matter how the classes were interleaved; the row that it carries is that of the moment. Of each
kind a symbol has at most one in five minutes of event time (`COOLDOWN_MS`).

- high, low: a print beyond the extreme of its session so far; the first print of a session is silent.
  It names the extremes of earlier sessions, and of the day before, that this very print has passed.
- running-up, running-down: the price came so far within 50–60 s that a table by price asks for, on
  more than 1000 shares (Benzinga's "price spike").
- volume-spike: a minute with five times the shares of an average minute of the hour before it, and
  10,000 at least, once the symbol has traded for ten minutes; noticed in a second that keeps that pace.
- block: see `services.processors.trades`.
- near-band: a price within 1 % of a price band that is in force at its time. This alone is of two classes: the
  feed sends a band before the prices that it is for, and so the listener publishes it and owners fold it.
- limit, halt, resume: transitions of `services.processors.halts`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from schemas.alert import AlertKind
from schemas.columns import Mask, Places
from schemas.leaderboard import SESSIONS
from services.processors.bars import VALUES, Bars
from services.processors.bars import Batch as BarBatch
from services.processors.halting import Halting
from services.processors.pulse import Pulse, Seconds
from services.processors.sessions import PRE
from services.processors.sheet import Floats, Ints, Sheet
from services.processors.trades import Batch, Beyond, Trades
from services.processors.windows import MILLION


COOLDOWN_MS = 300_000
RUN_SHARES = 1000
_RUN_BELOW_USD = np.array([1.0, 2.0, 4.0, 8.0, 10.0])
_RUN_PCT = np.array([10.0, 8.0, 6.0, 4.0, 2.0, 1.0])
"""A move of so many percent is a run, at prices below those of the line before; the last above all of them."""
_DUST_PCT = 1e-9
"""What binary fractions may take from a move: $10.00 to $10.10 comes to 0.9999999999999964 %."""
SPIKE_SHARES, SPIKE_TIMES, SPIKE_MINUTES = 10_000, 5.0, 10
"""Of a volume spike: its shares, times the average minute, and how long the symbol must have traded."""

KINDS = tuple(AlertKind)
_SPIKE = KINDS.index(AlertKind.VOLUME_SPIKE)
_HOUR = 60
"""Minutes."""
_NEVER_MS = -COOLDOWN_MS
_HIGH, _LOW = VALUES.index("high_usd"), VALUES.index("low_usd")


class Alarm(NamedTuple):
    """An alert before the row is put into it. Fields as in `schemas.alert.Alert`."""

    kind: AlertKind
    place: int
    """Of the symbol."""
    event_ms: int
    price_usd: float | None
    level_usd: float | None = None
    breaches: tuple[tuple[str, float], ...] = ()
    """Session and level."""
    move_pct: float | None = None
    size_shares: float | None = None
    until_ms: int | None = None


Fire = Callable[[Alarm], None]


def run_pct(price_usd: Floats) -> Floats:
    """The move within a minute, percent, that is a run at *price_usd*."""
    found: Floats = _RUN_PCT[np.searchsorted(_RUN_BELOW_USD, price_usd, side="right")] - _DUST_PCT
    return found


class Fired(Sheet):
    """When an alert of each of `KINDS` was fired last, by symbol."""

    last_ms: Ints

    def __init__(self) -> None:
        super().__init__({"last_ms": (_NEVER_MS, len(KINDS))})


class Alarms:
    """Watches trades or bars of a partition, keeps the pulse of each symbol, and fires.

    Args:
        fire: told of every alarm at its moment.
        by_bars: whether bars say what happens, and not trades; blocks are trades in any case.
    """

    def __init__(self, pulse: Pulse, halting: Halting, fire: Fire, *, by_bars: bool) -> None:
        self.fired = Fired()
        self._halting = halting
        self._pulse = pulse
        self._fire = fire
        self._by_bars = by_bars

    def raise_alarm(self, alarm: Alarm) -> None:
        """Fire, unless the symbol had one of its kind in the last five minutes."""
        where = alarm.place, KINDS.index(alarm.kind)
        if alarm.event_ms - self.fired.last_ms[where] >= COOLDOWN_MS:
            self.fired.last_ms[where] = alarm.event_ms
            self._fire(alarm)

    def on_seconds(self, trades: Trades, at: Places) -> None:
        """Seconds of trades are complete."""
        if not self._by_bars:
            self._beat(trades_seconds(trades, at))

    def on_late(self, batch: Batch) -> None:
        """Trades belong to seconds that were complete."""
        if not self._by_bars:
            shares = batch.size_shares
            prints = np.ones(len(batch.at), dtype=np.int64)
            late = Seconds(batch.at, batch.event_ms // 1000, prints, shares, shares * batch.price_usd, shares)  # fmt: skip
            self._pulse.take_late(late)

    def on_beyond(self, trades: Trades, place: int, trade: Beyond) -> None:
        """A trade is the highest or the lowest of its session."""
        if not self._by_bars:
            extremes = trades.highs_usd if trade.is_high else trades.lows_usd
            self._extreme(extremes[place], place, trade)

    def on_prices(self, batch: Batch) -> None:
        """Trades that may be the last sale: some may be near a band. One band makes one alert, dated by its begin."""
        at, (which, band_usd, bands_ms) = batch.at, self._halting.near(batch.at, batch.event_ms, batch.price_usd)  # fmt: skip
        for number, place in enumerate(which.tolist()):
            price_usd = float(batch.price_usd[place])
            alarm = Alarm(AlertKind.NEAR_BAND, int(at[place]), int(bands_ms[number]), price_usd, float(band_usd[number]))  # fmt: skip
            self.raise_alarm(alarm)

    def on_block(self, place: int, event_ms: int, price_usd: float, size_shares: float) -> None:
        """A trade is a block."""
        self.raise_alarm(
            Alarm(AlertKind.BLOCK, place, event_ms, price_usd, size_shares=size_shares)
        )

    def on_bars(self, bars: Bars, at: Places) -> None:
        """Bars are final."""
        self._beat(bar_seconds(bars, at))

    def on_bars_beyond(self, bars: Bars, batch: BarBatch, session: int) -> None:
        """Bars come that may reach beyond their session before them."""
        for is_high in (True, False):
            extremes = bars.highs_usd if is_high else bars.lows_usd
            price_usd, level_usd = batch.values[_HIGH if is_high else _LOW], extremes[batch.at, session]  # fmt: skip
            beyond = price_usd > level_usd if is_high else price_usd < level_usd
            for number in np.flatnonzero(beyond).tolist():
                place = int(batch.at[number])
                found = Beyond(is_high, session, int(batch.start_ms[number]), float(price_usd[number]), float(level_usd[number]))  # fmt: skip
                self._extreme(extremes[place], place, found)

    def _extreme(self, extremes: Floats, place: int, found: Beyond) -> None:
        is_high, session, event_ms, price_usd, level_usd = found
        before = ((SESSIONS[each], float(extremes[each])) for each in range(session - 1, PRE - 1, -1))  # fmt: skip
        passed = tuple(
            (name, usd)
            for name, usd in before
            if (level_usd <= usd < price_usd if is_high else level_usd >= usd > price_usd)
        )
        kind = AlertKind.HIGH if is_high else AlertKind.LOW
        self.raise_alarm(Alarm(kind, place, event_ms, price_usd, level_usd, passed))

    def _beat(self, seconds: Seconds) -> None:
        """Take seconds, one of a symbol, and see whether they made a run or a spike."""
        self._pulse.take(seconds)
        seconds = seconds.take(self._pulse.close(seconds))
        least_usd, most_usd = self._pulse.extremes(seconds.at)
        up_pct = (seconds.close_usd - least_usd) / least_usd * 100
        down_pct = (most_usd - seconds.close_usd) / most_usd * 100
        self._run(AlertKind.RUNNING_UP, seconds, up_pct, up_pct >= run_pct(least_usd))
        self._run(AlertKind.RUNNING_DOWN, seconds, -down_pct, down_pct >= run_pct(most_usd))
        self._spike(seconds)

    def _run(self, kind: AlertKind, seconds: Seconds, move_pct: Floats, is_run: Mask) -> None:
        which = np.flatnonzero(is_run)
        found, move_pct = seconds.take(which), move_pct[which]
        enough = self._minute_shares(found) > RUN_SHARES
        for number in np.flatnonzero(enough).tolist():
            self._tell(kind, found, number, move_pct=float(move_pct[number]))

    def _spike(self, seconds: Seconds) -> None:
        end_ms = seconds.second * 1000 + 999
        is_due = end_ms - self.fired.last_ms[seconds.at, _SPIKE] >= COOLDOWN_MS
        found = seconds.take((seconds.shares * 60 >= SPIKE_SHARES) & is_due)
        minute_shares = self._minute_shares(found)
        [_, [hour], _] = self._pulse.long.sums(found.at, found.second, (_HOUR,))
        before_shares = hour / MILLION - minute_shares
        can = (minute_shares >= SPIKE_SHARES) & (minute_shares * _HOUR >= SPIKE_TIMES * before_shares)  # fmt: skip
        found, minute_shares, before_shares = found.take(can), minute_shares[can], before_shares[can]  # fmt: skip
        minutes = self._pulse.long.steps_since_first(found.at, "prints")
        average = before_shares / np.maximum(minutes - 1, 1)
        is_spike = (minutes > SPIKE_MINUTES) & (minute_shares >= SPIKE_TIMES * average)
        for number in np.flatnonzero(is_spike).tolist():
            self._tell(AlertKind.VOLUME_SPIKE, found, number, size_shares=float(minute_shares[number]))  # fmt: skip

    def _minute_shares(self, seconds: Seconds) -> Floats:
        """Shares of the minutes that end with *seconds*."""
        [_, [minute], _] = self._pulse.short.sums(seconds.at, seconds.second, (60,))
        shares: Floats = minute / MILLION
        return shares

    def _tell(
        self, kind: AlertKind, seconds: Seconds, number: int, *,
        move_pct: float | None = None, size_shares: float | None = None,
    ) -> None:  # fmt: skip
        """Of what was found at the end of a second."""
        end_ms, price_usd = int(seconds.second[number]) * 1000 + 999, float(seconds.close_usd[number])  # fmt: skip
        place = int(seconds.at[number])
        self.raise_alarm(
            Alarm(kind, place, end_ms, price_usd, move_pct=move_pct, size_shares=size_shares)
        )


def trades_seconds(trades: Trades, at: Places) -> Seconds:
    """The seconds that are being filled."""
    return Seconds(
        at, trades.second[at], trades.second_prints[at], trades.second_shares[at], trades.second_usd[at],
        trades.last_usd[at],
    )  # fmt: skip


def bar_seconds(bars: Bars, at: Places) -> Seconds:
    """The seconds that the newest bars are: prints from their average size, dollars from their VWAP."""
    shares, size, vwap_usd, close_usd = bars.volume_shares[at], bars.average_size_shares[at], bars.vwap_usd[at], bars.close_usd[at]  # fmt: skip
    prints = np.maximum(np.where(size > 0.0, np.rint(shares / np.where(size > 0.0, size, 1.0)), 1.0), 1.0)  # fmt: skip
    usd = shares * np.where(np.isnan(vwap_usd), close_usd, vwap_usd)
    return Seconds(at, bars.start_ms[at] // 1000, prints.astype(np.int64), shares, usd, close_usd)
