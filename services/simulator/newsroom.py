"""Stories about the synthetic market: why who runs does, why who gapped did, and what nobody needs to know.

A runner has its story some seconds before it begins to run, a gapper in the morning before the open.
Now and then a story is corrected a minute later, comes twice, is about no company at all, or has a
title as careless editors leave it. All of it follows from the seed and the market, on event time.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from mesh.partition import fnv1a_32
from services.simulator.catalogue import Known
from services.simulator.chance import Chance, seeded
from services.simulator.market import Market
from services.simulator.universe import E4, Listing


STORIES_A_S = 0.25
"""Of companies that do nothing special, and of none."""

_KEPT = 5000
_BUSY = 400
"""Of how many companies, the most active ones, most is written."""
_UPDATED, _TWICE, _MARKET, _CARELESS = 0.1, 0.03, 0.25, 0.05
_WIRES = ("www.example-newswire.com", "www.example-business.com", "www.example-markets.com")
_GOOD = (
    ("{name} announces positive topline results from Phase 3 trial", "health"),
    ("{name} to be acquired in all-cash deal at a premium", "business"),
    ("{name} raises full-year guidance after record quarter", "business"),
    ("{name} awarded $48 million government contract", "business"),
    ("FDA grants fast track designation to {name}", "health"),
)
_BAD = (
    ("{name} prices $40 million public offering of common stock", "markets"),
    ("{name} cuts full-year guidance", "business"),
    ("{name} receives complete response letter from FDA", "health"),
)
_PLAIN = (
    ("{name} to present at investor conference", "business"),
    ("Analyst upgrades {name} to buy", "markets"),
    ("{name} appoints new chief financial officer", "business"),
    ("{name} declares quarterly dividend", "markets"),
    ("Is {name} still worth a look?", "markets"),
)
_MACRO = (
    ("Treasury yields slip as traders await inflation data", "economy"),
    ("Oil steadies after inventories fall more than expected", "energy"),
    ("Fed officials see little reason to hurry", "economy"),
    ("Stocks open mixed; CEO pay and AI in focus", "markets"),
)
_CARELESS_FORMS = ("<b>{}</b>", "{} &amp; what it means", "{}\u200b\x07", "<a href='x'>{}")


class Story(NamedTuple):
    """What was written, by whom, and about whom; a revision of it has the same number."""

    number: int
    time_ms: int
    """When it was published, epoch milliseconds."""
    revised_ms: int | None
    """When it was written anew; None for the first version."""
    title: str
    summary: str
    source: str
    category: str
    sentiment: str
    confidence: float
    about: Known | None
    """None: the market as a whole."""

    @property
    def due_ms(self) -> int:
        """When this version goes out."""
        return self.time_ms if self.revised_ms is None else self.revised_ms

    @property
    def link(self) -> str:
        """Where it can be read."""
        return f"https://{self.source}/articles/{self.number}"


class Newsroom:
    """Writes the stories of a market.

    Args:
        market: whose movers are written about; it runs on elsewhere.
        tickers: what is known of its symbols.
        seed: same seed, same stories.
        stories_a_s: besides those of movers.
    """

    def __init__(
        self,
        market: Market,
        tickers: Mapping[str, Known],
        seed: int,
        stories_a_s: float = STORIES_A_S,
    ) -> None:
        self.published: list[Story] = []
        """The newest version of each of the last stories, in the order in which they came."""
        self._market = market
        self._tickers = tickers
        self._seed = seed
        self._chance: Chance = seeded(fnv1a_32(f"{seed}/news".encode()))
        self._stories_a_s = stories_a_s
        self._number = 0
        self._planned: list[tuple[int, int, Story]] = []
        self._day = ""
        self._next_ms = float(market.now_ms)
        self.due()  # what was written in the morning is old news

    @property
    def now_ms(self) -> int:
        """Where the market is, epoch milliseconds."""
        return self._market.now_ms

    def due(self) -> list[Story]:
        """What has come out since the last call, in order."""
        now_ms = self._market.now_ms
        self._plan_day()
        self._write_until(now_ms)
        out = []
        while self._planned and self._planned[0][0] <= now_ms:
            story = heappop(self._planned)[2]
            out.append(story)
            self._keep(story)
        return out

    def _keep(self, story: Story) -> None:
        if story.revised_ms is not None:
            self.published = [each for each in self.published if each.number != story.number]
        self.published.append(story)
        del self.published[:-_KEPT]

    def _plan_day(self) -> None:
        if self._day == self._market.day:
            return
        day = self._market.today
        self._day = day.name
        chance = self._chance
        for runner in self._market.runners:
            before_ms = 1000 * chance.randrange(5, 30)
            self._write(runner.from_ms - before_ms, _GOOD, runner.listing)
        for listing in self._market.gappers:
            rose = listing.fair_usd * E4 >= listing.previous_close
            time_ms = chance.randrange(day.pre_ms, day.open_ms)
            self._write(time_ms, _GOOD if rose else _BAD, listing)

    def _write_until(self, now_ms: int) -> None:
        self._next_ms = max(self._next_ms, now_ms - 60_000.0)  # nobody writes at night
        busy = self._market.listings[:_BUSY]
        while self._next_ms <= now_ms:
            about = None if self._chance.random() < _MARKET else self._chance.choice(busy)
            self._write(int(self._next_ms), _PLAIN if about else _MACRO, about)
            self._next_ms += 1000 * self._chance.expovariate(self._stories_a_s)

    def _write(
        self, time_ms: int, templates: Sequence[tuple[str, str]], about: Listing | None
    ) -> None:
        chance = self._chance
        self._number += 1
        template, category = chance.choice(templates)
        known = None if about is None else self._tickers[about.sym]
        title = template.format(name=known.name if known else "")
        if chance.random() < _CARELESS:
            title = chance.choice(_CARELESS_FORMS).format(title)
        sentiment = "positive" if templates is _GOOD else "negative" if templates is _BAD else "neutral"  # fmt: skip
        story = Story(
            self._number, time_ms, None, title, _summary(known), chance.choice(_WIRES), category,
            sentiment, round(chance.uniform(0.55, 0.99), 4), known,
        )  # fmt: skip
        for version in self._versions(story):
            heappush(self._planned, (version.due_ms, len(self._planned), version))

    def _versions(self, story: Story) -> Iterator[Story]:
        """A story as it comes, also later, and also by mistake."""
        yield story
        if self._chance.random() < _TWICE:
            yield story
        if self._chance.random() < _UPDATED:
            revised_ms = story.time_ms + 1000 * self._chance.randrange(20, 120)
            yield story._replace(revised_ms=revised_ms, title=f"{story.title} (updated)")


def _summary(about: Known | None) -> str:
    if about is None:
        return "Traders said that little had changed since the day before."
    place = {"XNYS": "NYSE", "XNAS": "Nasdaq", "ARCX": "NYSE Arca"}.get(about.exchange, "OTC")
    return f"{about.name} ({place}: {about.ticker}) said so in a statement on Monday."
