"""There are as many of each program as its work allows, and they are replaced without a gap; the listener never doubly."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.kustomize import rollouts
from tests.kustomize.objects import named, of_kind, pod, title
from tests.kustomize.rendering import Document, render, rendered, tree


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Check = Callable[[Iterable[Document]], Iterator[str]]
CHECKS: list[Check] = [
    rollouts.one_socket,
    rollouts.hand_overs,
    rollouts.disruptions,
    rollouts.spread,
    rollouts.scaling,
]


@pytest.mark.parametrize("check", CHECKS)
def test_rollouts_are_as_hand_overs_need(documents: list[Document], check: Check) -> None:
    """Nothing that is shared is without an owner for a rollout, a drain of a node or a failure to ask."""
    assert list(check(documents)) == []


@pytest.mark.parametrize("name", rollouts.SHARED)
def test_production_has_a_second_of_everything_shared(prod: list[Document], name: str) -> None:
    """Two processes at least, so that one can go."""
    assert rollouts.least(named(prod, "Deployment", name), prod) >= 2


def test_production_has_a_server_in_each_zone(prod: list[Document]) -> None:
    """Three servers in three zones, or one waits: what was acknowledged survives a zone."""
    nats = named(prod, "StatefulSet", "nats")
    by_key = {each["topologyKey"]: each for each in pod(nats)["topologySpreadConstraints"]}
    zones = by_key["topology.kubernetes.io/zone"]

    assert nats["spec"]["replicas"] == 3
    assert (zones["whenUnsatisfiable"], zones["minDomains"]) == ("DoNotSchedule", 3)
    assert nats["spec"]["podManagementPolicy"] == "Parallel"


def test_laptop_has_one_of_everything() -> None:
    """The overlay for one machine asks for one pod of each, and for few cores."""
    documents = rendered("dev")
    made = of_kind(documents, "Deployment", "StatefulSet")

    assert {rollouts.least(each, documents) for each in made} == {1}
    requests = [pod(each)["containers"][0]["resources"]["requests"]["cpu"] for each in made]
    assert set(requests) == {"100m"}, [title(each) for each in made]


def test_clients_can_be_counted_for_scaling() -> None:
    """With `autoscaling-clients` the page's service is scaled by its clients as well, still by CPU."""
    with tree() as root:
        overlay = root / "kustomize" / "overlays" / "prod"
        file = overlay / "kustomization.yaml"
        wanted = "  - ../../components/autoscaling\n"
        file.write_text(
            file.read_text().replace(wanted, f"{wanted}  - ../../components/autoscaling-clients\n")
        )
        scaler = named(render(overlay), "HorizontalPodAutoscaler", "widgets")

    kinds = [metric["type"] for metric in scaler["spec"]["metrics"]]
    assert kinds == ["Resource", "Pods"]


def _second_listener(documents: list[Document]) -> None:
    named(documents, "StatefulSet", "listener")["spec"]["replicas"] = 2


def _listener_deployed(documents: list[Document]) -> None:
    named(documents, "StatefulSet", "listener")["kind"] = "Deployment"


def _gap(documents: list[Document]) -> None:
    rolling = named(documents, "Deployment", "boards")["spec"]["strategy"]["rollingUpdate"]
    rolling["maxUnavailable"] = 1


def _no_budget(documents: list[Document]) -> None:
    documents.remove(named(documents, "PodDisruptionBudget", "control"))


def _tight_budget(documents: list[Document]) -> None:
    named(documents, "PodDisruptionBudget", "boards")["spec"] = {
        "minAvailable": 2,
        "selector": named(documents, "PodDisruptionBudget", "boards")["spec"]["selector"],
    }


def _together(documents: list[Document]) -> None:
    pod(named(documents, "Deployment", "boards")).pop("topologySpreadConstraints")


def _two_numbers(documents: list[Document]) -> None:
    named(documents, "Deployment", "widgets")["spec"]["replicas"] = 3


def _no_fallback(documents: list[Document]) -> None:
    named(documents, "ScaledObject", "news")["spec"].pop("fallback")


def _silence_is_calm(documents: list[Document]) -> None:
    (trigger,) = named(documents, "ScaledObject", "news")["spec"]["triggers"]
    trigger["metadata"].pop("ignoreNullValues")


@pytest.mark.parametrize(
    ("check", "spoil", "said"),
    [
        (rollouts.one_socket, _second_listener, "has 2 replicas"),
        (rollouts.one_socket, _listener_deployed, "may have two pods"),
        (rollouts.hand_overs, _gap, "Deployment boards rolls with"),
        (rollouts.disruptions, _no_budget, "Deployment control may lose all"),
        (rollouts.disruptions, _tight_budget, "PodDisruptionBudget boards must let"),
        (rollouts.spread, _together, "Deployment boards may have all"),
        (rollouts.scaling, _two_numbers, "has replicas of its own"),
        (rollouts.scaling, _no_fallback, "how many there are when nobody can say"),
        (rollouts.scaling, _silence_is_calm, "takes no answer for none waiting"),
    ],
)
def test_check_of_rollouts_finds(
    prod: list[Document], check: Check, spoil: Callable[[list[Document]], None], said: str
) -> None:
    """Each of the rules is one that can be broken."""
    spoil(prod)

    problems = list(check(prod))
    assert [problem for problem in problems if said in problem], problems
