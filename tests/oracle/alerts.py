"""What was worth an alert: queries over the whole tape, and the five minutes between two of a kind.

- high, low: an eligible trade beyond the extreme of its session so far; not the first of a session, and
  none that belongs to an older session than the newest trade of its symbol. It names the extremes of
  earlier sessions of the day and of the previous day that lie between that extreme and its own price.
- block: 10,000 shares and 200,000 dollars in one volume-eligible trade.
- The others are decided when a second is complete, from what came until then. running-up, running-down:
  the price of the second against the lowest (highest) of a second in its and the five spans of ten seconds
  before it, by a table by that price, with more than 1000 shares in the last 60 s. volume-spike: the 60 s
  hold five times the shares of an average minute of the rest of the hour, and 10,000; the symbol was
  printed more than ten minutes before in that hour; the second itself keeps that pace.
- Of a symbol and kind, an alert comes only five minutes of event time after the one before it.
"""

from collections.abc import Sequence
from typing import Any


COOLDOWN_MS = 300_000

CANDIDATES = """
CREATE OR REPLACE TABLE candidate AS
WITH placed AS (
    SELECT *, max(session_ms) OVER (PARTITION BY sym, day ORDER BY q) AS newest_session_ms FROM trade),
level AS (
    SELECT *, max(price) OVER in_session AS highest, min(price) OVER in_session AS lowest,
           max(price) FILTER (session = 'pre') OVER in_day AS pre_high,
           min(price) FILTER (session = 'pre') OVER in_day AS pre_low,
           max(price) FILTER (session = 'regular') OVER in_day AS regular_high,
           min(price) FILTER (session = 'regular') OVER in_day AS regular_low
    FROM placed WHERE is_high_low
    WINDOW in_session AS (PARTITION BY sym, day, session ORDER BY q ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
           in_day AS (PARTITION BY sym, day ORDER BY q ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
earlier AS (
    SELECT *, [{session: 'regular', level_usd: CASE WHEN session = 'post' THEN regular_high END},
               {session: 'pre', level_usd: CASE WHEN session IN ('regular', 'post') THEN pre_high END},
               {session: 'previous day', level_usd: previous_high}] AS highs,
              [{session: 'regular', level_usd: CASE WHEN session = 'post' THEN regular_low END},
               {session: 'pre', level_usd: CASE WHEN session IN ('regular', 'post') THEN pre_low END},
               {session: 'previous day', level_usd: previous_low}] AS lows
    FROM level LEFT JOIN reference USING (sym, day)
    WHERE session_ms = newest_session_ms AND (price > highest OR price < lowest)),
extreme AS (
    SELECT CASE WHEN price > highest THEN 'high' ELSE 'low' END AS kind, sym, day, arrival, known_ms, t AS event_ms,
           price AS price_usd, CASE WHEN price > highest THEN highest ELSE lowest END AS level_usd,
           CASE WHEN price > highest
                THEN list_filter(highs, lambda held: held.level_usd >= highest AND held.level_usd < price)
                ELSE list_filter(lows, lambda held: held.level_usd <= lowest AND held.level_usd > price)
           END AS breaches, NULL::DOUBLE AS move_pct, NULL::DOUBLE AS size_shares
    FROM earlier),
block AS (
    SELECT 'block', sym, day, arrival, known_ms, t, price, NULL::DOUBLE, [], NULL::DOUBLE, size
    FROM trade WHERE is_volume AND size >= 10_000 AND usd >= 200_000),
beat AS (
    SELECT *, min(close) OVER tens AS least, max(close) OVER tens AS most,
           sum(shares) OVER minute AS minute_shares, sum(shares) OVER hour AS hour_shares,
           min(s // 60) OVER hour AS first_minute
    FROM second
    WINDOW tens AS (PARTITION BY sym ORDER BY s RANGE BETWEEN (s % 10 + 50) PRECEDING AND CURRENT ROW),
           minute AS (PARTITION BY sym ORDER BY s RANGE BETWEEN 59 PRECEDING AND CURRENT ROW),
           hour AS (PARTITION BY sym ORDER BY s RANGE BETWEEN (s % 60 + 3540) PRECEDING AND CURRENT ROW)),
came_late AS (
    SELECT second.sym, second.s, sum(size) FILTER (second.s - in_time.s < 60) AS minute_shares,
           sum(size) AS hour_shares, min(in_time.s // 60) AS first_minute
    FROM second JOIN in_time ON in_time.sym = second.sym AND in_time.late AND in_time.s <= second.s
        AND second.s // 60 - in_time.s // 60 < 60 AND in_time.arrival < second.complete_arrival
    GROUP BY second.sym, second.s),
beaten AS (
    SELECT beat.* REPLACE (beat.minute_shares + coalesce(came_late.minute_shares, 0) AS minute_shares,
                           beat.hour_shares + coalesce(came_late.hour_shares, 0) AS hour_shares,
                           least(beat.first_minute, coalesce(came_late.first_minute, beat.first_minute)) AS first_minute),
           (close - least) / least * 100 AS up_pct, (most - close) / most * 100 AS down_pct,
           s // 60 - least(beat.first_minute, coalesce(came_late.first_minute, beat.first_minute)) AS minutes_before
    FROM beat LEFT JOIN came_late USING (sym, s)
    WHERE complete_ms IS NOT NULL AND close IS NOT NULL),
run AS (
    SELECT unnest([{kind: 'running-up', move_pct: up_pct, against: least, percent: up_pct},
                   {kind: 'running-down', move_pct: -down_pct, against: most, percent: down_pct}],
                  recursive := true), *
    FROM beaten WHERE minute_shares > 1000)
SELECT * FROM extreme
UNION ALL SELECT * FROM block
UNION ALL
SELECT kind, sym, day, complete_arrival, complete_ms, s * 1000 + 999, close, NULL, [], move_pct, NULL
-- $9.00 to $9.18 are two percent, and a little less in binary fractions
FROM run WHERE percent + 1e-9 >= CASE WHEN against < 1 THEN 10 WHEN against < 2 THEN 8 WHEN against < 4 THEN 6
                               WHEN against < 8 THEN 4 WHEN against < 10 THEN 2 ELSE 1 END
UNION ALL
SELECT 'volume-spike', sym, day, complete_arrival, complete_ms, s * 1000 + 999, close, NULL, [], NULL, minute_shares
FROM beaten
WHERE shares * 60 >= 10_000 AND minute_shares >= 10_000 AND minutes_before >= 10
    AND minute_shares >= 5 * (hour_shares - minute_shares) / minutes_before
"""

