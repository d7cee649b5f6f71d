"""Files of a tape into tables of DuckDB: what they are, their first line says.

Each event gets `known_ms`, when a live feed would know it (never less than the line before it), and
`arrival`, its place among all events of its table.
"""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import holidays
from holidays.constants import HALF_DAY, PUBLIC


CONDITIONS = Path(__file__).parents[3] / "shared" / "data" / "reference" / "trade_conditions.json"
"""The vendor's trade conditions, recorded with the tapes."""

_TABLES = """
CREATE TABLE source (path VARCHAR, root INTEGER, place INTEGER);
CREATE TABLE condition (id INTEGER, updates_high_low BOOLEAN, updates_last BOOLEAN, updates_volume BOOLEAN);
CREATE TABLE closure (day DATE, half BOOLEAN);

-- place and line: order of events that are known at the same millisecond
CREATE TABLE told_bar (
    root INTEGER, flat BOOLEAN, kind INTEGER, sym VARCHAR, start_ms BIGINT, end_ms BIGINT, known_ms BIGINT,
    place INTEGER, line HUGEINT, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE,
    vwap DOUBLE, average_size DOUBLE, official_open DOUBLE, day_volume DOUBLE, day_vwap DOUBLE);
CREATE TABLE print (
    root INTEGER, flat BOOLEAN, sym VARCHAR, t BIGINT, q BIGINT, known_ms BIGINT, place INTEGER, line HUGEINT,
    price DOUBLE, size DOUBLE, conditions INTEGER[]);
CREATE TABLE told_quote (
    root INTEGER, flat BOOLEAN, sym VARCHAR, t BIGINT, q BIGINT, known_ms BIGINT, place INTEGER, line HUGEINT,
    bid DOUBLE, bid_shares DOUBLE, ask DOUBLE, ask_shares DOUBLE);

CREATE MACRO new_york_day(ms) AS (make_timestamptz(ms * 1000) AT TIME ZONE 'America/New_York')::DATE;
CREATE MACRO new_york_ms(day, clock) AS epoch_ms((day + clock) AT TIME ZONE 'America/New_York');
"""

_READ_CONDITIONS = """
INSERT INTO condition
SELECT (entry ->> 0)::INTEGER, (entry ->> 3)::INTEGER = 1, (entry ->> 4)::INTEGER = 1, (entry ->> 5)::INTEGER = 1
FROM (SELECT unnest(conditions) AS entry FROM read_json($path, columns = {conditions: 'JSON[]'}))
"""

_READ_JSON_LINES = """
CREATE TABLE line AS
WITH numbered AS (
    -- before the join, which sends the few rows at the end of a reader's buffer to the end of all
    SELECT row_number() OVER () AS line, json, filename FROM read_ndjson_objects($paths, filename = true)),
read AS (
    SELECT root, place, line, json, json ->> '$.ev' AS ev,
           coalesce(json ->> '$.e', json ->> '$.t')::BIGINT AS ms
    FROM numbered JOIN source ON path = filename
    -- halts are in nanoseconds, and no query is about them
    WHERE json ->> '$.ev' IN ('A', 'AM', 'T', 'Q'))
SELECT *, max(ms) OVER (PARTITION BY place ORDER BY line) AS known_ms FROM read
"""

_SORT_JSON_LINES = """
INSERT INTO told_bar
SELECT root, false, CASE ev WHEN 'A' THEN 1 ELSE 0 END, json ->> '$.sym', (json ->> '$.s')::BIGINT,
       (json ->> '$.e')::BIGINT, known_ms, place, line, (json ->> '$.o')::DOUBLE, (json ->> '$.h')::DOUBLE,
       (json ->> '$.l')::DOUBLE, (json ->> '$.c')::DOUBLE, coalesce(json ->> '$.dv', json ->> '$.v')::DOUBLE,
       nullif((json ->> '$.vw')::DOUBLE, 0), nullif((json ->> '$.z')::DOUBLE, 0),
       nullif((json ->> '$.op')::DOUBLE, 0), coalesce(json ->> '$.dav', json ->> '$.av')::DOUBLE,
       nullif((json ->> '$.a')::DOUBLE, 0)
FROM line WHERE ev IN ('A', 'AM');

INSERT INTO print
SELECT root, false, json ->> '$.sym', ms, (json ->> '$.q')::BIGINT, known_ms, place, line,
       (json ->> '$.p')::DOUBLE, coalesce(json ->> '$.ds', json ->> '$.s')::DOUBLE,
       (json -> '$.c')::INTEGER[]
FROM line WHERE ev = 'T';

INSERT INTO told_quote
SELECT root, false, json ->> '$.sym', ms, coalesce((json ->> '$.q')::BIGINT, 0), known_ms, place, line,
       nullif((json ->> '$.bp')::DOUBLE, 0), coalesce((json ->> '$.bs')::DOUBLE, 0),
       nullif((json ->> '$.ap')::DOUBLE, 0), coalesce((json ->> '$.as')::DOUBLE, 0)
FROM line WHERE ev = 'Q';
"""

_READ_FLAT_TRADES = """
INSERT INTO print
SELECT root, true, ticker, sip_timestamp::BIGINT // 1_000_000, sequence_number::BIGINT,
       sip_timestamp::BIGINT // 1_000_000, place, (sip_timestamp::HUGEINT << 32) + sequence_number::BIGINT,
       price::DOUBLE, size::DOUBLE, string_split(nullif(conditions, ''), ',')::INTEGER[]
FROM read_csv($paths, header = true, all_varchar = true, filename = true) JOIN source ON path = filename
WHERE coalesce(correction, '') NOT IN ('10', '11', '12')
"""

