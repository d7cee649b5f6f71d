"""What tests of news share: the vendor's server with a newsroom, and settings that point at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from mesh.settings import Settings
from services.simulator import finlight_server, rest
from services.simulator.faults import Faults
from services.simulator.feed import LiveFeed
from services.simulator.finlight_server import FinlightServer
from services.simulator.market import Market, start_of
from services.simulator.newsroom import Newsroom
from services.simulator.player import RealTime
from services.simulator.server import FeedServer
from services.simulator.service import bound
from services.simulator.synthetic import SyntheticCatalogue


KEY = "simulator"
START = "2026-01-05T09:30:00"


class Vendors:
    """Both news vendors, with a market whose time the test moves."""

    def __init__(self, stories_a_s: float = 0.25) -> None:
        self.market = Market(seed=1, symbols=200, start_ms=start_of(START), trades_a_s=50.0)
        self.catalogue = SyntheticCatalogue(self.market, 1)
        self.newsroom = Newsroom(self.market, self.catalogue.tickers, 1, stories_a_s)
        self.finlight = FinlightServer(self.newsroom, KEY)
        self.faults = Faults()
        self.port = self.rest_port = 0
        self._events = iter(self.market)

    def play(self, seconds: int) -> None:
        """Let the market's time pass."""
        end_ms = self.market.now_ms + 1000 * seconds
        while self.market.now_ms < end_ms:
            next(self._events)

    def settings(self, settings: Settings) -> Settings:
        """*settings* that point at these vendors."""
        return msgspec.structs.replace(
            settings,
            api_key=KEY,
            finlight_key=KEY,
            finlight_url=f"ws://127.0.0.1:{self.port}{finlight_server.PATH}",
            rest_url=f"http://127.0.0.1:{self.rest_port}",
            massive_news_s=0,
        )


@asynccontextmanager
async def vendors(stories_a_s: float = 0.25) -> AsyncIterator[Vendors]:
    """Vendors that are served for the duration of the context; nothing is sent by itself."""
    found = Vendors(stories_a_s)
    feed = FeedServer(LiveFeed((), RealTime()), KEY, found.finlight)
    api = rest.app(found.catalogue, KEY, found.faults, found.newsroom)
    with bound(0, "MESH_SIM_PORT") as feed_socket, bound(0, "MESH_SIM_REST_PORT") as rest_socket:
        found.port = feed_socket.getsockname()[1]
        found.rest_port = rest_socket.getsockname()[1]
        async with feed.serving(feed_socket), rest.serving(api, rest_socket):
            yield found
