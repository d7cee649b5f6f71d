"""The overlays, each rendered once."""

import pytest

from tests.kustomize.rendering import OVERLAYS, Document, rendered


@pytest.fixture(params=OVERLAYS)
def documents(request: pytest.FixtureRequest) -> list[Document]:
    """Those of each overlay in turn; what a test changes in them, it changes for nobody else."""
    return rendered(request.param)


@pytest.fixture
def prod() -> list[Document]:
    """Those of production, which has the most; what a test changes in them, it changes for nobody else."""
    return rendered("prod")
