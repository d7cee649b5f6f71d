"""What an article is to one that is known already: new, a revision, the same again, or an older version.

The same link is the same article. A version that was written later is a revision: it takes the
place of the one before. One that was not, but names a symbol that the known one does not (another
vendor knows more), adds that symbol and is a revision as well. All else changes nothing.
"""

from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from schemas.news import Article


class Verdict(StrEnum):
    """What became of an article."""

    NEW = "new"
    REVISED = "revised"
    DUPLICATE = "duplicate"
    STALE = "stale"
    """An older version than the one that is known."""


class Judged(NamedTuple):
    """A verdict, and the article that is to be published by it; None if there is none."""

    verdict: Verdict
    article: Article | None


def judge(article: Article, known: Article | None) -> Judged:
    """What *article* is to the *known* version under the same id."""
    if known is None:
        return Judged(Verdict.NEW, article)
    tickers = sorted({*known.tickers, *article.tickers})
    companies = {each.ticker: each for each in (*known.companies, *article.companies)}
    more = {"tickers": tickers, "companies": list(companies.values()), "revision": known.revision + 1}  # fmt: skip
    if article.revised_ms > known.revised_ms:
        published_ms = min(known.published_ms, article.published_ms)
        return Judged(Verdict.REVISED, replace(article, **more, published_ms=published_ms))
    if tickers != known.tickers:
        received_ms = max(known.received_ms, article.received_ms)
        return Judged(Verdict.REVISED, replace(known, **more, received_ms=received_ms))
    is_older = article.revised_ms < known.revised_ms
    return Judged(Verdict.STALE if is_older else Verdict.DUPLICATE, None)
