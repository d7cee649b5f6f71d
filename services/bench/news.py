"""`mesh bench news`: articles at a steady rate beside a busy tape, from the vendor's socket to a client's.

Stretches with and without articles take turns in one run, so that both are measured on the same
machine in the same minute. Latency of an article runs from its sending by the vendor to its arrival on
a client's socket, everything between included; that of boards as in the other benches.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvloop
from websockets.exceptions import ConnectionClosed

from mesh import clock
from mesh.connection import Message
from mesh.tasks import end, ticks
from schemas.naming import NEWS_OF_ALL
from schemas.wire import encode_json
from services.bench.live import Update, plan_for, visiting, watching
from services.bench.measure import by_program, cpu_s, percentile
from services.bench.tape import steady
from services.simulator.feed import LiveFeed
from services.simulator.finlight import iso
from services.simulator.finlight_server import PATH, FinlightServer
from services.simulator.market import Market, start_of
from services.simulator.newsroom import Newsroom
from services.simulator.player import RealTime
from services.simulator.server import FeedServer
from services.simulator.service import bound
from services.simulator.synthetic import SyntheticCatalogue
from services.up.console import Console
from services.up.plan import Plan
from services.up.service import Tree


_KEY = "bench"
_START = "2026-01-05T10:00:00"
_STRETCH_S = 8.0
_SETTLE_S = 2.0
"""Of each stretch, what is not counted: boards of its begin are of what was before it."""
_SYMBOLS = ("NVDA", "TSLA", "SPY", "AAPL", "QQQ", "AMD", "PLTR", "AMZN", "INTC", "F", "SOFI", "BAC", "T", "MSFT")  # fmt: skip


class _Seen:
    """When articles were sent, how long each took, and the stretches in which they were sent."""

    def __init__(self) -> None:
        self.sent_s: dict[str, float] = {}
        self.took_ms: dict[str, float] = {}
        """To the socket of a client of the Widget Data Service."""
        self.heard_ms: dict[str, float] = {}
        """To a subscriber of `news.market`."""
        self.stretches: list[tuple[bool, float, float]] = []
        """Whether there were articles, from and until when; those that ended."""
        self.cpu_s = 0.0
        """That the processes of `news` took."""

    def counted(self) -> list[float | None]:
        """How long the articles of stretches that ended took; None of one that did not arrive."""
        end_s = self.stretches[-1][2]
        return [self.took_ms.get(name) for name, sent_s in self.sent_s.items() if sent_s < end_s]

    def note(self, took_ms: dict[str, float], title: str) -> None:
        """An article has arrived somewhere."""
        name = title.replace("&", "&amp;")
        took_ms[name] = (clock.monotonic_s() - self.sent_s[name]) * 1000


def main(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the bench; its result."""
    tape = steady(rate=arguments.rate, seconds=arguments.seconds, symbols=arguments.symbols)
    with TemporaryDirectory(prefix="mesh-bench-") as folder:
        speed = arguments.rate / (tape.events / tape.market_s)
        plan = plan_for(tape, folder, speed, web=True)
        seen, updates, summary = uvloop.run(_measure(plan, arguments.articles))
    counted = seen.counted()
    arrived = [each for each in counted if each is not None]
    return {
        "bench": "news",
        "rate": arguments.rate,
        "articles_per_s": arguments.articles,
        "articles": len(counted),
        "lost": len(counted) - len(arrived),
        "heard_p50_ms": _rounded(percentile([*seen.heard_ms.values()], 50)),
        "heard_p99_ms": _rounded(percentile([*seen.heard_ms.values()], 99)),
        "p50_ms": _rounded(percentile(arrived, 50)),
        "p99_ms": _rounded(percentile(arrived, 99)),
        "cpu_ms_per_article": round(seen.cpu_s * 1000 / max(len(seen.sent_s), 1), 2),
        "discarded": summary["discarded"] + summary["gaps"],
        **_boards(seen, updates, "boards", with_news=True),
        **_boards(seen, updates, "boards_without", with_news=False),
    }


