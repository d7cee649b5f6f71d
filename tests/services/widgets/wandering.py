"""A client that goes from process to process of the service, and takes along what it has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mesh.feed_state import SequenceState, TableState
from mesh.settings import Settings
from schemas.widget import Delta, Event, Snap
from tests.services.widgets.serving import Place, Running, Visitor, on_free_port, running, visiting


class Wanderer:
    """It follows *feeds*, by their numbers."""

    def __init__(self, feeds: dict[int, str]) -> None:
        self.feeds = feeds
        self.tables: dict[int, TableState] = {}
        self.sequences: dict[int, SequenceState] = {
            number: SequenceState(keep=100_000) for number in feeds
        }
        self.recovered: list[bool | None] = []
        """What the first frame of each feed said, each time it was asked for from a position."""

    @asynccontextmanager
    async def at(self, program: Place) -> AsyncIterator[Visitor]:
        """Go to *program*, and on from where this is; all first frames are taken."""
        async with visiting(program) as visitor:
            visitor.tables, visitor.sequences = self.tables, self.sequences
            asked = {number: self._position(number) for number in self.feeds}
            for number, feed in self.feeds.items():
                await visitor.say(action="sub", id=number, feed=feed, **asked[number])
            waiting = set(self.feeds)
            while waiting:
                frame = await visitor.next()
                if isinstance(frame, Snap | Delta | Event) and frame.id in waiting:
                    waiting.discard(frame.id)
                    if asked[frame.id]:
                        self.recovered.append(isinstance(frame, Delta) or frame.recovered)
            yield visitor

    def _position(self, number: int) -> dict[str, Any]:
        state = self.tables.get(number) or self.sequences[number]
        return {"epoch": state.epoch, "seq": state.seq} if state.epoch else {}


@asynccontextmanager
async def two(settings: Settings) -> AsyncIterator[tuple[Running, Running]]:
    """Two processes of the service, on one broker."""
    async with running(on_free_port(settings)) as one, running(on_free_port(settings)) as other:
        yield one, other


async def until(visitor: Visitor, number: int, last: int) -> None:
    """Take frames until the newest value of a sequence is *last*."""
    while not visitor.values(number) or visitor.values(number)[-1]["number"] != last:
        await visitor.next()
