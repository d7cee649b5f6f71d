"""Rows at an instant: prices, totals, extremes, quotes and what reference data makes of them.

- last: the newest bar close or last-sale-eligible trade of the day; at the same millisecond a trade
  goes before a second bar, and that before a minute bar; of two trades the greater sequence.
- volume and VWAP: the running totals of the newest bar of the day by window end (of two, the second
  bar's); on a day without any bar, of the volume-eligible trades. Those of a session are differences of
  these totals, between the newest bar and the last one before the session; if there is none, what was
  before the session is the total of its first bar less that bar's own volume.
- official open: the newest that a bar of the day told; on a day without any bar, the first
  last-sale-eligible trade of the regular session, by sequence.
- high and low: the extremes of all bars that counted and of eligible trades.
- A row belongs to the newest day of bars and trades; only where there are none, to that of the quotes.
- previous close: what reference data says, else from the newest day file before the day, at most ten
  days before it.
"""

MARKET = """
CREATE OR REPLACE TABLE newest_day AS
WITH happened AS (
    SELECT sym, max(day) AS day FROM bar WHERE known_ms <= getvariable('instant_ms') GROUP BY sym
    UNION ALL SELECT sym, max(day) FROM trade WHERE known_ms <= getvariable('instant_ms') GROUP BY sym),
quoted AS (SELECT sym, max(day) AS day FROM quote WHERE known_ms <= getvariable('instant_ms') GROUP BY sym)
SELECT sym, max(day) AS day, true AS printed FROM happened GROUP BY sym
UNION ALL
SELECT sym, day, false FROM quoted WHERE sym NOT IN (SELECT sym FROM happened);

CREATE OR REPLACE TABLE day_bar AS
SELECT bar.* FROM bar JOIN newest_day USING (sym, day) WHERE known_ms <= getvariable('instant_ms');

CREATE OR REPLACE TABLE day_trade AS
SELECT trade.* FROM trade JOIN newest_day USING (sym, day) WHERE known_ms <= getvariable('instant_ms');

CREATE OR REPLACE TABLE newest AS
WITH happened AS (
    SELECT sym, day, session, place, start_ms AS began_ms, close AS price FROM day_bar
    UNION ALL
    SELECT sym, day, session, place, t, CASE WHEN is_last THEN price END FROM day_trade)
-- arg_max passes over unknown prices, which is what is asked for here
SELECT sym, day, arg_max(session, place) AS session, max(place).ms AS event_ms,
       arg_max(began_ms, place) AS began_ms, arg_max(price, place) AS last_usd
FROM happened GROUP BY sym, day
UNION ALL
SELECT sym, day, arg_max(session, arrival), arg_max(t, arrival), arg_max(t, arrival), NULL
FROM quote JOIN newest_day USING (sym, day) WHERE NOT printed AND known_ms <= getvariable('instant_ms') GROUP BY sym, day;

CREATE OR REPLACE TABLE told AS
SELECT * FROM day_bar QUALIFY row_number() OVER (PARTITION BY sym ORDER BY place DESC) = 1;

CREATE OR REPLACE TABLE session_total AS
WITH before AS (
    SELECT told.sym, arg_max({shares: day_bar.day_volume}, day_bar.arrival).shares AS shares,
           arg_max({usd: day_bar.day_volume * day_bar.day_vwap}, day_bar.arrival).usd AS usd
    FROM told JOIN day_bar ON day_bar.sym = told.sym AND day_bar.kind = told.kind
        AND day_bar.start_ms < told.session_ms
    GROUP BY told.sym),
first AS (
    SELECT told.sym, arg_min({volume: day_bar.volume, day_volume: day_bar.day_volume,
        day_usd: day_bar.day_volume * day_bar.day_vwap,
        usd: day_bar.volume * coalesce(day_bar.vwap, day_bar.close)}, day_bar.arrival) AS bar
    FROM told JOIN day_bar ON day_bar.sym = told.sym AND day_bar.kind = told.kind
        AND day_bar.start_ms >= told.session_ms
    GROUP BY told.sym),
earlier AS (
    SELECT first.sym, coalesce(before.shares, CASE WHEN bar.day_volume > bar.volume THEN bar.day_volume - bar.volume
                                                WHEN bar.day_volume IS NOT NULL THEN 0 END) AS shares,
           CASE WHEN before.shares IS NOT NULL THEN before.usd
                WHEN bar.day_volume <= bar.volume THEN 0
                WHEN bar.day_usd IS NOT NULL THEN greatest(bar.day_usd - bar.usd, 0) END AS usd
    FROM first LEFT JOIN before ON before.sym = first.sym)
SELECT sym, told.session, CASE WHEN day_volume IS NOT NULL AND earlier.shares IS NOT NULL
                               THEN greatest(day_volume - earlier.shares, 0) END AS volume,
       (day_volume * day_vwap - earlier.usd) / nullif(greatest(day_volume - earlier.shares, 0), 0) AS vwap
FROM told JOIN earlier USING (sym);

CREATE OR REPLACE TABLE extreme AS
WITH seen AS (
    SELECT sym, session, high, low FROM day_bar
    UNION ALL SELECT sym, session, price, price FROM day_trade WHERE is_high_low)
SELECT sym, max(high) AS high, min(low) AS low, max(high) FILTER (seen.session = newest.session) AS session_high,
       min(low) FILTER (seen.session = newest.session) AS session_low
FROM seen JOIN newest USING (sym) GROUP BY sym;

CREATE OR REPLACE TABLE traded AS
SELECT sym, count(*) FILTER (is_volume) AS trades, sum(size) FILTER (is_volume) AS volume,
       sum(usd) FILTER (is_volume) AS usd,
       nullif(sum(size) FILTER (is_volume AND day_trade.session = newest.session), 0) AS session_volume,
       sum(usd) FILTER (is_volume AND day_trade.session = newest.session) AS session_usd,
       arg_min(price, q) FILTER (is_last AND day_trade.session = 'regular') AS open_usd,
       max(usd) FILTER (is_volume AND size >= 10_000 AND usd >= 200_000) AS block_usd,
       arg_min(t, {less: -usd, q: q}) FILTER (is_volume AND size >= 10_000 AND usd >= 200_000) AS block_ms
FROM day_trade JOIN newest USING (sym) GROUP BY sym;

CREATE OR REPLACE TABLE best AS
SELECT sym, arg_max({bid: bid, bid_shares: bid_shares, ask: ask, ask_shares: ask_shares}, arrival) AS best
FROM quote JOIN newest_day USING (sym) WHERE known_ms <= getvariable('instant_ms') AND quote.day >= newest_day.day
GROUP BY sym;

CREATE OR REPLACE TABLE day_before AS
SELECT newest.day, max(day_close.day) AS before
FROM (SELECT DISTINCT day FROM newest) AS newest
JOIN day_close ON day_close.day < newest.day AND day_close.day >= newest.day - 10
GROUP BY newest.day;

CREATE OR REPLACE TABLE priced AS
SELECT newest.*, coalesce(reference.previous_close, nullif(day_close.close, 0)) AS previous_close_usd,
       CASE WHEN told.sym IS NULL THEN traded.open_usd ELSE told_open.open_usd END AS open_usd,
       CASE WHEN told.sym IS NULL THEN traded.volume ELSE told.day_volume END AS volume_shares,
       CASE WHEN told.sym IS NULL THEN traded.usd / nullif(traded.volume, 0) ELSE told.day_vwap END AS vwap_usd,
       CASE WHEN told.sym IS NULL THEN session_volume
            WHEN told.session = newest.session THEN session_total.volume END AS session_volume_shares,
       CASE WHEN told.sym IS NULL THEN session_usd / session_volume
            WHEN told.session = newest.session THEN session_total.vwap END AS session_vwap_usd,
       extreme.* EXCLUDE (sym), trades, block_usd, block_ms, best
FROM newest
LEFT JOIN told ON told.sym = newest.sym
LEFT JOIN (SELECT sym, arg_max(official_open, place) AS open_usd FROM day_bar GROUP BY sym) AS told_open
    ON told_open.sym = newest.sym
LEFT JOIN session_total ON session_total.sym = newest.sym
LEFT JOIN extreme ON extreme.sym = newest.sym
LEFT JOIN traded ON traded.sym = newest.sym
LEFT JOIN best ON best.sym = newest.sym
LEFT JOIN reference ON reference.sym = newest.sym AND reference.day = newest.day
LEFT JOIN day_before ON day_before.day = newest.day
LEFT JOIN day_close ON day_close.day = day_before.before AND day_close.sym = newest.sym;
"""
"""Makes `newest` and `priced`, one row for each symbol."""

