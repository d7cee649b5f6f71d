"""The vendors of a mesh, which remember what they wrote to a socket: what was not written was never promised."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from mesh import clock
from mesh.settings import Settings
from mesh.tasks import end, ticks
from schemas.naming import MarketClass
from services.listener.frames import count_events
from services.simulator import finlight, rest
from services.simulator.catalogue import TapeCatalogue
from services.simulator.events import TapeEvent
from services.simulator.feed import Feed, Listener
from services.simulator.finlight_server import PATH, FinlightServer
from services.simulator.market import Market, start_of
from services.simulator.newsroom import Newsroom
from services.simulator.protocol import END_OF_TAPE, Subscriptions
from services.simulator.server import FeedServer, Session
from services.simulator.service import bound
from services.simulator.synthetic import SyntheticCatalogue
from services.simulator.tape import Tape
from tests.services.simulator.listening import KEY


_ARTICLE_S = 0.1


class Stoppable:
    """Events that end when the test says so."""

    def __init__(self, events: Iterable[TapeEvent]) -> None:
        self.produced = 0
        self.is_over = False
        self._events = events

    def __iter__(self) -> Iterator[TapeEvent]:
        for event in self._events:
            if self.is_over:
                return
            self.produced += 1
            yield event


class Recorded:
    """*feed*, and what connections were sent of it."""

    def __init__(self, feed: Feed) -> None:
        self.frames: list[bytes] = []
        self.first_s: list[float] = []
        """When each connection got its first frame, by the monotonic clock."""
        self._feed = feed
        self.sent = feed.sent

    async def run(self) -> None:
        """As *feed* does."""
        await self._feed.run()

    async def play(self, listener: Listener) -> None:
        """As *feed* does."""
        assert isinstance(listener, Session)
        await self._feed.play(_Recording(listener, self))

    def write(self, path: Path) -> None:
        """Write the events to *path*, one a line."""
        with path.open("wb") as file:
            for frame in self.frames:
                for event in msgspec.json.decode(frame, type=list[msgspec.Raw]):
                    file.write(bytes(event) + b"\n")

    def counts(self) -> Counter[MarketClass]:
        """How many events of each class were sent."""
        total: Counter[MarketClass] = Counter()
        for frame in self.frames:
            total += count_events(frame.decode())
        return total


class _Recording:
    def __init__(self, listener: Session, to: Recorded) -> None:
        self._listener = listener
        self._to = to
        self._is_first = True

    @property
    def subscriptions(self) -> Subscriptions:
        return self._listener.subscriptions

    async def send(self, frame: bytes) -> None:
        # Of a connection that is open the frame is written before anything is waited for, so it is on
        # its way even if this is cancelled; of one whose end has begun it never is.
        if self._listener._connection.state is State.OPEN:
            self._note(frame)
        await self._listener.send(frame)

    def _note(self, frame: bytes) -> None:
        if self._is_first:
            self._to.first_s.append(clock.monotonic_s())
            self._is_first = False
        if frame != END_OF_TAPE:
            self._to.frames.append(frame)

    def drop(self) -> None:
        raise AssertionError("the listener did not keep up")


class News(FinlightServer):
    """Writes about nobody in particular, ten times a second, to whoever listens."""

    def __init__(self, newsroom: Newsroom) -> None:
        super().__init__(newsroom, KEY)
        self.links: list[str] = []
        """Of the articles that were sent."""
        self.is_over = False

    async def write(self) -> None:
        """Write, until it is over; for ever."""
        async for _ in ticks(_ARTICLE_S):
            if self._client is None or self.is_over:
                continue
            number = len(self.links)
            now = finlight.iso(int(clock.now_ms()))
            link = f"https://www.example.com/articles/{number}"
            article = {
                "link": link, "title": f"Article {number}", "source": "www.example.com", "language": "en",
                "publishDate": now, "createdAt": now,
            }  # fmt: skip
            try:
                await self._client.connection.send(finlight.send_article(article), text=True)
            except ConnectionClosed:
                continue
            self.links.append(link)


@asynccontextmanager
async def vendors(feed: Recorded, known: Path) -> AsyncIterator[tuple[Settings, News]]:
    """Both vendors for the duration of the context: settings that point at them, and who writes the news.

    Args:
        feed: of the market.
        known: a tape, whose bars of days are all that the REST API knows.
    """
    market = Market(seed=1, symbols=50, start_ms=start_of("2026-01-05T10:00:00"))
    news = News(Newsroom(market, SyntheticCatalogue(market, 1).tickers, 1))
    api = rest.app(TapeCatalogue(Tape([known])), KEY)
    with bound(0, "MESH_SIM_PORT") as feed_socket, bound(0, "MESH_SIM_REST_PORT") as rest_socket:
        port, rest_port = feed_socket.getsockname()[1], rest_socket.getsockname()[1]
        async with (
            FeedServer(feed, KEY, news).serving(feed_socket),
            rest.serving(api, rest_socket),
            asyncio.TaskGroup() as tasks,
        ):
            running = [tasks.create_task(feed.run()), tasks.create_task(news.write())]
            yield (
                Settings(
                    api_key=KEY,
                    feed=f"127.0.0.1:{port}",
                    feed_tls=False,
                    rest_url=f"http://127.0.0.1:{rest_port}",
                    finlight_key=KEY,
                    finlight_url=f"ws://127.0.0.1:{port}{PATH}",
                    massive_news_s=0,
                    reference_days="2026-01-05",
                ),
                news,
            )
            await end(running)
