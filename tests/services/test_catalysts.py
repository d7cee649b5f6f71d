"""News on rows and as alerts: by the time of publication, once, and for symbols that are traded."""

from schemas.alert import AlertKind
from schemas.leaderboard import Row
from schemas.market import Bar
from schemas.naming import MarketClass
from schemas.news import Article
from services.processors.catalysts import FRESH_MS
from services.processors.fold import Fold
from services.processors.known import Knowledge
from services.processors.rows import RowFold
from services.simulator.market import start_of


START_MS = start_of("2026-01-05T10:00:00")


class Market:
    """A partition with bars of symbols, and news about them."""

    def __init__(self) -> None:
        self.knowledge = Knowledge()
        self.fold = Fold(self.knowledge, by_bars=True)
        self.rows = RowFold(None, self.knowledge, fold=self.fold)

    def trade(self, symbol: str, *, at_ms: int = 0, usd: float = 9.0, shares: float = 20_000.0) -> None:  # fmt: skip
        """A second in which a symbol was traded; *shares* of the day."""
        start_ms = START_MS + at_ms
        bar = Bar(symbol, start_ms, start_ms + 1000, usd, usd, usd, usd, 100.0, shares, usd, usd, None)  # fmt: skip
        self.rows.on_batch(MarketClass.BARS, [bar])

    def write(self, name: str, *symbols: str, at_ms: int = 0, revision: int = 1) -> None:
        """An article about *symbols*."""
        article = Article(
            name, revision, START_MS + at_ms, 0, 0, "finlight", "s", f"{name}.{revision}", tickers=[*symbols],
        )  # fmt: skip
        self.fold.on_news(self.knowledge.take_article(article))

    def row(self, symbol: str) -> Row | None:
        """The row, if it changed since the last time."""
        return {row.symbol: row for row in self.rows.on_flush().rows()}.get(symbol)

    def alerts(self) -> list[tuple[str, int, str | None]]:
        """Symbol, time and headline of the alerts so far that news has made, taken out."""
        self.rows.on_flush()
        found = [each for each in self.rows.unsent.values() if each.kind is AlertKind.NEWS]
        for each in found:
            del self.rows.unsent[each.id]
        return [(each.symbol, each.event_ms - START_MS, each.headline) for each in found]


def test_a_row_says_when_its_newest_article_was_published() -> None:
    """Whether the article came before the row or after it; a late one changes nothing."""
    market = Market()
    market.write("early", "A", at_ms=-5000)
    market.trade("A")
    market.trade("B")
    assert market.row("A") is not None
    market.write("late", "A", at_ms=-9000)
    assert market.row("A") is None

    market.write("newest", "B", "C", at_ms=1000)
    row = market.row("B")
    assert row is not None
    assert row.news_ms == START_MS + 1000
    assert market.row("B") is None


def test_news_of_before_a_hand_over_is_on_the_rows_after_it() -> None:
    """What is known of news is not in the snapshot: whoever takes over knows it by himself."""
    market = Market()
    market.trade("A")
    market.write("x", "A")
    market.rows.on_flush()
    snapshot = market.rows.snapshot()
    successor = RowFold(snapshot, market.knowledge, by_bars=True)

    [row] = successor.on_flush().rows()
    assert row.news_ms == START_MS


def test_fresh_news_about_a_traded_symbol_is_an_alert() -> None:
    """Once for an article, dated by its publication, with its headline; a revision of it is none."""
    market = Market()
    market.trade("A")
    market.write("x", "A", at_ms=-1000)
    market.write("x", "A", at_ms=-1000, revision=2)

    assert market.alerts() == [("A", -1000, "x.2")]
    market.write("x", "A", at_ms=-1000, revision=3)
    assert market.alerts() == []


def test_floors_are_waited_for_while_the_article_is_fresh() -> None:
    """An article that brings the buyers is told of when they come."""
    market = Market()
    market.trade("A", shares=100.0)
    market.trade("B", usd=0.5)
    market.write("x", "A", "B", "C")
    assert market.alerts() == []

    market.trade("A", at_ms=60_000)
    market.trade("C", at_ms=61_000)
    assert [symbol for symbol, *_ in market.alerts()] == ["A", "C"]
    market.trade("D", at_ms=FRESH_MS + 70_000)
    market.trade("B", at_ms=FRESH_MS + 70_000)
    assert market.alerts() == []


def test_old_news_is_no_alert() -> None:
    """What a worker reads of the last days when it starts."""
    market = Market()
    market.trade("A")
    market.write("x", "A", at_ms=-FRESH_MS - 5000)

    assert market.alerts() == []


def test_a_symbol_of_another_partition_is_left_to_its_owner() -> None:
    """News reaches every worker; rows and alerts are of the owner alone."""
    market = Market()
    market.trade("A")
    market.rows.on_flush()
    market.rows.release()
    market.write("x", "A")
    other = RowFold(None, market.knowledge, fold=market.fold)

    assert list(other.on_flush().rows()) == []
    assert other.unsent == {}
