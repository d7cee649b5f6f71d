"""Price bands, limit states and pauses of the synthetic market, in the vendor's messages.

A few symbols run away (`services.simulator.intraday`): their bands follow the mean price of five minutes by the
rules of the Plan, and who runs into a band stays there until it leaves it or, 15 s later, pauses for
five minutes without a trade. All others just have their bands told now and then. As the vendor does
it, pauses are told of Nasdaq-listed symbols only, limit states of the others only. Chance is drawn
from a generator of its own, so that a market without a runner at a band is the same as without all this.
"""

from collections import deque
from math import exp

from msgspec import UNSET

from mesh.calendar import Day
from schemas.luld import (
    BAND,
    INTRADAY,
    LIMIT_MS,
    OPENING,
    OUTSIDE_HOURS,
    PAUSE_MS,
    REOPENED,
    REPUBLISHED,
    RESTATED,
    SUSPENDED,
    Tier,
    bands,
    width,
)
from schemas.wire import encode_json
from services.simulator.chance import Chance
from services.simulator.events import NS_PER_MS, Bands, Nbbo, Number, TapeEvent
from services.simulator.universe import Listing, usd


UPDATE_MS, UPDATE_PART = 30_000, 0.01
"""Bands change at most so often, and only if the reference price moved by so much (the Plan, section V)."""

_MEAN_S = 300
_NASDAQ = 3
_LEAVES = 0.04
"""Chance to leave a limit state in each second: about half of them become pauses."""
_PULL_BACK = 0.015
_MARGIN = 0.01
"""Who is so near to a band, as a part of it, is at it in the next second: no print gets beyond."""
_REOPENING = 0.03
_BID_ENTERED, _BID_LEFT, _OFFER_ENTERED, _OFFER_LEFT = 23, 24, 25, 26
_NO_BAND = 0
_ROUND_LOT, _CENT_USD = 100, 0.01


class _Held:
    """The bands of one symbol, and what it does at them."""

    __slots__ = ("listing", "lower", "prices", "reference", "side", "step", "tier", "until_ms", "updated_ms", "upper")  # fmt: skip

    def __init__(self, listing: Listing, tier: Tier) -> None:
        self.listing = listing
        self.tier = tier
        self.reference = self.lower = self.upper = 0.0
        self.updated_ms = 0
        self.prices: deque[float] = deque(maxlen=_MEAN_S)
        self.side = 0
        """1 at the upper band, -1 at the lower one."""
        self.until_ms = 0
        """When a limit state or a pause ends."""
        self.step = listing.step


