"""The state machine of one client under clients that want too much, or send what is no frame."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.widgets import compat, compat_switch
from services.widgets.compat import MAX_REPLIES
from services.widgets.compat_events import MOST_EVENTS, Events
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


def test_session_subscriptions_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limits a subscription is refused, and those that are there stay."""
    monkeypatch.setattr(compat, "MAX_SUBSCRIPTIONS", 12)
    for number in range(8):
        assert client.subscribe(f"quote:{number}*")[0]["status"] == "subscribed"
    assert client.subscribe("quote:*")[0]["status"] == "too many subscriptions"
    for number in range(4):
        assert client.subscribe(f"quote:{number}")[0]["status"] == "subscribed"

    assert client.subscribe(QUOTE) == [{"status": "too many subscriptions", "feed": QUOTE}]
    assert client.subscribe("quote:0")[0]["status"] == "subscribed"


def test_session_patterns_of_all_clients_are_bounded(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Different patterns cost every value, so there are only so many; the same ones may be had by all."""
    monkeypatch.setattr(compat_switch, "MAX_PATTERNS", 2)
    one, other = Client(board), Client(board)
    one.subscribe("a*")
    one.subscribe("b*")

    assert other.subscribe("c*")[0]["status"] == "too many subscriptions"
    assert other.subscribe("a*")[0]["status"] == "subscribed"
    one.session.leave()
    assert other.subscribe("c*")[0]["status"] == "subscribed"


def test_session_long_name_is_refused(client: Client) -> None:
    """A name that cannot be one is not remembered."""
    assert client.subscribe("quote:" + "A" * 1000) == [{"status": "invalid action"}]


def test_session_says_when_no_more_should_be_read(client: Client) -> None:
    """Answers that are not taken stop the reading, before they pile up."""
    for _ in range(MAX_REPLIES):
        assert not client.session.is_full
        client.say(action="nothing")

    assert client.session.is_full
    assert len(client.take()) == MAX_REPLIES
    assert [client.session.is_full] == [False]


def test_session_frame_that_is_too_big_ends_the_connection(client: Client) -> None:
    """It is not even parsed."""
    client.session.on_text(" " * 64 * 1024 + " ")

    assert client.session.ending == (1009, "too-big")


def test_session_ends_when_its_key_is_no_longer_good(board: Board, client: Client) -> None:
    """A key that was taken back ends the connection, which then hears nothing more."""
    client.subscribe(QUOTE)
    client.session.check_again()
    assert client.code() is None
    client.keys.clear()
    client.session.check_again()
    board.publish(QUOTE, "1")

    assert client.code() == 4419
    assert client.subscribe(QUOTE) == []


def test_session_key_is_never_looked_at_before_it_is_given(board: Board) -> None:
    """A client that has said nothing yet has no key that could expire."""
    client = Client(board, let_in=False)
    client.session.check_again()

    assert client.session.ending is None


def test_session_wakes_whoever_sends(board: Board, client: Client) -> None:
    """Every new frame, and the end, is announced."""
    before = client.wakes
    client.say(action="subscribe", feed=QUOTE)
    board.publish(QUOTE, "1")
    client.session.end(compat.REFUSED)

    assert client.wakes == before + 3


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_WORDS = st.sampled_from(
    ["auth", "subscribe", "unsubscribe", "get", QUOTE, HIGHS, "quote:*", "[", "", "key"]
)
_FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "action": _WORDS | _JSON, "feed": _WORDS | _JSON, "cache": _WORDS | _JSON,
        "limit": _JSON, "api_key": _WORDS | _JSON,
    },
).map(lambda frame: msgspec.json.encode(frame).decode())  # fmt: skip


@given(st.booleans(), st.lists(_FRAMES | st.text() | _JSON.map(repr), max_size=6))
def test_session_takes_any_frame(let_in: bool, texts: list[str]) -> None:
    """Whatever a client sends, every frame is JSON and no exception comes of it."""
    client = Client(Board(), let_in=let_in)
    for text in texts:
        client.session.on_text(text)
        if client.session.wanted is not None:
            client.session.answer("null")
        assert len(client.take()) <= 1


def test_session_lists_are_bounded_and_without_repetitions() -> None:
    """Of a list the newest are kept, newest first; an event that comes again is not a new one."""
    events = Events()
    for number in range(MOST_EVENTS + 5):
        assert events.add(HIGHS, f"id-{number}", str(number))

    assert not events.add(HIGHS, "id-7", "7")
    assert events.newest(HIGHS, 2) == ["1004", "1003"]
    assert len(events.newest(HIGHS, 0)) == len(events.newest(HIGHS, 10**30)) == MOST_EVENTS
    assert events.newest("news:feed:latest", 0) == []
