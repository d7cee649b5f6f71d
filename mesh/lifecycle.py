"""How a program runs: one event loop, stop on SIGTERM or SIGINT, an exit code that means something.

A program is an async function of its settings and its `Lifecycle`. It announces itself with
`ready()`, returns when `stopping` is set and it has drained, and returns its final counters, which
are logged as `service.stopped`. Exit codes: 0 drained, 78 a `FatalError` (do not restart), 1 a bug.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from mesh.config import Settings, load
from mesh.errors import FatalError, SettingsError
from mesh.logs import Log, set_up


EX_FATAL = 78
"""EX_CONFIG of sysexits.h: starting again will not help."""

Counters = dict[str, Any]


class Lifecycle:
    """What a running program is told, and what it tells."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.stopping = asyncio.Event()
        """Set once, when the program must drain and return."""

    def ready(self, **facts: Any) -> None:
        """Say that the program does its job from now on, with the *facts* a person wants to know."""
        self.log.info("service.ready", **facts)

    async def pause(self, seconds: float) -> bool:
        """Wait for *seconds* or until `stopping` is set; whether the program goes on."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return True
        return False


Program = Callable[[Settings, Lifecycle], Awaitable[Counters]]


def run(name: str, program: Program) -> int:
    """Run *program* until it ends by itself or is told to stop; its exit code."""
    try:
        settings = load(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return EX_FATAL
    log = set_up(name, settings.log_level)
    try:
        return uvloop.run(_run(program, settings, log))
    except (Exception, BaseExceptionGroup) as error:
        refusals = _fatal(error)
        if refusals:
            log.error("service.refused", reason="\n".join(refusals))  # noqa: TRY400 (for a person: no traceback)
            return EX_FATAL
        log.exception("service.failed")
        return 1


async def _run(program: Program, settings: Settings, log: Log) -> int:
    lifecycle = Lifecycle(log)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.stopping.set)
    counters = await program(settings, lifecycle)
    log.info("service.stopped", **counters)
    return 0


def _fatal(error: BaseException) -> list[str]:
    """The messages of all fatal errors inside *error*, which a task group may have wrapped."""
    if isinstance(error, BaseExceptionGroup):
        return [message for inner in error.exceptions for message in _fatal(inner)]
    return [str(error)] if isinstance(error, FatalError) else []
