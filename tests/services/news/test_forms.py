"""Vendors' forms and our shape: what is kept, what is missing, what is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.news import Article
from schemas.wire import DecodeError, encode_json, json_decoder
from services.news import finlight_form, massive_form
from services.news.draft import article_of
from services.news.impact import TOPICS, impact_of
from services.news.revisions import Verdict, judge
from services.news.tickers import Listed
from services.simulator import finlight as simulated
from services.simulator.finlight import Query
from tests.services.news.newsroom import Vendors
from tests.services.news.tape import PUBLISHED_MS, company, finlight


RECEIVED_MS = PUBLISHED_MS + 500
_decode = json_decoder(Article).decode


def _read(fields: object) -> Article | None:
    return article_of(finlight_form.read(encode_json(fields), RECEIVED_MS), Listed())


def _article(**fields: object) -> Article:
    found = _read(finlight(**fields))  # type: ignore[arg-type]  # the number is a field as well
    assert found is not None
    return found


def test_every_story_of_the_simulator_is_one_article_from_both_vendors() -> None:
    """In both modes and over REST: the same id, the same symbols, whatever the form."""
    room = Vendors()
    for _ in range(20):
        room.play(30)
        room.newsroom.due()
    listed = Listed({each: known.exchange for each, known in room.catalogue.tickers.items()})
    assert len(room.newsroom.published) > 100
    for story in room.newsroom.published:
        query = Query(include_entities=True)
        enhanced, raw = (
            article_of(finlight_form.read(encode_json(simulated.article(story, query, raw=raw)), RECEIVED_MS), listed)
            for raw in (False, True)
        )  # fmt: skip
        assert enhanced is not None
        assert raw is not None
        assert (enhanced.id, enhanced.tickers) == (raw.id, raw.tickers)
        assert enhanced.tickers == ([story.about.ticker] if story.about else [])
        assert enhanced.sentiment == story.sentiment


def test_a_whole_article_is_kept() -> None:
    """Everything that a trader reads."""
    found = _article(
        summary="S", images=["https://i.example/1"], revisedDate="2026-01-05T14:31:00Z", language="en",
        sentiment="Positive", confidence="0.93", countries=["US"], categories=["markets"],
        companies=[company("AAPL")], title="Name Corp to be acquired",
    )  # fmt: skip

    assert (found.published_ms, found.revised_ms) == (PUBLISHED_MS, PUBLISHED_MS + 60_000)
    assert (found.sentiment, found.confidence) == ("positive", 0.93)
    assert (found.impact, found.topic) == ("high", "merger")
    assert (found.tickers, found.companies[0].name) == (["AAPL"], "Name Corp")
    assert (found.images, found.countries, found.categories) == (["https://i.example/1"], ["US"], ["markets"])  # fmt: skip
    assert _decode(encode_json(found)) == found


@pytest.mark.parametrize(
    ("exchange", "counts"),
    [("XNYS", True), ("XNAS", True), ("XASE", True), ("ARCX", True), ("BATS", True), ("XNMS", True),
     ("XTSE", False), ("XLON", False), ("OTCM", False), ("", False)],
)  # fmt: skip
def test_listings_in_the_united_states_count(exchange: str, *, counts: bool) -> None:
    """The replaced system knew three exchanges and lost what is listed on Arca and Cboe."""
    assert _article(companies=[company("ABC", exchange)]).tickers == (["ABC"] if counts else [])


def test_another_listing_counts_where_the_primary_is_abroad() -> None:
    """A company of Toronto that trades in New York is a symbol of ours."""
    abroad = company("SHOP", "XTSE")
    abroad["otherListings"] = [{"ticker": "SHOP", "exchangeCode": "XNYS", "exchangeCountry": "US"}]

    assert _article(companies=[abroad]).tickers == ["SHOP"]


def test_the_text_says_what_companies_do_not() -> None:
    """Without a company of ours, title and summary are searched."""
    assert _article(title="News (NYSE: ABC)", companies=[company("X", "XLON")]).tickers == ["ABC"]
    assert _article(title="T", summary="so (Nasdaq: DEF) said").tickers == ["DEF"]


@given(st.recursive(st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["title", "publishDate", "link", "companies", "published_utc", "tickers"]),
                        inner, max_size=4), max_leaves=8))  # fmt: skip
def test_nothing_but_a_refusal_comes_of_nonsense(value: object) -> None:
    """Whatever JSON a vendor sends, it is an article or it is refused."""
    payload = encode_json(value)
    for read in (finlight_form.read, massive_form.read):
        with suppress(DecodeError):
            article_of(read(payload, RECEIVED_MS), Listed())


def test_what_claims_to_be_of_the_future_was_published_when_it_came() -> None:
    """One wrong year would be a symbol's newest article for ever."""
    found = _article(publishDate="2099-01-01T00:00:00Z")

    assert (found.published_ms, found.revised_ms) == (RECEIVED_MS, RECEIVED_MS)


def test_an_article_without_a_link_is_known_by_its_words() -> None:
    """Or by what its vendor calls it."""
    assert _article(link=None).id == _article(link="javascript:x").id
    assert _article(link=None).id != _article(link=None, title="Another").id


def test_impact_is_by_the_words_of_the_title() -> None:
    """The table is tried from its top; a word inside another does not count."""
    assert impact_of("Company receives FDA approval") == ("high", "clinical")
    assert impact_of("Company declares dividend") == ("medium", "capital")
    assert impact_of("Sofas and other things") == ("low", None)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_verdicts() -> None:
    """New, the same, older, newer; and the same with a symbol that was not known."""
    first = _article(companies=[company("A")])
    newer = _article(companies=[company("A")], revisedDate="2026-01-05T15:00:00Z", title="N")
    richer = _article(companies=[company("B")])

    assert judge(first, None) == (Verdict.NEW, first)
    assert judge(first, first) == (Verdict.DUPLICATE, None)
    verdict, revised = judge(newer, first)
    assert verdict is Verdict.REVISED
    assert revised is not None
    assert (revised.revision, revised.title, revised.tickers) == (2, "N", ["A"])
    assert judge(first, revised) == (Verdict.STALE, None)
    verdict, merged = judge(richer, revised)
    assert verdict is Verdict.REVISED
    assert merged is not None
    assert (merged.revision, merged.title, merged.tickers) == (3, "N", ["A", "B"])
