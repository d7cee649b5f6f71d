"""Who may speak to whom by the network policies, and who must by the settings."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mesh.declaration import Setting
from mesh.settings import SETTINGS
from tests.kustomize.objects import (
    PROGRAM,
    component,
    containers,
    labels,
    of_kind,
    selects,
    variables,
    workloads,
)
from tests.kustomize.rendering import Document


OUTSIDE = "outside"
"""Any address that is not one of a private network."""
_NAMESPACE = "kubernetes.io/metadata.name"
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HOSTS = ("MESH_FEED",)
"""Settings that are a host and perhaps a port, not an address with a scheme."""


class Edge(NamedTuple):
    """Somebody reaches a port of somebody: a part of the mesh, a namespace of others, or `OUTSIDE`."""

    source: str
    target: str
    port: int


def allowed_out(documents: Iterable[Document]) -> set[Edge]:
    """Edges that the policies of their sources allow."""
    return set(_edges(documents, "egress", "to"))


def allowed_in(documents: Iterable[Document]) -> set[Edge]:
    """Edges that the policies of their targets allow."""
    return {
        Edge(edge.target, edge.source, edge.port) for edge in _edges(documents, "ingress", "from")
    }


def needed(documents: Iterable[Document]) -> set[Edge]:
    """Edges along which the settings of the programs lead them."""
    addresses = {setting.env for setting in SETTINGS if _is_address(setting)}
    found = set()
    for container in containers(documents):
        if container.spec["name"] != PROGRAM:
            continue
        source = component(container.workload)
        environment = variables(container, documents)
        for name in addresses & environment.keys():
            if name == "MESH_NATS_URL" and "MESH_NATS_CREDS" not in environment:
                continue  # every pod is told, and the simulator does not ask
            for address in environment[name].split(","):
                found.add(Edge(source, *_reached(address, name, documents)))
        for argument in container.spec.get("args", ()):
            if argument.startswith("http://"):
                found.add(Edge(source, *_reached(argument, "", documents)))
    return found


def closed(documents: Iterable[Document]) -> Iterator[str]:
    """Parts of the mesh that a policy does not close in one of the directions."""
    for workload in workloads(documents):
        directions = {
            direction
            for policy in of_kind(documents, "NetworkPolicy")
            if selects(policy["spec"]["podSelector"], labels(workload))
            for direction in policy["spec"]["policyTypes"]
        }
        if directions != {"Ingress", "Egress"}:
            yield f"{component(workload)} is closed in {', '.join(sorted(directions)) or 'no direction'} only"


def _is_address(setting: Setting) -> bool:
    return setting.url or setting.env in (*_HOSTS, "MESH_OIDC_ISSUER")


def _reached(address: str, name: str, documents: Iterable[Document]) -> tuple[str, int]:
    """The part of the mesh, or the outside, that has *address*, and the port."""
    parts = urlsplit(f"wss://{address}" if name in _HOSTS else address)
    host = re.sub(r"^nats-\d+\.nats-headless$", "nats", parts.hostname or "")
    ours = {each["metadata"]["name"] for each in of_kind(documents, "Service")}
    port = parts.port or _PORTS[parts.scheme]
    return (host, port) if host in ours else (OUTSIDE, port)


def _edges(documents: Iterable[Document], direction: str, peers: str) -> Iterator[Edge]:
    made = workloads(documents)
    for policy in of_kind(documents, "NetworkPolicy"):
        own = [each for each in made if selects(policy["spec"]["podSelector"], labels(each))]
        for rule in policy["spec"].get(direction, ()):
            for peer in rule[peers]:
                for one in own:
                    for other in _peer(peer, made):
                        for port in rule["ports"]:
                            yield Edge(component(one), other, port["port"])


def _peer(peer: dict[str, Any], made: list[Document]) -> Iterator[str]:
    """Who is meant: parts of the mesh, a namespace, or the outside."""
    if "ipBlock" in peer:
        yield OUTSIDE
    elif "namespaceSelector" in peer:
        yield peer["namespaceSelector"]["matchLabels"][_NAMESPACE]
    else:
        yield from (component(each) for each in made if selects(peer["podSelector"], labels(each)))
