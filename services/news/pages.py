"""The latest articles in pages, and those of each symbol: how the lists of KV `news` change.

`latest` holds the newest fifty at least. When it holds a hundred, the older fifty become a page of
their own, which is put once; two hundred such pages are kept, 10,000 articles. A revision takes the
place of the version before it, wherever that is.
"""

from collections.abc import Iterable, Sequence

from schemas.naming import LATEST_KEY, latest_page_key, symbol_token
from schemas.news import Article, Latest, OfSymbol, Page


PAGE = 50
PAGES = 200
OF_SYMBOL = 100
OF_SYMBOL_MS = 7 * 86_400_000

Value = Latest | Page | OfSymbol


class Lists:
    """All lists. Articles are taken in the order of stream `NEWS`.

    Args:
        latest: as it was put last, with its pages; None begins with nothing.
        pages: those that are kept.
        symbols: lists of symbols that were put.
    """

    def __init__(
        self, latest: Latest | None, pages: Iterable[Page], symbols: Iterable[OfSymbol]
    ) -> None:
        self.sequence = latest.sequence if latest is not None else 0
        """Of stream `NEWS`, up to which articles were taken."""
        self._made = latest.pages if latest is not None else 0
        self._head: list[Article] = list(latest.articles) if latest is not None else []
        """Newest first, as all lists here."""
        kept = range(max(0, self._made - PAGES), self._made)
        self._pages = {each.number: list(each.articles) for each in pages if each.number in kept}
        self._page_of = {
            article.id: number for number, page in self._pages.items() for article in page
        }
        self._symbols = {each.symbol: list(each.articles) for each in symbols}
        self._changed: set[int | str] = set()
        """Numbers of pages, and symbols."""

    def take(self, sequence: int, article: Article) -> None:
        """The next article; one that was taken before is left out."""
        if sequence <= self.sequence:
            return
        self.sequence = sequence
        if not _replaced(self._head, article):
            number = self._page_of.get(article.id)
            if number is not None and _replaced(self._pages[number], article):
                self._changed.add(number)
            else:
                self._head.insert(0, article)
                self._turn()
        for symbol in article.tickers:
            self._symbols[symbol] = of_symbol(self._symbols.get(symbol, ()), article)
            self._changed.add(symbol)

    def changes(self) -> list[tuple[str, Value]]:
        """Keys and values that differ since the last call; `latest` is the last, as it vouches for the others."""
        changed, self._changed = self._changed, set()
        found: list[tuple[str, Value]] = []
        for each in changed:
            if isinstance(each, str):
                value = OfSymbol(each, self.sequence, self._symbols[each])
                found.append((symbol_token(each), value))
            elif each in self._pages:
                found.append((latest_page_key(each % PAGES), Page(each, self._pages[each])))
        return [*found, (LATEST_KEY, Latest(self.sequence, self._made, list(self._head)))]

    def _turn(self) -> None:
        """Make a page of the older half, if there is enough of it."""
        if len(self._head) < 2 * PAGE:
            return
        number, self._made = self._made, self._made + 1
        self._pages[number] = self._head[PAGE:]
        del self._head[PAGE:]
        self._page_of.update((article.id, number) for article in self._pages[number])
        self._changed.add(number)
        for gone in self._pages.pop(number - PAGES, ()):
            if self._page_of.get(gone.id) == number - PAGES:
                del self._page_of[gone.id]


def _replaced(articles: list[Article], article: Article) -> bool:
    """Whether a version of *article* was among *articles*; its newest is there now."""
    for place, held in enumerate(articles):
        if held.id == article.id:
            if article.revision > held.revision:
                articles[place] = article
            return True
    return False


def of_symbol(articles: Sequence[Article], article: Article) -> list[Article]:
    """*articles* of a symbol with *article*: by the time of publication, the newest hundred of seven days."""
    found = list(articles)
    if not _replaced(found, article):
        found.append(article)
    found.sort(key=lambda each: (-each.published_ms, each.id))
    least_ms = found[0].published_ms - OF_SYMBOL_MS
    return [each for each in found[:OF_SYMBOL] if each.published_ms >= least_ms]
