"""Lists of articles: bounded, in order, and the same whoever keeps them and however often they hand over."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.news import Article, Latest, OfSymbol, Page
from schemas.wire import encode_json, json_decoder
from services.news.draft import SUMMARY_BYTES, TITLE_BYTES
from services.news.pages import OF_SYMBOL, OF_SYMBOL_MS, PAGE, PAGES, Lists, Value, of_symbol


DAY_MS = 86_400_000


def _article(number: int, revision: int = 1, symbol: str = "A", published_ms: int = 0) -> Article:
    return Article(
        f"id{number}", revision, published_ms or number * 1000, 0, 0, "finlight", "s", f"T{number}.{revision}",
        tickers=[symbol],
    )  # fmt: skip


class Kept:
    """What a bucket holds of the lists."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def put(self, lists: Lists) -> None:
        """As the shelf does it."""
        self.values |= dict(lists.changes())

    def lists(self) -> Lists:
        """What a successor begins with."""
        values = self.values.values()
        heads = [each for each in values if isinstance(each, Latest)]
        pages = [each for each in values if isinstance(each, Page)]
        symbols = [each for each in values if isinstance(each, OfSymbol)]
        return Lists(heads[0] if heads else None, pages, symbols)

    def articles(self) -> list[Article]:
        """All the latest articles, newest first, as a reader puts them together."""
        head = self.values["latest"]
        assert isinstance(head, Latest)
        found = list(head.articles)
        for number in range(head.pages - 1, max(-1, head.pages - 1 - PAGES), -1):
            page = self.values[f"latest.{number % PAGES:03d}"]
            assert isinstance(page, Page)
            assert page.number == number
            found += page.articles
        return found


STEPS = st.lists(st.tuples(st.integers(0, 140), st.sampled_from("AB"), st.sampled_from([0, 0, 0, 1, 2])), max_size=400)  # fmt: skip


@given(STEPS)
def test_a_successor_goes_on_as_if_nobody_had_stopped(
    steps: list[tuple[int, str, int]],
) -> None:
    """Put seldom or often, handed over or not, messages taken twice or once: the lists are the same."""
    never, often, kept, steady = Lists(None, (), ()), Lists(None, (), ()), Kept(), Kept()
    revisions: dict[int, int] = {}
    for sequence, (number, symbol, event) in enumerate(steps, 1):
        revisions[number] = revisions.get(number, 0) + 1
        article = _article(number, revisions[number], symbol)
        never.take(sequence, article)
        often.take(sequence, article)
        if event:
            kept.put(often)
        if event > 1:
            often = kept.lists()
            often.take(sequence, article)
    kept.put(often)
    steady.put(never)

    assert steady.articles() == kept.articles()
    of_symbols = [
        {name: each.articles for name, each in part.values.items() if isinstance(each, OfSymbol)}
        for part in (steady, kept)
    ]
    assert of_symbols[0] == of_symbols[1]
    found = kept.articles()
    assert len({each.id for each in found}) == len(found) == len(revisions)
    assert all(each.revision == revisions[int(each.id[2:])] for each in found)


def test_ten_thousand_are_kept() -> None:
    """The oldest page gives way to the newest; each article is there once, newest first."""
    lists, kept = Lists(None, (), ()), Kept()
    total = PAGE * PAGES + 3 * PAGE
    for number in range(total):
        lists.take(number + 1, _article(number))
        if number % 7 == 0:
            kept.put(lists)
    kept.put(lists)

    found = [int(each.id[2:]) for each in kept.articles()]
    assert found == list(range(total - 1, total - 1 - len(found), -1))
    assert PAGE * PAGES <= len(found) <= PAGE * (PAGES + 2)
    assert len(kept.values) == PAGES + 2


def test_the_head_is_never_too_large() -> None:
    """A hundred articles of the greatest size are a quarter of what the broker takes."""
    largest = Article(
        "x" * 24, 9, 1, 1, 1, "finlight", "s" * 100, "\\" * TITLE_BYTES, "\\" * SUMMARY_BYTES,
        "l" * 800, ["l" * 800] * 3, ["ABCDEF"] * 20,
    )  # fmt: skip
    head = Latest(1, 0, [largest] * (2 * PAGE))

    assert len(encode_json(head)) < 2 << 20
    assert json_decoder(Latest).decode(encode_json(head)) == head


def test_a_symbol_has_its_newest_hundred_of_seven_days() -> None:
    """By the time of publication; what is older than seven days before the newest goes."""
    articles: list[Article] = []
    for number in range(150):
        articles = of_symbol(articles, _article(number, published_ms=number * 1000))
    assert [each.id for each in articles] == [f"id{n}" for n in range(149, 149 - OF_SYMBOL, -1)]

    articles = of_symbol(articles, _article(500, published_ms=OF_SYMBOL_MS + 148_500))
    assert [each.id for each in articles] == ["id500", "id149"]
    assert of_symbol(articles, _article(501, published_ms=1)) == articles
