"""The state of one feed as its clients see it: numbered, and encoded once for all of them."""

from typing import Any, NamedTuple

import msgspec

from schemas.leaderboard import Board, RankedRow
from schemas.widget import Delta, Head, Snap
from schemas.wire import encode_json


COLUMNS = RankedRow.__struct_fields__[1:]
"""Cells of a row: all but its rank, which its place says."""

_ID = '"id":0'

Cells = tuple[Any, ...]


class Position(NamedTuple):
    """How far a client has followed a feed."""

    epoch: str
    seq: int


class Frame(NamedTuple):
    """An encoded frame that lacks the subscription's number and takes its client to *position*."""

    before: str
    after: str
    position: Position

    def numbered(self, subscription: int) -> str:
        """The frame for one client: two short copies, whatever the encoding cost."""
        return f'{self.before}"id":{subscription}{self.after}'


class BoardView:
    """One board, from its first value on. The last delta is kept and the last snap made on demand.

    Nothing is queued: who is one step behind gets the delta, who is further behind the snap. What
    a slow client costs is therefore independent of how slow it is.
    """

    def __init__(self, feed: str, epoch: str, board: Board, received_ms: float) -> None:
        self.feed = feed
        self.position = Position(epoch, 1)
        self._board = board
        self._received_ms = received_ms
        self._rows = _rows(board)
        self._delta: Frame | None = None
        self._snap: Frame | None = None

    def update(self, board: Board, received_ms: float) -> bool:
        """Take the next value; whether it differs from the last one. Symbols must be unique."""
        if board == self._board:
            return False
        rows, before = _rows(board), self._rows
        order = None if list(rows) == list(before) else list(rows)
        self.position = self.position._replace(seq=self.position.seq + 1)
        self._board, self._received_ms, self._rows = board, received_ms, rows
        cells = {
            symbol: changes
            for symbol, row in rows.items()
            if (changes := _changes(before.get(symbol), row))
        }
        self._delta = _frame(
            Delta(0, self.position.seq, received_ms, _head(board), cells, order), self.position
        )
        self._snap = None
        return True

    def after(self, position: Position | None) -> Frame | None:
        """The one frame that takes a client from *position* (None: from nothing) to now; None if it is there."""
        if position == self.position:
            return None
        epoch, seq = self.position
        if self._delta is not None and position == (epoch, seq - 1):
            return self._delta
        if self._snap is None:
            self._snap = self._encoded_snap()
        return self._snap

    def _encoded_snap(self) -> Frame:
        return _frame(
            Snap(
                id=0,
                feed=self.feed,
                epoch=self.position.epoch,
                seq=self.position.seq,
                received_ms=self._received_ms,
                head=_head(self._board),
                columns=list(COLUMNS),
                rows=list(self._rows.values()),
            ),
            self.position,
        )


def _rows(board: Board) -> dict[str, Cells]:
    return {row.symbol: msgspec.structs.astuple(row)[1:] for row in board.rows}


def _head(board: Board) -> Head:
    return Head(board.trading_day, board.session, board.asof_ms)


def _changes(before: Cells | None, now: Cells) -> dict[int, Any]:
    if before is None:
        return dict(enumerate(now))
    if before == now:
        return {}
    return {
        column: value
        for column, (old, value) in enumerate(zip(before, now, strict=True))
        if old != value
    }


def _frame(frame: Snap | Delta, position: Position) -> Frame:
    before, _, after = encode_json(frame).decode().partition(_ID)  # the first: `id` leads
    return Frame(before, after, position)
