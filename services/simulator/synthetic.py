"""What is known of the synthetic market besides its tape: listings, floats, splits, past days and minutes.

All of it follows from the seed and the symbols, and none of it changes a byte of the tape. One
symbol in two hundred was split in the months before, one of them on the very first day; one in two
hundred was renamed; one in fifty was listed lately; one in ten has no float.
"""

from collections.abc import Mapping, Sequence
from math import prod

from mesh.partition import fnv1a_32
from services.simulator import minutes
from services.simulator.bars import MINUTE_MS
from services.simulator.catalogue import Known, MinuteBar, Now, Rename, Split
from services.simulator.chance import seeded
from services.simulator.events import DayBar, DayBars
from services.simulator.history import History
from services.simulator.market import Market
from services.simulator.universe import Listing, usd


_FUNDS = frozenset({"SPY", "QQQ"})
_EXCHANGES = {1: "XNYS", 2: "ARCX", 3: "XNAS"}
_KINDS = (".WS", "WARRANT"), (".U", "UNIT")
_RATIOS = ((1, 2), (1, 10), (20, 1), (1, 3), (10, 1), (2, 3))
_ONE_IN_CHANGED, _ONE_IN_NEW, _ONE_IN_FLOATLESS = 200, 50, 10
_RENAMED_BEFORE, _RENAMED_WITHIN = 2, 40
_LISTED_BEFORE, _LISTED_WITHIN = 5, 200


