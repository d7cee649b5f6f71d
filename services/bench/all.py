"""`mesh bench all`: every bench in turn, and beside each key figure what was recorded last.

The figures that are compared, and what they were, stand in a table of `tests/bench/RESULTS.md`.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from services.bench.flags import BENCHES


RESULTS = Path("tests/bench/RESULTS.md")
HEADING = "## Last recorded"
_ROW = re.compile(r"^\| (\w+) \| ([\w.]+) \| (-?[\d.]+) \|$", re.MULTILINE)


class Figure(NamedTuple):
    """A figure of a bench; one inside another object is named by its path: `stages.fold`."""

    bench: str
    name: str
    value: float


def main() -> int:
    """Run all benches; the number of those that failed."""
    recorded = list(figures(RESULTS.read_text())) if RESULTS.exists() else []
    failed = 0
    for name in BENCHES:
        output = asyncio.run(_output(name))
        failed += output is None
        if output is not None:
            wanted = [figure for figure in recorded if figure.bench == name]
            lines = [output.decode(), *compared(msgspec.json.decode(output), wanted)]
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stdout.flush()
    return failed


async def _output(name: str) -> bytes | None:
    """The object that a bench prints; None if it failed. A process of its own, so that memory is its own."""
    command = (sys.executable, "-m", "services", "bench", name)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return None if process.returncode else output.rstrip()


def figures(results: str) -> Iterator[Figure]:
    """The key figures in the text of `RESULTS.md`."""
    for bench, name, value in _ROW.findall(results.partition(HEADING)[2]):
        yield Figure(bench, name, float(value))


def compared(result: dict[str, Any], recorded: list[Figure]) -> Iterator[str]:
    """A row for each recorded figure: as the table in `RESULTS.md`, then what was recorded, and now as a part of it."""
    for bench, name, before in recorded:
        now = _at(result, name)
        ratio = f"{now / before:.2f}" if now is not None and before else "–"
        yield f"| {bench} | {name} | {now} | recorded {before:g} | × {ratio} |"


def _at(result: Any, name: str) -> float | None:
    for part in name.split("."):
        result = result.get(part) if isinstance(result, dict) else None
    if isinstance(result, list) and result:  # of several samples, the last
        result = result[-1]
    return result if isinstance(result, int | float) else None
