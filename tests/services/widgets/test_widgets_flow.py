"""How much one client is sent, how often, and when it is enough: by a clock that the test turns."""

from schemas.widget import (
    NOT_UNDERSTOOD,
    TOO_MANY,
    TOO_SLOW,
    Ping,
    Subscribe,
    View,
)
from services.widgets.catalogue import Catalogue
from services.widgets.limits import Allowance
from services.widgets.live_sequence import MOST_KEPT
from services.widgets.owed import MAX_REPLIES
from tests.services.widgets.players import BOARD, Player, put, taken


def test_slow_client_gets_one_delta_for_all_it_missed(catalogue: Catalogue, client: Player) -> None:
    """A client that was not ready for many updates is sent one frame, which is current."""
    for score in range(2, 50):
        put(catalogue, float(score))

    assert taken(client) == ["delta"]
    assert client.rows(1)[0]["score"] == 49


def test_subscriptions_take_turns(catalogue: Catalogue, client: Player) -> None:
    """Feeds that change between any two frames keep no other feed waiting for longer than one round."""
    names = ["gainers", "volume", "gappers"]
    for number, name in enumerate(names, 1):
        put(catalogue, 1.0, name)
        client.subscribe(number, f"board/{name}", View())
    client.drain(0.0)
    seen = []
    for score in range(2, 11):
        for name in names:
            put(catalogue, float(score), name)
        seen.append((client.take_next(0.0) or {})["id"])

    assert seen == seen[:3] * 3
    assert set(seen) == {1, 2, 3}


def test_answers_come_before_tables(catalogue: Catalogue, client: Player) -> None:
    """A busy feed does not keep the answer to a ping waiting."""
    put(catalogue, 2.0)
    client.say(Ping(7))

    assert taken(client) == ["ack", "delta"]


def test_frames_come_at_most_as_often_as_asked_for(catalogue: Catalogue, client: Player) -> None:
    """With 4 Hz there is a frame in a quarter of a second, which is current; the session says when."""
    client.set(1, View(hz=4.0))
    put(catalogue, 2.0)
    assert taken(client, 1000.0) == ["ack", "delta"]

    put(catalogue, 3.0)
    assert taken(client, 1100.0) == []
    assert client.session.wait_ms(1100.0) == 150.0
    put(catalogue, 4.0)
    assert taken(client, 1249.0) == []
    assert taken(client, 1250.0) == ["delta"]
    assert client.rows(1)[0]["score"] == 4
    assert client.session.wait_ms(1250.0) is None


def test_slow_client_is_given_less_and_told_so(catalogue: Catalogue, client: Player) -> None:
    """Frames that wait make the next ones come half as often, down to a limit; a client that keeps up gets them back."""
    now_ms, score = 0.0, 1.0

    def take(waited_ms: float, later_ms: float) -> None:
        nonlocal now_ms, score
        now_ms, score = now_ms + later_ms, score + 1
        put(catalogue, score)
        assert (client.take_next(now_ms) or {})["type"] == "delta"
        client.session.on_sent(waited_ms, now_ms)
        while (client.take_next(now_ms) or {}).get("type") == "lag":
            client.session.on_sent(0.0, now_ms)

    for _ in range(8):
        take(1500.0, 10_000.0)
    assert [lag.hz for lag in client.lags] == [2.0, 1.0, 0.5, 0.25, 0.125]
    assert {(lag.id, lag.waited_ms) for lag in client.lags} == {(1, 1500)}

    put(catalogue, 0.5)
    assert taken(client, now_ms + 7999.0) == []
    client.lags.clear()
    for _ in range(40):
        take(0.0, 8001.0)
    assert [lag.hz for lag in client.lags] == [0.25, 0.5, 1.0, 2.0, None]


def test_middling_client_is_left_as_it_is(catalogue: Catalogue, client: Player) -> None:
    """A wait between quick and slow neither slows a client down nor speeds it up."""
    for now_ms in range(0, 100_000, 5000):
        put(catalogue, now_ms + 2.0)
        client.take_next(float(now_ms))
        client.session.on_sent(500.0, float(now_ms))

    assert taken(client, 1e6) == []
    assert client.lags == []


def test_sequence_that_was_not_taken_in_time_ends_the_connection(
    catalogue: Catalogue, client: Player
) -> None:
    """What must not be left out, and can no longer be given, is never left out silently."""
    client.subscribe(2, "alert/*/*", View())
    client.drain(0.0)
    for value in range(MOST_KEPT):
        catalogue.put_event("alert/high/A", b"%d" % value)
    assert not client.session.reason
    catalogue.put_event("alert/high/A", b"-1")

    assert client.session.next_frame(0.0) is None
    assert "alert" in client.session.reason
    assert client.session.closing == TOO_SLOW


def test_answers_that_are_never_taken_end_the_connection(client: Player) -> None:
    """Who asks without reading the answers costs a bounded amount of memory, however long it goes on."""
    for _ in range(10 * MAX_REPLIES):
        client.say(Ping())

    assert client.session.closing == TOO_SLOW
    assert len(taken(client)) <= MAX_REPLIES


def test_nonsense_ends_the_connection(client: Player) -> None:
    """A client that keeps sending what is no frame is told a few times why, and then closed."""
    for _ in range(1000):
        client.say("nonsense")

    assert client.session.closing == NOT_UNDERSTOOD
    assert set(taken(client)) == {"error"}


def test_too_many_frames_end_the_connection(catalogue: Catalogue) -> None:
    """A client may send so many frames a second, of any kind, by the clock that it is given."""
    client = Player(catalogue, Allowance(frames_per_s=5))
    for second in range(60):
        client.say(Ping(), second * 1000.0)
        taken(client)
    assert not client.session.reason

    for _ in range(100):
        client.say(Ping(), 60_000.0)
    assert client.session.closing == TOO_MANY


def test_subscriptions_are_bounded(catalogue: Catalogue) -> None:
    """One client cannot ask for any number of subscriptions; a number in use may always be begun anew."""
    client = Player(catalogue, Allowance(1e9, subscriptions=4))
    for number in [*range(6), 0]:
        client.say(Subscribe(number, BOARD))
        taken(client)

    assert sorted(client.tables) == [0, 1, 2, 3]
    assert [error["id"] for error in client.errors] == [4, 5]


def test_first_reason_to_close_counts(client: Player) -> None:
    """What is said when a connection is ended is why it was ended first."""
    client.session.close(TOO_MANY)
    client.session.close(TOO_SLOW, "late")

    assert (client.session.closing, client.session.reason) == (TOO_MANY, TOO_MANY.meaning)
