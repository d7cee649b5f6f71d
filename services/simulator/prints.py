"""Trades and quotes of the synthetic market: one second of them at a time, cheaply.

An odd lot is never the first trade of its second, so a window with trades always has a price that
the vendor's condition rules accept.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from schemas.wire import encode_json
from services.simulator.chance import Chance
from services.simulator.events import Nbbo, Print, TapeEvent
from services.simulator.universe import E4, Listing, to_grid


SHAPES = 4096
FORM_T, SOLD_OUT_OF_SEQUENCE = 12, 33
_SWEEP, _ODD_LOT = 14, 37
_ODD_SHARE, _SWEEP_SHARE, _QUOTED_SHARE = 0.4, 0.2, 0.25
_EXCHANGES = (4, 4, 4, 10, 11, 12, 12, 19, 8, 21)
_ROUND_SIZES = (100, 100, 100, 100, 100, 200, 200, 300, 500, 1000)
_ROUND_LOT = 100
_SECOND_MS = 1000

Conditions = tuple[int, ...] | UnsetType


class Shape(NamedTuple):
    """One way a trade can be. A table of them is drawn beforehand, which makes a trade cheap."""

    move: float
    """Of the price, standard normal."""
    size: int
    conditions: tuple[Conditions, Conditions]
    """In extended hours and in the regular session."""
    is_odd: bool
    exchange: int
    gap: int
    """By how much the sequence grows."""
    quote_lots: int
    """Round lots in the quote that comes just before, 0 without one."""


def shapes(chance: Chance) -> list[Shape]:
    """The table to draw trades from."""
    return [_shape(chance) for _ in range(SHAPES)]


def _shape(chance: Chance) -> Shape:
    is_odd = chance.random() < _ODD_SHARE
    sweep = (_SWEEP,) if chance.random() < _SWEEP_SHARE else ()
    odd = (_ODD_LOT,) if is_odd else ()
    return Shape(
        move=chance.gauss(0, 1),
        size=chance.randrange(1, _ROUND_LOT) if is_odd else chance.choice(_ROUND_SIZES),
        conditions=((*sweep, FORM_T, *odd), (*sweep, *odd) or UNSET),
        is_odd=is_odd,
        exchange=chance.choice(_EXCHANGES),
        gap=chance.randrange(1, 5),
        quote_lots=chance.randrange(1, 20) if chance.random() < _QUOTED_SHARE else 0,
    )


def trade_second(
    chance: Chance,
    table: Sequence[Shape],
    picked: Sequence[Listing],
    from_ms: int,
    *,
    regular: bool,
) -> tuple[list[TapeEvent], list[Listing]]:
    """A trade in each of *picked* within the second from *from_ms*, and the symbols touched, once each."""
    events: list[TapeEvent] = []
    touched: list[Listing] = []
    add = events.append
    draw = chance.random
    times_ms = sorted([from_ms + int(draw() * _SECOND_MS) for _ in picked])
    for time_ms, listing in zip(times_ms, picked, strict=True):
        shape = table[int(draw() * SHAPES)]
        fair = listing.fair_usd = listing.fair_usd * (1.0 + listing.step * shape.move)
        # the usual case of to_grid, without a call
        price = round(fair * 100.0) * 100 if fair >= 1.0 else to_grid(fair)
        size = shape.size
        conditions = shape.conditions[regular]
        if not listing.volume:
            touched.append(listing)
            listing.open = listing.high = listing.low = listing.price = price
            if shape.is_odd:
                size, conditions = _ROUND_LOT, UNSET if regular else (FORM_T,)
        elif not shape.is_odd:
            listing.price = price
            if price > listing.high:
                listing.high = price
            elif price < listing.low:
                listing.low = price
        listing.volume += size
        listing.value += size * price
        listing.trades += 1
        if shape.quote_lots:
            add(quote(listing, shape, price, time_ms))
        listing.sequence += shape.gap
        add(trade(listing, price, size, conditions, shape.exchange, time_ms))
    return events, touched


def trade(
    listing: Listing, price: int, size: int, conditions: Conditions, exchange: int, time_ms: int
) -> TapeEvent:
    """A trade under the symbol's current sequence."""
    sequence = listing.sequence
    printed = Print(
        listing.sym, exchange, str(sequence), listing.tape, price / E4, size, conditions,
        time_ms, sequence,
    )  # fmt: skip
    return TapeEvent(time_ms, "T", listing.sym, encode_json(printed))


def quote(listing: Listing, shape: Shape, price: int, time_ms: int) -> TapeEvent:
    """A quote around *price* (E4 units), a grid step to each side."""
    step = 100 if price > E4 else 1
    listing.quote_sequence += shape.gap
    nbbo = Nbbo(
        listing.sym, shape.exchange, max(price - step, 0) / E4, _ROUND_LOT * shape.quote_lots,
        shape.exchange, (price + step) / E4, _ROUND_LOT * (1 + shape.quote_lots // 2),
        1, UNSET, time_ms, listing.quote_sequence, listing.tape,
    )  # fmt: skip
    return TapeEvent(time_ms, "Q", listing.sym, encode_json(nbbo))
