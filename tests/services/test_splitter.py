"""Frames cut into lots: every event in exactly one, where it belongs, in order."""

from collections import Counter
from contextlib import suppress
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from mesh.partition import partition_of
from schemas.market import Bar, Event, Halt, Other, Quote, Trade
from schemas.massive import CONVERT, Status, decode_frame
from schemas.naming import MarketClass, is_symbol, symbol_token
from schemas.wire import msgpack_decoder
from services.listener.frames import Lot, Splitter, count_events


SYMBOLS = (
    "A",
    "AAPL",
    "BRK.B",
    "BACpL",
    "ACHR.WS",
    "O:SPY251219C00650000",
    "X:BTC-USD",
    "ZZ",
    "TSLA",
)

_BAR = '"v":10,"o":1.5,"c":1.6,"h":1.7,"l":1.4,"s":1727877600000,"e":1727877601000,"dv":"%d.5"'
_FORMS = {
    "A": '{"ev":"A","sym":"%s",' + _BAR + "}",
    "AM": '{"ev":"AM","sym":"%s",' + _BAR + "}",
    "T": '{"ev":"T","sym":"%s","x":4,"i":"1","p":1.5,"s":100,"t":1727877600000,"q":%d}',
    "Q": '{"ev":"Q","sym":"%s","bp":1.5,"ap":1.6,"bs":1,"as":2,"t":1727877600000,"q":%d}',
    "LULD": '{"ev":"LULD","T":"%s","h":2.5,"l":1.5,"i":[17],"t":1601316739130215168,"q":%d}',
    "NOI": '{"ev":"NOI","T":"%s","at":%d}',
}
_DECODE = {
    MarketClass.BARS: msgpack_decoder(list[Bar]).decode,
    MarketClass.MINUTES: msgpack_decoder(list[Bar]).decode,
    MarketClass.TRADES: msgpack_decoder(list[Trade]).decode,
    MarketClass.QUOTES: msgpack_decoder(list[Quote]).decode,
    MarketClass.HALTS: msgpack_decoder(list[Halt]).decode,
    MarketClass.OTHER: msgpack_decoder(list[Other]).decode,
}
numbers = st.integers(0, 10**6)
market_events = st.builds(
    lambda form, symbol, number: _FORMS[form] % (symbol, number),
    st.sampled_from(sorted(_FORMS)),
    st.sampled_from(SYMBOLS),
    numbers,
)
statuses = st.builds('{{"ev":"status","status":"success","message":"{}"}}'.format, numbers)
nameless = st.builds('{{"ev":"XX","n":{}}}'.format, numbers)
malformed = st.sampled_from(
    [
        "{}",
        '{"ev":"T"}',
        _FORMS["T"].replace("1.5", '"x"') % ("A", 1),
        _FORMS["T"] % ("A B", 1),
        _FORMS["T"] % ("", 1),
        _FORMS["AM"] % ("", 1),
        _FORMS["A"] % ("A*", 1),
        _FORMS["LULD"] % (">", 1),
        _FORMS["Q"] % ("A" * 33, 1),
        _FORMS["A"].replace('"e":1727877601000', '"e":1727877600000') % ("A", 1),
        _FORMS["AM"].replace('"e":1727877601000', '"e":4102444799999') % ("A", 1),
        _FORMS["T"] % ("A", 10**30),
        _FORMS["A"].replace('%d.5"', 'many"') % "A",
        _FORMS["T"].replace("%d}", '1,"ds":"%d.x"}') % ("A", 1),
        '{"ev":"A","sym":"B"',
        '{"ev":"T","sym":"',
        "7",
    ]
)
frames = st.lists(
    st.lists(market_events | statuses | nameless | malformed, min_size=1, max_size=8), max_size=6
)
good_frames = st.lists(market_events | statuses | nameless, max_size=12)


def _frame(events: list[str]) -> str:
    return "[" + ",".join(events) + "]"


def _expected(texts: list[str]) -> list[tuple[MarketClass, Event]]:
    found = []
    for text in texts:
        for event in decode_frame(_frame([text]))[0]:
            if not isinstance(event, Status):
                market_class, convert = CONVERT[type(event)]
                with suppress(ValueError):
                    found.append((market_class, convert(event)))
    return found


def _events(lot: Lot) -> list[Event]:
    """The events of a lot, as whoever receives its batch reads them."""
    events = cast("list[Event]", _DECODE[lot.market_class](lot.encoded))
    assert len(events) == lot.events
    return events


def _has_a_place(event: Event) -> bool:
    return event.symbol is None or is_symbol(event.symbol)


@given(frames, st.integers(1, 16), st.data())
def test_every_event_is_in_exactly_one_lot(
    frames: list[list[str]], partitions: int, data: st.DataObject
) -> None:
    """Whenever lots are taken, each event is in one of its class and partition, in the order of arrival."""
    splitter = Splitter(partitions)
    lots: list[Lot] = []
    for number, texts in enumerate(frames, start=1):
        splitter.add(_frame(texts), float(number))
        if data.draw(st.booleans()):
            lots += splitter.take()
    lots += splitter.take()

    expected = [pair for texts in frames for pair in _expected(texts) if _has_a_place(pair[1])]
    assert sum(lot.events for lot in lots) == len(expected)
    for market_class in MarketClass:
        for partition in range(partitions):
            assert [
                event
                for lot in lots
                for event in _events(lot)
                if (lot.market_class, lot.partition) == (market_class, partition)
            ] == [
                event
                for found, event in expected
                if found is market_class and _place(event, partitions) == partition
            ]


