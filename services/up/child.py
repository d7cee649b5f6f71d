"""A supervised program: started, watched, started again, stopped."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from mesh import clock
from mesh.backoff import delays_s
from mesh.lifecycle import EX_FATAL
from services.up.console import Console, facts


_STEADY_S = 30.0
_DRAIN_S = 30.0
_PR_SET_PDEATHSIG = 1
_LINE_BYTES = 1 << 20

Ready = Callable[["Child"], bool]


class Child:
    """One program of the tree. `keep` runs it until `stop`; it may be stopped and never comes back then."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        environment: dict[str, str],
        log_file: Path,
        console: Console,
        drain_s: float = _DRAIN_S,
    ) -> None:
        self.name = name
        self.ready = asyncio.Event()
        """Set once the program does its job, until it ends; it may lose its broker meanwhile."""
        self.refused = asyncio.Event()
        """Set when it ended with an error that only a person can mend."""
        self.said: dict[str, asyncio.Event] = {"tape.ended": asyncio.Event()}
        """Log events that others wait for."""
        self.counters: dict[str, Any] = {}
        """What it counted, once it has stopped."""
        self._argv = argv
        self._environment = environment
        self._log_file = log_file
        self._console = console
        self._drain_s = drain_s
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def pid(self) -> int | None:
        """The process that runs now; None if none does."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def keep(self, chance: Callable[[], float]) -> None:
        """Run the program, again and again if it must be, until `stop`."""
        waits = delays_s(0.4, 10.0, chance)
        while not self._stopping.is_set():
            began_s = clock.monotonic_s()
            code = await self._run_once()
            self.ready.clear()
            if self._stopping.is_set():
                return
            if code == EX_FATAL:
                self.refused.set()
                return
            if clock.monotonic_s() - began_s > _STEADY_S:
                waits = delays_s(0.4, 10.0, chance)
            wait_s = next(waits)
            self._console.line(
                "warn", self.name, f"stopped ({_ending(code)}); again in {wait_s:.1f} s"
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()

    async def stop(self) -> None:
        """Have the program drain and end, even if it is just being started; killed after the deadline, and that is said."""
        self._stopping.set()
        await self._idle.wait()

    async def _run_once(self) -> int:
        self._idle.clear()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_BYTES,
                start_new_session=True,  # Ctrl-C on the terminal is for us: programs stop in order
                preexec_fn=die_with_parent,
            )
            self._process = process
            async with asyncio.TaskGroup() as tasks:
                ending = tasks.create_task(self._end_when_told(process))
                if process.stdout is not None:
                    await self._listen(process.stdout)
                code = await process.wait()
                ending.cancel()
        finally:
            self._idle.set()
        return code

    async def _end_when_told(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        with suppress(ProcessLookupError):  # it ended by itself in this moment
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(self._drain_s)
            self._console.line(
                "bad", self.name, f"did not drain within {self._drain_s:.0f} s and was killed"
            )
            process.kill()

    async def _listen(self, output: asyncio.StreamReader) -> None:
        with self._log_file.open("ab", buffering=0) as log:
            while not output.at_eof():
                try:
                    line = await output.readline()
                except ValueError:  # longer than any record of ours: dropped
                    continue
                with suppress(OSError):  # a disk that is full must not end what it supervises
                    log.write(line)
                self._on_line(line)

    def _on_line(self, line: bytes) -> None:
        try:
            record = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # a library's own words: in the log file
        event = str(record.get("event", ""))
        if event in self.said:
            self.said[event].set()
        if event == "service.ready":
            self.on_ready(facts(record))
        elif event == "service.stopped":
            self.counters = {
                key: value for key, value in record.items() if key not in ("service", "event")
            }
        elif event == "service.unready":
            self._console.line("warn", self.name, f"not ready · {facts(record)}")
        elif record.get("level") in ("warning", "error"):
            tone = "warn" if record["level"] == "warning" else "bad"
            self._console.line(tone, self.name, f"{event} · {facts(record)}")

    def on_ready(self, text: str) -> None:
        """The program does its job."""
        self._console.line("good", self.name, text)
        self.ready.set()


def program_argv(name: str) -> list[str]:
    """The command that runs one program of the mesh."""
    return [sys.executable, "-m", "services", "run", name]


def copy_names(program: str, count: int) -> list[str]:
    """What *count* processes of *program* are called: `processors`, `processors-2`, and so on."""
    return [program, *(f"{program}-{number}" for number in range(2, count + 1))]


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def die_with_parent() -> None:
    """In a child process: be told to stop when its supervisor is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
