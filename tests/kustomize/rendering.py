"""The overlays as Kubernetes is given them: rendered from a copy of the manifests that has keys, once in a process."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from mesh import clock
from mesh.nats_keys import create


Document = dict[str, Any]
"""One object of Kubernetes."""

ROOT = Path(__file__).parents[2]
OVERLAYS = ("dev", "staging", "prod")
RENDERERS = (("kubectl", "kustomize"), ("kustomize", "build"))

_KEYS = ("mesh_token_key", "massive_api_key", "finlight_api_key", "oidc_client_secret")


def rendered(overlay: str) -> list[Document]:
    """The documents of an overlay, for the caller alone."""
    return deepcopy(_rendered(overlay))


@cache
def _rendered(overlay: str) -> list[Document]:
    with tree() as root:
        return render(root / "kustomize" / "overlays" / overlay)


@contextmanager
def tree() -> Iterator[Path]:
    """A copy of the manifests that a test may change, with keys where README says that they are to be made."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("kustomize", "nats"):
            shutil.copytree(ROOT / name, root / name)
        for overlay in OVERLAYS:
            make_keys(root / "kustomize" / "overlays" / overlay / "secrets")
        _stand_in(root / "kustomize" / "components" / "monitoring")
        yield root


def _stand_in(monitoring: Path) -> None:
    """What is awaited of others."""
    (monitoring / "dashboards").mkdir(exist_ok=True)
    for name in ("overview", "feed", "pipeline", "partitions", "widgets", "nats"):
        if not (monitoring / "dashboards" / f"{name}.json").exists():
            (monitoring / "dashboards" / f"{name}.json").write_text("{}")
    if not (monitoring / "rules.yaml").exists():
        (monitoring / "rules.yaml").write_text(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: tickmesh}\nspec: {groups: []}\n"
        )


def make_keys(secrets: Path) -> None:
    """All keys that an overlay may ask for; those that lie there are left behind."""
    for path in secrets.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    create(secrets / "nats", int(clock.now_ms() / 1000))
    for name in _KEYS:
        (secrets / name).write_text("k" * 64)
    if not (secrets / "nats" / "smoke.creds").exists():
        (secrets / "nats" / "smoke.creds").write_text("awaited")


def render(folder: Path) -> list[Document]:
    """The documents that `kubectl apply -k` would send.

    Raises:
        AssertionError: they cannot be rendered, with the reason; or nothing here renders.
    """
    for program, verb in RENDERERS:
        if shutil.which(program) is not None:
            done = subprocess.run(  # noqa: S603 (its own arguments)
                [program, verb, str(folder)], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            return [
                msgspec.yaml.decode(text, type=Document) for text in done.stdout.split("\n---\n")
            ]
    raise AssertionError(
        "the manifests cannot be rendered: install kubectl, or kustomize (`go install sigs.k8s.io/kustomize/kustomize/v5`)"
    )
