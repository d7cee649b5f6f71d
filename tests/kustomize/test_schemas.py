"""Every document is what its kind says, for three versions of Kubernetes and for the operators that a site has."""

from collections.abc import Callable, Iterable, Iterator

import kubernetes_validate
import pytest

from tests.kustomize import custom
from tests.kustomize.objects import named, of_kind, title
from tests.kustomize.rendering import Document


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KUBERNETES = ("1.30", "1.34", "1.37")
"""The oldest that knows `preStop.sleep` without being asked to, one of the middle, and the newest whose schemas are here."""


def problems(documents: Iterable[Document], version: str) -> Iterator[str]:
    """What a cluster of *version* would refuse; kinds of operators are left to `custom`, and no other is left out."""
    for document in documents:
        if custom.kind_of(document) in custom.KINDS:
            continue
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{title(document)}: {error.message}"
        except kubernetes_validate.ValidationError as error:
            yield f"{title(document)}, {'.'.join(map(str, error.path))}: {error.message}"


@pytest.mark.parametrize("version", KUBERNETES)
def test_documents_are_what_kubernetes_takes(documents: list[Document], version: str) -> None:
    """No field is unknown, missing or of another type, and no kind is one that nobody has looked at."""
    assert list(problems(documents, version)) == []


def test_documents_are_what_operators_take(documents: list[Document]) -> None:
    """Custom resources have fields that their definitions have, which an operator would else drop in silence."""
    assert list(custom.problems(documents)) == []


def _misspell(documents: list[Document]) -> None:
    named(documents, "Deployment", "boards")["spec"]["minReadySecond"] = 10


def _mistype(documents: list[Document]) -> None:
    named(documents, "StatefulSet", "nats")["spec"]["replicas"] = "3"


def _invent(documents: list[Document]) -> None:
    of_kind(documents, "Namespace")[0]["kind"] = "Nickname"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_misspell, "minReadySecond"),
        (_mistype, "'3' is not of type"),
        (_invent, "Couldn't find schema for kind Nickname"),
    ],
)
def test_schema_of_kubernetes_refuses(
    prod: list[Document], spoil: Callable[[list[Document]], None], said: str
) -> None:
    """A field of another name, a value of another type and an unknown kind are each found."""
    spoil(prod)

    (problem,) = problems(prod, KUBERNETES[0])
    assert said in problem


@pytest.mark.parametrize(
    ("kind", "name", "field"),
    [
        ("ScaledObject", "news", "minReplicas"),
        ("Certificate", "nats-ca", "isca"),
        ("Issuer", "public", "acmee"),
        ("PodMonitor", "programs", "endpoints"),
    ],
)
def test_schema_of_operator_refuses(prod: list[Document], kind: str, name: str, field: str) -> None:
    """A field of another name is found in a custom resource too."""
    named(prod, kind, name)["spec"][field] = ["x"]

    (problem,) = custom.problems(prod)
    assert field in problem
