"""Rows (all that is known of a symbol now) and boards (rows ranked by a score)."""

import msgspec

from schemas.wire import Wire


class Row(Wire, frozen=True):
    """All that is known of one symbol on one trading day, derived from the tape alone.

    Prices in US dollars, changes in percent (12.5 is 12.5 %), None is unknown. As JSON this is
    the value of KV `rows` and the payload of `row.{SYM}`.
    """

    symbol: str
    trading_day: str
    """ISO date, America/New_York."""
    session: str
    """Of the newest event: `pre`, `regular`, `post` or `closed`."""
    event_ms: int
    """Time of the newest event, epoch milliseconds UTC (the end of the window, for a bar)."""
    last_usd: float | None
    """Newest price among bar closes and last-sale-eligible trades."""
    open_usd: float | None
    """Official opening price of the day; None before the opening print."""
    previous_close_usd: float | None
    """Official close of the trading day before."""
    change_usd: float | None
    """last − previous close."""
    change_pct: float | None
    """Against the previous close."""
    change_open_usd: float | None
    """last − official open."""
    change_open_pct: float | None
    """Against the official open."""
    volume_shares: float | None
    """Of the day, all sessions."""
    vwap_usd: float | None
    """Of the day, all sessions."""


class PackedRow(Row, array_like=True, frozen=True):
    """The same row as an array: what travels between programs, a third of the bytes."""


class RankedRow(Wire, frozen=True):
    """A row with its place on a board; fields as in `Row`."""

    rank: int
    symbol: str
    score: float
    last_usd: float | None
    open_usd: float | None
    previous_close_usd: float | None
    change_usd: float | None
    change_pct: float | None
    change_open_usd: float | None
    change_open_pct: float | None
    volume_shares: float | None
    vwap_usd: float | None
    session: str
    event_ms: int


class Board(Wire, frozen=True):
    """A leaderboard: the best rows of the whole market by one score, best first, ties by symbol.

    As JSON this is the value of KV `boards` and the payload of `board.{name}`. Everything but
    `seq` follows from the tape alone.
    """

    board: str
    trading_day: str
    session: str
    """Of the newest event that rows are made of: a bar, a minute bar or a trade."""
    asof_ms: int
    """Time of that event, epoch milliseconds UTC."""
    seq: int
    """Grows with every change of this board."""
    rows: list[RankedRow]


class RowsBatch(Wire, array_like=True, frozen=True):
    """Rows of one partition that changed since its last flush, one message a flush."""

    partition: int
    epoch: int
    """Of the owner: grows when another process takes the partition over."""
    number: int
    """Counts the owner's flushes from 1 without holes. The first holds all rows, the others those that changed."""
    received_ms: float
    """When the oldest of the changes arrived from the vendor, by the listener's clock; 0 if none did."""
    rows: list[PackedRow]


class Image(Wire, array_like=True, frozen=True):
    """All rows of one partition, and the last `RowsBatch` that they contain."""

    partition: int
    epoch: int
    number: int
    written_ms: float
    """By the owner's clock: `ROWS` need not be read from before it."""
    rows: list[PackedRow]


def ranked(rank: int, score: float, row: Row) -> RankedRow:
    """*row* at place *rank* of a board."""
    return RankedRow(
        rank, row.symbol, score, row.last_usd, row.open_usd, row.previous_close_usd,
        row.change_usd, row.change_pct, row.change_open_usd, row.change_open_pct,
        row.volume_shares, row.vwap_usd, row.session, row.event_ms,
    )  # fmt: skip


def public_row(row: Row) -> Row:
    """*row* as an object with field names, for JSON."""
    return Row(*msgspec.structs.astuple(row))
