"""A program as others on the broker see it: a NATS micro service (ADR-32), its endpoints, and what persons want of it.

`join` opens the connection of a program and registers it, so that `nats micro ls|info|stats` finds
every process. What an endpoint answers is read at `ctl.{program}.get.>`, what changes something is
asked for at `ctl.{program}.do.>`: permissions of the broker tell them apart. A change is never made
where it is asked for: it is written as what is wanted (`mesh.control`), which the program follows, so
that it survives the process.

Statistics of the endpoint `status` carry all that the process says of itself. One request on
`$SRV.STATS` therefore tells the state of the whole mesh.
"""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.micro.request import Request, ServiceError
from nats.micro.service import EndpointStats, ServiceConfig
from nats.micro.service import Service as MicroService

from mesh import changes, logs
from mesh.connection import Connection, open_connection
from mesh.control import By, Change, Control
from mesh.errors import BrokerError, ConflictError
from mesh.group import member_name
from mesh.health import VERSION
from mesh.lifecycle import Lifecycle
from mesh.meters import Readings
from mesh.nats_keys import credentials_end_s
from mesh.settings import Settings
from mesh.tasks import cancellable, end
from mesh.wishes import Wish, Wishes
from schemas.control import AnyMarket, DrainWanted, Level, LevelWanted
from schemas.control_naming import changing_subject, reading_subject
from schemas.wire import DecodeError, Wire, encode_json, json_decoder


Answer = Callable[[], Any]
MakeChange = Callable[["Asked"], Change]

_STATUS = "status"


class Asked(Wire, frozen=True, forbid_unknown_fields=True):
    """What a request that changes something may say; an empty one says nothing."""

    by: str = ""
    """Who asks; the broker knows only who may."""
    revision: int | None = None
    """Of what is wanted, as whoever asks has seen it; null: whatever it is."""
    channels: str | None = None
    host: str | None = None
    market: AnyMarket | None = None
    level: Level | None = None
    board: str = ""


_decode_asked = json_decoder(Asked).decode


class Says(NamedTuple):
    """What a program says of itself beside its readiness."""

    state: Callable[[], dict[str, Any]]
    """How it is now."""
    counters: Callable[[], dict[str, Any]]
    """What it has counted since it began."""


class _Micro(MicroService):
    """The client's own, under a name that the mesh knows the process by."""

    def __init__(self, client: Client, config: ServiceConfig, instance: str) -> None:
        super().__init__(client, config)
        self._id = instance


