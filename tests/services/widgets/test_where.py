"""Conditions by hand, and which rows they take."""

import pytest

from schemas.columns import Columns, columns_of
from schemas.leaderboard import Row
from services.widgets.where import compile_where


T0 = 1_767_623_400_000

ROWS = [
    Row("A", "2026-01-05", "pre", T0, last_usd=10.0, bid_usd=9.5, ask_usd=10.5, gap_pct=6.0),
    Row("B", "2026-01-05", "regular", T0, last_usd=4.0, bid_usd=0.0, gap_pct=-8.0, halt="paused"),
    Row("BRK.B", "2026-01-06", "regular", T0, last_usd=500.0, bid_usd=499.0, halt="resumed"),
    Row("C", "2026-01-02", "closed", T0, gap_pct=0.0, trades=0),
]
MARKET = columns_of(ROWS)


def taken(text: str, columns: Columns = MARKET) -> list[str]:
    """Symbols of the rows that a condition takes."""
    mask = compile_where(text).mask(columns)
    return [symbol for symbol, taken in zip(columns.symbols, mask, strict=True) if taken]


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        # numbers, and what is not known
        ("last_usd > 5", "A BRK.B"),
        ("last_usd >= 4", "A B BRK.B"),
        ("last_usd < 5", "B"),
        ("last_usd <= 4", "B"),
        ("last_usd == 10", "A"),
        ("last_usd != 10", "B BRK.B"),
        ("not last_usd == 10", "B BRK.B"),
        ("not last_usd != 10", "A"),
        ("not last_usd > 5", "B"),
        ("not last_usd < 5", "A BRK.B"),
        ("not last_usd >= 10", "B"),
        ("not last_usd <= 10", "BRK.B"),
        ("known(last_usd)", "A B BRK.B"),
        ("not known(last_usd)", "C"),
        ("not not known(last_usd)", "A B BRK.B"),
        ("4 < last_usd <= 500", "A BRK.B"),
        ("not 4 < last_usd < 500", "B BRK.B"),
        ("not -9 < gap_pct < last_usd < 100", "BRK.B"),
        ("5 < last_usd", "A BRK.B"),
        ("1 < 2", "A B BRK.B C"),
        ("2 < 1 < last_usd", ""),
        ("last_usd > 1_0.0e0", "BRK.B"),
        ("last_usd > .5 and last_usd < 5.", "B"),
        # logic of three values
        ("last_usd > 5 and gap_pct > 5", "A"),
        ("not (last_usd > 5 and gap_pct > 5)", "B C"),
        ("last_usd > 5 or gap_pct == 0", "A BRK.B C"),
        ("not (last_usd > 5 or gap_pct == 0)", "B"),
        ("gap_pct > 5 or last_usd > 5 and bid_usd > 100", "A BRK.B"),
        ("not gap_pct > 5 and last_usd < 5", "B"),
        # arithmetic
        ("last_usd - bid_usd == 0.5", "A"),
        ("-gap_pct > 5", "B"),
        ("- -gap_pct > 5", "A"),
        ("last_usd / 2 + 1 * 3 > 7", "A BRK.B"),
        ("last_usd / (2 + 1) * 3 < 11", "A B"),
        ("last_usd / bid_usd > 0", "A BRK.B"),
        ("not known(last_usd / bid_usd)", "B C"),
        ("known(bid_usd / last_usd)", "A B BRK.B"),
        ("last_usd * 1e308 > 0", ""),
        ("not known(last_usd * 1e308 * 0)", "A B BRK.B C"),
        ("1 / 0 > 0 or last_usd > 10", "BRK.B"),
        ("abs(gap_pct) > 5", "A B"),
        ("min(last_usd, 5) == 5", "A BRK.B"),
        ("max(last_usd, gap_pct, 9) == 9", "B"),
        ("known(max(last_usd, gap_pct))", "A B"),
        ("known(5)", "A B BRK.B C"),
        # texts
        ("symbol == 'BRK.B'", "BRK.B"),
        ("'BRK.B' == symbol", "BRK.B"),
        ('symbol != "A"', "B BRK.B C"),
        ("not symbol == 'a'", "A B BRK.B C"),
        ("symbol in ('A', 'C', 'é', 'nan')", "A C"),
        ("symbol not in ['A', 'C']", "B BRK.B"),
        ("not symbol not in ['A', 'C']", "A C"),
        ("known(symbol)", "A B BRK.B C"),
        ("not known(symbol)", ""),
        ("starts_with(symbol, 'B')", "B BRK.B"),
        ("not starts_with(symbol, 'BRK')", "A B C"),
        ("session == 'regular'", "B BRK.B"),
        ("session != 'regular'", "A C"),
        ("session in ('pre', 'post')", "A"),
        ("halt == 'paused'", "B"),
        ("halt != 'paused'", "BRK.B"),
        ("not halt == 'paused'", "BRK.B"),
        ("halt not in ('paused', 'limit')", "BRK.B"),
        ("not known(halt)", "A C"),
        ("trading_day == '2026-01-05'", "A B"),
        ("'2026-01-02' < trading_day", "A B BRK.B"),
        ("'2026-01-02' < trading_day <= '2026-01-05'", "A B"),
        ("trading_day in ['2026-01-06']", "BRK.B"),
        # lists of numbers
        ("last_usd in (10, 4.0)", "A B"),
        ("last_usd not in (10, 4)", "BRK.B"),
        ("gap_pct in (-8,)", "B"),
        ("last_usd in ()", ""),
        ("not last_usd in ()", "A B BRK.B"),
        ("gap_pct + 1 in [1, 7]", "A C"),
        ("1 < last_usd in (10, 20)", "A"),
        # and a little of everything
        (" \t( session=='pre'or(trades)==0 ) ", "A C"),
        ("trades == 0", "C"),
        (f"event_ms >= {T0}", "A B BRK.B C"),
        (f"event_ms > {T0}", ""),
    ],
)
def test_condition_takes(text: str, symbols: str) -> None:
    """A condition takes the rows for which it is true, and none for which it is false or unknown."""
    assert taken(text) == symbols.split()


