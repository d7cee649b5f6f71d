"""`mesh ctl` as a person types it, against programs that run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import msgspec
import pytest

from mesh.connection import Connection
from mesh.settings import Settings
from mesh.testing import eventually
from services.__main__ import main
from services.listener.service import serve
from services.processors.service import serve as process
from tests.mesh.asking import audited, state
from tests.services.listener.programs import Told, running
from tests.services.listener.vendor import Vendor, fed, hold


pytestmark = pytest.mark.broker


class Said(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


Ctl = Callable[..., Awaitable[Said]]


@pytest.fixture
def ctl(
    settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ctl:  # fmt: skip
    """`mesh ctl` for the broker of this test."""
    assert connection.connected.is_set()
    monkeypatch.setenv("MESH_NATS_URL", settings.nats_url)

    async def run(*arguments: str) -> Said:
        code = await asyncio.to_thread(main, ["ctl", *arguments])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
async def listener(settings: Settings) -> AsyncIterator[Told]:
    """A listener that follows a vendor."""
    async with Vendor(hold).serving() as port, running(serve, fed(settings, port)) as told:
        await eventually(lambda: told.facts)
        yield told


async def test_feed_is_stopped_and_started(
    ctl: Ctl, listener: Told, connection: Connection
) -> None:
    """A line says what is so now, at which revision, and that it was obeyed; the audit has the user of the system."""
    stopped = await ctl("feed", "stop")
    shown = await ctl("status")
    started = await ctl("feed", "start", "--json")
    (record,) = await audited(connection, "feed.stop")

    assert stopped.code == 0
    assert stopped.out.startswith("feed.massive: stopped (revision 1); obeyed within ")
    assert listener.said("feed.stopped")[0]["by"] == record.who
    assert record.who.startswith("cli:")
    (line,) = [each for each in shown.out.splitlines() if each.startswith("massive")]
    assert "stopped" in line
    assert f"{record.who}, 0 s ago · revision 1" in line or record.who in line
    content = msgspec.json.decode(started.out)
    assert (content["key"], content["obeyed"], content["wanted"]["running"]) == ("feed.massive", True, True)  # fmt: skip


async def test_change_after_somebody_else_is_refused(ctl: Ctl, connection: Connection) -> None:
    """Who names an older revision reads what is wanted now and by whom, and the exit code is 1."""
    await ctl("feed", "stop")
    refused = await ctl("feed", "restart", "--revision", "0")

    assert refused.code == 1
    assert "changed by cli:" in refused.err
    assert '"running":false' in refused.err
    assert (await state_of_audit(ctl))[-1].startswith("feed.restart refused")
    assert len(await audited(connection, "feed.restart")) == 1


async def state_of_audit(ctl: Ctl) -> list[str]:
    """Action and outcome of each record, oldest first."""
    lines = (await ctl("audit", "--json")).out.splitlines()
    records = [msgspec.json.decode(line) for line in lines]
    return [f"{each['action']} {each['outcome']}" for each in records]


async def test_without_programs_the_wish_waits(ctl: Ctl) -> None:
    """Nothing needs to run but the broker: what is wanted is kept for the next that starts, and that is said."""
    said = await ctl("feed", "stop")
    shown = await ctl("status")

    assert (said.code, "no listener runs, the next one will obey" in said.out) == (0, True)
    assert "no program answers" in shown.out


async def test_worker_is_drained_and_resumed(
    ctl: Ctl, settings: Settings, connection: Connection
) -> None:
    """By the end of its name; the line says when its partitions are with others, and who has nobody to give them to keeps them."""
    few = msgspec.structs.replace(settings, partitions=2)
    async with running(process, few) as one:
        await eventually(lambda: one.facts)
        name = (await state(connection, "processors"))["instance"]
        async with running(process, few) as other:
            await eventually(lambda: other.facts)
            drained = await ctl("worker", "drain", name[-6:])
            status = msgspec.json.decode((await ctl("status", "--json")).out)
            resumed = await ctl("worker", "resume", name)
            rebalanced = await ctl("rebalance")

    held = {each["instance"]: each["state"]["partitions"] for each in status["instances"]}
    assert (drained.code, resumed.code, rebalanced.code) == (0, 0, 0)
    assert held.pop(name) == []
    assert list(held.values()) == [[0, 1]]
    assert status["wanted"][f"worker.{name}"]["drained"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["feed", "set"], 78, "say what to change"),
        (["feed", "set", "--host", "evil.example.com"], 78, "the vendor's key is sent there"),
        (["feed", "set", "finlight", "--channels", "A.*"], 78, "only the feed massive"),
        (["board", "pause", "gainer"], 78, "there is no board 'gainer'; there are"),
        (["worker", "drain", "x"], 78, "no process of processors answers"),
        (["widgets", "drain"], 78, "no process of widgets answers"),
        (["audit", "--action", "Feed stop"], 78, "an action must be like feed.stop"),
    ],
)
async def test_mistake_is_said_in_a_sentence(
    ctl: Ctl, arguments: list[str], code: int, said: str
) -> None:
    """What cannot be done says why, and what can."""
    answer = await ctl(*arguments)

    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("mesh: ")
    assert said in answer.err


async def test_broker_without_a_mesh_is_named_as_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a broker that has no streams yet, a person reads how it gets them."""
    monkeypatch.setenv("MESH_NATS_URL", settings.nats_url)
    code = await asyncio.to_thread(main, ["ctl", "feed", "stop"])

    assert code == 78
    assert "mesh topology apply" in capsys.readouterr().err
