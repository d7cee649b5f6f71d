"""Which events of a tape count, and what each may update: queries over the tables of `reading`.

- A trade counts unless a trade of its symbol with the same or a greater sequence came before it on its
  day, or one of a later day did. A bar counts unless one with a later start came before it, a quote
  unless one that was newer (by time, then by sequence) did; these by symbol and channel.
- The day and session of a trade are those of its time, of a bar those of its start, in New York.
- Trades are eligible as the vendor's table of conditions says. Outside the regular session, Form T
  (12) keeps no trade from being the last sale, a high or a low.
- Flat files: the volume of minute bars is the running sum of the day, their official open is that of
  the first regular-session bar, their VWAP is not known.
"""

EVENTS = """
CREATE TABLE bar AS
WITH timed AS (
    SELECT told_bar.*, market_day.day, session_at(start_ms, market_day) AS session,
           row_number() OVER (ORDER BY known_ms, place, line) AS arrival
    FROM told_bar JOIN market_day ON new_york_day(start_ms) = market_day.day),
counted AS (
    SELECT * FROM timed
    QUALIFY start_ms = max(start_ms) OVER (PARTITION BY sym, kind ORDER BY arrival))
SELECT sym, day, kind, session.name AS session, session.since_ms AS session_ms, start_ms, end_ms, known_ms,
       arrival, open, high, low, close, volume, vwap, average_size, day_vwap,
       CASE WHEN flat THEN round(sum(volume) OVER so_far, 6) ELSE day_volume END AS day_volume,
       CASE WHEN flat THEN arg_min(open, start_ms) FILTER (session.name = 'regular') OVER so_far
            ELSE official_open END AS official_open,
       {ms: end_ms, kind: kind, n: arrival} AS place
FROM counted
WINDOW so_far AS (PARTITION BY sym, kind, day ORDER BY arrival ROWS UNBOUNDED PRECEDING);

CREATE TABLE trade AS
WITH timed AS (
    SELECT print.*, market_day.day, session_at(t, market_day) AS session,
           row_number() OVER (ORDER BY known_ms, place, line) AS arrival
    FROM print JOIN market_day ON new_york_day(t) = market_day.day),
in_day AS (
    SELECT * FROM timed QUALIFY day = max(day) OVER (PARTITION BY sym ORDER BY arrival)),
counted AS (
    SELECT * FROM in_day
    QUALIFY q > coalesce(max(q) OVER (PARTITION BY sym, day ORDER BY arrival
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1)),
restricted AS (
    SELECT sym, day, q, bool_or(NOT updates_volume) AS no_volume,
           bool_or(NOT updates_last AND NOT (id = 12 AND session <> 'regular')) AS no_last,
           bool_or(NOT updates_high_low AND NOT (id = 12 AND session <> 'regular')) AS no_high_low
    FROM (SELECT sym, day, q, session.name AS session, unnest(conditions) AS id FROM counted)
    JOIN condition USING (id) GROUP BY sym, day, q)
SELECT sym, day, session.name AS session, session.since_ms AS session_ms, t, t // 1000 AS s, q, known_ms,
       arrival, price, size, size * price AS usd, {ms: t, kind: 2, n: q} AS place,
       NOT coalesce(no_last, false) AS is_last, NOT coalesce(no_volume, false) AS is_volume,
       NOT coalesce(no_high_low, false) AS is_high_low
FROM counted LEFT JOIN restricted USING (sym, day, q);

CREATE TABLE quote AS
WITH timed AS (
    SELECT *, {t: t, q: q} AS place_in_time,
           row_number() OVER (ORDER BY known_ms, place, line) AS arrival
    FROM told_quote)
SELECT sym, market_day.day, session_at(t, market_day).name AS session, t, q, known_ms, arrival, bid, bid_shares,
       ask, ask_shares, (bid + ask) / 2 AS middle
FROM timed JOIN market_day ON new_york_day(t) = market_day.day
QUALIFY place_in_time > max(place_in_time) OVER (
            PARTITION BY sym ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        OR row_number() OVER (PARTITION BY sym ORDER BY arrival) = 1;
"""
"""Makes `bar`, `trade` and `quote` of what counts."""
