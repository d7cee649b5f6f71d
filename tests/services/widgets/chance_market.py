"""A market by chance, and what a view of it must be: found row by row, without columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from mesh.leaderboard import Instant, Leaderboard
from schemas.columns import columns_of
from schemas.leaderboard import HALTS, SESSIONS, Board, Row, ranked
from schemas.widget import View
from services.widgets.want import Want, want
from services.widgets.where import compile_where


DAYS = ("2026-01-02", "2026-01-05")
MOST = 5000
MIN_USD, MIN_SHARES, MAX_AGE_S = 1.0, 100.0, 60.0
LEADERBOARDS = (
    Leaderboard("gainers", lambda columns: columns.change_open_pct).above(MIN_USD, MIN_SHARES),
    Leaderboard("recent", lambda columns: columns.gap_pct, max_age_s=MAX_AGE_S),
)
CONDITIONS = (
    "last_usd > 1",
    "gap_pct > 0 or not known(gap_pct)",
    "not (volume_shares >= 100)",
    "session == 'regular'",
    "halt in ('paused', 'limit')",
    "starts_with(symbol, 'A')",
    "trades >= 2 and event_ms < 100000",
)
COLUMNS = (
    "trading_day", "session", "event_ms", "last_usd", "gap_pct", "change_open_pct", "volume_shares", "trades", "halt",
)  # fmt: skip
"""Those that are known of rows by chance, with few decimals: they are shown as they are."""

_amounts = st.none() | st.sampled_from([-2.5, -1.0, 0.0, 0.5, 1.0, 2.25, 150.0])
_rows = st.builds(
    Row,
    symbol=st.sampled_from([*"ABCDE", "AB", "BRK.B", "b"]),
    trading_day=st.sampled_from([DAYS[1], DAYS[1], DAYS[0]]),
    session=st.sampled_from(SESSIONS),
    event_ms=st.sampled_from([1_000, 50_000, 100_000, 170_000]),
    last_usd=_amounts,
    gap_pct=_amounts,
    change_open_pct=_amounts,
    volume_shares=_amounts,
    trades=st.none() | st.integers(0, 3),
    halt=st.none() | st.sampled_from(HALTS),
)
markets = st.lists(_rows, unique_by=lambda row: row.symbol, max_size=8)


def views(*, of_board: bool, columns: tuple[str, ...] = COLUMNS) -> st.SearchStrategy[View]:
    """Any view, mostly of a few parts."""
    known = (*columns, "score") if of_board else columns
    signs = st.sampled_from(["", "+"])
    return st.builds(
        View,
        columns=st.lists(st.sampled_from(known), min_size=1, max_size=4),
        top=st.none() | st.integers(1, 6),
        sort=st.none() | st.builds("".join, st.tuples(signs, st.sampled_from([*known, "symbol"]))),
        where=st.none() | st.sampled_from(CONDITIONS),
        window=st.none() | st.tuples(st.integers(0, 3), st.integers(4, 9)),
        symbols=st.none() | st.lists(st.sampled_from(["A", "AB", "C", "BRK.B", "Z"])),
    )


def instant_of(rows: list[Row]) -> Instant:
    """The newest event of *rows*."""
    day = max((row.trading_day for row in rows), default=DAYS[1])
    newest = max((row.event_ms for row in rows if row.trading_day == day), default=1)
    return Instant(day, newest, "regular")


def score_of(name: str) -> Callable[[Row, Instant], float | None]:
    """The score of one row on a board, None if it is off it."""

    def gainers(row: Row, instant: Instant) -> float | None:
        is_on = row.trading_day == instant.trading_day
        is_on = is_on and row.last_usd is not None and row.last_usd >= MIN_USD
        is_on = is_on and row.volume_shares is not None and row.volume_shares >= MIN_SHARES
        return row.change_open_pct if is_on else None

    def recent(row: Row, instant: Instant) -> float | None:
        is_on = row.trading_day == instant.trading_day
        is_on = is_on and instant.event_ms - row.event_ms <= MAX_AGE_S * 1000
        return row.gap_pct if is_on else None

    return {"gainers": gainers, "recent": recent}[name]


def board_of(name: str, rows: list[Row], top: int, seq: int) -> Board:
    """The board as it is put."""
    instant, score = instant_of(rows), score_of(name)
    scored = [(found, row) for row in rows if (found := score(row, instant)) is not None]
    scored.sort(key=lambda pair: (-pair[0], pair[1].symbol))
    return Board(
        name, instant.trading_day, instant.session, instant.event_ms, seq,
        [ranked(rank, found, row) for rank, (found, row) in enumerate(scored[:top], 1)],
    )  # fmt: skip


def selected(feed: str, view: View, rows: list[Row]) -> tuple[list[list[Any]], int]:
    """The rows that a client of a market's view must have, and how many there are before some are left out."""
    asked: Want = want(feed, view)
    kind, _, token = feed.partition("/")
    instant = instant_of(rows)
    score = score_of(token) if kind == "board" else (lambda row, instant: None)
    found = [(row, score(row, instant)) for row in rows]
    if kind == "board":
        found = [(row, points) for row, points in found if points is not None]
    elif token not in ("*", ">"):
        found = [(row, None) for row, _ in found if row.symbol == token]
    if asked.symbols is not None:
        found = [pair for pair in found if pair[0].symbol in asked.symbols]
    if asked.where is not None:
        condition = compile_where(asked.where)
        found = [pair for pair in found if condition.mask(columns_of([pair[0]]))[0]]
    total = len(found)
    found = _ordered(found, asked.sort)[: min(asked.top or MOST, MOST)]
    if asked.window is not None:
        found = found[slice(*asked.window)]
    return [[row.symbol, *_cells(row, points, asked.columns)] for row, points in found], total


