"""The task that serves all clients, without any network."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mesh.logs import set_up
from mesh.tasks import end
from mesh.testing import eventually
from schemas.widget import View
from services.widgets.catalogue import Catalogue
from services.widgets.pump import Pump
from tests.services.widgets.players import BOARD, Player, put


class Broken(Player):
    """A client of whom the service makes a mistake."""

    was_aborted = False

    def brought(self, framed: bytes) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Fail."""
        raise ZeroDivisionError

    def abort(self) -> None:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """Remember it."""
        self.was_aborted = True


@asynccontextmanager
async def pumping() -> AsyncIterator[tuple[Pump, Catalogue]]:
    """A pump that runs, and a catalogue that tells it what has changed."""
    pump = Pump(set_up("test", "error"))
    catalogue = Catalogue("e", tell=pump.tell)
    put(catalogue, 1.0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pump.run())
        yield pump, catalogue
        await end([running])


def following(player: Player) -> Player:
    """*player*, which follows a board and has taken all that there is."""
    player.subscribe(1, BOARD, View())
    player.drain(0.0)
    return player


async def test_change_reaches_everybody_who_follows() -> None:
    """Those who wait for nothing else are brought it; those who have no room, or another frame to take, are woken."""
    async with pumping() as (pump, catalogue):
        prompt = [following(Player(catalogue, is_prompt=True)) for _ in range(100)]
        asking = following(Player(catalogue))
        busy = following(Player(catalogue, is_prompt=True))
        busy.set(1, View(top=5))
        put(catalogue, 2.0)
        await eventually(lambda: all(each.tables[1].seq == 2 for each in prompt))

        assert pump.frames_sent == len(prompt)
        for player in (asking, busy):
            assert player.tables[1].seq == 1
            player.drain(0.0)
            assert player.rows(1)[0]["score"] == 2.0


async def test_mistake_with_one_client_ends_no_other() -> None:
    """The one connection is ended and counted; who comes after it in the same round has its frame."""
    async with pumping() as (pump, catalogue):
        before = following(Player(catalogue, is_prompt=True))
        broken = Broken(catalogue, is_prompt=True)
        following(broken)
        after = following(Player(catalogue, is_prompt=True))
        put(catalogue, 2.0)
        await eventually(lambda: before.tables[1].seq == after.tables[1].seq == 2)

        assert (pump.failures, broken.was_aborted) == (1, True)
