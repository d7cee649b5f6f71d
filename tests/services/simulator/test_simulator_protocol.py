"""The conversation, without a socket."""

import msgspec
import pytest

from services.simulator.protocol import Conversation, Subscriptions
from tests.services.simulator.listening import KEY, trade


def _authenticated() -> Conversation:
    conversation = Conversation(KEY)
    conversation.on_message('{"action":"auth","params":"simulator"}')
    return conversation


def _statuses(frame: bytes | None) -> list[tuple[str, str]]:
    answered = msgspec.json.decode(frame) if frame else []
    assert all(item["ev"] == "status" for item in answered)
    return [(item["status"], item["message"]) for item in answered]


@pytest.mark.parametrize(
    ("params", "answer"),
    [
        ("A.*", [("success", "subscribed to: A.*")]),
        (
            "A.*, T.BRK.B",
            [("success", "subscribed to: A.*"), ("success", "subscribed to: T.BRK.B")],
        ),
        ("T.NOSUCHTICKER", [("success", "subscribed to: T.NOSUCHTICKER")]),
        ("ZZ.AAPL", []),
        ("T", []),
        ("T.", []),
        ("NOI.*,AM.*", [("error", "not authorized"), ("success", "subscribed to: AM.*")]),
    ],
)
def test_subscribe_is_answered_as_on_the_live_wire(
    params: str, answer: list[tuple[str, str]]
) -> None:
    """Each known channel is confirmed, an unknown one met with silence, one outside the plan refused."""
    frame = _authenticated().on_message(f'{{"action":"subscribe","params":"{params}"}}')

    assert _statuses(frame) == answer


def test_repeated_requests_are_not_answered() -> None:
    """A subscription that is held already, and one that is not held any more, give no answer."""
    conversation = _authenticated()
    first = conversation.on_message('{"action":"subscribe","params":"A.*"}')
    again = conversation.on_message('{"action":"subscribe","params":"A.*"}')
    left = conversation.on_message('{"action":"unsubscribe","params":"A.*"}')
    left_again = conversation.on_message('{"action":"unsubscribe","params":"A.*"}')

    assert _statuses(first) == [("success", "subscribed to: A.*")]
    assert again is None
    assert _statuses(left) == [("success", "unsubscribed to: A.*")]
    assert left_again is None
    assert not conversation.subscriptions


@pytest.mark.parametrize(
    "message",
    ["", "{", "[]", '{"action":1,"params":"A.*"}', b"\xff\xfe", '{"action":"dance","params":""}'],
)
def test_malformed_message_gives_an_error(message: str | bytes) -> None:
    """Whatever a client sends, it is told that it was wrong, and the conversation goes on."""
    conversation = _authenticated()
    [(status, _text)] = _statuses(conversation.on_message(message))

    assert status == "error"
    assert conversation.on_message('{"action":"subscribe","params":"A.*"}') is not None


def test_nothing_is_given_before_authentication() -> None:
    """Subscribing before the key was accepted is refused and not remembered."""
    conversation = Conversation(KEY)
    [(status, _text)] = _statuses(conversation.on_message('{"action":"subscribe","params":"A.*"}'))

    assert status == "error"
    assert not conversation.subscriptions


def test_select_gives_each_event_once() -> None:
    """An event that two subscriptions cover comes once; one that none covers does not come."""
    subscriptions = Subscriptions()
    subscriptions.add("T.*")
    subscriptions.add("T.AAPL")
    events = [trade(1, "AAPL"), trade(2, "BRK.B")]

    assert subscriptions.select(events) == events
    subscriptions.remove("T.*")
    assert subscriptions.select(events) == events[:1]
    subscriptions.remove("T.AAPL")
    assert subscriptions.select(events) == []
