"""Values as a person reads them, by the unit that their name ends with."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text


_NEW_YORK = ZoneInfo("America/New_York")  # the calendar's own brings the holidays: half a second
_UNKNOWN = "–"
_UNSIGNED = frozenset({"spread_pct", "day_range_pct"})
"""Percentages that say how much, not which way."""
_DIFFERENCES = ("change_", "gap_", "tape_")
_UNITS = {"usd": "$", "pct": "%", "shares": "", "ms": ""}
_LARGE = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_SMALL_PRICE_USD, _SMALL_CHANGE_USD = 1.0, 0.1
"""Below it money has four decimals: ticks of such prices are smaller than a cent."""
_LATEST_MS = 253_402_300_799_000
"""The end of the year 9999, beyond which there is no date."""


def heading(column: str) -> str:
    """The name of a column with the sign of its unit."""
    name, _, unit = column.rpartition("_")
    if not name or unit not in _UNITS:
        return column.replace("_", " ")
    return f"{name.replace('_', ' ')} {_UNITS[unit]}".strip()


def cell(column: str, value: Any) -> Text:
    """*value* of *column*: money, shares, percent and time each in their own way, coloured by sign."""
    if value is None:
        return Text(_UNKNOWN, style="dim")
    if isinstance(value, str):
        return Text(printable(value), style="bold" if column == "symbol" else "")
    if not isinstance(value, int | float):
        return Text(printable(str(value)))
    if column.endswith("_ms"):
        return Text(clock_time(value))
    if not _is_signed(column):
        return Text(_number(column, value))
    style = "green" if value > 0 else "red" if value < 0 else ""
    return Text(f"{'+' if value > 0 else ''}{_number(column, value)}", style=style)


def is_text(column: str, values: list[Any]) -> bool:
    """Whether a column reads from the left."""
    return column == "symbol" or any(isinstance(value, str) for value in values)


def clock_time(at_ms: float) -> str:
    """The time of day in New York of milliseconds since the epoch."""
    if not 0 < at_ms <= _LATEST_MS:
        return _UNKNOWN
    return datetime.fromtimestamp(at_ms / 1000, _NEW_YORK).strftime("%H:%M:%S")


def printable(text: str) -> str:
    """*text* without what would steer the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


def _is_signed(column: str) -> bool:
    if column in _UNSIGNED:
        return False
    return column.endswith("_pct") or column.startswith(_DIFFERENCES)


def _number(column: str, value: float) -> str:
    size = abs(value)
    for least, letter in _LARGE:
        if size >= least:
            return f"{value / least:,.2f}{letter}"
    if column.endswith("_usd"):
        small = _SMALL_CHANGE_USD if _is_signed(column) else _SMALL_PRICE_USD
        return f"{value:.4f}" if 0 < size < small else f"{value:,.2f}"
    if column.endswith(("_shares", "_shares_per_s")):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
