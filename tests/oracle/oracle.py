"""The market by query: rows and boards of a recorded tape, computed by DuckDB from its files alone.

An independent check of the product: nothing of it is imported and nothing is folded. What was known
at an instant is one set, and each number is a query over that set. Definitions:

- A trade is known at `t`, a bar at the end of its window; the instant itself is included.
- The day and session of a trade are those of `t`, of a bar those of its start, in New York.
- last: the newest bar close or last-sale-eligible trade of the day; at the same millisecond a trade
  goes before a second bar, and that before a minute bar; of two trades the greater sequence.
- volume and VWAP: the running totals of the newest bar of the day by window end (of two, the second
  bar's); on a day without any bar, of the volume-eligible trades.
- official open: the newest that a bar of the day told; on a day without any bar, the first
  last-sale-eligible trade of the regular session.
- previous close: from the newest day file before the day, at most ten days before it.
- Trades are eligible as the vendor's table of conditions says, read from its file. Form T (12) does
  not keep a trade outside the regular session from being the last sale.
- Flat files: the volume of minute bars is the running sum of the day, their official open is that of
  the first regular-session bar, their VWAP is not known; trades corrected (10–12) do not count.

A test that wants to know whether a board in KV is right:

    expected = board_rows([folder])["gainers"]
    assert differences(board["rows"], expected) == []
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import holidays
from holidays.constants import HALF_DAY, PUBLIC


Row = dict[str, Any]
"""A row by names of fields, as in the product's JSON."""

CONDITIONS = Path(__file__).parents[3] / "shared" / "data" / "reference" / "trade_conditions.json"
"""The vendor's trade conditions, recorded with the tapes."""

BOARDS = ("gainers", "gappers", "volume")
"""Boards that there is a query for."""

RELATIVE_TOLERANCE = 1e-9
"""More than sums of the same numbers in another order can differ by."""

_END_OF_TIME_MS = 4_102_444_800_000

_TABLES = """
CREATE TABLE source (path VARCHAR, root INTEGER);
CREATE TABLE condition (id INTEGER, updates_last BOOLEAN, updates_volume BOOLEAN);
CREATE TABLE closure (day DATE, half BOOLEAN);
CREATE TABLE told_bar (
    root INTEGER, ev VARCHAR, sym VARCHAR, start_ms BIGINT, end_ms BIGINT, arrival BIGINT,
    close DOUBLE, official_open DOUBLE, day_volume DOUBLE, day_vwap DOUBLE);
CREATE TABLE flat_bar (
    root INTEGER, sym VARCHAR, start_ms BIGINT, arrival BIGINT, open DOUBLE, close DOUBLE, volume DOUBLE);
CREATE TABLE print (
    root INTEGER, flat BOOLEAN, sym VARCHAR, t BIGINT, q BIGINT, price DOUBLE, size DOUBLE, conditions INTEGER[]);

CREATE MACRO new_york_day(ms) AS (make_timestamptz(ms * 1000) AT TIME ZONE 'America/New_York')::DATE;
CREATE MACRO new_york_ms(day, clock) AS epoch_ms((day + clock) AT TIME ZONE 'America/New_York');
"""

_READ_CONDITIONS = """
INSERT INTO condition
SELECT (entry ->> 0)::INTEGER, (entry ->> 4)::INTEGER = 1, (entry ->> 5)::INTEGER = 1
FROM (SELECT unnest(conditions) AS entry FROM read_json($path, columns = {conditions: 'JSON[]'}))
"""

_READ_JSON_LINES = """
CREATE TABLE line AS
SELECT root, row_number() OVER () AS arrival, json
FROM read_ndjson_objects($paths, filename = true) JOIN source ON path = filename
"""

