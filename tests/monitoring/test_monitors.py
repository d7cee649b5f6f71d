"""What the manifests scrape has the labels and the series that rules and dashboards read."""

import re
from typing import Any

from tests.kustomize.rendering import rendered
from tests.monitoring.metrics import FOREIGN
from tests.monitoring.shipped import alerts, dashboards, manifest


_COLLECTORS = {
    "gnatsd_varz": "-varz",
    "gnatsd_healthz": "-healthz",
    "gnatsd_connz": "-connz",
    "jetstream": "-jsz=all",
}


def _only(kind: str, name: str) -> dict[str, Any]:
    """The object of that kind and name, as it is applied in production."""
    [found] = [
        each for each in rendered("prod") if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]  # fmt: skip
    return found


def test_programs_are_told_apart() -> None:
    """Each series of a program gets the label `program`, from the label of its pod, and its pod as `instance`."""
    [endpoint] = _only("PodMonitor", "programs")["spec"]["podMetricsEndpoints"]
    made = {each["targetLabel"]: each["sourceLabels"] for each in endpoint["relabelings"]}

    assert made["program"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_component"]
    assert made["instance"] == ["__meta_kubernetes_pod_name"]
    assert endpoint["path"] == "/metrics"


def test_brokers_are_known_by_their_job() -> None:
    """The job that the operator makes of a monitor's namespace and name is the one by which the alert knows brokers."""
    monitor = _only("PodMonitor", "nats")["metadata"]
    [down] = [alert for alert in alerts() if alert.name == "NatsNodeDown"]
    wanted = re.search(r'up\{job=~"([^"]+)"', down.expr)

    assert wanted is not None
    assert re.fullmatch(wanted[1], f"{monitor['namespace']}/{monitor['name']}")


def test_exporter_collects_what_is_read() -> None:
    """The exporter beside a broker is told to collect every series of it that a rule or a dashboard reads."""
    containers = _only("StatefulSet", "nats")["spec"]["template"]["spec"]["containers"]
    [exporter] = [each for each in containers if each["name"] == "exporter"]

    for metric in FOREIGN:
        for prefix, collector in _COLLECTORS.items():
            if metric.startswith(prefix):
                assert collector in exporter["args"], metric


def test_all_is_applied() -> None:
    """Production has the rules, and every dashboard where Grafana looks for them."""
    assert _only("PrometheusRule", "tickmesh")["spec"] == manifest()["spec"]
    shown = _only("ConfigMap", "dashboards")

    assert shown["data"].keys() == {f"{name}.json" for name in dashboards()}
    assert shown["metadata"]["labels"]["grafana_dashboard"] == "1"
