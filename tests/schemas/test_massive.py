"""The vendor's frames as sent, and the market events that they become."""

import pytest

from schemas.market import Bar, Event, Halt, Other, Quote, Trade
from schemas.massive import CONVERT, Status, decode_frame
from schemas.naming import MarketClass


FCX = (
    '{"ev":"A","sym":"FCX","v":4989,"av":4332125,"op":75.98,"vw":78.0894,"o":78.1,"c":78.08,'
    '"h":78.125,"l":78.07,"a":76.8404,"z":62,"s":1788877043000,"e":1788877044000,'
    '"dv":"4989.0","dav":"4332125.038360"}'
)
"""A second bar as it was seen on the live wire."""

BAR = '"v":10,"o":1.5,"c":1.6,"h":1.7,"l":1.4,"s":1727877600000,"e":1727877601000'

GOLDEN: dict[str, tuple[str, MarketClass, Event]] = {
    "live second bar": (
        FCX,
        MarketClass.BARS,
        Bar(
            "FCX", 1788877043000, 1788877044000, 78.1, 78.125, 78.07, 78.08,
            4989.0, 4332125.03836, 78.0894, 76.8404, 75.98, 62.0,
        ),
    ),
    "minute bar of the older documentation": (
        ('{"ev":"AM","sym":"GTE","v":4110,"av":9470157,"op":0.4372,"vw":0.4488,"o":0.4488,"c":0.4486,'
        '"h":0.4489,"l":0.4486,"a":0.4352,"z":685,"s":1610144640000,"e":1610144700000,"otc":true}'),
        MarketClass.MINUTES,
        Bar(
            "GTE", 1610144640000, 1610144700000, 0.4488, 0.4489, 0.4486, 0.4486,
            4110.0, 9470157.0, 0.4488, 0.4352, 0.4372, 685.0,
        ),
    ),
    "bar before the opening print": (
        '{"ev":"A","sym":"A","op":0,"av":0,' + BAR + "}",
        MarketClass.BARS,
        Bar("A", 1727877600000, 1727877601000, 1.5, 1.7, 1.4, 1.6, 10.0, 0.0, None, None, None),
    ),
    "bar without anything optional": (
        '{"ev":"A","sym":"A",' + BAR + "}",
        MarketClass.BARS,
        Bar("A", 1727877600000, 1727877601000, 1.5, 1.7, 1.4, 1.6, 10.0, None, None, None, None),
    ),
    "bar with nulls": (
        '{"ev":"A","sym":"A","op":null,"av":null,"dv":null,"dav":null,"vw":null,"a":null,' + BAR + "}",
        MarketClass.BARS,
        Bar("A", 1727877600000, 1727877601000, 1.5, 1.7, 1.4, 1.6, 10.0, None, None, None, None),
    ),
    "bar of less than a share": (
        '{"ev":"A","sym":"A","dv":"0.25","dav":"12.75","av":12,' + BAR.replace('"v":10', '"v":0') + "}",
        MarketClass.BARS,
        Bar("A", 1727877600000, 1727877601000, 1.5, 1.7, 1.4, 1.6, 0.25, 12.75, None, None, None),
    ),
    "bar whose integers have fractions": (
        '{"ev":"A","sym":"A","z":62.5,"av":1e3,' + BAR.replace('"v":10', '"v":10.5') + "}",
        MarketClass.BARS,
        Bar("A", 1727877600000, 1727877601000, 1.5, 1.7, 1.4, 1.6, 10.5, 1000.0, None, None, None, 62.5),
    ),
    "trade": (
        ('{"ev":"T","sym":"BRK.B","x":4,"i":"12345","z":3,"p":114.125,"s":100,"c":[0,12],'
        '"t":1536036818784,"pt":1536036818780,"q":3681328,"trfi":202,"trft":1536036818786}'),
        MarketClass.TRADES,
        Trade("BRK.B", 1536036818784, 3681328, 114.125, 100.0, (0, 12), 4, "12345"),
    ),
    "trade of half a share": (
        '{"ev":"T","sym":"BACpL","x":4,"i":"1","p":1200,"s":0,"ds":"0.5","t":1536036818784,"q":1}',
        MarketClass.TRADES,
        Trade("BACpL", 1536036818784, 1, 1200.0, 0.5, (), 4, "1"),
    ),
    "quote": (
        ('{"ev":"Q","sym":"MSFT","c":0,"bx":4,"ax":7,"bp":114.125,"ap":114.128,"bs":100,"as":160,'
        '"i":[604],"t":1536036818784,"q":50385480,"z":3}'),
        MarketClass.QUOTES,
        Quote("MSFT", 1536036818784, 50385480, 114.125, 100.0, 114.128, 160.0, 0, (604,)),
    ),
    "quote without a bid": (
        '{"ev":"Q","sym":"X:BTC-USD","bp":0,"ap":114.128,"bs":0,"as":160,"t":1536036818784}',
        MarketClass.QUOTES,
        Quote("X:BTC-USD", 1536036818784, 0, None, 0.0, 114.128, 160.0, None, ()),
    ),
    "LULD with nanoseconds": (
        ('{"ev":"LULD","T":"MSFT","h":218.11,"l":197.35,"i":[17,0],"z":3,'
        '"t":1601316739130215168,"q":2001}'),
        MarketClass.HALTS,
        Halt("MSFT", 1601316739130, 2001, 218.11, 197.35, (17, 0)),
    ),
    "LULD with milliseconds": (
        '{"ev":"LULD","T":"MSFT","h":218.11,"i":[15],"t":1601316739130}',
        MarketClass.HALTS,
        Halt("MSFT", 1601316739130, 0, 218.11, None, (15,)),
    ),
    "type that is not known here": (
        '{"ev":"NOI","T":"NTEST.Q","t":1601318039223013600,"at":930,"b":{"deep":[1,2]}}',
        MarketClass.OTHER,
        Other(
            "NOI", "NTEST.Q",
            b'{"ev":"NOI","T":"NTEST.Q","t":1601318039223013600,"at":930,"b":{"deep":[1,2]}}',
        ),
    ),
    "unknown type without a symbol": (
        '{"ev":"XQ","pair":"BTC-USD"}', MarketClass.OTHER, Other("XQ", None, b'{"ev":"XQ","pair":"BTC-USD"}'),
    ),
    "unknown type whose symbol is none": (
        '{"ev":"NOI","T":"A B"}', MarketClass.OTHER, Other("NOI", None, b'{"ev":"NOI","T":"A B"}'),
    ),
}  # fmt: skip


