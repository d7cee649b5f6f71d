"""Rules and dashboards over a real mesh that a real Prometheus scrapes, Kubernetes and cert-manager aside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from mesh import clock
from mesh.testing import RunningBroker, eventually
from mesh.tokens import LONGEST_S, Tokens
from mesh.widget_client import open_widget_client
from tests.mesh.programs import RunningProgram
from tests.monitoring.expressions import reads
from tests.monitoring.nats_exporter import exporting
from tests.monitoring.prometheus import Prometheus, running_prometheus
from tests.monitoring.shipped import queries, rules
from tests.system.programs import TOKEN_KEY, running_mesh, small_market


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(180)]

NOT_HERE = ("kube_", "kubelet_", "certmanager_")
EMPTY_IS_WELL = {
    "overview: Not ready, and why",
    "nats: Replicas behind",  # for the first minute
}


class Watched(NamedTuple):
    """A mesh, and a Prometheus that scrapes it."""

    programs: dict[str, RunningProgram]
    prometheus: Prometheus


@asynccontextmanager
async def _watched(broker: RunningBroker, folder: Path) -> AsyncIterator[Watched]:
    """A mesh with a client of a board, and somebody who could not sign in."""
    settings = small_market(broker.url)
    token = Tokens(TOKEN_KEY.encode()).issue("test", [">"], LONGEST_S, clock.now_ms())
    async with running_mesh(settings, folder) as programs:
        targets = {name: f"127.0.0.1:{each.port}" for name, each in programs.items()}
        with exporting(broker.monitoring) as exporter:
            async with (
                running_prometheus(folder, {**targets, "nats": exporter}) as prometheus,
                open_widget_client(f"ws://127.0.0.1:{settings.port}/ws", token) as client,
            ):
                await client.subscribe("board/volume")
                await _fail_to_sign_in(settings.control_port)
                yield Watched(programs, prometheus)


async def _fail_to_sign_in(port: int) -> None:
    wrong = {"name": "nobody@desk.example", "password": "not the right one"}
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(f"http://127.0.0.1:{port}/v1/sign-in", json=wrong)


async def _empty(prometheus: Prometheus) -> set[str]:
    """The panels whose queries give nothing, in full."""
    names = {rule.name for rule in rules()}
    return {
        query.place
        for query in queries()
        if query.place not in names
        and not any(metric.startswith(NOT_HERE) for metric in reads(query.expression).metrics)
        and not await prometheus.query(query.expression)
    }


async def _alerts(prometheus: Prometheus) -> set[tuple[str, str, str]]:
    """Alerts whose condition holds: name, program and state."""
    return {
        (rule["name"], alert["labels"].get("program", ""), alert["state"])
        for rule in await prometheus.rules()
        for alert in rule.get("alerts", ())
    }


async def test_mesh_is_seen(broker: RunningBroker, tmp_path: Path) -> None:
    """No panel is empty, every rule can be looked at, nothing fires while all is well, and a program that dies is missed."""
    missed = {
        (name, "boards", "pending") for name in ("TickmeshProgramDown", "TickmeshInstanceDown")
    }

    def shows_everything(empty: set[str]) -> bool:
        return empty <= EMPTY_IS_WELL

    def is_missed(now: set[tuple[str, str, str]]) -> bool:
        return missed <= now

    async with _watched(broker, tmp_path) as (programs, prometheus):
        await eventually(partial(_empty, prometheus), shows_everything, timeout_s=60)
        found = await prometheus.rules()
        well = await _alerts(prometheus)
        programs["boards"].process.kill()
        await eventually(partial(_alerts, prometheus), is_missed)

    assert {rule["name"] for rule in found} == {rule.name for rule in rules()}
    assert {rule["name"]: rule["lastError"] for rule in found if rule["health"] != "ok"} == {}
    assert {alert for alert in well if alert[2] == "firing"} == set()
