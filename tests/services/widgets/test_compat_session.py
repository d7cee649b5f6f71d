"""The state machine of one client: what it is owed, and in which order."""

import pytest

from services.widgets.compat import MAX_EVENTS, Wanted
from tests.services.widgets.compat_model import Board, Client


QUOTE = "quote:A"
HIGHS = "daily_range_hod_alert"


@pytest.fixture
def board() -> Board:
    """Nothing published yet."""
    return Board()


@pytest.fixture
def client(board: Board) -> Client:
    """A client that was let in."""
    return Client(board)


def test_session_newest_value_waits(board: Board, client: Client) -> None:
    """Of a quote only the newest waits for a slow client; every name keeps its turn."""
    client.subscribe("quote:*")
    for value in ("1", "2", "3"):
        board.publish(QUOTE, value)
        board.publish("quote:B", value + "0")

    assert client.take() == [3, 30]
    assert client.take() == []


def test_session_events_are_never_left_out(board: Board, client: Client) -> None:
    """Every alert comes, in order, before values that wait."""
    client.subscribe("*")
    board.publish(QUOTE, "0")
    for value in range(1, MAX_EVENTS + 1):
        board.publish(HIGHS, str(value))

    assert client.take() == [*range(1, MAX_EVENTS + 1), 0]
    assert client.session.ending is None


def test_session_too_many_events_end_the_connection(board: Board, client: Client) -> None:
    """A client that does not take its alerts is closed as too slow, and owes the process no memory then."""
    client.subscribe(HIGHS)
    for value in range(MAX_EVENTS + 1):
        board.publish(HIGHS, str(value))

    assert client.session.ending == (4408, "too-slow")
    assert client.take() == []
    assert board.switch.takers(HIGHS) == ()


def test_session_answer_comes_before_what_was_published(board: Board, client: Client) -> None:
    """The acknowledgement of a subscription is the first frame of it, whenever its values come."""
    client.say(action="subscribe", feed=QUOTE)
    board.publish(QUOTE, "1")

    assert client.take() == [{"status": "subscribed", "feed": QUOTE}, 1]


def test_session_nothing_comes_after_unsubscribed(board: Board, client: Client) -> None:
    """What waits of a feed is forgotten with it; what another feed means as well stays."""
    client.subscribe(QUOTE)
    client.subscribe(HIGHS)
    client.subscribe("*B")
    for name in (QUOTE, HIGHS, "quote:B"):
        board.publish(name, "1")
    client.say(action="unsubscribe", feed=HIGHS)
    frames = client.ask(action="unsubscribe", feed=QUOTE)

    assert frames == [
        {"status": "unsubscribed", "feed": HIGHS},
        {"status": "unsubscribed", "feed": QUOTE},
        1,
    ]


def test_session_subscribing_twice_is_subscribing_once(board: Board, client: Client) -> None:
    """A second subscription is acknowledged again and changes nothing; one unsubscribe ends both."""
    client.subscribe(QUOTE)
    assert client.subscribe(QUOTE) == [{"status": "subscribed", "feed": QUOTE}]
    board.publish(QUOTE, "1")
    assert client.take() == [1]
    client.ask(action="unsubscribe", feed=QUOTE)
    board.publish(QUOTE, "2")

    assert client.take() == []
    assert client.ask(action="unsubscribe", feed=QUOTE) == []


def test_session_get_is_handed_out_and_answered(client: Client) -> None:
    """The data of a `get` is put into the answer as it is."""
    client.say(action="get", cache='a "name"', limit="7")
    assert client.session.wanted == Wanted('a "name"', 7)
    client.session.answer("[1,null]")

    assert client.take() == [{"cache": 'a "name"', "data": [1, None]}]
    with pytest.raises(ValueError, match="an answer must be to a get"):
        client.session.answer("1")


@pytest.mark.parametrize("name", [QUOTE, HIGHS])
def test_session_value_between_get_and_subscribe_is_not_missed(
    name: str, board: Board, client: Client
) -> None:
    """What is published after the answer to a `get` and before the subscription comes right after it is acknowledged."""
    board.publish(name, "1")
    client.say(action="get", cache=name)
    client.session.answer("1")
    board.publish(name, "2")
    client.take()

    assert client.subscribe(name) == [{"status": "subscribed", "feed": name}, 2]


@pytest.mark.parametrize("name", [QUOTE, HIGHS])
def test_session_subscription_begins_with_what_is_new(
    name: str, board: Board, client: Client
) -> None:
    """Without a `get`, or if nothing has changed since, a subscription brings nothing of before."""
    board.publish(name, "1")
    assert client.subscribe(name) == [{"status": "subscribed", "feed": name}]
    client.ask(action="unsubscribe", feed=name)
    client.say(action="get", cache=name)
    client.session.answer("1")
    client.take()

    assert client.subscribe(name) == [{"status": "subscribed", "feed": name}]