async def _measure(plan: Plan, articles_a_s: int) -> tuple[_Seen, list[Update], dict[str, Any]]:
    seen = _Seen()
    async with _vendor() as (vendor, port), asyncio.TaskGroup() as tasks:
        settings = msgspec.structs.replace(
            plan.settings,
            finlight_key=_KEY,
            finlight_url=f"ws://127.0.0.1:{port}{PATH}",
            massive_news_s=0,
        )
        tree = Tree(plan._replace(news=True, settings=settings), Console())
        running = tasks.create_task(tree.run())
        await tree.reached(tree.started)
        began_s, before_s = clock.monotonic_s(), _cpu_s(tree)
        async with watching(plan) as (connection, updates):

            async def on_article(message: Message) -> None:
                seen.note(seen.heard_ms, msgspec.json.decode(message.data)["title"])

            await connection.subscribe(NEWS_OF_ALL, on_article)
            meanwhile = [
                tasks.create_task(_send(vendor, seen, articles_a_s)),
                tasks.create_task(_listen(plan, seen)),
            ]
            await tree.reached(tree.tape_ended)
            seen.cpu_s = _cpu_s(tree) - before_s
            await end(meanwhile)
        seconds = clock.monotonic_s() - began_s
        await running
    return seen, updates, tree.summary(seconds)


def _cpu_s(tree: Tree) -> float:
    return by_program({name: cpu_s(pid) for name, pid in tree.pids().items()})["news"]


@asynccontextmanager
async def _vendor() -> AsyncIterator[tuple[FinlightServer, int]]:
    """The news vendor's server, which sends nothing by itself."""
    market = Market(seed=1, symbols=20, start_ms=start_of(_START), trades_a_s=1.0)
    newsroom = Newsroom(market, SyntheticCatalogue(market, 1).tickers, 1)
    server = FinlightServer(newsroom, _KEY)
    with bound(0, "MESH_SIM_PORT") as listening:
        async with FeedServer(LiveFeed((), RealTime()), _KEY, server).serving(listening):
            yield server, listening.getsockname()[1]


async def _send(vendor: FinlightServer, seen: _Seen, articles_a_s: int) -> None:
    """Stretches without and with articles, in turn, until the caller cancels."""
    number, with_news = 0, False
    while True:
        began_s = clock.monotonic_s()
        async for _ in ticks(1 / articles_a_s):
            if clock.monotonic_s() - began_s > _STRETCH_S:
                break
            if with_news and vendor.is_connected:
                number += 1
                article = _article(number)
                seen.sent_s[article["title"]] = clock.monotonic_s()
                await vendor.publish(article)
        seen.stretches.append((with_news, began_s + _SETTLE_S, clock.monotonic_s()))
        with_news = not with_news


def _article(number: int) -> dict[str, Any]:
    ticker = _SYMBOLS[number % len(_SYMBOLS)]
    listing = {"ticker": ticker, "exchangeCode": "XNAS", "exchangeCountry": "US"}
    instant = iso(start_of(_START) + 20 * number)
    return {
        "link": f"https://wire.example/{number}", "title": f"Article {number} &amp; its title", "publishDate": instant,
        "createdAt": instant, "source": "wire.example", "language": "en", "summary": "Something happened. " * 30,
        "sentiment": "positive", "confidence": 0.9, "categories": ["markets"], "countries": ["US"],
        "companies": [{"companyId": 1, "name": f"{ticker} Corporation", "ticker": ticker, "primaryListing": listing}],
    }  # fmt: skip


async def _listen(plan: Plan, seen: _Seen) -> None:
    """A client of the Widget Data Service that follows all news."""
    async with visiting(plan, "news/*") as socket:
        await socket.send(encode_json({"action": "sub", "id": 1, "feed": "news/market"}), text=True)
        try:
            async for text in socket:
                frame = msgspec.json.decode(text)
                for article in frame["values"] if frame["type"] == "event" else ():
                    seen.note(seen.took_ms, article["title"])
        except ConnectionClosed:
            return


def _boards(
    seen: _Seen, updates: list[Update], name: str, *, with_news: bool
) -> dict[str, float | None]:
    """How old boards were in stretches with news, or without."""
    spans = [each[1:] for each in seen.stretches[1:] if each[0] is with_news]
    took = [
        each.latency_ms
        for each in updates
        if any(begin_s <= each.arrived_s < end_s for begin_s, end_s in spans)
    ]
    return {
        f"{name}_p50_ms": _rounded(percentile(took, 50)),
        f"{name}_p99_ms": _rounded(percentile(took, 99)),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