class Luld:
    """The bands of a market over one day.

    Args:
        chance: a generator of its own.
        day: which.
        watched: symbols that may reach a band.
        tier_one: symbols with narrow bands.
    """

    def __init__(
        self, chance: Chance, day: Day, watched: list[Listing], tier_one: set[Listing]
    ) -> None:
        self._chance = chance
        self._day = day
        self._tier_one = tier_one
        self._held: dict[Listing, _Held] = {}
        self._watched = [self._hold(listing) for listing in dict.fromkeys(watched)]
        self.paused: set[Listing] = set()
        """Who does not trade now."""
        self.at_band: set[Listing] = set()
        """Whose price stands still at a band."""

    def second(self, now_ms: int) -> list[TapeEvent]:
        """What is told as the second from *now_ms* begins; prices that reached a band stay there."""
        events: list[TapeEvent] = []
        if self._day.open_ms <= now_ms < self._day.close_ms:
            for held in self._watched:
                events += self._go_on(held, now_ms)
        elif now_ms == self._day.close_ms:
            for held in self._watched:
                self._trade_again(held)
                events.append(_told(held, now_ms, OUTSIDE_HOURS, with_bands=False))
        return events

    def restated(self, listing: Listing, now_ms: int) -> list[TapeEvent]:
        """The bands of any symbol once more, or for the first time; nothing outside the regular session."""
        if not self._day.open_ms <= now_ms < self._day.close_ms:
            return []
        held = self._hold(listing)
        nasdaq = listing.tape == _NASDAQ
        if listing in self.paused:
            return [_told(held, now_ms, SUSPENDED, with_bands=False)] if nasdaq else []
        price_usd = float(usd(listing.price))
        if not held.updated_ms:
            self._set(held, price_usd, now_ms)
            return [_told(held, now_ms, OPENING if nasdaq else BAND)]
        if held not in self._watched and _has_moved(held, price_usd, now_ms):
            self._set(held, price_usd, now_ms)
            return [_told(held, now_ms, INTRADAY if nasdaq else BAND)]
        return [_told(held, now_ms, RESTATED if nasdaq else REPUBLISHED)]

    def _hold(self, listing: Listing) -> _Held:
        held = self._held.get(listing)
        if held is None:
            tier = Tier.ONE if listing in self._tier_one else Tier.TWO
            held = self._held[listing] = _Held(listing, tier)
        return held

    def _set(self, held: _Held, reference_usd: float, now_ms: int) -> None:
        day, close_usd = self._day, float(usd(held.listing.previous_close))
        wide = width(held.tier, close_usd, now_ms, day.open_ms, day.close_ms)
        if wide is not None:
            held.reference, held.updated_ms = reference_usd, now_ms
            held.lower, held.upper = bands(reference_usd, wide)

    def _go_on(self, held: _Held, now_ms: int) -> list[TapeEvent]:
        listing = held.listing
        nasdaq = listing.tape == _NASDAQ
        if listing in self.paused:
            return self._maybe_reopen(held, now_ms)
        if listing in self.at_band:
            return self._stay_or_leave(held, now_ms)
        price_usd = listing.fair_usd
        held.prices.append(price_usd)
        events = []
        if not held.updated_ms:
            self._set(held, price_usd, now_ms)
            events.append(_told(held, now_ms, OPENING if nasdaq else BAND))
        else:
            mean_usd = sum(held.prices) / len(held.prices)
            if _has_moved(held, mean_usd, now_ms):
                self._set(held, mean_usd, now_ms)
                events.append(_told(held, now_ms, INTRADAY if nasdaq else BAND))
        if price_usd >= held.upper * (1 - _MARGIN):
            events += self._reach(held, 1, now_ms)
        elif price_usd <= held.lower * (1 + _MARGIN):
            events += self._reach(held, -1, now_ms)
        return events

    def _reach(self, held: _Held, side: int, now_ms: int) -> list[TapeEvent]:
        listing = held.listing
        self.at_band.add(listing)
        held.side, held.until_ms, held.step = side, now_ms + LIMIT_MS, listing.step
        listing.step = 0.0
        listing.fair_usd = held.upper if side > 0 else max(held.lower, _CENT_USD)
        code = _BID_ENTERED if side > 0 else _OFFER_ENTERED
        told = [] if listing.tape == _NASDAQ else [_told(held, now_ms, code)]
        return [*told, _quoted_at_band(held, now_ms)]

    def _stay_or_leave(self, held: _Held, now_ms: int) -> list[TapeEvent]:
        listing = held.listing
        nasdaq = listing.tape == _NASDAQ
        if now_ms >= held.until_ms:
            self._trade_again(held)
            self.paused.add(listing)
            held.until_ms = now_ms + PAUSE_MS
            told = [_told(held, now_ms, SUSPENDED, with_bands=False)] if nasdaq else []
            return [*told, _quoted(listing, now_ms, None, None)]
        if self._chance.random() >= _LEAVES:
            return [_quoted_at_band(held, now_ms)]
        self._trade_again(held)
        listing.fair_usd *= 1 - held.side * _PULL_BACK
        code = _BID_LEFT if held.side > 0 else _OFFER_LEFT
        return [] if nasdaq else [_told(held, now_ms, code)]

    def _maybe_reopen(self, held: _Held, now_ms: int) -> list[TapeEvent]:
        if now_ms < held.until_ms:
            return []
        listing = held.listing
        self.paused.discard(listing)
        held.prices.clear()
        listing.fair_usd *= exp(self._chance.gauss(0, _REOPENING))
        self._set(held, listing.fair_usd, now_ms)
        return [_told(held, now_ms, REOPENED if listing.tape == _NASDAQ else BAND)]

    def _trade_again(self, held: _Held) -> None:
        self.paused.discard(held.listing)
        if held.listing in self.at_band:
            self.at_band.discard(held.listing)
            held.listing.step = held.step


def _has_moved(held: _Held, reference_usd: float, now_ms: int) -> bool:
    part = abs(reference_usd / held.reference - 1)
    return part >= UPDATE_PART and now_ms - held.updated_ms >= UPDATE_MS


def _told(held: _Held, now_ms: int, code: int, *, with_bands: bool = True) -> TapeEvent:
    listing = held.listing
    listing.sequence += 1
    upper, lower = (held.upper, held.lower) if with_bands else (_NO_BAND, _NO_BAND)
    message = Bands(
        listing.sym, upper, lower, (code,), listing.tape, now_ms * NS_PER_MS, listing.sequence
    )
    return TapeEvent(now_ms, "LULD", listing.sym, encode_json(message))


def _quoted_at_band(held: _Held, now_ms: int) -> TapeEvent:
    """The best bid at the upper band, or the best offer at the lower one, with nothing on the other side."""
    if held.side > 0:
        return _quoted(held.listing, now_ms, held.upper, None)
    return _quoted(held.listing, now_ms, None, max(held.lower, _CENT_USD))


def _quoted(
    listing: Listing, now_ms: int, bid_usd: Number | None, ask_usd: Number | None
) -> TapeEvent:
    listing.quote_sequence += 1
    nbbo = Nbbo(
        listing.sym, 0, bid_usd or 0, _ROUND_LOT if bid_usd else 0, 0, ask_usd or 0,
        _ROUND_LOT if ask_usd else 0, 1, UNSET, now_ms, listing.quote_sequence, listing.tape,
    )  # fmt: skip
    return TapeEvent(now_ms, "Q", listing.sym, encode_json(nbbo))
