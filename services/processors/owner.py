"""The owner of one partition: reads its tape, publishes what changes, and checkpoints.

The checkpoint is written by compare-and-set, so that an owner that was paused and replaced is
refused (`FencedError`) when it wakes up; `services.processors.outlet` says how its outputs are, and
`services.processors.reader` what is folded.
"""

import asyncio
from collections.abc import Mapping

from mesh import clock
from mesh.checkpoint import Held
from mesh.connection import Connection
from mesh.errors import BrokerError
from mesh.logs import Log
from mesh.publisher import Publisher
from mesh.spans import TAPE_TEMPLATE, Spans
from schemas.columns import Columns
from schemas.market import OwnerPositions, Position
from schemas.naming import positions_subject
from schemas.wire import DecodeError, encode_msgpack
from services.processors.known import Headline
from services.processors.ledger import Ledger
from services.processors.outlet import Outlet
from services.processors.reader import Reader
from services.processors.state import Build, PartitionState
from services.processors.tally import Tally


_OVERLAP_MS = 2_000.0
"""A checkpoint is dated by another clock than the stream: read from this long before it."""


class Owner:
    """One partition in the hands of this process. `open` takes it over; `close` lets it go.

    Args:
        build: makes the fold of a partition.
        news: the newest article of each symbol, of all that there is news about.
        tally: of the process.
        intake_bytes: how much may wait to be folded; None for a lossless feed.
        arrived: set whenever there is something to fold.
    """

    def __init__(
        self,
        connection: Connection,
        publisher: Publisher,
        partition: int,
        build: Build,
        log: Log,
        news: Mapping[str, Headline],
        *,
        tally: Tally,
        spans: Spans | None = None,
        intake_bytes: int | None,
        arrived: asyncio.Event,
    ) -> None:
        self.partition = partition
        self.tally = tally
        self._spans = spans
        self._connection = connection
        self._build = build
        self._log = log.bind(partition=partition)
        self.reader = Reader(
            connection,
            partition,
            PartitionState(build, tally=tally),
            self._log,
            intake_bytes=intake_bytes,
            arrived=arrived,
        )
        self._outlet = Outlet(connection, publisher, partition, news)
        self._name = connection.inbox()
        self.ledger = Ledger(connection, partition, self._name)
        self._covered: dict[str, Position] = {}
        self._is_open = self._is_closed = False
        self._sending = asyncio.Lock()

    @property
    def state(self) -> PartitionState:
        """What its checkpoint holds."""
        return self.reader.state

    async def open(self) -> None:
        """Take the partition over: listen, load its checkpoint, fence the former owner, catch up.

        Raises:
            FencedError: another process took it over at the same moment.
            BrokerError: the broker does not answer; `close` it, nothing was published.
        """
        await self.reader.listen()
        held = await self.ledger.load()
        self._restore(held)
        await self.checkpoint(confirm=True)
        covered_ms = 0.0
        if held.checkpoint is not None:
            covered_ms = held.checkpoint.written_ms - _OVERLAP_MS
        await self.reader.catch_up(covered_ms)
        self._is_open = True

    def _restore(self, held: Held) -> None:
        # Every owner writes its checkpoint before it publishes, so the epoch of the next is greater.
        self._outlet.epoch = held.revision + 1
        refused = held.refused
        try:
            state = PartitionState(self._build, held.checkpoint, self.tally)
            self.state.fold.release()
            self.reader.state = state
        except (ValueError, DecodeError) as error:
            refused = str(error)
        if refused:
            self._log.warning(
                "checkpoint.refused", reason=refused, then="rebuilt from what the tape still holds"
            )

    async def close(self) -> None:
        """Listen no more, and let go of the state."""
        await self.reader.leave()
        if not self._is_closed:
            self._is_closed = True
            self.state.fold.release()

    def begin_anew(self) -> None:
        """The connection came back: what was put before may be lost, so all of it is put again."""
        self.state.unsaved = True
        self._outlet.repeat()

    async def hand_over(self) -> None:
        """Listen no more, fold and store what is here: the next owner goes on from there without loss.

        Raises:
            FencedError: there is another owner already.
            BrokerError: the last checkpoint is an older one; what followed, the tape still has.
        """
        await self.reader.leave()
        try:
            await self._finish()
        finally:
            await self.close()

    async def _finish(self) -> None:
        while self.reader.work():
            pass
        await self.flush()
        await self.checkpoint()
        await self.put_rows()
        await self.picture()
        await self.show_halts()
        await self._send_alerts()  # if not now, the next owner does it: they are in the checkpoint
        # Else an owner of tomorrow sends them again, when the stream knows them no more.
        await self.checkpoint()

    async def flush(self) -> float:
        """Publish the rows that changed since the last flush, if any; the seconds that making them took."""
        if not self._is_open:
            return 0.0
        self.state.fold.settle()
        began_s = clock.monotonic_s()
        rows = self.state.fold.on_flush()
        took_s = clock.monotonic_s() - began_s
        if rows:
            await self._publish(rows, took_s)
        return took_s

    async def _publish(self, rows: Columns, took_s: float) -> None:
        oldest_ms, links = self.state.take_oldest_ms(), self.state.take_links()
        if links and self._spans is not None:
            with self._spans.span(
                "process",
                TAPE_TEMPLATE,
                links,
                clock.now_ms() - took_s * 1000,
                destination__partition__id=str(self.partition),
                batch__message_count=len(rows),
            ) as headers:
                await self._outlet.publish(rows, oldest_ms, headers)
        else:
            await self._outlet.publish(rows, oldest_ms)
        self.tally.flushes += 1
        if oldest_ms:
            self.tally.processed.record((clock.now_ms() - oldest_ms) / 1000)

    async def send_alerts(self) -> None:
        """Store the alerts of the rows that were made and are not known to be stored, unless that goes on already.

        Raises:
            BrokerError: some are still not.
        """
        if self._is_open and not self._sending.locked():
            await self._send_alerts()

    async def _send_alerts(self) -> None:
        unsent = self.state.fold.unsent
        async with self._sending:
            for alert in list(unsent.values()):
                await self._outlet.alert(alert)
                unsent.pop(alert.id, None)
                self.state.unsaved = True

    async def show_halts(self) -> None:
        """Put what changed about halts into KV `halts`.

        Raises:
            FencedError: this process is no longer the owner.
            BrokerError: some are not known to be put; they are the next time.
        """
        halted = self.state.fold.halted
        if halted and self._is_open:
            await self._confirm()
            for symbol, shown in list(halted.items()):
                await self._outlet.show_halt(shown)
                if halted.get(symbol) is shown:
                    del halted[symbol]

    async def put_rows(self) -> float:
        """Put each row that changed since the last call into KV `rows`; the seconds that it took.

        Raises:
            FencedError: this process is no longer the owner.
        """
        return await self._outlet.put_rows(self._confirm)

    async def picture(self) -> None:
        """Write the image of all rows, if any changed since the last one.

        Raises:
            FencedError: this process is no longer the owner.
        """
        await self._outlet.picture(self._confirm)

    async def _confirm(self) -> None:
        if not self.ledger.is_fresh:
            await self.checkpoint(confirm=True)

    async def checkpoint(self, *, confirm: bool = False) -> float:
        """Write the checkpoint if anything was folded since the last one, and report what it covers.

        Returns the seconds that making it took.

        Args:
            confirm: write it in any case, to know that this process still is the owner.

        Raises:
            FencedError: this process is no longer the owner.
            BrokerError: not known to be written.
        """
        took_s = 0.0
        if self.state.unsaved or confirm:
            self.state.unsaved = False
            try:
                self._covered, took_s = await self.ledger.save(self.state)
            except BrokerError:
                self.state.unsaved = True
                raise
        report = OwnerPositions(self.partition, self._name, self._covered)
        await self._connection.publish(positions_subject(self.partition), encode_msgpack(report))
        return took_s
