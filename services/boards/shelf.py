"""The boards in KV as one process puts them: each on top of its own last one, never of anybody else's."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from mesh import clock
from mesh.connection import Connection
from mesh.errors import BrokerError, FencedError
from mesh.kv import RECEIVED_MS, Entry, KeyValue
from mesh.spans import Headers
from schemas.leaderboard import Board
from schemas.naming import Bucket
from schemas.wire import DecodeError, encode_json, json_decoder


_MOST_UNSURE = 16
_PUT_S = 1.0
"""A stream without a leader swallows a put: the next one, with newer rows, must not wait for it."""

_decode_board = json_decoder(Board).decode


class _Place:
    """What is known of one board in KV."""

    def __init__(self) -> None:
        self.seq = 0
        self.revision = 0
        self.paused = False
        """Whether the value says so."""
        self.unsure: deque[bytes] = deque(maxlen=_MOST_UNSURE)
        """What was put since `revision` without an answer: any of it may be stored, or be so later."""


class Shelf:
    """The places of the boards *names*. Calls never overlap."""

    def __init__(self, connection: Connection, names: Iterable[str]) -> None:
        self.puts = 0
        self.put_ms: dict[str, float] = {}
        """When each board was put last, of those that were."""
        self._bucket = KeyValue(connection, Bucket.BOARDS)
        self._names = list(names)
        self._places = {name: _Place() for name in self._names}

    async def begin(self) -> None:
        """Go on from what is there now, whoever put it."""
        places = {name: _Place() for name in self._names}
        for entry in filter(None, await asyncio.gather(*map(self._bucket.get, self._names))):
            place = places[entry.key]
            place.revision = entry.revision
            place.seq = self._places[entry.key].seq
            with suppress(DecodeError):
                board = _decode_board(entry.value or b"")
                place.seq, place.paused = max(place.seq, board.seq), board.paused
        self._places = places

    def is_paused(self, name: str) -> bool:
        """Whether the board *name* says that it is paused."""
        return self._places[name].paused

    def next_seq(self, name: str) -> int:
        """The number of the board *name* that is put next."""
        self._places[name].seq += 1
        return self._places[name].seq

    async def put(
        self, boards: Iterable[Board], received_ms: float, traced: Headers | None = None
    ) -> None:
        """Put *boards*, all at once, with the headers of the span that they are put in, if there is one.

        Raises:
            FencedError: another process has put one of them since `begin`.
            BrokerError: at least one is not known to be stored.
        """
        headers = {RECEIVED_MS: f"{received_ms:.3f}", **(traced or {})}
        results = await asyncio.gather(
            *(self._put(board, encode_json(board), headers) for board in boards),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        errors.sort(key=_gravity)
        if errors:
            raise errors[0]

    async def _put(self, board: Board, value: bytes, headers: dict[str, str]) -> None:
        name = board.board
        place = self._places[name]
        if place.unsure:
            self._resolve(place, await self._bucket.get(name))
        place.unsure.append(value)
        try:
            place.revision = await self._bucket.put_if(
                name, value, place.revision, headers, timeout_s=_PUT_S
            )
        except FencedError as error:
            if len(place.unsure) > 1:  # it may be an own put that came late: the next one looks
                raise BrokerError(str(error)) from error
            place.unsure.clear()
            raise
        place.unsure.clear()
        place.paused = board.paused
        self.puts += 1
        self.put_ms[name] = clock.now_ms()

    def _resolve(self, place: _Place, stored: Entry | None) -> None:
        """Learn what became of puts without an answer: one of them is stored, or none. Anything else is another's."""
        revision = 0 if stored is None else stored.revision
        if revision != place.revision and (stored is None or stored.value not in place.unsure):
            raise FencedError(f"{self._bucket.bucket} was written by another process")
        place.revision = revision


def _gravity(error: BaseException) -> int:
    """Bugs first, then what ends being active."""
    return 0 if not isinstance(error, BrokerError) else 1 if isinstance(error, FencedError) else 2
