"""The vendor's WebSocket frames as sent, and their conversion to market events.

Source: the vendor's WebSocket documentation for stocks and frames seen on the live wire. A frame
is a JSON array of flat objects, many events and channels mixed. Fields that are not declared here
are ignored; every number is read as a float where the vendor was ever seen to send a fraction.
Fields are declared in the order in which they are sent, which makes decoding a sixth cheaper.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from schemas.market import Bar, Event, Halt, Other, Quote, Trade
from schemas.naming import MarketClass, is_symbol
from schemas.wire import DecodeError, Wire, json_decoder


Price = Annotated[float, Meta(gt=0)]
PriceOrZero = Annotated[float, Meta(ge=0)]
Shares = Annotated[float, Meta(ge=0)]
EpochMs = Annotated[int, Meta(ge=946_684_800_000, lt=4_102_444_800_000)]
"""2000–2099: a time outside it is in another unit, and would end a trading day for ever."""
Sequence = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
"""JSON integers have no end but msgpack's do: one beyond 64 bits would fail its whole batch."""
Code = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
"""Of a condition, an indicator or an exchange; bounded as `Sequence` is, and for its reason."""
Fraction = str | float
"""A decimal number of shares, sent as text."""
Maybe = UnsetType | None
WholeT = TypeVar("WholeT", float, float | None)


class VendorBar(Wire, frozen=True, kw_only=True):
    """Fields that second bars (`A`) and minute bars (`AM`) share."""

    sym: str
    v: Shares
    av: Shares | Maybe = UNSET
    op: PriceOrZero | Maybe = UNSET
    """Official open; 0 or absent before there is one."""
    vw: PriceOrZero | Maybe = UNSET
    o: Price
    c: Price
    h: Price
    l: Price  # noqa: E741 (the vendor's name)
    a: PriceOrZero | Maybe = UNSET
    z: Shares | Maybe = UNSET
    s: EpochMs
    e: EpochMs
    dv: Fraction | Maybe = UNSET
    """Fractional form of `v`; it wins over `v`."""
    dav: Fraction | Maybe = UNSET


class SecondBar(VendorBar, tag_field="ev", tag="A", frozen=True):
    """A per-second aggregate."""


class MinuteBar(VendorBar, tag_field="ev", tag="AM", frozen=True):
    """A per-minute aggregate."""


class VendorTrade(Wire, tag_field="ev", tag="T", frozen=True, kw_only=True):
    """A trade."""

    sym: str
    x: Code = 0
    i: str = ""
    p: Price
    s: Shares
    ds: Fraction | Maybe = UNSET
    c: tuple[Code, ...] | Maybe = UNSET
    t: EpochMs
    q: Sequence


class VendorQuote(Wire, tag_field="ev", tag="Q", frozen=True, kw_only=True):
    """A quote; price 0 or absent means that the side has none."""

    sym: str
    bp: PriceOrZero | Maybe = UNSET
    bs: Shares | Maybe = UNSET
    ap: PriceOrZero | Maybe = UNSET
    as_: Shares | Maybe = msgspec.field(name="as", default=UNSET)
    c: Code | Maybe = UNSET
    i: tuple[Code, ...] | Maybe = UNSET
    t: EpochMs
    q: Sequence = 0


class VendorHalt(Wire, tag_field="ev", tag="LULD", frozen=True):
    """Limit-up limit-down bands. Its symbol is `T`; its time comes in nanoseconds on the live wire."""

    T: str
    t: Annotated[int, Meta(gt=0, le=(1 << 63) - 1)]
    h: PriceOrZero | Maybe = UNSET
    l: PriceOrZero | Maybe = UNSET  # noqa: E741 (the vendor's name)
    i: tuple[Code, ...] | Maybe = UNSET
    q: Sequence = 0


class Status(Wire, tag_field="ev", tag="status", frozen=True):
    """What the server says about the connection; never a market event."""

    status: str
    message: str = ""


VendorEvent = SecondBar | MinuteBar | VendorTrade | VendorQuote | VendorHalt | Status
KNOWN_TYPES = frozenset({"A", "AM", "T", "Q", "LULD", "status"})


class _Peek(Wire, frozen=True):
    ev: str
    sym: str | Maybe = UNSET
    T: str | Maybe = UNSET


_decode_frame = json_decoder(list[VendorEvent]).decode
_decode_event = cast(
    "Callable[[bytes | msgspec.Raw], VendorEvent]", json_decoder(cast("Any", VendorEvent)).decode
)
_decode_objects = json_decoder(list[msgspec.Raw]).decode
_peek = json_decoder(_Peek).decode
_FLAT_OBJECT = re.compile(rb"\{[^{}]*\}")
_BETWEEN_OBJECTS = re.compile(rb"(?<=[,}])\s*(?=\{)")
_AROUND_OBJECTS = b" \t\r\n,[]"

_NS_FROM = 100_000_000_000_000
"""Milliseconds stay below this until the year 5138, so a greater time is in nanoseconds."""

_LONGEST_BAR_MS = 3_600_000