def _converted(frame: str) -> tuple[list[tuple[MarketClass, Event]], int]:
    events, rejected = decode_frame(frame)
    found = []
    for event in events:
        market_class, convert = CONVERT[type(event)]
        found.append((market_class, convert(event)))
    return found, rejected


@pytest.mark.parametrize("name", GOLDEN)
def test_event_as_sent_becomes_ours(name: str) -> None:
    """Each kind of event, in each form it was seen or documented in, becomes exactly this one of ours."""
    text, market_class, expected = GOLDEN[name]

    assert _converted(f"[{text}]") == ([(market_class, expected)], 0)


def test_mixed_frame_keeps_its_order() -> None:
    """Events of all kinds in one frame come out in order, statuses and unknown types among them."""
    status = '{"ev":"status","status":"success","message":"subscribed to: T.*"}'
    texts = [text for text, _, _ in GOLDEN.values()]

    events, rejected = decode_frame("[" + ",".join([texts[0], status, *texts[1:]]) + "]")

    assert rejected == 0
    assert events[1] == Status("success", "subscribed to: T.*")
    del events[1]
    assert [CONVERT[type(event)][1](event) for event in events] == [
        expected for _, _, expected in GOLDEN.values()
    ]


def test_white_space_and_field_order_do_not_matter() -> None:
    """A frame that is laid out for people, type last, reads the same."""
    turned = "{" + FCX.removeprefix('{"ev":"A",').removesuffix("}") + ',"ev":"A"}'
    spread = turned.replace(":", " : ").replace(",", " ,\n ")

    assert _converted(f"\n [ {FCX} , {spread} ]\n") == ([GOLDEN["live second bar"][1:]] * 2, 0)


@pytest.mark.parametrize(
    "frame", ["[]", '[{"ev":"status","status":"connected","message":"Connected Successfully"}]']
)
def test_frame_without_market_events_is_no_error(frame: str) -> None:
    """A frame that holds no market event rejects nothing."""
    events, rejected = decode_frame(frame)

    assert rejected == 0
    assert all(isinstance(event, Status) for event in events)


@pytest.mark.parametrize(
    "frame", ["", " ", "null", "7", '"A"', "hello", "[", "{", "<html>", "\x00"]
)
def test_frame_without_an_object_counts_as_one(frame: str) -> None:
    """What is no frame at all is one rejected event, not none and not an exception."""
    assert decode_frame(frame) == ([], 1)


