"""Starts the tree in the order of its needs, keeps it running, and takes it down in order."""

import argparse
import asyncio
import signal
import sys
from secrets import SystemRandom
from typing import Any

import uvloop

from mesh import broker, clock, topology
from mesh.address import reach
from mesh.config import to_environment
from mesh.connection import open_connection
from mesh.errors import FatalError, MeshError
from mesh.logs import set_up
from mesh.nats_keys import ISSUER, creds_file
from mesh.permissions import PROGRAMS
from schemas.wire import encode_json
from services.up import stored
from services.up.child import Child, copy_names, program_argv
from services.up.console import Console
from services.up.plan import Plan, plan, prepared
from services.up.tally import NONE, tally


_STAGES = (
    ("simulator",),
    ("reference", "processors", "boards", "widgets", "control", "news"),
    ("listener",),
)
"""Started stage by stage: the next begins when all of one are ready."""
_STOPS = (
    "listener",
    "news",
    "simulator",
    "reference",
    "processors",
    "boards",
    "widgets",
    "control",
    "broker",
)
"""Stopped one after the other, each when all its processes have drained: producers before consumers, the broker last."""
_READY_S = 60.0
_CANCEL_S = 0.2


def main(arguments: argparse.Namespace) -> int:
    """Run `mesh up`; the exit code."""
    began_s = clock.monotonic_s()
    tree = Tree(plan(arguments), Console())
    code = uvloop.run(tree.run())
    if arguments.exit_at_end and tree.tape_ended.is_set():
        summary = tree.summary(clock.monotonic_s() - began_s)
        sys.stdout.buffer.write(encode_json(summary) + b"\n")
    return code


