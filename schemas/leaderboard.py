"""Rows (all that is known of a symbol now) and boards (rows ranked by a score)."""

from schemas.wire import Wire


SESSIONS = ("closed", "pre", "regular", "post")
"""The parts of a trading day; a column of rows holds the place in here."""
HALTS = ("limit", "paused", "resumed")
"""States of a symbol that traded otherwise than normally today; a column holds the place in here."""


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
    last_usd: float | None = None
    """Newest price among bar closes and last-sale-eligible trades."""
    open_usd: float | None = None
    """Official opening price of the day; None before the opening print."""
    previous_close_usd: float | None = None
    """Official close of the trading day before."""
    change_usd: float | None = None
    """last − previous close."""
    change_pct: float | None = None
    """Against the previous close."""
    change_open_usd: float | None = None
    """last − official open."""
    change_open_pct: float | None = None
    """Against the official open."""
    volume_shares: float | None = None
    """Of the day, all sessions."""
    vwap_usd: float | None = None
    """Of the day, all sessions."""
    gap_usd: float | None = None
    """Official open − previous close; before the open, last − previous close."""
    gap_pct: float | None = None
    """Against the previous close; it stands still from the opening print on."""
    change_1m_pct: float | None = None
    """Against the last price before the minute that began one minute before the newest event's minute did."""
    change_5m_pct: float | None = None
    change_15m_pct: float | None = None
    day_high_usd: float | None = None
    """Of all sessions of the day, from bars and eligible trades."""
    day_low_usd: float | None = None
    day_range_pct: float | None = None
    """Where last stands between the low (0) and the high (100) of the day; None while they are equal."""
    session_high_usd: float | None = None
    session_low_usd: float | None = None
    session_volume_shares: float | None = None
    session_vwap_usd: float | None = None
    high_distance_pct: float | None = None
    """last against the high of the day: 0 at it, negative below it."""
    low_distance_pct: float | None = None
    """last against the low of the day: 0 at it, positive above it."""
    vwap_distance_pct: float | None = None
    """last against the VWAP of the session."""
    dollar_volume_usd: float | None = None
    """Volume of the day times its VWAP."""
    average_volume_shares: float | None = None
    """Mean of up to 30 full trading days before this one."""
    relative_volume: float | None = None
    """Volume of the day over its average until the same minute of the day, in every session."""
    relative_volume_days: int = 0
    """How many days that average is of: below 5 it says little."""
    volume_ratio: float | None = None
    """Volume of the day over `average_volume_shares`, whatever the time."""
    free_float_shares: float | None = None
    float_rotation: float | None = None
    """Volume of the day over the free float."""
    atr_usd: float | None = None
    """Average true range of 14 days, Wilder's."""
    atr_multiple: float | None = None
    """(last − previous close) over the ATR."""
    previous_open_usd: float | None = None
    previous_high_usd: float | None = None
    previous_low_usd: float | None = None
    previous_volume_shares: float | None = None
    previous_vwap_usd: float | None = None
    high_days: int | None = None
    """Trading days since the price was as high as the high of the day; all that are known if it never was.
    0 if yesterday's was as high."""
    low_days: int | None = None
    bar_start_ms: int | None = None
    """Of the newest bar, as the next fields."""
    bar_end_ms: int | None = None
    bar_open_usd: float | None = None
    bar_high_usd: float | None = None
    bar_low_usd: float | None = None
    bar_close_usd: float | None = None
    bar_volume_shares: float | None = None
    bar_vwap_usd: float | None = None
    average_size_shares: float | None = None
    """Of the trades in that bar."""
    bid_usd: float | None = None
    ask_usd: float | None = None
    bid_shares: float | None = None
    ask_shares: float | None = None
    spread_usd: float | None = None
    """Negative when the market is crossed."""
    spread_pct: float | None = None
    """Against the middle of bid and ask."""
    trades: int | None = None
    """Of the day; None where the feed has no trades."""
    trades_1m: int | None = None
    """In the minute that ends with the symbol's newest second; so also the next fields, of their times."""
    trades_5m: int | None = None
    trades_1h: int | None = None
    volume_1m_shares: float | None = None
    volume_5m_shares: float | None = None
    volume_1h_shares: float | None = None
    volume_1m_usd: float | None = None
    volume_5m_usd: float | None = None
    volume_1h_usd: float | None = None
    trades_per_s_5s: float | None = None
    trades_per_s_15s: float | None = None
    trades_per_s_60s: float | None = None
    tape_5s_shares_per_s: float | None = None
    """Bought less sold shares, by the quote at the time of each trade."""
    tape_15s_shares_per_s: float | None = None
    tape_60s_shares_per_s: float | None = None
    momentum: float | None = None
    """Trades per second in the last 15 s over those in the last five minutes."""
    block_usd: float | None = None
    """The greatest block of the day."""
    block_ms: int | None = None
    halt: str | None = None
    """One of `HALTS`: at a price band, paused, or trading again after a pause; None for all others."""
    halt_ms: int | None = None
    """Since when; None also where the feed does not say when trading began again."""
    news_ms: int | None = None
    """Time of publication of the newest article about the symbol."""


class RowWithHeadline(Row, frozen=True):
    """A row as KV `rows` has it of a symbol that there is news about: columns hold no texts."""

    headline: str | None = None
    """Title of the newest article about the symbol."""


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
    gap_pct: float | None = None
    relative_volume: float | None = None
    dollar_volume_usd: float | None = None
    free_float_shares: float | None = None
    float_rotation: float | None = None
    spread_pct: float | None = None
    halt: str | None = None


class Board(Wire, frozen=True, omit_defaults=True):
    """A leaderboard: the best rows of the whole market by one score, best first, ties by symbol.

    As JSON this is the value of KV `boards` and the payload of `board.{name}`. Everything but
    `seq` follows from the tape alone.
    """

    board: str
    trading_day: str
    session: str
    """Of the newest event of a row: a bar, a minute bar or a trade, or the quote of a symbol without any."""
    asof_ms: int
    """Time of that event, epoch milliseconds UTC."""
    seq: int
    """Grows with every change of this board."""
    rows: list[RankedRow]
    paused: bool = False
    """Somebody wants it to stay as it is; absent while nobody does."""


def ranked(rank: int, score: float, row: Row) -> RankedRow:
    """*row* at place *rank* of a board."""
    return RankedRow(
        rank, row.symbol, score, row.last_usd, row.open_usd, row.previous_close_usd,
        row.change_usd, row.change_pct, row.change_open_usd, row.change_open_pct,
        row.volume_shares, row.vwap_usd, row.session, row.event_ms, row.gap_pct,
        row.relative_volume, row.dollar_volume_usd, row.free_float_shares, row.float_rotation,
        row.spread_pct, row.halt,
    )  # fmt: skip
