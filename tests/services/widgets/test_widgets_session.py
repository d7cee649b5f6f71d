"""The state machine of one client: what it is told, in what order, and that nothing piles up."""

from typing import Any

import pytest

from schemas.columns import columns_of
from schemas.leaderboard import Row
from schemas.widget import (
    Auth,
    Get,
    Hello,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from services.widgets.catalogue import FEEDS_ALWAYS, Catalogue
from services.widgets.limits import Allowance
from services.widgets.session import Session
from tests.services.widgets.boards import board, encoded, rows_of, show_market
from tests.services.widgets.chance_market import instant_of
from tests.services.widgets.players import BOARD, Player, put, taken


def test_session_begins_with_hello(catalogue: Catalogue) -> None:
    """The first frame names the protocol, the source and the feeds."""
    client = Player(catalogue)

    assert taken(client) == ["hello"]
    assert (client.hello["protocol"], client.hello["source"]) == (1, "simulated")
    assert client.feeds == sorted([BOARD, *FEEDS_ALWAYS])


def test_subscription_is_answered_by_a_snap_then_deltas(
    catalogue: Catalogue, client: Player
) -> None:
    """First the whole board, then what changes, each under the client's own number."""
    catalogue.put_board("gainers", encoded(("B", 3.0, 1.0), ("A", 1.0, 2.0)), 6.0)

    assert taken(client) == ["delta"]
    assert client.rows(1) == rows_of(board(("B", 3.0, 1.0), ("A", 1.0, 2.0)))


def test_new_and_ended_feeds_are_announced(catalogue: Catalogue, client: Player) -> None:
    """A connected client hears of a board that there was not, and of one that there is no longer."""
    put(catalogue, 1.0, "low-float")
    assert taken(client) == ["feeds"]
    assert "board/low-float" in client.feeds

    catalogue.delete_board("low-float")
    assert taken(client) == ["feeds"]
    assert "board/low-float" not in client.feeds


def test_deleted_feed_ends_its_subscription(catalogue: Catalogue, client: Player) -> None:
    """The client is told that its subscription is over; when the board comes back it may ask again."""
    catalogue.delete_board("gainers")
    assert taken(client) == ["feeds", "error"]
    assert client.errors[-1]["id"] == 1

    client.subscribe(1, BOARD, View())
    assert taken(client) == ["error"]
    put(catalogue, 4.0)
    client.subscribe(1, BOARD, View())
    assert taken(client) == ["feeds", "snap"]


def test_board_that_came_back_for_another_is_not_taken_for_the_old(
    catalogue: Catalogue, client: Player
) -> None:
    """A client that looks when its board has ended and come back, and is followed by another, is told that it has ended."""
    first = client.tables[1].epoch
    catalogue.delete_board("gainers")
    put(catalogue, 9.0)
    other = Player(catalogue)
    other.subscribe(1, BOARD, View())
    assert taken(other) == ["hello", "snap"]

    assert taken(client) == ["feeds", "error"]
    assert other.tables[1].epoch != first


def test_number_in_use_begins_anew(client: Player) -> None:
    """Asking again under a number in use gives a new snap: that is how a client repairs a gap."""
    client.say(Subscribe(1, BOARD))

    assert taken(client) == ["snap"]


def test_refused_subscription_leaves_the_one_with_its_number(
    catalogue: Catalogue, client: Player
) -> None:
    """A number in use goes on as it was if what was asked for under it cannot be given."""
    client.say(Subscribe(1, "board/nobody"))
    put(catalogue, 2.0)

    assert taken(client) == ["error", "delta"]


def test_unsubscribed_feed_is_silent(catalogue: Catalogue, client: Player) -> None:
    """After unsub is acknowledged nothing more is sent, even if something had changed before."""
    put(catalogue, 2.0)
    client.unsubscribe(1)
    put(catalogue, 3.0)

    assert taken(client) == ["ack"]


def test_set_is_acknowledged_and_gives_another_table(catalogue: Catalogue, client: Player) -> None:
    """What the change does not name stays; a rate is no other table."""
    catalogue.put_board("gainers", encoded(("B", 3.0, 1.0), ("A", 1.0, 2.0)), 6.0)
    client.set(1, View(columns=["last_usd"]))
    assert taken(client) == ["ack", "snap"]
    client.set(1, View(top=1))
    assert taken(client) == ["ack", "snap"]
    assert client.rows(1) == [{"symbol": "B", "last_usd": 1}]

    client.set(1, View(hz=10.0))
    assert taken(client) == ["ack"]


def test_refused_set_changes_nothing(catalogue: Catalogue, client: Player) -> None:
    """A view that cannot be is refused with the place, and the table goes on as it was."""
    client.say(Set(1, View(where="last_usd > foo")))
    put(catalogue, 2.0)

    assert taken(client) == ["error", "delta"]
    assert (client.errors[-1]["id"], client.errors[-1]["place"]) == (1, 11)


def test_get_gives_one_frame(catalogue: Catalogue, client: Player) -> None:
    """What is asked for once comes once, table or sequence, and leaves nothing behind."""
    catalogue.put_event("alert/high/A", b"1")
    client.say(Get(5, BOARD, View(columns=["score"])))
    client.say(Get(6, "alert/>"))
    assert sorted(taken(client)) == ["event", "snap"]
    assert client.values(6) == [1]

    put(catalogue, 2.0)
    catalogue.put_event("alert/high/A", b"2")
    assert taken(client) == ["delta"]
    client.say(Unsubscribe(5))
    assert taken(client) == ["error"]


def test_get_waits_for_the_first_rows() -> None:
    """A service that has no rows yet answers as soon as it has."""
    catalogue = Catalogue("e")
    client = Player(catalogue)
    client.say(Get(5, "row/A", View(columns=["last_usd"])))
    assert taken(client) == ["hello"]

    rows = [Row("A", "2026-01-05", "regular", 1, last_usd=2.5)]
    show_market(catalogue, columns_of(rows), instant_of(rows), 1.0)
    assert taken(client) == ["snap"]
    assert client.rows(5) == [{"symbol": "A", "last_usd": 2.5}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"action":"jump"}',
        '{"action":"sub"}',
        '{"action":"sub","id":"1","feed":"board/gainers"}',
        '{"action":"sub","id":-1,"feed":"board/gainers"}',
        '{"action":"sub","id":2147483648,"feed":"board/gainers"}',
        '{"action":"sub","id":3,"feed":"board/gainers","more":1}',
        '{"action":"sub","id":3,"feed":"board/gainers","view":{"top":0}}',
        '{"action":"sub","id":3,"feed":"board/gainers","view":{"hz":0}}',
        '{"action":"sub","id":3,"feed":"board/gainers","view":{"columns":["nobody"]}}',
        '{"action":"sub","id":3,"feed":"alert/>","view":{"where":"last_usd > 1"}}',
        '{"action":"sub","id":3,"feed":"trades/*"}',
        '{"action":"sub","id":3,"feed":"checkpoints/07"}',
        '{"action":"sub","id":3,"feed":">"}',
        '{"action":"get","id":3,"feed":"alert/high"}',
        '{"action":"unsub","id":9}',
        '{"action":"set","id":9,"view":{}}',
    ],
)
def test_bad_frame_is_refused_and_nothing_else_happens(
    catalogue: Catalogue, client: Player, text: str
) -> None:
    """A frame that makes no sense is answered by an error; the subscriptions go on."""
    client.say(text)

    assert taken(client) == ["error"]
    put(catalogue, 2.0)
    assert taken(client) == ["delta"]