def shown(board: Board, view: View, rows: list[Row] | None) -> tuple[list[list[Any]], int]:
    """The same of what was put for a board; *rows* are the market, for what a board does not hold."""
    asked = want(f"board/{board.board}", view)
    market = {row.symbol: row for row in rows or []}
    wanted = [row for row in board.rows if asked.symbols is None or row.symbol in asked.symbols]
    found = wanted[: asked.top or MOST]
    if asked.window is not None:
        found = found[slice(*asked.window)]
    made = []
    for each in found:
        held = asdict(each)
        other = asdict(market[each.symbol]) if each.symbol in market else {}
        cells = [held[name] if name in held else other.get(name) for name in asked.columns]
        made.append([each.symbol, *cells])
    return made, len(wanted)


def changed_rows(rows: list[Row], symbol: str, **fields: Any) -> list[Row]:
    """*rows* with other fields of one of them."""
    return [replace(row, **fields) if row.symbol == symbol else row for row in rows]


def _ordered(found: list[tuple[Row, float | None]], sort: str | None) -> list[Any]:
    """By the column, what is unknown last, equal ones by symbol."""
    name = "score" if sort is None else sort.removeprefix("+")
    by_symbol = sorted(found, key=lambda pair: pair[0].symbol)
    if name == "symbol":
        return by_symbol if sort == "+symbol" else by_symbol[::-1]
    numbers = {
        row.symbol: points if name == "score" else _number(name, getattr(row, name))
        for row, points in found
    }
    known = [pair for pair in by_symbol if numbers[pair[0].symbol] is not None]
    unknown = [pair for pair in by_symbol if numbers[pair[0].symbol] is None]
    sign = 1 if sort is not None and sort.startswith("+") else -1
    return sorted(known, key=lambda pair: sign * (numbers[pair[0].symbol] or 0.0)) + unknown


def _number(name: str, value: Any) -> float | None:
    """What texts are ordered by: their places, and days by the calendar."""
    if value is None:
        return None
    match name:
        case "session":
            return float(SESSIONS.index(value))
        case "halt":
            return float(HALTS.index(value))
        case "trading_day":
            return float(DAYS.index(value))
        case _:
            return float(np.float64(value))


def _cells(row: Row, points: float | None, names: tuple[str, ...]) -> list[Any]:
    return [points if name == "score" else getattr(row, name) for name in names]
