"""`mesh tail` as a person or a pipe runs it."""

import asyncio
import os
import pty
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.errors import SettingsError, SubscriptionRefusedError
from mesh.testing import eventually
from schemas.widget import Bye, ServerError, Subscribe, View
from services.tail.service import explained, token_from
from tests.mesh.following import A, B, event
from tests.mesh.scripted import Scripted, delta, scripted, snap


@asynccontextmanager
async def tail(service: Scripted, *arguments: str, **streams: Any) -> AsyncIterator[Process]:
    """The command in a process of its own; killed at the end if it still runs."""
    argv = (sys.executable, "-m", "services", "tail", *arguments, "--url", service.url)
    environment = {**os.environ, "MESH_TOKEN": "secret", "COLUMNS": "80", "LINES": "12"}
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment, **{"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE, **streams}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.slow
async def test_pipe_gets_an_object_for_each_update() -> None:
    """Rows as objects, best first; the view and the token are as asked for; Ctrl-C ends with 0 and without a word."""
    flags = ["--where", "last_usd > 1", "--columns", "last_usd, change_pct", "--sort", "+last_usd"]
    async with (
        scripted() as service,
        tail(service, "board/x", *flags, "--top", "5", "--hz", "2") as process,
    ):
        peer = await service.peer()
        assert peer.authorization == "Bearer secret"
        view = View(["last_usd", "change_pct"], 5, "+last_usd", "last_usd > 1", 2.0)
        assert await peer.heard(Subscribe) == Subscribe(1, "board/x", view)
        assert process.stdout is not None
        await peer.say(snap(1, 1, A, B))
        first = msgspec.json.decode(await process.stdout.readline())
        await peer.say(delta(1, 2, (0, 1, 9.5)))
        second = msgspec.json.decode(await process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()

    assert (first["feed"], first["seq"], first["total"]) == ("board/x", 1, 9)
    assert second["rows"] == [
        {"symbol": "A", "last_usd": 9.5, "change_pct": 2.0},
        {"symbol": "B", "last_usd": 3.0, "change_pct": None},
    ]
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.slow
async def test_pipe_gets_each_event() -> None:
    """As it came, one a line; a reader that has seen enough ends it quietly."""
    async with scripted() as service, tail(service, "news/*") as process:
        peer = await service.peer()
        await peer.say(event(0, 2, 1, 2))
        assert process.stdout is not None
        assert [await process.stdout.readline() for _ in range(2)] == [b"1\n", b"2\n"]
        process.send_signal(signal.SIGTERM)
        await process.wait()

    assert process.returncode == 0


@pytest.mark.slow
async def test_closed_pipe_ends_it_quietly() -> None:
    """As in `mesh tail … | head`."""
    reading, writing = os.pipe()
    async with scripted() as service, tail(service, "news/*", stdout=writing) as process:
        os.close(writing)
        peer = await service.peer()
        await peer.heard(Subscribe)
        os.close(reading)
        await peer.say(event(0, 2, 1, 2))
        _, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")


@pytest.mark.slow
async def test_refused_condition_is_shown_with_a_caret() -> None:
    """The expression, a caret under the place, and the reason; exit code 2."""
    async with scripted() as service, tail(service, "board/x", "--where", "last >> 1") as process:
        peer = await service.peer()
        await peer.heard(Subscribe)
        await peer.say(ServerError("a number was expected", 1, 6))
        out, err = await process.communicate()

    assert (process.returncode, out) == (2, b"")
    assert err.decode() == "last >> 1\n      ^\nmesh tail: a number was expected\n"


@pytest.mark.slow
async def test_impossible_view_is_refused_at_once() -> None:
    """What protocol 1 does not allow is exit code 2 too, without a traceback."""
    async with scripted() as service, tail(service, "board/x", "--hz", "99") as process:
        _, err = await process.communicate()

    assert process.returncode == 2
    assert err.startswith(b"mesh tail: ")
    assert b"Traceback" not in err


@pytest.mark.slow
async def test_service_that_wants_nobody_is_fatal() -> None:
    """The reason is said in a line; the exit code says that starting again does not help."""
    async with scripted() as service, tail(service, "board/x") as process:
        peer = await service.peer()
        await peer.say(Bye(4403, "revoked", None))
        await peer.close(4403)
        _, err = await process.communicate()

    assert process.returncode == 78
    assert err.startswith(b"mesh: revoked (4403)")
    assert err.count(b"\n") == 1


@pytest.mark.slow
async def test_terminal_shows_a_table_in_its_place() -> None:
    """As many rows are asked for as fit; after Ctrl-C the cursor is back and the exit code 0."""
    ours, theirs = pty.openpty()
    async with scripted() as service, tail(service, "board/x", stdout=theirs) as process:
        os.close(theirs)
        os.set_blocking(ours, False)
        peer = await service.peer()
        assert (await peer.heard(Subscribe)).view == View(top=9)
        await peer.say(snap(1, 1, A, B))
        seen = bytearray()

        def shown() -> bytes:
            with suppress(OSError):  # nothing more now, or ever
                seen.extend(os.read(ours, 65536))
            return bytes(seen)

        await eventually(shown, lambda text: b"2 of 9 rows" in text and b"last $" in text)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        shown()
    os.close(ours)

    assert (process.returncode, err) == (0, b"")
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") >= 0


@pytest.mark.slow
async def test_outage_is_said_beside_the_pipe() -> None:
    """Standard error says what is wrong, and when it is over; standard output stays JSON."""
    async with scripted() as service, tail(service, "board/x") as process:
        peer = await service.peer()
        await peer.say(snap(1, 1, A))
        await peer.say(Bye(1001, "stops", 1_200))
        await peer.close(1001)
        assert process.stderr is not None
        assert b"1001" in await process.stderr.readline()
        await service.peer()

        assert await process.stderr.readline() == b"mesh tail: is connected\n"


def test_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    """The file is read each time, because tokens expire; one that is not there is refused at once."""
    file = tmp_path / "token"
    with pytest.raises(SettingsError):
        token_from(str(file), {"MESH_TOKEN": "other"})
    file.write_text("first\n")
    token = token_from(str(file), {"MESH_TOKEN": "other"})
    file.write_text("second\n")

    assert token() == "second"
    assert token_from(None, {"MESH_TOKEN": "other"})() == "other"
    assert token_from(None, {})() == ""


def test_refusal_without_a_place_has_no_caret() -> None:
    """Only a condition can be pointed into."""
    refused = SubscriptionRefusedError("there is no such feed", feed="board/x")

    assert explained(refused, "x > 1") == "mesh tail: there is no such feed\n"
    assert explained(refused, None) == "mesh tail: there is no such feed\n"
