"""What a program shows at `/metrics`, for tests."""

import re
from typing import NamedTuple

from tests.mesh.programs import RunningProgram


_LINE = re.compile(r"^(?P<name>[a-z0-9_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Shown(NamedTuple):
    """One value."""

    name: str
    labels: dict[str, str]
    value: float


class Figures(NamedTuple):
    """All values of a program."""

    values: list[Shown]

    def of(self, name: str, **labels: str) -> float:
        """The sum of the values of *name* with these labels, whatever others they have; 0 without any."""
        return sum(
            each.value
            for each in self.values
            if each.name == f"tickmesh_{name}" and labels.items() <= each.labels.items()
        )


def read(text: str) -> Figures:
    """The values in the text of an exposition."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    found = [_LINE.match(line) for line in lines]
    assert all(found), text
    return Figures(
        [
            Shown(each["name"], dict(_LABEL.findall(each["labels"] or "")), float(each["value"]))
            for each in found
            if each is not None
        ]
    )


async def figures(program: RunningProgram) -> Figures:
    """The values that *program* shows now."""
    return read((await program.ask("/metrics")).text)
