"""All measuring clients: connected, kept connected, dropped together, and proven by a witness for each view."""

import asyncio
from collections.abc import Callable, Coroutine

from mesh import clock
from mesh.errors import MeshError
from mesh.tasks import ticks
from schemas.widget import CLOSE_CODES, View
from services.load.client import Client, Door
from services.load.tally import Tally
from services.load.witness import Witness


_AT_ONCE = 100
"""Connections that are opened at the same time at the start: a load, not yet a storm."""
_NETWORK = 1
_AGAIN_S = {"now": 1.0, "later": 30.0}
"""The longest random delay before a client comes back, by what the code of the close says."""
_AGAIN = {str(close.code): close.again for close in CLOSE_CODES}
_PROVE_S = 0.05
_QUIET_MS = 20.0
"""When nothing has arrived for so long, all have what there is."""
_MOST_WAITING = 100
"""Frames of one witness; a load without pauses is checked all the same."""


class Fleet:
    """Clients that share *views* evenly; of each view the first is its witness.

    Args:
        at: where the service is.
        views: of the clients; None is one that subscribes to nothing, and has no witness.
        count: number of clients.
        tally: where all is counted.
        tasks: run what connects.
        chance: uniform numbers in [0, 1).
    """

    def __init__(
        self,
        at: Door,
        views: list[View] | None,
        count: int,
        tally: Tally,
        tasks: asyncio.TaskGroup,
        chance: Callable[[], float],
    ) -> None:
        self._door = at
        self._tally = tally
        self._tasks = tasks
        self._chance = chance
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._all_live = asyncio.Event()
        self._none_live = asyncio.Event()
        self._is_ending = False
        self._connecting: set[asyncio.Task[None]] = set()
        self._witnesses: list[tuple[Client, Witness]] = []
        self._clients = [self._client(number, views) for number in range(count)]
        self._missing = count

    @property
    def live(self) -> int:
        """Clients that have what they asked for."""
        return len(self._clients) - self._missing

    def start(self) -> None:
        """Connect all, not quite at once."""
        for client in self._clients:
            self._run(self._connect_in_turn(client))

    async def until_live(self, timeout_s: float) -> None:
        """Wait until every client has its table.

        Raises:
            MeshError: some have none after *timeout_s*; it says what the service told them.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self._missing:
                    self._all_live.clear()
                    await self._all_live.wait()
        except TimeoutError as error:
            told = {**self._tally.closed, **self._tally.errors}
            raise MeshError(
                f"{self._missing} of {len(self._clients)} clients have nothing after {timeout_s:.0f} s; "
                f"the service said {told or 'nothing'}"
            ) from error

    async def storm(self, timeout_s: float) -> float | None:
        """Drop all clients at once, and have them back at once; the seconds until all are live, None if not in time."""
        began_s = clock.monotonic_s()
        self._stop_connecting()
        self._none_live.clear()
        for client in self._clients:
            client.drop()
        if self.live:
            await self._none_live.wait()
        for client in self._clients:
            self._run(self._connect(client))
        try:
            await self.until_live(timeout_s)
        except MeshError:
            return None
        return clock.monotonic_s() - began_s

    async def prove(self) -> None:
        """Have the witnesses check all that they have, one frame in a turn of the loop."""
        for client, witness in self._witnesses:
            while witness.waiting:
                await self._check(client, witness)

    async def keep_proving(self) -> None:
        """Have them check what they have while nothing arrives, for ever.

        A check takes milliseconds: what arrives meanwhile would be found later than it came, and
        clients seem to wait for the service that wait for us.
        """
        async for _ in ticks(_PROVE_S):
            for client, witness in self._witnesses:
                while len(witness.waiting) > _MOST_WAITING or (witness.waiting and self._is_quiet):
                    await self._check(client, witness)

    @property
    def _is_quiet(self) -> bool:
        return clock.now_ms() - self._tally.newest_ms >= _QUIET_MS

    async def _check(self, client: Client, witness: Witness) -> None:
        if witness.check_next():
            client.begin_anew()
        await asyncio.sleep(0)

    def end(self) -> None:
        """End all connections, which do not come back."""
        self._is_ending = True
        self._stop_connecting()
        for client in self._clients:
            client.drop()

    def on_live(self, client: Client) -> None:
        """For a client: it has its table."""
        del client
        self._missing -= 1
        if not self._missing:
            self._all_live.set()

    def on_lost(self, client: Client, code: str | None, *, was_live: bool) -> None:
        """For a client: its connection has ended."""
        self._missing += was_live
        if not self.live:
            self._none_live.set()
        if code is None or self._is_ending:
            return
        self._tally.closed[code] += 1
        most_s = _AGAIN_S.get(_AGAIN.get(code, "now"))
        if most_s is not None:
            self._run(self._come_back(client, most_s))

    def _client(self, number: int, views: list[View] | None) -> Client:
        if views is None:
            return Client(number, self._door, None, self._tally, self)
        view = views[number % len(views)]
        if number >= len(views):
            return Client(number, self._door, view, self._tally, self)
        witness = Witness(self._tally)
        client = Client(number, self._door, view, self._tally, self, witness.waiting.append)
        self._witnesses.append((client, witness))
        return client

    def _stop_connecting(self) -> None:
        for task in self._connecting:
            task.cancel()

    def _run(self, connecting: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(connecting)
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect_in_turn(self, client: Client) -> None:
        async with self._room:
            await self._connect(client)

    async def _come_back(self, client: Client, most_s: float) -> None:
        await asyncio.sleep(self._chance() * most_s)
        await self._connect(client)

    async def _connect(self, client: Client) -> None:
        if self._is_ending:
            return
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: client,
                self._door.host,
                self._door.port,
                local_addr=self._door.source(_NETWORK, client.number),
            )
        except OSError as error:
            self.on_lost(client, error.strerror or "refused", was_live=False)
