"""What the vendor tells of companies, as people get it: links, pictures, filings, short sales, ranges of bars."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.vendor import BarsQuestion, Interval
from services.reference import bars, profile, told
from services.reference.filings import filings, impact
from services.reference.links import link
from services.reference.pictures import media_type
from services.simulator.market import start_of


MONDAY = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("8-K", "high"), ("8-K/A", "high"), ("10-Q", "high"), ("424B5", "high"), ("SC 13D/A", "high"), ("NT 10-K", "high"), ("25", "high"),
        ("4", "medium"), ("4/A", "medium"), ("SC 13G/A", "medium"), ("13F-HR", "medium"), ("DEF 14A", "medium"), ("S-8", "medium"), ("144", "medium"),
        ("CORRESP", "low"), ("UPLOAD", "low"), ("", "low"), ("N-CSR", "low"), ("497K", "low"),
    ],
)  # fmt: skip
def test_impact_follows_from_the_form(form: str, expected: str) -> None:
    """Results, offerings and mergers are high, insiders and meetings medium, the rest low; amendments as what they amend."""
    assert impact(form) == expected


def test_filing_has_links_to_the_sec_alone() -> None:
    """The index follows from the accession number; what does not lead to the SEC is no link."""
    good = told.Filing("2026-01-05", "8-K", "X", "0000320193", "0000320193-26-000001", "https://www.sec.gov/Archives/x.txt")  # fmt: skip
    bad = told.Filing("2026-01-04", "8-K", "X", "../x", "0000320193-26-00000x", "https://www.sec.gov.evil.example/")  # fmt: skip
    rows = filings("X", [bad, good], 1).rows

    assert rows[0].index_url == (
        "https://www.sec.gov/Archives/edgar/data/320193/000032019326000001/0000320193-26-000001-index.htm"
    )
    assert rows[0].text_url == "https://www.sec.gov/Archives/x.txt"
    assert (rows[1].index_url, rows[1].text_url) == (None, None)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//x.example", "http://", "https://x.example@evil.example/", " https://x.example",
     "https://x.example/\r\nX: y", "https://x.example/" + "a" * 3000, "http://[", "https://\u0430pple.example", ""],
)  # fmt: skip
def test_link_that_a_page_must_not_show_is_none(url: str) -> None:
    """Only plain addresses of the web are passed on."""
    assert link(url, ("http://", "https://")) is None


def test_plain_link_is_passed_on() -> None:
    """As it is."""
    assert link("https://www.apple.com/x?y=z", ("http://", "https://"))


def test_short_part_of_nothing_is_unknown() -> None:
    """Zero of zero is no percentage, and unknown is not zero."""
    rows = profile.short_volume(
        "X",
        [
            told.ShortVolume("2026-01-01", 0, total_volume=0),
            told.ShortVolume("2026-01-02", 1, total_volume=4),
            told.ShortVolume("2026-01-03"),
        ],
        1,
    ).rows

    assert [row.short_pct for row in rows] == [None, 25.0, None]


@given(st.binary(max_size=300))
def test_bytes_are_rarely_a_picture(content: bytes) -> None:
    """What has not the beginning of a picture is none, whatever it is."""
    known = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF")
    assert content.startswith(known) or b"<svg" in content or media_type(content) is None


@pytest.mark.parametrize(
    "content", [b"<svg></svg>", b'<?xml version="1.0"?>\n<!-- x --><svg width="1"/>', b"\xef\xbb\xbf<svg>\n</svg>"]
)  # fmt: skip
def test_plain_svg_is_a_picture(content: bytes) -> None:
    """With or without what stands before it."""
    assert media_type(content) == "image/svg+xml"


def test_range_is_parted_where_the_running_period_begins() -> None:
    """A day, or the week of weekly bars, which begins on Sunday; ranges that end before have no running part, and those after nothing."""

    def parts(interval: str, **chosen: Any) -> tuple[object, object]:
        found = bars.range_of(BarsQuestion("X", Interval(interval), **chosen), MONDAY)
        return found.over, found.running

    friday = start_of("2026-01-03T00:00:00")
    assert parts("1m") == ((date(2025, 12, 31), date(2026, 1, 4)), (MONDAY, MONDAY))
    assert parts("1w", days=14) == (
        (date(2025, 12, 21), date(2026, 1, 3)), (date(2026, 1, 4), MONDAY),
    )  # fmt: skip
    assert parts("1d", days=1, to_ms=friday) == ((date(2026, 1, 1), date(2026, 1, 2)), None)
    assert parts("1m", from_ms=start_of("2026-01-05T09:30:00")) == (None, (MONDAY, MONDAY))
    assert parts("1m", from_ms=start_of("2026-02-01T00:00:00")) == (None, None)
    with pytest.raises(ValueError, match="must end after"):
        parts("1m", from_ms=friday, to_ms=friday)


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=4), st.integers(1, 20))
def test_joined_bars_are_ordered_and_single(times: list[list[int]], most: int) -> None:
    """However the parts lie, each time comes once, in order, and the newest are kept."""
    parts = []
    for some in times:
        part = np.zeros((8, len(some)))
        part[0] = some
        parts.append(part)
    found = bars.joined(parts, most)[0].tolist()

    assert found == sorted({time for some in times for time in some})[-most:]
