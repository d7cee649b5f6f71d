"""The terminal's table, its line below, and events on a line each."""

from io import StringIO

from msgspec import Raw
from rich.console import Console, RenderableType

from mesh import clock
from mesh.feed_state import TableState
from mesh.follower import Events
from mesh.testing import eventually
from mesh.widget_client import open_widget_client
from schemas.widget import Lag, Status
from services.tail.screen import Screen, event_line, status, table_of
from tests.mesh.following import event, followed
from tests.mesh.scripted import scripted, snap


A, B = ["A", 1.0, 2.0], ["BRK.B", 3.0, None]


def lines_of(shown: RenderableType, width: int = 80) -> list[str]:
    """What a terminal of *width* shows, without colours."""
    console = Console(file=StringIO(), width=width, height=10)
    with console.capture() as captured:
        console.print(shown)
    return [line.rstrip() for line in captured.get().splitlines()]


def table() -> TableState:
    """Two rows of three columns."""
    state = TableState()
    state.on_snap(snap(1, 1, A, B))
    return state


def test_table_has_numbers_on_the_right() -> None:
    """Texts from the left, numbers to the right, under a heading with units."""
    assert lines_of(table_of(table(), 80, 10)) == [
        "symbol  last $  change %",
        "A         1.00     +2.00",
        "BRK.B     3.00         –",
    ]


def test_table_leaves_out_what_has_no_room() -> None:
    """Neither a row nor a column is cut in the middle; the symbol is always there."""
    assert lines_of(table_of(table(), 23, 1), 23) == ["symbol  last $", "A         1.00"]
    assert lines_of(table_of(table(), 24, 1), 24) == [
        "symbol  last $  change %",
        "A         1.00     +2.00",
    ]
    assert lines_of(table_of(table(), 3, 1), 8) == ["symbol", "A"]


def test_empty_table_has_its_heading() -> None:
    """A condition that holds for no row shows what it would show."""
    state = TableState()
    state.on_snap(snap(1, 1))
    assert lines_of(table_of(state, 80, 10)) == ["symbol  last $  change %"]


def test_event_is_one_line() -> None:
    """Time, symbol, kind and title first, then what is known besides; lists, ids and unknowns are left out."""
    value = Raw(
        b'{"id":"x","kind":"high","symbol":"A","event_ms":1772461805000,"price_usd":1.5,'
        b'"level_usd":null,"breaches":[1],"move_pct":-2.0}'
    )

    assert event_line(value).plain == "09:30:05  A  high  price $ 1.50  move % -2.00"
    assert event_line(Raw(b'"\\u001b[2J"')).plain == " [2J"


async def test_line_below_says_how_it_stands() -> None:
    """Feed, position, rows of total, age, what the service slows down, and live, stale, reconnecting."""
    async with scripted() as service, open_widget_client(service.url) as client:
        assert status(client)[0] == "connecting"
        subscription, peer = await followed(client, service)
        out = StringIO()
        with Screen(Console(file=out, width=100, height=10), client, subscription) as screen:
            state = subscription.state
            assert isinstance(state, TableState)
            state.received_ms = clock.now_ms() + client.clock_ahead_ms - 5_000
            screen.on_update(state)
        (below,) = [line for line in out.getvalue().splitlines() if "board/x" in line]
        assert below.startswith("board/x · seq 1 · 5.")
        assert "s old · 2 of 9 rows · live" in below

        await peer.say(Lag(1, 0.5, 100), Status(stale=True, server_ms=0))
        await eventually(lambda: client.stale)
        assert status(client)[0] == "stale"
        assert subscription.hz == 0.5
        await peer.close(4408)
        await eventually(lambda: client.again_s)
        assert status(client)[0].startswith("reconnecting in ")


async def test_events_pass_above_the_line() -> None:
    """Each is printed once, oldest first, and what was missed is said."""
    async with scripted() as service, open_widget_client(service.url) as client:
        subscription = await client.subscribe("news/*")
        peer = await service.peer()
        await peer.say(event(0, 1, 1))
        await eventually(lambda: subscription.state)
        out = StringIO()
        with Screen(Console(file=out, width=100, height=10), client, subscription) as screen:
            screen.on_update(Events([Raw(b"41"), Raw(b"42")], 7))

    assert out.getvalue().splitlines()[:3] == ["… 7 more", "41", "42"]
