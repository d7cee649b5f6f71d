"""What every pod must be: confined, restrained, watched, and of a version that is known."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.kustomize.objects import PROGRAM, Container, component, containers, pod, title, workloads
from tests.kustomize.rendering import Document


USER = 10001
DRAIN_S = 25
"""So long a program takes to drain at most (`mesh.lifecycle`)."""
HEALTH_PORT = 8090

_CONFINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_POD = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_PROBES = {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
_PROBES_OF_NATS = {
    "startupProbe": "/healthz",
    "readinessProbe": "/healthz?js-server-only=true",
    "livenessProbe": "/healthz?js-enabled-only=true",
}
_TAGGED = re.compile(r"[^:@]+(:[0-9]+/[^:@]+)?:[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.-]*")


def confinement(documents: Iterable[Document]) -> Iterator[str]:
    """Whatever lets a pod do more than Pod Security "restricted", or write where it need not."""
    for workload in workloads(documents):
        specification = pod(workload)
        context = specification.get("securityContext", {})
        wrong = [name for name, value in _POD.items() if context.get(name) != value]
        wrong += [name for name in ("hostNetwork", "hostPID", "hostIPC") if name in specification]
        for name in ("automountServiceAccountToken", "enableServiceLinks"):
            if specification.get(name) is not False:
                wrong.append(name)
        if specification.get("serviceAccountName") != component(workload):
            wrong.append("serviceAccountName")
        if wrong:
            yield f"{title(workload)} is wrong in {', '.join(wrong)}"
    for container in containers(documents):
        context = container.spec.get("securityContext", {})
        if context != _CONFINED:
            yield f"{container.name} has the security context {context}"


def restraint(documents: Iterable[Document]) -> Iterator[str]:
    """Whatever may take more of a node than was said."""
    for container in containers(documents):
        resources = container.spec.get("resources", {})
        for name, wanted in (("requests", {"cpu", "memory", "ephemeral-storage"}), ("limits", {"memory", "ephemeral-storage"})):  # fmt: skip
            missing = wanted - set(resources.get(name, {}))
            if missing:
                yield f"{container.name} has no {name} of {', '.join(sorted(missing))}"
    for workload in workloads(documents):
        for volume in pod(workload).get("volumes", ()):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{title(workload)} may fill the disk by {volume['name']}"


def versions(documents: Iterable[Document]) -> Iterator[str]:
    """Images of which nobody can say what they are."""
    for container in containers(documents):
        if not _TAGGED.fullmatch(container.spec["image"]):
            yield f"{container.name} has the image {container.spec['image']}, which names no version"


def health(documents: Iterable[Document]) -> Iterator[str]:
    """Pods that run for ever and are not asked how they are, or are asked in the wrong place."""
    for container in containers(documents):
        if container.workload["kind"] == "Job":
            continue
        ports = {each["name"]: each["containerPort"] for each in container.spec.get("ports", ())}
        if container.spec["name"] == PROGRAM:
            yield from _asked(container, _PROBES, ports, "health", HEALTH_PORT)
        elif container.spec["name"] == "nats":
            yield from _asked(container, _PROBES_OF_NATS, ports, "monitor", 8222)


def farewells(documents: Iterable[Document]) -> Iterator[str]:
    """Pods that are killed before they have drained."""
    for container in containers(documents):
        before = container.spec.get("lifecycle", {}).get("preStop", {})
        waits_s = before.get("sleep", {}).get("seconds", 0)
        given_s = pod(container.workload).get("terminationGracePeriodSeconds", 30)
        needed_s = 40 if container.spec["name"] == "nats" else waits_s + DRAIN_S
        if container.spec["name"] in (PROGRAM, "nats") and given_s <= needed_s:
            yield f"{container.name} is killed after {given_s} s and may need {needed_s} s"
        if component(container.workload) in ("widgets", "control") and not waits_s:
            yield f"{container.name} goes while it is still sent clients"


def _asked(
    container: Container, probes: dict[str, str], ports: dict[str, Any], name: str, number: int
) -> Iterator[str]:
    if ports.get(name) != number:
        yield f"{container.name} has no port {name} {number}"
    for probe, path in probes.items():
        asked = container.spec.get(probe, {}).get("httpGet", {})
        if asked != {"path": path, "port": name}:
            yield f"{container.name} is asked by its {probe} at {asked}"
