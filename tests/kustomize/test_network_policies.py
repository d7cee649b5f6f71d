"""The network policies let pods speak along the edges that their settings need, and along no others."""

import pytest

from tests.kustomize.edges import OUTSIDE, Edge, allowed_in, allowed_out, closed, needed
from tests.kustomize.objects import OURS, component, named, of_kind, workloads
from tests.kustomize.rendering import OVERLAYS, Document, rendered


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WITH_POLICIES = tuple(overlay for overlay in OVERLAYS if overlay != "dev")

PEOPLE = {Edge("ingress-nginx", "widgets", 8080), Edge("ingress-nginx", "control", 8081)}
SERVERS = {Edge("nats", "nats", 6222)}
MAY_LEAVE = ("listener", "reference", "news", "control")
"""Those who ask vendors, and the provider that people sign in with."""


def _observed(documents: list[Document]) -> set[Edge]:
    """Edges of monitoring: nobody's settings name who scrapes."""
    running = {component(each) for each in workloads(documents) if each["kind"] != "Job"} - {"nats"}
    scraped = {Edge("monitoring", each, 8090) for each in running}
    return scraped | {Edge("monitoring", "nats", 7777)}


def _told(documents: list[Document]) -> set[Edge]:
    running = {edge.target for edge in _observed(documents)} - {"nats"}
    return {Edge(each, "monitoring", port) for each in running for port in (4317, 4318)}


@pytest.fixture(params=WITH_POLICIES)
def closed_documents(request: pytest.FixtureRequest) -> list[Document]:
    """Those of each overlay with network policies in turn."""
    return rendered(request.param)


def test_every_pod_is_closed(closed_documents: list[Document]) -> None:
    """Whoever is let through nowhere is let in and out nowhere, new programs too."""
    assert list(closed(closed_documents)) == []


def test_edges_out_are_those_that_settings_need(closed_documents: list[Document]) -> None:
    """A pod reaches the addresses of its settings, names, and what observes it; the four that may leave, the outside."""
    names = {Edge(component(each), "kube-system", 53) for each in workloads(closed_documents)}
    leaving = {Edge(each, OUTSIDE, 443) for each in MAY_LEAVE}

    assert allowed_out(closed_documents) == (
        needed(closed_documents) | names | leaving | SERVERS | _told(closed_documents)
    )


def test_edges_in_are_those_that_settings_need(closed_documents: list[Document]) -> None:
    """A pod is reached by whom the settings lead to it, by people through the ingress, and by what observes it."""
    inner = {edge for edge in needed(closed_documents) if edge.target != OUTSIDE}

    assert allowed_in(closed_documents) == (inner | PEOPLE | SERVERS | _observed(closed_documents))


def test_settings_lead_where_they_should(prod: list[Document]) -> None:
    """The table of who must reach whom, by hand: what the two tests above compare the policies with."""
    to_broker = {Edge(each, "nats", 4222) for each in (*OURS, "topology", "smoke")}
    to_vendors = {Edge(each, OUTSIDE, 443) for each in ("listener", "reference", "news")}
    asked = {Edge("smoke", each, 8090) for each in OURS}
    canaries = {Edge("control", "widgets", 8080), Edge("smoke", "widgets", 8080)}

    assert needed(prod) == to_broker | to_vendors | asked | canaries


def test_edge_too_many_is_found(prod: list[Document]) -> None:
    """Boards that may reach the page's service are more than the settings need, out and in."""
    out = named(prod, "NetworkPolicy", "canaries")["spec"]["podSelector"]["matchExpressions"][0]
    out["values"].append("boards")

    assert Edge("boards", "widgets", 8080) in allowed_out(prod) - needed(prod)
    assert Edge("boards", "widgets", 8080) not in allowed_in(prod)


def test_open_pod_is_found(prod: list[Document]) -> None:
    """Without the policy that is about everybody, whoever is in no other one is open."""
    everybody = named(prod, "NetworkPolicy", "nobody")
    names = named(prod, "NetworkPolicy", "names")
    rest = [each for each in prod if each not in (everybody, names)]

    assert "topology is closed in Egress only" in list(closed(rest))
    assert len(of_kind(prod, "NetworkPolicy")) == len(of_kind(rest, "NetworkPolicy")) + 2