ROWS = """
CREATE OR REPLACE TABLE market AS
WITH since AS (
    SELECT sym, count(*) AS held, min(days_ago) FILTER (past.high >= priced.high) - 1 AS high_days,
           min(days_ago) FILTER (past.low <= priced.low) - 1 AS low_days
    FROM past JOIN priced USING (sym, day) GROUP BY sym),
usually AS (
    SELECT sym, nullif(shares, 0) AS shares
    FROM usual JOIN priced USING (sym) JOIN market_day ON market_day.day = priced.day
    WHERE minute = least((began_ms - pre_ms) // 60_000, 959) AND began_ms >= pre_ms),
changed AS (
    SELECT *, (last_usd::DECIMAL(18, 6) - previous_close_usd::DECIMAL(18, 6))::DOUBLE AS change_usd,
           (last_usd - previous_close_usd) / previous_close_usd * 100 AS change_pct,
           (last_usd::DECIMAL(18, 6) - open_usd::DECIMAL(18, 6))::DOUBLE AS change_open_usd,
           (last_usd - open_usd) / open_usd * 100 AS change_open_pct,
           coalesce(open_usd, last_usd) AS gapped_usd
    FROM priced)
SELECT sym AS symbol, strftime(changed.day, '%Y-%m-%d') AS trading_day, changed.session, event_ms, last_usd,
       changed.open_usd, previous_close_usd, change_usd, change_pct, change_open_usd, change_open_pct,
       volume_shares, vwap_usd,
       (gapped_usd::DECIMAL(18, 6) - previous_close_usd::DECIMAL(18, 6))::DOUBLE AS gap_usd,
       (gapped_usd - previous_close_usd) / previous_close_usd * 100 AS gap_pct,
       changed.high AS day_high_usd, changed.low AS day_low_usd,
       (last_usd - changed.low) / nullif(changed.high - changed.low, 0) * 100 AS day_range_pct,
       session_high AS session_high_usd, session_low AS session_low_usd, session_volume_shares, session_vwap_usd,
       (last_usd / changed.high - 1) * 100 AS high_distance_pct,
       (last_usd / changed.low - 1) * 100 AS low_distance_pct,
       (last_usd / nullif(session_vwap_usd, 0) - 1) * 100 AS vwap_distance_pct,
       volume_shares * vwap_usd AS dollar_volume_usd,
       average_volume AS average_volume_shares, volume_shares / usually.shares AS relative_volume,
       coalesce(curve.days, 0) AS relative_volume_days, volume_shares / nullif(average_volume, 0) AS volume_ratio,
       free_float AS free_float_shares, volume_shares / nullif(free_float, 0) AS float_rotation,
       atr AS atr_usd, change_usd / nullif(atr, 0) AS atr_multiple,
       previous_open AS previous_open_usd, previous_high AS previous_high_usd, previous_low AS previous_low_usd,
       previous_volume AS previous_volume_shares, previous_vwap AS previous_vwap_usd,
       CASE WHEN changed.high IS NOT NULL THEN coalesce(since.high_days, held) END AS high_days,
       CASE WHEN changed.low IS NOT NULL THEN coalesce(since.low_days, held) END AS low_days,
       told.start_ms AS bar_start_ms, told.end_ms AS bar_end_ms, told.open AS bar_open_usd,
       told.high AS bar_high_usd, told.low AS bar_low_usd, told.close AS bar_close_usd,
       told.volume AS bar_volume_shares, told.vwap AS bar_vwap_usd, told.average_size AS average_size_shares,
       best.bid AS bid_usd, best.ask AS ask_usd, best.bid_shares AS bid_shares, best.ask_shares AS ask_shares,
       (best.ask::DECIMAL(18, 6) - best.bid::DECIMAL(18, 6))::DOUBLE AS spread_usd,
       (best.ask::DECIMAL(18, 6) - best.bid::DECIMAL(18, 6))::DOUBLE / ((best.ask + best.bid) / 2) * 100
           AS spread_pct,
       trades, block_usd, block_ms, active.* EXCLUDE (sym)
FROM changed
LEFT JOIN told USING (sym)
LEFT JOIN reference ON reference.sym = changed.sym AND reference.day = changed.day
LEFT JOIN since USING (sym)
LEFT JOIN usually USING (sym)
LEFT JOIN (SELECT DISTINCT sym, days FROM usual) AS curve USING (sym)
LEFT JOIN active USING (sym);
"""
"""Makes `market` of `priced` and `active`: rows with the product's names of fields."""
