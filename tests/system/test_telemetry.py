"""Telemetry of a whole mesh of real programs: a receiver of OTLP is told of it, Prometheus scrapes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh import clock
from mesh.instruments import EVERY, INSTRUMENTS
from mesh.testing import RunningBroker, eventually
from mesh.tokens import LONGEST_S, Tokens
from mesh.widget_client import open_widget_client
from tests.mesh.exposed import Figures, figures, read
from tests.mesh.programs import RunningProgram
from tests.mesh.receiver import Receiver, attributes, receiving
from tests.monitoring.prometheus import Prometheus, running_prometheus
from tests.system.programs import TOKEN_KEY, running_mesh, small_market


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(150)]

FEED = "board/volume"
TOLD = ("listener", "processors", "boards", "widgets")
DECLARED = {instrument.prometheus: instrument for instrument in INSTRUMENTS}


@asynccontextmanager
async def _client(port: int) -> AsyncIterator[Any]:
    """Somebody who looks at a board."""
    token = Tokens(TOKEN_KEY.encode()).issue("test", [">"], LONGEST_S, clock.now_ms())
    async with open_widget_client(f"ws://127.0.0.1:{port}/ws", token) as client:
        yield await client.subscribe(FEED)


def _told(receiver: Receiver, service: str) -> list[Any]:
    return [span for name, span in receiver.spans if name == service]


def _goes_through(receiver: Receiver) -> list[str]:
    """The names of the spans on the way from a batch of the listener to a client, along the links; none if there is no such way yet."""
    by_id = {bytes(span.span_id): (service, span) for service, span in receiver.spans}
    for delivered in _told(receiver, "widgets"):
        way = [("widgets", delivered)]
        while way[-1][1].links:
            linked = (by_id.get(bytes(link.span_id)) for link in way[-1][1].links)
            before = next(filter(None, linked), None)
            if before is None:
                break
            way.append(before)
        if way[-1][0] == "listener":
            return [f"{service}: {span.name}" for service, span in reversed(way)]
    return []


async def test_trace_goes_from_the_listener_to_a_client(
    broker: RunningBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By links one can go from a batch of the listener over the owner that folded it, and the boards, to the client's frame; metrics come from all programs.

    A receiver that answers 503 for a while changes nothing of what clients see.
    """
    settings = small_market(broker.url)
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")
        async with running_mesh(settings, tmp_path) as programs, _client(settings.port) as board:
            way = await eventually(lambda: _goes_through(receiver), timeout_s=60)
            await eventually(lambda: set(EVERY) <= receiver.metrics.keys(), timeout_s=30)
            receiver.health = "unavailable"
            await eventually(lambda: receiver.refused > 3, timeout_s=30)
            await _goes_on(board, programs["listener"])
            receiver.health = "well"

    assert way[0] == "listener: send tape.{class}.{partition}"
    assert way[1] == "processors: process tape.{class}.{partition}"
    assert way[-1] == "widgets: deliver {kind}/{name}"
    [sent, *_] = _told(receiver, "listener")
    assert attributes(sent)["messaging.batch.message_count"] > 0
    assert attributes(sent)["messaging.destination.template"] == "tape.{class}.{partition}"
    assert _told(receiver, "control")[0].name == "send tape.{class}.{partition}"  # a canary's


async def _goes_on(board: Any, listener: RunningProgram) -> None:
    """Wait until newer data than now has come to a client."""
    before = (await figures(listener)).of("tape_published_total")
    asof_ms = board.state.head.asof_ms
    await eventually(lambda: board.state.head.asof_ms > asof_ms)
    assert (await figures(listener)).of("tape_published_total") > before


async def test_prometheus_scrapes_every_program(broker: RunningBroker, tmp_path: Path) -> None:
    """Prometheus finds each program up, and takes what it shows; no program shows what is not declared for it."""
    settings = small_market(broker.url)
    async with running_mesh(settings, tmp_path) as programs, _client(settings.port):
        targets = {name: [f"127.0.0.1:{each.port}"] for name, each in programs.items()}
        async with running_prometheus(tmp_path, targets) as prometheus:

            async def up() -> dict[str, str]:
                return await _by_program(prometheus, "up")

            await eventually(up, lambda found: found == dict.fromkeys(EVERY, "1"), timeout_s=40)  # type: ignore[arg-type]  # T is what is awaited
            versions = await _by_program(prometheus, "tickmesh_build_info")
        await eventually(lambda: _has_delivered(programs["widgets"]), timeout_s=30)  # type: ignore[arg-type]  # T is what is awaited
        shown = {name: (await each.ask("/metrics")).text for name, each in programs.items()}

    assert versions == dict.fromkeys(EVERY, "1")
    for name, text in shown.items():
        described = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        assert described <= DECLARED.keys()
        assert {each for each in described if name not in DECLARED[each].programs} == set()
        _assert_attributes(read(text))


async def _by_program(prometheus: Prometheus, expression: str) -> dict[str, str]:
    return {
        each["metric"]["program"]: each["value"][1] for each in await prometheus.query(expression)
    }


async def _has_delivered(widgets: RunningProgram) -> float:
    return (await figures(widgets)).of("latency_delivered_seconds_count")


def _assert_attributes(shown: Figures) -> None:
    """Each value has the attributes that its instrument declares, and no other."""
    for each in shown.values:
        name = next(
            name
            for name in (
                each.name,
                *(each.name.removesuffix(end) for end in ("_bucket", "_sum", "_count")),
            )
            if name in DECLARED
        )
        assert each.labels.keys() - {"le"} == set(DECLARED[name].attributes)
