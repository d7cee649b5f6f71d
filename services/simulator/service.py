"""The simulator as a program: a feed and a REST API on this machine, in place of the vendor's."""

import asyncio
import errno
import os
import socket
from pathlib import Path

from mesh.calendar import calendar_with
from mesh.errors import FatalError
from mesh.lifecycle import Counters, Lifecycle
from mesh.settings import Settings
from services.simulator import rest
from services.simulator.catalogue import Catalogue, TapeCatalogue
from services.simulator.feed import Feed, LiveFeed, TapeFeed
from services.simulator.market import Market, start_of
from services.simulator.player import Pacer, RealTime, Unpaced
from services.simulator.server import PATH, FeedServer
from services.simulator.synthetic import SyntheticCatalogue
from services.simulator.tape import Tape


HOST = "127.0.0.1"


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Play what the settings ask for until told to stop; what was sent.

    Raises:
        FatalError: a port is taken, or the tape is not one.
    """
    with (
        bound(settings.sim_port, "MESH_SIM_PORT") as feed_socket,
        bound(settings.sim_rest_port, "MESH_SIM_REST_PORT") as rest_socket,
    ):
        feed, catalogue, source = await asyncio.to_thread(_source, settings)
        server = FeedServer(feed, settings.sim_key)
        api = rest.app(catalogue, settings.sim_key)
        async with (
            asyncio.TaskGroup() as group,
            server.serving(feed_socket),
            rest.serving(api, rest_socket),
        ):
            tasks = [group.create_task(feed.run()), group.create_task(server.require_intact_feed())]
            lifecycle.ready(
                feed=f"ws://{HOST}:{feed_socket.getsockname()[1]}{PATH}",
                rest=f"http://{HOST}:{rest_socket.getsockname()[1]}",
                source=source,
            )
            await lifecycle.stopping.wait()
            for task in tasks:
                task.cancel()
    return {
        "events": dict(feed.sent.events),
        "frames": feed.sent.frames,
        "connections": server.connections,
    }


def _source(settings: Settings) -> tuple[Feed, Catalogue, str]:
    """What to play, what is known besides, and what to call it; reads files."""
    pacer = _pacer(settings.sim_speed)
    if settings.sim_tape:
        paths = [Path(part) for part in settings.sim_tape.split(os.pathsep) if part]
        tape = Tape(paths)
        return TapeFeed(tape, pacer), TapeCatalogue(tape), _named(paths)
    market = Market(
        seed=settings.sim_seed,
        symbols=settings.sim_symbols,
        start_ms=start_of(settings.sim_start),
        calendar=calendar_with(settings.closures),
    )
    feed = LiveFeed(market, pacer, wait_for_readers=settings.sim_speed == "max")
    return (
        feed,
        SyntheticCatalogue(market, settings.sim_seed),
        f"synthetic market, seed {settings.sim_seed}",
    )


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"tape {paths[0].name}{more}"


def _pacer(speed: str) -> Pacer:
    if speed == "max":
        return Unpaced()
    if not float(speed):
        raise FatalError("MESH_SIM_SPEED must be above 0, was 0: time would stand still")
    return RealTime(float(speed))


def bound(port: int, variable: str) -> socket.socket:
    """A socket that listens on this machine; port 0 takes a free one.

    Raises:
        FatalError: the port is taken; *variable* is the setting to change.
    """
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise FatalError(
                f"port {port} is taken; set {variable} to another one, or stop what uses it"
            ) from error
        raise
    listening.setblocking(False)
    return listening
