"""The simulator as a program: a feed and a REST API on this machine, in place of the vendor's."""

import asyncio
import os
import socket
from pathlib import Path

from mesh.address import THIS_MACHINE, reach
from mesh.calendar import calendar_with
from mesh.errors import FatalError
from mesh.lifecycle import Counters, Lifecycle
from mesh.listener import listener_on
from mesh.settings import Settings
from services.simulator import rest
from services.simulator.catalogue import Catalogue, TapeCatalogue
from services.simulator.feed import Feed, LiveFeed, TapeFeed
from services.simulator.finlight_server import FinlightServer
from services.simulator.market import Market, start_of
from services.simulator.newsroom import Newsroom
from services.simulator.player import Pacer, RealTime, Unpaced
from services.simulator.server import PATH, FeedServer
from services.simulator.synthetic import SyntheticCatalogue
from services.simulator.tape import Tape


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Play what the settings ask for until told to stop; what was sent.

    Raises:
        FatalError: a port is taken, or the tape is not one.
    """
    with (
        bound(settings.sim_port, "MESH_SIM_PORT", settings.host) as feed_socket,
        bound(settings.sim_rest_port, "MESH_SIM_REST_PORT", settings.host) as rest_socket,
    ):
        feed, catalogue, source, newsroom = await asyncio.to_thread(_source, settings)
        news = None if newsroom is None else FinlightServer(newsroom, settings.sim_key)
        server = FeedServer(feed, settings.sim_key, news)
        api = rest.app(catalogue, settings.sim_key, newsroom=newsroom)
        async with (
            asyncio.TaskGroup() as group,
            server.serving(feed_socket),
            rest.serving(api, rest_socket),
        ):
            tasks = [group.create_task(feed.run()), group.create_task(server.require_intact_feed())]
            if news is not None:
                tasks.append(group.create_task(news.run()))
            lifecycle.ready(
                feed=f"ws://{reach(settings.host)}:{feed_socket.getsockname()[1]}{PATH}",
                rest=f"http://{reach(settings.host)}:{rest_socket.getsockname()[1]}",
                source=source,
            )
            await lifecycle.stopping.wait()
            for task in tasks:
                task.cancel()
    return {
        "events": dict(feed.sent.events),
        "frames": feed.sent.frames,
        "connections": server.connections,
        "articles": 0 if news is None else news.sent,
    }


def _source(settings: Settings) -> tuple[Feed, Catalogue, str, Newsroom | None]:
    """What to play, what is known besides, what to call it, and who writes about it; reads files."""
    pacer = _pacer(settings.sim_speed)
    if settings.sim_tape:
        paths = [Path(part) for part in settings.sim_tape.split(os.pathsep) if part]
        tape = Tape(paths)
        return TapeFeed(tape, pacer), TapeCatalogue(tape), _named(paths), None
    market = Market(
        seed=settings.sim_seed,
        symbols=settings.sim_symbols,
        start_ms=start_of(settings.sim_start),
        calendar=calendar_with(settings.closures),
    )
    feed = LiveFeed(market, pacer, wait_for_readers=settings.sim_speed == "max")
    catalogue = SyntheticCatalogue(market, settings.sim_seed)
    newsroom = Newsroom(market, catalogue.tickers, settings.sim_seed)
    return feed, catalogue, f"synthetic market, seed {settings.sim_seed}", newsroom


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"tape {paths[0].name}{more}"


def _pacer(speed: str) -> Pacer:
    if speed == "max":
        return Unpaced()
    if not float(speed):
        raise FatalError("MESH_SIM_SPEED must be above 0, was 0: time would stand still")
    return RealTime(float(speed))


def bound(port: int, variable: str, host: str = THIS_MACHINE) -> socket.socket:
    """A socket that listens on *host*; port 0 takes a free one.

    Raises:
        FatalError: the port is taken, *variable* is the setting to change; or the address is not of this machine.
    """
    listening = listener_on(host, port, "the simulator", variable)
    listening.setblocking(False)
    return listening