_READ_FLAT_QUOTES = """
INSERT INTO told_quote
SELECT root, true, ticker, sip_timestamp::BIGINT // 1_000_000, sequence_number::BIGINT,
       sip_timestamp::BIGINT // 1_000_000, place, (sip_timestamp::HUGEINT << 32) + sequence_number::BIGINT,
       nullif(bid_price::DOUBLE, 0), bid_size::DOUBLE, nullif(ask_price::DOUBLE, 0), ask_size::DOUBLE
FROM read_csv($paths, header = true, all_varchar = true, filename = true) JOIN source ON path = filename
"""

_READ_FLAT_BARS = """
INSERT INTO told_bar
WITH numbered AS (
    SELECT row_number() OVER () AS line, * FROM read_csv($paths, header = true, all_varchar = true, filename = true))
SELECT root, true, 0, ticker, window_start::BIGINT // 1_000_000, window_start::BIGINT // 1_000_000 + 60_000,
       window_start::BIGINT // 1_000_000 + 60_000, place, line, open::DOUBLE, high::DOUBLE,
       low::DOUBLE, close::DOUBLE, volume::DOUBLE, NULL, NULL, NULL, NULL, NULL
FROM numbered JOIN source ON path = filename
"""

_DAYS = """
-- A window that begins at midnight in New York is a day, and no event.
CREATE TABLE day_close AS
SELECT new_york_day(start_ms) AS day, sym, close
FROM told_bar WHERE flat AND start_ms = new_york_ms(new_york_day(start_ms), TIME '00:00');

DELETE FROM told_bar WHERE flat AND start_ms = new_york_ms(new_york_day(start_ms), TIME '00:00');

-- In one folder, the JSON lines of a day and channel go before the flat file of the same.
DELETE FROM told_bar WHERE flat AND (root, new_york_day(start_ms)) IN (
    SELECT root, new_york_day(start_ms) FROM told_bar WHERE NOT flat AND kind = 0);
DELETE FROM print WHERE flat AND (root, new_york_day(t)) IN (
    SELECT root, new_york_day(t) FROM print WHERE NOT flat);
DELETE FROM told_quote WHERE flat AND (root, new_york_day(t)) IN (
    SELECT root, new_york_day(t) FROM told_quote WHERE NOT flat);

CREATE TABLE known_day AS
SELECT DISTINCT new_york_day(ms) AS day FROM (
    SELECT start_ms AS ms FROM told_bar UNION ALL SELECT t FROM print UNION ALL SELECT t FROM told_quote);
"""

_MARKET_DAYS = """
CREATE TABLE market_day AS
SELECT day, isodow(day) > 5 OR coalesce(NOT half, false) AS closed,
       new_york_ms(day, TIME '00:00') AS day_ms,
       new_york_ms(day, TIME '04:00') AS pre_ms,
       new_york_ms(day, TIME '09:30') AS open_ms,
       new_york_ms(day, CASE WHEN half THEN TIME '13:00' ELSE TIME '16:00' END) AS close_ms,
       new_york_ms(day, CASE WHEN half THEN TIME '17:00' ELSE TIME '20:00' END) AS post_end_ms
FROM known_day LEFT JOIN closure USING (day);

-- the session of an instant with its begin
CREATE MACRO session_at(ms, day) AS CASE
    WHEN day.closed OR ms < day.pre_ms THEN {name: 'closed', since_ms: day.day_ms}
    WHEN ms < day.open_ms THEN {name: 'pre', since_ms: day.pre_ms}
    WHEN ms < day.close_ms THEN {name: 'regular', since_ms: day.open_ms}
    WHEN ms < day.post_end_ms THEN {name: 'post', since_ms: day.close_ms}
    ELSE {name: 'closed', since_ms: day.post_end_ms} END;
"""


def read(database: duckdb.DuckDBPyConnection, paths: Sequence[Path], conditions: Path) -> None:
    """Fill the tables with the files of *paths*. Raises ValueError for one that is not part of a tape."""
    database.execute(_TABLES)
    database.execute(_READ_CONDITIONS, {"path": str(conditions)})
    by_kind: dict[str, list[str]] = {}
    for place, (path, root) in enumerate(sorted(_files(paths))):
        database.execute("INSERT INTO source VALUES (?, ?, ?)", [path, root, place])
        by_kind.setdefault(_kind(Path(path)), []).append(path)
    if json_lines := by_kind.get("json"):
        database.execute(_READ_JSON_LINES, {"paths": json_lines})
        database.execute(_SORT_JSON_LINES)
    flat = {"trades": _READ_FLAT_TRADES, "quotes": _READ_FLAT_QUOTES, "bars": _READ_FLAT_BARS}
    for kind, statement in flat.items():
        if found := by_kind.get(kind):
            database.execute(statement, {"paths": found})
    database.execute(_DAYS)
    _close_markets(database)
    database.execute(_MARKET_DAYS)


def _close_markets(database: duckdb.DuckDBPyConnection) -> None:
    years = {day.year for (day,) in database.execute("SELECT day FROM known_day").fetchall()}
    for category, half in ((PUBLIC, False), (HALF_DAY, True)):
        for day in holidays.financial_holidays("NYSE", years=years, categories=(category,)):
            database.execute("INSERT INTO closure VALUES (?, ?)", [day, half])


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
