"""An article between a vendor's form and ours, and the way from one to the other.

Everything is cleaned and bounded here, once: an article is at most some 4 KB, whatever a vendor
sends, so that a page of fifty is never too large for the broker.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from schemas.news import Article, Company, Sentiment
from services.news.impact import impact_of
from services.news.text import canonical, plain, safe_link
from services.news.tickers import Listed, of_companies, of_text


TITLE_BYTES, SUMMARY_BYTES, NAME_BYTES, WORD_BYTES = 400, 1500, 100, 40
MOST_IMAGES, MOST_WORDS = 3, 10
_ID_DIGITS = 24
_DAY_MS = 86_400_000

_SENTIMENTS: dict[str, Sentiment] = {
    "positive": "positive", "bullish": "positive", "neutral": "neutral", "mixed": "neutral",
    "negative": "negative", "bearish": "negative",
}  # fmt: skip


class Draft(NamedTuple):
    """What a vendor says, not cleaned yet. Fields as in `Article`."""

    vendor: str
    number: str | None
    """The vendor's own name of the article."""
    published_ms: int
    revised_ms: int
    received_ms: int
    source: str
    title: str
    summary: str
    link: str | None
    images: list[str]
    companies: list[Company]
    sentiment: Sentiment | None
    confidence: float | None
    language: str | None
    countries: list[str]
    categories: list[str]


def article_of(draft: Draft, listed: Listed) -> Article | None:
    """The first revision of the article that *draft* is; None if nothing is left of its title.

    Its tickers are those of companies that the market has; without any, those that title and summary
    name. What claims to be published more than a day after it was received counts as published then:
    one wrong year would be a symbol's newest article for ever.
    """
    title, summary = plain(draft.title, TITLE_BYTES), plain(draft.summary, SUMMARY_BYTES)
    if not title:
        return None
    companies = [
        Company(each.ticker, _name(each.name), each.exchange)
        for each in of_companies(draft.companies, listed)
    ]
    tickers = [each.ticker for each in companies] or of_text(f"{title}\n{summary}", listed)
    link = safe_link(draft.link)
    impact, topic = impact_of(title)
    published_ms = _believed(draft.published_ms, draft.received_ms)
    return Article(
        id=_id(draft, link, title),
        revision=1,
        published_ms=published_ms,
        revised_ms=max(published_ms, _believed(draft.revised_ms, draft.received_ms)),
        received_ms=draft.received_ms,
        vendor=draft.vendor,
        source=plain(draft.source, NAME_BYTES),
        title=title,
        summary=summary,
        link=link,
        images=[each for each in map(safe_link, draft.images) if each][:MOST_IMAGES],
        tickers=sorted(tickers),
        companies=[each for each in companies if each.name],
        sentiment=draft.sentiment,
        confidence=draft.confidence,
        impact=impact,
        topic=topic,
        language=_name(draft.language),
        countries=_words(draft.countries),
        categories=_words(draft.categories),
    )


def _believed(time_ms: int, received_ms: int) -> int:
    return time_ms if time_ms <= received_ms + _DAY_MS else received_ms


def _id(draft: Draft, link: str | None, title: str) -> str:
    """By its link, so that the same article from two vendors is one; else by what its vendor calls it, or its words."""
    if link is not None:
        known = canonical(link)
    else:
        words = draft.number or f"{draft.source}\n{title}"
        known = f"{draft.vendor}\n{words}"
    return sha256(known.encode()).hexdigest()[:_ID_DIGITS]


def _name(text: str | None) -> str | None:
    return (plain(text, NAME_BYTES) or None) if text else None


def _words(words: list[str]) -> list[str]:
    cleaned = (plain(word, WORD_BYTES) for word in words[: 2 * MOST_WORDS])
    return list(dict.fromkeys(filter(None, cleaned)))[:MOST_WORDS]


def epoch_ms(instant: datetime) -> int:
    """An instant in milliseconds; one without a zone is UTC."""
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def sentiment_of(text: str | None) -> Sentiment | None:
    """What a vendor's word means; None for none that we know."""
    return _SENTIMENTS.get(text.strip().lower()) if text else None
