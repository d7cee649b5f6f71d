"""What the image is built from is locked, and is the same that everything else is tested with."""

import re
import tomllib

import pytest

from tests.containers.engine import DOCKERFILE, ROOT


LOCKS = ("kustomize/image/requirements.lock", "kustomize/image/build.lock")


def _locked(path: str) -> dict[str, str]:
    """Each requirement of a lock, version and hashes with it, by its name and where it is wanted."""
    text = re.sub(r" \\\n +", " ", (ROOT / path).read_text())
    named = [re.match(r"([a-z0-9-]+)==\S+( ; [^-]+)?", line) for line in text.splitlines()]
    return {f"{each[1]}{each[2] or ''}".strip(): each.string for each in named if each}


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9-]", requirement)[0].lower()


def test_image_has_what_is_tested() -> None:
    """Every package of the image is in the lock of the repository, the same version with the same hashes."""
    everything = _locked("requirements.lock")
    differing = [name for name, line in _locked(LOCKS[0]).items() if everything.get(name) != line]

    assert differing == [], "make lock"


def test_image_has_what_programs_need() -> None:
    """Every dependency is locked for the image, and nothing that only develops is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {each.partition(" ")[0] for each in _locked(LOCKS[0])}

    assert {_name(each) for each in project["project"]["dependencies"]} <= names, "make lock"
    assert not names & {"pytest", "ruff", "mypy", "testcontainers", "hypothesis"}


@pytest.mark.parametrize("path", LOCKS)
def test_lock_of_the_image_holds_versions_and_hashes_only(path: str) -> None:
    """Every requirement is one exact version with its hashes, without addresses or options."""
    lines = re.sub(r" \\\n +", " ", (ROOT / path).read_text()).splitlines()

    assert lines
    for line in lines:
        assert re.fullmatch(r"\S+==\S+( ; [^-]+)?( --hash=sha256:[0-9a-f]{64})+", line), line


def test_dockerfile_is_for_any_engine() -> None:
    """It has nothing that only newer front ends know, and no stage but those for building sees the second base."""
    lines = (ROOT / DOCKERFILE).read_text().splitlines()
    orders = [line for line in lines if line and not line.startswith(("#", " "))]
    bases = [line for line in orders if line.startswith("FROM ")]

    assert not [line for line in orders if "<<" in line or "--mount" in line or "--link" in line]
    assert not [line for line in lines if line.startswith("# syntax=")]
    assert bases[-1] == "FROM ${BASE_IMAGE}"
