"""The news vendor's conversation without a socket: what a client asks for, who gets what, and what is said.

Field names are the vendor's. A client says once what it wants, all filters in one object, and
hears articles until somebody closes.
"""

from datetime import UTC, datetime
from typing import Any

from msgspec import field

from schemas.wire import Wire, encode_json, json_decoder
from services.simulator.newsroom import Story


class Query(Wire, frozen=True):
    """What a client wants; None and an empty list want everything."""

    client_nonce: str = field(name="clientNonce", default="")
    query: str | None = None
    sources: list[str] | None = None
    exclude_sources: list[str] | None = field(name="excludeSources", default=None)
    language: str | None = None
    extended: bool | None = None
    tickers: list[str] | None = None
    include_entities: bool | None = field(name="includeEntities", default=None)
    countries: list[str] | None = None
    categories: list[str] | None = None
    include_updates: bool = field(name="includeUpdates", default=False)

    def wants(self, story: Story) -> bool:
        """Whether *story* passes all filters. Everything here is written in English, and in the United States."""
        ticker = story.about.ticker if story.about is not None else ""
        text = f"{story.title} {story.summary}".lower()
        return (
            (story.revised_ms is None or self.include_updates)
            and self.language in (None, "en")
            and (not self.query or self.query.lower() in text)
            and (not self.sources or story.source in self.sources)
            and story.source not in (self.exclude_sources or ())
            and (not self.tickers or ticker in self.tickers)
            and (not self.countries or "US" in self.countries)
            and (not self.categories or story.category in self.categories)
        )


decode_query = json_decoder(Query).decode


def admit(lease_id: str, now_ms: int, nonce: str) -> bytes:
    """The client is let in."""
    return encode_json({"action": "admit", "leaseId": lease_id, "serverNow": now_ms, "clientNonce": nonce})  # fmt: skip


def pong(sent_ms: Any) -> bytes:
    """The answer to a ping."""
    return encode_json({"action": "pong", "t": sent_ms})


def preempted(lease_id: str) -> bytes:
    """Another connection with the same key has taken the place of this one."""
    return encode_json({"action": "preempted", "reason": "takeover", "newLeaseId": lease_id})


def admin_kick(retry_ms: int) -> bytes:
    """Somebody wants this client to stay away for so long."""
    return encode_json({"action": "admin_kick", "retryAfter": retry_ms})


def error(text: str) -> bytes:
    """Something is wrong with what the client does."""
    return encode_json({"action": "error", "data": text})


def send_article(article: Any) -> bytes:
    """An article."""
    return encode_json({"action": "sendArticle", "data": article})


def article(story: Story, query: Query, *, raw: bool) -> dict[str, Any]:
    """*story* as the vendor sends it: *raw*, or with what it knows besides."""
    found: dict[str, Any] = {
        "link": story.link,
        "title": story.title,
        "publishDate": iso(story.time_ms),
        "source": story.source,
        "language": "en",
        "summary": story.summary,
        "images": [f"https://{story.source}/images/{story.number}.jpg"],
        "createdAt": iso(story.due_ms),
        "revisedDate": None if story.revised_ms is None else iso(story.revised_ms),
        "isUpdate": story.revised_ms is not None,
        "categories": [story.category],
    }
    if raw:
        return found
    found |= {"sentiment": story.sentiment, "confidence": story.confidence, "countries": ["US"]}
    if query.extended:
        found["content"] = story.summary * 20
    if query.include_entities and story.about is not None:
        found["companies"] = [_company(story)]
    return found


def _company(story: Story) -> dict[str, Any]:
    about = story.about
    if about is None:
        return {}
    listing = {"ticker": about.ticker, "exchangeCode": about.exchange, "exchangeCountry": "US"}
    return {
        "companyId": int(about.cik), "confidence": story.confidence, "name": about.name,
        "ticker": about.ticker, "exchange": about.exchange, "country": "US",
        "primaryListing": listing, "otherListings": [],
    }  # fmt: skip


def iso(time_ms: int) -> str:
    """As the vendors write instants."""
    instant = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"