def _place(event: Event, partitions: int) -> int:
    return partition_of(symbol_token(event.symbol), partitions) if event.symbol else 0


@given(frames, st.integers(1, 16), st.data())
def test_counts_add_up(frames: list[list[str]], partitions: int, data: st.DataObject) -> None:
    """What was given is waiting, received, rejected or a status, at every moment."""
    splitter = Splitter(partitions)
    given_events = said = 0
    for texts in frames:
        said += len(splitter.add(_frame(texts), 1.0))
        given_events += len(texts)
        if data.draw(st.booleans()):
            taken = splitter.take()
            assert splitter.waiting == 0
            assert splitter.take() == []
            assert all(lot.events for lot in taken)

        assert (
            given_events == splitter.waiting + splitter.received.total() + splitter.rejected + said
        )


@given(frames)
def test_statuses_come_back_in_order(frames: list[list[str]]) -> None:
    """What the server says about the connection is given back, and is in no lot."""
    splitter = Splitter(4)
    said = [status for texts in frames for status in splitter.add(_frame(texts), 1.0)]

    assert said == [
        event
        for texts in frames
        for text in texts
        for event in decode_frame(_frame([text]))[0]
        if isinstance(event, Status)
    ]


@given(st.lists(good_frames, max_size=5))
def test_lot_is_as_old_as_its_own_oldest_event(frames: list[list[str]]) -> None:
    """The age of a lot is that of the first frame with an event of it, not of another lot's."""
    splitter = Splitter(4)
    oldest_ms: dict[tuple[MarketClass, int], float] = {}
    for number, texts in enumerate(frames, start=1):
        splitter.add(_frame(texts), float(number))
        for market_class, event in _expected(texts):
            oldest_ms.setdefault((market_class, _place(event, 4)), float(number))

    lots = splitter.take()
    assert {(lot.market_class, lot.partition): lot.received_ms for lot in lots} == oldest_ms
    splitter.add(_frame([_FORMS["T"] % ("A", 1)]), 99.0)
    assert [lot.received_ms for lot in splitter.take()] == [99.0]


NOW_MS = 1727877600000
DAY_MS = 86_400_000
offsets_ms = st.sampled_from([-10 * DAY_MS, 0, DAY_MS - 1, DAY_MS, DAY_MS + 1, 27000 * DAY_MS])
dated = st.tuples(st.sampled_from(sorted(set(_FORMS) - {"NOI"})), offsets_ms)


def _dated(form: str, event_ms: int) -> str:
    return (
        (_FORMS[form] % ("A", 1))
        .replace('"s":1727877600000,"e":1727877601000', f'"s":{event_ms - 1000},"e":{event_ms}')
        .replace('"t":1727877600000', f'"t":{event_ms}')
        .replace("1601316739130215168", f"{event_ms}000000")
    )


@given(st.lists(dated, max_size=8))
def test_live_feed_has_no_future(events: list[tuple[str, int]]) -> None:
    """What is dated more than a day ahead is rejected, and takes nothing with it; a tape may be of any year."""
    texts = [_dated(form, NOW_MS + offset_ms) for form, offset_ms in events]
    timely = [text for text, (_, offset) in zip(texts, events, strict=True) if offset <= DAY_MS]
    live, tape, expected = Splitter(1, live=True), Splitter(1), Splitter(1)
    for splitter, given_texts in ((live, texts), (tape, texts), (expected, timely)):
        splitter.add(_frame([*given_texts, _FORMS["NOI"] % ("A", 1)]), float(NOW_MS))
    lots = live.take()

    assert lots == expected.take()
    assert all(lot.events for lot in lots)
    assert (live.rejected, live.waiting) == (len(texts) - len(timely), 0)
    assert live.received.total() == len(timely) + 1
    tape.take()
    assert (tape.rejected, tape.received.total()) == (0, len(texts) + 1)


@given(good_frames)
def test_counting_without_decoding_counts_the_same(texts: list[str]) -> None:
    """A frame that is dropped unread is counted, by class, as decoding it would have, blanks or not."""
    splitter = Splitter(4)
    splitter.add(_frame(texts), 1.0)
    splitter.take()

    assert count_events(_frame(texts)) == splitter.received
    assert splitter.rejected == 0
    spread = _frame(texts).replace(":", " : ").replace(",", " ,\n ")
    assert count_events(spread) == splitter.received


def test_marks_inside_of_text_are_not_counted() -> None:
    """A string that quotes an event is no event."""
    frame = r'[{"ev":"status","status":"error","message":"{\"ev\":\"T\"} refused"}]'

    assert count_events(frame) == Counter()
    assert [status.message for status in Splitter(1).add(frame, 1.0)] == ['{"ev":"T"} refused']


def test_long_lots_are_whole_however_they_were_encoded() -> None:
    """Many more events than are encoded at once come out in order, with those of a year ahead left out."""
    splitter = Splitter(1, live=True)
    trades = [
        _dated("T", NOW_MS + DAY_MS * (n % 7 == 0) * 365).replace('"q":1', f'"q":{n}')
        for n in range(5000)
    ]
    for first in range(0, 5000, 250):
        splitter.add(_frame(trades[first : first + 250]), NOW_MS + float(first))
        assert splitter.waiting + splitter.rejected <= first + 250
    [lot] = splitter.take()

    timely = [n for n in range(5000) if n % 7]
    assert [event.sequence for event in cast("list[Trade]", _events(lot))] == timely
    assert (lot.received_ms, splitter.waiting) == (NOW_MS, 0)
    assert splitter.rejected == 5000 - len(timely)
