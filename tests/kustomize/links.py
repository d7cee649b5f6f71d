"""What documents say of each other: selectors, names, ports, keys. Kubernetes takes them as they are, right or wrong."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.kustomize.objects import (
    Container,
    containers,
    labels,
    of_kind,
    pod,
    selects,
    title,
    workloads,
)
from tests.kustomize.rendering import Document


MADE_LATER = {
    "nats-tls": ("ca.crt", "tls.crt", "tls.key"),
    "nats-ca": ("ca.crt", "tls.crt", "tls.key"),
    "desk-tls": (),
    "control-tls": (),
}
"""Secrets that cert-manager makes, with the keys that are asked for."""


def selectors(documents: Iterable[Document]) -> Iterator[str]:
    """Selectors that take nobody, or not their own pods."""
    made = workloads(documents)
    for workload in made:
        if "selector" in workload["spec"] and not selects(
            workload["spec"]["selector"], labels(workload)
        ):
            yield f"{title(workload)} does not select its own pods"
    for document in of_kind(documents, "Service", "PodDisruptionBudget", "PodMonitor"):
        selector = document["spec"]["selector"]
        if document["kind"] == "Service":
            selector = {"matchLabels": selector}
        taken = [each for each in made if selects(selector, labels(each))]
        if not taken or (document["kind"] != "PodMonitor" and len(taken) != 1):
            yield f"{title(document)} selects {', '.join(map(title, taken)) or 'nobody'}"


def ports(documents: Iterable[Document]) -> Iterator[str]:
    """Ports by a name that no container of the pods has, and Ingresses to a Service or port that is not there."""
    for document in of_kind(documents, "Service", "PodMonitor"):
        for name in _ports_of(document):
            if name not in _open(document, documents):
                yield f"{title(document)} leads to the port {name}, which is not there"
    services = {each["metadata"]["name"]: each for each in of_kind(documents, "Service")}
    for document in of_kind(documents, "Ingress"):
        for path in document["spec"]["rules"][0]["http"]["paths"]:
            backend = path["backend"]["service"]
            offered = services.get(backend["name"], {"spec": {"ports": ()}})["spec"]["ports"]
            if backend["port"]["name"] not in {each["name"] for each in offered}:
                yield f"{title(document)} leads to {backend}, which is not there"
    for document in of_kind(documents, "StatefulSet"):
        service = services.get(document["spec"]["serviceName"], {"spec": {}})
        if service["spec"].get("clusterIP") != "None":
            yield f"{title(document)} has no headless Service {document['spec']['serviceName']}"


def names(documents: Iterable[Document]) -> Iterator[str]:
    """ConfigMaps, Secrets, accounts and scaled workloads that are named and not there, and keys that they do not have."""
    held = _held(documents)
    for workload in workloads(documents):
        for volume in pod(workload).get("volumes", ()):
            for source in _sources(volume):
                yield from _unheld(title(workload), source, held)
    for container in containers(documents):
        for source in container.spec.get("envFrom", ()):
            yield from _unheld(container.name, source["configMapRef"], held)
        yield from _unmounted(container)
    accounts = {each["metadata"]["name"] for each in of_kind(documents, "ServiceAccount")}
    for workload in workloads(documents):
        if pod(workload).get("serviceAccountName") not in accounts:
            yield f"{title(workload)} has no ServiceAccount"
    for document in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        target = document["spec"]["scaleTargetRef"]["name"]
        if target not in {each["metadata"]["name"] for each in of_kind(documents, "Deployment")}:
            yield f"{title(document)} scales {target}, which is not there"


def _ports_of(document: Document) -> list[str]:
    if document["kind"] == "PodMonitor":
        return [each["port"] for each in document["spec"]["podMetricsEndpoints"]]
    return [each["targetPort"] for each in document["spec"]["ports"]]


def _open(document: Document, documents: Iterable[Document]) -> set[str]:
    """The ports that every workload has which *document* selects."""
    selector = document["spec"]["selector"]
    if document["kind"] == "Service":
        selector = {"matchLabels": selector}
    found = [
        {port["name"] for each in pod(workload)["containers"] for port in each.get("ports", ())}
        for workload in workloads(documents)
        if selects(selector, labels(workload))
    ]
    return set.intersection(*found) if found else set()


def _held(documents: Iterable[Document]) -> dict[str, set[str]]:
    """The keys of each ConfigMap and Secret, also of those that others make."""
    held = {name: set(keys) for name, keys in MADE_LATER.items()}
    for document in of_kind(documents, "ConfigMap", "Secret"):
        held[document["metadata"]["name"]] = set(document.get("data", {}))
    for document in of_kind(documents, "ExternalSecret"):
        keys = {each["secretKey"] for each in document["spec"]["data"]}
        held[document["spec"]["target"]["name"]] = keys
    return held


def _sources(volume: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "projected" in volume:
        for source in volume["projected"]["sources"]:
            yield from source.values()
    elif "secret" in volume:
        yield {**volume["secret"], "name": volume["secret"]["secretName"]}
    elif "configMap" in volume:
        yield volume["configMap"]


def _unheld(user: str, source: dict[str, Any], held: dict[str, set[str]]) -> Iterator[str]:
    if source.get("optional"):
        return
    if source["name"] not in held:
        yield f"{user} takes from {source['name']}, which is not there"
        return
    missing = {each["key"] for each in source.get("items", ())} - held[source["name"]]
    if missing:
        yield f"{user} takes {', '.join(sorted(missing))} from {source['name']}, which has no such key"


def _unmounted(container: Container) -> Iterator[str]:
    there = {each["name"] for each in pod(container.workload).get("volumes", ())}
    claims = container.workload["spec"].get("volumeClaimTemplates", ())
    there |= {each["metadata"]["name"] for each in claims}
    for mount in container.spec.get("volumeMounts", ()):
        if mount["name"] not in there:
            yield f"{container.name} mounts {mount['name']}, which is not there"