def test_a_fraction_that_is_no_size_falls_back_to_the_whole() -> None:
    """A fractional size that is no number of shares does not replace the integral one."""
    for fraction in ("NaN", "-1", "Infinity", "sNaN", "1e400", "1e99999999"):
        text = FCX.replace('"4989.0"', f'"{fraction}"').replace('"4332125.038360"', f'"{fraction}"')

        found, rejected = _converted(f"[{text}]")

        assert rejected == 0
        bar = found[0][1]
        assert isinstance(bar, Bar)
        assert (bar.volume_shares, bar.day_volume_shares) == (4989.0, 4332125.0)


def test_a_fraction_that_is_no_size_does_not_make_a_whole() -> None:
    """Where there is no whole either, the volume of the day stays unknown: it is not zero."""
    text = FCX.replace('"av":4332125,', "").replace('"4332125.038360"', '"1e400"')

    found, _ = _converted(f"[{text}]")

    bar = found[0][1]
    assert isinstance(bar, Bar)
    assert bar.day_volume_shares is None


def test_a_trade_of_an_infinite_fraction_has_its_whole_size() -> None:
    """An infinite size would make every volume that it is added to infinite, for the whole day."""
    text = GOLDEN["trade of half a share"][0].replace('"s":0,"ds":"0.5"', '"s":7,"ds":"1e400"')

    found, rejected = _converted(f"[{text}]")

    assert rejected == 0
    trade = found[0][1]
    assert isinstance(trade, Trade)
    assert trade.size_shares == 7.0


@pytest.mark.parametrize(
    "end_ms", [4102444799999, 1788877043000 + 3_600_001, 1788877043000, 1788877042999]
)
def test_a_bar_that_contradicts_itself_is_not_converted(end_ms: int) -> None:
    """A bar ends after it begins and within the hour: its end is what dates a row."""
    [bar], _ = decode_frame(f"[{FCX.replace('1788877044000', str(end_ms))}]")

    with pytest.raises(ValueError, match="a bar must last"):
        CONVERT[type(bar)][1](bar)


def test_the_longest_bar_is_converted() -> None:
    """An hour is still a bar."""
    [(_, bar)], _ = _converted(f"[{FCX.replace('1788877044000', str(1788877043000 + 3_600_000))}]")

    assert isinstance(bar, Bar)
    assert bar.end_ms - bar.start_ms == 3_600_000


@pytest.mark.parametrize(
    ("fraction", "shares"),
    [
        ('"1.5"', 1.5), ('" 1_0 "', 10.0), ('"1__0"', 10.0), ('"1e5"', 1e5), ("5.5", 5.5), ("5", 5.0),
        ('"0"', 7.0), ('"-0.0"', 7.0), ('"-1"', 7.0), ('"nan"', 7.0), ('"sNaN"', 7.0), ('"-inf"', 7.0),
        ("null", 7.0), ("0", 7.0), ('"1e-400"', 0.0),
    ],
)  # fmt: skip
def test_fractions_are_read_as_decimals(fraction: str, shares: float) -> None:
    """Every form of a decimal number counts; what is none of shares leaves the whole, and costs no event."""
    trade = GOLDEN["trade of half a share"][0].replace('"s":0,"ds":"0.5"', f'"s":7,"ds":{fraction}')
    bar = FCX.replace('"v":4989,', '"v":7,').replace('"dv":"4989.0"', f'"dv":{fraction}')
    found, rejected = _converted(f"[{trade},{bar}]")

    assert rejected == 0
    (_, of_trade), (_, of_bar) = found
    assert isinstance(of_trade, Trade)
    assert isinstance(of_bar, Bar)
    assert (of_trade.size_shares, of_bar.volume_shares) == (shares, shares)


@pytest.mark.parametrize("name", ["ds", "dv", "dav"])
@pytest.mark.parametrize(
    "fraction", ['""', '"abc"', '"1,5"', '"0x1"', '"1e9999999999999999999"', "true", "[]", "1e400"]
)
def test_what_is_no_number_of_shares_costs_its_event(name: str, fraction: str) -> None:
    """An event with a fraction that cannot be read is rejected, by the decoder or by the conversion."""
    text = FCX.replace('"dv":"4989.0","dav":"4332125.038360"', f'"{name}":{fraction}')
    if name == "ds":
        text = GOLDEN["trade of half a share"][0].replace('"0.5"', fraction)
    events, rejected = decode_frame(f"[{text}]")
    for event in events:
        with pytest.raises(ValueError, match="shares must be a number"):
            CONVERT[type(event)][1](event)

    assert rejected + len(events) == 1