class Tree:
    """The supervised programs of one `mesh up`."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._children: dict[str, Child] = {}
        self._copies = {
            "broker": len(plan.brokers),
            "processors": plan.workers,
            "boards": 2,
            "news": 2,
        }
        """How many processes of a program run; one, unless it is named here."""
        self.started = asyncio.Event()
        """Set when every program does its job."""
        self.tape_ended = asyncio.Event()
        """Set when a tape was played to its end."""
        self._tally = NONE
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._chance = SystemRandom().random

    async def run(self) -> int:
        """Start everything, wait for the end, stop everything; 1 if a program could not start or go on, else 0.

        Raises:
            FatalError: the data directory cannot be used.
        """
        try:
            with prepared(self._plan):
                return await self._run()
        finally:
            self._stopped.set()

    async def reached(self, event: asyncio.Event) -> None:
        """Wait for `started` or `tape_ended`, while `run` goes on in another task.

        Raises:
            FatalError: everything has stopped, and it did not come to that.
        """
        async with asyncio.TaskGroup() as tasks:
            await _one_of(tasks, [event, self._stopped])
        if not event.is_set():
            raise FatalError(
                f"the mesh stopped too early: its console, or {self._plan.data_dir}/logs, says why"
            )

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stopping.set)
        async with asyncio.TaskGroup() as tasks:
            ended = tasks.create_task(self._live(tasks))
            stopped = tasks.create_task(self._stopping.wait())
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            # It may hold a connection, so the broker goes after it; and the client swallows a
            # cancellation that meets it while it flushes, so one is not always enough.
            while not ended.done():
                ended.cancel()
                await asyncio.wait({ended}, timeout=_CANCEL_S)
            await self._stop()
        asked_to_stop = self._stopping.is_set()
        refused = any(child.refused.is_set() for child in self._children.values())
        return 0 if asked_to_stop or (self.started.is_set() and not refused) else 1

    def pids(self) -> dict[str, int]:
        """The processes that run now, by program."""
        return {name: child.pid for name, child in self._children.items() if child.pid is not None}

    def summary(self, seconds: float) -> dict[str, Any]:
        """What was counted, once everything has stopped."""
        listener = self._children["listener"].counters
        return {
            "events": listener.get("published", {}),
            "folded": self._tally.folded,
            "late": self._tally.late.total(),
            "discarded": sum(listener.get("discarded", {}).values()),
            "rejected": listener.get("rejected"),
            "gaps": self._tally.discarded.total(),
            "lost": self._tally.lost,
            "doubled": self._tally.doubled,
            "seconds": round(seconds, 2),
        }

    async def _live(self, tasks: asyncio.TaskGroup) -> None:
        """Until there is nothing more to do: a tape that ended, or a start that cannot succeed."""
        try:
            if not await self._start(tasks):
                return
        except MeshError as error:
            self._console.line("bad", "up", str(error))
            return
        self._greet()
        self.started.set()
        await self._until_played(tasks)
        if not self._plan.exit_at_end:
            await self._stopping.wait()

    async def _start(self, tasks: asyncio.TaskGroup) -> bool:
        """Start everything; whether all became ready."""
        await self._start_brokers(tasks)
        await self._apply_topology()
        for stage in _STAGES:
            wanted = [program for program in stage if self._is_wanted(program)]
            if not await self._start_stage(tasks, wanted):
                return False
        return True

    async def _until_played(self, tasks: asyncio.TaskGroup) -> None:
        """Until the tape has ended, or a program that cannot go on keeps it from its end."""
        ended = self._children["listener"].said["tape.ended"]
        await _one_of(tasks, [ended, *(child.refused for child in self._children.values())])
        if ended.is_set():
            self.tape_ended.set()

    def _is_wanted(self, program: str) -> bool:
        wanted = {
            "simulator": self._plan.simulator,
            "widgets": self._plan.web,
            "control": self._plan.web,
            "news": self._plan.news,
        }
        return wanted.get(program, True)

    def _names(self, program: str) -> list[str]:
        """What the processes of *program* are called."""
        return copy_names(program, self._copies.get(program, 1))

    def _running(self, program: str) -> list[Child]:
        """The processes of *program* that were started."""
        return [self._children[name] for name in self._names(program) if name in self._children]

    async def _start_brokers(self, tasks: asyncio.TaskGroup) -> None:
        if not self._plan.brokers:
            return
        commands = stored.commands(self._plan.brokers, stored.keys_in(self._plan.data_dir))
        for node, command in zip(self._plan.brokers, commands, strict=True):
            child = self._child(node.name, command.argv, command.environment)
            tasks.create_task(child.keep(self._chance))
        for node, command in zip(self._plan.brokers, commands, strict=True):
            if not await broker.wait_until_listening(node.port):
                raise FatalError(
                    f"the broker did not start: see {self._plan.data_dir}/logs/{node.name}.log"
                )
            self._children[node.name].on_ready(f"{command.url} · state in {node.store}")

    async def _apply_topology(self) -> None:
        settings = self._plan.settings
        async with open_connection(settings, "up", set_up("up", "error")) as connection:
            await topology.establish(connection, topology.definitions(settings.replicas))

    async def _start_stage(self, tasks: asyncio.TaskGroup, programs: list[str]) -> bool:
        """Start the *programs*; whether all became ready, none being refused."""
        environment = {
            **to_environment(self._plan.settings),
            "MESH_NATS_URL": self._plan.settings.nats_url,
        }
        children = [
            self._child(name, program_argv(program), {**environment, **self._creds(program)})
            for program in programs
            for name in self._names(program)
        ]
        for child in children:
            tasks.create_task(child.keep(self._chance))
        for child in children:
            await _one_of(tasks, [child.ready, child.refused], timeout_s=_READY_S)
            if not child.ready.is_set():
                self._console.line(
                    "bad",
                    child.name,
                    f"did not start: see {self._plan.data_dir}/logs/{child.name}.log",
                )
                return False
        return True

    def _creds(self, program: str) -> dict[str, str]:
        """What makes *program* its own user of the embedded broker; nothing if somebody else's is used."""
        keys = stored.keys_in(self._plan.data_dir) if self._plan.brokers else None
        if keys is None:
            return {}
        if program not in PROGRAMS:
            return {"MESH_NATS_CREDS": "", "MESH_NATS_ISSUER": ""}
        issuer = str(keys / ISSUER) if program == "control" else ""
        return {"MESH_NATS_CREDS": str(creds_file(keys, program)), "MESH_NATS_ISSUER": issuer}

    def _child(self, name: str, argv: list[str], environment: dict[str, str]) -> Child:
        log_file = self._plan.data_dir / "logs" / f"{name}.log"
        child = self._children[name] = Child(name, argv, environment, log_file, self._console)
        return child

    async def _stop(self) -> None:
        for program in _STOPS:
            if program == "broker" and self.tape_ended.is_set():
                await self._count()
            await asyncio.gather(*(child.stop() for child in self._running(program)))

    async def _count(self) -> None:
        """Add up what the checkpoints say, now that nobody writes any more."""
        settings = self._plan.settings
        try:
            async with open_connection(settings, "up", set_up("up", "error")) as connection:
                self._tally = await tally(connection, settings.partitions)
        except MeshError as error:
            self._console.line("bad", "up", f"the checkpoints could not be read: {error}")

    def _greet(self) -> None:
        settings = self._plan.settings
        page = (
            f"http://{reach(settings.host)}:{settings.port}/"
            if self._plan.web
            else "everything runs"
        )
        if self._plan.brokers:
            url = settings.nats_url.partition(",")[0]
            self._console.line(
                "quiet", "nats", f"nats --server {url} --creds {settings.nats_creds}"
            )
        self._console.line(
            "", "", f"\n  {self._console.paint('strong', page)}   Ctrl-C stops everything\n"
        )


async def _one_of(
    tasks: asyncio.TaskGroup, events: list[asyncio.Event], timeout_s: float | None = None
) -> None:
    """Until one of *events* is set; whoever is told to stop meanwhile leaves nobody waiting."""
    waiting = [tasks.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
