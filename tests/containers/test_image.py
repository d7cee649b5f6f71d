"""The image: what is in it, what it says of itself, and what it can do without a network."""

import re

import docker
import msgspec
import pytest

from tests.containers.engine import COMMIT, NAME, ROOT, VERSION


pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("containers")]

BILL = "/usr/share/doc/tickmesh/sbom.cdx.json"
LICENCES = "/usr/share/doc/tickmesh/licences.txt"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def _said(engine: docker.DockerClient, image: str, *command: str, **options: str) -> bytes:
    """What *command* says in a container that reaches nothing and may change nothing."""
    container = engine.containers.run(
        image,
        list(command),
        detach=True,  # what is read while it runs may lack its end
        read_only=True,
        network_mode="none",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        tmpfs={"/tmp": ""},  # noqa: S108 (in the container)
        **options,
    )
    try:
        code = container.wait()["StatusCode"]
        said: bytes = container.logs()
    finally:
        container.remove()
    assert code == 0, said.decode()
    return said


def _locked() -> dict[str, str]:
    """Name and version of each package that Linux gets by the lock of the image."""
    text = (ROOT / "kustomize/image/requirements.lock").read_text()
    found = re.findall(r"^([a-z0-9-]+)==(\S+)(?: ; (.+))? \\$", text, re.MULTILINE)
    return {name: version for name, version, where in found if "win32" not in where and "< '3.12'" not in where}  # fmt: skip


def test_image_tells_its_version_and_commit(engine: docker.DockerClient, image: str) -> None:
    """Labels name version and commit, and programs are told version and name of their image."""
    config = engine.images.get(image).attrs["Config"]

    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    assert config["Labels"]["org.opencontainers.image.revision"] == COMMIT
    assert f"MESH_IMAGE_VERSION={VERSION}" in config["Env"]
    assert f"MESH_CONTAINER_IMAGE={NAME}:{VERSION}" in config["Env"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "services.healthy"]


def test_bill_of_materials_names_every_package(engine: docker.DockerClient, image: str) -> None:
    """Each package of the lock is there with its version, and so is what npm brought into the page."""
    bill = msgspec.json.decode(_said(engine, image, BILL, entrypoint="cat"))
    named = {each["purl"]: each["version"] for each in bill["components"]}

    missing = [name for name, version in _locked().items() if f"pkg:pypi/{name}@{version}" not in named]  # fmt: skip
    assert missing == []
    assert len(_locked()) > 40
    for name, version in _bundled().items():
        assert named[f"pkg:npm/{name}@{version}"] == version
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "tickmesh"


def test_licences_are_listed(engine: docker.DockerClient, image: str) -> None:
    """Each package of the lock and of the page has a line with what its makers declare."""
    lines = _said(engine, image, LICENCES, entrypoint="cat").decode().splitlines()
    named = {line.partition(" ")[0].lower().replace("_", "-"): line for line in lines}

    assert [name for name in (*_locked(), *_bundled()) if name not in named] == []
    assert named["msgspec"].endswith(": BSD-3-Clause")


def _bundled() -> dict[str, str]:
    """What the page is made of, by the lock of npm, itself without what only builds it."""
    lock = msgspec.json.decode((ROOT / "services/widgets/web/package-lock.json").read_bytes())
    return {name: lock["packages"][f"node_modules/{name}"]["version"] for name in lock["packages"][""]["dependencies"]}  # fmt: skip


def test_image_holds_programs_and_nothing_to_build_with(
    engine: docker.DockerClient, image: str
) -> None:
    """Ours is there with page and definitions; pip, tests, tools and sources of elsewhere are not."""
    listed = _said(engine, image, "/opt/tickmesh", "-type", "f", entrypoint="find").decode()

    assert "/services/widgets/web/dist/index.html\n" in listed
    assert "/mesh/_nats/TAPE_TRADES.json\n" in listed
    for absent in ("pip", "pytest", "hatchling", "cyclonedx_py"):
        assert f"/site-packages/{absent}/" not in listed
    assert not {part for part in ("/node_modules/", "/tests/system/") if part in listed}


def test_nothing_of_the_building_machine_is_in_the_image(
    engine: docker.DockerClient, image: str, base: str
) -> None:
    """Certificates are those of the base, and no variable of ours points at what only the builder had."""
    ours = _said(engine, image, BUNDLE, entrypoint="sha256sum")
    theirs = _said(engine, base, BUNDLE, entrypoint="sha256sum")

    assert ours == theirs
    names = {each.partition("=")[0] for each in engine.images.get(image).attrs["Config"]["Env"]}
    before = {
        each.partition("=")[0] for each in engine.images.get(base).attrs["Config"]["Env"] or []
    }
    assert names - before - {"PATH"} == {
        "HOME", "MESH_HOST", "MESH_HEALTH_PORT", "MESH_CONTAINER_IMAGE", "MESH_IMAGE_VERSION",
    }  # fmt: skip


def test_commands_run_without_a_network(engine: docker.DockerClient, image: str) -> None:
    """What is asked of the command line is answered by what is in the image, for a user without a name."""
    boards = _said(engine, image, "boards").decode()
    settings = _said(engine, image, "config").decode()

    assert "gainers" in boards
    assert re.search(r"^MESH_HOST +0\.0\.0\.0 ", settings, re.MULTILINE)
