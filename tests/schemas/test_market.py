"""Market events in msgpack: round trips, the head of a batch, and bytes that are none."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from schemas.market import (
    Bar,
    Batch,
    BatchHead,
    Halt,
    Other,
    OwnerPositions,
    Position,
    Quote,
    Trade,
)
from schemas.wire import DecodeError, encode_msgpack, msgpack_decoder


KINDS: tuple[Any, ...] = (Bar, Trade, Quote, Halt, Other)

texts = st.text(max_size=8)
times = st.integers(946_684_800_000, 4_102_444_799_999)
prices = st.floats(min_value=1e-4, max_value=1e7)
sizes = st.floats(min_value=0, max_value=1e12)
codes = st.lists(st.integers(0, 255), max_size=4).map(tuple)
unknown = st.none() | sizes

EVENTS: dict[Any, st.SearchStrategy[Any]] = {
    Bar: st.builds(
        Bar, texts, times, times, prices, prices, prices, prices, sizes, unknown, unknown, unknown, unknown
    ),
    Trade: st.builds(Trade, texts, times, st.integers(0, 1 << 60), prices, sizes, codes, st.integers(0, 999), texts),
    Quote: st.builds(
        Quote, texts, times, st.integers(0, 1 << 60), unknown, sizes, unknown, sizes, st.none() | st.integers(0, 99), codes
    ),
    Halt: st.builds(Halt, texts, times, st.integers(0, 1 << 60), unknown, unknown, codes),
    Other: st.builds(Other, texts, st.none() | texts, st.binary(max_size=50)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_event_survives_msgpack(kind: Any, data: st.DataObject) -> None:
    """Every event reads back as it was, unknown fields as None and zero as zero."""
    event = data.draw(EVENTS[kind])

    assert msgpack_decoder(kind).decode(encode_msgpack(event)) == event


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_batch_survives_and_its_head_reads_the_same(kind: Any, data: st.DataObject) -> None:
    """A batch reads back; its head alone agrees, and the events that it leaves raw decode to the same."""
    events = data.draw(st.lists(EVENTS[kind], max_size=4))
    batch = Batch(data.draw(times), data.draw(st.integers(0, 1 << 60)), 9, 1.5, events)
    payload = encode_msgpack(batch)

    head = msgpack_decoder(BatchHead).decode(payload)

    assert msgpack_decoder(Batch[kind]).decode(payload) == batch
    assert (head.epoch, head.number, head.received_ms) == (batch.epoch, batch.number, 1.5)
    assert msgpack_decoder(list[kind]).decode(head.events) == events


def test_batch_with_a_number_below_zero_is_refused() -> None:
    """Numbers count from 0: a negative one would pass for a duplicate for ever."""
    with pytest.raises(DecodeError):
        msgpack_decoder(BatchHead).decode(encode_msgpack([1, -1, 0.0, []]))


def test_owner_positions_survive_msgpack() -> None:
    """What an owner reports reads back; a class of which nothing was folded stays absent."""
    report = OwnerPositions(7, "owner", {"bars": Position(5, 9, 70)})

    assert msgpack_decoder(OwnerPositions).decode(encode_msgpack(report)) == report


def _nested(depth: int) -> Any:
    return Raw(b"\x91" * depth + b"\xc0")


@pytest.mark.parametrize("kind", [*KINDS, BatchHead, Batch[Bar], OwnerPositions, list[Trade]])
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(1 << 63), (1 << 64) - 1)
        | st.floats()
        | texts
        | st.binary(max_size=8)
        | st.integers(0, 3000).map(_nested),
        lambda inner: st.lists(inner, max_size=8) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=20,
    )
)
def test_foreign_values_are_a_decode_error(kind: Any, value: object) -> None:
    """Well-formed msgpack of another shape, however deep, is refused as such and in no other way."""
    payload = encode_msgpack(value)
    try:
        decoded = msgpack_decoder(kind).decode(payload)
    except DecodeError:
        return

    assert msgpack_decoder(kind).decode(encode_msgpack(decoded)) == decoded or "nan" in repr(
        decoded
    )


@pytest.mark.parametrize("kind", [*KINDS, BatchHead, Batch[Bar], Batch[Trade]])
@given(data=st.data())
def test_a_truncated_payload_is_a_decode_error(kind: Any, data: st.DataObject) -> None:
    """What was cut off on the way is refused, wherever the cut is."""
    trade = data.draw(EVENTS[Trade])
    batch = encode_msgpack(Batch(1, 2, 9, 3.0, [trade]))
    cut = data.draw(st.integers(0, len(batch) - 1))

    with pytest.raises(DecodeError):
        msgpack_decoder(kind).decode(batch[:cut])


@pytest.mark.parametrize("kind", [*KINDS, BatchHead, Batch[Bar], Batch[Trade]])
@given(data=st.data())
def test_damaged_bytes_are_an_event_or_a_decode_error(kind: Any, data: st.DataObject) -> None:
    """Bytes that changed on the way, those of text included, raise nothing else."""
    batch = bytearray(encode_msgpack(Batch(1, 2, 9, 3.0, [data.draw(EVENTS[Trade])])))
    for place in data.draw(st.lists(st.integers(0, len(batch) - 1), min_size=1, max_size=4)):
        batch[place] = data.draw(st.integers(0, 255))

    with suppress(DecodeError):
        msgpack_decoder(kind).decode(bytes(batch))
