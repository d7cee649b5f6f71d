"""Keys come from files that nobody commits, or from a vault, each to those who need it; none is in the repository."""

import base64
import subprocess
from pathlib import Path

import pytest

from mesh.nats_keys import create
from mesh.permissions import PROGRAMS
from mesh.settings import Settings
from tests.kustomize import links
from tests.kustomize.objects import component, named, of_kind, pod, workloads
from tests.kustomize.rendering import OVERLAYS, ROOT, Document, render, rendered, tree


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_keys_are_never_committed(overlay: str, tmp_path: Path) -> None:
    """git takes no file that README says to make there, and does take what names them."""
    create(tmp_path / "nats", 0)
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    names = [*map(str, made), "mesh_token_key", "massive_api_key", "anything"]
    folder = f"kustomize/overlays/{overlay}/secrets"

    for name in names:
        assert _is_ignored(f"{folder}/{name}"), name
    assert not _is_ignored(f"{folder}/kustomization.yaml")


def test_no_secret_is_in_the_manifests() -> None:
    """No file of the repository is a Secret, or names a key as its content, but that of the simulator, which everybody knows."""
    for path in (ROOT / "kustomize").rglob("*.yaml"):
        text = path.read_text()
        assert "kind: Secret\n" not in text, path
        for line in text.splitlines():
            if "literals:" in line and "secrets" in path.parts:
                assert "=simulator, finlight_api_key=simulator]" in line, path


def test_programs_get_their_own_keys_alone(documents: list[Document]) -> None:
    """Of the credentials of all programs each pod has its own; vendors' keys and that of tokens are where they are used."""
    users = {
        key: {
            component(each)
            for each in workloads(documents)
            if key in {item["key"] for item in _items(each)}
        }
        for key in ("massive_api_key", "finlight_api_key", "mesh_token_key", "oidc_client_secret")
    }
    smoke = {"smoke"} & {component(each) for each in workloads(documents)}

    assert users == {
        "massive_api_key": {"listener", "reference", "news"},
        "finlight_api_key": {"news"},
        "mesh_token_key": {"widgets", "control"} | smoke,
        "oidc_client_secret": {"control"},
    }
    for workload in workloads(documents):
        creds = {item["key"] for item in _items(workload) if item["key"].endswith(".creds")}
        own = {"topology": {"admin.creds"}, "nats": set(), "simulator": set()}
        assert creds == own.get(component(workload), {f"{component(workload)}.creds"})


def test_every_program_of_the_broker_has_credentials(prod: list[Document]) -> None:
    """Each user that `mesh nats-keys` makes for a program is among the keys that the overlays ask for, and no other."""
    held = {*named(prod, "Secret", "nats-creds")["data"], *named(prod, "Secret", "nats-admin")["data"]}  # fmt: skip

    assert held == {f"{name}.creds" for name in PROGRAMS}


def test_what_signs_stays_at_home(documents: list[Document]) -> None:
    """No Secret holds the keys that nothing which runs needs."""
    held = {
        name for each in of_kind(documents, "Secret") for name in each.get("data", {})
    }  # fmt: skip

    assert not {"operator.seed", "programs.seed"} & held


@pytest.mark.parametrize("overlay", ["dev", "staging"])
def test_simulator_knows_the_key(overlay: str) -> None:
    """The key with which the feed is asked is the one that the simulator takes by default."""
    held = named(rendered(overlay), "Secret", "vendor-keys")["data"]
    keys = {base64.b64decode(value).decode() for value in held.values()}

    assert keys == {Settings().sim_key}


def test_vault_gives_what_files_give() -> None:
    """With `external-secrets` in the place of `secrets` the same Secrets with the same keys are made, and all else is the same."""
    with tree() as root:
        overlay = root / "kustomize" / "overlays" / "prod"
        files = render(overlay)
        file = overlay / "kustomization.yaml"
        text = file.read_text().replace("  - secrets\n", "")
        wanted = "components:\n"
        file.write_text(text.replace(wanted, f"{wanted}  - ../../components/external-secrets\n"))
        vault = render(overlay)

    by_files = {_plain(each): set(each["data"]) for each in of_kind(files, "Secret")}
    by_vault = {
        each["spec"]["target"]["name"]: {data["secretKey"] for data in each["spec"]["data"]}
        for each in of_kind(vault, "ExternalSecret")
    }
    assert by_vault == by_files
    assert of_kind(vault, "Secret") == []
    assert list(links.names(vault)) == []


def _is_ignored(path: str) -> bool:
    done = subprocess.run(  # noqa: S603 (its own arguments)
        ["git", "check-ignore", "--quiet", "--no-index", path],  # noqa: S607 (as people call it)
        cwd=ROOT,
        check=False,
    )
    return done.returncode == 0


def _items(workload: Document) -> list[dict[str, str]]:
    """The keys of Secrets that pods of *workload* are given one by one."""
    found: list[dict[str, str]] = []
    for volume in pod(workload).get("volumes", ()):
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            found += source.get("secret", {}).get("items", ())
    return found


def _plain(secret: Document) -> str:
    """Its name without the hash, which those that are loaded anew have not."""
    name: str = secret["metadata"]["name"]
    return name if name == "nats-auth" else name.rpartition("-")[0]