class SyntheticCatalogue:
    """The catalogue of a market that was made from the same seed."""

    def __init__(self, market: Market, seed: int) -> None:
        self._market = market
        self._seed = seed
        self._history = History(seed, market.day_bars(market.eve.name), market.eve, market.calendar)
        symbols = [listing.sym for listing in market.listings]
        changed = max(1, len(symbols) // _ONE_IN_CHANGED)
        chance = seeded(fnv1a_32(f"{seed}/changes".encode()))
        chosen = chance.sample(symbols, min(len(symbols), 3 * changed))
        self.splits: Sequence[Split] = self._draw_splits(sorted(chosen[:changed]))
        self._splits_of = {split.ticker: [split] for split in self.splits}
        self.renames: Mapping[str, Rename] = self._draw_renames(chosen[changed : 2 * changed])
        self._listed = self._draw_listings(symbols, {*self.renames, *chosen[:changed]})
        self.tickers: Mapping[str, Known] = {
            listing.sym: self._known(listing) for listing in market.listings
        }
        self._listings = {listing.sym: listing for listing in market.listings}
        self._renamed = {rename.old: rename.ticker for rename in self.renames.values()}

    def now_ms(self) -> int:
        """Where the tape is."""
        return self._market.now_ms

    def day_bars(self, day: str, *, adjusted: bool) -> DayBars:
        """Of days before the first and of days that are over."""
        if day > self._market.eve.name:
            return self._market.day_bars(day)
        found = self._history.day_bars(day).items()
        return {
            self._ticker(sym, day): self._as_asked(sym, day, bar, adjusted=adjusted)
            for sym, bar in found
            if self._listed.get(sym, "") <= day
        }

    def day_bar(self, ticker: str, day: str, *, adjusted: bool) -> DayBar | None:
        """Of the day that runs: so far."""
        if day == self._market.day:
            listing = self._listings.get(ticker)
            return None if listing is None else listing.so_far()
        if day > self._market.eve.name:
            return self._market.day_bars(day).get(ticker)
        sym = self._renamed.get(ticker, ticker)
        bar = self._history.bar(sym, day)
        if bar is None or self._ticker(sym, day) != ticker or self._listed.get(sym, "") > day:
            return None
        return self._as_asked(sym, day, bar, adjusted=adjusted)

    def minute_bars(
        self, ticker: str, day: str, *, adjusted: bool, length_ms: int = MINUTE_MS
    ) -> list[MinuteBar]:
        """The day's volume, spread over its minutes as the tape's own is; those of the day that runs are no more exact."""
        bar = self.day_bar(ticker, day, adjusted=adjusted)
        if bar is None:
            return []
        until_ms = self._market.now_ms if day == self._market.day else None
        sym = self._renamed.get(ticker, ticker)
        return minutes.spread(self._seed, sym, day, bar, until_ms, length_ms)

    def second_bars(self, ticker: str, minute: MinuteBar) -> list[MinuteBar]:
        """As the minute has it."""
        return minutes.seconds(self._seed, ticker, minute)

    def snapshot(self) -> Mapping[str, Now]:
        """Every listing, with its day so far."""
        now_ms = self._market.now_ms
        before = self._market.day_bars(self._market.previous_day)
        return {
            listing.sym: Now(usd(listing.price), now_ms, listing.so_far(), before.get(listing.sym))
            for listing in self._market.listings
        }

    def _ticker(self, sym: str, day: str) -> str:
        """Under which ticker *sym* was traded on *day*."""
        rename = self.renames.get(sym)
        return sym if rename is None or day >= rename.day else rename.old

    def _as_asked(self, sym: str, day: str, bar: DayBar, *, adjusted: bool) -> DayBar:
        return bar if adjusted else _unadjusted(bar, self._factor(sym, day))

    def _factor(self, sym: str, day: str) -> float:
        """Shares now for each one that there was on *day*."""
        return prod(
            split.split_to / split.split_from
            for split in self._splits_of.get(sym, ())
            if split.day > day
        )

    def _draw_splits(self, symbols: list[str]) -> list[Split]:
        days = self._history.days
        splits = []
        for number, sym in enumerate(symbols):
            split_from, split_to = _RATIOS[number % len(_RATIOS)]
            day = self._market.first_day if number == 0 else days[5 + 17 * number % 200]
            splits.append(Split(sym, day, split_from, split_to))
        return splits

    def _draw_renames(self, symbols: list[str]) -> dict[str, Rename]:
        days = self._history.days
        span = _RENAMED_WITHIN - _RENAMED_BEFORE
        return {
            sym: Rename(
                sym, days[_RENAMED_BEFORE + number % span], f"Z{sym.rpartition('.')[0] or sym}Q"
            )
            for number, sym in enumerate(symbols)
        }

    def _draw_listings(self, symbols: list[str], besides: set[str]) -> dict[str, str]:
        chance = seeded(fnv1a_32(f"{self._seed}/listings".encode()))
        chosen = chance.sample(symbols, len(symbols) // _ONE_IN_NEW)
        return {
            sym: self._history.days[chance.randrange(_LISTED_BEFORE, _LISTED_WITHIN)]
            for sym in chosen
            if sym not in besides
        }

    def _known(self, listing: Listing) -> Known:
        sym = listing.sym
        chance = seeded(fnv1a_32(f"{self._seed}/{sym}".encode()))
        kind = _kind(sym)
        shares = 1000 * int(2_000 * 10 ** chance.uniform(0, 3.5))
        is_floatless = kind != "CS" or chance.randrange(_ONE_IN_FLOATLESS) == 0
        digits = f"{chance.randrange(10**9):09d}"
        return Known(
            ticker=sym,
            name=f"{sym.title()} Corporation" if kind == "CS" else f"{sym} ({kind.title()})",
            kind=kind,
            exchange=_EXCHANGES[listing.tape],
            figi=f"BBG{digits}",
            cik=f"0{digits}",
            list_day=self._listed.get(sym, "2010-01-04"),
            shares_outstanding=shares if kind == "CS" else None,
            free_float_shares=None if is_floatless else int(shares * chance.uniform(0.2, 0.98)),
            float_day=self._history.days[chance.randrange(20, 120)],
        )


def _kind(sym: str) -> str:
    if sym in _FUNDS:
        return "ETF"
    for suffix, kind in _KINDS:
        if sym.endswith(suffix):
            return kind
    return "PFD" if any(letter.islower() for letter in sym) else "CS"


def _unadjusted(bar: DayBar, factor: float) -> DayBar:
    if factor == 1.0:
        return bar
    return DayBar(
        round(bar.open_usd * factor, 6),
        round(bar.high_usd * factor, 6),
        round(bar.low_usd * factor, 6),
        round(bar.close_usd * factor, 6),
        bar.volume_shares / factor,
        None if bar.vwap_usd is None else round(bar.vwap_usd * factor, 6),
        bar.trades,
    )
