"""The program `widgets`: boards, rows, alerts and the tape to the page and to every client."""

import asyncio
import gc
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from secrets import token_hex
from typing import Any

from litestar.types import ControllerRouterHandler

from mesh import changes, clock
from mesh.address import own_origins, parse_origins, reach
from mesh.connection import Connection
from mesh.http_server import listening
from mesh.kv import KeyValue
from mesh.lifecycle import Counters, Lifecycle
from mesh.logs import Log
from mesh.published_keys import TokenReader
from mesh.service import Says, Service, join, obey_drain
from mesh.settings import Settings
from mesh.tasks import end
from mesh.tokens import LONGEST_S, Tokens, key_from, random_key
from schemas.control import DrainWanted
from schemas.naming import Bucket
from services import scanners
from services.widgets import figures
from services.widgets.app import build
from services.widgets.catalogue import Catalogue
from services.widgets.compat_app import compat_route
from services.widgets.compat_source import CompatSource
from services.widgets.door import Door
from services.widgets.hub import Hub
from services.widgets.known_keys import KnownKeys
from services.widgets.layouts import layout_routes
from services.widgets.limits import Places
from services.widgets.page import page
from services.widgets.pump import Pump
from services.widgets.rest import rest_routes
from services.widgets.server import BACKLOG, SEND_BUFFER_BYTES, Server
from services.widgets.sources import Sources
from services.widgets.sse import sse_route
from services.widgets.stream import stream_route
from services.widgets.vendor_rest import vendor_routes


DEFAULT_PORT = 8080

_CLOSE_S = 2.0
_FEW_COLLECTIONS = (10_000, 10, 10)
"""A board or a view makes some thousands of objects that live for a moment, and a collection came for each 700 of them.
Not fewer still: connections that ended are garbage until the last generation is collected."""
_LOCAL_USER = "local"


async def serve(settings: Settings, lifecycle: Lifecycle) -> Counters:
    """Serve until told to stop; then close every client with code 1001 and return what was done.

    Raises:
        FatalError: the port is taken.
    """
    port = settings.port or DEFAULT_PORT
    with listening(port, "the page", "--port or MESH_PORT", BACKLOG, settings.host) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        pump = _pump(lifecycle)
        hub = _hub(settings, pump, lifecycle.log)
        async with (
            join(settings, lifecycle, "widgets") as service,
            asyncio.TaskGroup() as tasks,
        ):
            connection = service.connection
            flush_s = settings.ws_flush_ms / 1000
            sources = Sources(connection, hub, settings.partitions, flush_s, lifecycle.log)
            compat = CompatSource(connection)
            tokens = Tokens(key_from(settings) or random_key().encode())
            reader = TokenReader(tokens)
            keys = KnownKeys(connection, reader, hub, lifecycle.log)
            await keys.load()
            origins = parse_origins(settings.ws_origins) or own_origins(settings.host, port)
            door = Door(hub, reader if settings.ws_auth == "token" else None, settings.source)
            routes = _routes(settings, port, door, pump, compat, connection, origins, tokens)
            app = build(hub, routes, lifecycle.report, origins, settings.control_url)
            server = Server(app)
            service.says = Says(
                lambda: {"clients": hub.clients, "drained": hub.closing, "stale": hub.stale},
                lambda: _counters(sources, hub, pump),
            )
            lifecycle.meters.add(lambda: figures.of(sources, hub, pump))
            obeying = await _obey_drain(service, lifecycle, hub, compat)
            running = [tasks.create_task(each.run()) for each in (sources, compat, pump, keys)]
            running.append(tasks.create_task(obeying))
            serving = tasks.create_task(server.serve([listener]))
            await server.up.wait()
            with _few_collections():
                lifecycle.ready(page=f"http://{reach(settings.host)}:{port}/")
                await lifecycle.stopping.wait()
            await asyncio.gather(hub.close(_CLOSE_S), compat.close(_CLOSE_S))
            server.should_exit = True
            await serving
            await end(running)
    return _counters(sources, hub, pump)


def _counters(sources: Sources, hub: Hub, pump: Pump) -> Counters:
    return {
        "updates": sources.updates,
        "rejected": sources.rejected,
        "clients": hub.clients_served,
        "frames": pump.frames_sent,
        "failures": pump.failures,
        "closed": {str(code): count for code, count in sorted(hub.closed.items())},
    }


async def _obey_drain(
    service: Service, lifecycle: Lifecycle, hub: Hub, compat: CompatSource
) -> Coroutine[Any, Any, None]:
    """Let this process be drained; what follows who wants that, for ever."""
    wish = service.wishes.follow("widgets", service.instance, DrainWanted)
    here, condition = service.instance, lifecycle.condition("drain")
    await service.obey("drain", lambda _: changes.drain_widgets(here), alone=True)
    await service.obey("resume", lambda _: changes.resume_widgets(here), alone=True)

    def drain(is_drained: bool) -> None:
        hub.drain(drained=is_drained)
        compat.drain(drained=is_drained)
        if is_drained:
            condition.lost(f"was drained by {wish.value.by}")
        else:
            condition.met()

    return obey_drain(wish, drain)


def _pump(lifecycle: Lifecycle) -> Pump:
    return Pump(lifecycle.log, lifecycle.meters.distribution("latency.delivered"), lifecycle.spans)


def _hub(settings: Settings, pump: Pump, log: Log) -> Hub:
    floors = (settings.board_min_usd, float(settings.board_min_shares))
    boards = [board.above(*floors) for board in scanners.discover(settings.boards)]
    places = Places(settings.ws_per_user, settings.ws_per_address, settings.ws_clients)
    return Hub(Catalogue(token_hex(6), boards, pump.tell), places, log)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage seldom, and never among what is here from the start."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_FEW_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _routes(
    settings: Settings,
    port: int,
    door: Door,
    pump: Pump,
    compat: CompatSource,
    connection: Connection,
    origins: frozenset[str],
    tokens: Tokens,
) -> list[ControllerRouterHandler]:
    def new_token() -> str:
        return tokens.issue(_LOCAL_USER, [">"], LONGEST_S, clock.now_ms())

    shows_token = door.tokens is not None and settings.ws_page_token
    return [
        stream_route(door, pump, origins, settings.ws_frames_per_s),
        compat_route(compat, door.lets_in_to_everything, origins, door.hub.places),
        sse_route(door),
        *rest_routes(door),
        *layout_routes(door, KeyValue(connection, Bucket.LAYOUTS)),
        *vendor_routes(door, connection, settings.ws_questions),
        *page(port, new_token if shows_token else None, settings.control_url),
    ]
