"""The view of a board: what clients rebuild from its frames is the board."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.leaderboard import Board
from services.widgets.view import BoardView, Position
from tests.services.widgets.boards import ModelClient, board, rows_of


values = st.none() | st.floats(allow_nan=False, allow_infinity=False)
boards = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C", "D", "E", "BRK.B"]), st.floats(-9, 9), values),
    unique_by=lambda row: row[0],
).map(lambda rows: board(*rows))


def view_of(first: Board) -> BoardView:
    """A view that knows one value."""
    return BoardView("board/gainers", "e1", first, 5.0)


@given(st.lists(boards, min_size=1))
def test_view_snap_and_deltas_make_the_board(sequence: list[Board]) -> None:
    """After a snap and every delta, a client holds exactly the board, whatever came, left, moved or became unknown."""
    view = view_of(sequence[0])
    client = ModelClient()
    position = None
    for value in sequence:
        view.update(value, 6.0)
        while (frame := view.after(position)) is not None:
            client.take(frame.numbered(7))
            position = frame.position

        assert client.rows(7) == rows_of(value)
    assert client.kinds.count("snap") == 1


@given(st.lists(boards, min_size=1), st.sets(st.integers(0, 50)))
def test_view_skipped_updates_are_made_good(sequence: list[Board], taken: set[int]) -> None:
    """A client that looks only now and then is at the board of that moment each time it looks."""
    view = view_of(sequence[0])
    client = ModelClient()
    position = None
    for number, value in enumerate(sequence):
        view.update(value, 6.0)
        if number in taken and (frame := view.after(position)) is not None:
            client.take(frame.numbered(1))
            position = frame.position

            assert client.rows(1) == rows_of(value)


def test_view_repeated_value_is_no_update() -> None:
    """A value that the watch repeats after a reconnect is not sent again."""
    view = view_of(board(("A", 1.0, 2.0)))

    assert not view.update(board(("A", 1.0, 2.0)), 9.0)
    assert view.position == Position("e1", 1)


def test_view_delta_holds_only_what_changed() -> None:
    """One changed price is one cell; the order is not repeated."""
    view = view_of(board(("A", 2.0, 2.0), ("B", 1.0, 3.0)))
    view.update(board(("A", 2.0, 2.0), ("B", 1.0, 4.0), seq=2), 9.5)
    frame = view.after(Position("e1", 1))

    assert frame is not None
    delta = msgspec.json.decode(frame.numbered(3))
    assert delta["cells"] == {"B": {"2": 4.0}}
    assert delta["order"] is None
    assert (delta["id"], delta["seq"], delta["received_ms"]) == (3, 2, 9.5)


def test_view_frame_is_encoded_once() -> None:
    """All clients at one position share one encoding, of the snap and of the delta."""
    view = view_of(board(("A", 1.0, 2.0)))
    snap = view.after(None)

    assert view.after(None) is snap
    view.update(board(("A", 1.0, 3.0)), 1.0)
    assert view.after(Position("e1", 1)) is view.after(Position("e1", 1))


def test_view_other_epoch_gets_a_snap() -> None:
    """A position of another life of the service is worth nothing, even with a fitting number."""
    view = view_of(board(("A", 1.0, 2.0)))
    view.update(board(("A", 1.0, 3.0)), 1.0)
    frame = view.after(Position("e0", 1))

    assert frame is not None
    assert frame.before.startswith('{"type":"snap"')
