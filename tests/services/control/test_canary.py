"""The canary in a real mesh: tape, owner, KV and a client's socket, each measured; and what is missing when one is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from mesh.connection import Connection
from mesh.lifecycle import Counters, Lifecycle
from mesh.settings import Settings
from mesh.testing import RunningBroker, eventually
from services.control.canary import Canary, canary_of, why_off
from services.control.journeys import CanaryReport
from services.processors.service import serve as own_partitions
from services.widgets.service import serve as serve_widgets
from tests.services.listener.programs import running
from tests.services.widgets.serving import on_free_port


pytestmark = pytest.mark.broker

PATIENCE_S = 60.0
Serve = Callable[[Settings, Lifecycle], Awaitable[Counters]]


@pytest.fixture
def whole(settings: Settings) -> Settings:
    """Settings of a mesh with a Widget Data Service, and canaries each second."""
    return on_free_port(settings, canary_s=1, partitions=4)


@asynccontextmanager
async def _sent(settings: Settings, connection: Connection) -> AsyncIterator[Canary]:
    canary = canary_of(settings, connection)
    task = asyncio.get_running_loop().create_task(canary.run())
    try:
        yield canary
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _until(canary: Canary, is_so: Callable[[CanaryReport], bool]) -> CanaryReport:
    report = await eventually(canary.report, is_so, timeout_s=PATIENCE_S)
    assert isinstance(report, CanaryReport)
    return report


async def test_canary_arrives_at_each_place(whole: Settings, connection: Connection) -> None:
    """Stored on the tape, folded by the owner of its partition, put into KV, shown to a client with a token of its own."""
    async with (
        running(own_partitions, whole),
        running(serve_widgets, whole),
        _sent(whole, connection) as canary,
    ):
        report = await _until(canary, lambda each: any(one.has_arrived for one in each.journeys))

    [first, *_] = [each for each in report.journeys if each.has_arrived]
    legs = (first.stored_ms, first.row_ms, first.kv_ms, first.socket_ms)
    assert all(took_ms is not None and took_ms >= 0 for took_ms in legs)


async def test_canary_without_owners_says_so(whole: Settings, connection: Connection) -> None:
    """Nobody folds it: it stays on the tape, and that is what is said."""
    async with running(serve_widgets, whole), _sent(whole, connection) as canary:
        report = await _until(canary, lambda each: each.state == "missing" and "owner" in each.reason)  # fmt: skip

    assert report.journeys[0].stored_ms is not None
    assert report.journeys[0].row_ms is None


async def test_canary_without_a_widget_service_says_so(
    whole: Settings, connection: Connection
) -> None:
    """Its row is made and put, and no client can be served: the address that does not answer is named."""
    async with running(own_partitions, whole), _sent(whole, connection) as canary:
        report = await _until(canary, lambda each: each.state == "missing")
        assert str(whole.port) in report.reason
        await _until(canary, lambda each: any(one.kv_ms is not None for one in each.journeys))


async def test_canary_says_that_the_broker_is_away(
    whole: Settings, connection: Connection, broker: RunningBroker
) -> None:
    """It waits for the broker, and goes on by itself."""
    async with _sent(whole, connection) as canary:
        await _until(canary, lambda each: bool(each.journeys))
        await broker.stop()
        report = await _until(canary, lambda each: "broker" in each.reason)
        sent = len(report.journeys)
        await broker.start()
        await _until(canary, lambda each: len(each.journeys) > sent)

    assert report.state == "missing"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"lossless": True}, "recording"),
        ({"source": "tape"}, "recording"),
        ({"canary_s": 0}, "MESH_CANARY_S"),
        ({"token_key": ""}, "MESH_TOKEN_KEY"),
    ],
)
def test_canary_is_off_where_it_cannot_be_right(changes: dict[str, object], why: str) -> None:
    """A recording is not touched, and what could never arrive is not sent."""
    given = {"token_key": "k" * 32, **changes}

    assert why in why_off(Settings(**given))  # type: ignore[arg-type]  # of the right types, above


def test_canary_needs_no_key_where_nobody_needs_a_token() -> None:
    """A service that lets everybody in lets the canary in."""
    assert why_off(Settings(ws_auth="none")) == ""
