"""The state machine of one client: what it is told, and that nothing piles up."""

import pytest

from schemas.widget import Hello
from services.widgets.feeds import Catalogue
from services.widgets.session import MAX_REPLIES, MAX_SUBSCRIPTIONS, Session
from tests.services.widgets.boards import ModelClient, board, encoded, rows_of


class Client(ModelClient):
    """A model client that is coupled to a session without any network."""

    def __init__(self, catalogue: Catalogue) -> None:
        super().__init__()
        self.session = Session(catalogue, Hello(1, "1.0", "simulated", 5, catalogue.names))

    def say(self, text: str) -> None:
        """Send a frame and take all that is owed."""
        self.session.on_text(text)
        self.drain()

    def drain(self) -> list[str]:
        """Take all that is owed; the kinds of frames."""
        self.kinds.clear()
        while (frame := self.session.next_frame()) is not None:
            self.take(frame)
        return list(self.kinds)


@pytest.fixture
def catalogue() -> Catalogue:
    """One board of one row."""
    made = Catalogue("e")
    made.put("gainers", encoded(("A", 1.0, 2.0)), 5.0)
    return made


@pytest.fixture
def client(catalogue: Catalogue) -> Client:
    """A client that has subscribed to it as 1."""
    made = Client(catalogue)
    made.say('{"action":"sub","id":1,"feed":"board/gainers"}')
    return made


def test_session_begins_with_hello(catalogue: Catalogue) -> None:
    """The first frame names the protocol, the source and the feeds."""
    client = Client(catalogue)

    assert client.drain() == ["hello"]
    assert client.hello["protocol"] == 1
    assert client.hello["source"] == "simulated"
    assert client.feeds == ["board/gainers"]


def test_session_subscription_is_answered_by_a_snap_then_deltas(
    catalogue: Catalogue, client: Client
) -> None:
    """First the whole board, then what changes, each under the client's own number."""
    catalogue.put("gainers", encoded(("B", 3.0, 1.0), ("A", 1.0, 2.0), seq=2), 6.0)

    assert client.drain() == ["delta"]
    assert client.rows(1) == rows_of(board(("B", 3.0, 1.0), ("A", 1.0, 2.0)))


def test_session_slow_client_gets_one_snap_for_all_it_missed(
    catalogue: Catalogue, client: Client
) -> None:
    """A client that was not ready for many updates is sent one frame, which is current."""
    for seq in range(2, 50):
        catalogue.put("gainers", encoded(("A", float(seq), 2.0), seq=seq), 6.0)

    assert client.drain() == ["snap"]
    assert client.rows(1)[0]["score"] == 49.0


def test_session_two_subscriptions_take_turns(catalogue: Catalogue, client: Client) -> None:
    """A feed that changes between any two frames does not keep another feed waiting."""
    catalogue.put("volume", encoded(("A", 1.0, 2.0), name="volume"), 5.0)
    client.say('{"action":"sub","id":2,"feed":"board/volume"}')
    seen = []
    for seq in range(2, 6):
        for name in ("gainers", "volume"):
            catalogue.put(name, encoded(("A", float(seq), 2.0), name=name, seq=seq), 6.0)
        frame = client.session.next_frame()
        seen.append(client.take(frame or "")["id"])

    assert seen == [1, 2, 1, 2]


def test_session_new_feed_is_announced(catalogue: Catalogue, client: Client) -> None:
    """A connected client hears of a board that nobody had heard of before, without being asked to know its name."""
    catalogue.put("low-float", encoded(("A", 1.0, 2.0), name="low-float"), 5.0)

    assert client.drain() == ["feeds"]
    assert client.feeds == ["board/gainers", "board/low-float"]


def test_session_deleted_feed_ends_its_subscription(catalogue: Catalogue, client: Client) -> None:
    """The client is told that its subscription is over; when the board comes back it may ask again."""
    catalogue.delete("gainers")

    assert client.drain() == ["feeds", "error"]
    assert client.errors[-1]["id"] == 1
    assert client.feeds == []


def test_session_recreated_feed_has_a_new_epoch(catalogue: Catalogue, client: Client) -> None:
    """A feed that went and came between two looks of a client is not mistaken for its continuation."""
    first = client.boards[1]["epoch"]
    catalogue.delete("gainers")
    for seq in (1, 2):
        catalogue.put("gainers", encoded(("Z", 9.0, float(seq)), seq=seq), 6.0)

    assert client.drain() == ["feeds", "snap"]
    assert client.boards[1]["epoch"] != first


def test_session_same_number_begins_anew(client: Client) -> None:
    """Asking again under a number in use gives a new snap: that is how a client repairs a gap."""
    client.say('{"action":"sub","id":1,"feed":"board/gainers"}')

    assert client.kinds == ["snap"]


def test_session_unsubscribed_feed_is_silent(catalogue: Catalogue, client: Client) -> None:
    """After unsub nothing more is sent."""
    client.say('{"action":"unsub","id":1}')
    catalogue.put("gainers", encoded(("B", 3.0, 1.0), seq=2), 6.0)

    assert client.drain() == []


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
        '{"action":"sub","id":3,"feed":"board/gainers","more":1}',
        '{"action":"sub","id":3,"feed":"checkpoints/07"}',
        '{"action":"unsub","id":9}',
    ],
)
def test_session_bad_frame_is_refused_and_nothing_else_happens(
    catalogue: Catalogue, client: Client, text: str
) -> None:
    """A frame that makes no sense is answered by an error; the subscriptions go on."""
    client.say(text)

    assert client.kinds == ["error"]
    catalogue.put("gainers", encoded(("B", 3.0, 1.0), seq=2), 6.0)
    assert client.drain() == ["delta"]


def test_session_refusals_of_a_client_that_does_not_read_are_bounded(client: Client) -> None:
    """Who sends nonsense without reading the answers costs a bounded amount of memory."""
    for _ in range(10 * MAX_REPLIES):
        client.session.on_text("nonsense")

    assert client.drain() == ["error"] * MAX_REPLIES


def test_session_subscriptions_are_bounded(client: Client) -> None:
    """One client cannot ask for any number of subscriptions."""
    for number in range(MAX_SUBSCRIPTIONS + 5):
        client.say(f'{{"action":"sub","id":{number},"feed":"board/gainers"}}')

    assert len(client.boards) == MAX_SUBSCRIPTIONS
    assert len(client.errors) == 5
