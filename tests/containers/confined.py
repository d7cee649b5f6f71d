"""Containers that may do as little as a pod with the profile "restricted" of Kubernetes."""

from typing import Any

from testcontainers.core.container import DockerContainer


_USER = "10001:10001"
_MEMORY = "1g"
_ENDED_S = 240


def confined(
    image: str,
    command: list[str],
    environment: dict[str, str],
    ports: tuple[int, ...] = (),
    **options: Any,
) -> DockerContainer:
    """A container of *image* that is nobody in particular, has no privilege, and writes to its /tmp alone.

    Args:
        image: what it runs from.
        command: what its entrypoint is given.
        environment: what it is told beside what the image says.
        ports: that this machine reaches it at.
        **options: the engine's own, beside those of its confinement.
    """
    made = DockerContainer(image).with_command(command).with_envs(**environment)
    made.tmpfs["/tmp"] = ""  # noqa: S108 (in the container)
    return made.with_exposed_ports(*ports).with_kwargs(
        user=_USER,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit=_MEMORY,
        pids_limit=200,
        **options,
    )


def ended(made: DockerContainer) -> str:
    """What *made* says until its end, which must be a good one.

    Raises:
        AssertionError: it is not; with what was said.
    """
    with made:
        container = made.get_wrapped_container()
        code = container.wait(timeout=_ENDED_S)["StatusCode"]
        said: str = container.logs().decode()
    assert code == 0, said
    return said
