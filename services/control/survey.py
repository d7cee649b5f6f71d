"""Looks at the whole mesh, once for everybody who asks at the same time."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from mesh import clock
from mesh.calendar import calendar_with
from mesh.connection import Connection
from mesh.control import Control
from mesh.errors import BrokerError, FatalError
from mesh.kv import KeyValue
from mesh.settings import Settings
from schemas.naming import Bucket
from schemas.wire import DecodeError, json_decoder
from services.control.health import Market, Survey, Wish, problems
from services.control.journeys import CanaryReport
from services.control.programs import Program, Programs
from services.control.streams import Streams
from services.partitions.report import Report
from services.partitions.survey import survey as survey_partitions


_FRESH_S = 0.9
"""Whoever asks again within it is given the same: a page asks each second."""
_PARTITIONS_S = 4.0
"""They are looked at less often: heads of checkpoints may be large."""
_LATELY_S = 60.0
_BOARD = "volume"
"""Has a row as soon as there is any."""

_decode_market = json_decoder(Market).decode


class Surveyor:
    """Of the mesh of a broker.

    Args:
        settings: of this program.
        connection: to the broker; it may come and go.
        canary: what canaries say now.
    """

    def __init__(
        self, settings: Settings, connection: Connection, canary: Callable[[], CanaryReport]
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._canary = canary
        self._calendar = calendar_with(settings.closures)
        self._programs = Programs(connection)
        self._streams = Streams(connection)
        self._control = Control(connection)
        self._boards = KeyValue(connection, Bucket.BOARDS)
        self._looking = asyncio.Lock()
        self._found_s = float("-inf")
        self._connected_s = clock.monotonic_s()
        self._partitions: tuple[Report | None, str] = (None, "partitions were not looked at yet")
        self._partitions_s = float("-inf")
        self._discarded = deque[tuple[float, int]]()
        """How many there were, and when, within the last minute."""
        self._found = Survey(
            int(clock.now_ms()), 0.0, settings.source, "", 0.0, [], None, "", [], [], None, canary(), None
        )  # fmt: skip

    async def found(self) -> Survey:
        """What is found now; of a broker that is away, what was found last."""
        async with self._looking:
            if clock.monotonic_s() - self._found_s > _FRESH_S:
                self._found = self._judged(await self._look())
                self._found_s = clock.monotonic_s()
            return self._found

    async def _look(self) -> Survey:
        began_s = clock.monotonic_s()
        if self._connection.connected.is_set():
            with suppress(BrokerError):
                found = await self._ask(began_s)
                self._connected_s = clock.monotonic_s()
                return found
        away_s = round(clock.monotonic_s() - self._connected_s, 1)
        return msgspec.structs.replace(
            self._found, broker="", broker_away_s=away_s, canary=self._canary()
        )

    async def _ask(self, began_s: float) -> Survey:
        """Raises BrokerError: it does not answer."""
        programs, (streams, consumers), market, wanted, _ = await asyncio.gather(
            self._programs.ask(),
            self._streams.ask(),
            self._market(),
            self._control.all(),
            self._look_at_partitions(),
        )
        report, problem = self._partitions
        return Survey(
            at_ms=int(clock.now_ms()),
            took_ms=round((clock.monotonic_s() - began_s) * 1000, 1),
            source=self._settings.source,
            broker=_version(self._connection),
            broker_away_s=0.0,
            programs=programs,
            partitions=report,
            partitions_problem=problem,
            streams=streams,
            consumers=consumers,
            market=market,
            wanted={
                each.key: Wish(each.revision, msgspec.to_builtins(each.value)) for each in wanted
            },
            discarded_lately=max(0, self._discarded[-1][1] - self._discarded[0][1])
            if self._discarded
            else 0,
            canary=self._canary(),
            clients=_clients(programs),
        )

    async def _look_at_partitions(self) -> None:
        if clock.monotonic_s() - self._partitions_s < _PARTITIONS_S:
            return
        try:
            report = await survey_partitions(self._connection)
            self._partitions, self._partitions_s = (report, ""), clock.monotonic_s()
            self._discarded.append((self._partitions_s, sum(report.counts.discarded.values())))
            while self._discarded[0][0] < self._partitions_s - _LATELY_S:
                self._discarded.popleft()
        except FatalError as error:
            self._partitions = None, str(error)

    async def _market(self) -> Market | None:
        entry = await self._boards.get(_BOARD)
        with suppress(DecodeError):
            return None if entry is None else _decode_market(entry.value or b"")
        return None

    def _judged(self, found: Survey) -> Survey:
        now_ms = int(clock.now_ms())
        session = self._calendar.day_at(now_ms).session(now_ms)
        return msgspec.structs.replace(found, problems=list(problems(found, session)))


def _version(connection: Connection) -> str:
    told = connection.client.connected_server_version
    return f"{told.major}.{told.minor}.{told.patch}"


def _clients(programs: Sequence[Program]) -> int | None:
    """Clients of all Widget Data Services that say how many they have."""
    said = [
        each.state["clients"]
        for each in programs
        if each.name == "widgets"
        and not each.silent_s
        and isinstance(each.state.get("clients"), int)
    ]
    return sum(said) if said else None
