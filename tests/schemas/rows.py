"""Rows of which anything may be known, for property tests, and as a batch carries them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, get_type_hints

from hypothesis import strategies as st

from schemas.columns import changes_of, columns_of, unknown
from schemas.leaderboard import HALTS, SESSIONS, Row


_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    int | None: st.none() | st.integers(0, 1 << 53),
    int: st.integers(0, 1 << 53),
}
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "symbol": st.text(max_size=8),
    "trading_day": st.dates(date(1, 1, 1)).map(date.isoformat),
    "session": st.sampled_from(SESSIONS),
    "halt": st.none() | st.sampled_from(HALTS),
}

rows: st.SearchStrategy[Row] = st.builds(
    Row,
    **{name: _VALUES[kind] for name, kind in get_type_hints(Row).items() if name not in _BY_NAME},
    **_BY_NAME,
)


def changed(found: Sequence[Row]) -> tuple[list[str], bytes, bytes]:
    """What a `RowsBatch` carries of rows of which nothing was known before."""
    return changes_of(columns_of(found), unknown(len(found))).packed()