def test_client_that_is_not_known_may_only_say_who_it_is(catalogue: Catalogue) -> None:
    """Before the welcome everything but `auth` is refused, and no feed is even named."""
    session = Session(catalogue, Allowance(1e9), lambda: None)
    session.on_text('{"action":"sub","id":1,"feed":"board/gainers"}', 0.0)
    refusal = session.next_frame(0.0)
    put(catalogue, 1.0, "secret")

    assert refusal is not None
    assert b"auth" in refusal
    assert session.next_frame(0.0) is None
    session.on_text('{"action":"auth","token":"abc"}', 0.0)
    assert (session.token, session.is_welcome) == ("abc", False)
    assert session.next_frame(0.0) is None


def test_client_sees_what_its_token_lets_it_see(catalogue: Catalogue, client: Player) -> None:
    """A feed beyond the scopes is refused, not announced, and ends when a newer token lets the client see less."""
    put(catalogue, 1.0, "volume")
    client.session.welcome(Hello(1, "1", "live", 5, []), lambda feed: feed == "board/volume")
    assert sorted(taken(client)) == ["error", "feeds", "hello"]
    assert client.feeds == ["board/volume"]

    client.say(Subscribe(1, BOARD))
    client.say(Get(2, "row/A"))
    client.say(Subscribe(3, "board/volume"))
    assert taken(client) == ["error", "error", "snap"]


def test_token_is_given_to_whoever_reads_it(client: Player) -> None:
    """A newer token is kept for the door, and nothing is answered by the session itself."""
    client.say(Auth("newer"))

    assert client.session.token == "newer"  # noqa: S105 (it is none)
    assert taken(client) == []


def test_nothing_is_followed_for_who_has_left(catalogue: Catalogue, client: Player) -> None:
    """A connection that is gone is woken by nothing any more."""
    client.subscribe(2, "trades/A", View())
    assert catalogue.followed("trades") == ["trades/A"]
    client.session.leave()
    client.awake = False
    put(catalogue, 2.0)
    put(catalogue, 2.0, "other")
    catalogue.put_event("trades/A", b"1")

    assert not client.awake
    assert catalogue.followed("trades") == []


@pytest.mark.parametrize("view", [View(top=3), View(top=None)])
def test_sequence_begins_with_its_newest(catalogue: Catalogue, view: View) -> None:
    """The first frame holds as many of the newest as were asked for, oldest first, or none at all."""
    client = Player(catalogue)
    client.subscribe(1, "alert/high/*", view)
    client.subscribe(2, "halt/*", View())
    for value in range(5):
        catalogue.put_event(f"alert/{'high' if value % 2 == 0 else 'low'}/A", b"%d" % value)
    client.drain(0.0)
    client.subscribe(3, "alert/>", view)
    client.drain(0.0)
    expected: list[Any] = [0, 1, 2, 3, 4]

    assert client.values(1) == [0, 2, 4]
    assert client.values(2) == []
    assert client.values(3) == (expected if view.top is None else expected[-3:])


def test_client_has_so_many_cells_made_for_it_and_no_more(catalogue: Catalogue) -> None:
    """Whole markets with every field add up: what would be too much is refused, and what was there goes on."""
    client = Player(catalogue)
    number = 0
    while not client.errors:
        number += 1
        view = View(where=f"last_usd > {number}")
        client.say(Subscribe(number, "row/*", view))
        taken(client)
    assert "ask for fewer columns" in client.errors[-1]["message"]
    assert client.errors[-1]["id"] == number == 5

    client.say(Set(1, View(top=10)))
    client.say(Subscribe(number, "row/*", View(where="last_usd > 5")))
    taken(client)
    assert len(client.errors) == 1
    client.say(Set(1, View(top=None)))
    taken(client)
    assert client.errors[-1]["id"] == 1
