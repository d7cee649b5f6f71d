"""promtool, the judge of rules and expressions: of Debian's package `prometheus`, or of any release of Prometheus."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple


class Verdict(NamedTuple):
    """What promtool answered."""

    is_good: bool
    said: str


def promtool(*arguments: str, folder: Path) -> Verdict:
    """What promtool says when it is called with *arguments* in *folder*.

    Raises:
        AssertionError: it is not on this machine.
    """
    path = shutil.which("promtool")
    assert path, (
        "promtool is not on PATH: install Debian's package `prometheus`, or a release of it"
    )
    ended = subprocess.run(  # noqa: S603 (found on PATH, with arguments of these tests)
        [path, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return Verdict(ended.returncode == 0, ended.stdout + ended.stderr)