_SORT_JSON_LINES = """
INSERT INTO told_bar
SELECT root, json ->> '$.ev', json ->> '$.sym', (json ->> '$.s')::BIGINT, (json ->> '$.e')::BIGINT,
       arrival, (json ->> '$.c')::DOUBLE, nullif((json ->> '$.op')::DOUBLE, 0),
       coalesce(json ->> '$.dav', json ->> '$.av')::DOUBLE, nullif((json ->> '$.a')::DOUBLE, 0)
FROM line WHERE json ->> '$.ev' IN ('A', 'AM');

INSERT INTO print
SELECT root, false, json ->> '$.sym', (json ->> '$.t')::BIGINT, (json ->> '$.q')::BIGINT,
       (json ->> '$.p')::DOUBLE, coalesce(json ->> '$.ds', json ->> '$.s')::DOUBLE,
       (json -> '$.c')::INTEGER[]
FROM line WHERE json ->> '$.ev' = 'T';
"""

_READ_FLAT_TRADES = """
INSERT INTO print
SELECT root, true, ticker, sip_timestamp::BIGINT // 1_000_000, sequence_number::BIGINT,
       price::DOUBLE, size::DOUBLE, string_split(nullif(conditions, ''), ',')::INTEGER[]
FROM read_csv($paths, header = true, all_varchar = true, filename = true) JOIN source ON path = filename
WHERE coalesce(correction, '') NOT IN ('10', '11', '12')
"""

_READ_FLAT_BARS = """
INSERT INTO flat_bar
SELECT root, ticker, window_start::BIGINT // 1_000_000, row_number() OVER (),
       open::DOUBLE, close::DOUBLE, volume::DOUBLE
FROM read_csv($paths, header = true, all_varchar = true, filename = true) JOIN source ON path = filename
"""

_DAYS = """
-- A window that begins at midnight in New York is a day, and no event.
CREATE TABLE day_close AS
SELECT new_york_day(start_ms) AS day, sym, close
FROM flat_bar WHERE start_ms = new_york_ms(new_york_day(start_ms), TIME '00:00');

DELETE FROM flat_bar WHERE start_ms = new_york_ms(new_york_day(start_ms), TIME '00:00');

CREATE TABLE known_day AS
SELECT DISTINCT new_york_day(ms) AS day FROM (
    SELECT start_ms AS ms FROM told_bar
    UNION ALL SELECT start_ms FROM flat_bar
    UNION ALL SELECT t FROM print);
"""

