"""A sequence: every value once and in order, or a client that is told that some are missing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.feed_state import SequenceState
from schemas.widget import Event
from services.widgets.frame import Frame
from services.widgets.live_sequence import MOST_BYTES, MOST_KEPT, LiveSequence, matches
from services.widgets.recent import PLACES, Recent


def event_of(found: Frame | None) -> Event:
    """The event in a frame."""
    assert found is not None
    return msgspec.json.decode(found.numbered(1), type=Event)


def sequence_of(values: int) -> LiveSequence:
    """A sequence of the numbers below *values*."""
    made = LiveSequence("alert/*/*", Recent("e.1"))
    put(made, values)
    return made


def put(sequence: LiveSequence, values: int) -> None:
    """Count on."""
    for value in range(sequence.number, sequence.number + values):
        put_value(sequence, b"%d" % value)


def put_value(sequence: LiveSequence, value: bytes | None, *, numbered: bool = True) -> None:
    """The next value, or the number of one that had none."""
    recent = sequence._recent
    recent.put(sequence.pattern, value, recent.number + 1 if numbered else None)
    sequence.put(value, recent.place)


def values_of(event: Event) -> list[int]:
    """The numbers in an event."""
    return [int(bytes(value)) for value in event.values]


few = st.integers(0, 5)
steps = st.lists(
    st.tuples(few | st.just(MOST_KEPT - 3), st.lists(st.sampled_from(["", "after", "resume"]), min_size=3, max_size=3)),
    max_size=12,
)  # fmt: skip


@given(steps, st.integers(0, 5), st.integers(1, 4))
def test_no_value_is_lost_or_repeated(
    history: list[tuple[int, list[str]]], before: int, top: int
) -> None:
    """Clients that look now and then have every value since they came, unless they are told that it cannot be."""
    sequence = sequence_of(before)
    clients = [SequenceState(keep=100_000) for _ in range(3)]
    first = [max(before - top, 0)] * 3
    for state in clients:
        assert state.on_event(event_of(sequence.begin(top, recovered=None)))
    for count, actions in history:
        put(sequence, count)
        for place, (state, action) in enumerate(zip(clients, actions, strict=True)):
            if not action:
                continue
            missed = sequence.number - state.seq
            found = (
                sequence.after(state.seq * PLACES)
                if action == "after"
                else sequence.resume(state.epoch, state.seq)
            )
            assert (found is None) == (missed > MOST_KEPT)
            if found is None:
                found = sequence.begin(top, recovered=False)
                first[place] = sequence.number - top
            assert state.on_event(event_of(found))

            assert [int(bytes(value)) for value in state.values] == list(
                range(first[place], sequence.number)
            )


@pytest.mark.parametrize("top", [1, 3, 5, 100])
def test_beginning_holds_the_newest(top: int) -> None:
    """As many as were asked for, or as there are; it begins anew, whatever was before."""
    event = event_of(sequence_of(5).begin(top, recovered=None))

    assert values_of(event) == list(range(max(5 - top, 0), 5))
    assert (event.after, event.seq, event.recovered) == (0, 5, None)


def test_beginning_of_nothing_is_a_frame() -> None:
    """A client hears at once that nothing has happened yet, and where to go on from."""
    event = event_of(sequence_of(0).begin(50, recovered=False))

    assert (event.values, event.after, event.seq, event.recovered) == ([], 0, 0, False)


@pytest.mark.parametrize("seq", [0, 2, 5])
def test_resuming_gives_all_that_is_new(seq: int) -> None:
    """From any position that is kept, also the newest and the very first; the frame says so."""
    event = event_of(sequence_of(5).resume("e.1", seq))

    assert values_of(event) == list(range(seq, 5))
    assert (event.after, event.seq, event.recovered) == (seq, 5, True)


@pytest.mark.parametrize(("epoch", "seq"), [("e.2", 3), ("", 3), ("e.1", -1), ("e.1", 6)])
def test_position_that_is_none_cannot_be_resumed(epoch: str, seq: int) -> None:
    """Another epoch, and positions that there never were, are worth nothing."""
    assert sequence_of(5).resume(epoch, seq) is None


def test_oldest_that_is_kept_is_the_last_that_can_be_resumed() -> None:
    """One value beyond what is kept and there is a gap, which is never passed over."""
    sequence = sequence_of(MOST_KEPT + 5)

    assert len(values_of(event_of(sequence.after(5 * PLACES)))) == MOST_KEPT
    assert event_of(sequence.resume("e.1", 5)).recovered
    assert sequence.after(4 * PLACES) is None
    assert sequence.resume("e.1", 4) is None
    assert values_of(event_of(sequence.begin(10_000, recovered=None)))[0] == 5


def test_bytes_that_are_kept_are_bounded() -> None:
    """Few large values cost no more memory than many small ones."""
    sequence = sequence_of(0)
    large = b'"%s"' % (b"x" * (MOST_BYTES // 4))
    for _ in range(20):
        put_value(sequence, large)

    assert len(event_of(sequence.begin(20, recovered=None)).values) == 3
    assert sequence.after(17 * PLACES) is not None
    assert sequence.after(16 * PLACES) is None


def test_frames_of_one_position_are_encoded_once() -> None:
    """All clients that are at one position share one encoding, until something happens."""
    sequence = sequence_of(5)
    found = sequence.after(3 * PLACES)
    assert sequence.after(3 * PLACES) is found

    put(sequence, 1)
    assert sequence.after(3 * PLACES) is not found


@pytest.mark.parametrize(
    ("pattern", "feed", "does"),
    [
        ("alert/high/A", "alert/high/A", True),
        ("alert/high/A", "alert/high/AA", False),
        ("alert/*/A", "alert/low/A", True),
        ("alert/*/*", "alert/low/BRK.B", True),
        ("alert/*", "alert/low/A", False),
        ("alert/>", "alert/low/A", True),
        ("alert/high/>", "alert/high/A", True),
        ("alert/high/>", "alert/low/A", False),
        ("alert/>", "alert", False),
        ("halt/>", "alert/high/A", False),
    ],
)
def test_pattern_matches_by_the_rules_of_subjects(pattern: str, feed: str, does: bool) -> None:
    """`*` is one token, `>` one or more at the end."""
    assert matches(pattern, feed) is does
