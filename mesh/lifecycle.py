"""How a program runs: one event loop, stop on SIGTERM or SIGINT, an exit code that means something.

A program is an async function of its settings and its `Lifecycle`. It announces itself with
`ready()`, says what keeps it from its job meanwhile (its connection does so by itself), returns when `stopping` is set and it has drained, and returns its final counters, which
are logged as `service.stopped`. Exit codes: 0 drained, 78 a `FatalError` (do not restart), 1 a bug.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from mesh import health, telemetry, vitals
from mesh.config import load
from mesh.errors import FatalError, MeshError, SettingsError
from mesh.logs import Log, set_up
from mesh.meters import Meters, Readings
from mesh.readiness import OF_PROGRAM, PROGRAM, Condition, Readiness, Report
from mesh.settings import Settings
from mesh.spans import Spans


EX_FATAL = 78
"""EX_CONFIG of sysexits.h: starting again will not help."""

Counters = dict[str, Any]

_DRAIN_S = 25.0
"""Shorter than what a supervisor, or Kubernetes by default, waits before it kills."""


class Lifecycle:
    """What a running program is told, and what it tells."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.stopping = asyncio.Event()
        """Set once, when the program must drain and return."""
        self.readiness = Readiness(log)
        self.tell: Callable[[], dict[str, Any]] = dict
        """What the program says of itself beside its readiness: `state` and `counters`; nothing, if it is no service."""
        self.meters = Meters()
        """What it says in figures."""
        self.spans: Spans | None = None
        """What makes its spans, where somebody wants traces."""

    def ready(self, **facts: Any) -> None:
        """Say that the program does its job from now on, with the *facts* a person wants to know."""
        self.readiness.facts = facts
        self.readiness.change(PROGRAM, "")

    def unready(self, reason: str) -> None:
        """Say that the program does not do its job, until it calls `ready` again."""
        self.readiness.change(PROGRAM, reason)

    def condition(self, name: str) -> Condition:
        """Something that the program is not ready without; several parts may each have their own."""
        return Condition(name, self.readiness)

    def report(self) -> Report:
        """Whether the program does its job at this moment; one that drains takes no new work."""
        reasons = dict(self.readiness.reasons)
        if self.stopping.is_set():
            reasons[PROGRAM] = "is stopping"
        return Report(not reasons, reasons, self.readiness.facts)

    async def pause(self, seconds: float) -> bool:
        """Wait for *seconds* or until `stopping` is set; whether the program goes on."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return True
        return False


Program = Callable[[Settings, Lifecycle], Coroutine[Any, Any, Counters]]


def run(name: str, program: Program, drain_s: float = _DRAIN_S) -> int:
    """Run *program* until it ends by itself, or *drain_s* after it was told to stop at the latest; its exit code."""
    try:
        settings = load(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EX_FATAL
    log = set_up(name, settings.log_level)
    try:
        return uvloop.run(_run(name, program, settings, log, drain_s))
    except asyncio.CancelledError:
        return 1  # abandoned, and said so
    except (Exception, BaseExceptionGroup) as error:
        known = _known(error)
        if not known:
            log.exception("service.failed")
            return 1
        refused = any(isinstance(each, FatalError) for each in known)
        reason = "\n".join(map(str, known))
        log.error("service.refused" if refused else "service.failed", reason=reason)  # noqa: TRY400 (for a person)
        return EX_FATAL if refused else 1


def _status(name: str, settings: Settings, lifecycle: Lifecycle) -> dict[str, Any]:
    """All that a program says of itself, with the names that the replaced system's health had for it."""
    report, told = lifecycle.report(), lifecycle.tell()
    is_idle = told.get("state", {}).get("feed", {}).get("running") is False
    return {
        "service": name,
        "status": "Unhealthy" if not report.ready else "Idle" if is_idle else "Running",
        "version": health.VERSION,
        "container_image": settings.container_image or "Unknown",
        "image_version": settings.image_version or "Unknown",
        "connected": "broker" not in report.reasons,
        "reasons": report.reasons,
        "facts": report.facts,
        "state": told.get("state", {}),
        "counters": told.get("counters", {}),
    }


def _readings(settings: Settings, lifecycle: Lifecycle) -> Readings:
    """What every program says in figures."""
    report = lifecycle.report()
    return {
        "build.info": {(health.VERSION, settings.image_version): 1},
        "program.ready": report.ready,
        "program.lost": dict.fromkeys(report.reasons, 1),
        **vitals.readings(),
    }


async def _run(name: str, program: Program, settings: Settings, log: Log, drain_s: float) -> int:
    lifecycle = Lifecycle(log)
    lifecycle.meters.add(lambda: _readings(settings, lifecycle))
    OF_PROGRAM.set(lifecycle.readiness)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.stopping.set)
    async with telemetry.opened(name, lifecycle.meters, log) as lifecycle.spans:
        async with (
            health.serving(
                settings.health_port,
                name,
                lifecycle.report,
                lambda: _status(name, settings, lifecycle),
                lifecycle.meters,
                settings.host,
            ),
            asyncio.TaskGroup() as tasks,
        ):
            running = tasks.create_task(program(settings, lifecycle))
            lag = lifecycle.meters.distribution("loop.lag")
            meanwhile = (_abandon(running, lifecycle, drain_s), vitals.watch(lag))
            beside = [tasks.create_task(each) for each in meanwhile]
            counters = await running
            for each in beside:
                each.cancel()
        log.info("service.stopped", **counters)
    return 0


async def _abandon(running: asyncio.Task[Counters], lifecycle: Lifecycle, drain_s: float) -> None:
    """End a program that cannot drain, for the broker may be gone for good: nothing may outlive its supervisor."""
    await lifecycle.stopping.wait()
    await asyncio.sleep(drain_s)
    lifecycle.log.error("service.abandoned", after_s=drain_s)
    running.cancel()


def _known(error: BaseException) -> list[MeshError]:
    """The mesh's own errors inside *error*, which a task group may have wrapped; empty if there is any other."""
    if isinstance(error, BaseExceptionGroup):
        inner = [_known(each) for each in error.exceptions]
        return [known for each in inner for known in each] if all(inner) else []
    return [error] if isinstance(error, MeshError) else []
