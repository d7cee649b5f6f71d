"""An engine, the image of this checkout, and a mesh that runs from it."""

import os
from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.config import ConnectionMode, testcontainers_config

from tests.containers.engine import base_image, build_image, find_engine
from tests.containers.stack import Stack, running_stack


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The container engine of this machine; without one tests are skipped, unless it was promised."""
    try:
        client = find_engine()
    except (OSError, DockerException) as error:
        reason = f"no container engine answers (tests/containers/engine.sh starts one): {error}"
        if os.environ.get("TICKMESH_ENGINE") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    testcontainers_config.ryuk_disabled = True  # its image would have to be pulled
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    testcontainers_config.tc_host_override = "127.0.0.1"
    yield client
    client.close()


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> str:
    """The image that ours is built on."""
    return base_image(engine)


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of the image of this checkout."""
    return build_image(engine, base, tmp_path_factory.mktemp("builder"))


@pytest.fixture(scope="module")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A mesh that runs from the image, every program ready."""
    with running_stack(image, tmp_path_factory.mktemp("stack")) as running:
        yield running
