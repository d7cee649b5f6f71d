"""The page for who deploys tells the truth: its folders, files, commands and overlays are there."""

import re
import shlex

import pytest

from services.__main__ import _parser
from tests.kustomize.rendering import OVERLAYS, ROOT


FOLDER = ROOT / "kustomize"
README = (FOLDER / "README.md").read_text()


def _commands() -> list[str]:
    """Every command of a block, without what is said of it."""
    blocks = re.findall(r"^```\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip(" &") for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_commands_of_mesh_are_known() -> None:
    """Each `mesh …` of a block is a command that the real parser takes."""
    commands = [command for command in _commands() if command.startswith("mesh ")]

    assert commands
    for command in commands:
        _parser().parse_args(shlex.split(command)[1:])


def test_commands_name_what_is_there() -> None:
    """Each path below kustomize/ in a command is an overlay's, and each that is applied is a folder."""
    paths = [word for command in _commands() for word in command.split() if word.startswith("kustomize/")]  # fmt: skip

    assert paths
    for path in paths:
        assert path.split("/")[2] in OVERLAYS, path
        if path.count("/") == 2:
            assert (ROOT / path / "kustomization.yaml").is_file(), path


@pytest.mark.parametrize("folder", ["components", "overlays"])
def test_every_part_is_described(folder: str) -> None:
    """Each component and each overlay has a line in a table."""
    there = {path.name for path in (FOLDER / folder).iterdir() if path.is_dir()}
    lines = {"components": r"`components/([a-z-]+)`", "overlays": r"`([a-z]+)`"}

    described = re.findall(rf"^\| {lines[folder]} \|", README, flags=re.MULTILINE)
    assert there <= set(described)
