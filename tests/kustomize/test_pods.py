"""Every pod is confined, restrained, watched and of a known version; and whoever forgets one of these is told."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.kustomize import pods
from tests.kustomize.objects import component, labels, named, pod, title, workloads
from tests.kustomize.rendering import Document


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Check = Callable[[Iterable[Document]], Iterator[str]]
CHECKS: list[Check] = [
    pods.confinement,
    pods.restraint,
    pods.versions,
    pods.health,
    pods.farewells,
]


@pytest.mark.parametrize("check", CHECKS)
def test_pods_are_as_they_must_be(documents: list[Document], check: Check) -> None:
    """No pod may do, take or leave out what none should."""
    assert list(check(documents)) == []


def test_pods_say_whose_they_are(documents: list[Document]) -> None:
    """Each pod carries the three labels by which people, monitors and policies find it."""
    for workload in workloads(documents):
        found = labels(workload)
        assert found["app.kubernetes.io/name"] == "tickmesh", title(workload)
        assert found["app.kubernetes.io/part-of"] == "tickmesh", title(workload)
        assert component(workload) == workload["metadata"]["name"]


def test_namespace_demands_confinement(documents: list[Document]) -> None:
    """A pod that is not confined is refused by the cluster itself, and everything is in that namespace."""
    (namespace,) = (each for each in documents if each["kind"] == "Namespace")

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for each in documents if each is not namespace]
    assert {each["metadata"]["namespace"] for each in others} == {namespace["metadata"]["name"]}


def _first(specification: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = specification["containers"][0]
    return first


@pytest.mark.parametrize(
    ("check", "spoil", "said"),
    [
        (pods.confinement, lambda spec: spec.update(enableServiceLinks=True), "enableServiceLinks"),
        (pods.confinement, lambda spec: spec.pop("automountServiceAccountToken"), "automount"),
        (pods.confinement, lambda spec: spec["securityContext"].update(runAsUser=0), "runAsUser"),
        (pods.confinement, lambda spec: spec.update(hostNetwork=True), "hostNetwork"),
        (
            pods.confinement,
            lambda spec: _first(spec)["securityContext"].update(readOnlyRootFilesystem=False),
            "readOnlyRootFilesystem",
        ),
        (pods.restraint, lambda spec: _first(spec)["resources"].pop("limits"), "no limits of"),
        (
            pods.restraint,
            lambda spec: spec["volumes"].append({"name": "x", "emptyDir": {}}),
            "fill the disk by x",
        ),
        (pods.versions, lambda spec: _first(spec).update(image="tickmesh"), "no version"),
        (pods.versions, lambda spec: _first(spec).update(image="a.b/tickmesh:latest"), "latest"),
        (pods.health, lambda spec: _first(spec).pop("readinessProbe"), "readinessProbe"),
        (pods.health, lambda spec: _first(spec).pop("ports"), "no port health"),
        (
            pods.farewells,
            lambda spec: spec.update(terminationGracePeriodSeconds=30),
            "killed after 30 s",
        ),
        (pods.farewells, lambda spec: _first(spec).pop("lifecycle"), "still sent clients"),
    ],
)
def test_check_of_pods_finds(
    prod: list[Document], check: Check, spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Each of the rules is one that can be broken, and the sentence says by whom."""
    spoil(pod(named(prod, "Deployment", "widgets")))

    (problem,) = check(prod)
    assert problem.startswith("Deployment widgets")
    assert said in problem