def decode_frame(frame: str) -> tuple[list[VendorEvent | Other], int]:
    """The events of a frame in order, and how many of them were malformed and left out.

    A frame of known events costs one pass. Otherwise each event is decoded alone: unknown types
    come back as `Other`, malformed ones are counted, and neither takes its neighbours with it,
    even if it is cut off or not JSON at all. A frame without a single readable object counts as
    one. No text makes it raise.
    """
    try:
        return cast("list[VendorEvent | Other]", _decode_frame(frame)), 0
    except DecodeError:
        return _decode_one_by_one(frame.encode(errors="surrogatepass"))


def _decode_one_by_one(frame: bytes) -> tuple[list[VendorEvent | Other], int]:
    events: list[VendorEvent | Other] = []
    rejected = 0
    try:
        pieces, intact = [bytes(raw) for raw in _decode_objects(frame)], True
    except DecodeError:
        pieces, intact = _pieces(frame), False
    for piece in pieces:
        event = _event(piece)
        if event is not None:
            events.append(event)
        else:
            rejected += 1
            if not intact:
                events += _salvaged(piece)
    return events, rejected or (0 if events else 1)


def _pieces(frame: bytes) -> list[bytes]:
    """A frame that is broken somewhere, cut where one object of its array ends and the next begins."""
    pieces = (piece.strip(_AROUND_OBJECTS) for piece in _BETWEEN_OBJECTS.split(frame))
    return [piece for piece in pieces if piece]


def _salvaged(piece: bytes) -> list[VendorEvent | Other]:
    """What can be read of a broken piece: the vendor's objects are flat, so braces delimit them."""
    found = (_event(flat) for flat in _FLAT_OBJECT.findall(piece))
    return [event for event in found if event is not None]


def _event(raw: bytes) -> VendorEvent | Other | None:
    """None if *raw* is malformed."""
    try:
        return _decode_event(raw)
    except DecodeError:
        return _unknown(raw)


def _unknown(raw: bytes) -> Other | None:
    try:
        peek = _peek(raw)
    except DecodeError:
        return None
    if peek.ev in KNOWN_TYPES:
        return None
    symbol = peek.sym or peek.T or None
    return Other(peek.ev, symbol if symbol and is_symbol(symbol) else None, raw)


def _fraction(fraction: Fraction | None, whole: WholeT) -> float | WholeT:
    """*fraction*, where it is a number of shares that a float can hold; else *whole*.

    Raises:
        ValueError: it is no number at all.
    """
    if fraction is None:
        return whole
    try:
        shares = float(fraction)
    except ValueError:
        shares = math.nan
    return shares if 0.0 < shares < math.inf else _unusual(str(fraction), whole)


def _unusual(text: str, whole: WholeT) -> float | WholeT:
    """The same by the grammar of `Decimal`, which decides about what is no number and costs ten times as much."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"shares must be a number, was {text!r:.40}") from error
    shares = math.nan if number.is_nan() else float(number)
    return shares if number and 0.0 <= shares < math.inf else whole


def _bar(bar: VendorBar) -> Bar:
    start_ms, end_ms = bar.s, bar.e
    if not 0 < end_ms - start_ms <= _LONGEST_BAR_MS:
        raise ValueError(f"a bar must last up to an hour, was {end_ms - start_ms} ms")
    day_volume = bar.av if isinstance(bar.av, float) else None
    if bar.dav is not UNSET:
        day_volume = _fraction(bar.dav, day_volume)
    return Bar(
        bar.sym, start_ms, end_ms, bar.o, bar.h, bar.l, bar.c,
        bar.v if bar.dv is UNSET else _fraction(bar.dv, bar.v), day_volume,
        bar.vw or None, bar.a or None, bar.op or None, bar.z or None,
    )  # fmt: skip


def _trade(trade: VendorTrade) -> Trade:
    return Trade(
        trade.sym, trade.t, trade.q, trade.p, trade.s if trade.ds is UNSET else _fraction(trade.ds, trade.s),
        trade.c or (), trade.x, trade.i,
    )  # fmt: skip


def _quote(quote: VendorQuote) -> Quote:
    return Quote(
        quote.sym, quote.t, quote.q, quote.bp or None, quote.bs or 0.0,
        quote.ap or None, quote.as_ or 0.0, None if quote.c is UNSET else quote.c, quote.i or (),
    )  # fmt: skip


def _halt(halt: VendorHalt) -> Halt:
    event_ms = halt.t // 1_000_000 if halt.t >= _NS_FROM else halt.t
    return Halt(halt.T, event_ms, halt.q, halt.h or None, halt.l or None, halt.i or ())


CONVERT: dict[type, tuple[MarketClass, Callable[[Any], Event]]] = {
    SecondBar: (MarketClass.BARS, _bar),
    MinuteBar: (MarketClass.MINUTES, _bar),
    VendorTrade: (MarketClass.TRADES, _trade),
    VendorQuote: (MarketClass.QUOTES, _quote),
    VendorHalt: (MarketClass.HALTS, _halt),
    Other: (MarketClass.OTHER, lambda other: other),
}
"""Vendor type → the class of its stream, and its conversion to our event.

The conversion raises ValueError for an event that contradicts itself (a bar that ends before it
begins): the decoder cannot compare two fields, and a call of its own for it would cost every bar.
"""
