"""Every metric that an expression may read, with its labels: ours, what rules record, and a few of others."""

from functools import cache

from mesh.instruments import INSTRUMENTS, Kind
from tests.monitoring.expressions import reads
from tests.monitoring.shipped import rules


SCRAPED = frozenset({"namespace", "pod", "instance", "job", "program"})
"""What Prometheus adds to whatever it scrapes of a pod."""

_SERVER = ("server_id",)
_JETSTREAM = (
    "server_id", "server_name", "cluster", "domain", "meta_leader", "is_meta_leader",
)  # fmt: skip
_STREAM = (
    *_JETSTREAM, "account", "account_name", "account_id",
    "stream_name", "stream_leader", "is_stream_leader", "stream_raft_group",
)  # fmt: skip
_CONSUMER = (*_STREAM, "consumer_name", "consumer_leader", "is_consumer_leader", "consumer_desc")
_CONTAINER = ("container", "resource", "unit", "uid")

FOREIGN: dict[str, tuple[str, ...]] = {
    # Prometheus itself.
    "up": (),
    "ALERTS": ("alertname", "alertstate", "severity"),
    # prometheus-nats-exporter, 0.20: collector/{collector,healthz,connz,jsz}.go, with -varz -healthz -connz -jsz=all.
    "gnatsd_healthz_status": _SERVER,
    "gnatsd_healthz_status_value": (*_SERVER, "value"),
    "gnatsd_connz_pending_bytes": _SERVER,
    **dict.fromkeys(
        (
            f"gnatsd_varz_{name}"
            for name in (
                "connections", "subscriptions", "routes", "slow_consumers", "stalled_clients",
                "in_msgs", "out_msgs", "in_bytes", "out_bytes", "cpu", "mem",
                "jetstream_stats_storage", "jetstream_config_max_storage",
                "jetstream_stats_memory", "jetstream_config_max_memory",
                "jetstream_stats_api_total", "jetstream_stats_api_errors",
            )
        ),
        _SERVER,
    ),
    "gnatsd_varz_version": (*_SERVER, "value"),
    "jetstream_server_total_streams": _JETSTREAM,
    "jetstream_stream_total_messages": _STREAM,
    "jetstream_stream_total_bytes": _STREAM,
    "jetstream_stream_limit_bytes": _STREAM,
    "jetstream_stream_last_seq": _STREAM,
    "jetstream_consumer_num_pending": _CONSUMER,
    "jetstream_consumer_num_ack_pending": _CONSUMER,
    "jetstream_consumer_num_redelivered": _CONSUMER,
    # kube-state-metrics: docs/metrics/workload/{pod,statefulset}-metrics.md.
    "kube_pod_container_status_restarts_total": _CONTAINER,
    "kube_pod_container_resource_limits": _CONTAINER,
    "kube_statefulset_replicas": ("statefulset",),
    "kube_statefulset_status_replicas_ready": ("statefulset",),
    # The kubelet.
    "kubelet_volume_stats_available_bytes": ("persistentvolumeclaim",),
    "kubelet_volume_stats_capacity_bytes": ("persistentvolumeclaim",),
    # cert-manager: pkg/metrics; its own scrape may rename the namespace of the certificate.
    "certmanager_certificate_expiration_timestamp_seconds": (
        "name", "exported_namespace", "issuer_name", "issuer_kind", "issuer_group",
    ),
}  # fmt: skip
"""Metrics of others by name, and what their exporters label them with."""


@cache
def known() -> dict[str, frozenset[str]]:
    """The labels of every metric, by its name."""
    found = {name: frozenset(labels) | SCRAPED for name, labels in FOREIGN.items()}
    for each in INSTRUMENTS:
        labels = frozenset(each.attributes) | SCRAPED
        if each.kind is Kind.HISTOGRAM:
            found[f"{each.prometheus}_bucket"] = labels | {"le"}
            found[f"{each.prometheus}_sum"] = found[f"{each.prometheus}_count"] = labels
        else:
            found[each.prometheus] = labels
    for rule in rules():
        if rule.record:
            found[rule.record] = reads(rule.expr).grouped
    return found
