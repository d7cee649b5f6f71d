"""The repository is laid out as agreed, and names nothing that it must not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[1]

AGREED = {
    "mesh", "services", "schemas", "tests", "nats", "kustomize",
    "README.md", "pyproject.toml", "Makefile", "requirements.lock",
}  # fmt: skip

LEFT_BEHIND = {"__pycache__", "node_modules", "dist"}
"""Folders that tools make."""

REGISTRIES = ("pypi" + ".org", "python" + "hosted", "registry." + "npmjs")
"""Written in two parts, so that this file does not name them."""


def _files() -> Iterator[Path]:
    """Every file that is ours: of the agreed entries and the CI folder, without what tools leave behind."""
    for name in (*AGREED, ".ci", ".gitignore"):
        entry = ROOT / name
        for path in entry.rglob("*") if entry.is_dir() else (entry,):
            if path.is_file() and not LEFT_BEHIND & {*path.parts}:
                yield path


def test_top_level_is_the_agreed_set() -> None:
    """Exactly the agreed entries are at the top, apart from dot files."""
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert found == AGREED


@pytest.mark.parametrize("folder", ["nats", "kustomize"])
def test_folder_holds_no_python(folder: str) -> None:
    """A module in nats/ would shadow the client of that name; kustomize/ is data."""
    assert not [
        path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".pyc", ".pyi"}
    ]


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the business of the machine that installs them."""
    naming = [
        str(path.relative_to(ROOT))
        for path in _files()
        for registry in REGISTRIES
        if registry.encode() in path.read_bytes()
    ]

    assert naming == []


def test_lock_holds_versions_and_hashes_only() -> None:
    """Every requirement is one exact version with its hashes, without addresses or options."""
    text = (ROOT / "requirements.lock").read_text()
    requirements = re.sub(r" \\\n +", " ", text).splitlines()

    assert requirements
    for line in requirements:
        requirement, *hashes = re.split(r" (?=--hash=)", line)
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*(\[[a-z,]+\])?==[\w.+!]+( ; .+)?", requirement), (
            line
        )
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), line


def test_no_test_asks_for_a_broker_of_the_machine() -> None:
    """Tests start their own broker: none connects to the usual port, where somebody's data may be."""
    connecting = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"nats_url=[\"']nats://[^\"']*:4222", path.read_text())
    ]

    assert connecting == []
