"""Views of a board that differ from each other, all of them with hundreds of rows."""

from schemas.widget import View


FEED = "board/gainers"
MOST_VIEWS = 300
"""So many differ by the number of their rows alone."""

_FULL = 500
_COLUMNS = (
    None,
    ["last_usd", "change_open_pct", "volume_shares", "relative_volume"],
    ["last_usd", "change_usd", "change_pct", "gap_pct", "volume_shares", "vwap_usd", "event_ms"],
    ["score", "last_usd", "change_pct", "dollar_volume_usd", "float_rotation", "spread_pct"],
)
_SORTS = (None, "volume_shares", "+change_pct", "dollar_volume_usd", "relative_volume")
_WHERES = (None, "last_usd > 1", "volume_shares > 10000 and last_usd < 10000")


def views(count: int, hz: float | None = None) -> list[View]:
    """*count* distinct views, at most `MOST_VIEWS`; the first is the board as it is published."""
    return [_view(number, hz) for number in range(count)]


def _view(number: int, hz: float | None) -> View:
    if not number:
        return View(hz=hz)
    return View(
        columns=_COLUMNS[number % len(_COLUMNS)],
        top=_FULL - number,
        sort=_SORTS[number % len(_SORTS)],
        where=_WHERES[number % len(_WHERES)],
        hz=hz,
    )
