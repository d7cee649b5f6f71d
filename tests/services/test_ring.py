"""The ring of a live feed, against a model that keeps every batch in a plain list."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.naming import MarketClass
from services.listener.ring import Ring
from services.listener.window import Sent


MOST_BYTES = 100
MOST_AGE_S = 10.0

keys = st.tuples(st.sampled_from([MarketClass.BARS, MarketClass.TRADES]), st.integers(0, 2))
steps = st.lists(st.tuples(keys, st.integers(1, 60), st.sampled_from([0.0, 0.5, 4.0, 11.0])))


def _model(added: list[tuple[float, Sent]]) -> list[Sent]:
    """The longest end of what was added that is neither too old nor too much."""
    kept: list[Sent] = []
    for at_s, sent in reversed(added):
        size = sum(len(each.payload) for each in kept) + len(sent.payload)
        if size > MOST_BYTES or at_s < added[-1][0] - MOST_AGE_S:
            break
        kept.insert(0, sent)
    return kept


@given(steps, st.integers(0, 9), st.integers(0, 9))
def test_ring_holds_the_newest_within_both_bounds(
    steps: list[tuple[tuple[MarketClass, int], int, float]], first: int, last: int
) -> None:
    """Whatever is added, exactly the newest batches within age and bytes are held, and given in order."""
    ring = Ring(MOST_BYTES, MOST_AGE_S)
    added: list[tuple[float, Sent]] = []
    now_s = 0.0
    for key, size, wait_s in steps:
        now_s += wait_s
        number = sum((each.market_class, each.partition) == key for _, each in added)
        sent = Sent(*key, number, 1, bytes([number]) * size)
        ring.add(sent, now_s)
        added.append((now_s, sent))
        kept = _model(added)

        assert ring.bytes == sum(len(each.payload) for each in kept)
        mine = [each for each in kept if (each.market_class, each.partition) == key]
        assert ring.held(*key, 0, number) == [each.payload for each in mine]
        assert ring.held(*key, first, last) == [
            each.payload for each in mine if first <= each.number <= last
        ]


def test_empty_ring_holds_nothing() -> None:
    """A class and partition of which nothing was published has an answer too: nothing."""
    assert Ring(MOST_BYTES, MOST_AGE_S).held(MarketClass.BARS, 0, 0, 1 << 40) == []
