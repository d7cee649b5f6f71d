"""Boards at an instant: rows ranked by a score, and where the market is."""

MOMENT = """
CREATE OR REPLACE TABLE moment AS
SELECT trading_day, session, event_ms FROM market
ORDER BY trading_day DESC, event_ms DESC, list_position(['closed', 'pre', 'regular', 'post'], session) DESC
LIMIT 1
"""

RANKED = """
WITH scored AS (
    SELECT unnest([
        {board: 'blocks', score: block_usd, max_age_s: NULL},
        {board: 'dollar-volume', score: dollar_volume_usd, max_age_s: NULL},
        {board: 'dollars-1h', score: volume_1h_usd, max_age_s: 3600},
        {board: 'dollars-1m', score: volume_1m_usd, max_age_s: 60},
        {board: 'dollars-5m', score: volume_5m_usd, max_age_s: 300},
        {board: 'gainers', score: change_open_pct, max_age_s: NULL},
        {board: 'gappers', score: change_pct, max_age_s: NULL},
        {board: 'losers', score: -change_open_pct, max_age_s: NULL},
        {board: 'low-float', max_age_s: NULL,
          score: CASE WHEN free_float_shares <= 20_000_000 AND change_pct > 0 THEN change_pct END},
        {board: 'momentum', score: momentum, max_age_s: 60},
        {board: 'new-highs', score: CASE WHEN high_distance_pct >= -1 THEN nullif(high_days, 0) END,
          max_age_s: NULL},
        {board: 'new-lows', score: CASE WHEN low_distance_pct <= 1 THEN nullif(low_days, 0) END,
          max_age_s: NULL},
        {board: 'relative-volume', max_age_s: NULL,
          score: CASE WHEN relative_volume_days >= 5 THEN relative_volume END},
        {board: 'spreads', max_age_s: NULL,
          score: CASE WHEN spread_pct > 0 AND last_usd IS NOT NULL THEN spread_pct END},
        {board: 'trades-1h', score: trades_1h, max_age_s: 3600},
        {board: 'trades-1m', score: trades_1m, max_age_s: 60},
        {board: 'trades-5m', score: trades_5m, max_age_s: 300},
        {board: 'trades-day', score: trades, max_age_s: NULL},
        {board: 'volume', score: volume_shares, max_age_s: NULL},
        {board: 'volume-1h', score: volume_1h_shares, max_age_s: 3600},
        {board: 'volume-5m', score: volume_5m_shares, max_age_s: 300},
        {board: 'volume-1m', score: volume_1m_shares, max_age_s: 60}], recursive := true), market.*, moment.event_ms - market.event_ms AS age_ms
    FROM market JOIN moment USING (trading_day))
SELECT board, row_number() OVER (PARTITION BY board ORDER BY score DESC, symbol) AS rank, symbol, score,
       last_usd, open_usd, previous_close_usd, change_usd, change_pct, change_open_usd, change_open_pct,
       volume_shares, vwap_usd, session, event_ms, gap_pct, relative_volume, dollar_volume_usd,
       free_float_shares, float_rotation, spread_pct
FROM scored WHERE score IS NOT NULL AND (max_age_s IS NULL OR age_ms <= max_age_s * 1000)
QUALIFY rank <= $top
ORDER BY board, rank
"""

BOARDS = (
    "blocks", "dollar-volume", "dollars-1h", "dollars-1m", "dollars-5m", "gainers", "gappers", "losers", "low-float",
    "momentum", "new-highs", "new-lows", "relative-volume", "spreads", "trades-1h", "trades-1m",
    "trades-5m", "trades-day", "volume", "volume-1h", "volume-1m", "volume-5m",
)  # fmt: skip
"""Boards that there is a query for."""

BY_REFERENCE = frozenset({"low-float", "new-highs", "new-lows", "relative-volume"})
"""Boards of which nothing is known without reference data."""

REFERENCE_FIELDS = ("relative_volume", "free_float_shares", "float_rotation")
"""Fields of ranked rows of which the same is true."""
