"""How busy symbols are: windows by event time, the sides of trades, and prices of some minutes ago.

- Windows end with the symbol's newest second that had a volume-eligible trade on the day of its row:
  those of up to a minute in steps of a second, five minutes in steps of 15 s, an hour in steps of a minute.
- A trade is bought above and sold below the middle of the last quote at or before its time; it counts
  so once a later quote has come.
- A second begins with its first volume-eligible trade, if that is later than all before it, and is
  complete when the next one begins, or a trade of a later day comes. Its price is the last eligible one
  until its end, out of the trades that came before it was complete.
"""

SECONDS = """
CREATE TABLE in_time AS
SELECT *, s < max(s) OVER (PARTITION BY sym, day ORDER BY q) AS late FROM trade WHERE is_volume;

CREATE TABLE side AS
WITH quoted AS (
    SELECT sym, t, min(known_ms) AS known_ms, arg_max({usd: middle}, q).usd AS middle FROM quote GROUP BY sym, t)
SELECT trade.sym, trade.s, greatest(trade.known_ms, later.known_ms) AS known_ms,
       trade.size * sign(trade.price - quoted.middle) AS signed
FROM trade
ASOF JOIN quoted ON quoted.sym = trade.sym AND quoted.t <= trade.t
ASOF JOIN quoted AS later ON later.sym = trade.sym AND later.t > trade.t
WHERE is_volume AND quoted.middle IS NOT NULL;

CREATE TABLE second AS
WITH began AS (
    SELECT sym, day, s, min(arrival) AS arrival, min(known_ms) AS known_ms, count(*) AS prints,
           sum(size) AS shares, sum(usd) AS usd
    FROM in_time WHERE NOT late GROUP BY sym, day, s),
new_day AS (SELECT sym, day, min(arrival) AS arrival, min(known_ms) AS known_ms FROM trade GROUP BY sym, day),
next_day AS (
    SELECT sym, day, lead(arrival) OVER days AS arrival, lead(known_ms) OVER days AS known_ms
    FROM new_day WINDOW days AS (PARTITION BY sym ORDER BY day)),
complete AS (
    SELECT began.*,
           coalesce(lead(began.arrival) OVER seconds, next_day.arrival) AS complete_arrival,
           coalesce(lead(began.known_ms) OVER seconds, next_day.known_ms) AS complete_ms
    FROM began JOIN next_day USING (sym, day)
    WINDOW seconds AS (PARTITION BY sym, day ORDER BY s)),
-- times and arrivals of these both increase, so of two of them the earlier one satisfies both conditions
last_sale AS (
    SELECT sym, day, t, arrival, price FROM trade WHERE is_last
    QUALIFY t >= coalesce(max(t) OVER (PARTITION BY sym, day ORDER BY q
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), t)),
last_sale_at AS (SELECT sym, day, t, max(arrival) AS arrival, arg_max(price, arrival) AS price
                 FROM last_sale GROUP BY sym, day, t)
SELECT complete.*, CASE WHEN arrived.arrival < until.arrival THEN arrived.price ELSE until.price END AS close
FROM complete
ASOF LEFT JOIN last_sale AS arrived ON arrived.sym = complete.sym AND arrived.day = complete.day
    AND arrived.arrival < coalesce(complete.complete_arrival, 1_000_000_000_000)
ASOF LEFT JOIN last_sale_at AS until ON until.sym = complete.sym AND until.day = complete.day
    AND until.t < (complete.s + 1) * 1000;
"""
"""Makes `side` and `second`, of the whole tape."""

