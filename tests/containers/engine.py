"""The container engine of this machine, and the images that tests need on it.

Images are built by the engine's own classic front end, as `kustomize/image/Dockerfile` promises. Where the base
image cannot be pulled, one is made of Debian's packages instead: a stand-in with the same Python at another path,
which says nothing about the real one but that ours runs on what is asked of a base.
"""

import os
import re
import shutil
import socket
import subprocess  # mmdebstrap makes the stand-in
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound


ROOT = Path(__file__).parents[2]
DOCKERFILE = "kustomize/image/Dockerfile"
TAG = "tickmesh:tests"
VERSION = "9.8.7-tests"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "registry.example.com/tickmesh"

_USUAL_HOST = "unix:///var/run/docker.sock"
_STAND_IN = "tickmesh-stand-in:trixie"
_BUILDER = "tickmesh-builder:tests"
_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_DEBIAN = ""  # where mmdebstrap has them from by itself
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_MACHINE_FILES = (_BUNDLE, "/etc/pip.conf")
"""What a machine may need to reach package indexes; the names of variables that do the same are below."""
_MACHINE_VARIABLES = re.compile(
    r"(PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)|NODE_EXTRA_CA_CERTS|NPM_CONFIG_\w+"
    r"|SSL_CERT_FILE|(HTTP|HTTPS|NO|ALL)_PROXY)",
    re.IGNORECASE,
)
_BUILD_S = 600


def find_engine() -> docker.DockerClient:
    """The engine that `DOCKER_HOST` names, or the usual one.

    Raises:
        OSError: nothing listens there.
        DockerException: what listens there is none.
    """
    scheme, _, path = os.environ.get("DOCKER_HOST", _USUAL_HOST).partition("://")
    if scheme == "unix":  # the client leaves its socket open when nothing listens
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
    return docker.from_env(timeout=_BUILD_S)


def base_image(client: docker.DockerClient) -> str:
    """The base that the Dockerfile names; a stand-in where it cannot be had."""
    [named] = re.findall(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / DOCKERFILE).read_text(), re.MULTILINE)
    base = str(named)
    if _is_there(client, base) or _is_pulled(client, base):
        return base
    if not _is_there(client, _STAND_IN):
        _make_stand_in(client)
    return _STAND_IN


def build_image(client: docker.DockerClient, base: str, folder: Path) -> str:
    """Build the image of this checkout on *base*, with *folder* for what the machine adds; its id.

    Raises:
        docker.errors.BuildError: with the step that failed.
    """
    _build(client, _builder_context(folder, base), "Dockerfile", _BUILDER, {})
    arguments = {
        "BASE_IMAGE": base, "BUILD_IMAGE": _BUILDER, "VERSION": VERSION, "COMMIT": COMMIT, "IMAGE": NAME,
    }  # fmt: skip
    return _build(client, ROOT, DOCKERFILE, TAG, arguments)


def _build(
    client: docker.DockerClient, context: Path, file: str, tag: str, arguments: dict[str, str]
) -> str:
    image, _ = client.images.build(
        path=str(context),
        dockerfile=file,
        tag=tag,
        buildargs=arguments,
        network_mode="host",
        rm=True,
    )
    return str(image.id)


def _is_there(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def _is_pulled(client: docker.DockerClient, image: str) -> bool:
    name, _, tag = image.partition(":")
    try:
        client.images.pull(name, tag)
    except DockerException:
        return False
    return True


def _make_stand_in(client: docker.DockerClient) -> None:
    maker = shutil.which("mmdebstrap")
    if maker is None:
        raise FileNotFoundError(
            "the base image cannot be pulled, and without mmdebstrap none can be made in its place"
        )
    made = subprocess.run(  # noqa: S603 (nothing of it comes from elsewhere)
        [maker, "--quiet", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, "-", _mirror()],
        capture_output=True,
        check=True,
        timeout=_BUILD_S,
    )
    name, _, tag = _STAND_IN.partition(":")
    client.api.import_image_from_data(made.stdout, repository=name, tag=tag)


def _mirror() -> str:
    """Where this machine has Debian's packages from."""
    files = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    lines = [line for file in files if file.is_file() for line in file.read_text().splitlines()]
    found = [
        re.search(r"https?://\S+/debian(?=/?(\s|$))", line)
        for line in lines
        if not line.startswith("#")
    ]
    return next((each[0] for each in found if each), _DEBIAN)


def _builder_context(folder: Path, base: str) -> Path:
    """A folder from which *base* is built with what this machine needs to reach package indexes."""
    lines = [f"FROM {base}"]
    for number, source in enumerate(filter(os.path.isfile, _MACHINE_FILES)):
        shutil.copyfile(source, folder / str(number))
        lines.append(f"COPY {number} {source}")
    variables: dict[str, Any] = {
        name: value for name, value in os.environ.items() if _MACHINE_VARIABLES.fullmatch(name)
    }
    lines += [f"ENV {name}={_quoted(value)}" for name, value in sorted(variables.items())]
    (folder / "Dockerfile").write_text("\n".join(lines))
    return folder


def _quoted(text: str) -> str:
    escaped = re.sub(r'(["\\$])', r"\\\1", text)
    return f'"{escaped}"'
