"""Tables that change at random, as frames of protocol 1, with the checksum as its documentation says."""

import random  # noqa: TID251  # the service takes chance as an argument; this is a test's, seeded
import struct
import zlib
from typing import Any

from schemas.widget import Delta, Head, Snap
from tests.schemas.deltas import Change, rows_and_cells


HEAD = Head("2026-01-05", "regular", 1_767_623_465_000)
AWKWARD: list[Any] = [
    None, "", "regular", "naïve", "日本\n", "🚀", "null", "0", 0, 0.0, -0.0, 1, -1.5, 0.1, 1e-7, 1e21, 2**53, 2**53 + 1,
    -(2**63), 5e-324, 1.7976931348623157e308, 1_767_623_465_000,
]  # fmt: skip
SYMBOLS = [*"ABCDEFGH", "BRK.B", "ÄÖ", "名前", "🚀X", "0", "1", "constructor", "__proto__"]

Cells = list[Any]


def checksum(rows: list[Cells]) -> int:
    """The CRC of *rows*, in order; the first cell is the symbol."""
    data = bytearray()
    for row in rows:
        data += row[0].encode() + b"\n"
    for column in range(1, len(rows[0]) if rows else 0):
        for row in rows:
            data += _packed(row[column])
    return zlib.crc32(data)


def _packed(cell: Any) -> bytes:
    if cell is None:
        return b"\xff" * 8
    if isinstance(cell, str):
        return cell.encode() + b"\n"
    return struct.pack("<d", cell)


class History:
    """One table: `rows` as it is now, and the frames that made it so.

    Args:
        seed: of the changes; equal seeds give equal histories.
        number: of the subscription.
        feed: its name.
    """

    def __init__(self, seed: int, number: int = 1, feed: str = "board/gainers") -> None:
        self._chance = random.Random(seed)  # noqa: S311  # chance, not secrecy
        self._number = number
        self._feed = feed
        self.columns = ["symbol", *(f"c{n}" for n in range(self._chance.randrange(6)))]
        self.epoch = f"e{seed}.{number}"
        self.seq = self._chance.randrange(1000)
        self.rows: list[Cells] = []
        self._shuffle()

    def snap(self, *, recovered: bool | None = None, crc: int | None = None) -> Snap:
        """The table as it is; *crc* instead of the true one."""
        return Snap(
            self._number, self._feed, self.epoch, self.seq, 1.5, HEAD, self.columns,
            [list(row) for row in self.rows], len(self.rows) + 7,
            checksum(self.rows) if crc is None else crc, recovered,
        )  # fmt: skip

    def delta(self, *, crc: int | None = None) -> Delta:
        """Change the table, and give the frame that says so; with a checksum now and then."""
        before, after = self.rows, self.seq
        self._shuffle()
        self.seq += self._chance.randrange(1, 4)
        if crc is None and self._chance.random() < 0.5:
            crc = checksum(self.rows)
        gone, moves, changes = _difference(before, self.rows)
        return Delta(
            self._number, after, self.seq, 2.5, HEAD, gone, moves, *rows_and_cells(changes),
            len(self.rows) + 9, crc,
        )  # fmt: skip

    def position(self) -> tuple[str, int]:
        """Where whoever has all frames is."""
        return self.epoch, self.seq

    def _shuffle(self) -> None:
        """Let rows come, change, move and go."""
        chance = self._chance
        kept = [
            [row[0], *(self._cell() if chance.random() < 0.3 else cell for cell in row[1:])]
            for row in self.rows
            if chance.random() < 0.9
        ]
        for _ in range(chance.randrange(4)):
            if kept:
                row = kept.pop(chance.randrange(len(kept)))
                kept.insert(chance.randint(0, len(kept)), row)
        held = {row[0] for row in kept}
        for symbol in chance.sample(SYMBOLS, chance.randrange(6)):
            if symbol not in held:
                row = [symbol, *(self._cell() for _ in self.columns[1:])]
                kept.insert(chance.randint(0, len(kept)), row)
        self.rows = kept

    def _cell(self) -> Any:
        return self._chance.choice([*AWKWARD, self._chance.uniform(-1e6, 1e6)])


def _difference(
    before: list[Cells], now: list[Cells]
) -> tuple[list[str], list[tuple[int, str]], list[Change]]:
    """What takes *before* to *now*: gone symbols, moves, changed cells."""
    old = {row[0]: row for row in before}
    places = {row[0]: place for place, row in enumerate(before)}
    gone = [symbol for symbol in old if symbol not in {row[0] for row in now}]
    changes: list[Change] = []
    moves: list[tuple[int, str]] = []
    last = -1
    for place, row in enumerate(now):
        symbol, known = row[0], old.get(row[0])
        changes += [
            (place, column, value)
            for column, value in enumerate(row)
            if column and (known is None or repr(known[column]) != repr(value))  # -0.0 is not 0.0
        ]
        if places.get(symbol, -1) > last:
            last = places[symbol]
        else:
            moves.append((place, symbol))
    return gone, moves, changes