def test_infinity_in_a_column_is_unknown() -> None:
    """A number that JSON cannot hold is unknown to whoever reads the row, and so it is here."""
    columns = columns_of([*ROWS, Row("D", "2026-01-05", "pre", T0, last_usd=float("inf"))])

    assert taken("last_usd > 5", columns) == ["A", "BRK.B"]
    assert taken("not known(last_usd)", columns) == ["C", "D"]


def test_mask_of_no_rows_is_empty() -> None:
    """A table before its first row is no special case."""
    assert taken("1 < 2 and symbol == 'A' or last_usd in (1, 2)", columns_of([])) == []


def test_condition_may_be_asked_of_any_table() -> None:
    """What is kept of the symbols of one table is not taken for those of another, or of the same one grown."""
    where = compile_where("symbol == 'C'")
    symbols = ["A", "C"]
    grown = columns_of([*ROWS[:1], *ROWS[3:]])
    grown.symbols = symbols

    assert where.mask(MARKET).tolist() == [False, False, False, True]
    assert where.mask(grown).tolist() == [False, True]
    assert where.mask(columns_of(ROWS[:1])).tolist() == [False]
    symbols.reverse()
    assert where.mask(grown).tolist() == [True, False]
    assert where.mask(MARKET).tolist() == [False, False, False, True]


def test_where_says_what_it_reads() -> None:
    """Fields that a condition depends on are told, without functions and texts."""
    where = compile_where("min(bid_usd, 5) > 1 and symbol != 'session'")

    assert where.text == "min(bid_usd, 5) > 1 and symbol != 'session'"
    assert where.fields == {"bid_usd", "symbol"}
