"""Bars of the synthetic market: what the trades of a second, a minute and a day add up to.

At every moment a symbol's `av` is the sum of `v` over its second bars so far, each in its latest
version, and over its minute bars once the minute is over.
"""

from schemas.wire import Wire, encode_json
from services.simulator.events import MinuteAggregate, SecondAggregate, TapeEvent
from services.simulator.universe import E4, Listing


SECOND_MS, MINUTE_MS = 1000, 60_000


class Window(Wire, frozen=True):
    """A finished second bar; prices in E4 units."""

    start_ms: int
    open: int
    close: int
    high: int
    low: int
    volume: int
    value: int
    trades: int


def close_second(listing: Listing, start_ms: int, *, regular: bool) -> Window:
    """Fold the second's trades into the minute and the day, and begin an empty second."""
    high, low = listing.high, listing.low
    window = Window(
        start_ms, listing.open, listing.price, high, low, listing.volume,
        listing.value, listing.trades,
    )  # fmt: skip
    listing.volume = listing.value = listing.trades = 0
    if regular:
        listing.day_close = window.close
        if not listing.official_open:
            listing.official_open = window.open
    if not listing.day_volume:
        listing.day_open, listing.day_high, listing.day_low = window.open, high, low
    listing.day_high = max(listing.day_high, high)
    listing.day_low = min(listing.day_low, low)
    _fold_minute(listing, window)
    add_volume(listing, window.volume, window.value, window.trades)
    return window


def _fold_minute(listing: Listing, window: Window) -> None:
    listing.minute_close = window.close
    if not listing.minute_volume:
        listing.minute_open = window.open
        listing.minute_high, listing.minute_low = window.high, window.low
        return
    listing.minute_high = max(listing.minute_high, window.high)
    listing.minute_low = min(listing.minute_low, window.low)


def add_volume(listing: Listing, volume: int, value: int, trades: int) -> None:
    """Count shares, and their price times size, into the minute and the day."""
    listing.minute_volume += volume
    listing.minute_value += value
    listing.minute_trades += trades
    listing.day_volume += volume
    listing.day_value += value


def second_bar(listing: Listing, window: Window, time_ms: int) -> TapeEvent:
    """The `A` event of *window*, with the day as it stands, sent at *time_ms*."""
    bar = SecondAggregate(
        listing.sym, window.volume, listing.day_volume, listing.official_open / E4,
        window.open / E4, window.close / E4, window.high / E4, window.low / E4,
        window.start_ms, window.start_ms + SECOND_MS, _vwap(window.value, window.volume),
        _vwap(listing.day_value, listing.day_volume), window.volume // window.trades,
    )  # fmt: skip
    return TapeEvent(time_ms, "A", listing.sym, encode_json(bar))


def minute_bar(listing: Listing, end_ms: int) -> TapeEvent:
    """The `AM` event of the minute that ends at *end_ms*; begins an empty minute."""
    bar = MinuteAggregate(
        listing.sym, listing.minute_volume, listing.day_volume, listing.official_open / E4,
        listing.minute_open / E4, listing.minute_close / E4,
        listing.minute_high / E4, listing.minute_low / E4, end_ms - MINUTE_MS, end_ms,
        _vwap(listing.minute_value, listing.minute_volume),
        _vwap(listing.day_value, listing.day_volume),
        listing.minute_volume // listing.minute_trades,
    )  # fmt: skip
    listing.minute_volume = listing.minute_value = listing.minute_trades = 0
    return TapeEvent(end_ms, "AM", listing.sym, encode_json(bar))


def _vwap(value: int, volume: int) -> float:
    return round(value / volume) / E4
