"""Which symbols an article is about: companies with a US listing, else what is written as an exchange writes it.

Whatever is found counts only if the market has such a symbol, once it is known which symbols there
are. Before that, a listing or an exchange's name is enough, and a bare `$ABC` is not. A word in
capitals alone never counts.
"""

import re
from collections.abc import Iterable, Mapping

from schemas.naming import is_symbol
from schemas.news import Company


US_EXCHANGES = frozenset({
    "XNYS", "XNAS", "XASE", "ARCX", "BATS", "XNMS", "XNGS", "XNCM", "XCIS", "IEXG", "EDGX", "EDGA", "BATY", "XCBO",
})  # fmt: skip
"""Market identifier codes of exchanges that list or trade US stocks: NYSE, Nasdaq and its tiers, NYSE American,
Arca and National, Cboe and its four, IEX. Source: ISO 10383."""

MOST_TICKERS = 20

_EXCHANGES = (
    r"NYSE(?:\s*[-:/]?\s*(?:AMERICAN|ARCA|MKT|NATIONAL))?|NYSEAMERICAN|NYSEARCA|NASDAQ(?:[-\s]?(?:GS|GM|CM))?|"
    r"AMEX|ARCA|CBOE(?:\s*BZX)?|BATS"
)
_LISTED = re.compile(
    rf"\b(?:{_EXCHANGES})\s*[:：]\s*\$?([A-Za-z]{{1,6}}(?:[.\-/][A-Za-z]{{1,2}})?)\b", re.IGNORECASE
)
_ALSO = re.compile(r"\s*[,;/&]\s*(?:and\s+)?\$?([A-Z]{1,6}(?:[.\-/][A-Z]{1,2})?)(?=\s*[,;/&)])")
"""`(NYSE: BRK.A, BRK.B)`: what follows within the bracket."""
_CASHTAG = re.compile(r"(?<![\w$])\$([A-Z]{1,5}(?:\.[A-Z])?)\b")


class Listed:
    """The symbols that the market has; empty while that is unknown."""

    def __init__(self, exchanges: Mapping[str, str | None] | None = None) -> None:
        self.exchanges: dict[str, str | None] = dict(exchanges or {})
        """Market identifier code by symbol, None where it is not known."""
        self._loose: dict[str, str] = {}

    def update(self, exchanges: Mapping[str, str | None]) -> None:
        """Symbols are there, too."""
        self.exchanges |= exchanges
        self._loose.clear()

    def find(self, ticker: str, *, sure: bool) -> str | None:
        """The symbol that *ticker* means: `brk-b` is `BRK.B`; None if the market has none.

        While nothing is known, what is *sure* to be one is taken at its word.
        """
        text = ticker.strip()
        if not self.exchanges:
            symbol = _loosely(text)
            return symbol if sure and is_symbol(symbol) else None
        if text in self.exchanges:
            return text  # in mixed case too: a preferred share
        if not self._loose:
            self._loose = {_loosely(each): each for each in self.exchanges if each.isupper()}
        return self._loose.get(_loosely(text))


def _loosely(text: str) -> str:
    return re.sub(r"[-/ ]", ".", text.upper())


def of_companies(companies: Iterable[Company], listed: Listed) -> list[Company]:
    """Those of *companies* whose ticker is a symbol of the market, each once."""
    found: dict[str, Company] = {}
    for each in companies:
        symbol = listed.find(each.ticker, sure=True)
        if symbol is not None:
            exchange = each.exchange or listed.exchanges.get(symbol)
            found.setdefault(symbol, Company(symbol, each.name, exchange))
    return list(found.values())[:MOST_TICKERS]


def of_text(text: str, listed: Listed) -> list[str]:
    """Symbols that *text* names as an exchange does, `(NYSE: ABC)`, or as traders do, `$ABC`."""
    named: dict[str, None] = {}
    for match in _LISTED.finditer(text):
        named[match[1]] = None
        at = match.end()
        while more := _ALSO.match(text, at):
            named[more[1]] = None
            at = more.end()
    found = {listed.find(each, sure=True): None for each in named}
    found |= {listed.find(match[1], sure=False): None for match in _CASHTAG.finditer(text)}
    return [each for each in found if each is not None][:MOST_TICKERS]
