"""Subjects, keys and symbol tokens: what is built is legal, and parsing is its exact inverse."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import naming
from schemas.naming import MAX_PARTITIONS, Bucket, MarketClass


AWKWARD = (
    "BRK.B", "BF.A", "BACpL", "ACHR.WS", "O:SPY251219C00650000", "X:BTC-USD", "I:SPX", "C:EUR-USD",
    "ABRpD", "GTN.A", "TST_1", "a", "A" * 32, ".", ":", "-", "_", "..::--__", "A.", ".A", "partitions",
)  # fmt: skip

NOT_SYMBOLS = (
    "", " ", "A B", "A*", ">", "*", "A/B", "A=B", "É", "Ａ", "٣", "A\n", "\n", "A\x00", "$A", "A" * 33, "{SYM}",
)  # fmt: skip

symbols = st.from_regex(r"[A-Za-z0-9.:_-]{1,32}", fullmatch=True)
partitions = st.integers(0, MAX_PARTITIONS - 1)

_KV_KEY = re.compile(r"[-/_=.a-zA-Z0-9]+")
"""The server's rule for keys, which every NATS client checks."""


def _is_token(text: str) -> bool:
    return bool(text) and not re.search(r"[\s.*>\x00]", text)


@given(symbols)
def test_symbol_token_is_parsed_back(symbol: str) -> None:
    """Every symbol survives the way into a token and back, so no two symbols share one."""
    assert naming.parse_symbol_token(naming.symbol_token(symbol)) == symbol


@pytest.mark.parametrize("symbol", AWKWARD)
def test_awkward_symbol_is_one_legal_token(symbol: str) -> None:
    """Share classes, preferreds, warrants, options and pairs are one subject token and a legal KV key."""
    token = naming.symbol_token(symbol)

    assert _is_token(token)
    assert _KV_KEY.fullmatch(token)
    assert naming.parse_symbol_token(token) == symbol
    assert naming.row_subject(symbol) == f"row.{token}"


@given(symbols)
def test_any_symbol_is_one_legal_token(symbol: str) -> None:
    """No symbol can add a token to a subject, or be a wildcard."""
    token = naming.symbol_token(symbol)

    assert _is_token(token)
    assert _KV_KEY.fullmatch(token)


@pytest.mark.parametrize("text", NOT_SYMBOLS)
def test_what_is_no_symbol_is_refused(text: str) -> None:
    """Text that could break out of a subject never becomes a token, and the sentence says why."""
    assert not naming.is_symbol(text)
    with pytest.raises(ValueError, match="a symbol must be"):
        naming.symbol_token(text)


@pytest.mark.parametrize("token", ["BRK.B", "O:X", "", "A*", ">", "A B", "A" * 33])
def test_what_is_no_token_is_refused(token: str) -> None:
    """A token is parsed only if some symbol is written so."""
    with pytest.raises(ValueError, match="not the token"):
        naming.parse_symbol_token(token)


@given(st.sampled_from(MarketClass), partitions)
def test_tape_subject_is_parsed_back(market_class: MarketClass, partition: int) -> None:
    """A tape subject names its class and partition, a rows subject its partition, and a partition is a legal key."""
    subject = naming.tape_subject(market_class, partition)

    assert naming.parse_tape_subject(subject) == (market_class, partition)
    assert naming.parse_rows_subject(naming.rows_subject(partition)) == partition
    assert _KV_KEY.fullmatch(naming.partition_token(partition))


@given(st.sampled_from(Bucket), symbols)
def test_key_subject_is_parsed_back(bucket: Bucket, symbol: str) -> None:
    """The subject of a put names its bucket and key."""
    key = naming.symbol_token(symbol)

    assert naming.parse_key_subject(naming.key_subject(bucket, key)) == (bucket, key)


