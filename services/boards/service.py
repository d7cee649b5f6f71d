"""The program `boards`: keeps the market table and puts the ranked boards into KV."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress

from mesh import clock, direct, topology
from mesh.checkpoint import Checkpoints
from mesh.config import Settings
from mesh.connection import Connection, Message, open_connection
from mesh.errors import BrokerError
from mesh.kv import RECEIVED_MS, KeyValue
from mesh.leaderboard import Contenders, Leaderboard, board_at
from mesh.lifecycle import Counters, Lifecycle
from schemas.leaderboard import Board, Image, RowsBatch
from schemas.naming import ROWS_STREAM, Bucket, parse_rows_subject, partition_token, rows_subject
from schemas.wire import DecodeError, encode_json, json_decoder, msgpack_decoder
from services import scanners
from services.boards.market import MarketTable


_OVERLAP_MS = 5_000.0
"""An image says when it was written by another clock: read the rows from this long before it."""
_RESYNC_S = 0.5

_decode_batch = msgpack_decoder(RowsBatch).decode
_decode_image = msgpack_decoder(Image).decode
_decode_board = json_decoder(Board).decode


class Boards:
    """Every leaderboard of the package `services.scanners`, ranked over all rows."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.table = MarketTable(settings.partitions)
        self.puts = 0
        self._boards = scanners.discover()
        self.names = [board.name for board in self._boards]
        self._sequences = dict.fromkeys(self.names, 0)
        self._top = settings.board_top
        self._contenders = {
            board.name: Contenders(board.score, self._top) for board in self._boards
        }
        self._connection = connection
        self._boards_kv = KeyValue(connection, Bucket.BOARDS)
        self._images = KeyValue(connection, Bucket.IMAGES)
        self._partitions = settings.partitions
        self._incomplete = set(range(settings.partitions))
        self._incarnation = connection.incarnation
        self._changed = False
        self._received_ms = 0.0

    async def open(self) -> None:
        """Go on with the numbering of the boards that are there, listen, and load all rows."""
        for entry in await self._boards_kv.all():
            with suppress(DecodeError):
                self._sequences[entry.key] = _decode_board(entry.value or b"").seq
        await self._connection.subscribe("rows.*", self._on_rows)
        await self.complete()

    async def _on_rows(self, message: Message) -> None:
        if not self.table.apply(_decode_batch(message.data)):
            self._incomplete.add(parse_rows_subject(message.subject))
        self._changed = True

    async def complete(self) -> None:
        """Load what is missing of partitions that are not complete: after a start, a reconnect, a lost message."""
        if self._incarnation != self._connection.incarnation:
            self._incarnation = self._connection.incarnation
            self._incomplete.update(range(self._partitions))
        for partition in sorted(self._incomplete):
            if await self._load(partition):
                self._incomplete.discard(partition)

    async def _load(self, partition: int) -> bool:
        entry = await self._images.get(partition_token(partition))
        since_ms = clock.now_ms() - _OVERLAP_MS
        if entry is not None and entry.value is not None:
            with suppress(DecodeError):  # the next one replaces it
                image = _decode_image(entry.value)
                self.table.apply_image(image)
                since_ms = min(since_ms, image.written_ms - _OVERLAP_MS)
        stored = await direct.since(
            self._connection, ROWS_STREAM, rows_subject(partition), since_ms
        )
        self._changed = True
        return self.table.catch_up(partition, _readable(stored))

    async def flush(self) -> None:
        """Put every board, if any row changed since the last flush."""
        instant = self.table.instant()
        if not self._changed or instant is None:
            return
        self._changed = False
        self._received_ms = _older(self._received_ms, self.table.take_received_ms())
        rows = [row for row in self.table.rows() if row.trading_day == instant.trading_day]
        for leaderboard in self._boards:
            seq = self._sequences[leaderboard.name] + 1
            contenders = self._contenders[leaderboard.name].among(rows)
            board = board_at(instant, leaderboard, contenders, seq=seq, top=self._top)
            self._sequences[leaderboard.name] = seq
            await self._put(leaderboard, board)
        self._received_ms = 0.0

    async def _put(self, leaderboard: Leaderboard, board: Board) -> None:
        try:
            await self._boards_kv.put(
                leaderboard.name, encode_json(board), {RECEIVED_MS: f"{self._received_ms:.3f}"}
            )
        except BrokerError:
            self._changed = True
            raise
        self.puts += 1


def _readable(stored: Iterable[direct.Stored]) -> Iterator[RowsBatch]:
    for message in stored:
        with suppress(DecodeError):  # a gap, if it is ours; the next image closes it
            yield _decode_batch(message.payload)


def _older(one_ms: float, other_ms: float) -> float:
    """The earlier of two instants; 0 is none."""
    return min(one_ms, other_ms) if one_ms and other_ms else one_ms or other_ms


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Rank the market until told to stop; then once more, from everything that was published."""
    async with open_connection(settings, "boards", lifecycle.log) as connection:
        await topology.keep(connection, settings.replicas)
        await Checkpoints(connection).require_partitions(settings.partitions)
        boards = Boards(settings, connection)
        await boards.open()
        lifecycle.ready(boards=boards.names)
        async with asyncio.TaskGroup() as tasks:
            completing = tasks.create_task(_complete(boards, lifecycle))
            while await lifecycle.pause(settings.board_flush_ms / 1000):
                await _survive(boards.flush, lifecycle)
            completing.cancel()
        await boards.complete()
        await boards.flush()
        return {"puts": boards.puts, "symbols": len(boards.table.rows())}


async def _complete(boards: Boards, lifecycle: Lifecycle) -> None:
    while await lifecycle.pause(_RESYNC_S):
        await _survive(boards.complete, lifecycle)


async def _survive(act: Callable[[], Awaitable[None]], lifecycle: Lifecycle) -> None:
    """Do something that fails while the broker is away, and goes on afterwards."""
    try:
        await act()
    except BrokerError as error:
        lifecycle.log.warning("boards.delayed", reason=str(error))
