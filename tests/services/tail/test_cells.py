"""Values as a person reads them."""

from typing import Any

import pytest

from services.tail.cells import cell, heading


@pytest.mark.parametrize(
    ("column", "value", "shown", "style"),
    [
        ("symbol", "BRK.B", "BRK.B", "bold"),
        ("session", "pre", "pre", ""),
        ("last_usd", 12.3, "12.30", ""),
        ("last_usd", 0.12345, "0.1235", ""),
        ("last_usd", 745_000.5, "745,000.50", ""),
        ("spread_usd", 0.0, "0.00", ""),
        ("dollar_volume_usd", 12_345_678.0, "12.35M", ""),
        ("dollar_volume_usd", 2e9, "2.00B", ""),
        ("change_pct", 5.125, "+5.12", "green"),
        ("change_pct", -5.0, "-5.00", "red"),
        ("change_pct", 0.0, "0.00", ""),
        ("spread_pct", 0.5, "0.50", ""),
        ("change_usd", -0.25, "-0.25", "red"),
        ("change_usd", 0.0021, "+0.0021", "green"),
        ("volume_shares", 12_345.0, "12,345", ""),
        ("volume_shares", 1_234_567.0, "1.23M", ""),
        ("tape_5s_shares_per_s", -1200.4, "-1,200", "red"),
        ("relative_volume", 3.456, "3.46", ""),
        ("trades", 12_345, "12,345", ""),
        ("event_ms", 1_772_461_805_000, "09:30:05", ""),
        ("event_ms", 1_783_000_805_000, "10:00:05", ""),
        ("event_ms", 0, "–", ""),
        ("event_ms", 10**30, "–", ""),
        ("halt", None, "–", "dim"),
        ("title", "a\x1b[2Jb\nc", "a [2Jb c", ""),
        ("symbols", ["A"], "['A']", ""),
    ],
)
def test_cell_is_written_by_its_unit(column: str, value: Any, shown: str, style: str) -> None:
    """Money, percent, shares and New York time by the name's unit; None is a dash; no text steers the terminal."""
    found = cell(column, value)

    assert (found.plain, str(found.style)) == (shown, style)


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ("last_usd", "last $"),
        ("change_5m_pct", "change 5m %"),
        ("volume_shares", "volume"),
        ("event_ms", "event"),
        ("relative_volume", "relative volume"),
        ("symbol", "symbol"),
    ],
)
def test_heading_has_the_sign_of_the_unit(column: str, shown: str) -> None:
    """Units are signs, or say nothing that the values do not."""
    assert heading(column) == shown
