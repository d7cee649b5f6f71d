"""How a program runs and ends: a process each, told by signals, judged by its exit code and its records."""

import asyncio
import os
import signal
import sys
from typing import Any, NamedTuple

import msgspec
import pytest


PROLOGUE = """
import asyncio, sys
from mesh.errors import BrokerError, FatalError
from mesh.lifecycle import run
async def program(settings, lifecycle):
"""


class _Ended(NamedTuple):
    code: int
    records: list[dict[str, Any]]

    def only(self, event: str) -> dict[str, Any]:
        """The one record of *event*."""
        (record,) = [record for record in self.records if record["event"] == event]
        return record


async def _ended(
    body: str, number: int | None = None, drain_s: float = 10.0, **environment: str
) -> _Ended:
    """What running *body* as a program leaves; it is sent signal *number* when it is ready."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    script = f"{PROLOGUE}{lines}\nsys.exit(run('test', program, {drain_s}))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    records = []
    async for line in process.stdout:
        records.append(msgspec.json.decode(line))
        if number is not None and records[-1]["event"] == "service.ready":
            process.send_signal(number)
    return _Ended(await process.wait(), records)


async def test_program_that_ends_by_itself_says_what_it_counted() -> None:
    """A program that returns has drained: exit code 0, and its counters are the last it says."""
    ended = await _ended("return {'events': 3}")

    assert ended.code == 0
    assert ended.only("service.stopped")["events"] == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_the_program_drain(number: int) -> None:
    """Told to stop a program goes on until it has drained."""
    ended = await _ended(
        """
lifecycle.ready(port=1)
went_on = await lifecycle.pause(60)
await asyncio.sleep(0.01)
return {'went_on': went_on}
""",
        number,
    )

    assert ended.code == 0
    assert ended.only("service.stopped")["went_on"] is False


async def test_program_that_cannot_drain_is_abandoned() -> None:
    """After the deadline a program that does not come to its end is ended, and says so."""
    ended = await _ended(
        "lifecycle.ready()\nawait asyncio.Event().wait()", signal.SIGTERM, drain_s=0.1
    )

    assert ended.code == 1
    assert ended.only("service.abandoned")["after_s"] == 0.1


@pytest.mark.parametrize(
    ("body", "code", "event", "reason"),
    [
        ("raise FatalError('no')", 78, "service.refused", "no"),
        ("raise BrokerError('away')", 1, "service.failed", "away"),
        (
            "raise ExceptionGroup('', [ExceptionGroup('', [FatalError('no')]), BrokerError('away')])",
            *(78, "service.refused", "no\naway"),
        ),
    ],
)
async def test_known_error_is_a_sentence(body: str, code: int, event: str, reason: str) -> None:
    """An error of the mesh is its own sentence without a traceback; a fatal one, however deep, forbids a restart."""
    ended = await _ended(body)
    record = ended.only(event)

    assert (ended.code, record["reason"]) == (code, reason)
    assert "exception" not in record


@pytest.mark.parametrize(
    "body",
    ["raise KeyError('x')", "raise ExceptionGroup('', [FatalError('no'), KeyError('x')])"],
)
async def test_bug_is_told_with_its_traceback(body: str) -> None:
    """Any other error is a bug, even beside a fatal one: exit code 1, so that it is tried again."""
    ended = await _ended(body)

    assert ended.code == 1
    assert "KeyError" in ended.only("service.failed")["exception"]


async def test_wrong_settings_are_refused_before_anything_starts() -> None:
    """A misspelt setting ends the program with 78 before it does anything."""
    ended = await _ended("return {}", MESH_LOG_LEVLE="info")

    assert ended == (78, [])