def test_dated_key_is_a_legal_key() -> None:
    """The key of a day's previous closes is legal, and survives although it holds a dot."""
    key = naming.previous_closes_key("2024-10-02")

    assert _KV_KEY.fullmatch(key)
    assert not key.startswith(".")
    assert not key.endswith(".")
    subject = naming.key_subject(Bucket.REFERENCE, key)
    assert naming.parse_key_subject(subject) == (Bucket.REFERENCE, key)


_PARSE_AND_BUILD: list[tuple[Callable[[str], object], Callable[..., str]]] = [
    (naming.parse_symbol_token, naming.symbol_token),
    (naming.parse_partition_token, naming.partition_token),
    (naming.parse_rows_subject, naming.rows_subject),
    (naming.parse_tape_subject, lambda found: naming.tape_subject(*found)),
    (naming.parse_repair_subject, lambda found: naming.repair_subject(*found)),
    (naming.parse_key_subject, lambda found: naming.key_subject(*found)),
    (naming.parse_news_tape_subject, naming.news_tape_subject),
]
_NEARLY = st.builds(
    ".".join,
    st.lists(
        st.sampled_from(
            [
                "tape",
                "news",
                "repair",
                "bars",
                "rows",
                "07",
                "7",
                "٠٧",
                "+1",
                " 1",
                "100",
                "$KV",
                "boards",
                "x",
                "",
            ]
        ),
        min_size=1,
        max_size=4,
    ),
)


@pytest.mark.parametrize(("parse", "build"), _PARSE_AND_BUILD)
@given(text=st.text() | _NEARLY)
def test_parsing_takes_only_what_building_makes(
    parse: Callable[[str], object], build: Callable[..., str], text: str
) -> None:
    """Any text is either refused with a ValueError or is exactly what the builder would write."""
    try:
        found = parse(text)
    except ValueError:
        return

    assert build(found) == text


@pytest.mark.parametrize("partition", [-1, MAX_PARTITIONS, 1000])
def test_partition_out_of_range_is_refused(partition: int) -> None:
    """A partition that two digits cannot name is refused, not written with three."""
    with pytest.raises(ValueError, match="a partition must be"):
        naming.partition_token(partition)


@pytest.mark.parametrize("name", ["gainers", "low-float-momentum", "top-100", "5m"])
def test_board_name_is_one_legal_token(name: str) -> None:
    """A board's name is its key and the last token of its subject."""
    assert naming.is_board_name(name)
    assert _is_token(name)
    assert naming.board_subject(name) == f"board.{name}"


@pytest.mark.parametrize(
    "name", ["", "Gainers", "low_float", "-a", "a-", "a--b", "a.b", "a b", "*"]
)
def test_what_is_no_board_name_is_refused(name: str) -> None:
    """A name that is not lower-case words joined by hyphens is none."""
    assert not naming.is_board_name(name)


def test_streams_are_named_after_what_they_hold() -> None:
    """Each class has its own stream, and each bucket the stream that every KV client expects."""
    streams = {naming.tape_stream(market_class) for market_class in MarketClass}
    buckets = {naming.bucket_stream(bucket) for bucket in Bucket}

    assert len(streams) == len(MarketClass)
    assert all(stream.startswith("TAPE_") and stream.isupper() for stream in streams)
    assert buckets == {f"KV_{bucket.value}" for bucket in Bucket}


@given(st.dates(), partitions)
def test_day_of_a_partition_is_parsed_back(day: date, partition: int) -> None:
    """The key of a partition's reference data is legal and says which day and partition it is of."""
    key = naming.reference_day_key(day.isoformat(), partition)

    assert _KV_KEY.fullmatch(key)
    assert naming.parse_reference_day_key(key) == (day.isoformat(), partition)


@pytest.mark.parametrize(
    "key", ["2024-10-02", "2024-10-02.7", "20241002.07", "x.07", "2024-10-02.07.1"]
)
def test_key_that_is_of_no_partition_is_refused(key: str) -> None:
    """What only looks like a day and a partition is none."""
    with pytest.raises(ValueError, match=r"."):
        naming.parse_reference_day_key(key)