FIRED = """
WITH since AS (
    SELECT kind, sym, event_ms, arrival, count(*) AS held,
           min(days_ago) FILTER (CASE kind WHEN 'high' THEN past.high >= price_usd ELSE past.low <= price_usd END) - 1 AS days
    FROM candidate JOIN past USING (sym, day) WHERE kind IN ('high', 'low') GROUP BY ALL)
SELECT kind || '-' || translate(sym, '.:', '/=') || '-' || event_ms AS id, kind, sym AS symbol,
       strftime(day, '%Y-%m-%d') AS trading_day, event_ms, price_usd, level_usd, breaches,
       coalesce(since.days, since.held) AS days_since, move_pct, size_shares, known_ms
FROM candidate LEFT JOIN since USING (kind, sym, event_ms, arrival)
ORDER BY kind, sym, arrival
"""

"""All candidates in the order in which they came, by kind and symbol."""


def spaced(candidates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of *candidates* that no other one of the same kind and symbol keeps silent."""
    last_ms: dict[tuple[str, str], int] = {}
    fired = []
    for found in candidates:
        key = (found["kind"], found["symbol"])
        if key not in last_ms or found["event_ms"] - last_ms[key] >= COOLDOWN_MS:
            last_ms[key] = found["event_ms"]
            fired.append(found)
    return fired