_EVENTS = """
-- In one folder, the JSON lines of a day and channel go before the flat file of the same.
DELETE FROM flat_bar WHERE (root, new_york_day(start_ms)) IN (
    SELECT root, new_york_day(start_ms) FROM told_bar WHERE ev = 'AM');
DELETE FROM print WHERE flat AND (root, new_york_day(t)) IN (
    SELECT root, new_york_day(t) FROM print WHERE NOT flat);

CREATE TABLE market_day AS
SELECT day, isodow(day) > 5 OR coalesce(NOT half, false) AS closed,
       new_york_ms(day, TIME '04:00') AS pre_ms,
       new_york_ms(day, TIME '09:30') AS open_ms,
       new_york_ms(day, CASE WHEN half THEN TIME '13:00' ELSE TIME '16:00' END) AS close_ms,
       new_york_ms(day, CASE WHEN half THEN TIME '17:00' ELSE TIME '20:00' END) AS post_end_ms
FROM known_day LEFT JOIN closure USING (day);

CREATE MACRO session_at(ms, closed, pre_ms, open_ms, close_ms, post_end_ms) AS CASE
    WHEN closed OR ms < pre_ms OR ms >= post_end_ms THEN 'closed'
    WHEN ms < open_ms THEN 'pre'
    WHEN ms < close_ms THEN 'regular'
    ELSE 'post' END;

-- place: the order of all that happens to a symbol; kind 0 is a minute bar, 1 a second bar, 2 a trade
CREATE TABLE bar AS
WITH flat AS (
    SELECT *, new_york_day(start_ms) AS day, start_ms >= open_ms AND start_ms < close_ms AND NOT closed AS regular
    FROM flat_bar JOIN market_day ON new_york_day(start_ms) = market_day.day),
every AS (
    SELECT sym, start_ms, end_ms, CASE ev WHEN 'A' THEN 1 ELSE 0 END AS kind, arrival,
           close, official_open, day_volume, day_vwap
    FROM told_bar
    UNION ALL
    SELECT sym, start_ms, start_ms + 60_000, 0, arrival, close,
           arg_min(open, start_ms) FILTER (regular) OVER so_far, sum(volume) OVER so_far, NULL
    FROM flat
    WINDOW so_far AS (PARTITION BY sym, day ORDER BY start_ms, arrival ROWS UNBOUNDED PRECEDING))
SELECT every.*, day, session_at(start_ms, closed, pre_ms, open_ms, close_ms, post_end_ms) AS session,
       {ms: end_ms, kind: kind, n: arrival} AS place
FROM every JOIN market_day ON new_york_day(start_ms) = market_day.day;

-- The same sequence of a symbol and day again is the same trade.
CREATE TABLE trade AS
WITH once AS (
    SELECT day, session_at(t, closed, pre_ms, open_ms, close_ms, post_end_ms) AS session, print.*
    FROM print JOIN market_day ON new_york_day(t) = market_day.day
    QUALIFY row_number() OVER (PARTITION BY sym, day, q ORDER BY t) = 1),
restricted AS (
    SELECT sym, day, q, bool_or(NOT updates_volume) AS no_volume,
           bool_or(NOT updates_last AND NOT (id = 12 AND session <> 'regular')) AS no_last
    FROM (SELECT sym, day, q, session, unnest(conditions) AS id FROM once) JOIN condition USING (id)
    GROUP BY sym, day, q)
SELECT sym, day, session, t, q, price, size, {ms: t, kind: 2, n: q} AS place,
       NOT coalesce(no_last, false) AS is_last, NOT coalesce(no_volume, false) AS is_volume
FROM once LEFT JOIN restricted USING (sym, day, q);
"""

_MARKET = """
CREATE OR REPLACE TABLE market AS
WITH bars AS (SELECT * FROM bar WHERE end_ms <= $instant_ms),
trades AS (SELECT * FROM trade WHERE t <= $instant_ms),
happened AS (
    SELECT sym, day, session, place, close AS price FROM bars
    UNION ALL
    SELECT sym, day, session, place, CASE WHEN is_last THEN price END FROM trades),
newest_day AS (SELECT sym, max(day) AS day FROM happened GROUP BY sym),
-- arg_max passes over unknown prices, which is what is asked for here
newest AS (
    SELECT sym, day, arg_max(session, place) AS session, max(place).ms AS event_ms,
           arg_max(price, place) AS last_usd
    FROM happened JOIN newest_day USING (sym, day) GROUP BY sym, day),
told AS (
    SELECT * FROM bars JOIN newest_day USING (sym, day)
    QUALIFY row_number() OVER (PARTITION BY sym ORDER BY place DESC) = 1),
told_open AS (
    SELECT sym, arg_max(official_open, place) AS open_usd
    FROM bars JOIN newest_day USING (sym, day) GROUP BY sym),
traded AS (
    SELECT sym, sum(size) FILTER (is_volume) AS volume, sum(size * price) FILTER (is_volume) AS notional,
           arg_min(price, place) FILTER (is_last AND session = 'regular') AS open_usd
    FROM trades JOIN newest_day USING (sym, day) GROUP BY sym),
day_before AS (
    SELECT newest_day.day, max(day_close.day) AS before
    FROM (SELECT DISTINCT day FROM newest_day) AS newest_day
    JOIN day_close ON day_close.day < newest_day.day AND day_close.day >= newest_day.day - 10
    GROUP BY newest_day.day),
priced AS (
    SELECT newest.sym AS symbol, strftime(newest.day, '%Y-%m-%d') AS trading_day, newest.session, event_ms,
           last_usd,
           CASE WHEN told.sym IS NULL THEN traded.open_usd ELSE told_open.open_usd END AS open_usd,
           nullif(day_close.close, 0) AS previous_close_usd,
           CASE WHEN told.sym IS NULL THEN volume ELSE day_volume END AS volume_shares,
           CASE WHEN told.sym IS NULL THEN notional / nullif(volume, 0) ELSE day_vwap END AS vwap_usd
    FROM newest
    LEFT JOIN told ON told.sym = newest.sym
    LEFT JOIN told_open ON told_open.sym = newest.sym
    LEFT JOIN traded ON traded.sym = newest.sym
    LEFT JOIN day_before ON day_before.day = newest.day
    LEFT JOIN day_close ON day_close.day = day_before.before AND day_close.sym = newest.sym)
SELECT symbol, trading_day, session, event_ms, last_usd, open_usd, previous_close_usd,
       (last_usd::DECIMAL(18, 6) - previous_close_usd::DECIMAL(18, 6))::DOUBLE AS change_usd,
       (last_usd - previous_close_usd) / previous_close_usd * 100 AS change_pct,
       (last_usd::DECIMAL(18, 6) - open_usd::DECIMAL(18, 6))::DOUBLE AS change_open_usd,
       (last_usd - open_usd) / open_usd * 100 AS change_open_pct,
       volume_shares, vwap_usd
FROM priced
"""

