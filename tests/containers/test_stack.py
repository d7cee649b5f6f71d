"""A whole mesh from the image: confined, healthy, telling its versions, serving clients, and ending in order."""

import asyncio
from typing import Any

import msgspec
import pytest

from mesh import clock
from mesh.connection import open_connection
from mesh.feed_state import TableState
from mesh.logs import set_up
from mesh.tokens import LONGEST_S, Tokens
from mesh.widget_client import open_widget_client
from schemas.widget import View
from tests.containers.engine import NAME, VERSION
from tests.containers.stack import CONTROL_PORT, HEALTH_PORT, PAGE_PORT, PROGRAMS, Stack


pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("containers"),
]

ON_BROKER = set(PROGRAMS) - {"simulator"}


@pytest.mark.parametrize("name", ["nats", *PROGRAMS])
def test_container_is_confined(name: str, stack: Stack) -> None:
    """It is nobody in particular, can do nothing that needs a privilege, and writes to its /tmp alone."""
    container = stack.wrapped(name)
    _, status = container.exec_run(["cat", "/proc/1/status"])
    facts = dict(line.split(":\t", 1) for line in status.decode().splitlines() if ":\t" in line)
    code, _ = container.exec_run(["touch", "/opt/tickmesh/new", "/run/new", "/new"])
    tmp, _ = container.exec_run(["touch", "/tmp/new"])  # noqa: S108 (in the container)

    assert facts["Uid"].split() == facts["Gid"].split() == ["10001"] * 4
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert (code, tmp) == (1, 0)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_tells_its_image(program: str, stack: Stack) -> None:
    """Every program names version and image over HTTP, to whoever asks for its version or for all."""
    version = stack.ask(program, "/version").json()
    status = stack.ask(program, "/status").json()

    for told in (version, status):
        assert told["service"] == program
        assert told["image_version"] == VERSION
        assert told["container_image"] == f"{NAME}:{VERSION}"
    assert status["status"] == "Running"


async def test_programs_tell_their_image_on_the_broker(stack: Stack) -> None:
    """Whoever asks for services of NATS is answered by every program, with its image."""
    answers: asyncio.Queue[Any] = asyncio.Queue()
    async with open_connection(stack.settings(), "test", set_up("test", "error")) as connection:
        inbox = connection.inbox()
        await connection.subscribe(inbox, answers.put)
        await connection.publish("$SRV.INFO", b"", reply=inbox)
        told = [msgspec.json.decode((await answers.get()).data) for _ in ON_BROKER]

    assert {each["name"] for each in told} == ON_BROKER
    assert {each["metadata"]["image"] for each in told} == {f"{NAME}:{VERSION}"}
    assert {each["metadata"]["image_version"] for each in told} == {VERSION}


def test_page_is_served_without_a_token(stack: Stack) -> None:
    """Whoever reaches a container may be anybody: the page comes, and lets nobody in by itself, whatever name it is called by."""
    for name in ("widgets.example.com", "127.0.0.1:8080", "localhost:8080"):
        page = stack.ask("widgets", "/", PAGE_PORT, Host=name)

        assert page.status_code == 200
        assert "<script" in page.text
        assert "mesh-token" not in page.text


async def test_boards_reach_a_client(stack: Stack) -> None:
    """What the simulator plays is ranked and pushed to a WebSocket client that shows a token, again and again."""
    token = Tokens(stack.token_key.encode()).issue("test", [">"], LONGEST_S, clock.now_ms())
    url = f"{stack.url('widgets', PAGE_PORT, 'ws')}/ws"
    async with open_widget_client(url, token) as client:
        board = await client.subscribe("board/volume", View(columns=["volume_shares"], top=10))
        volumes: list[float] = []
        async for table in board.updates():
            assert isinstance(table, TableState)
            assert len(table.symbols) == 10
            volumes.append(table.rows[table.symbols[0]][1])
            if len(set(volumes)) > 3:
                break

    assert volumes == sorted(volumes)


def test_canary_comes_through(stack: Stack) -> None:
    """The control plane finds nothing wrong with the whole: a symbol of no exchange comes from the tape to a client."""

    def is_well() -> bool:
        health = stack.ask("control", "/v1/health", CONTROL_PORT)
        return health.is_success and health.json()["canary"] == "well"

    stack.until(is_well)


def test_smoke_test_is_green(stack: Stack) -> None:
    """`mesh smoke`, run from the image beside them, finds every program by its address and on the broker, in the image's version."""
    addresses = [f"http://{program}:{HEALTH_PORT}" for program in PROGRAMS]
    said = stack.run("smoke", *addresses, user="smoke")

    assert said.endswith(f"everything runs, in {VERSION}\n")
    assert said.count("✓") == len(PROGRAMS) + len(ON_BROKER) + 1


def test_programs_drain_on_sigterm(stack: Stack) -> None:
    """Told to stop as an orchestrator does, each ends by itself in time, says that it has drained, and its exit code is 0."""
    ended = {name: stack.end(name) for name in (*reversed(PROGRAMS), "nats")}

    assert {name: each.code for name, each in ended.items()} == dict.fromkeys(ended, 0)
    for program in PROGRAMS:
        assert '"service.stopped"' in ended[program].last_line
