"""The README's section on conditions is true: what it shows compiles, and what there is it names."""

import re
from pathlib import Path

import pytest

from schemas.columns import columns_of
from schemas.leaderboard import HALTS, SESSIONS, Row
from services.widgets.where import WhereError, compile_where
from services.widgets.where_names import FIELDS, FUNCTIONS, TEXT_FIELDS
from services.widgets.where_syntax import MOST_CHARACTERS, MOST_NODES


README = (Path(__file__).parents[3] / "README.md").read_text()
SECTION = README.partition("\n### Conditions\n")[2].partition("\n## ")[0]
SPANS = re.findall(r"`([^`\n]+)`", SECTION)
EXAMPLES = [span for span in SPANS if " " in span and FIELDS & set(re.findall(r"\w+", span))]
TABLE = re.findall(r"\| `([^`]+)` \|$", SECTION, flags=re.MULTILINE)

ROWS = [
    Row(
        "A", "2026-01-05", "pre", 1, last_usd=5.0, gap_pct=12.0, free_float_shares=8e6, relative_volume=4.0,
        relative_volume_days=20, vwap_distance_pct=1.0, high_distance_pct=0.0, spread_pct=0.1,
        bid_shares=300.0, ask_shares=400.0, atr_multiple=-2.0, volume_5m_usd=3e5, dollar_volume_usd=1e6,
    ),
    Row(
        "B", "2026-01-05", "regular", 1, last_usd=50.0, gap_pct=1.0, free_float_shares=8e9, relative_volume=0.5,
        relative_volume_days=20, vwap_distance_pct=-1.0, high_distance_pct=-3.0, spread_pct=2.0,
        bid_shares=100.0, ask_shares=100.0, atr_multiple=1.5, volume_5m_usd=1.0, dollar_volume_usd=1e6, halt="paused",
    ),
    Row("C", "2026-01-05", "closed", 1),
]  # fmt: skip


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_compiles(text: str) -> None:
    """Every condition that the section shows is one."""
    compile_where(text)


@pytest.mark.parametrize("text", TABLE)
def test_example_takes_what_it_is_for(text: str) -> None:
    """Each example of the table takes a row as it describes, and neither another nor one of which nothing is known."""
    assert compile_where(text).mask(columns_of(ROWS)).tolist() == [True, False, False]


def test_section_holds_five_examples() -> None:
    """The tests above found them."""
    assert len(TABLE) == 5
    assert set(TABLE) < set(EXAMPLES)


@pytest.mark.parametrize("name", [*FUNCTIONS, *sorted(TEXT_FIELDS), *SESSIONS, *HALTS])
def test_name_is_documented(name: str) -> None:
    """Each function, each field that is a text, and what such a field may hold is in the section."""
    assert any(name in re.findall(r"\w+", span) for span in SPANS)


def test_limits_are_documented() -> None:
    """How large a condition may be is said in numbers."""
    assert f"{MOST_CHARACTERS} characters and {MOST_NODES} names" in SECTION


def test_error_is_the_documented_one() -> None:
    """What the section says of a misspelled field is what is said of it."""
    with pytest.raises(WhereError, match=r"did you mean volume_shares") as refused:
        compile_where("volume > 5")

    assert refused.value.place == 0
    assert "volume > 5" in SPANS
