"""What tests of the client share: a followed table, and what came next."""

from msgspec import Raw

from mesh.feed_state import TableState
from mesh.follower import Events
from mesh.subscription import Subscription
from mesh.widget_client import WidgetClient
from schemas.widget import Event, Subscribe
from tests.mesh.scripted import Peer, Scripted, snap


A, B = ["A", 1.0, 2.0], ["B", 3.0, None]


def never() -> float:
    """A chance that makes every delay as short as can be."""
    return 0.0


async def rows(subscription: Subscription) -> list[list[object]]:
    """The table after the next change."""
    table = await subscription.change()
    assert isinstance(table, TableState)
    return [list(table.rows[symbol]) for symbol in table.symbols]


async def values(subscription: Subscription) -> tuple[list[int], int]:
    """What came next of a sequence of numbers, and how many were missed."""
    events = await subscription.change()
    assert isinstance(events, Events)
    return [int(bytes(value)) for value in events.values], events.missed


def event(after: int, seq: int, *numbers: int, epoch: str = "e") -> Event:
    """The next of a sequence of numbers."""
    return Event(1, "news/*", epoch, after, seq, [Raw(b"%d" % number) for number in numbers])


async def followed(client: WidgetClient, service: Scripted) -> tuple[Subscription, Peer]:
    """A subscription with a table of A and B at 1."""
    subscription = await client.subscribe("board/x")
    peer = await service.peer()
    assert await peer.heard(Subscribe) == Subscribe(1, "board/x")
    await peer.say(snap(1, 1, A, B))
    assert await rows(subscription) == [A, B]
    return subscription, peer
