"""Filings with the SEC: where they are, and how likely their forms are to move a price. Pure."""

import re
from collections.abc import Sequence

from schemas.vendor import FilingRow, Filings, Impact
from services.reference.links import link
from services.reference.told import Filing


_ACCESSION = re.compile(r"([0-9]{10})-([0-9]{2})-([0-9]{6})")
_CIK = re.compile(r"[0-9]{1,10}")
_SEC = "https://www.sec.gov/"

_HIGH = frozenset({
    "8-K", "10-K", "10-KT", "10-Q", "10-QT", "6-K", "20-F", "40-F",  # results, and what just happened
    "S-1", "F-1", "S-4", "F-4", "425", "25", "25-NSE", "RW",
})  # fmt: skip
_HIGH_KINDS = ("424B", "SC 13D", "SCHEDULE 13D", "SC TO", "SC 14D9", "DEFM14", "PREM14", "NT ", "15-12", "8-K12")  # fmt: skip
"""Offerings, mergers, great holders with a purpose, delays, the end of a listing."""
_MEDIUM = frozenset({
    "3", "4", "5", "144", "D", "ARS", "11-K", "EFFECT", "FWP", "POS AM", "S-3", "S-3ASR", "F-3", "F-3ASR", "S-8",
})  # fmt: skip
_MEDIUM_KINDS = ("SC 13G", "SCHEDULE 13G", "13F", "DEF", "PRE", "8-A12")
"""Holders without a purpose, meetings, listings; above them insiders, shelves and plans."""


def filings(symbol: str, found: Sequence[Filing], asof_ms: int) -> Filings:
    """Newest first."""
    rows = [
        FilingRow(
            day=each.filing_date,
            form=each.form_type,
            impact=impact(each.form_type),
            issuer=each.issuer_name,
            accession=each.accession_number,
            index_url=_index_url(each),
            text_url=link(each.filing_url, (_SEC,)),
        )
        for each in found
    ]
    return Filings(symbol, asof_ms, sorted(rows, key=lambda row: row.day, reverse=True))


def impact(form: str) -> Impact:
    """How likely *form* is to move the price; an amendment counts as what it amends."""
    name = form.upper().removesuffix("/A")
    if name in _HIGH or name.startswith(_HIGH_KINDS):
        return "high"
    return "medium" if name in _MEDIUM or name.startswith(_MEDIUM_KINDS) else "low"


def _index_url(filing: Filing) -> str | None:
    accession = _ACCESSION.fullmatch(filing.accession_number or "")
    if accession is None or _CIK.fullmatch(filing.cik or "") is None:
        return None
    folder = f"{int(filing.cik or 0)}/{''.join(accession.groups())}"
    return f"{_SEC}Archives/edgar/data/{folder}/{accession[0]}-index.htm"
