"""Partitions: the hash's published vectors, and the answer of a real server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.connection import Connection, Message
from mesh.partition import deal, fnv1a_32, partition_of
from mesh.testing import eventually
from schemas.naming import symbol_token


PARTITIONS = 16


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0x811C9DC5),
        (b"a", 0xE40C292C),
        (b"b", 0xE70C2DE5),
        (b"foo", 0xA9F37ED7),
        (b"foobar", 0xBF9CF968),
        (b"\xff\x00\x00\x01", 0xC48FB86D),
        (b"chongo was here!\n", 0xD49930D5),
    ],
)
def test_hash_is_the_published_one(data: bytes, expected: int) -> None:
    """FNV-1a of 32 bits, against the test vectors of its authors."""
    assert fnv1a_32(data) == expected


@given(st.text(), st.integers(1, 100))
def test_partition_is_one_of_them(token: str, partitions: int) -> None:
    """Every token has a partition, the same each time."""
    found = partition_of(token, partitions)

    assert 0 <= found < partitions
    assert partition_of(token, partitions) == found


def test_symbols_spread_over_partitions() -> None:
    """Of a market of short symbols no partition of 16 gets more than a third above its share."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    tokens = [a + b + c for a in letters for b in letters for c in letters[:16]]
    counts = [0] * PARTITIONS
    for token in tokens:
        counts[partition_of(token, PARTITIONS)] += 1

    assert max(counts) < 4 / 3 * len(tokens) / PARTITIONS
    assert min(counts) > 2 / 3 * len(tokens) / PARTITIONS


@pytest.mark.broker
async def test_server_puts_symbols_into_the_same_partitions(connection: Connection) -> None:
    """A mapping with `partition()` on the server, and a process, agree on every symbol."""
    await connection.api(
        "$JS.API.STREAM.CREATE.MAPPED",
        {
            "name": "MAPPED",
            "subjects": ["in.*"],
            "storage": "memory",
            "subject_transform": {
                "src": "in.*",
                "dest": f"out.{{{{partition({PARTITIONS},1)}}}}.{{{{wildcard(1)}}}}",
            },
            "republish": {"src": ">", "dest": "seen.>"},
        },
    )
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    symbols = [a + b for a in letters for b in letters[:11]]
    symbols += ["BRK.B", "BACpL", "ACHR.WS", "O:SPY251219C00650000", "X:BTC-USD", "TST_1", "a", "-"]
    seen: dict[str, int] = {}

    async def note(message: Message) -> None:
        _, _, partition, token = message.subject.split(".")
        seen[token] = int(partition)

    await connection.subscribe("seen.>", note)
    for symbol in symbols:
        await connection.publish(f"in.{symbol_token(symbol)}", b"")
    await eventually(lambda: len(seen), lambda count: count == len(symbols))

    assert seen == {
        symbol_token(symbol): partition_of(symbol_token(symbol), PARTITIONS) for symbol in symbols
    }


names = st.sampled_from("abcdefgh")
slots = st.integers(1, 40)


@given(st.dictionaries(st.integers(0, 50), names), st.sets(names, min_size=1), slots)
def test_deal_shares_evenly_and_moves_only_what_must(
    owned: dict[int, str], members: set[str], count: int
) -> None:
    """Every slot has a member, shares differ by one at most, and no fewer could have moved."""
    dealt = deal(owned, members, count)

    assert sorted(dealt) == list(range(count))
    shares = [sum(owner == member for owner in dealt.values()) for member in members]
    assert max(shares) - min(shares) <= 1
    assert sum(shares) == count
    held = [sum(owned.get(slot) == member for slot in range(count)) for member in members]
    least, spare = divmod(count, len(members))
    ceilings = sorted(held, reverse=True)
    most_kept = sum(min(had, least + (place < spare)) for place, had in enumerate(ceilings))
    assert sum(dealt[slot] == owned.get(slot) for slot in range(count)) == most_kept


@given(st.dictionaries(st.integers(0, 50), names), st.sets(names, min_size=1), slots)
def test_deal_is_settled_once_it_is_done(
    owned: dict[int, str], members: set[str], count: int
) -> None:
    """Dealt again from its own result nothing moves, whatever the order in which members are named."""
    dealt = deal(owned, members, count)

    assert deal(dealt, sorted(members, reverse=True), count) == dealt


def test_deal_to_nobody_leaves_everything_free() -> None:
    """Without members nothing has an owner."""
    assert deal({0: "a"}, (), 3) == {}
