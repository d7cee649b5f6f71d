"""What watches the mesh is told of everything that it is made of."""

import pytest

from tests.kustomize.objects import component, labels, named, of_kind, pod, selects, workloads
from tests.kustomize.rendering import Document, rendered


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_every_pod_is_scraped_once(overlay: str) -> None:
    """Each program and each server of the broker has one monitor; a Job, which is over before it is asked, has none."""
    documents = rendered(overlay)
    monitors = of_kind(documents, "PodMonitor")

    for workload in workloads(documents):
        own = [each for each in monitors if selects(each["spec"]["selector"], labels(workload))]
        assert len(own) == (workload["kind"] != "Job"), component(workload)


def test_metrics_say_whose_they_are(prod: list[Document]) -> None:
    """The program is the label of the pod, and the instance its name: what rules and dashboards ask by."""
    (endpoint,) = named(prod, "PodMonitor", "programs")["spec"]["podMetricsEndpoints"]
    by_target = {each["targetLabel"]: each["sourceLabels"] for each in endpoint["relabelings"]}

    assert by_target == {
        "program": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
        "instance": ["__meta_kubernetes_pod_name"],
    }


def test_exporter_asks_its_own_server(prod: list[Document]) -> None:
    """Beside each server an exporter asks for all that alerts are made of, under the names that it has by default."""
    nats = pod(named(prod, "StatefulSet", "nats"))
    (exporter,) = (each for each in nats["containers"] if each["name"] == "exporter")
    monitor = {each["name"]: each["containerPort"] for each in nats["containers"][0]["ports"]}
    flags = set(exporter["args"])

    assert flags >= {"-varz", "-connz", "-healthz", "-jsz=all"}
    assert exporter["args"][-1] == f"http://localhost:{monitor['monitor']}"
    assert {"name": "metrics", "containerPort": 7777} in exporter["ports"]
    assert "-port=7777" in flags


def test_dashboards_are_found(prod: list[Document]) -> None:
    """Grafana's sidecar finds all dashboards by their label."""
    dashboards = named(prod, "ConfigMap", "dashboards")

    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {*dashboards["data"]} == {
        f"{name}.json" for name in ("overview", "feed", "pipeline", "partitions", "widgets", "nats")
    }
