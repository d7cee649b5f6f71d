"""What the operator is told to type, and what is said of streams and settings, is so."""

import re
import shlex
from pathlib import Path

import pytest

from mesh import topology
from mesh.settings import SETTINGS
from services.__main__ import _parser
from services.backup.kept import ASKED_AGAIN, FORGOTTEN, KEPT, REBUILT


PAGE = (Path(__file__).parents[1] / "kustomize" / "OPERATING.md").read_text()
COMMANDS = sorted({
    line.partition("#")[0].strip()
    for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
} | set(re.findall(r"`(mesh [^`]+)`", PAGE)))  # fmt: skip
OURS = [command for command in COMMANDS if command.startswith("mesh ")]
CONTINUED = {"mesh.widget_client"}


@pytest.mark.parametrize("command", OURS)
def test_command_is_one(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The parser of `mesh` takes it, with a word for each placeholder."""
    try:
        arguments = _parser().parse_args(shlex.split(command)[1:])
    except SystemExit:
        pytest.fail(capsys.readouterr().err)

    assert callable(arguments.act)


def test_page_has_commands() -> None:
    """There is something to hold to the parser, and nothing that is neither ours nor of a tool that is named."""
    assert len(OURS) > 5
    assert {command.split()[0] for command in COMMANDS} <= {"mesh", "kubectl", "nats"}


def test_settings_exist() -> None:
    """Each `MESH_…` is a setting."""
    assert set(re.findall(r"MESH_[A-Z_]+", PAGE)) <= {setting.env for setting in SETTINGS}


def test_streams_are_where_the_command_has_them() -> None:
    """The table of what a back-up holds names what `mesh backup` takes, and the other one all the rest."""
    held, _, rest = PAGE.partition("| not in the file | why |")
    held = held.partition("| in the file | what it is | without it |")[2]
    rest = rest.partition("\n\n")[0]

    assert _streams(held) == {*KEPT}
    assert _streams(rest) == {*REBUILT, *ASKED_AGAIN, *FORGOTTEN}


def _streams(table: str) -> set[str]:
    return {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1] if "|" in line else "")}  # fmt: skip


@pytest.mark.parametrize("storage", ["memory", "file"])
def test_bounds_of_streams_are_the_sums(storage: str) -> None:
    """What all streams of a kind can take at most is what their definitions add up to."""
    most = sum(each["max_bytes"] for each in topology.definitions() if each["storage"] == storage)

    assert f"by {most >> 20:,} MB" in PAGE