_MOMENT = """
SELECT trading_day, session, event_ms FROM market
ORDER BY trading_day DESC, event_ms DESC, list_position(['closed', 'pre', 'regular', 'post'], session) DESC
LIMIT 1
"""

_RANKED = """
WITH scored AS (
    SELECT unnest([{board: 'gainers', score: change_open_pct},
                   {board: 'gappers', score: change_pct},
                   {board: 'volume', score: volume_shares}], recursive := true), *
    FROM market WHERE trading_day = (SELECT max(trading_day) FROM market))
SELECT board, row_number() OVER (PARTITION BY board ORDER BY score DESC, symbol) AS rank, symbol, score,
       last_usd, open_usd, previous_close_usd, change_usd, change_pct, change_open_usd, change_open_pct,
       volume_shares, vwap_usd, session, event_ms
FROM scored WHERE score IS NOT NULL
QUALIFY rank <= $top
ORDER BY board, rank
"""


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
        conditions: the vendor's table of trade conditions.

    Raises:
        ValueError: a file is none of these.
    """

    def __init__(self, paths: Sequence[Path], conditions: Path = CONDITIONS) -> None:
        self._database = duckdb.connect(
            config={"threads": 1, "autoinstall_known_extensions": "false"}
        )
        self._market_ms: int | None = None
        self._run(_TABLES)
        self._run(_READ_CONDITIONS, path=str(conditions))
        self._read(sorted(_files(paths)))
        self._run(_DAYS)
        self._close_markets()
        self._run(_EVENTS)

    def rows(self, instant_ms: int | None = None) -> list[Row]:
        """Every symbol's row at an instant (None: the end), by symbol; each of the symbol's own newest day."""
        self._go_to(instant_ms)
        return self._fetch("SELECT * FROM market ORDER BY symbol")

    def boards(self, instant_ms: int | None = None, *, top: int = 100) -> dict[str, list[Row]]:
        """The ranked rows of each board at an instant (None: the end), by board."""
        self._go_to(instant_ms)
        boards: dict[str, list[Row]] = {board: [] for board in BOARDS}
        for row in self._fetch(_RANKED, top=top):
            boards[row.pop("board")].append(row)
        return boards

    def moment(self, instant_ms: int | None = None) -> Moment | None:
        """Where the market is at an instant (None: the end); None before its first bar or trade."""
        self._go_to(instant_ms)
        found = self._run(_MOMENT).fetchone()
        return None if found is None else Moment(*found)

    def _run(self, sql: str, **parameters: object) -> duckdb.DuckDBPyConnection:
        return self._database.execute(sql, parameters or None)

    def _fetch(self, sql: str, **parameters: object) -> list[Row]:
        found = self._run(sql, **parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]

    def _read(self, files: Sequence[tuple[str, int]]) -> None:
        by_kind: dict[str, list[str]] = {}
        for path, root in files:
            self._run("INSERT INTO source VALUES ($path, $root)", path=path, root=root)
            by_kind.setdefault(_kind(Path(path)), []).append(path)
        if paths := by_kind.get("json"):
            self._run(_READ_JSON_LINES, paths=paths)
            self._run(_SORT_JSON_LINES)
        if paths := by_kind.get("trades"):
            self._run(_READ_FLAT_TRADES, paths=paths)
        if paths := by_kind.get("bars"):
            self._run(_READ_FLAT_BARS, paths=paths)

    def _close_markets(self) -> None:
        years = {day.year for (day,) in self._run("SELECT day FROM known_day").fetchall()}
        for category, half in ((PUBLIC, False), (HALF_DAY, True)):
            for day in holidays.financial_holidays("NYSE", years=years, categories=(category,)):
                self._run("INSERT INTO closure VALUES ($day, $half)", day=day, half=half)

    def _go_to(self, instant_ms: int | None) -> None:
        at_ms = _END_OF_TIME_MS if instant_ms is None else instant_ms
        if at_ms != self._market_ms:
            self._run(_MARKET, instant_ms=at_ms)
            self._market_ms = at_ms


def board_rows(
    paths: Sequence[Path], instant_ms: int | None = None, *, top: int = 100
) -> dict[str, list[Row]]:
    """The `rows` of each board's JSON after *paths* were played until *instant_ms* (None: to the end).

    Args:
        paths: files and folders, as given to `mesh up --tape`.
        instant_ms: event time, epoch milliseconds, inclusive.
        top: how many rows a board has at most.
    """
    return Oracle(paths).boards(instant_ms, top=top)


def differences(found: Sequence[Row], expected: Sequence[Row]) -> list[str]:
    """What is wrong with *found*, a line for each difference; none if it is right.

    Rows are compared in order, by the fields that the oracle knows; numbers to `RELATIVE_TOLERANCE`.
    """
    wrong = []
    if len(found) != len(expected):
        wrong.append(f"{len(found)} rows, expected {len(expected)}")
    for place, (row, right) in enumerate(zip(found, expected, strict=False)):
        wrong.extend(
            f"row {place} ({right['symbol']}): {field} is {row.get(field)!r}, expected {value!r}"
            for field, value in right.items()
            if field not in row or not _same(row[field], value)
        )
    return wrong


def _same(found: object, expected: object) -> bool:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=RELATIVE_TOLERANCE)
    return found == expected


def _files(paths: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """(file, number of the path that it was found in); a file given by itself is in none (negative)."""
    for number, path in enumerate(paths):
        if not path.is_dir():
            yield str(path), -1 - number
            continue
        for found in path.rglob("*"):
            inner = found.relative_to(path).parts
            if found.is_file() and not any(part.startswith(".") for part in inner):
                yield str(found), number


def _kind(path: Path) -> str:
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path) if zipped else path.open("rb") as lines:
        first = lines.readline().decode().strip()
    columns = set(first.split(","))
    if first.startswith("{"):
        return "json"
    if columns >= {"sip_timestamp", "price", "size"}:
        return "trades"
    if columns >= {"sip_timestamp", "bid_price"}:
        return "quotes"
    if columns >= {"window_start", "open", "close", "volume"}:
        return "bars"
    raise ValueError(f"{path} must be vendor JSON lines or a flat file, begins with {first[:80]!r}")
