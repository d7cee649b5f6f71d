"""Alerts of brokers over a real cluster of three."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mesh import topology
from mesh.settings import Settings
from mesh.testing import eventually, ready_connection, running_cluster
from tests.monitoring.nats_exporter import exporting
from tests.monitoring.prometheus import Prometheus, running_prometheus


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(150)]


_LEADERS = 'jetstream_stream_last_seq{is_stream_leader="true"}'


async def _alerts(prometheus: Prometheus) -> dict[str, set[str]]:
    """The alerts of brokers whose condition holds, with the stream or the value of each."""
    return {
        rule["name"]: {
            alert["labels"].get("stream_name") or alert["labels"].get("value", "")
            for alert in rule["alerts"]
        }
        for rule in await prometheus.rules()
        if rule["name"].startswith("Nats") and rule["alerts"]
    }


async def test_lost_majority_is_seen(tmp_path: Path) -> None:
    """Of a cluster that is well no alert holds; when two of three brokers die, they are missed, and streams are without a leader."""

    def all_have_leaders(found: list[dict[str, Any]]) -> bool:
        return len(found) == len(topology.definitions())

    def is_well(found: dict[str, set[str]]) -> bool:
        return not found

    def is_leaderless(found: dict[str, set[str]]) -> bool:
        return {"ROWS", "KV_boards"} <= found.get("NatsStreamLeaderless", set())

    async with running_cluster(tmp_path) as cluster:
        with ExitStack() as stack:
            nodes = list(cluster.nodes.values())
            exporters = [stack.enter_context(exporting(node.monitoring)) for node in nodes]
            async with (
                ready_connection(Settings(nats_url=cluster.url, replicas=3)),
                running_prometheus(tmp_path, {"nats": exporters}) as prometheus,
            ):
                leaders = partial(prometheus.query, _LEADERS)
                await eventually(leaders, all_have_leaders, timeout_s=60)
                await eventually(partial(_alerts, prometheus), is_well, timeout_s=30)
                for node in nodes[:2]:
                    await node.kill()
                found = await eventually(partial(_alerts, prometheus), is_leaderless, timeout_s=60)

    assert found["NatsNodeDown"] == {"unreachable"}
