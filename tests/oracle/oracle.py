"""The market by query: rows, boards and alerts of a tape, computed by DuckDB from its files alone.

An independent check of the product: nothing of it is imported and nothing is folded. What was known
at an instant is one set, and each number is a query over that set. A trade is known at `t`, a bar at
the end of its window, and nothing before the line before it; the instant itself is included. The
definitions are in the modules with the queries:

- `reading`: files, and days and sessions of the market
- `events`: which trades, bars and quotes count
- `prices`: rows
- `windows`: the last seconds and minutes, and the sides of trades
- `boards`, `alerts`

A test that wants to know whether a board in KV is right:

    expected = board_rows([folder])["gainers"]
    assert differences(board["rows"], expected) == []
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.oracle.alerts import CANDIDATES, FIRED, spaced
from tests.oracle.boards import BOARDS, BY_REFERENCE, MOMENT, RANKED, REFERENCE_FIELDS
from tests.oracle.differences import differences
from tests.oracle.events import EVENTS
from tests.oracle.prices import MARKET, ROWS
from tests.oracle.reading import CONDITIONS, read
from tests.oracle.reference import References, tell
from tests.oracle.windows import ACTIVE, SECONDS


__all__ = ["CONDITIONS", "Moment", "Oracle", "Row", "board_rows", "differences"]

Row = dict[str, Any]
"""A row by names of fields, as in the product's JSON."""

_END_OF_TIME_MS = 4_102_444_800_000


class Moment(NamedTuple):
    """Where the market is: what the head of a board says."""

    trading_day: str
    """ISO date."""
    session: str
    asof_ms: int
    """Time of the newest bar or trade."""


class Oracle:
    """A tape in DuckDB. Loading it takes about a second; then each instant some hundredths of one.

    Args:
        paths: files and folders, as they are played: vendor JSON lines, flat-file CSV, day files.
            Which is which, their first line says.
        references: what is known beforehand besides previous closes.
        conditions: the vendor's table of trade conditions.

    Raises:
        ValueError: a file is none of these.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        references: References | None = None,
        conditions: Path = CONDITIONS,
    ) -> None:
        self._database = duckdb.connect(
            config={"threads": 1, "autoinstall_known_extensions": "false"}
        )
        self._market_ms: int | None = None
        read(self._database, paths, conditions)
        tell(self._database, references or References())
        self._by_reference = references is not None
        self._database.execute(EVENTS)
        self._database.execute(SECONDS)
        self._database.execute(CANDIDATES)
        self._alerts = spaced(self._fetch(FIRED))

    def rows(self, instant_ms: int | None = None) -> list[Row]:
        """Every symbol's row at an instant (None: the end), by symbol; each of the symbol's own newest day."""
        self._go_to(instant_ms)
        return self._fetch("SELECT * FROM market ORDER BY symbol")

    def boards(self, instant_ms: int | None = None, *, top: int = 100) -> dict[str, list[Row]]:
        """The ranked rows of each board at an instant (None: the end), by board."""
        self._go_to(instant_ms)
        boards: dict[str, list[Row]] = {
            board: [] for board in BOARDS if self._by_reference or board not in BY_REFERENCE
        }
        for row in self._fetch(RANKED, top=top):
            board = row.pop("board")
            if not self._by_reference:
                row = {name: row[name] for name in row if name not in REFERENCE_FIELDS}  # noqa: PLW2901 (the same row)
            if board in boards:
                boards[board].append(row)
        return boards

    def alerts(self, instant_ms: int | None = None) -> list[Row]:
        """All alerts until an instant (None: the end), by id. The row of the moment is not among their fields."""
        at_ms = _END_OF_TIME_MS if instant_ms is None else instant_ms
        found = [dict(alert) for alert in self._alerts if alert["known_ms"] <= at_ms]
        for alert in found:
            del alert["known_ms"]
        return sorted(found, key=lambda alert: str(alert["id"]))

    def moment(self, instant_ms: int | None = None) -> Moment | None:
        """Where the market is at an instant (None: the end); None before its first row."""
        self._go_to(instant_ms)
        found = self._database.execute("FROM moment").fetchone()
        return None if found is None else Moment(*found)

    def _fetch(self, sql: str, **parameters: object) -> list[Row]:
        found = self._database.execute(sql, parameters or None)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]

    def _go_to(self, instant_ms: int | None) -> None:
        at_ms = _END_OF_TIME_MS if instant_ms is None else instant_ms
        if at_ms != self._market_ms:
            self._database.execute(f"SET VARIABLE instant_ms = {at_ms}")
            for statements in (MARKET, ACTIVE, ROWS, MOMENT):
                self._database.execute(statements)
            self._market_ms = at_ms


def board_rows(
    paths: Sequence[Path], instant_ms: int | None = None, *, top: int = 100
) -> dict[str, list[Row]]:
    """The `rows` of each board's JSON after *paths* were played until *instant_ms* (None: to the end).

    Boards and fields that come from reference data are left out: the files do not hold it.

    Args:
        paths: files and folders, as given to `mesh up --tape`.
        instant_ms: event time, epoch milliseconds, inclusive.
        top: how many rows a board has at most.
    """
    return Oracle(paths).boards(instant_ms, top=top)
