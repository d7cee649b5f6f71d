"""What is asked of documents again and again: workloads, their containers, what these are given, who is selected."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.kustomize.rendering import Document


WORKLOADS = ("Deployment", "StatefulSet", "Job")
COMPONENT = "app.kubernetes.io/component"
PROGRAM = "program"
"""The container of a program of ours."""
OURS = ("listener", "reference", "processors", "boards", "news", "widgets", "control")
"""Programs that are in every deployment."""


class Container(NamedTuple):
    """A container of a workload."""

    workload: Document
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        """For a sentence about it."""
        return f"{title(self.workload)}, container {self.spec['name']}"


def of_kind(documents: Iterable[Document], *kinds: str) -> list[Document]:
    """The documents of some kinds."""
    return [document for document in documents if document["kind"] in kinds]


def named(documents: Iterable[Document], kind: str, name: str) -> Document:
    """The one document of a kind and a name, without the hash that was added to it."""
    candidates = of_kind(documents, kind)
    exactly = [each for each in candidates if each["metadata"]["name"] == name]
    found = exactly or [each for each in candidates if _plain(each) == name]
    assert len(found) == 1, f"{len(found)} documents are {kind} {name}"
    return found[0]


def title(document: Document) -> str:
    """What people call it."""
    return f"{document['kind']} {document['metadata']['name']}"


def workloads(documents: Iterable[Document]) -> list[Document]:
    """All that makes pods."""
    return of_kind(documents, *WORKLOADS)


def pod(workload: Document) -> dict[str, Any]:
    """The specification of its pods."""
    specification: dict[str, Any] = workload["spec"]["template"]["spec"]
    return specification


def labels(workload: Document) -> dict[str, str]:
    """The labels of its pods."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def component(workload: Document) -> str:
    """Which part of the mesh its pods are."""
    return labels(workload).get(COMPONENT, "")


def containers(documents: Iterable[Document]) -> Iterator[Container]:
    """Every container of every workload."""
    for workload in workloads(documents):
        for specification in pod(workload)["containers"]:
            yield Container(workload, specification)


def variables(container: Container, documents: Iterable[Document]) -> dict[str, str]:
    """The environment of a container, as far as it is known before it runs."""
    found: dict[str, str] = {}
    for source in container.spec.get("envFrom", ()):
        for document in of_kind(documents, "ConfigMap"):
            if document["metadata"]["name"] == source["configMapRef"]["name"]:
                found |= document.get("data", {})
    plain = (each for each in container.spec.get("env", ()) if "value" in each)
    return found | {each["name"]: each["value"] for each in plain}


def selects(selector: dict[str, Any], found: dict[str, str]) -> bool:
    """Whether a selector takes something with the labels *found*."""
    if any(found.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(
        (found.get(each["key"]) in each["values"]) == (each["operator"] == "In")
        for each in selector.get("matchExpressions", ())
    )


def _plain(document: Document) -> str:
    name: str = document["metadata"]["name"]
    return name.rpartition("-")[0]