ACTIVE = """
CREATE OR REPLACE TABLE active AS
WITH now AS (
    SELECT sym, max(s) FILTER (is_volume) AS s FROM day_trade GROUP BY sym HAVING count(*) FILTER (is_volume) > 0),
printed AS (
    SELECT sym, size, usd, now.s - trade.s < 5 AS in_5s, now.s - trade.s < 15 AS in_15s,
           now.s - trade.s < 60 AS in_60s, now.s // 15 - trade.s // 15 < 20 AS in_5m,
           now.s // 60 - trade.s // 60 < 60 AS in_1h
    FROM trade JOIN now USING (sym)
    WHERE is_volume AND known_ms <= getvariable('instant_ms') AND trade.s > now.s - 3660),
counted AS (
    SELECT sym, count(*) FILTER (in_5s) AS prints_5s, count(*) FILTER (in_15s) AS prints_15s,
           count(*) FILTER (in_60s) AS prints_60s, count(*) FILTER (in_5m) AS prints_5m,
           count(*) FILTER (in_1h) AS prints_1h,
           sum(size) FILTER (in_60s) AS shares_60s, sum(size) FILTER (in_5m) AS shares_5m,
           sum(size) FILTER (in_1h) AS shares_1h,
           sum(usd) FILTER (in_60s) AS usd_60s, sum(usd) FILTER (in_5m) AS usd_5m,
           sum(usd) FILTER (in_1h) AS usd_1h
    FROM printed GROUP BY sym),
sided AS (
    SELECT sym, sum(signed) FILTER (now.s - side.s < 5) AS in_5s, sum(signed) FILTER (now.s - side.s < 15) AS in_15s,
           sum(signed) FILTER (now.s - side.s < 60) AS in_60s
    FROM side JOIN now USING (sym) WHERE known_ms <= getvariable('instant_ms') AND side.s > now.s - 60 GROUP BY sym),
filled AS (
    SELECT sym, any_value(now.s) AS s, arg_max(price, place) FILTER (is_last AND day_trade.s <= now.s) AS close
    FROM day_trade JOIN now USING (sym) GROUP BY sym),
closed AS (
    SELECT sym, second.s // 60 AS minute, second.s, close FROM second JOIN now USING (sym)
    WHERE complete_ms <= getvariable('instant_ms') AND close IS NOT NULL
    UNION ALL SELECT sym, s // 60, s, close FROM filled WHERE close IS NOT NULL),
-- the last prices before the minutes one, five and fifteen before that of the newest event
before AS (
    SELECT sym, arg_max(close, closed.s) FILTER (began_ms // 60_000 - minute > 1) AS price_1m,
           arg_max(close, closed.s) FILTER (began_ms // 60_000 - minute > 5) AS price_5m,
           arg_max(close, closed.s) FILTER (began_ms // 60_000 - minute > 15) AS price_15m
    FROM closed JOIN newest USING (sym) GROUP BY sym)
SELECT sym, (last_usd / price_1m - 1) * 100 AS change_1m_pct, (last_usd / price_5m - 1) * 100 AS change_5m_pct,
       (last_usd / price_15m - 1) * 100 AS change_15m_pct,
       prints_60s AS trades_1m, prints_5m AS trades_5m, prints_1h AS trades_1h,
       shares_60s AS volume_1m_shares, shares_5m AS volume_5m_shares, shares_1h AS volume_1h_shares,
       usd_60s AS volume_1m_usd, usd_5m AS volume_5m_usd, usd_1h AS volume_1h_usd,
       prints_5s / 5 AS trades_per_s_5s, prints_15s / 15 AS trades_per_s_15s, prints_60s / 60 AS trades_per_s_60s,
       coalesce(in_5s, 0) / 5 AS tape_5s_shares_per_s, coalesce(in_15s, 0) / 15 AS tape_15s_shares_per_s,
       coalesce(in_60s, 0) / 60 AS tape_60s_shares_per_s,
       CASE WHEN prints_5m >= 30 THEN (prints_15s / 15) / (prints_5m / 300) END AS momentum
FROM counted
JOIN newest USING (sym)
LEFT JOIN sided USING (sym)
LEFT JOIN before USING (sym);
"""
"""Makes `active` of `day_trade` and `newest`: one row for each symbol that has traded on the day of its row."""
