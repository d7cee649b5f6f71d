"""Frames that are broken: what is readable in them is kept, and nothing raises."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.massive import decode_frame


BAR = (
    '{"ev":"A","sym":"FCX","v":4989,"av":4332125,"op":75.98,"vw":78.0894,"o":78.1,"c":78.08,'
    '"h":78.125,"l":78.07,"a":76.8404,"z":62,"s":1788877043000,"e":1788877044000,'
    '"dv":"4989.0","dav":"4332125.038360"}'
)
TRADE = '{"ev":"T","sym":"BRK.B","x":4,"i":"1","p":1.5,"s":100,"c":[0,12],"t":1536036818784,"q":1}'
QUOTE = '{"ev":"Q","sym":"MSFT","bp":1.5,"ap":1.6,"bs":1,"as":2,"t":1536036818784,"q":2}'
HALT = '{"ev":"LULD","T":"MSFT","h":218.11,"l":197.35,"i":[17],"t":1601316739130215168,"q":3}'
STATUS = '{"ev":"status","status":"success","message":"subscribed to: T.*"}'
OTHER = '{"ev":"NOI","T":"MSFT","at":930}'
VALID = (BAR, TRADE, QUOTE, HALT, STATUS, OTHER)

_BROKEN: dict[str, Callable[[str], str]] = {
    "price is text": lambda text: text.replace('"c":78.08', '"c":"78.08"'),
    "price is NaN": lambda text: text.replace('"c":78.08', '"c":NaN'),
    "price is infinite": lambda text: text.replace('"c":78.08', '"c":1e999'),
    "price is negative": lambda text: text.replace('"c":78.08', '"c":-78.08'),
    "price is zero": lambda text: text.replace('"c":78.08', '"c":0'),
    "price is missing": lambda text: text.replace('"c":78.08,', ""),
    "volume is negative": lambda text: text.replace('"v":4989', '"v":-1'),
    "volume is null": lambda text: text.replace('"v":4989', '"v":null'),
    "fraction is no number": lambda text: text.replace('"4989.0"', '"many"'),
    "symbol is a number": lambda text: text.replace('"FCX"', "7"),
    "symbol is null": lambda text: text.replace('"FCX"', "null"),
    "time in seconds": lambda text: text.replace("1788877043000", "1788877043"),
    "time in nanoseconds": lambda text: text.replace("1788877043000", "1788877043000000000"),
    "time has a fraction": lambda text: text.replace("1788877043000", "1788877043000.5"),
    "type is missing": lambda text: text.replace('"ev":"A",', ""),
    "type is a number": lambda text: text.replace('"ev":"A"', '"ev":1'),
    "no JSON inside": lambda text: text.replace('"c":78.08', '"c":undefined'),
    "no JSON at all": lambda _: "{oops}",
    "an array": lambda _: "[1,2]",
    "a number": lambda _: "5",
    "null": lambda _: "null",
    "an empty object": lambda _: "{}",
}


@pytest.mark.parametrize("name", _BROKEN)
def test_malformed_event_rejects_only_itself(name: str) -> None:
    """A malformed event is counted, and its neighbours in the frame come through in order."""
    broken = _BROKEN[name](BAR)

    events, rejected = decode_frame(f"[{TRADE},{broken},{HALT}]")

    assert broken != BAR
    assert (events, rejected) == ([*_alone(TRADE), *_alone(HALT)], 1)


@pytest.mark.parametrize("cut", range(1, len(BAR) - 1, 7))
def test_truncated_event_takes_no_neighbour_with_it(cut: int) -> None:
    """An event that ends in the middle, wherever that is, costs none of those around it."""
    events, _ = decode_frame(f"[{TRADE},{BAR[:cut]},{HALT}]")

    assert events == [*_alone(TRADE), *_alone(HALT)]


def test_truncated_frame_keeps_what_came_before() -> None:
    """A frame that was cut off gives the events before the cut."""
    frame = f"[{TRADE},{HALT},{BAR}]"

    events, _ = decode_frame(frame[: -len(BAR) // 2])

    assert events == [*_alone(TRADE), *_alone(HALT)]


@given(st.text() | st.text('[]{},:"\\evATQ01.-nul ', max_size=60))
def test_arbitrary_text_never_raises(text: str) -> None:
    """Whatever a socket may carry, it is some events and some count; nothing at all counts as one."""
    events, rejected = decode_frame(text)

    if not events and not rejected:
        assert "".join(text.split()) == "[]"


@given(
    before=st.lists(st.sampled_from(VALID), max_size=3),
    victim=st.sampled_from(VALID),
    after=st.lists(st.sampled_from(VALID), max_size=3),
    data=st.data(),
)
def test_mutated_event_keeps_all_others(
    before: list[str], victim: str, after: list[str], data: st.DataObject
) -> None:
    """However one event of a frame is damaged, every other one comes through, in order."""
    start = data.draw(st.integers(0, len(victim) - 1))
    end = data.draw(st.integers(start, min(len(victim), start + 8)))
    damage = data.draw(st.text(max_size=4) | st.text('{}[]",:\\0e', max_size=4))
    damaged = victim[:start] + damage + victim[end:]

    events, rejected = decode_frame("[" + ",".join([*before, damaged, *after]) + "]")

    expected = [event for text in (*before, *after) for event in _alone(text)]
    assert _in_order(expected, events)
    assert rejected >= 0


def _alone(text: str) -> list[object]:
    events, rejected = decode_frame(f"[{text}]")
    assert rejected == 0
    return list(events)


def _in_order(wanted: Iterable[object], found: Iterable[object]) -> bool:
    """Whether *wanted* is *found* with some left out."""
    rest: Iterator[object] = iter(found)
    return all(any(one == other for other in rest) for one in wanted)
