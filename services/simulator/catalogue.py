"""What the simulator knows besides the tape: the answers to questions of its REST API."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from mesh import clock
from services.simulator.bars import MINUTE_MS
from services.simulator.events import DayBar, DayBars, Number
from services.simulator.tape import Tape


class Known(NamedTuple):
    """A ticker as the vendor lists it; None is not known."""

    ticker: str
    name: str
    kind: str
    """The vendor's type: `CS`, `ETF`, `PFD`, `WARRANT`, `UNIT`."""
    exchange: str
    """Market identifier code."""
    figi: str
    cik: str
    list_day: str
    """ISO date."""
    shares_outstanding: int | None
    free_float_shares: int | None
    float_day: str
    """ISO date from which the free float is valid."""


class Split(NamedTuple):
    """*split_to* shares for each *split_from* before the opening of a day."""

    ticker: str
    day: str
    split_from: int
    split_to: int


class Rename(NamedTuple):
    """From *day* (ISO date) on *old* is traded as *ticker*."""

    ticker: str
    day: str
    old: str


class MinuteBar(NamedTuple):
    """A minute of one ticker."""

    start_ms: int
    bar: DayBar


class Now(NamedTuple):
    """A ticker at this moment of the day."""

    price_usd: Number
    time_ms: int
    today: DayBar | None
    """So far; None before its first trade."""
    previous: DayBar | None


class Catalogue(Protocol):
    """What can be asked. Reading may take a while: ask in a thread."""

    tickers: Mapping[str, Known]
    splits: Sequence[Split]
    """By ticker, then day."""
    renames: Mapping[str, Rename]
    """By the new ticker."""

    def now_ms(self) -> int:
        """Where the market is, epoch milliseconds."""
        ...

    def day_bars(self, day: str, *, adjusted: bool) -> DayBars:
        """The bars of an ISO day by ticker; empty where there are none.

        Args:
            day: which.
            adjusted: whether as if the splits since then had happened before.
        """
        ...

    def day_bar(self, ticker: str, day: str, *, adjusted: bool) -> DayBar | None:
        """The bar of one ticker, of a day that is over or of the one that runs; None if there is none."""
        ...

    def minute_bars(
        self, ticker: str, day: str, *, adjusted: bool, length_ms: int = MINUTE_MS
    ) -> list[MinuteBar]:
        """The minutes of an ISO day in which *ticker* was traded, in order; or windows of several."""
        ...

    def second_bars(self, ticker: str, minute: MinuteBar) -> list[MinuteBar]:
        """The seconds of a minute in which *ticker* was traded, in order."""
        ...

    def snapshot(self) -> Mapping[str, Now]:
        """Every ticker at this moment."""
        ...


class TapeCatalogue:
    """A recorded tape, which holds bars of days and knows nothing else."""

    def __init__(self, tape: Tape) -> None:
        self.tickers: Mapping[str, Known] = {}
        self.splits: Sequence[Split] = ()
        self.renames: Mapping[str, Rename] = {}
        self._tape = tape

    def now_ms(self) -> int:
        """A recording has no now but ours."""
        return int(clock.now_ms())

    def day_bars(self, day: str, *, adjusted: bool) -> DayBars:
        """As the day files have them, whether those are *adjusted* or not."""
        del adjusted
        return self._tape.day_bars(day)

    def day_bar(self, ticker: str, day: str, *, adjusted: bool) -> DayBar | None:
        """As the day files have it."""
        return self.day_bars(day, adjusted=adjusted).get(ticker)

    def second_bars(self, ticker: str, minute: MinuteBar) -> list[MinuteBar]:
        """None, as of minutes."""
        del ticker, minute
        return []

    def minute_bars(
        self, ticker: str, day: str, *, adjusted: bool, length_ms: int = MINUTE_MS
    ) -> list[MinuteBar]:
        """None: the tape's minutes are played, not looked up."""
        del ticker, day, adjusted, length_ms
        return []

    def snapshot(self) -> Mapping[str, Now]:
        """None: where the players are, nobody knows."""
        return {}
