"""Frames that are broken: what is readable in them is kept, and nothing raises."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.market import Batch
from schemas.massive import CONVERT, Status, decode_frame
from schemas.wire import encode_msgpack


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
    "ignored field is nested without end": lambda text: (
        text[:-1] + ',"zz":' + "[" * 100_000 + "]" * 100_000 + "}"
    ),
    "ignored field is nested and never closed": lambda text: (
        text[:-1] + ',"zz":' + "[" * 100_000 + "}"
    ),
    "ignored field is an object without end": lambda text: (
        text[:-1] + ',"zz":' + '{"a":' * 100_000 + "1" + "}" * 100_001
    ),
    "symbol is half a character": lambda text: text.replace("FCX", "\ud800"),
    "type is half a character": lambda text: text.replace('"A"', '"\ud800"'),
    "symbol is half an escaped character": lambda text: text.replace("FCX", r"\ud800"),
}
"""What becomes of a bar."""

_HUGE: dict[str, str] = {
    "sequence of a trade": TRADE.replace('"q":1', '"q":1000000000000000000000000000000'),
    "sequence just beyond": TRADE.replace('"q":1', f'"q":{1 << 63}'),
    "sequence below zero": TRADE.replace('"q":1', '"q":-1'),
    "sequence of thousands of digits": TRADE.replace('"q":1', '"q":' + "9" * 5000),
    "condition of a trade": TRADE.replace("[0,12]", f"[{10**23}]"),
    "exchange of a trade": TRADE.replace('"x":4', f'"x":{10**23}'),
    "sequence of a quote": QUOTE.replace('"q":2', f'"q":{10**23}'),
    "condition of a quote": QUOTE.replace('"q":2', f'"q":2,"c":{10**23}'),
    "indicator of a quote": QUOTE.replace('"q":2', f'"q":2,"i":[{-(10**23)}]'),
    "indicator of a halt": HALT.replace("[17]", f"[{1 << 31}]"),
    "sequence of a halt": HALT.replace('"q":3', f'"q":{10**23}'),
    "time of a halt": HALT.replace("1601316739130215168", "1" * 40),
}


@pytest.mark.parametrize("name", _BROKEN)
def test_malformed_event_rejects_only_itself(name: str) -> None:
    """A malformed event is counted, and its neighbours in the frame come through in order."""
    broken = _BROKEN[name](BAR)

    events, rejected = decode_frame(f"[{TRADE},{broken},{HALT}]")

    assert broken != BAR
    assert (events, rejected) == ([*_alone(TRADE), *_alone(HALT)], 1)


@pytest.mark.parametrize("name", _HUGE)
def test_number_that_no_batch_can_carry_is_malformed(name: str) -> None:
    """JSON has no largest integer but msgpack has: such an event must not fail the batch that it would be in."""
    assert decode_frame(f"[{_HUGE[name]}]") == ([], 1)


@pytest.mark.parametrize("sequence", [0, (1 << 63) - 1])
def test_outermost_numbers_can_be_carried(sequence: int) -> None:
    """What is accepted can be encoded, up to the limits."""
    text = TRADE.replace('"q":1', f'"q":{sequence}').replace(
        "[0,12]", f"[{-1 << 31},{(1 << 31) - 1}]"
    )

    events, rejected = decode_frame(f"[{text}]")

    assert rejected == 0
    assert encode_msgpack(Batch(1, 0, 0, 0.0, [CONVERT[type(events[0])][1](events[0])]))


@pytest.mark.parametrize("cut", range(1, len(BAR) - 1))
def test_truncated_event_takes_no_neighbour_with_it(cut: int) -> None:
    """An event that ends in the middle, wherever that is, is counted and costs none of those around it."""
    before, after = f"{TRADE},{STATUS}", f"{OTHER},{HALT}"

    found = decode_frame(f"[{before},{BAR[:cut]},{BAR[:cut]},{after}]")

    expected = [event for text in (TRADE, STATUS, OTHER, HALT) for event in _alone(text)]
    assert found == (expected, 2)


def test_broken_neighbour_does_not_break_what_holds_braces() -> None:
    """A nested object, and a brace inside of text, are parts of their event also in a frame that is broken."""
    nested = '{"ev":"NOI","T":"MSFT","b":{"deep":[1,2]}}'
    said = r'{"ev":"status","status":"error","message":"{\"ev\":\"T\"} refused"}'

    found = decode_frame(f"[{nested},{BAR[:50]}, {said} ,\n{TRADE}]")

    assert found == ([*_alone(nested), *_alone(said), *_alone(TRADE)], 1)


def test_truncated_frame_keeps_what_came_before() -> None:
    """A frame that was cut off gives the events before the cut."""
    frame = f"[{TRADE},{HALT},{BAR}]"
    expected = [*_alone(TRADE), *_alone(HALT)]

    for cut in range(2, len(BAR) + 1):
        assert decode_frame(frame[:-cut]) == (expected, 1)
    for end in ("", ",", "]", "\n"):
        assert decode_frame(f"[{TRADE},{HALT}{end}") == (expected, 0)


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "{" * 100_000,
        '{"a":' * 100_000,
        '[{"ev":' * 100_000,
        "[" + "\ud800" * 1000,
        '[{"ev":"\ud800"}]',
        '["\ud800"]',
    ],
    ids=range(8),
)
def test_text_that_no_decoder_takes_is_counted(frame: str) -> None:
    """What is nested deeper than the stack or is no UTF-8 is rejected: it raises nothing of its own."""
    events, rejected = decode_frame(frame)

    assert events == []
    assert rejected >= 1


anything = st.text(st.characters(), max_size=20)
"""Half characters (lone surrogates) included: they cannot come over a socket, but out of a file."""
deep = st.builds(
    lambda text, times: text * times,
    st.sampled_from(["[", "{", '{"a":', '"']),
    st.integers(0, 3000),
)


@given(
    st.lists(anything | deep | st.text('[]{},:"\\evATQ01.-nul ', max_size=60), max_size=4).map(
        "".join
    )
)
def test_arbitrary_text_never_raises(text: str) -> None:
    """Whatever a socket may carry, it is some events and some count; nothing at all counts as one."""
    events, rejected = decode_frame(text)

    if not events and not rejected:
        assert "".join(text.split()) == "[]"
    for event in events:
        _carry(event)


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
    damage = data.draw(
        st.text(max_size=4)
        | st.text('{}[]",:\\0e', max_size=4)
        | st.integers().map(str)
        | st.sampled_from(["\ud800", "[" * 3000, "9" * 30])
    )
    damaged = victim[:start] + damage + victim[end:]

    events, rejected = decode_frame("[" + ",".join([*before, damaged, *after]) + "]")

    expected = [event for text in (*before, *after) for event in _alone(text)]
    assert _in_order(expected, events)
    assert len(events) + rejected >= len(expected) + 1
    for event in events:
        _carry(event)


def _carry(event: object) -> None:
    """What was accepted can travel, or is refused as what contradicts itself."""
    if isinstance(event, Status):
        return
    with suppress(ValueError):
        assert encode_msgpack(Batch(1, 0, 0, 0.0, [CONVERT[type(event)][1](event)]))


def _alone(text: str) -> list[object]:
    events, rejected = decode_frame(f"[{text}]")
    assert rejected == 0
    return list(events)


def _in_order(wanted: Iterable[object], found: Iterable[object]) -> bool:
    """Whether *wanted* is *found* with some left out."""
    rest: Iterator[object] = iter(found)
    return all(any(one == other for other in rest) for one in wanted)