class Service:
    """This process on the broker. Made by `join`."""

    def __init__(
        self, settings: Settings, connection: Connection, lifecycle: Lifecycle, program: str
    ) -> None:
        self.connection = connection
        self.program = program
        self.instance = member_name()
        """What this process is called, in its groups too; no other has this name, ever."""
        self.wishes = Wishes(connection, lifecycle.log)
        """What persons want; `load` them before anything depends on them."""
        self.says = Says(dict, dict)
        self._control = Control(connection)
        self._lifecycle = lifecycle
        self._level = self.wishes.follow("log", program, LevelWanted)
        self._settings = settings
        self._micro = _Micro(connection.client, self._config(), self.instance)

    def _config(self) -> ServiceConfig:
        return ServiceConfig(
            name=self.program,
            version=VERSION if VERSION[0].isdigit() else f"0.0.0-{VERSION}",
            description=f"tickmesh {self.program}",
            metadata={
                "program": self.program,
                "instance": self.instance,
                "host": platform.node(),
                "pid": str(os.getpid()),
                "version": VERSION,
                "image": self._settings.container_image,
                "image_version": self._settings.image_version,
            },
            stats_handler=self._statistics,
        )

    async def start(self) -> None:
        """Be found, and answer for the state of this process."""
        self._lifecycle.tell = self.status
        self._lifecycle.meters.add(self._readings)
        await cancellable(self._micro.start())
        await self.answer(_STATUS, self.status)
        await self.obey("log", lambda asked: changes.set_level(self.program, asked.level))

    async def answer(self, what: str, answer: Answer) -> None:
        """Answer at `ctl.{program}.get.{what}` with what *answer* gives; `….{instance}` asks this process."""

        async def respond(request: Request) -> None:
            await request.respond(encode_json(answer()))

        await self._offer(what, respond, reading_subject, {"changes": "nothing"})

    async def obey(self, what: str, change: MakeChange, *, alone: bool = False) -> None:
        """Have what *change* says written as wanted, for a request at `ctl.{program}.do.{what}`.

        Args:
            what: the name of the endpoint.
            change: what is asked for. Raises ValueError if that is nothing that can be done.
            alone: it concerns this process, and is asked for at `….{instance}` only.
        """

        async def respond(request: Request) -> None:
            await request.respond(encode_json(await self._change(change, request.data)))

        await self._offer(what, respond, changing_subject, {"changes": "what is wanted"}, alone)

    async def _change(self, change: MakeChange, payload: bytes) -> dict[str, Any]:
        try:
            asked = _decode_asked(payload or b"{}")
            by = By(f"nats:{asked.by}", "")
            kept = await self._control.change(change(asked), by, asked.revision)
        except (DecodeError, ValueError) as error:
            raise ServiceError("400", str(error)) from error
        except ConflictError as error:
            raise ServiceError("409", str(error)) from error
        except BrokerError as error:
            raise ServiceError("503", str(error)) from error
        return {"key": kept.key, "revision": kept.revision, "wanted": kept.value}

    async def _offer(
        self,
        what: str,
        respond: Callable[[Request], Awaitable[None]],
        subject: Callable[[str, str, str], str],
        metadata: dict[str, str],
        alone: bool = False,
    ) -> None:
        places = [(what, self.instance)] if alone else [(what, ""), (f"{what}-here", self.instance)]
        for name, instance in places:
            await self._micro.add_endpoint(
                name=name,
                handler=respond,
                subject=subject(self.program, what, instance),
                metadata=metadata,
            )
        await self.connection.flush()  # who has heard that we are ready may ask at once

    def status(self) -> dict[str, Any]:
        """All that this process says of itself."""
        report = self._lifecycle.report()
        return {
            **self._config().metadata,  # type: ignore[dict-item]  # there is one
            "ready": report.ready,
            "reasons": report.reasons,
            "facts": report.facts,
            "log_level": self._level.value.level or self._settings.log_level,
            "state": self.says.state(),
            "counters": self.says.counters(),
        }

    def _readings(self) -> Readings:
        connection, stats = self.connection, self.connection.client.stats
        found: dict[str, float] = {
            "broker.connected": connection.connected.is_set(),
            "broker.reconnects": connection.incarnation,
            "broker.errors": connection.complaints,
            "broker.denied": connection.denials,
            "broker.received": stats["in_bytes"],
            "broker.sent": stats["out_bytes"],
        }
        if self._settings.nats_creds:
            expires_s = credentials_end_s(Path(self._settings.nats_creds))
            if expires_s is not None:
                found["credentials.expiry_timestamp"] = expires_s
        return found

    def _statistics(self, endpoint: EndpointStats) -> dict[str, Any]:
        # The client's encoder knows plain values only.
        return msgspec.to_builtins(self.status()) if endpoint.name == _STATUS else {}

    async def follow(self) -> None:
        """Follow what persons want, and write as many log lines as they want, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.wishes.run())
            while True:
                await self._level.changed.wait()
                self._level.changed.clear()
                level = self._level.value.level or self._settings.log_level
                logs.set_level(level)
                self._lifecycle.log.warning("log.changed", level=level, by=self._level.value.by)


@asynccontextmanager
async def join(settings: Settings, lifecycle: Lifecycle, program: str) -> AsyncIterator[Service]:
    """The program *program* on the broker, for the duration of the context.

    Raises:
        What `open_connection` does.
    """
    async with open_connection(settings, program, lifecycle.log) as connection:
        service = Service(settings, connection, lifecycle, program)
        await service.start()
        # In no task group: that would wrap every error of the program.
        following = asyncio.get_running_loop().create_task(service.follow())
        try:
            yield service
        finally:
            await end([following])


async def offer_feed(service: Service, name: str) -> None:
    """Have the feed *name* stopped, started and changed by whoever asks *service*."""

    def set_feed(asked: Asked) -> Change:
        return changes.set_feed(name, channels=asked.channels, host=asked.host, market=asked.market)

    await service.obey("stop", lambda _: changes.stop_feed(name))
    await service.obey("start", lambda _: changes.start_feed(name))
    await service.obey("restart", lambda _: changes.restart_feed(name))
    if name == changes.MASSIVE:
        await service.obey("set", set_feed)


async def obey_drain(wish: Wish[DrainWanted], act: Callable[[bool], None]) -> None:
    """Call *act* with whether the process is to be drained: at once if it is, and each time that changes."""
    while True:
        await wish.changed.wait()
        wish.changed.clear()
        act(wish.value.drained)
